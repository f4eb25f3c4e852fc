//! Which findings are one problem, since when, how bad: one open incident per cluster and top owner.

pub mod causes;
mod changed;
pub mod digest;
pub mod escalation;
mod explain;
mod from_findings;
mod hits;
mod hours;
mod rating;
pub mod severity;
mod shared;
mod silence;
mod telling;
pub mod trends;

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub use crate::clock::in_words;
pub(crate) use crate::clock::later;
pub use changed::{
    CHANGES_WITHIN, ChangeSource, Changed, CommitOf, Confidence, DeploymentOf, ImageCommits, JUST_BEFORE, Link,
    RolledOutSince, Suspect,
};
pub use digest::{Digest, Member, MemberState};
pub use explain::{Explained, explain};
pub use from_findings::{JOB_IS_TOLD_FOR, REOPENS_WITHIN, SETTLED_HOLD, Standing, Step, due, step};
pub use hits::{Beside, Hit, Hits, MOST_BESIDE};
pub use hours::{BusinessHours, Hours};
pub use severity::{Outage, Policy, Priority, Role, Severity, Stake};
pub use shared::{Other, Shared, outdated, share};
pub use silence::{Silence, Silenced, silence_of};
pub use telling::{Shown, Telling};
pub use trends::{Before, Beginning, Pattern};

use self::digest::is_digest;
use crate::{
    cluster::{ClusterId, ObjectRef},
    findings::{ConditionClass, Finding, Impact, LogLines, LogOf, redact},
};

/// Name of an incident as people say it: `INC-2026-11-24-001`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub String);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something is wrong (or was, and its hold time of health is not over).
    Open,
    /// Observed to be healthy, or no longer wanted.
    Resolved,
}

/// So long it is believed that something is over that somebody resolved by hand.
pub const DOUBTED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Who acknowledged, when, with what note.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Acknowledgement {
    pub by: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Why and when an incident was resolved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Resolution {
    pub at: Timestamp,
    pub reason: String,
    /// Who said so, if it was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// One problem of one top owner.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Incident {
    /// Its name; given by the store when it is first written.
    pub id: IncidentId,
    /// The cluster.
    pub cluster: ClusterId,
    /// The top owner: with the cluster its key while it is open.
    pub owner: ObjectRef,
    /// The incident of which this one was found to be a symptom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IncidentId>,
    /// The owner of that one; of a cause that is not told yet, if nobody has heard of this one either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symptom_of: Option<ObjectRef>,
    /// Whom it hits besides its owner: the symptoms that have no incidents of their own.
    #[serde(default, skip_serializing_if = "Hits::is_empty")]
    pub hits: Hits,
    /// Where it is in its life.
    pub status: Status,
    /// How bad now.
    pub severity: Severity,
    /// Why it is this bad, in words.
    #[serde(default)]
    pub why: String,
    /// The worst it has ever been: it has been said in the channels of this severity and of all below that are said.
    pub worst: Severity,
    /// The worst it has been since it last opened: what is above is news.
    pub peak: Severity,
    /// How much the owner matters, what it is, what is known of it.
    #[serde(default)]
    pub stake: Arc<Stake>,
    /// The other P0 services that are hit at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
    /// Why it is one level worse than the table says, as far as that may lift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<severity::Raise>,
    /// What was changed before it began, once that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Arc<Changed>>,
    /// What is wrong, by condition class; the first makes the headline.
    pub findings: BTreeMap<ConditionClass, Arc<Finding>>,
    /// The last lines of the log that may say why, once they were read. Evidence only: nothing is decided by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogLines>,
    /// Who is hit.
    pub impact: Impact,
    /// The time in which nothing is ready, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// Since when by the objects' own times.
    pub since: Timestamp,
    /// When the bot opened it.
    pub opened_at: Timestamp,
    /// When anything shown last changed.
    pub updated_at: Timestamp,
    /// Since when all its checks say healthy or not wanted; None while something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_since: Option<Timestamp>,
    /// Since when it cannot be judged (blind): it neither resolves nor loses findings then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<Timestamp>,
    /// Why it cannot be judged, once that lasts: what is over soon is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// How often it reopened.
    #[serde(default)]
    pub reopened: u32,
    /// What was before it, of the same owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// Who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// What was told of it and when, apart from its message.
    #[serde(default)]
    pub telling: Telling,
    /// Nobody is told of it until then, because somebody wants it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced: Option<Silence>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The incidents it tells of, if it is a digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Counts the writes; a writer that read an older one has lost.
    #[serde(default)]
    pub version: i64,
}

impl Incident {
    /// The finding that makes the headline: the strongest proved cause. None only if the incident was never wrong.
    pub fn headline(&self) -> Option<&Finding> {
        self.findings.values().next().map(AsRef::as_ref)
    }

    /// The log that may say why, and of which sort of trouble; of the strongest proved cause that has one.
    pub fn wants_log(&self) -> Option<(ConditionClass, &LogOf)> {
        self.findings.values().find_map(|finding| Some((finding.class, finding.log.as_ref()?)))
    }

    /// The incident with lines that were read of a log; None if it is over or has the same.
    pub fn with_log(&self, log: &LogLines, at: Timestamp) -> Option<Self> {
        let is_news = self.is_open() && self.log.as_ref() != Some(log);
        is_news.then(|| Self { log: Some(log.clone()), updated_at: at, ..self.clone() })
    }

    /// How long it has to be healthy before it is resolved; doubles with every reopening, 5 min to 60 min.
    pub fn hold(&self) -> SignedDuration {
        SignedDuration::from_mins((5 << self.reopened.min(4)).min(60))
    }

    /// The incident with an acknowledgement; None if it is over, or somebody was faster.
    pub fn acknowledge(&self, by: &str, note: &str, at: Timestamp) -> Option<Self> {
        (self.is_open() && self.acknowledged.is_none()).then(|| Self {
            acknowledged: Some(Acknowledgement { by: by.to_owned(), at, note: redact(note) }),
            telling: Telling { reminders: 0, acknowledged_as: Some(self.severity), ..self.telling.clone() },
            updated_at: at,
            ..self.clone()
        })
    }

    /// The incident without its acknowledgement; None if it is over or has none. People hear of it again from now on.
    pub fn unacknowledge(&self, at: Timestamp) -> Option<Self> {
        (self.is_open() && self.acknowledged.is_some()).then(|| Self {
            acknowledged: None,
            telling: self.telling.anew(at),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The incident as somebody says it is: over. It comes back if it is seen to be wrong after [`DOUBTED_AFTER`]. None if it is
    /// over, or a digest: what that tells of would be told nowhere.
    pub fn resolve(&self, by: &str, note: &str, at: Timestamp) -> Option<Self> {
        let note = redact(note);
        let reason = if note.is_empty() { "closed by hand".to_owned() } else { format!("closed by hand: {note}") };
        (self.is_open() && !is_digest(&self.owner)).then(|| Self {
            status: Status::Resolved,
            outage: None,
            silenced: None,
            resolution: Some(Resolution { at, reason, by: Some(by.to_owned()) }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Whether somebody said that it is over, so lately that nothing is held against that.
    pub fn is_believed_over(&self, now: Timestamp) -> bool {
        self.doubted_at().is_some_and(|at| now < at)
    }

    /// From when on it is held against somebody's word that something is still wrong; None if nobody said that it is over.
    pub fn doubted_at(&self) -> Option<Timestamp> {
        let end = self.resolution.as_ref().filter(|end| end.by.is_some() && !self.is_open())?;
        end.at.checked_add(DOUBTED_AFTER).ok()
    }

    /// Whether people would see the same. Evidence alone is no difference: it comes with the next edit, and a counter in it
    /// must not make one every few seconds.
    pub fn looks_like(&self, other: &Self) -> bool {
        let same_findings = self.findings.len() == other.findings.len()
            && self.findings.iter().zip(&other.findings).all(|((class, a), (other_class, b))| {
                class == other_class
                    && a.reason == b.reason
                    && a.message == b.message
                    && a.recommendation == b.recommendation
            });
        same_findings
            && self.status == other.status
            && self.severity == other.severity
            && self.why == other.why
            && self.stake.priority == other.stake.priority
            && self.impact == other.impact
            && self.log == other.log
            && self.changed == other.changed
            && self.healthy_since.is_some() == other.healthy_since.is_some()
            && self.frozen == other.frozen
            && self.reopened == other.reopened
            && self.acknowledged == other.acknowledged
            && self.silenced == other.silenced
            && self.resolution == other.resolution
            && self.parent == other.parent
            && self.hits.looks_like(&other.hits)
            && self.members == other.members
    }

    /// Whether what was changed just before it may explain it.
    pub fn follows_change(&self) -> bool {
        let first = self.changed.as_ref().and_then(|changed| changed.first());
        first.is_some_and(|it| it.confidence != Confidence::Low && self.since.duration_since(it.at) <= JUST_BEFORE)
    }

    /// How it began.
    pub fn beginning(&self) -> Beginning {
        Beginning { at: self.opened_at, after_change: self.follows_change() }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }
}
