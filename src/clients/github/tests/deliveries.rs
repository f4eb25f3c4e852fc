//! Deployments, runs, releases and tags: what is asked, and the whole value the answer becomes.

use super::*;
use crate::changes::deployed::{
    Conclusion, Deployment, DeploymentState, DeploymentStatus, Listed, Release, WorkflowRun,
};

#[tokio::test]
async fn deployments_since_a_time_and_the_state_of_the_newest() {
    let (github, server, _) = github().await;
    let deployment = |id: u64, created: &str| {
        json!({"id": id, "sha": SHA, "ref": "release/1", "task": "deploy", "environment": "production",
            "description": null, "creator": {"login": "ci"}, "created_at": created, "updated_at": created})
    };
    let all = json!([
        deployment(3, "2026-11-24T14:00:00Z"),
        deployment(2, "2026-11-24T12:00:00Z"),
        deployment(1, "2026-11-20T12:00:00Z")
    ]);
    server.on("GET /repos/shop/api/deployments", ok(&all));
    let status = json!([{"state": "in_progress", "description": "Rolling out", "created_at": "2026-11-24T14:01:00Z",
        "log_url": "", "target_url": "https://ci:hunter2@ci.example.com/1"}]);
    server.on("GET /repos/shop/api/deployments/3/statuses", ok(&status));
    let found = github
        .deployments(&repo(), Some("production"), at("2026-11-24T00:00:00Z"), 1, Importance::Normal)
        .await
        .unwrap();
    let expected = |id, created: &str, status| Deployment {
        id,
        sha: sha(),
        reference: "release/1".into(),
        environment: "production".into(),
        description: None,
        creator: Some("ci".into()),
        created_at: at(created),
        status,
    };
    let running = DeploymentStatus {
        state: DeploymentState::InProgress,
        description: Some("Rolling out".into()),
        created_at: at("2026-11-24T14:01:00Z"),
        log_url: None,
    };
    let items = vec![expected(3, "2026-11-24T14:00:00Z", Some(running)), expected(2, "2026-11-24T12:00:00Z", None)];
    assert_eq!(found, Listed { items, has_more: false });
    assert_eq!(
        server.lines(),
        [
            "GET /repos/shop/api/deployments?per_page=30&environment=production",
            "GET /repos/shop/api/deployments/3/statuses?per_page=1"
        ]
    );
}

#[tokio::test]
async fn runs_of_workflows_on_a_commit() {
    let (github, server, _) = github().await;
    let run = |id: u64, conclusion: Value| {
        json!({"id": id, "name": "Deploy", "event": "push", "head_sha": SHA, "head_branch": "main", "status": "completed",
            "conclusion": conclusion, "run_attempt": 2, "created_at": "2026-11-24T13:00:00Z",
            "run_started_at": "2026-11-24T14:00:00Z", "updated_at": "2026-11-24T14:05:00Z", "actor": {"login": "ana"},
            "html_url": "https://github.com/shop/api/actions/runs/1"})
    };
    let all = [run(1, json!("failure")), run(2, Value::Null), run(3, json!("who-knows"))];
    server.on("GET /repos/shop/api/actions/runs", ok(&json!({"total_count": 4, "workflow_runs": all})));
    let expected = |id, conclusion| WorkflowRun {
        id,
        name: "Deploy".into(),
        event: "push".into(),
        sha: sha(),
        branch: Some("main".into()),
        conclusion,
        attempt: 2,
        started_at: at("2026-11-24T14:00:00Z"),
        updated_at: at("2026-11-24T14:05:00Z"),
        actor: Some("ana".into()),
        url: Some("https://github.com/shop/api/actions/runs/1".into()),
    };
    let items = vec![expected(1, Some(Conclusion::Failure)), expected(2, None), expected(3, Some(Conclusion::Other))];
    let found = github.workflow_runs(&repo(), &sha(), Importance::Normal).await.unwrap();
    assert_eq!(found, Listed { items, has_more: true });
    assert_eq!(server.lines(), [format!("GET /repos/shop/api/actions/runs?head_sha={SHA}&per_page=30")]);
}

#[tokio::test]
async fn releases_and_the_commits_of_tags_and_branches() {
    let (github, server, _) = github().await;
    let release = json!({"tag_name": "v1.3", "name": "", "draft": false, "prerelease": true, "author": {"login": "ana"},
        "published_at": "2026-11-24T13:00:00Z", "html_url": "https://github.com/shop/api/releases/v1.3", "body": "x"});
    server.on("GET /repos/shop/api/releases", ok(&json!([release])));
    let expected = Release {
        tag: "v1.3".into(),
        name: "v1.3".into(),
        is_prerelease: true,
        published_at: Some(at("2026-11-24T13:00:00Z")),
        author: Some("ana".into()),
        url: Some("https://github.com/shop/api/releases/v1.3".into()),
    };
    let found = github.releases(&repo(), Importance::Normal).await.unwrap();
    assert_eq!(found, Listed { items: vec![expected], has_more: false });

    server.on("GET /repos/shop/api/commits/tags%2Fv1.3", text_with(200, "application/vnd.github.sha", SHA));
    server.on("GET /repos/shop/api/commits/v9", no(422, "No commit found for SHA: v9"));
    assert_eq!(github.commit_of(&repo(), "tags/v1.3", Importance::Normal).await, Ok(Some(sha())));
    assert_eq!(github.commit_of(&repo(), "v9", Importance::Normal).await, Ok(None));
    assert_eq!(github.commit_of(&repo(), "../../user", Importance::Normal).await, Ok(None));
    let asked = server.asked();
    assert_eq!((asked.len(), asked[1].accept.as_str()), (3, "application/vnd.github.sha"));

    server.on(REPO, main_branch());
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
}
