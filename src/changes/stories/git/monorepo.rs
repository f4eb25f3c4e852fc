//! Stories of repositories that many share: commits of other services between, with the same versions and the same limits.

use serde_json::json;

use super::{
    super::{
        causes::{IMAGE, crash, killed},
        words::{App, MIN, app},
    },
    GitStory,
    tied::lowered,
    words::{file, git, hunk, limit, of_files, tag},
};
use crate::changes::{Brought, deployed::CommitFile};

fn bumped() -> App {
    app().then(-4 * MIN, [(IMAGE, json!("ghcr.io/shop/api:5.8.0"))])
}

fn one(letter: char, minutes: i64, path: &str, lines: &str) -> Brought {
    of_files(letter, minutes, vec![file(path, lines)])
}

pub(super) fn stories() -> Vec<GitStory> {
    let lower = || limit("512Mi", "256Mi");
    let of_web = || hunk("- name: ghcr.io/shop/web", "  newTag: 5.7.0", "  newTag: 5.8.0");
    let whole = |name: &str| {
        let image = |tag: &str| format!("  image: ghcr.io/shop/{name}:{tag}");
        hunk("containers:", &image("5.7.0"), &image("5.8.0"))
    };
    let crash = || crash().pods_of([2]);
    let killed = || killed().pods_of([2]);
    // One that lowers another limit to the same, and raises yet another from the same.
    let tuned: Vec<CommitFile> =
        vec![file("apps/shop/web.yaml", &limit("512Mi", "1Gi")), file("apps/shop/worker.yaml", &limit("1Gi", "256Mi"))];
    vec![
        git(
            "another service gets the same version later, in the same file",
            &bumped(),
            &crash(),
            [
                one('b', -5, "apps/shop/kustomization.yaml", &of_web()),
                one('a', -9, "apps/shop/kustomization.yaml", &tag("5.7.0", "5.8.0")),
            ],
        )
        .right('a'),
        git(
            "another service gets the same version later, in its own file",
            &bumped(),
            &crash(),
            [one('b', -5, "apps/shop/web.yaml", &whole("web")), one('a', -9, "apps/shop/api.yaml", &whole("api"))],
        )
        .right('a'),
        git(
            "only another service got that version",
            &bumped(),
            &crash(),
            [one('a', -5, "apps/shop/web.yaml", &whole("web"))],
        )
        .stands(2),
        git(
            "all services get that version in one commit",
            &bumped(),
            &crash(),
            [
                one('b', -5, "apps/shop/web.yaml", &limit("1Gi", "2Gi")),
                one('a', -9, "apps/shop/kustomization.yaml", &format!("{}\n{}", of_web(), tag("5.7.0", "5.8.0"))),
            ],
        )
        .right('a'),
        git(
            "another service gets the same limit later",
            &lowered(),
            &killed(),
            [one('b', -5, "apps/shop/web.yaml", &lower()), one('a', -9, "apps/shop/api.yaml", &lower())],
        )
        .right('a'),
        git(
            "the limits of two other services are tuned, one from and one to the same",
            &lowered(),
            &killed(),
            [of_files('b', -5, tuned), one('a', -9, "apps/shop/api.yaml", &lower())],
        )
        .right('a'),
        git(
            "the values of a chart that name nobody",
            &lowered(),
            &killed(),
            [
                one('b', -5, "charts/shop/values.yaml", &limit("1Gi", "2Gi")),
                one('a', -9, "charts/shop/values.yaml", &lower()),
            ],
        )
        .right('a'),
    ]
}
