//! Rollouts and what was applied come in; which commit is named with which, and what is said beside, are held against what happened.

use std::borrow::Cow;

use insta::assert_snapshot;
use jiff::SignedDuration;

use super::*;
use crate::{
    changes::{Actor, Before, Rollout, Tool},
    cluster::ObjectRef,
    incidents::Changed,
};

fn at(minutes: i64) -> Timestamp {
    "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn sha(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn by(tool: Tool, of: &str) -> Actor {
    Actor { tool, of: Some(of.to_owned()), at: None, cause: None }
}

fn source(kind: KeeperKind, applied: Vec<Applied>) -> Source {
    let keeper =
        Keeper { kind, namespace: "argocd".to_owned(), name: "shop".to_owned(), release_namespace: String::new() };
    let repository = Some("https://github.com/acme/gitops.git".to_owned());
    Source { repository, path: Some("apps/shop".to_owned()), applied, ..Source::of(keeper, &Value::Null, None) }
}

/// One for each commit, the newest first.
fn argo_cd(applied: &[(char, i64)]) -> Source {
    let applied = applied.iter().map(|(digit, minutes)| Applied::new(&sha(*digit), at(*minutes)));
    Source { waits: false, ..source(KeeperKind::ArgoCdApplication, applied.collect()) }
}

fn rollout(minutes: i64, by: Option<Actor>) -> Rollout {
    Rollout {
        owner: ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() },
        number: 2,
        revision: "api-b".to_owned(),
        at: at(minutes),
        before: Before::Nothing,
        by,
        kept_by: Some(self::by(Tool::ArgoCd, "shop")),
        is_current: true,
        source: None,
    }
}

/// `by whom at which commit`.
fn named(rollout: Rollout, source: &Source) -> String {
    let mut all = [rollout];
    name_syncs(&mut all, source);
    let [it] = all;
    let by = it.by.map_or("nobody".to_owned(), |by| by.to_string());
    format!("{by}; {}", it.source.as_ref().map_or("nothing".to_owned(), place))
}

#[test]
fn a_rollout_is_named_by_what_was_applied_as_it_began() {
    let applied = argo_cd(&[('c', 30), ('b', 0), ('a', -60)]);
    let argo = || Some(by(Tool::ArgoCd, "shop"));
    assert_snapshot!(named(rollout(0, argo()), &applied), @"Argo CD application shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop (before it aaaaaaa)");
    // Clocks differ a little, both ways.
    assert_snapshot!(named(rollout(2, argo()), &applied), @"Argo CD application shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop (before it aaaaaaa)");
    assert_snapshot!(named(rollout(-2, argo()), &applied), @"Argo CD application shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop (before it aaaaaaa)");
    assert_snapshot!(named(rollout(-60, argo()), &applied), @"Argo CD application shop; commit aaaaaaa of github.com/acme/gitops, path apps/shop");
    assert_snapshot!(named(rollout(10, argo()), &applied), @"Argo CD application shop; nothing");
}

#[test]
fn who_brought_a_rollout_that_is_past_is_known_by_its_time_and_what_others_did_stays_theirs() {
    let applied = argo_cd(&[('b', 0)]);
    assert_snapshot!(named(rollout(0, None), &applied), @"Argo CD application shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop");
    assert_snapshot!(named(rollout(10, None), &applied), @"nobody; nothing");
    assert_snapshot!(named(rollout(0, Some(by(Tool::Kubectl("edit".to_owned()), ""))), &applied), @"kubectl edit ; nothing");
}

#[test]
fn a_sync_that_takes_long_brings_what_is_rolled_out_while_it_runs() {
    let mut applied = argo_cd(&[('b', 20), ('a', 6)]);
    applied.applied[0].began = Some(at(5));
    assert_snapshot!(named(rollout(12, None), &applied), @"Argo CD application shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop (before it aaaaaaa)");
}

#[test]
fn a_chart_is_told_with_the_commit_that_changed_its_release() {
    let release = |from: Option<Source>| Source {
        repository: Some("https://charts.acme.example".to_owned()),
        path: None,
        from: from.map(Box::new),
        ..source(KeeperKind::FluxHelmRelease, vec![Applied::new("1.4.2", at(0)), Applied::new("1.4.1", at(-60))])
    };
    let flux = || Some(by(Tool::FluxHelmRelease, "shop"));
    assert_snapshot!(named(rollout(0, flux()), &release(None)), @"Flux HelmRelease shop; 1.4.2 of charts.acme.example (before it 1.4.1)");
    assert_snapshot!(named(rollout(0, flux()), &release(Some(argo_cd(&[('b', -1)])))), @"Flux HelmRelease shop; commit bbbbbbb of github.com/acme/gitops, path apps/shop");
    assert_snapshot!(named(rollout(0, flux()), &release(Some(argo_cd(&[('b', -50)])))), @"Flux HelmRelease shop; 1.4.2 of charts.acme.example (before it 1.4.1)");
}

fn beside(source: &Source, unknown: Option<&str>) -> String {
    let told = told(Changed::default(), Some(source), unknown, at(0));
    told.sync_failed.map(|why| format!("alert: {why}")).into_iter().chain(told.notes).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_runs_and_what_stands_in_the_way_of_git_is_told_beside() {
    let well = argo_cd(&[('b', -90)]);
    assert_snapshot!(beside(&well, None), @"Argo CD application shop runs commit bbbbbbb of github.com/acme/gitops, path apps/shop, applied 1 h 30 min before it began");
    let fails = |minutes: i64| {
        let failure = Failure { at: Some(at(minutes)), message: format!("quota {}", "x".repeat(400)) };
        Source { failure: Some(failure), sync: Some("OutOfSync".to_owned()), waits: true, ..argo_cd(&[]) }
    };
    let cut = |text: String| text.replace(&"x".repeat(193), "x...");
    assert_snapshot!(cut(beside(&fails(-3), Some("why not"))), @"
    alert: Argo CD application shop: sync failed 3 min before it began: quota x...…
    Argo CD application shop is out of sync: what is in Git is not what runs
    Argo CD application shop syncs only when somebody says so
    why not
    ");
    assert_snapshot!(cut(beside(&fails(2), None)).lines().next().unwrap(), @"alert: Argo CD application shop: sync failed 2 min after it began: quota x...…");
    // What failed days ago is no news.
    assert!(!beside(&fails(-60 * 72), None).contains("alert"));
}
