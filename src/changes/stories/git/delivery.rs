//! Stories of how a commit gets to the cluster: merged late, synced late, known by its name, seen by clocks that differ, as a new image.

use serde_json::json;

use super::{
    super::{
        causes::{IMAGE, crash, killed},
        words::{App, MIN, app},
    },
    GitStory,
    tied::lowered,
    words::{at, git, hunk, limit, other, patched, pull, tag},
};
use crate::{
    changes::{Brought, deployed::Commit},
    incidents::Confidence::{Low, Medium},
};

fn image(from: &str, to: &str) -> App {
    let image = |tag: &str| json!(format!("ghcr.io/shop/api:{tag}"));
    app().then(-1000 * MIN, [(IMAGE, image(from))]).then(-4 * MIN, [(IMAGE, image(to))])
}

/// What no patch can tell.
fn slower() -> App {
    app().then(-4 * MIN, [("/spec/containers/0/args", json!(["--slow"]))])
}

/// Written so many minutes ago, whenever it was committed.
fn written(minutes: i64, it: Brought) -> Brought {
    Brought { commit: Commit { authored_at: Some(at(minutes)), ..it.commit }, ..it }
}

fn merged(minutes: i64, it: Brought) -> Brought {
    Brought { pull: Some(pull(42, minutes)), ..it }
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<GitStory> {
    let lower = || limit("512Mi", "256Mi");
    let decoy = |letter, minutes| patched(letter, minutes, &other());
    let killed = || killed().pods_of([2]);
    let crash = || crash().pods_of([3]);
    let bump = |from, to| [decoy('b', -5), patched('a', -6, &tag(from, to))];
    vec![
        git(
            "a squash merge of what was written four days ago",
            &lowered(),
            &killed(),
            [merged(-6, written(-5760, patched('b', -6, &lower()))), decoy('a', -40)],
        )
        .right('b'),
        git(
            "a pull request that was merged six hours after its commit",
            &lowered(),
            &killed(),
            [decoy('b', -180), merged(-6, patched('a', -360, &lower()))],
        )
        .right('a'),
        git(
            "committed before the rollout, and merged after it",
            &slower(),
            &killed(),
            [merged(20, decoy('b', -20)), patched('a', -45, &hunk("args:", "- --fast", "- --slow"))],
        )
        .right('a')
        .at_most(Medium),
        git(
            "hours between the commit and its sync",
            &lowered(),
            &killed(),
            [decoy('b', -200), patched('a', -300, &lower())],
        )
        .right('a'),
        git(
            "committed before it broke, rolled out after it",
            &app().then(9 * MIN, [("/spec/containers/0/resources/limits/memory", json!("256Mi"))]),
            &killed().pods_of([1]),
            [patched('a', -2, &lower())],
        )
        .at_most(Low),
        git(
            "Argo CD tells the commit, and a newer one waits",
            &lowered(),
            &killed(),
            [patched('b', -5, &limit("256Mi", "128Mi")), patched('a', -20, &lower())],
        )
        .synced('a', None)
        .right('a'),
        git(
            "Argo CD tells the commit, and a newer one that does the same waits",
            &lowered(),
            &killed(),
            [patched('b', -5, &lower()), patched('a', -20, &lower())],
        )
        .synced('a', None)
        .right('a'),
        git(
            "two commits in one sync, and the later one is another thing",
            &lowered(),
            &killed(),
            [decoy('c', -5), patched('b', -6, &lower()), decoy('a', -300)],
        )
        .synced('c', Some('a'))
        .right('b'),
        git(
            "what was synced is the last commit of the repository, which touches other things",
            &lowered(),
            &killed(),
            [decoy('b', -5), patched('a', -6, &lower())],
        )
        .synced('f', Some('e'))
        .right('a'),
        git(
            "what was synced makes the same difference as one that was there before",
            &lowered(),
            &killed(),
            [patched('c', -5, &lower()), patched('b', -300, &limit("256Mi", "512Mi")), patched('a', -600, &lower())],
        )
        .synced('c', Some('b'))
        .right('c'),
        git("a clock that is a minute late", &lowered(), &killed(), [patched('a', -3, &lower())]).right('a'),
        git("five minutes after the rollout is no clock", &lowered(), &killed(), [patched('a', 1, &lower())]).stands(2),
        git("a new image, and what is in it", &image("5.7.0", "5.8.0"), &crash(), bump("5.7.0", "5.8.0"))
            .image("", (2, 0), "5.7.0...5.8.0 2 ahead")
            .right('a'),
        git(
            "a new image, tagged with a v in its own repository",
            &image("5.7.0", "5.8.0"),
            &crash(),
            bump("5.7.0", "5.8.0"),
        )
        .image("v", (3, 0), "v5.7.0...v5.8.0 3 ahead")
        .right('a'),
        git(
            "a new image that is tagged with a v itself",
            &image("v5.7.0", "v5.8.0"),
            &crash(),
            bump("v5.7.0", "v5.8.0"),
        )
        .image("", (1, 0), "v5.7.0...v5.8.0 1 ahead")
        .right('a'),
        git("an image that is older than the one before", &image("5.8.0", "5.7.0"), &crash(), bump("5.8.0", "5.7.0"))
            .image("", (0, 3), "5.8.0...5.7.0 3 back")
            .right('a'),
        git(
            "an image by its digest",
            &image("5.7.0@sha256:0a1b", "5.7.0@sha256:0c2d"),
            &crash(),
            [
                decoy('b', -5),
                patched('a', -6, &hunk("- name: ghcr.io/shop/api", "  digest: sha256:0a1b", "  digest: sha256:0c2d")),
            ],
        )
        .right('a'),
    ]
}
