//! What did not change is not read again, and what was renamed is followed once.

use super::*;

fn unchanged() -> Canned {
    Canned { status: 304, headers: vec![("etag", "\"one\"".into())], body: String::new() }
}

#[tokio::test]
async fn an_answer_that_did_not_change_costs_nothing() {
    let (github, server, clock) = github().await;
    server.on(REPO, main_branch().with("etag", "\"one\""));
    server.on(REPO, unchanged());
    server.on(REPO, ok(&json!({"default_branch": "trunk"})).with("etag", "\"two\""));
    for expected in ["main", "main", "trunk"] {
        for _ in 0..2 {
            assert_eq!(
                ask(&github, Importance::Normal).await,
                Ok(expected.into()),
                "asked once, for it hardly changes"
            );
        }
        clock.advance(Duration::from_mins(11));
    }
    let etags: Vec<String> = server.asked().into_iter().map(|asked| asked.etag).collect();
    assert_eq!(etags, ["", "\"one\"", "\"one\""]);
    assert_eq!(github.requests(), Requests { sent: 3, unchanged: 1 });
    let outcomes = [("answered", 2), ("not_modified", 1), ("kept", 3), ("refused", 0), ("limited", 0), ("failed", 0)];
    assert_eq!(github.outcomes().into_iter().map(|(outcome, n)| (outcome.name(), n)).collect::<Vec<_>>(), outcomes);
}

#[tokio::test]
async fn a_commit_never_changes_and_is_asked_for_once() {
    let (github, server, clock) = github().await;
    let question = format!("GET /repos/shop/api/commits/{SHA}");
    server.on(&question, ok(&commit(SHA, "one", "2026-11-24T14:00:00Z")).with("etag", "\"one\""));
    let cold = github.commit(&repo(), &sha(), Importance::Normal).await.unwrap();
    clock.advance(Duration::from_hours(300));
    assert_eq!(github.commit(&repo(), &sha(), Importance::Normal).await.unwrap(), cold);
    assert_eq!(github.requests(), Requests { sent: 1, unchanged: 0 });
}

#[tokio::test]
async fn pages_are_kept_with_where_the_next_is_and_without_secrets() {
    let (github, server, _) = github().await;
    let (first, second) = ("GET /repos/shop/api/commits", "GET /repositories/1/commits");
    let link = format!("<{}/repositories/1/commits?page=2>; rel=\"next\"", server.base);
    let one = commit(SHA, "password=hunter2", "2026-11-24T14:00:00Z");
    server.on(first, ok(&json!([one])).with("etag", "\"one\"").with("link", &link));
    server.on(second, ok(&json!([one])).with("etag", "\"two\""));
    server.on(first, unchanged());
    server.on(second, unchanged());
    let cold = github.commits(&repo(), "a", None, last_day(), 3, Importance::Normal).await.unwrap();
    let warm = github.commits(&repo(), "a", None, last_day(), 3, Importance::Normal).await.unwrap();
    assert_eq!((cold.items.len(), &cold), (2, &warm));
    assert_eq!(github.requests(), Requests { sent: 4, unchanged: 2 });
    assert!(github.cached().bytes < 1600, "what is kept is what was read: {:?}", github.cached());
}

#[tokio::test]
async fn errors_and_answers_without_a_tag_are_not_kept() {
    let (github, server, _) = github().await;
    server.on(REPO, no(404, "Not Found").with("etag", "\"one\""));
    server.on(REPO, main_branch());
    ask(&github, Importance::Normal).await.unwrap_err();
    ask(&github, Importance::Normal).await.unwrap();
    assert_eq!(github.cached(), CacheBound { bytes: 0, entries: 0 });
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let server = server().await;
    let clock = Clock::by_hand(at("2026-11-24T14:30:00Z"));
    let bound = CacheBound { bytes: 1500, entries: 100 };
    let github = GitHub::new(&server.base, Auth::None, bound, clock).unwrap();
    for number in 1..=20 {
        let path = format!("/repos/shop/api-{number}");
        server.on(&format!("GET {path}"), main_branch().with("etag", "\"one\""));
        let name = RepoName::parse(&format!("shop/api-{number}")).unwrap();
        github.default_branch(&name, Importance::Normal).await.unwrap();
        assert!(github.cached().bytes <= 1500, "{:?}", github.cached());
    }
    assert!(github.cached().entries >= 3);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_and_from_then_on_found_at_once() {
    for status in [301, 302, 307, 308] {
        let (github, server, _) = github().await;
        let to = format!("{}/repositories/1296269/releases?per_page=30", server.base);
        server
            .on("GET /repos/shop/api/releases", json_with(status, &json!({"message": "Moved"})).with("location", &to));
        server.on("GET /repositories/1296269/releases", ok(&json!([])));
        server.on("GET /repositories/1296269", main_branch());
        github.releases(&repo(), Importance::Normal).await.unwrap();
        assert_eq!(github.renamed(), [repo()]);
        assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
        assert_eq!(
            server.lines(),
            [
                "GET /repos/shop/api/releases?per_page=30",
                "GET /repositories/1296269/releases?per_page=30",
                "GET /repositories/1296269"
            ]
        );
        assert!(server.asked().iter().all(|asked| asked.token == "Bearer pretend-token"));
    }
}

#[tokio::test]
async fn enterprise_has_its_api_below_a_path() {
    let server = server().await;
    let clock = Clock::by_hand(at("2026-11-24T14:30:00Z"));
    let base = format!("{}/api/v3/", server.base);
    let github = GitHub::new(&base, Auth::Token("t".into()), CacheBound::default(), clock).unwrap();
    let to = format!("{}/api/v3/repositories/7", server.base);
    server.on("GET /api/v3/repos/shop/api", json_with(301, &json!({})).with("location", &to));
    server.on("GET /api/v3/repositories/7", main_branch());
    server.on("GET /api/v3/repositories/7/releases", ok(&json!([])));
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
    github.releases(&repo(), Importance::Normal).await.unwrap();
    assert_eq!(server.lines().len(), 3);
}
