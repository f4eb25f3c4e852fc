//! How an incident is rated: by the table, then by whom it hits, by what is hit at once, and by a reason to go up; and when that may change.

use jiff::Timestamp;

use super::{
    Incident, Policy,
    causes::FOLLOWS,
    digest::{self, is_digest},
    hits::{AtOnce, Beside},
    severity::{self, Column, Rating, Row},
};
use crate::findings::Level;

/// Does something with what the table reads of an incident.
fn with_facts<T>(incident: &Incident, work: impl FnOnce(&severity::Facts<'_>) -> T) -> T {
    let classes: Vec<_> = incident.findings.keys().copied().collect();
    let own = incident.findings.iter().filter(|(class, _)| !FOLLOWS.contains(class));
    let mut checks: Vec<&str> = own.map(|(_, finding)| &*finding.check).collect();
    if checks.is_empty() {
        checks.extend(incident.findings.values().map(|finding| &*finding.check));
    }
    work(&severity::Facts {
        classes: &classes,
        checks: &checks,
        since: incident.since,
        loudest: incident.findings.values().map(|f| f.severity).min().unwrap_or(Level::Info),
        impact: &incident.impact,
        outage: incident.outage,
        stake: &incident.stake,
        hits_p0: incident.hits.has_p0(),
    })
}

/// The P0 services that are hit when an incident's owner is.
fn at_once(incident: &Incident) -> AtOnce {
    let is_short = incident.impact.ready.zip(incident.impact.desired).is_some_and(|(ready, desired)| ready < desired);
    let is_hit = is_short || incident.impact.is_unserved();
    let own = is_hit.then(|| Beside::of(&incident.owner, &incident.stake, incident.since, incident.outage)).flatten();
    // What is hit beside something that matters less is not its doing.
    let beside = if own.is_some() || !incident.hits.is_empty() { incident.beside.as_slice() } else { &[] };
    AtOnce::of(own, &incident.hits, beside)
}

/// How an incident is rated: by the table, then by whom it hits, by what is hit at once, and by a reason to go up.
pub(super) struct Ratings {
    pub(super) table: Rating,
    pub(super) with_hits: Rating,
    pub(super) at_once: Rating,
    pub(super) raised: Rating,
}

pub(super) fn ratings(incident: &Incident, policy: &Policy, now: Timestamp) -> Ratings {
    with_facts(incident, |facts| {
        let table = if is_digest(&incident.owner) {
            let (severity, why) = digest::severity(&incident.members);
            // It is as bad as what it tells of, not by a row of its own.
            Rating { severity, row: Row::Degraded, column: Column::Unlisted, why }
        } else {
            severity::assess(facts, policy, now)
        };
        let with_hits = incident.hits.lift(table.clone(), policy, now);
        let is_known = with_hits.row == Row::KnownIssue;
        let at_once = if is_known { with_hits.clone() } else { at_once(incident).lift(with_hits.clone(), policy, now) };
        let raised = severity::raised(at_once.clone(), incident.raise.as_ref(), facts, now);
        Ratings { table, with_hits, at_once, raised }
    })
}

/// The instants at which that may change by time alone.
pub(super) fn thresholds(incident: &Incident, policy: &Policy) -> impl Iterator<Item = Timestamp> {
    let own = with_facts(incident, |facts| severity::thresholds(facts, policy));
    own.chain(incident.hits.thresholds(policy)).chain(at_once(incident).from())
}
