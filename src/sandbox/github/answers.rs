//! One request to the pretend GitHub comes in; the answer in GitHub's shapes, with its headers, comes out.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::PoisonError,
};

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Commit, Shared, Trouble, World};

/// The answer to a request.
pub(super) fn answer(shared: &Shared, request: &Request) -> Response {
    let base = shared.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let world = shared.world();
    let (left, reset) = match world.trouble {
        Some(Trouble::BadGateway) => {
            return (StatusCode::BAD_GATEWAY, Html("<html><body>Unicorn!</body></html>")).into_response();
        }
        Some(Trouble::Limited(until)) => (0, until),
        Some(Trouble::Left(left, until)) => (left, until),
        Some(Trouble::Silence) | None => (4_999, Timestamp::MAX),
    };
    let reset = reset.as_second().min(i64::from(u32::MAX));
    let limits = [
        ("x-ratelimit-limit", "5000".to_owned()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ];
    let (status, value) = if left == 0 {
        (StatusCode::FORBIDDEN, json!({"message": "API rate limit exceeded for user ID 1."}))
    } else {
        found(&world, request, &base).map_or_else(
            || (StatusCode::NOT_FOUND, json!({"message": "Not Found", "status": "404"})),
            |value| (StatusCode::OK, value),
        )
    };
    let body = value.to_string();
    let mut hash = DefaultHasher::new();
    body.hash(&mut hash);
    let etag = format!("W/\"{:016x}\"", hash.finish());
    let is_known =
        request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if status.is_success() && is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
    };
    for (name, value) in limits.into_iter().chain([("etag", etag)]) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What is asked for; None: there is no such thing.
fn found(world: &World, request: &Request, base: &str) -> Option<Value> {
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let ["repos", owner, name, rest @ ..] = parts.as_slice() else { return None };
    let repo = format!("{owner}/{name}");
    if world.hidden.contains(&repo) {
        return None;
    }
    let commits = world.commits.get(&repo)?;
    let of = |sha: &str| commits.iter().find(|commit| commit.sha == sha);
    let page = |path: &str| format!("{base}/{repo}/{path}");
    match rest {
        ["commits"] => {
            let list = commits.iter().rev().filter(|commit| is_meant(commit, &query));
            Some(list.map(|commit| shown(commit, &page, false)).collect())
        }
        ["commits", sha] => Some(shown(of(sha)?, &page, true)),
        ["commits", sha, "pulls"] => {
            let commit = of(sha)?;
            let pull = commit.pull.as_ref().map(|(number, title)| {
                json!({
                    "number": number, "title": title, "user": {"login": commit.push.author}, "base": {"ref": "main"},
                    "merged_at": commit.push.at, "merge_commit_sha": sha, "html_url": page(&format!("pull/{number}"))
                })
            });
            Some(pull.into_iter().collect())
        }
        ["actions", "runs"] => {
            let runs = of(query.get("head_sha")?)?.runs.iter().zip(1_u64..).map(|((name, conclusion), id)| {
                json!({
                    "id": id, "name": name, "event": "push", "head_sha": query.get("head_sha"), "head_branch": "main",
                    "conclusion": conclusion, "run_attempt": 1, "created_at": "2026-11-24T13:00:00Z",
                    "run_started_at": "2026-11-24T13:00:00Z", "updated_at": "2026-11-24T13:05:00Z",
                    "html_url": page(&format!("actions/runs/{id}"))
                })
            });
            let runs: Vec<Value> = runs.collect();
            Some(json!({"total_count": runs.len(), "workflow_runs": runs}))
        }
        ["compare", range] => {
            let tags = world.tags.get(&repo)?;
            let (from, to) = range.split_once("...")?;
            let (from_at, to_at) = (*tags.get(from)?, *tags.get(to)?);
            let ahead = commits.get(from_at..to_at).unwrap_or_default();
            Some(json!({
                "ahead_by": to_at.saturating_sub(from_at), "behind_by": from_at.saturating_sub(to_at),
                "total_commits": ahead.len(), "files": [], "html_url": page(&format!("compare/{range}")),
                "commits": ahead.iter().map(|commit| shown(commit, &page, false)).collect::<Vec<_>>()
            }))
        }
        ["deployments"] => {
            let sha = &commits.last()?.sha;
            let all = world.deployments.get(&repo).into_iter().flatten().zip(1_u64..).map(|(it, id)| {
                json!({
                    "id": id, "sha": sha, "ref": it.reference, "task": "deploy", "environment": it.environment,
                    "description": null, "creator": {"login": it.by}, "created_at": it.at, "updated_at": it.at
                })
            });
            let mut all: Vec<Value> = all.collect();
            all.reverse();
            Some(all.into())
        }
        ["deployments", id, "statuses"] => {
            let place = id.parse::<usize>().ok()?.checked_sub(1)?;
            let it = world.deployments.get(&repo)?.get(place)?;
            let log = page(&format!("actions/runs/{id}"));
            Some(json!([{"id": 1, "state": it.state, "description": "", "created_at": it.at, "log_url": log}]))
        }
        ["releases"] => {
            let release = |tag: &String| {
                json!({"id": 1, "tag_name": tag, "name": tag, "draft": false, "prerelease": false,
                    "published_at": "2026-11-24T12:00:00Z", "author": {"login": "ana"}, "html_url": page(&format!("releases/tag/{tag}"))})
            };
            Some(world.tags.get(&repo).into_iter().flat_map(BTreeMap::keys).map(release).collect())
        }
        _ => None,
    }
}

fn is_meant(commit: &Commit, query: &BTreeMap<String, String>) -> bool {
    let time = |key: &str| query.get(key).and_then(|text| text.parse::<Timestamp>().ok());
    let is_there = query.get("path").is_none_or(|path| {
        let is_at =
            |file: &str| file.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        commit.push.files.iter().any(|(file, _)| is_at(file))
    });
    is_there
        && time("since").is_none_or(|since| commit.push.at >= since)
        && time("until").is_none_or(|until| commit.push.at <= until)
}

fn shown(commit: &Commit, page: &impl Fn(&str) -> String, with_files: bool) -> Value {
    let Commit { sha, push, .. } = commit;
    let person = json!({"name": push.author, "email": "somebody@example.com", "date": push.at});
    let mut value = json!({
        "sha": sha, "html_url": page(&format!("commit/{sha}")), "author": {"login": push.author}, "parents": [],
        "commit": {"message": push.title, "author": person, "committer": person}
    });
    if with_files && let Some(fields) = value.as_object_mut() {
        let file = |(path, patch): &(String, String)| json!({"filename": path, "status": "modified", "additions": 1, "deletions": 1, "patch": patch});
        fields.insert("files".to_owned(), push.files.iter().map(file).collect());
    }
    value
}
