//! What each question asks, and the whole value its answer becomes.

use super::*;
use crate::changes::deployed::{
    Commit, CommitDetails, CommitFile, Comparison, FileStatus, Listed, Patch, PullRequest, Withheld,
};

fn expected(title: &str, body: &str, committed: &str) -> Commit {
    Commit {
        sha: sha(),
        title: title.into(),
        body: body.into(),
        author: "ana".into(),
        is_account: true,
        authored_at: Some(at("2026-11-24T13:50:00Z")),
        committed_at: Some(at(committed)),
        parents: vec![CommitSha::parse(PARENT).unwrap()],
        url: Some(format!("https://github.com/shop/api/commit/{SHA}")),
    }
}

#[tokio::test]
async fn commits_on_a_path_are_read_page_by_page_up_to_the_bound() {
    let (github, server, _) = github().await;
    for page in 1..=3 {
        let link = format!(
            "<{0}/repositories/1/commits?page={1}>; rel=\"next\", <{0}/repositories/1/commits?page=9>; rel=\"last\"",
            server.base,
            page + 1
        );
        let path = if page == 1 { "GET /repos/shop/api/commits" } else { "GET /repositories/1/commits" };
        let commits = [
            commit(SHA, "Right-size backend (#123)\n\nToken: hunter2\nReverts nothing", "2026-11-24T14:00:00Z"),
            commit(PARENT, "too late", "2026-11-24T14:30:01Z"),
            commit(PARENT, "too early", "2026-11-23T14:29:59Z"),
        ];
        server.on(path, ok(&json!(commits)).with("link", &link));
    }
    let found = github.commits(&repo(), "base-apps/api.yaml", Some("main"), last_day(), 3, Importance::Normal).await;
    let one = expected("Right-size backend (#123)", "Token: *** Reverts nothing", "2026-11-24T14:00:00Z");
    assert_eq!(found.unwrap(), Listed { items: vec![one.clone(), one.clone(), one], has_more: true });
    assert_eq!(
        server.lines(),
        [
            "GET /repos/shop/api/commits?path=base-apps%2Fapi.yaml&since=2026-11-23T14%3A00%3A00Z&per_page=100&sha=main",
            "GET /repositories/1/commits?page=2",
            "GET /repositories/1/commits?page=3",
        ]
    );
    let first = server.asked().remove(0);
    assert_eq!((first.token.as_str(), first.accept.as_str()), ("Bearer pretend-token", "application/vnd.github+json"));
}

#[tokio::test]
async fn a_window_that_is_over_has_an_end_and_an_empty_repository_has_no_commits() {
    let (github, server, _) = github().await;
    server.on("GET /repos/shop/api/commits", no(409, "Git Repository is empty."));
    let window = Window { since: at("2026-11-23T10:10:00Z"), until: at("2026-11-23T11:10:00Z") };
    let found = github.commits(&repo(), "", None, window, 3, Importance::Normal).await.unwrap();
    assert_eq!(found, Listed { items: vec![], has_more: false });
    assert_eq!(
        server.lines(),
        ["GET /repos/shop/api/commits?since=2026-11-23T10%3A00%3A00Z&per_page=100&until=2026-11-23T12%3A00%3A00Z"]
    );
}

#[tokio::test]
async fn a_commit_has_its_files_and_of_their_patches_what_may_be_read() {
    let (github, server, _) = github().await;
    let mut answer = commit(SHA, "Move", "2026-11-24T14:00:00Z");
    answer["author"] = Value::Null;
    answer["files"] = json!([
        {"filename": "base-apps/api.yaml", "status": "modified", "additions": 1, "deletions": 1, "changes": 2,
            "patch": "@@ -1 +1 @@\n-  memory: 512Mi\n+  memory: 256Mi\n+  password: hunter2"},
        {"filename": "certs/tls.key", "status": "added", "additions": 9, "deletions": 0, "patch": "@@ -0,0 +1 @@\n+hunter2"},
        {"filename": "logo.png", "status": "renamed", "previous_filename": "old/logo.png", "additions": 0, "deletions": 0},
        {"filename": "new/kind", "status": "who-knows", "additions": 0, "deletions": 0}
    ]);
    server.on(&format!("GET /repos/shop/api/commits/{SHA}"), ok(&answer));
    let file = |path: &str, status, additions, deletions, patch| CommitFile {
        path: path.into(),
        previous_path: None,
        status,
        additions,
        deletions,
        patch,
    };
    let text = "@@ -1 +1 @@\n-  memory: 512Mi\n+  memory: 256Mi\n+  password: ***";
    let details = CommitDetails {
        commit: Commit { author: "Ana Lima".into(), is_account: false, ..expected("Move", "", "2026-11-24T14:00:00Z") },
        files: Listed {
            items: vec![
                file("base-apps/api.yaml", FileStatus::Modified, 1, 1, Patch::Whole(text.into())),
                file("certs/tls.key", FileStatus::Added, 9, 0, Patch::Withheld(Withheld::SecretByName)),
                CommitFile {
                    previous_path: Some("old/logo.png".into()),
                    ..file("logo.png", FileStatus::Renamed, 0, 0, Patch::NotGiven)
                },
                file("new/kind", FileStatus::Other, 0, 0, Patch::NotGiven),
            ],
            has_more: false,
        },
    };
    assert_eq!(github.commit(&repo(), &sha(), Importance::Normal).await.unwrap(), details);
}

#[tokio::test]
async fn a_commit_of_300_files_is_said_to_have_more_and_its_patches_end_somewhere() {
    let (github, server, _) = github().await;
    let patch = "+a line of code\n".repeat(400);
    let files: Vec<Value> = (0..300)
        .map(|n| json!({"filename": format!("src/{n}.rs"), "status": "added", "additions": 400, "patch": patch}))
        .collect();
    let mut answer = commit(SHA, "Import", "2026-11-24T14:00:00Z");
    answer["files"] = json!(files);
    let question = format!("GET /repos/shop/api/commits/{SHA}");
    server.on(&question, ok(&answer));
    let files = github.commit(&repo(), &sha(), Importance::Normal).await.unwrap().files;
    assert_eq!(server.lines(), [question], "what is said to be a page may be cut to 100");
    let count = |is: fn(&Patch) -> bool| files.items.iter().filter(|file| is(&file.patch)).count();
    let whole = count(|patch| matches!(patch, Patch::Whole(_)));
    let left_out = count(|patch| *patch == Patch::Withheld(Withheld::TooMuch));
    assert_eq!((files.items.len(), files.has_more, whole, left_out), (300, true, 15, 285));
}

#[tokio::test]
async fn pull_requests_of_a_commit() {
    let (github, server, _) = github().await;
    let pull = json!({"number": 123, "title": "Right-size <!channel>", "state": "closed", "user": {"login": "ana"},
        "base": {"ref": "main", "sha": PARENT}, "merged_at": "2026-11-24T13:59:00Z", "merge_commit_sha": SHA,
        "html_url": "https://github.com/shop/api/pull/123"});
    server.on(&format!("GET /repos/shop/api/commits/{SHA}/pulls"), ok(&json!([pull])));
    let expected = PullRequest {
        number: 123,
        title: "Right-size <!channel>".into(),
        author: Some("ana".into()),
        base: "main".into(),
        merged_at: Some(at("2026-11-24T13:59:00Z")),
        merge_commit: Some(sha()),
        url: Some("https://github.com/shop/api/pull/123".into()),
    };
    let found = github.pull_requests_of(&repo(), &sha(), Importance::Normal).await.unwrap();
    assert_eq!(found, Listed { items: vec![expected], has_more: false });
}

#[tokio::test]
async fn two_tags_are_compared() {
    let (github, server, _) = github().await;
    let answer = json!({"status": "ahead", "ahead_by": 130, "behind_by": 0, "total_commits": 130,
        "commits": [commit(SHA, "Fix", "2026-11-24T14:00:00Z")], "html_url": "https://github.com/shop/api/compare/a...b",
        "files": [{"filename": "go.mod", "status": "modified", "additions": 1, "deletions": 1}]});
    server.on("GET /repos/shop/api/compare/api%2Fv1.2...api%2Fv1.3", ok(&answer));
    let expected = Comparison {
        ahead_by: 130,
        behind_by: 0,
        commits: Listed { items: vec![expected("Fix", "", "2026-11-24T14:00:00Z")], has_more: true },
        files: Listed {
            items: vec![CommitFile {
                path: "go.mod".into(),
                previous_path: None,
                status: FileStatus::Modified,
                additions: 1,
                deletions: 1,
                patch: Patch::NotGiven,
            }],
            has_more: false,
        },
        url: Some("https://github.com/shop/api/compare/a...b".into()),
    };
    assert_eq!(github.compare(&repo(), "api/v1.2", "api/v1.3", Importance::Normal).await.unwrap(), expected);
    let odd = github.compare(&repo(), "v1", "..", Importance::Normal).await.unwrap_err();
    assert!(matches!(odd, GitHubError::NotFound { .. }), "what Git cannot name is not asked for: {odd:?}");
    assert_eq!(server.lines().len(), 1);
}
