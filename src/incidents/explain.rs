//! How a severity was reached, step by step, in words: an incident and the policy in, a sentence and its steps out.

use super::{
    Incident, Severity, Suspect,
    digest::is_digest,
    in_words,
    rating::ratings,
    severity::{Column, Policy, Row},
};
use crate::clock::Now;

/// How a severity was reached. Nothing in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// `SEV-1 (posted at once) because P0 service: nothing ready for over 1 min`.
    pub sentence: String,
    /// The steps, in the order in which they were taken.
    pub steps: Vec<String>,
}

/// Explains the severity of an incident as it is at `now`.
pub fn explain(incident: &Incident, policy: &Policy, now: Now<'_>) -> Explained {
    let ratings = ratings(incident, policy, now.at);
    let mut steps = vec![who(incident)];
    steps.extend(hit(incident, now));
    let table = &ratings.table;
    if is_digest(&incident.owner) {
        steps.push(format!(
            "It tells of {} incidents and is as bad as the worst of them, but no SEV-1",
            incident.members.len()
        ));
    } else {
        steps.push(format!(
            "Table: {} ({}), column {}: {}",
            table.row.key().trim_start_matches("severity."),
            table.row.what().trim().trim_end_matches('.'),
            table.column.name(),
            table.severity
        ));
    }
    let others: Vec<String> = [Column::P0, Column::P1, Column::P2, Column::P3, Column::Unlisted]
        .into_iter()
        .filter(|column| *column != table.column && policy.cell(table.row, *column) != table.severity)
        .map(|column| format!("{} {}", column.name(), policy.cell(table.row, column)))
        .collect();
    if !others.is_empty() && !is_digest(&incident.owner) {
        steps.push(format!("As another priority: {}", others.join(", ")));
    }
    if table.row != Row::KnownIssue {
        steps.extend(incident.stake.known_issues.iter().map(|issue| {
            let within = issue.within.or(incident.stake.max_downtime).map(|time| format!(" within {}", in_words(time)));
            format!("Known issue “{}”{}: not all that is wrong, or no longer", issue.text, within.unwrap_or_default())
        }));
    }
    for (before, after) in [(table, &ratings.with_hits), (&ratings.with_hits, &ratings.at_once)] {
        if before.severity != after.severity {
            steps.push(format!("Whom it hits: {} because {}", after.severity, after.why));
        }
    }
    if let Some(raise) = &incident.raise {
        let lifted = ratings.raised.severity != ratings.at_once.severity;
        let effect = if lifted { ratings.raised.severity.to_string() } else { "lifts no further".to_owned() };
        steps.push(format!("Raised because {}: {effect}", raise.why));
    }
    steps.extend(changed(incident));
    if incident.is_open() && incident.severity != ratings.raised.severity {
        let why = if incident.healthy_since.is_some() {
            "it is well, and keeps the severity it had"
        } else if incident.unseen_since.is_some() {
            "what cannot be seen cannot have become better"
        } else {
            "so it was when it was last judged"
        };
        steps.push(format!("Kept at {}: {why}", incident.severity));
    }
    if incident.peak < incident.severity {
        steps.push(format!("The worst since it opened was {}", incident.peak));
    }
    Explained { sentence: sentence(incident), steps }
}

/// What was changed before, and how sure it is that this explains it.
fn changed(incident: &Incident) -> Vec<String> {
    let suspects = incident.changed.iter().flat_map(|changed| &changed.suspects);
    let line = |it: &Suspect| {
        let (change, confidence, score) = (&it.change, it.confidence, it.score);
        format!("Changed before: {change}, {confidence} ({score} of 100): {}", it.reasons.join("; "))
    };
    let of_git = incident.changed.iter().flat_map(|changed| changed.sync_failed.iter().chain(&changed.notes));
    let since = incident.changed.iter().filter_map(|changed| changed.since.as_ref());
    let since = since.map(|it| {
        format!("Rolled out since: {}, {} after it began", it.change, in_words(it.at.duration_since(incident.since)))
    });
    suspects.map(line).chain(since).chain(of_git.cloned()).collect()
}

fn sentence(incident: &Incident) -> String {
    if !incident.is_open() {
        return format!("Resolved; it was {} at its worst", incident.peak);
    }
    let posted = match incident.severity {
        Severity::Sev1 | Severity::Sev2 => "posted at once",
        Severity::Sev3 => "told in business hours",
        Severity::Sev4 => "recorded only",
    };
    format!("{} ({posted}) because {}", incident.severity, incident.why)
}

/// Who it is and how much it matters, with who says so.
fn who(incident: &Incident) -> String {
    let stake = &incident.stake;
    let mut line = match (stake.priority, stake.source) {
        (Some(priority), Some(source)) => format!("{} is {priority} by {source}", incident.owner),
        (Some(priority), None) => format!("{} is {priority}", incident.owner),
        (None, _) => format!("{} is not listed: no priority is known", incident.owner),
    };
    if let Some(service) = &stake.service {
        line = format!("{line}; service {service}");
    }
    if let Some(role) = stake.role {
        line = format!("{line}; {role}");
    }
    if stake.data_layer {
        line.push_str("; data layer");
    }
    if let Some(most) = stake.max_downtime {
        line = format!("{line}; may be down for {}", in_words(most));
    }
    if !stake.needed_by.is_empty() {
        line = format!("{line}; needed by {} (P0)", stake.needed_by.join(", "));
    }
    line
}

/// Who is served.
fn hit(incident: &Incident, now: Now<'_>) -> Option<String> {
    let impact = &incident.impact;
    let mut parts = Vec::new();
    if let Some((ready, desired)) = impact.ready.zip(impact.desired) {
        parts.push(format!("{ready} of {desired} replicas ready"));
    }
    parts.extend(impact.services.iter().take(3).map(|service| {
        let name = format!("{}/{}", service.namespace, service.name);
        format!("Service {name} has {} of {} endpoints ready", service.ready_endpoints, service.endpoints)
    }));
    if let Some(outage) = incident.outage {
        let since = now.tell_exactly(outage.since);
        parts.push(match outage.ended {
            None => format!("nothing ready since {since}"),
            Some(ended) => format!("nothing was ready from {since} to {}", now.tell_exactly(ended)),
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::{
        alerts::testing::{at, finding, impact, incident, owner},
        findings::ConditionClass,
        incidents::{
            Beside, Outage, Priority, Stake,
            severity::{Raise, RaisedBy},
        },
        services::{KnownIssue, Source},
    };

    fn told(incident: &Incident) -> String {
        let Explained { sentence, steps } = explain(incident, &Policy::default(), Now::utc(at(30)));
        format!("{sentence}\n- {}", steps.join("\n- "))
    }

    #[test]
    fn every_step_of_a_severity_is_told() {
        let stake = Stake {
            source: Some(Source::Catalogue),
            service: Some("backend".into()),
            needed_by: vec!["frontend".into()],
            max_downtime: Some(SignedDuration::from_mins(10)),
            known_issues: vec![KnownIssue {
                text: "slow start".into(),
                checks: vec!["not-ready".into()],
                within: Some(SignedDuration::from_mins(6)),
            }],
            ..Stake::of(Some(Priority::P1))
        };
        let down = Incident {
            stake: Arc::new(stake),
            impact: impact(0, 2),
            outage: Some(Outage { since: at(5), ended: None }),
            why: "P1 service, needed by frontend (P0): nothing ready for over 1 min".into(),
            raise: Some(Raise {
                by: RaisedBy::Recurrence,
                why: "it keeps coming back (reopened 3 times)".into(),
                at: at(6),
            }),
            ..incident(Severity::Sev1)
        };
        insta::assert_snapshot!(told(&down), @"
        SEV-1 (posted at once) because P1 service, needed by frontend (P0): nothing ready for over 1 min
        - Deployment shop/api is P1 by the catalogue of services; service backend; may be down for 10 min; needed by frontend (P0)
        - 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready, nothing ready since 2026-11-24 14:05:00 UTC
        - Table: unserved_too_long (Nothing is ready for longer than it may be down, or nothing is ready and a P0 service needs it), column P1: SEV-2
        - As another priority: P0 SEV-1, P2 SEV-3, P3 SEV-4
        - Known issue “slow start” within 6 min: not all that is wrong, or no longer
        - Raised because it keeps coming back (reopened 3 times): SEV-1
        ");
    }

    #[test]
    fn what_is_hit_at_once_and_what_is_only_kept_are_told_apart() {
        let other = Beside { owner: owner("Deployment", "shop", "web"), service: None, from: at(2) };
        let two = Incident {
            beside: vec![other],
            why: "2 P0 services are hit at once: this one, shop/web".into(),
            ..incident(Severity::Sev1)
        };
        insta::assert_snapshot!(told(&two), @"
        SEV-1 (posted at once) because 2 P0 services are hit at once: this one, shop/web
        - Deployment shop/api is P0
        - 1 of 2 replicas ready, Service shop/api has 1 of 2 endpoints ready
        - Table: degraded (Something is wrong, and it serves; or nothing is ready, but not for long yet), column P0: SEV-2
        - As another priority: P1 SEV-3, P2 SEV-4, P3 SEV-4, unlisted SEV-3
        - Whom it hits: SEV-1 because 2 P0 services are hit at once: this one, shop/web
        ");
        let unseen = Incident { unseen_since: Some(at(9)), ..incident(Severity::Sev1) };
        insta::assert_snapshot!(told(&unseen), @"
        SEV-1 (posted at once) because P0 service: degraded, but serving
        - Deployment shop/api is P0
        - 1 of 2 replicas ready, Service shop/api has 1 of 2 endpoints ready
        - Table: degraded (Something is wrong, and it serves; or nothing is ready, but not for long yet), column P0: SEV-2
        - As another priority: P1 SEV-3, P2 SEV-4, P3 SEV-4, unlisted SEV-3
        - Kept at SEV-1: what cannot be seen cannot have become better
        ");
        let mut node = finding(ConditionClass::NodeDown, "it is down");
        node.impact = crate::findings::Impact::default();
        let node = Incident {
            owner: owner("Node", "", "n1"),
            stake: Arc::default(),
            impact: node.impact.clone(),
            findings: [(node.class, node.into())].into(),
            why: "a worker node is down".into(),
            ..incident(Severity::Sev2)
        };
        insta::assert_snapshot!(told(&node), @"
        SEV-2 (posted at once) because a worker node is down
        - Node n1 is not listed: no priority is known
        - Table: worker_node_down (A worker node is down), column unlisted: SEV-2
        ");
    }
}
