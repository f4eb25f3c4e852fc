//! Stories in which a commit is nearby and is not the cause, or nobody can say; and those in which settings were committed beside.

use serde_json::json;

use super::{
    super::{
        causes::{IMAGE, crash, killed},
        words::{App, HOUR, MIN, app, broke},
    },
    GitStory,
    tied::lowered,
    words::{commit, file, git, hunk, limit, of_files, other, patched, tag},
};
use crate::{
    changes::{Brought, deployed::Commit},
    findings::ConditionClass::{ImagePull, NotReady},
    incidents::Confidence::{Low, Medium},
};

fn bumped(at: i64) -> App {
    app().then(at, [(IMAGE, json!("ghcr.io/shop/api:5.8.0"))])
}

/// What a machine commits every hour.
fn by_machine(letter: char, minutes: i64) -> Brought {
    let title = format!("build: automatic update of worker to 1.0.{}", letter as u32);
    let files =
        vec![file("apps/shop/worker.yaml", &hunk("- name: ghcr.io/shop/worker", "  newTag: 1.0.1", "  newTag: 1.0.2"))];
    let Brought { commit, .. } = commit(letter, minutes, &title);
    Brought {
        commit: Commit { author: "argocd-image-updater".to_owned(), ..commit },
        ..of_files(letter, minutes, files)
    }
}

fn every_hour() -> [Brought; 4] {
    [by_machine('d', -4), by_machine('c', -64), by_machine('b', -124), by_machine('a', -184)]
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<GitStory> {
    let settings = |letter, minutes| commit(letter, minutes, "Point at another database");
    let [machine, earlier, early, first] = every_hour();
    vec![
        git(
            "a node is down, and its pods are of the version that was just put in place",
            &bumped(-12 * MIN),
            &broke([(NotReady, Some("api"))]).pods_of([2]).with_others(4),
            [patched('a', -14, &tag("5.7.0", "5.8.0"))],
        )
        .at_most(Low),
        git(
            "the database is down, and pods of both versions crash",
            &bumped(-3 * MIN),
            &crash().pods_of([1, 2]).with_others(3),
            [patched('a', -5, &tag("5.7.0", "5.8.0"))],
        )
        .at_most(Low),
        git(
            "the registry is down, and somebody committed a limit that is in place",
            &lowered(),
            &broke([(ImagePull, None)]).pods_of([2]).with_others(6),
            [patched('a', -6, &limit("512Mi", "256Mi"))],
        )
        .at_most(Low),
        git(
            "the registry is down for one image, and settings were committed just before",
            &app(),
            &broke([(ImagePull, None)]).pods_of([1]),
            [settings('a', -5)],
        )
        .at_most(Low),
        git(
            "the database is down, and settings were committed just before",
            &app(),
            &crash().pods_of([1]).with_others(3),
            [settings('a', -5)],
        )
        .at_most(Low),
        git("settings were committed just before", &app(), &crash().pods_of([1]), [settings('a', -5)])
            .right('a')
            .at_most(Medium),
        git("settings were committed hours before", &app(), &crash().pods_of([1]), [settings('a', -300)]).at_most(Low),
        git("settings were committed after it broke", &app(), &crash().pods_of([1]), [settings('a', 4)]).at_most(Low),
        git(
            "settings were committed and taken back before it broke",
            &app(),
            &crash().pods_of([1]),
            [commit('b', -3, "Revert \"Point at another database\""), settings('a', -8)],
        )
        .right('b')
        .at_most(Medium),
        git(
            "an innocent rollout hours before, and settings committed just before",
            &bumped(-10 * HOUR),
            &crash().pods_of([1]),
            [settings('b', -5), patched('a', -605, &tag("5.7.0", "5.8.0"))],
        )
        .right('b')
        .at_most(Medium),
        git("a machine commits every hour", &app(), &crash().pods_of([1]), every_hour()).at_most(Low),
        git(
            "a machine commits every hour, and somebody committed settings before it",
            &app(),
            &crash().pods_of([1]),
            [machine.clone(), settings('e', -9), earlier.clone(), early, first],
        )
        .right('e')
        .at_most(Medium),
        git(
            "a machine commits every hour, and somebody other arguments before it",
            &app().then(-3 * MIN, [("/spec/containers/0/args", json!(["--slow"]))]),
            &crash().pods_of([2]),
            [machine, patched('e', -9, &hunk("args:", "- --fast", "- --slow")), earlier],
        )
        .right('e'),
        git("the limit of requests is used up", &lowered(), &killed().pods_of([2]), [])
            .unknown("GitHub's requests for this hour are used up: again at 14:40 UTC")
            .stands(2),
        git("the limit of requests is used up, and no rollout explains it", &app(), &crash().pods_of([1]), [])
            .unknown("GitHub's requests for this hour are used up: again at 14:40 UTC")
            .at_most(Low),
        git(
            "the limit of requests is used up before the patch is read",
            &lowered(),
            &killed().pods_of([2]),
            [patched('a', -6, &limit("512Mi", "256Mi"))],
        )
        .unread()
        .unknown("less than a tenth of GitHub's requests is left: they are kept for SEV-1 until 14:50 UTC")
        .right('a'),
        git("the repository is private", &lowered(), &killed().pods_of([2]), [])
            .unknown("commits of acme/gitops: does not exist, or is private and not readable with this token")
            .stands(2),
        git(
            "one of two repositories is private, and the commit in the other is another thing",
            &lowered(),
            &killed().pods_of([2]),
            [patched('a', -6, &other())],
        )
        .unknown("commits of acme/infra: does not exist, or is private and not readable with this token")
        .stands(2),
    ]
}
