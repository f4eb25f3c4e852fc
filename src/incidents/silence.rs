//! What somebody wants to hear nothing of for a time, and why; which incidents that is.

use std::fmt;

use jiff::Timestamp;

use super::{Incident, IncidentId};
use crate::cluster::Kind;

/// What is silenced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silenced {
    /// One incident.
    Incident(IncidentId),
    /// A service of the catalogue.
    Service(String),
    /// A workload.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Everything in a namespace.
    Namespace(String),
    /// Everything that only this check sees.
    Check(String),
}

impl fmt::Display for Silenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(id) => write!(f, "{id}"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::Workload { namespace, name } => write!(f, "workload {namespace}/{name}"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
            Self::Check(name) => write!(f, "check {name}"),
        }
    }
}

/// A silence: until when, by whom, why. It ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Silence {
    /// Its number, as people say it.
    pub id: i64,
    pub of: Silenced,
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    pub at: Timestamp,
    pub until: Timestamp,
}

impl Silence {
    /// Whether an incident is meant, and the time is not over.
    pub fn covers(&self, incident: &Incident, now: Timestamp) -> bool {
        self.until > now
            && match &self.of {
                Silenced::Incident(id) => incident.id == *id,
                Silenced::Service(name) => incident.stake.service.as_ref() == Some(name),
                Silenced::Workload { namespace, name } => {
                    *incident.owner.namespace == **namespace && *incident.owner.name == **name
                }
                Silenced::Namespace(name) => {
                    let is_itself = incident.owner.watched_kind() == Some(Kind::Namespace);
                    let namespace = if is_itself { &incident.owner.name } else { &incident.owner.namespace };
                    **namespace == **name
                }
                Silenced::Check(name) => {
                    !incident.findings.is_empty() && incident.findings.values().all(|finding| finding.check == **name)
                }
            }
    }
}

/// The silence of an incident that lasts longest, if there is one.
pub fn silence_of<'a>(all: &'a [Silence], incident: &Incident, now: Timestamp) -> Option<&'a Silence> {
    all.iter().filter(|silence| silence.covers(incident, now)).max_by_key(|silence| (silence.until, silence.id))
}
