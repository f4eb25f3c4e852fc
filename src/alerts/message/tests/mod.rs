//! Tests of the texts: the whole visible text; what each kind of incident says, and what is cut.

mod life;
mod rolled_out;

use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::{
    alerts::testing::{at, finding, impact, incident, owner},
    findings::{ConditionClass, FORBIDDEN, Impact, REFUSED, ServiceHit, UNREADABLE},
    incidents::{Acknowledgement, Hit, Hits, IncidentId, Priority, Resolution, Role, Severity, Stake, Status},
};

fn times(minute: i64) -> Times<'static> {
    Times { now: Now::utc(at(minute)), cluster: "production", is_one_of_many: false }
}

/// The root message half an hour later.
fn said(incident: &Incident) -> String {
    root(incident, &times(30)).plain()
}

fn thread(what: Note, incident: &Incident) -> String {
    note(what, None, incident, &times(30)).plain()
}

fn unserved() -> Incident {
    Incident {
        impact: impact(0, 2),
        why: "P0 service: nothing ready for over 1 min".into(),
        ..incident(Severity::Sev1)
    }
}

fn of(class: ConditionClass, reason: &str, message: &str, recommendation: &str) -> Incident {
    let mut it = finding(class, message);
    reason.clone_into(&mut it.reason);
    recommendation.clone_into(&mut it.recommendation);
    it.evidence.clear();
    Incident { findings: [(class, it.into())].into(), ..incident(Severity::Sev2) }
}

fn acknowledged(mut it: Incident, note: &str) -> Incident {
    it.acknowledged = Some(Acknowledgement { by: "U0ANA".into(), at: at(4), note: note.into() });
    it
}

fn resolved(mut it: Incident, reason: &str) -> Incident {
    it.status = Status::Resolved;
    it.impact = impact(2, 2);
    it.healthy_since = Some(at(7));
    it.resolution = Some(Resolution { at: at(12), reason: reason.into(), by: None });
    it.updated_at = at(12);
    it
}

#[test]
fn a_service_that_serves_nobody_says_what_is_hit_and_what_to_do() {
    assert_snapshot!(said(&unserved()), @"
    🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_service_that_is_degraded_says_how_much_is_left() {
    assert_snapshot!(said(&incident(Severity::Sev2)), @"
    🟠 *SEV-2 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    1 of 2 replicas ready · Deployment shop/api (P0)
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-2 because P0 service: degraded, but serving · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_workload_without_a_service_is_down() {
    let mut it = Incident { impact: Impact { services: Vec::new(), ..impact(0, 1) }, ..unserved() };
    it.owner = owner("StatefulSet", "shop", "queue");
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · queue is down: 0 of 1 ready* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 1 replicas ready · StatefulSet shop/queue (P0)
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_node_that_is_down_says_what_it_is_for() {
    let mut it = of(
        ConditionClass::NodeDown,
        "NodeStatusUnknown",
        "the control-plane node has stopped reporting: Kubelet stopped posting node status (12 pods)",
        "Look at the machine and its kubelet: kubectl describe node n1",
    );
    it.owner = owner("Node", "", "n1");
    let stake = Stake { role: Some(Role::ControlPlaneNode), ..Stake::default() };
    (it.severity, it.stake, it.impact) = (Severity::Sev1, Arc::new(stake), Impact::default());
    "a control-plane node is down".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · node n1 is down* · INC-2026-11-24-001
    The control-plane node has stopped reporting: Kubelet stopped posting node status (12 pods)
    Node n1 (control-plane node)
    Do: Look at the machine and its kubelet: kubectl describe node n1
    [ Acknowledge ]
    SEV-1 because a control-plane node is down · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_job_that_failed_says_how() {
    let mut it = of(
        ConditionClass::JobFailed,
        "BackoffLimitExceeded",
        "its last 2 runs failed; the last one used up its retries: container dump ended with exit code 2, cause unknown",
        "Read its log: kubectl -n shop logs job/backup-29310",
    );
    it.owner = owner("CronJob", "shop", "backup");
    it.impact = Impact::default();
    "P0 service: a Job failed".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🟠 *SEV-2 · CronJob backup failed* · INC-2026-11-24-001
    Its last 2 runs failed; the last one used up its retries: container dump ended with exit code 2, cause unknown
    CronJob shop/backup (P0)
    Do: Read its log: kubectl -n shop logs job/backup-29310
    [ Acknowledge ]
    SEV-2 because P0 service: a Job failed · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_rollout_that_is_stuck_while_the_old_pods_serve_is_not_an_outage() {
    let mut it = of(
        ConditionClass::RolloutStuck,
        "ProgressDeadlineExceeded",
        "the rollout is stuck: 0 of 2 new replicas are ready and its deadline has passed; 2 of 2 replicas still serve",
        "Mend the new version or go back: kubectl -n shop rollout history deployment api",
    );
    it.impact = impact(2, 2);
    "P0 service: the rollout is stuck, the old pods serve".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🟠 *SEV-2 · api: the rollout is stuck, the old pods serve* · INC-2026-11-24-001
    The rollout is stuck: 0 of 2 new replicas are ready and its deadline has passed; 2 of 2 replicas still serve
    2 of 2 replicas ready · Deployment shop/api (P0)
    Do: Mend the new version or go back: kubectl -n shop rollout history deployment api
    [ Acknowledge ]
    SEV-2 because P0 service: the rollout is stuck, the old pods serve · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_volume_claim_that_nobody_waits_for_yet_is_named_as_what_it_is() {
    let mut it = of(
        ConditionClass::Volume,
        "ClaimPending",
        "claim `data` is not bound: storage class `fast` does not exist",
        "See why it is not bound: kubectl -n shop describe pvc data; kubectl get storageclass",
    );
    it.owner = owner("PersistentVolumeClaim", "shop", "data");
    (it.impact, it.stake) = (Impact::default(), Arc::default());
    "unlisted workload: degraded, but serving".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🟠 *SEV-2 · volume claim data is not bound* · INC-2026-11-24-001
    Claim `data` is not bound: storage class `fast` does not exist
    PersistentVolumeClaim shop/data (unlisted)
    Do: See why it is not bound: kubectl -n shop describe pvc data; kubectl get storageclass
    [ Acknowledge ]
    SEV-2 because unlisted workload: degraded, but serving · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[rstest::rstest]
#[case(ConditionClass::WebhookDown, "writes are refused: webhook api has no backend")]
#[case(ConditionClass::ApiServiceDown, "API api is not served")]
#[case(ConditionClass::MetricsApiDown, "API api is not served")]
#[case(ConditionClass::CertificateExpired, "a certificate of api has expired")]
#[case(ConditionClass::CertificateExpires, "a certificate of api expires within a day")]
#[case(ConditionClass::CertificateNotReady, "a certificate of api is not renewed")]
#[case(ConditionClass::IngressBroken, "Ingress api leads nowhere")]
#[case(ConditionClass::ScalingBroken, "autoscaler api cannot scale")]
#[case(ConditionClass::VolumeFailed, "volume api has failed")]
fn what_is_no_workload_is_named_by_what_is_wrong_with_it(#[case] class: ConditionClass, #[case] expected: &str) {
    let mut it = of(class, "Reason", "message", "");
    it.impact = Impact::default();
    assert_eq!(headline(&it), expected);
}

#[test]
fn a_rollout_that_fails_while_the_old_pods_serve_says_both() {
    let mut it = of(ConditionClass::Crash, "CrashLoopBackOff", "container app ends with exit code 1", "");
    it.impact = impact(2, 2);
    assert_eq!(headline(&it), "api: CrashLoopBackOff", "it may be the pods that serve which crash");
    it.impact.only_old_pods_serve = true;
    assert_eq!(headline(&it), "api: new pods crash, the old ones serve");
    it.impact = Impact { only_old_pods_serve: false, ..impact(0, 2) };
    assert_eq!(headline(&it), "api serves nobody");
}

#[test]
fn a_bot_that_sees_nothing_says_so() {
    let mut it = of(
        ConditionClass::Blind,
        "ApiUnreachable",
        "The Kubernetes API cannot be read: nothing is known of this cluster until it answers again",
        "See whether the API server runs and whether I can reach it; until then no incident is resolved",
    );
    it.owner = owner("Cluster", "", "production");
    (it.severity, it.stake, it.impact) = (Severity::Sev1, Arc::default(), Impact::default());
    "nothing is known of the cluster".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-001
    The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
    Do: See whether the API server runs and whether I can reach it; until then no incident is resolved
    [ Acknowledge ]
    SEV-1 because nothing is known of the cluster · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    for (reason, why) in [
        (FORBIDDEN, "I may not read anything"),
        (REFUSED, "its API does not accept my credentials"),
        (UNREADABLE, "its API gives no usable answer"),
    ] {
        let other = of(ConditionClass::Blind, reason, "", "");
        let other = Incident { owner: it.owner.clone(), ..other };
        assert_eq!(headline(&other), format!("I cannot see production: {why}"));
    }
    it.healthy_since = Some(at(9));
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · recovering · I see production again* · INC-2026-11-24-001
    Was: The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
    Well since 14:09 UTC; resolved if it stays so
    [ Acknowledge ]
    SEV-1 because nothing is known of the cluster · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    it = Incident { impact: Impact::default(), ..resolved(it, "everything could be read for 5 min") };
    assert_snapshot!(said(&it), @"
    ✅ *Resolved after 12 min · production: everything could be read for 5 min (was SEV-2)* · INC-2026-11-24-001
    Was: The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
    since 14:00 UTC · seen 14:01 UTC · resolved 14:12 UTC
    ");
}

#[test]
fn a_bot_that_may_not_read_a_kind_names_it() {
    let mut it = of(
        ConditionClass::PartlyBlind,
        "KindUnreadable",
        "I cannot read pods: what depends on them is unknown, not healthy",
        "See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need",
    );
    it.owner = owner("Cluster", "", "production");
    (it.stake, it.impact) = (Arc::default(), Impact::default());
    "a part of the cluster is unknown".clone_into(&mut it.why);
    assert_snapshot!(said(&it), @"
    🟠 *SEV-2 · I do not see everything in production* · INC-2026-11-24-001
    I cannot read pods: what depends on them is unknown, not healthy
    Do: See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need
    [ Acknowledge ]
    SEV-2 because a part of the cluster is unknown · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn an_owner_without_a_priority_is_unlisted_and_one_with_a_role_says_it() {
    let line = |it: &Incident| said(it).lines().nth(2).unwrap().to_owned();
    assert_snapshot!(line(&Incident { stake: Arc::default(), ..unserved() }), @"0 of 2 replicas ready · Deployment shop/api (unlisted)");
    assert_snapshot!(line(&Incident { stake: Arc::new(Stake { role: Some(Role::ClusterDns), ..Stake::of(Some(Priority::P0)) }), ..unserved() }), @"0 of 2 replicas ready · Deployment shop/api (P0, cluster DNS)");
}

#[test]
fn other_findings_and_many_services_are_counted() {
    let mut it = unserved();
    for class in [
        ConditionClass::NotReady,
        ConditionClass::RolloutStuck,
        ConditionClass::Evicted,
        ConditionClass::ReplicasMissing,
    ] {
        it.findings.insert(class, finding(class, "so it is").into());
    }
    it.impact.services = ["api", "api-internal", "api-metrics", "api-canary", "api-legacy"]
        .map(|name| ServiceHit { namespace: "shop".into(), name: name.into(), ready_endpoints: 0, endpoints: 2 })
        .into();
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Services shop/api, shop/api-internal, shop/api-metrics and 2 more have no ready endpoint
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Also: Evicted, NotReady, RolloutStuck and 1 more
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_day_that_is_not_today_is_named() {
    let it = Incident { since: at(-15 * 60), ..unserved() };
    assert_snapshot!(said(&it).lines().last().unwrap(), @"SEV-1 because P0 service: nothing ready for over 1 min · since 2026-11-23 23:00 UTC · seen 14:01 UTC · updated 14:02 UTC");
}

#[test]
fn texts_of_any_length_are_cut_and_say_so() {
    let mut it = acknowledged(unserved(), &"n".repeat(5000));
    it.owner.name = "o".repeat(253).into();
    for finding in it.findings.values_mut().map(std::sync::Arc::make_mut) {
        finding.message = format!("container api ends with exit code 1: {}", "m".repeat(5000));
        finding.recommendation = "r".repeat(5000);
        finding.evidence[0].text = "e".repeat(5000);
    }
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · acknowledged · oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo… (157 more) serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1: mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm… (4461 more)
    0 of 2 replicas ready · Deployment shop/ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo (P0)
    Hit: Service shop/api has no ready endpoint
    Do: rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr… (4424 more)
    Acknowledged by <@U0ANA> at 14:04 UTC: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn… (4424 more)
    Pod shop/api-1 container api: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee… (4754 more)
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn a_sample_says_that_nothing_is_wrong() {
    assert_snapshot!(test_alert(&times(0)).plain(), @"
    *TEST · this is what an alert looks like*
    Nothing is wrong. Somebody asked for a sample, to see whether alerts arrive in this channel.
    An alert says here what is wrong and why, who is hit and what to do.
    sent 14:00 UTC
    ");
}
