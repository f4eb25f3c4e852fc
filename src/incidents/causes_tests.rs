//! Tables of what explains whom: nodes, registries and cluster DNS, wrong or still within their grace.

use rstest::rstest;

use super::*;
use crate::findings::Cause;

fn at(second: i64) -> Timestamp {
    "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

/// `Deployment shop/web`, `Node n1`, `Registry ghcr.io`.
fn owner(text: &str) -> ObjectRef {
    let (kind, rest) = text.split_once(' ').unwrap();
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    ObjectRef { kind: kind.to_owned().into(), namespace: namespace.into(), name: name.into() }
}

fn finding(class: ConditionClass, since: i64, cause: Option<&str>) -> Finding {
    Finding {
        check: format!("{class:?}").into(),
        owner: owner("Deployment shop/any"),
        objects: Vec::new(),
        class,
        reason: format!("{class:?}"),
        message: String::new(),
        since: at(since),
        severity: Level::High,
        impact: Impact::default(),
        evidence: vec![Evidence { source: "Event Failed".into(), text: "connection refused".into(), at: None }],
        recommendation: String::new(),
        cause: cause.map(|name| Cause { owner: owner(name), why: "the registry refuses connections".into() }),
        log: None,
        grace: SignedDuration::from_secs(60),
    }
}

/// Somebody with these findings, of whose two replicas so many are ready.
fn ailing(ready: i32, findings: &[Finding]) -> Ailing {
    Ailing {
        findings: findings.iter().cloned().map(Arc::new).collect(),
        unseen: Vec::new(),
        due: None,
        silent_nodes: Vec::new(),
        impact: Impact { ready: Some(ready), desired: Some(2), ..Impact::default() },
        stake: Arc::default(),
    }
}

fn node() -> Ailing {
    Ailing { impact: Impact::default(), ..ailing(0, &[finding(ConditionClass::NodeDown, 0, None)]) }
}

fn dns_role() -> Arc<Stake> {
    Arc::new(Stake { role: Some(Role::ClusterDns), ..Stake::default() })
}

fn dns(ready: i32) -> Ailing {
    Ailing { stake: dns_role(), ..ailing(ready, &[finding(ConditionClass::Crash, 0, None)]) }
}

fn found(all: &[(&str, Ailing)], open: &[&str]) -> Causes {
    let all = all.iter().map(|(name, it)| (owner(name), it.clone())).collect();
    let open: Vec<ObjectRef> = open.iter().map(|name| owner(name)).collect();
    let needs = |_: &ObjectRef, _: &ObjectRef, role| role == Some(Role::ClusterDns);
    Causes::find(&all, &World { needs: &needs, is_open: &|it| open.contains(it) })
}

const WEB: &str = "Deployment shop/web";
const DNS: &str = "Deployment kube-system/coredns";
use ConditionClass::{
    Crash, ImagePull, JobFailed, NotReady, OutOfMemory, ReplicasMissing, RolloutStuck, Unschedulable,
};

#[rstest]
#[case::its_missing_replicas(&[finding(ReplicasMissing, 60, Some("Node n1"))], true)]
#[case::and_the_rollout_that_waits_for_them(&[finding(ReplicasMissing, 60, Some("Node n1")), finding(RolloutStuck, 60, None)], true)]
#[case::no_place_but_on_that_node(&[finding(Unschedulable, 60, Some("Node n1"))], true)]
#[case::not_what_crashes_elsewhere(&[finding(Crash, 60, None)], false)]
#[case::not_both_at_once(&[finding(ReplicasMissing, 60, Some("Node n1")), finding(OutOfMemory, 60, None)], false)]
#[case::not_another_node(&[finding(ReplicasMissing, 60, Some("Node n2"))], false)]
#[case::not_what_names_no_node(&[finding(ReplicasMissing, 60, None)], false)]
fn a_node_that_is_down_explains(#[case] findings: &[Finding], #[case] explained: bool) {
    for pending in [None, Some(at(90))] {
        let node = Ailing { due: pending, ..node() };
        let causes = found(&[("Node n1", node), (WEB, ailing(1, findings))], &[]);
        assert_eq!(causes.of(&owner(WEB)), explained.then(|| owner("Node n1")).as_ref(), "in grace: {pending:?}");
    }
}

#[rstest]
#[case::began_with_the_node(10, true)]
#[case::was_noticed_a_moment_before(-30, true)]
#[case::was_wrong_long_before(-600, false)]
fn what_cannot_be_seen_any_more_on_a_silent_node(#[case] since: i64, #[case] explained: bool) {
    let mut web = ailing(1, &[]);
    web.silent_nodes = vec![owner("Node n1")];
    web.unseen = vec![finding(NotReady, since, None).into()];
    let causes = found(&[("Node n1", node()), (WEB, web)], &[]);
    assert_eq!(causes.of(&owner(WEB)), explained.then(|| owner("Node n1")).as_ref());
}

#[rstest]
#[case::one_by_one(2, false, false)]
#[case::one_for_all(3, false, true)]
#[case::the_last_ones_of_an_incident(1, true, true)]
fn a_registry_is_one_incident_from_three_owners_on(#[case] owners: usize, #[case] open: bool, #[case] one: bool) {
    let names = ["Deployment shop/a", "Deployment shop/b", "Deployment shop/c"];
    let pull = || ailing(0, &[finding(ImagePull, 5, Some("Registry ghcr.io")), finding(RolloutStuck, 5, None)]);
    let all: Vec<_> = names.iter().take(owners).map(|name| (*name, pull())).collect();
    let causes = found(&all, if open { &["Registry ghcr.io"] } else { &[] });
    let registry = owner("Registry ghcr.io");
    assert_eq!(causes.hit_by(&registry).count(), if one { owners } else { 0 });
    let said = causes.judgement(&registry, None).verdict;
    assert_eq!(matches!(said, Verdict::Wrong(_)), one);
    if let Verdict::Wrong(said) = said {
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.message, @"no node gets images of ghcr.io: the registry refuses connections");
        }
        assert_eq!((said.since, said.evidence.len(), said.objects.len()), (at(5), 1, owners));
    }
}

#[test]
fn a_registry_waits_as_long_as_the_first_of_those_it_hits() {
    let names = ["Deployment shop/a", "Deployment shop/b", "Deployment shop/c"];
    let all = (60..).step_by(20).zip(names).map(|(due, name)| {
        let pull = ailing(0, &[finding(ImagePull, 0, Some("Registry ghcr.io"))]);
        (name, Ailing { due: Some(at(due)), ..pull })
    });
    let mut all: Vec<_> = all.collect();
    let registry = owner("Registry ghcr.io");
    let said = |all: &[(&str, Ailing)]| found(all, &[]).judgement(&registry, None).verdict;
    assert!(matches!(said(&all), Verdict::Pending(_, due) if due == at(60)));
    all[2].1.due = None;
    assert!(matches!(said(&all), Verdict::Wrong(_)));
    // Nobody sees the pods: what was wrong is not well.
    for (_, it) in &mut all {
        it.unseen = std::mem::take(&mut it.findings);
    }
    assert!(matches!(said(&all), Verdict::Unknown(_)));
}

#[test]
fn a_registry_nobody_complains_of_is_well_unless_nobody_can_see() {
    let registry = owner("Registry ghcr.io");
    let causes = found(&[], &["Registry ghcr.io"]);
    assert_eq!(causes.judgement(&registry, None).verdict, Verdict::Healthy);
    assert!(matches!(causes.judgement(&registry, Some("forbidden")).verdict, Verdict::Unknown(_)));
}

#[rstest]
#[case::crashes_since(Crash, 5, 0, true)]
#[case::is_not_ready_since(NotReady, 5, 0, true)]
#[case::jobs_that_fail_since(JobFailed, 5, 0, true)]
#[case::before_its_probe_had_failed_three_times(Crash, -40, 0, true)]
#[case::not_what_crashed_long_before(Crash, -300, 0, false)]
#[case::not_what_runs_out_of_memory(OutOfMemory, 5, 0, false)]
#[case::not_the_nodes_which_do_not_ask_it(ImagePull, 5, 0, false)]
#[case::not_while_one_replica_serves(Crash, 5, 1, false)]
fn cluster_dns_that_is_down_explains(
    #[case] class: ConditionClass,
    #[case] since: i64,
    #[case] ready: i32,
    #[case] explained: bool,
) {
    let causes = found(&[(DNS, dns(ready)), (WEB, ailing(0, &[finding(class, since, None)]))], &[]);
    assert_eq!(causes.of(&owner(WEB)), explained.then(|| owner(DNS)).as_ref());
    assert_eq!(causes.of(&owner(DNS)), None);
}

#[test]
fn the_last_cause_of_a_chain_tells_of_all() {
    let mut dns = Ailing { stake: dns_role(), ..ailing(0, &[]) };
    dns.silent_nodes = vec![owner("Node n1")];
    let web = ailing(0, &[finding(Crash, 30, None)]);
    let all = [("Node n1", node()), (DNS, dns), (WEB, web)];
    let causes = found(&all, &[]);
    assert_eq!(causes.hit_by(&owner("Node n1")).map(|it| &*it.name).collect::<Vec<_>>(), ["coredns", "web"]);
    let all = all.into_iter().map(|(name, it)| (owner(name), it)).collect();
    let hits = hits(&causes, &owner("Node n1"), &all);
    assert_eq!(hits.iter().map(|hit| hit.since).collect::<Vec<_>>(), [at(0), at(30)]);
}

#[test]
fn two_that_need_each_other_are_both_told_of() {
    let needs = |_: &ObjectRef, _: &ObjectRef, _| true;
    let all = [WEB, DNS].map(|name| (owner(name), ailing(0, &[finding(Crash, 0, None)]))).into();
    let causes = Causes::find(&all, &World { needs: &needs, is_open: &|_| false });
    assert_eq!((causes.of(&owner(WEB)), causes.of(&owner(DNS))), (None, None));
}

#[test]
fn of_what_changed_both_ends_are_looked_at_again() {
    let before = found(&[("Node n1", node())], &[]);
    let web = ailing(1, &[finding(ReplicasMissing, 60, Some("Node n1"))]);
    let after = found(&[("Node n1", node()), (WEB, web)], &[]);
    let both: BTreeSet<ObjectRef> = [owner(WEB), owner("Node n1")].into();
    assert_eq!((after.changed_from(&before), before.changed_from(&after)), (both.clone(), both));
    assert_eq!(after.changed_from(&after), BTreeSet::new());
}

#[test]
fn what_is_not_seen_any_more_is_remembered_as_it_was() {
    let judged = |verdict| vec![Judgement { check: "crash", owner: owner(WEB), verdict }];
    let crash = Finding { check: "crash".into(), ..finding(Crash, 0, None) };
    let impact = Impact { ready: Some(0), desired: Some(2), ..Impact::default() };
    let was = Ailing::after(None, &judged(Verdict::Wrong(Arc::new(crash.clone()))), Vec::new(), &impact).unwrap();
    let blind = || judged(Verdict::Unknown("cannot read pods".into()));
    let unseen = Ailing::after(Some(&was), &blind(), Vec::new(), &impact).unwrap();
    assert_eq!((unseen.findings.len(), &unseen.unseen), (0, &vec![Arc::new(crash)]));
    assert_eq!(Ailing::after(None, &blind(), Vec::new(), &impact), None, "what was never wrong is not");
    assert_eq!(Ailing::after(Some(&unseen), &judged(Verdict::Healthy), Vec::new(), &impact), None);
}

#[rstest]
#[case::at_least_a_minute(0, 60)]
#[case::its_own_grace(180, 180)]
#[case::of_a_crash_that_began_hours_ago(9000, 300)]
fn once_its_cause_is_gone_it_is_given_its_grace_anew(#[case] grace: i64, #[case] given: i64) {
    let crash = Finding { grace: SignedDuration::from_secs(grace), ..finding(Crash, 0, None) };
    assert_eq!(ailing(0, &[crash]).release(), SignedDuration::from_secs(given));
}
