//! What is at stake with an owner: how much it matters and who says so, what it is for the cluster, who needs it, what is known of it.

use std::fmt;

use jiff::SignedDuration;

use super::{KnownIssue, Priority, Role};

/// Who says how much a workload matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The lists of the configuration.
    Lists,
    /// Its own annotation.
    Annotation,
    /// The catalogue of services.
    Catalogue,
    /// The annotation of its namespace.
    Namespace,
    /// What is known of every cluster.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lists => "[priorities] of the configuration",
            Self::Annotation => "its annotation",
            Self::Catalogue => "the catalogue of services",
            Self::Namespace => "the annotation of its namespace",
            Self::BuiltIn => "what every cluster has",
        })
    }
}

/// What is at stake.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stake {
    /// How much it matters; None is `Unlisted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Who says that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What it is for the cluster as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its entry in the catalogue, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The P0 services that need it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<String>,
    /// How long it may serve nobody, if its entry says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downtime: Option<SignedDuration>,
    /// Whether it holds data that others cannot do without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub data_layer: bool,
    /// What is known to happen to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_issues: Vec<KnownIssue>,
    /// Who is responsible: the id of a user or of a group in Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl Stake {
    /// Of that priority, with nothing else to say.
    pub fn of(priority: Option<Priority>) -> Self {
        Self { priority, ..Self::default() }
    }

    /// The name by which people know the service: its entry in the catalogue.
    pub fn is_same_service(&self, other: &Self) -> bool {
        self.service.is_some() && self.service == other.service
    }
}
