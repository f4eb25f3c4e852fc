//! What is wrong and what is at stake in; the row and column of the table, the severity and the reason in words out.

use jiff::{SignedDuration, Timestamp};

use super::{
    Column, Outage, Policy, Priority, Role, Row, Severity, Stake, UNSERVED_AFTER, UNSERVED_WHILE_MOVING_AFTER,
};
use crate::{
    findings::{ConditionClass, Impact, Level, Moving},
    incidents::{in_words, later},
    services::KnownIssue,
};

/// What the table reads of an incident.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Which sorts of trouble.
    pub classes: &'a [ConditionClass],
    /// The checks that found it, without what follows from the others.
    pub checks: &'a [&'a str],
    /// Since when something is wrong.
    pub since: Timestamp,
    /// The loudest of what was found, by itself.
    pub loudest: Level,
    /// Who is hit.
    pub impact: &'a Impact,
    /// When nothing was ready.
    pub outage: Option<Outage>,
    /// How much it matters, what it is, what is known of it.
    pub stake: &'a Stake,
    /// Whether a P0 service that needs it is hit.
    pub hits_p0: bool,
}

/// How bad something is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// How bad.
    pub severity: Severity,
    /// The row of the table.
    pub row: Row,
    /// The column of the table.
    pub column: Column,
    /// The reason in words; they change only when what decided does.
    pub why: String,
}

/// How bad it is at `now`, and why, in words.
pub fn assess(facts: &Facts<'_>, policy: &Policy, now: Timestamp) -> Rating {
    let column = column(facts.stake);
    let (row, why) = find(facts, policy, now);
    Rating { severity: policy.cell(row, column), row, column, why }
}

/// The row and the reason.
fn find(facts: &Facts<'_>, policy: &Policy, now: Timestamp) -> (Row, String) {
    let has = |class| facts.classes.contains(&class);
    if has(ConditionClass::Blind) {
        return (Row::Blind, "nothing is known of the cluster".to_owned());
    }
    if has(ConditionClass::PartlyBlind) {
        return (Row::PartlyBlind, "a part of the cluster is unknown".to_owned());
    }
    if has(ConditionClass::NodeDown) {
        let (row, why) = match facts.stake.role {
            Some(Role::OnlyNode) => (Row::OnlyNodeDown, "the only node is down"),
            Some(Role::ControlPlaneNode) => (Row::ControlPlaneNodeDown, "a control-plane node is down"),
            _ => (Row::WorkerNodeDown, "a worker node is down"),
        };
        return (row, why.to_owned());
    }
    if has(ConditionClass::RegistryDown) {
        return (Row::RegistryDown, "several workloads cannot pull their images".to_owned());
    }
    let who = who(facts.stake);
    let (row, what) = match known_issue(facts).filter(|(_, until)| now < *until) {
        Some((issue, until)) => {
            let within = in_words(until.duration_since(facts.since));
            (Row::KnownIssue, format!("known issue “{}”, within {within}", issue.text))
        }
        None => match apart(facts, policy) {
            Some((row, what)) if is_only_an_object(facts) => return (row, what.to_owned()),
            Some((row, what)) => (row, what.to_owned()),
            None => unserved(facts, policy, now).unwrap_or_else(|| serving(facts)),
        },
    };
    // Nothing of it is posted, whatever is wrong with it: the words say that once.
    if facts.stake.priority == Some(Priority::P3) && policy.cell(row, Column::P3) == Severity::Sev4 {
        return (row, format!("{who}: recorded only"));
    }
    (row, format!("{who}: {what}"))
}

/// The column: what a P0 service needs counts as P1 at least, unless somebody wrote that it may wait.
fn column(stake: &Stake) -> Column {
    match stake.priority {
        Some(Priority::P2) | None if !stake.needed_by.is_empty() => Column::P1,
        priority => Column::of(priority),
    }
}

/// What nobody is served by, for as long as it counts.
fn unserved(facts: &Facts<'_>, policy: &Policy, now: Timestamp) -> Option<(Row, String)> {
    let down = facts.outage.filter(|outage| outage.goes_on(now)).map(|outage| now.duration_since(outage.since))?;
    let counts_after = counts_after(facts);
    if down < counts_after {
        return None;
    }
    let what = if facts.impact.quorum_lost { "less than half ready" } else { "nothing ready" };
    let for_over = |past| format!("{what} for over {}", in_words(past));
    match facts.stake.role {
        Some(Role::ClusterDns | Role::IngressController | Role::OnlyControlPlane) => {
            return Some((Row::EssentialUnserved, for_over(counts_after)));
        }
        Some(Role::ControlPlane) => return Some((Row::ControlPlane, for_over(counts_after))),
        _ => {}
    }
    if matches!(facts.impact.moving, Some(Moving::FirstRollout { until }) if now < until) {
        return Some((Row::FirstRollout, format!("{what} yet since it was created")));
    }
    // The words name the threshold that decided, not the time gone: they are shown, and must not change by the minute.
    let is_worse = is_worse_for_long(facts.stake, policy);
    if is_worse && is_needed_at_once(facts.stake) {
        return Some((Row::UnservedTooLong, for_over(counts_after)));
    }
    let longest = facts.stake.max_downtime.unwrap_or(policy.max_downtime).max(counts_after);
    if is_worse && down >= longest {
        return Some((Row::UnservedTooLong, for_over(longest)));
    }
    Some((Row::Unserved, for_over(counts_after)))
}

/// What serves, or has not been unserved for long.
fn serving(facts: &Facts<'_>) -> (Row, String) {
    let has = |class| facts.classes.contains(&class);
    let is_only = |of: fn(&ConditionClass) -> bool| !facts.classes.is_empty() && facts.classes.iter().all(of);
    let unserved = facts.impact.is_unserved();
    let of_control_plane = matches!(facts.stake.role, Some(Role::ControlPlane | Role::OnlyControlPlane));
    let (row, what) = if has(ConditionClass::VolumeFull) && !unserved {
        (Row::VolumeFull, "a volume is full or about to be")
    } else if is_only(|class| matches!(class, ConditionClass::NearLimit | ConditionClass::VolumeNearLimit)) {
        (Row::NearLimit, "about to reach a limit, but serving")
    } else if facts.impact.quorum_lost {
        (Row::Degraded, "less than half ready, for less than a minute")
    } else if unserved && matches!(facts.impact.moving, Some(Moving::Rollout | Moving::FirstRollout { .. })) {
        (Row::Degraded, "nothing ready, while it is rolled out")
    } else if unserved && matches!(facts.impact.moving, Some(Moving::Drain { .. })) {
        (Row::Degraded, "nothing ready, while a node is drained")
    } else if unserved {
        (Row::Degraded, "nothing ready, for less than a minute")
    } else if is_only(|class| *class == ConditionClass::NoEndpoints) {
        (Row::NoEndpoints, "a Service has no endpoints")
    } else if has(ConditionClass::RolloutStuck) {
        (Row::BadRollout, "the rollout is stuck, the old pods serve")
    } else {
        (Row::Degraded, "degraded, but serving")
    };
    let row = if of_control_plane && row != Row::VolumeFull { Row::ControlPlane } else { row };
    (row, what.to_owned())
}

/// What is judged apart from who is served: what is no workload, work that was not done, nodes under pressure, what does not go
/// away. None if there is trouble of another sort as well.
fn apart(facts: &Facts<'_>, policy: &Policy) -> Option<(Row, &'static str)> {
    let of = |class: &ConditionClass| match class {
        ConditionClass::WebhookDown => Some((Row::WebhookDown, "the API server refuses writes")),
        ConditionClass::ApiServiceDown => Some((Row::ApiDown, "an API of the cluster is not served")),
        ConditionClass::MetricsApiDown => Some((Row::MetricsDown, "nothing is measured, and everything serves")),
        ConditionClass::CertificateExpired => Some((Row::CertificateExpired, "a certificate has expired")),
        ConditionClass::CertificateExpires => Some((Row::CertificateExpires, "a certificate expires within a day")),
        ConditionClass::CertificateNotReady => Some((Row::CertificateNotRenewed, "a certificate is not renewed")),
        ConditionClass::IngressBroken => Some((Row::IngressBroken, "an Ingress leads nowhere")),
        ConditionClass::ScalingBroken => Some((Row::ScalingBroken, "nothing is scaled, and everything serves")),
        ConditionClass::VolumeFailed => Some((Row::VolumeFailed, "a volume that nobody uses has failed")),
        ConditionClass::JobFailed => Some((Row::JobFailed, "a Job failed")),
        ConditionClass::CronStopped => Some((Row::CronStopped, "it does not run when it is due")),
        ConditionClass::StuckTerminating => Some((Row::StuckTerminating, "it is being deleted and does not go")),
        ConditionClass::NodePressure => Some(match facts.stake.role {
            Some(Role::OnlyNode | Role::ControlPlaneNode) => {
                (Row::EssentialNodeShort, "short of what everything needs")
            }
            _ if facts.loudest <= Level::High => (Row::NodeShortAndHit, "short of something, and its pods are hit"),
            _ => (Row::NodeShort, "short of something, its pods run"),
        }),
        ConditionClass::Blind
        | ConditionClass::PartlyBlind
        | ConditionClass::NodeDown
        | ConditionClass::OutOfMemory
        | ConditionClass::CannotCreateContainer
        | ConditionClass::ImagePull
        | ConditionClass::Volume
        | ConditionClass::Unschedulable
        | ConditionClass::Refused
        | ConditionClass::Crash
        | ConditionClass::Evicted
        | ConditionClass::NoEndpoints
        | ConditionClass::KubeletRefused
        | ConditionClass::Many
        | ConditionClass::RegistryDown
        | ConditionClass::NotReady
        | ConditionClass::RolloutStuck
        | ConditionClass::VolumeFull
        | ConditionClass::NearLimit
        | ConditionClass::VolumeNearLimit
        | ConditionClass::ReplicasMissing => None,
    };
    let all: Option<Vec<_>> = facts.classes.iter().map(of).collect();
    let column = column(facts.stake);
    all?.into_iter().min_by_key(|(row, _)| (policy.cell(*row, column), *row))
}

/// What is no workload and is not listed needs no name for what it is.
fn is_only_an_object(facts: &Facts<'_>) -> bool {
    let Stake { priority, role, .. } = facts.stake;
    priority.is_none() && role.is_none() && facts.classes.iter().all(|class| class.is_of_what_serves())
}

/// How long nothing must be ready before that counts. Data that others cannot do without is missed at once, whoever moves it.
fn counts_after(facts: &Facts<'_>) -> SignedDuration {
    match facts.impact.moving {
        Some(_) if !facts.stake.data_layer => {
            facts.stake.max_downtime.map_or(UNSERVED_WHILE_MOVING_AFTER, |most| most.max(UNSERVED_WHILE_MOVING_AFTER))
        }
        _ => UNSERVED_AFTER,
    }
}

/// Whether it makes a difference how long it is down.
fn is_worse_for_long(stake: &Stake, policy: &Policy) -> bool {
    let column = column(stake);
    policy.cell(Row::UnservedTooLong, column) != policy.cell(Row::Unserved, column)
}

/// Whether its being down is at once as bad as being down for too long: a P0 service needs it.
fn is_needed_at_once(stake: &Stake) -> bool {
    column(stake) == Column::P1 && !stake.needed_by.is_empty()
}

/// The known issue of the catalogue that explains everything that is wrong, and until when it may.
fn known_issue<'a>(facts: &Facts<'a>) -> Option<(&'a KnownIssue, Timestamp)> {
    if facts.hits_p0 || facts.checks.is_empty() {
        return None;
    }
    let sees = |issue: &&KnownIssue| facts.checks.iter().all(|check| issue.checks.iter().any(|it| it == check));
    // Of several that explain it the most patient counts.
    let bounded = facts.stake.known_issues.iter().filter(sees).filter_map(|issue| {
        let within = issue.within.or(facts.stake.max_downtime)?;
        Some((issue, later(facts.since, within)))
    });
    let (issue, until) = bounded.max_by_key(|(_, until)| *until)?;
    let down = facts.outage.zip(facts.stake.max_downtime).map(|(outage, longest)| later(outage.since, longest));
    Some((issue, down.map_or(until, |down| until.min(down))))
}

/// The instants at which the table's answer may change by time alone.
pub(in crate::incidents) fn thresholds(facts: &Facts<'_>, policy: &Policy) -> impl Iterator<Item = Timestamp> + use<> {
    let outage = facts.outage;
    let after = counts_after(facts);
    let unserved = outage.map(|o| later(o.since, after));
    let longest = facts.stake.max_downtime.unwrap_or(policy.max_downtime).max(after);
    let too_long = outage.filter(|_| is_worse_for_long(facts.stake, policy)).map(|o| later(o.since, longest));
    let over = outage.and_then(|o| o.ended).map(|ended| later(ended, UNSERVED_AFTER));
    let moved = match facts.impact.moving {
        Some(Moving::FirstRollout { until } | Moving::Drain { until }) => Some(until),
        Some(Moving::Rollout) | None => None,
    };
    let known = known_issue(facts).map(|(_, until)| until);
    [unserved, too_long, over, moved, known].into_iter().flatten()
}

fn who(stake: &Stake) -> String {
    let it = match (stake.role, stake.priority) {
        (Some(role), _) => role.to_string(),
        (None, Some(priority)) => format!("{priority} service"),
        (None, None) => "unlisted workload".to_owned(),
    };
    match stake.needed_by.first().filter(|_| column(stake) == Column::P1) {
        Some(needs) if stake.needed_by.len() == 1 => format!("{it}, needed by {needs} (P0)"),
        Some(needs) => format!("{it}, needed by {needs} (P0) and {} more", stake.needed_by.len() - 1),
        None => it,
    }
}
