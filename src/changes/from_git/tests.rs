//! Which commit brought a rollout, and what is told of it: tables of one question each.

use std::borrow::Cow;

use rstest::rstest;

use super::*;
use crate::{
    changes::{
        Container, Difference, Role, correlate,
        stories::git::words::{at, commit, patched, pull, sha},
    },
    cluster::ObjectRef,
    findings::ConditionClass,
    incidents::{ChangeSource, Suspect},
};

fn difference(field: Field, from: &str, to: &str) -> Difference {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let container = Some(Container { name: "api".into(), role: Role::Only });
    Difference { container, field, from: text(from), to: text(to) }
}

fn limit() -> Difference {
    difference(Field::Limit("memory".into()), "512Mi", "256Mi")
}

fn image() -> Difference {
    difference(Field::Image, "ghcr.io/acme/api:5.7.0", "ghcr.io/acme/api:5.8.0")
}

/// A rollout two minutes before it broke.
fn rollout(difference: Difference) -> Rollout {
    Rollout {
        owner: ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() },
        number: 2,
        revision: "api-2".into(),
        at: at(-2),
        before: Before::Revision(1, vec![difference]),
        by: None,
        kept_by: None,
        is_current: true,
        source: None,
    }
}

const LOWER: &str = "@@ -1,3 +1,3 @@\n   limits:\n-    memory: 512Mi\n+    memory: 256Mi";
const RAISE: &str = "@@ -1,3 +1,3 @@\n   limits:\n-    memory: 256Mi\n+    memory: 512Mi";
const OTHER: &str = "@@ -1 +1 @@\n-  replicas: 1\n+  replicas: 2";
const BUMP: &str = "@@ -4 +4 @@\n-  newTag: 5.7.0\n+  newTag: 5.8.0";
const LONGER: &str = "@@ -4 +4 @@\n-  newTag: 15.7.0\n+  newTag: 5.8.0-rc1";

#[rstest]
#[case::the_only_one(limit(), vec![patched('a', -5, LOWER)], "a: same")]
#[case::among_decoys(limit(), vec![patched('c', -3, OTHER), patched('b', -30, LOWER), patched('a', -90, OTHER)], "b: same")]
#[case::the_way_back_is_another(limit(), vec![patched('b', -3, RAISE), patched('a', -9, LOWER)], "a: same")]
#[case::twice_the_same_the_later(limit(), vec![patched('c', -4, LOWER), patched('b', -30, RAISE), patched('a', -60, LOWER)], "c: same")]
#[case::hours_of_sync_lag(limit(), vec![patched('a', -300, LOWER)], "a: same")]
#[case::a_tag_by_itself(image(), vec![patched('a', -5, BUMP)], "a: same")]
#[case::a_part_of_a_tag(image(), vec![patched('a', -5, LONGER)], "none")]
#[case::it_was_read_and_is_another(limit(), vec![patched('a', -5, OTHER)], "none")]
#[case::after_the_rollout(limit(), vec![patched('a', 5, LOWER)], "none")]
#[case::a_clock_that_differs(limit(), vec![patched('a', -1, LOWER)], "a: same")]
#[case::not_read_but_just_before(limit(), vec![commit('b', -4, "Tune"), commit('a', -50, "Other")], "b: before")]
#[case::not_read_and_long_before(limit(), vec![commit('a', -90, "Tune")], "none")]
#[case::a_patch_cannot_tell(difference(Field::Command, "run --fast", "run --slow"), vec![patched('a', -5, OTHER)], "a: before")]
#[case::a_masked_value(difference(Field::Env("KEY".into()), "***", "***"), vec![patched('a', -5, OTHER)], "a: before")]
#[case::a_short_value_beside_its_name(
    difference(Field::Limit("cpu".into()), "1", "2"), vec![patched('a', -5, "@@ -1 +1 @@\n-    cpu: \"1\"\n+    cpu: \"2\"")], "a: same"
)]
#[case::a_short_value_elsewhere(difference(Field::Limit("cpu".into()), "1", "2"), vec![patched('a', -5, OTHER)], "none")]
#[case::a_new_variable(
    difference(Field::Env("MODE".into()), "", "blue"), vec![patched('a', -5, "@@ -1 +1,2 @@\n+  - name: MODE\n+    value: blue")], "a: same"
)]
fn a_rollout_was_brought_by(#[case] what: Difference, #[case] commits: Vec<Brought>, #[case] expected: &str) {
    let found = tie::tie(&rollout(what), &commits).map_or("none".to_owned(), |(of, tie)| {
        let how = match tie {
            Tie::Synced => "synced",
            Tie::SameDifference => "same",
            Tie::Before => "before",
        };
        format!("{}: {how}", of.commit.sha.as_str().chars().next().unwrap())
    });
    assert_eq!(found, expected);
}

#[test]
fn what_was_put_in_place_is_known_without_its_patch() {
    let commits = [commit('b', -3, "Later"), commit('a', -200, "Put in place")];
    let source = ChangeSource {
        keeper: "Argo CD application shop".into(),
        repository: None,
        path: None,
        revision: "a".repeat(40),
        previous: None,
        at: at(-2),
        waits: false,
    };
    let rollout = Rollout { source: Some(source), ..rollout(limit()) };
    assert_eq!(tie(&rollout, &commits), Some((&commits[1], Tie::Synced)));
}

fn broke() -> Symptom {
    Symptom {
        classes: [ConditionClass::OutOfMemory].into(),
        containers: [(ConditionClass::OutOfMemory, "api".to_owned())].into(),
        began: at(0),
        revisions: ["api-2".to_owned()].into(),
        spared: [].into(),
        elsewhere: 0,
    }
}

/// `rollout #2 HIGH [a sure #42 build failed]`, one a line.
fn lines(rollouts: &[Rollout], git: &GitHistory, symptom: &Symptom) -> String {
    let changed = attribute(correlate(rollouts, symptom), rollouts, git, symptom);
    let told = |it: &Suspect| {
        let commit = it.commit.as_ref().map(|commit| {
            let links = [&commit.pull, &commit.run].into_iter().flatten().map(|it| format!(" {}", it.text));
            let sure = if commit.is_sure { " sure" } else { "" };
            format!(" [{}{sure}{}]", commit.commit.text, links.collect::<String>())
        });
        let image = it.image.as_ref().map(|image| format!(" {image:?}"));
        format!(
            "{} {} {}{}{}",
            it.change,
            it.confidence,
            it.score,
            commit.unwrap_or_default(),
            image.unwrap_or_default()
        )
    };
    let suspects = changed.suspects.iter().map(told);
    suspects.chain(changed.unknown.iter().cloned()).collect::<Vec<_>>().join("\n")
}

fn history(commits: Vec<Brought>) -> GitHistory {
    GitHistory { commits, ..GitHistory::default() }
}

#[test]
fn a_suspect_is_told_with_its_commit_and_what_ran_on_it() {
    let run = |name: &str, conclusion| WorkflowRun {
        id: 1,
        name: name.into(),
        event: "push".into(),
        sha: sha('a'),
        branch: None,
        conclusion,
        attempt: 1,
        started_at: at(-4),
        updated_at: at(-3),
        actor: None,
        url: None,
    };
    let runs = vec![run("lint", Some(Conclusion::Success)), run("build", Some(Conclusion::Failure))];
    let brought = Brought { pull: Some(pull(42, -4)), runs, ..patched('a', -5, LOWER) };
    let git = GitHistory { unknown: vec!["acme/other: is private".into()], ..history(vec![brought]) };
    assert_eq!(
        lines(&[rollout(limit())], &git, &broke()),
        "rollout #2 HIGH 100 [aaaaaaa sure #42 build failed]\nacme/other: is private"
    );
}

#[rstest]
#[case::just_before(vec![commit('a', -6, "Point at another database")], 0, "commit aaaaaaa MEDIUM 30 [aaaaaaa]")]
#[case::while_others_break_too(vec![commit('a', -6, "Point at another database")], 2, "commit aaaaaaa LOW 15 [aaaaaaa]")]
#[case::hours_before(vec![commit('a', -300, "Point at another database")], 0, "commit aaaaaaa LOW 5 [aaaaaaa]")]
#[case::after_it(vec![commit('a', 6, "Mend it")], 0, "")]
#[case::the_newest_of_several(vec![commit('b', -3, "One"), commit('a', -6, "Two")], 0, "commit bbbbbbb MEDIUM 30 [bbbbbbb]")]
#[case::a_revert_before(vec![commit('b', -3, "Revert “Two”"), commit('a', -6, "Two")], 0, "commit bbbbbbb MEDIUM 30 [bbbbbbb]")]
#[case::nothing(vec![], 0, "")]
fn a_commit_that_no_rollout_tells_of_is_never_sure(
    #[case] commits: Vec<Brought>,
    #[case] elsewhere: usize,
    #[case] expected: &str,
) {
    let old = Rollout { at: at(-9000), ..rollout(limit()) };
    let symptom = Symptom { elsewhere, classes: [ConditionClass::Crash].into(), ..broke() };
    assert_eq!(lines(&[old], &history(commits), &symptom), expected);
}

#[test]
fn what_is_sure_by_the_cluster_needs_no_other_commit_beside_it() {
    let git = history(vec![commit('b', -1, "Something else"), patched('a', -5, LOWER)]);
    assert_eq!(lines(&[rollout(limit())], &git, &broke()), "rollout #2 HIGH 100 [aaaaaaa sure]");
}

#[test]
fn a_new_image_is_told_with_what_is_in_it() {
    let repo = RepoName::parse("acme/api").unwrap();
    let merge = |it: Brought| Commit { parents: vec![it.commit.sha.clone(); 2], ..it.commit };
    let commits = vec![
        commit('1', -60, "Cache more").commit,
        commit('2', -50, "Tidy").commit,
        merge(commit('3', -40, "Merge pull request #9")),
    ];
    let comparison = |ahead_by, behind_by, items| Comparison {
        ahead_by,
        behind_by,
        commits: Listed { items, has_more: false },
        files: Listed { items: Vec::new(), has_more: false },
        url: None,
    };
    let rollout = rollout(image());
    let range = images(&rollout).unwrap();
    assert_eq!((range.0.as_str(), range.1.as_str()), ("5.7.0", "5.8.0"));
    let symptom = Symptom { classes: [ConditionClass::Crash].into(), containers: [].into(), ..broke() };
    let told = |comparison| {
        let images = Some(Images { rollout: 2, repo: repo.clone(), range: range.clone(), comparison });
        let git = GitHistory { images, ..GitHistory::default() };
        let all = std::slice::from_ref(&rollout);
        let changed = attribute(correlate(all, &symptom), all, &git, &symptom);
        let image = changed.suspects[0].image.clone().unwrap();
        format!(
            "{} {} {:?} by {:?} back: {}",
            image.range.text, image.count, image.titles, image.authors, image.is_backwards
        )
    };
    assert_eq!(told(comparison(3, 0, commits)), r#"5.7.0...5.8.0 3 ["Tidy", "Cache more"] by ["ana"] back: false"#);
    assert_eq!(told(comparison(0, 2, Vec::new())), "5.7.0...5.8.0 2 [] by [] back: true");
}

#[rstest]
#[case(image(), Some(("5.7.0", "5.8.0")))]
#[case::a_digest(difference(Field::Image, "a@sha256:0a", "a@sha256:0b"), Some(("0a", "0b")))]
#[case::no_tag(difference(Field::Image, "a", "a:2"), None)]
#[case::a_port_is_no_tag(difference(Field::Image, "r:5000/a", "r:5000/a:2"), None)]
#[case::no_image(limit(), None)]
fn versions_of_an_image(#[case] what: Difference, #[case] expected: Option<(&str, &str)>) {
    let found = images(&rollout(what));
    assert_eq!(found.as_ref().map(|(from, to)| (from.as_str(), to.as_str())), expected);
}

#[rstest]
#[case::nobody_says(None, "commit bbbbbbb MEDIUM 30 [bbbbbbb]")]
#[case::the_newest(Some(('b', -2)), "commit bbbbbbb MEDIUM 30 [bbbbbbb]")]
#[case::the_one_before_it(Some(('a', -2)), "commit aaaaaaa LOW 15 [aaaaaaa]")]
#[case::before_it_was_committed(Some(('e', -8)), "commit aaaaaaa LOW 15 [aaaaaaa]")]
#[case::after_it_was_committed(Some(('e', -3)), "commit bbbbbbb MEDIUM 30 [bbbbbbb]")]
#[case::days_ago(Some(('e', -3000)), "")]
fn what_waits_in_git_breaks_nothing(#[case] applied: Option<(char, i64)>, #[case] expected: &str) {
    let old = Rollout { at: at(-9000), ..rollout(limit()) };
    let symptom = Symptom { classes: [ConditionClass::Crash].into(), ..broke() };
    let applied = applied.map(|(letter, minutes)| Applied {
        revision: letter.to_string().repeat(40),
        commit: Some(sha(letter)),
        began: None,
        at: at(minutes),
        id: None,
    });
    let commits = vec![commit('b', -6, "Point at another database"), commit('a', -50, "Tune")];
    let git = GitHistory { applied, ..history(commits) };
    assert_eq!(lines(&[old], &git, &symptom), expected);
}

#[test]
fn no_more_patches_are_read_than_tell_something() {
    let unpatched = |letter, minutes| Brought { files: None, ..patched(letter, minutes, LOWER) };
    let unread = |rollout: &Rollout, commits: &[Brought]| unread(rollout, commits, 2).map(|it| it.commit.sha.clone());
    let many = [unpatched('c', -3), unpatched('b', -4), unpatched('a', -5)];
    assert_eq!(unread(&rollout(limit()), &many), Some(sha('c')), "the newest first");
    let [_, b, a] = many.clone();
    let two = [patched('c', -3, OTHER), b.clone(), a.clone()];
    assert_eq!(unread(&rollout(limit()), &two), Some(sha('b')));
    let all = [patched('c', -3, OTHER), patched('b', -4, OTHER), a.clone()];
    assert_eq!(unread(&rollout(limit()), &all), None, "no more than that");
    let found = [patched('c', -3, LOWER), b, a];
    assert_eq!(unread(&rollout(limit()), &found), None);
    let forgotten = Rollout { before: Before::Forgotten, ..rollout(limit()) };
    assert_eq!(unread(&forgotten, &many), None, "nothing is known that a patch could show");
}
