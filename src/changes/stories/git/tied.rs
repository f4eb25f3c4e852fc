//! Stories in which what both changed tells the commit of a rollout: among decoys, of two at once, back again, in files that moved.

use serde_json::json;

use super::{
    super::{
        causes::{ENV, IMAGE, MEMORY, crash, killed},
        words::{App, HOUR, MIN, app, broke},
    },
    GitStory,
    words::{commit, file, git, hunk, limit, of_files, other, patched, tag},
};
use crate::{
    changes::deployed::{CommitFile, FileStatus, Patch, Withheld},
    findings::ConditionClass::ImagePull,
    incidents::Confidence::{Low, Medium},
};

pub(super) fn lowered() -> App {
    app().then(-4 * MIN, [(MEMORY, json!("256Mi"))])
}

/// The limit and the image in one rollout.
fn both() -> App {
    app().then(-4 * MIN, [(MEMORY, json!("256Mi")), (IMAGE, json!("ghcr.io/shop/api:5.8.0"))])
}

fn renamed(path: &str, before: &str, lines: Option<String>) -> CommitFile {
    let many = u64::from(lines.is_some());
    CommitFile {
        previous_path: Some(before.to_owned()),
        status: FileStatus::Renamed,
        additions: many,
        deletions: many,
        patch: lines.map_or(Patch::NotGiven, Patch::Whole),
        ..file(path, "")
    }
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<GitStory> {
    let lower = || limit("512Mi", "256Mi");
    let bump = || tag("5.7.0", "5.8.0");
    let killed = || killed().pods_of([2]);
    let decoy = |letter, minutes| patched(letter, minutes, &other());
    let debug = |value: &str| hunk("- name: DEBUG", &format!("  value: \"{value}\""), "  value: \"true\"");
    let debugs = app()
        .then(-9 * HOUR, [(ENV, json!([{"name": "DEBUG", "value": "false"}]))])
        .then(-4 * MIN, [(ENV, json!([{"name": "DEBUG", "value": "true"}]))]);
    let gone = CommitFile {
        status: FileStatus::Removed,
        ..file("old/api.yaml", "@@ -1,2 +0,0 @@\n-limits:\n-  memory: 512Mi")
    };
    let came = CommitFile {
        status: FileStatus::Added,
        ..file("base-apps/api.yaml", "@@ -0,0 +1,2 @@\n+limits:\n+  memory: 256Mi")
    };
    let hidden = CommitFile { patch: Patch::Withheld(Withheld::TooMuch), ..file("base-apps/api.yaml", "") };
    vec![
        git("the only commit", &lowered(), &killed(), [patched('a', -6, &lower())]).right('a'),
        git(
            "the right commit among decoys",
            &lowered(),
            &killed(),
            [decoy('c', -5), patched('b', -30, &lower()), decoy('a', -90)],
        )
        .right('b'),
        git(
            "two changes at once, the limit committed first: killed for memory",
            &both(),
            &killed(),
            [patched('b', -6, &bump()), patched('a', -8, &lower())],
        )
        .right('a'),
        git(
            "two changes at once, the image committed first: it cannot be pulled",
            &both(),
            &broke([(ImagePull, None)]).pods_of([2]),
            [patched('b', -6, &lower()), patched('a', -8, &bump())],
        )
        .right('a'),
        git(
            "two changes at once in one commit",
            &both(),
            &killed(),
            [decoy('b', -5), patched('a', -6, &format!("{}\n{}", bump(), lower()))],
        )
        .right('a'),
        git(
            "two rollouts within minutes, each of its own commit: the earlier one is the cause",
            &lowered().then(-2 * MIN, [("/spec/containers/0/readinessProbe/periodSeconds", json!(5))]),
            &killed().pods_of([3]),
            [
                patched('b', -3, &hunk("readinessProbe:", "  periodSeconds: 10", "  periodSeconds: 5")),
                patched('a', -6, &lower()),
            ],
        )
        .right('a'),
        git(
            "a revert: the limit is as small as before",
            &app().then(-5 * HOUR, [(MEMORY, json!("2Gi"))]).then(-4 * MIN, [(MEMORY, json!("512Mi"))]),
            &killed().pods_of([3]),
            [patched('b', -6, &limit("2Gi", "512Mi")), patched('a', -301, &limit("512Mi", "2Gi"))],
        )
        .right('b'),
        git(
            "reverted after it broke",
            &lowered().then(6 * MIN, [(MEMORY, json!("512Mi"))]),
            &killed(),
            [patched('b', 5, &limit("256Mi", "512Mi")), patched('a', -6, &lower())],
        )
        .right('a'),
        git(
            "a renamed file, and the change in it",
            &lowered(),
            &killed(),
            [of_files('a', -6, vec![renamed("apps/api/deploy.yaml", "base-apps/api.yaml", Some(lower()))])],
        )
        .right('a'),
        git(
            "a file that was only renamed, after the change in it",
            &lowered(),
            &killed(),
            [of_files('b', -5, vec![renamed("apps/api.yaml", "base-apps/api.yaml", None)]), patched('a', -9, &lower())],
        )
        .right('a'),
        git(
            "a file that moved and changed so much that it is one that is gone and one that is new",
            &lowered(),
            &killed(),
            [decoy('b', -5), of_files('a', -6, vec![gone, came])],
        )
        .right('a'),
        git(
            "a variable, and a switch elsewhere that becomes true as well",
            &debugs,
            &crash().pods_of([3]),
            [
                patched('b', -5, &hunk("ingress:", "  enabled: false", "  enabled: true")),
                patched('a', -9, &debug("false")),
            ],
        )
        .right('a'),
        git(
            "a patch that is too long to be read may be it",
            &lowered(),
            &killed(),
            [decoy('b', -5), of_files('a', -6, vec![hidden])],
        )
        .right('a'),
        git("the patch was read and is another one", &lowered(), &killed(), [decoy('a', -6)]).stands(2),
        git(
            "changed by hand just after an unrelated commit",
            &app().then(-4 * MIN, [("/spec/containers/0/args", json!(["--fast"]))]),
            &crash().pods_of([2]),
            [decoy('a', -20)],
        )
        .by_hand()
        .stands(2),
        git("the same was committed after it was done", &lowered(), &killed(), [patched('a', 3, &lower())]).stands(2),
        git(
            "a change after it broke",
            &app().then(5 * MIN, [(MEMORY, json!("256Mi"))]),
            &killed().pods_of([1]),
            [patched('a', 3, &lower())],
        )
        .at_most(Low),
        git(
            "the limit of another container, and a commit that says so",
            &app().then(-4 * MIN, [("/spec/containers/1/image", json!("envoy:1.31.0"))]),
            &crash().pods_of([2]),
            [
                commit('b', -90, "Tune"),
                patched('a', -6, &hunk("- name: proxy", "  image: envoy:1.30.0", "  image: envoy:1.31.0")),
            ],
        )
        .right('a')
        .at_most(Medium),
    ]
}
