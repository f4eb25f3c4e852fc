//! A reason to go up one level beyond the table, and how far it may lift.

use jiff::Timestamp;

use super::{Facts, Priority, Rating, Row, Severity};

/// Who found the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RaisedBy {
    /// It comes back again and again.
    Recurrence,
    /// A change explains it for sure.
    Change,
}

/// A reason to go up one level. There is at most one for an incident.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Raise {
    pub by: RaisedBy,
    /// In words, behind "because".
    pub why: String,
    pub at: Timestamp,
}

/// The rating with the raise, as far as it may lift: not what may wait or is a known issue, nothing to SEV-1 that still serves, and
/// no rollout whose old pods serve beyond SEV-2.
pub(in crate::incidents) fn raised(rating: Rating, raise: Option<&Raise>, facts: &Facts<'_>, now: Timestamp) -> Rating {
    let Some(raise) = raise else { return rating };
    let may_wait = facts.stake.priority == Some(Priority::P3) || rating.row == Row::KnownIssue;
    let is_unserved = facts.outage.is_some_and(|outage| outage.goes_on(now));
    let old_pods_serve = facts.impact.only_old_pods_serve || rating.row == Row::BadRollout;
    let severity = rating.severity.up();
    if may_wait || severity == rating.severity || (severity == Severity::Sev1 && (!is_unserved || old_pods_serve)) {
        return rating;
    }
    let why = format!("{}; {} otherwise, raised because {}", rating.why, rating.severity, raise.why);
    Rating { severity, why, ..rating }
}
