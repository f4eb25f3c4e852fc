//! How bad: a table from serving impact and priority to `SEV-1` .. `SEV-4`, with the reason in words.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use crate::services::{Priority, Role};
use crate::{
    findings::{ConditionClass, Impact, Level},
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

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sev1 => "SEV-1",
            Self::Sev2 => "SEV-2",
            Self::Sev3 => "SEV-3",
            Self::Sev4 => "SEV-4",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
    /// The loudest of what was found, by itself.
    pub loudest: Level,
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
    if let Some((severity, what)) = apart(facts, &who) {
        return (severity, what);
    }
    let down = facts.outage.filter(|o| o.goes_on(now)).map(|o| now.duration_since(o.since));
    if let Some(down) = down.filter(|down| *down >= UNSERVED_AFTER) {
        let essential = matches!(facts.role, Some(Role::ClusterDns | Role::IngressController | Role::OnlyControlPlane));
        // The words name the threshold that decided, not the time gone: they are shown, and must not change by the minute.
        let decided_late = facts.priority == Some(Priority::P1) && !essential && down >= P1_DOWNTIME;
        let past = if decided_late { P1_DOWNTIME } else { UNSERVED_AFTER };
        let severity = match facts.priority {
            _ if essential => Sev1,
            _ if facts.role == Some(Role::ControlPlane) => Sev2,
            Some(Priority::P0) => Sev1,
            Some(Priority::P1) if down >= P1_DOWNTIME => Sev2,
            Some(Priority::P1 | Priority::P2 | Priority::P3) => Sev3,
            None => Sev2,
        };
        let what = if facts.impact.quorum_lost { "less than half ready" } else { "nothing ready" };
        return (severity, format!("{who}: {what} for over {}", in_words(past)));
    }
    if has(ConditionClass::VolumeFull) && !facts.impact.is_unserved() {
        let severity = match facts.priority {
            Some(Priority::P0 | Priority::P1) | None => Sev2,
            Some(Priority::P2 | Priority::P3) => Sev3,
        };
        return (severity, format!("{who}: a volume is full or about to be"));
    }
    let is_near_limit = facts.classes.iter().all(|class| *class == ConditionClass::NearLimit);
    let trouble = if is_near_limit && has(ConditionClass::NearLimit) {
        "about to reach a limit, but serving"
    } else if facts.impact.quorum_lost {
        "less than half ready, for less than a minute"
    } else if facts.impact.is_unserved() {
        "nothing ready, for less than a minute"
    } else if facts.classes.iter().all(|c| *c == ConditionClass::NoEndpoints) && has(ConditionClass::NoEndpoints) {
        "a Service has no endpoints"
    } else if has(ConditionClass::RolloutStuck) {
        "the rollout is stuck, the old pods serve"
    } else {
        "degraded, but serving"
    };
    let severity = match facts.priority {
        _ if matches!(facts.role, Some(Role::ControlPlane | Role::OnlyControlPlane)) => Sev2,
        Some(Priority::P0) => Sev2,
        Some(Priority::P1) if has(ConditionClass::RolloutStuck) && !facts.impact.is_unserved() => Sev2,
        Some(Priority::P1) | None => Sev3,
        Some(Priority::P2 | Priority::P3) => Sev4,
    };
    (severity, format!("{who}: {trouble}"))
}

/// What is judged apart from who is served: what is no workload, work that was not done, nodes under pressure, what does not go
/// away. None if there is trouble of another sort as well.
fn apart(facts: &Facts<'_>, who: &str) -> Option<(Severity, String)> {
    use Severity::{Sev1, Sev2, Sev3};
    let matters = matches!(facts.priority, Some(Priority::P0 | Priority::P1));
    let of = |class: &ConditionClass| match class {
        ConditionClass::WebhookDown => Some((Sev1, "the API server refuses writes")),
        ConditionClass::ApiServiceDown => Some((Sev2, "an API of the cluster is not served")),
        ConditionClass::MetricsApiDown => Some((Sev3, "nothing is measured, and everything serves")),
        ConditionClass::CertificateExpired => Some((Sev2, "a certificate has expired")),
        ConditionClass::CertificateExpires => Some((Sev2, "a certificate expires within a day")),
        ConditionClass::CertificateNotReady => Some((Sev3, "a certificate is not renewed")),
        ConditionClass::IngressBroken => Some((if matters { Sev2 } else { Sev3 }, "an Ingress leads nowhere")),
        ConditionClass::ScalingBroken => Some((Sev3, "nothing is scaled, and everything serves")),
        ConditionClass::VolumeFailed => Some((Sev3, "a volume that nobody uses has failed")),
        ConditionClass::JobFailed => Some((if matters { Sev2 } else { Sev3 }, "a Job failed")),
        ConditionClass::CronStopped => Some((if matters { Sev2 } else { Sev3 }, "it does not run when it is due")),
        ConditionClass::StuckTerminating => Some((Sev3, "it is being deleted and does not go")),
        ConditionClass::NodePressure => Some(match facts.role {
            Some(Role::OnlyNode | Role::ControlPlaneNode) => (Sev2, "short of what everything needs"),
            _ if facts.loudest <= Level::High => (Sev2, "short of something, and its pods are hit"),
            _ => (Sev3, "short of something, its pods run"),
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
        | ConditionClass::ReplicasMissing => None,
    };
    let all: Option<Vec<_>> = facts.classes.iter().map(of).collect();
    let (severity, what) = all?.into_iter().min()?;
    // What is no workload and is not listed needs no name for what it is.
    let is_object =
        facts.priority.is_none() && facts.role.is_none() && facts.classes.iter().all(|c| c.is_of_what_serves());
    Some((severity, if is_object { what.to_owned() } else { format!("{who}: {what}") }))
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
    use ConditionClass::{
        ApiServiceDown, Blind, CertificateExpired, CertificateExpires, CertificateNotReady, Crash, CronStopped,
        IngressBroken, JobFailed, MetricsApiDown, NearLimit, NoEndpoints, NodeDown, NodePressure, PartlyBlind,
        RolloutStuck, ScalingBroken, StuckTerminating, VolumeFailed, VolumeFull, WebhookDown,
    };
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
    #[case::p0_near_its_limit(NearLimit, 2, 600, P0, Sev2, "P0 service: about to reach a limit, but serving")]
    #[case::p1_near_its_limit(NearLimit, 2, 600, P1, Sev3, "P1 service: about to reach a limit, but serving")]
    #[case::p2_near_its_limit(NearLimit, 2, 600, P2, Sev4, "P2 service: about to reach a limit, but serving")]
    #[case::unlisted_near_its_limit(
        NearLimit,
        2,
        600,
        UNLISTED,
        Sev3,
        "unlisted workload: about to reach a limit, but serving"
    )]
    #[case::p1_volume_full(VolumeFull, 2, 600, P1, Sev2, "P1 service: a volume is full or about to be")]
    #[case::p2_volume_full(VolumeFull, 2, 600, P2, Sev3, "P2 service: a volume is full or about to be")]
    #[case::unlisted_volume_full(
        VolumeFull,
        2,
        600,
        UNLISTED,
        Sev2,
        "unlisted workload: a volume is full or about to be"
    )]
    #[case::p0_unserved_by_a_full_volume(VolumeFull, 0, 60, P0, Sev1, "P0 service: nothing ready for over 1 min")]
    #[case::p0_job(JobFailed, 0, 600, P0, Sev2, "P0 service: a Job failed")]
    #[case::p1_job(JobFailed, 0, 600, P1, Sev2, "P1 service: a Job failed")]
    #[case::p2_job(JobFailed, 0, 600, P2, Sev3, "P2 service: a Job failed")]
    #[case::p3_job(JobFailed, 0, 600, P3, Sev4, "P3 service: recorded only")]
    #[case::p1_cron_stopped(CronStopped, 0, 600, P1, Sev2, "P1 service: it does not run when it is due")]
    #[case::unlisted_cron_stopped(
        CronStopped,
        0,
        600,
        UNLISTED,
        Sev3,
        "unlisted workload: it does not run when it is due"
    )]
    #[case::p0_does_not_go(StuckTerminating, 0, 600, P0, Sev3, "P0 service: it is being deleted and does not go")]
    #[case::unlisted_never_served(NoEndpoints, 1, 600, UNLISTED, Sev3, "unlisted workload: a Service has no endpoints")]
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
        let facts = Facts { classes: &[class], loudest: Level::Warning, impact: &impact, outage, priority, role: None };
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
    #[case::api_server_down(
        Crash,
        0,
        Role::OnlyControlPlane,
        UNLISTED,
        Sev1,
        "only control plane: nothing ready for over 1 min"
    )]
    #[case::one_api_server_of_three_down(
        Crash,
        0,
        Role::ControlPlane,
        UNLISTED,
        Sev2,
        "control plane: nothing ready for over 1 min"
    )]
    #[case::api_server_degraded(
        Crash,
        1,
        Role::OnlyControlPlane,
        UNLISTED,
        Sev2,
        "only control plane: degraded, but serving"
    )]
    #[case::install_failed(JobFailed, 0, Role::Installer, P1, Sev2, "installer: a Job failed")]
    #[case::node_under_pressure(
        NodePressure,
        1,
        Role::WorkerNode,
        UNLISTED,
        Sev3,
        "worker node: short of something, its pods run"
    )]
    #[case::the_only_node_under_pressure(
        NodePressure,
        1,
        Role::OnlyNode,
        UNLISTED,
        Sev2,
        "only node: short of what everything needs"
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
        let facts =
            Facts { classes: &[class], loudest: Level::Warning, impact: &impact, outage, priority, role: Some(role) };
        assert_eq!(assess(&facts, now), (severity, why.to_owned()));
    }

    #[test]
    fn what_is_loud_by_itself_is_louder_on_a_node() {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let impact = Impact::default();
        let facts = Facts {
            classes: &[NodePressure],
            loudest: Level::High,
            impact: &impact,
            outage: None,
            priority: UNLISTED,
            role: Some(Role::WorkerNode),
        };
        assert_eq!(assess(&facts, now), (Sev2, "worker node: short of something, and its pods are hit".to_owned()));
    }

    #[test]
    fn a_quorum_that_is_lost_counts_as_unserved() {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let impact = Impact { ready: Some(1), desired: Some(3), quorum_lost: true, ..Impact::default() };
        let outage = Some(Outage { since: now - SignedDuration::from_mins(2), ended: None });
        let facts =
            Facts { classes: &[Crash], loudest: Level::High, impact: &impact, outage, priority: UNLISTED, role: None };
        assert_eq!(assess(&facts, now), (Sev2, "unlisted workload: less than half ready for over 1 min".to_owned()));
    }

    #[rstest]
    #[case::webhook(&[WebhookDown], UNLISTED, Sev1, "the API server refuses writes")]
    #[case::webhook_of_p2(&[WebhookDown], P2, Sev1, "P2 service: the API server refuses writes")]
    #[case::webhook_of_p3(&[WebhookDown], P3, Sev4, "P3 service: recorded only")]
    #[case::api(&[ApiServiceDown], UNLISTED, Sev2, "an API of the cluster is not served")]
    #[case::metrics(&[MetricsApiDown], UNLISTED, Sev3, "nothing is measured, and everything serves")]
    #[case::expired(&[CertificateExpired], UNLISTED, Sev2, "a certificate has expired")]
    #[case::a_day_left(&[CertificateExpires], P2, Sev2, "P2 service: a certificate expires within a day")]
    #[case::not_renewed(&[CertificateNotReady], P0, Sev3, "P0 service: a certificate is not renewed")]
    #[case::ingress_of_p0(&[IngressBroken], P0, Sev2, "P0 service: an Ingress leads nowhere")]
    #[case::ingress_of_p1(&[IngressBroken], P1, Sev2, "P1 service: an Ingress leads nowhere")]
    #[case::ingress_of_p2(&[IngressBroken], P2, Sev3, "P2 service: an Ingress leads nowhere")]
    #[case::ingress(&[IngressBroken], UNLISTED, Sev3, "an Ingress leads nowhere")]
    #[case::autoscaler_of_p0(&[ScalingBroken], P0, Sev3, "P0 service: nothing is scaled, and everything serves")]
    #[case::autoscaler(&[ScalingBroken], UNLISTED, Sev3, "nothing is scaled, and everything serves")]
    #[case::volume(&[VolumeFailed], UNLISTED, Sev3, "a volume that nobody uses has failed")]
    #[case::the_worst_counts(&[CertificateExpired, CertificateNotReady], UNLISTED, Sev2, "a certificate has expired")]
    #[case::a_node_that_is_down(&[NodeDown, CertificateNotReady], UNLISTED, Sev2, "a worker node is down")]
    fn the_table_of_what_is_no_workload(
        #[case] classes: &[ConditionClass],
        #[case] priority: Option<Priority>,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let facts =
            Facts { classes, loudest: Level::High, impact: &Impact::default(), outage: None, priority, role: None };
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
        let facts = Facts {
            classes: &[class],
            loudest: Level::High,
            impact: &Impact::default(),
            outage: None,
            priority: UNLISTED,
            role: None,
        };
        assert_eq!(assess(&facts, now), (severity, why.to_owned()));
    }
}
