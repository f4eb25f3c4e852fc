//! How bad: a table from serving impact and priority to `SEV-1` .. `SEV-4`, with the reason in words.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use crate::services::{Priority, Role};
use crate::{
    findings::{ConditionClass, Impact},
    incidents::in_words,
};

/// How bad an incident is. `Sev1` is the worst and sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum Severity {
    #[serde(rename = "SEV-1")]
    Sev1,
    #[serde(rename = "SEV-2")]
    Sev2,
    #[serde(rename = "SEV-3")]
    Sev3,
    #[serde(rename = "SEV-4")]
    Sev4,
}

impl Severity {
    /// Whether people are told at once; the others are only recorded.
    pub fn is_said(self) -> bool {
        self <= Self::Sev2
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sev1 => "SEV-1",
            Self::Sev2 => "SEV-2",
            Self::Sev3 => "SEV-3",
            Self::Sev4 => "SEV-4",
        })
    }
}

/// So long must nothing be ready before it counts as unserved; and so long must something be ready again before it does not.
pub const UNSERVED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// The downtime a P1 service may have before it is SEV-2.
pub const P1_DOWNTIME: SignedDuration = SignedDuration::from_mins(5);

/// A time in which nothing was ready. A crash-looping container is ready for some seconds at each start, so an outage goes on
/// until something was ready for [`UNSERVED_AFTER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outage {
    /// Since when nothing is ready.
    pub since: Timestamp,
    /// Since when something is ready again, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl Outage {
    /// The outage after a look: `unserved` says whether nothing is ready now, `first` since when if that is new.
    pub(super) fn after(before: Option<Self>, unserved: bool, first: Timestamp, now: Timestamp) -> Option<Self> {
        let going_on = before.filter(|outage| outage.goes_on(now));
        if unserved {
            Some(Self { since: going_on.map_or(first, |o| o.since), ended: None })
        } else {
            going_on.map(|o| Self { since: o.since, ended: Some(o.ended.unwrap_or(now)) })
        }
    }

    fn goes_on(self, now: Timestamp) -> bool {
        self.ended.is_none_or(|ended| now.duration_since(ended) < UNSERVED_AFTER)
    }
}

/// What the table reads of an incident.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Which sorts of trouble.
    pub classes: &'a [ConditionClass],
    /// Who is hit.
    pub impact: &'a Impact,
    /// When nothing was ready.
    pub outage: Option<Outage>,
    /// How much it matters; None is `Unlisted`.
    pub priority: Option<Priority>,
    /// What it is for the cluster.
    pub role: Option<Role>,
}

/// How bad it is at `now`, and why, in words.
pub fn assess(facts: &Facts<'_>, now: Timestamp) -> (Severity, String) {
    use Severity::{Sev1, Sev2, Sev3, Sev4};
    let has = |class| facts.classes.contains(&class);
    if has(ConditionClass::Blind) {
        return (Sev1, "nothing is known of the cluster".to_owned());
    }
    if has(ConditionClass::PartlyBlind) {
        return (Sev2, "a part of the cluster is unknown".to_owned());
    }
    if has(ConditionClass::NodeDown) {
        return match facts.role {
            Some(Role::OnlyNode) => (Sev1, "the only node is down".to_owned()),
            Some(Role::ControlPlaneNode) => (Sev1, "a control-plane node is down".to_owned()),
            _ => (Sev2, "a worker node is down".to_owned()),
        };
    }
    if has(ConditionClass::RegistryDown) {
        return (Sev3, "several workloads cannot pull their images".to_owned());
    }
    let who = who(facts);
    // P3 first: nothing of it is ever posted, whatever is wrong with it.
    if facts.priority == Some(Priority::P3) {
        return (Sev4, format!("{who}: recorded only"));
    }
    if facts.classes.iter().all(|c| *c == ConditionClass::JobFailed) && has(ConditionClass::JobFailed) {
        let severity = if facts.priority <= Some(Priority::P1) && facts.priority.is_some() { Sev2 } else { Sev3 };
        return (severity, format!("{who}: a Job failed"));
    }
    let down = facts.outage.filter(|o| o.goes_on(now)).map(|o| now.duration_since(o.since));
    if let Some(down) = down.filter(|down| *down >= UNSERVED_AFTER) {
        let essential = matches!(facts.role, Some(Role::ClusterDns | Role::IngressController));
        // The words name the threshold that decided, not the time gone: they are shown, and must not change by the minute.
        let decided_late = facts.priority == Some(Priority::P1) && !essential && down >= P1_DOWNTIME;
        let past = if decided_late { P1_DOWNTIME } else { UNSERVED_AFTER };
        let severity = match facts.priority {
            _ if essential => Sev1,
            Some(Priority::P0) => Sev1,
            Some(Priority::P1) if down >= P1_DOWNTIME => Sev2,
            Some(Priority::P1 | Priority::P2 | Priority::P3) => Sev3,
            None => Sev2,
        };
        return (severity, format!("{who}: nothing ready for over {}", in_words(past)));
    }
    let trouble = if facts.impact.is_unserved() {
        "nothing ready, for less than a minute"
    } else if has(ConditionClass::RolloutStuck) {
        "the rollout is stuck, the old pods serve"
    } else {
        "degraded, but serving"
    };
    let severity = match facts.priority {
        Some(Priority::P0) => Sev2,
        Some(Priority::P1) if has(ConditionClass::RolloutStuck) && !facts.impact.is_unserved() => Sev2,
        Some(Priority::P1) | None => Sev3,
        Some(Priority::P2 | Priority::P3) => Sev4,
    };
    (severity, format!("{who}: {trouble}"))
}

/// The instants at which the table's answer may change by time alone.
pub(super) fn thresholds(facts: &Facts<'_>) -> impl Iterator<Item = Timestamp> + use<> {
    let later = |at: Timestamp, by| at.checked_add(by).unwrap_or(Timestamp::MAX);
    let outage = facts.outage;
    let unserved = outage.map(|o| later(o.since, UNSERVED_AFTER));
    let too_long = outage.filter(|_| facts.priority == Some(Priority::P1)).map(|o| later(o.since, P1_DOWNTIME));
    let over = outage.and_then(|o| o.ended).map(|ended| later(ended, UNSERVED_AFTER));
    [unserved, too_long, over].into_iter().flatten()
}

fn who(facts: &Facts<'_>) -> String {
    match (facts.role, facts.priority) {
        (Some(role), _) => role.to_string(),
        (None, Some(priority)) => format!("{priority} service"),
        (None, None) => "unlisted workload".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const P0: Option<Priority> = Some(Priority::P0);
    const P1: Option<Priority> = Some(Priority::P1);
    const P2: Option<Priority> = Some(Priority::P2);
    const P3: Option<Priority> = Some(Priority::P3);
    const UNLISTED: Option<Priority> = None;
    use ConditionClass::{Blind, Crash, JobFailed, NodeDown, PartlyBlind, RolloutStuck};
    use Severity::{Sev1, Sev2, Sev3, Sev4};

    #[rstest]
    #[case::p0_unserved(Crash, 0, 60, P0, Sev1, "P0 service: nothing ready for over 1 min")]
    #[case::p0_not_yet_unserved(Crash, 0, 59, P0, Sev2, "P0 service: nothing ready, for less than a minute")]
    #[case::p0_degraded(Crash, 1, 600, P0, Sev2, "P0 service: degraded, but serving")]
    #[case::p0_bad_rollout(RolloutStuck, 2, 600, P0, Sev2, "P0 service: the rollout is stuck, the old pods serve")]
    #[case::p1_unserved_long(Crash, 0, 300, P1, Sev2, "P1 service: nothing ready for over 5 min")]
    #[case::p1_unserved(Crash, 0, 299, P1, Sev3, "P1 service: nothing ready for over 1 min")]
    #[case::p1_degraded(Crash, 1, 600, P1, Sev3, "P1 service: degraded, but serving")]
    #[case::p1_bad_rollout(RolloutStuck, 2, 600, P1, Sev2, "P1 service: the rollout is stuck, the old pods serve")]
    #[case::p2_unserved(Crash, 0, 600, P2, Sev3, "P2 service: nothing ready for over 1 min")]
    #[case::p2_degraded(Crash, 1, 600, P2, Sev4, "P2 service: degraded, but serving")]
    #[case::p3_unserved(Crash, 0, 600, P3, Sev4, "P3 service: recorded only")]
    #[case::unlisted_unserved(Crash, 0, 60, UNLISTED, Sev2, "unlisted workload: nothing ready for over 1 min")]
    #[case::unlisted_new(Crash, 0, 10, UNLISTED, Sev3, "unlisted workload: nothing ready, for less than a minute")]
    #[case::unlisted_degraded(Crash, 1, 600, UNLISTED, Sev3, "unlisted workload: degraded, but serving")]
    #[case::unlisted_bad_rollout(
        RolloutStuck,
        2,
        9,
        UNLISTED,
        Sev3,
        "unlisted workload: the rollout is stuck, the old pods serve"
    )]
    #[case::p0_job(JobFailed, 0, 600, P0, Sev2, "P0 service: a Job failed")]
    #[case::p1_job(JobFailed, 0, 600, P1, Sev2, "P1 service: a Job failed")]
    #[case::p2_job(JobFailed, 0, 600, P2, Sev3, "P2 service: a Job failed")]
    #[case::p3_job(JobFailed, 0, 600, P3, Sev4, "P3 service: recorded only")]
    #[case::unlisted_job(JobFailed, 0, 600, UNLISTED, Sev3, "unlisted workload: a Job failed")]
    fn the_table_of_workloads(
        #[case] class: ConditionClass,
        #[case] ready: i32,
        #[case] seconds: i64,
        #[case] priority: Option<Priority>,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let impact = Impact { ready: Some(ready), desired: Some(2), ..Impact::default() };
        let outage = (ready == 0).then(|| Outage { since: now - SignedDuration::from_secs(seconds), ended: None });
        let facts = Facts { classes: &[class], impact: &impact, outage, priority, role: None };
        assert_eq!(assess(&facts, now), (severity, why.to_owned()));
    }

    #[rstest]
    #[case::dns_down(Crash, 0, Role::ClusterDns, P2, Sev1, "cluster DNS: nothing ready for over 1 min")]
    #[case::ingress_down(
        Crash,
        0,
        Role::IngressController,
        UNLISTED,
        Sev1,
        "ingress controller: nothing ready for over 1 min"
    )]
    #[case::dns_degraded(Crash, 1, Role::ClusterDns, P0, Sev2, "cluster DNS: degraded, but serving")]
    #[case::metrics_down(Crash, 0, Role::Metrics, P2, Sev3, "metrics: nothing ready for over 1 min")]
    #[case::worker(NodeDown, 1, Role::WorkerNode, UNLISTED, Sev2, "a worker node is down")]
    #[case::control_plane(NodeDown, 1, Role::ControlPlaneNode, UNLISTED, Sev1, "a control-plane node is down")]
    #[case::only_node(NodeDown, 1, Role::OnlyNode, P3, Sev1, "the only node is down")]
    fn the_table_of_roles(
        #[case] class: ConditionClass,
        #[case] ready: i32,
        #[case] role: Role,
        #[case] priority: Option<Priority>,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let impact = Impact { ready: Some(ready), desired: Some(2), ..Impact::default() };
        let outage = (ready == 0).then(|| Outage { since: now - SignedDuration::from_mins(9), ended: None });
        let facts = Facts { classes: &[class], impact: &impact, outage, priority, role: Some(role) };
        assert_eq!(assess(&facts, now), (severity, why.to_owned()));
    }

    #[rstest]
    #[case::of_everything(Blind, Sev1, "nothing is known of the cluster")]
    #[case::of_a_kind(PartlyBlind, Sev2, "a part of the cluster is unknown")]
    fn a_bot_that_cannot_see_says_so_at_once(
        #[case] class: ConditionClass,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let facts =
            Facts { classes: &[class], impact: &Impact::default(), outage: None, priority: UNLISTED, role: None };
        assert_eq!(assess(&facts, now), (severity, why.to_owned()));
    }
}
