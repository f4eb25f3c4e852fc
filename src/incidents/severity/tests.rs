//! The tables of severities, row by row.

use rstest::rstest;

use super::*;
use crate::findings::{ConditionClass, Impact, Level, Moving};

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

/// What is the matter with somebody.
struct It<'a> {
    classes: &'a [ConditionClass],
    checks: &'a [&'a str],
    since: Timestamp,
    loudest: Level,
    impact: Impact,
    outage: Option<Outage>,
    stake: Stake,
    hits_p0: bool,
}

impl<'a> It<'a> {
    fn of(classes: &'a [ConditionClass]) -> Self {
        Self {
            classes,
            checks: &[],
            since: "2026-11-24T13:00:00Z".parse().unwrap(),
            loudest: Level::Warning,
            impact: Impact::default(),
            outage: None,
            stake: Stake::default(),
            hits_p0: false,
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            classes: self.classes,
            checks: self.checks,
            since: self.since,
            loudest: self.loudest,
            impact: &self.impact,
            outage: self.outage,
            stake: &self.stake,
            hits_p0: self.hits_p0,
        }
    }

    fn rated(&self, now: Timestamp) -> (Severity, String) {
        let Rating { severity, why, .. } = assess(&self.facts(), &Policy::default(), now);
        (severity, why)
    }
}

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
#[case::unlisted_volume_full(VolumeFull, 2, 600, UNLISTED, Sev2, "unlisted workload: a volume is full or about to be")]
#[case::p0_unserved_by_a_full_volume(VolumeFull, 0, 60, P0, Sev1, "P0 service: nothing ready for over 1 min")]
#[case::p0_job(JobFailed, 0, 600, P0, Sev2, "P0 service: a Job failed")]
#[case::p1_job(JobFailed, 0, 600, P1, Sev2, "P1 service: a Job failed")]
#[case::p2_job(JobFailed, 0, 600, P2, Sev3, "P2 service: a Job failed")]
#[case::p3_job(JobFailed, 0, 600, P3, Sev4, "P3 service: recorded only")]
#[case::p1_cron_stopped(CronStopped, 0, 600, P1, Sev2, "P1 service: it does not run when it is due")]
#[case::unlisted_cron_stopped(CronStopped, 0, 600, UNLISTED, Sev3, "unlisted workload: it does not run when it is due")]
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
    let it = It { impact, outage, stake: Stake::of(priority), ..It::of(std::slice::from_ref(&class)) };
    assert_eq!(it.rated(now), (severity, why.to_owned()));
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
    let stake = Stake { role: Some(role), ..Stake::of(priority) };
    let it = It { impact, outage, stake, ..It::of(std::slice::from_ref(&class)) };
    assert_eq!(it.rated(now), (severity, why.to_owned()));
}

#[test]
fn what_is_loud_by_itself_is_louder_on_a_node() {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    let stake = Stake { role: Some(Role::WorkerNode), ..Stake::default() };
    let it = It { loudest: Level::High, stake, ..It::of(&[NodePressure]) };
    assert_eq!(it.rated(now), (Sev2, "worker node: short of something, and its pods are hit".to_owned()));
}

#[test]
fn a_quorum_that_is_lost_counts_as_unserved() {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    let impact = Impact { ready: Some(1), desired: Some(3), quorum_lost: true, ..Impact::default() };
    let outage = Some(Outage { since: now - SignedDuration::from_mins(2), ended: None });
    let it = It { loudest: Level::High, impact, outage, ..It::of(&[Crash]) };
    assert_eq!(it.rated(now), (Sev2, "unlisted workload: less than half ready for over 1 min".to_owned()));
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
    let it = It { loudest: Level::High, stake: Stake::of(priority), ..It::of(classes) };
    assert_eq!(it.rated(now), (severity, why.to_owned()));
}

#[rstest]
#[case::of_everything(Blind, Sev1, "nothing is known of the cluster")]
#[case::of_a_kind(PartlyBlind, Sev2, "a part of the cluster is unknown")]
fn a_bot_that_cannot_see_says_so_at_once(#[case] class: ConditionClass, #[case] severity: Severity, #[case] why: &str) {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    assert_eq!(It::of(&[class]).rated(now), (severity, why.to_owned()));
}

#[test]
fn the_whole_table_as_it_is_compiled_in() {
    let policy = Policy::default();
    let line = |row: Row| {
        let cells: Vec<String> = policy.row(row).iter().map(|cell| cell.name()[4..].to_owned()).collect();
        format!("{} {}", cells.join(" "), row.key().trim_start_matches("severity."))
    };
    insta::assert_snapshot!(Row::ALL.map(line).join("\n"), @"
    1 1 1 1 1 blind
    2 2 2 2 2 partly_blind
    1 1 1 1 1 only_node_down
    1 1 1 1 1 control_plane_node_down
    2 2 2 2 2 worker_node_down
    3 3 3 3 3 registry_down
    1 1 1 4 1 essential_unserved
    2 2 2 4 2 control_plane
    1 3 3 4 2 unserved
    1 2 3 4 2 unserved_too_long
    1 3 3 4 3 first_rollout
    1 1 1 1 1 p0_at_once
    2 2 3 4 2 volume_full
    2 3 4 4 3 near_limit
    2 2 4 4 3 bad_rollout
    2 3 4 4 3 no_endpoints
    2 3 4 4 3 degraded
    2 2 3 4 3 job_failed
    2 2 3 4 3 cron_stopped
    1 1 1 4 1 webhook_down
    2 2 2 4 2 api_down
    3 3 3 4 3 metrics_down
    2 2 2 4 2 certificate_expired
    2 2 2 4 2 certificate_expires
    3 3 3 4 3 certificate_not_renewed
    2 2 3 4 3 ingress_broken
    3 3 3 4 3 scaling_broken
    3 3 3 4 3 volume_failed
    3 3 3 4 3 stuck_terminating
    2 2 2 4 2 essential_node_short
    2 2 2 4 2 node_short_and_hit
    3 3 3 4 3 node_short
    4 4 4 4 4 known_issue
    ");
}

#[rstest]
#[case("SEV-1", Some(Sev1))]
#[case("sev2", Some(Sev2))]
#[case(" 3 ", Some(Sev3))]
#[case("Sev 4", Some(Sev4))]
#[case("SEV-5", None)]
#[case("", None)]
#[case("12", None)]
fn severities_are_read_as_people_write_them(#[case] text: &str, #[case] severity: Option<Severity>) {
    assert_eq!(Severity::named(text), severity);
}

#[path = "tests_of_stake.rs"]
mod of_stake;
