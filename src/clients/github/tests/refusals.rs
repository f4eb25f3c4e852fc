//! Every refusal says what is wrong, where and how to mend it, and shows no secret.

use insta::assert_snapshot;
use rstest::rstest;

use super::*;

/// The error of an answer, in words, with whether asking again may help.
async fn said(github: &GitHub, server: &Server, answer: Canned) -> String {
    server.on(REPO, answer);
    let error = ask(github, Importance::Normal).await.unwrap_err();
    format!("{}: {error}", if error.is_worth_trying_again() { "again" } else { "mend" })
}

#[tokio::test]
async fn every_refusal_says_what_to_mend() {
    let (github, server, _) = github().await;
    let answers = [
        no(401, "Bad credentials"),
        no(403, "Resource not accessible by personal access token")
            .with("x-accepted-github-permissions", "contents=read"),
        no(403, "Must have admin rights to Repository.")
            .with("x-accepted-oauth-scopes", "public_repo, repo")
            .with("x-oauth-scopes", "gist, read:org"),
        no(403, "Resource protected by organization SAML enforcement.")
            .with("x-github-sso", "required; url=https://github.com/orgs/shop/sso?authorization_request=AAAAsecret"),
        no(403, "Repository access blocked"),
        no(404, "Not Found"),
        no(404, "Not Found").with("x-accepted-oauth-scopes", "repo").with("x-oauth-scopes", ""),
        json_with(
            422,
            &json!({"message": "Validation Failed", "errors": [{"resource": "X", "field": "sha", "code": "invalid"}]}),
        ),
        no(451, "Repository access blocked"),
        text_with(502, "text/html", "<html><h1>Bad Gateway</h1></html>"),
        no(500, "Server Error"),
        text_with(200, "text/html; charset=utf-8", "<html>\n<title>Log in to the proxy</title>"),
        text_with(403, "text/html", "<html>blocked, password=hunter2"),
        text_with(200, "application/json", "{\"full_name\": \"shop/api\"}"),
        text_with(200, "application/json", ""),
        text_with(200, "application/json", &" ".repeat(17 << 20)),
        json_with(304, &json!("")),
    ];
    let mut all = Vec::new();
    for answer in answers {
        all.push(said(&github, &server, answer).await);
    }
    assert_snapshot!(all.join("\n"), @r"
    mend: GitHub does not accept the token (Bad credentials): it is wrong, expired or revoked; make a new one and set GITHUB_TOKEN
    mend: GitHub does not show repository shop/api to this token (Resource not accessible by personal access token): give it `contents: read`
    mend: GitHub does not show repository shop/api to this token (Must have admin rights to Repository.): give it the scope `public_repo` or `repo` (it has `gist`, `read:org`)
    mend: GitHub does not show repository shop/api: shop wants single sign-on; authorize the token there (GitHub, Settings, Developer settings, tokens, Configure SSO)
    mend: GitHub does not show repository shop/api to this token (Repository access blocked); check what it may do
    mend: repository shop/api: does not exist, or is private and not readable with this token; check the name, or give the token `contents: read` there
    mend: repository shop/api: does not exist, or is private and not readable with this token; check the name, or give the token the scope `repo` (it has none) there
    mend: GitHub does not take the question for repository shop/api (HTTP 422: Validation Failed; sha: invalid)
    mend: GitHub does not take the question for repository shop/api (HTTP 451: Repository access blocked)
    again: GitHub is in trouble: repository shop/api is answered by HTTP 502 (text/html: <html><h1>Bad Gateway</h1></html>)
    again: GitHub is in trouble: repository shop/api is answered by HTTP 500 (Server Error)
    mend: repository shop/api: answered by something else than GitHub's API (HTTP 200, text/html: <html> <title>Log in to the proxy</title>); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    mend: repository shop/api: answered by something else than GitHub's API (HTTP 403, text/html: <html>blocked, password=***); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    mend: repository shop/api: answered by something else than GitHub's API (HTTP 200, missing field `default_branch` at line 1 column 25); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    mend: repository shop/api: answered by something else than GitHub's API (HTTP 200, application/json: nothing); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    mend: repository shop/api: answered by something else than GitHub's API (more than 16 MiB); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    mend: repository shop/api: answered by something else than GitHub's API (HTTP 304 to what was never answered); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    ");
}

#[tokio::test]
async fn without_a_token_what_is_not_found_may_need_one() {
    let server = server().await;
    let (github, _) = client(&server, Auth::None);
    assert_snapshot!(said(&github, &server, no(404, "Not Found")).await, @"mend: repository shop/api: does not exist, or is private and not readable without a token; set GITHUB_TOKEN to one with `contents: read` there");
    assert_eq!(server.asked()[0].token, "", "nothing is sent for a token");
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named() {
    let (github, server, _) = github().await;
    server.on(&format!("GET /repos/shop/api/commits/{SHA}"), no(422, &format!("No commit found for SHA: {SHA}")));
    let error = github.commit(&repo(), &sha(), Importance::Normal).await.unwrap_err();
    assert_snapshot!(error, @"commit 9f3c2ab of shop/api: does not exist, or is private and not readable with this token; check the name, or give the token `contents: read` there");
}

#[rstest]
#[case::another_host("https://evil.example.com/repositories/1")]
#[case::another_port("http://127.0.0.1:9/repositories/1")]
#[case::no_address("https://")]
#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed(#[case] to: &str) {
    let (github, server, _) = github().await;
    server.on(REPO, json_with(301, &json!({"message": "Moved Permanently"})).with("location", to));
    let error = ask(&github, Importance::Normal).await.unwrap_err();
    assert!(matches!(error, GitHubError::Elsewhere { .. }), "{error:?}");
    assert!(!error.is_worth_trying_again());
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn pages_of_another_host_are_not_read() {
    let (github, server, _) = github().await;
    let link = "<https://evil.example.com/commits?page=2>; rel=\"next\"";
    server.on("GET /repos/shop/api/commits", ok(&json!([])).with("link", link));
    let error = github.commits(&repo(), "", None, last_day(), 3, Importance::Normal).await.unwrap_err();
    assert_snapshot!(error, @"GitHub's answer for commits of shop/api leads to evil.example.com, which is not followed: the token is for GitHub alone; check GITHUB_API_URL");
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let (github, server, _) = github().await;
    for _ in 0..9 {
        server.on(REPO, json_with(302, &json!({})).with("location", "/repos/shop/api"));
    }
    let error = ask(&github, Importance::Normal).await.unwrap_err();
    assert_snapshot!(error, @"repository shop/api: answered by something else than GitHub's API (it leads in a circle); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3");
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_and_one_that_is_silent_times_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let of = |base: &str| {
        let clock = Clock::by_hand(at("2026-11-24T14:30:00Z"));
        GitHub::with_patience(base, Auth::None, CacheBound::default(), clock, Duration::from_millis(50)).unwrap()
    };
    // It listens, and never answers.
    let error = ask(&of(&base), Importance::Normal).await.unwrap_err();
    assert_eq!(error, GitHubError::TimedOut { place: "repository shop/api".into(), waited_ms: 50 });
    assert!(error.is_worth_trying_again());
    drop(listener);
    let error = ask(&of(&base), Importance::Normal).await.unwrap_err();
    assert!(error.is_worth_trying_again());
    let words = error.to_string();
    assert!(words.starts_with("GitHub cannot be reached at 127.0.0.1 (") && words.contains("refused"), "{words}");
}

#[rstest]
#[case("github.com")]
#[case("ftp://github.com")]
#[case("https://ana:hunter2@github.com")]
#[case("")]
#[tokio::test]
async fn an_address_that_is_none_is_refused_at_the_start(#[case] base: &str) {
    let clock = Clock::by_hand(at("2026-11-24T14:30:00Z"));
    let error = GitHub::new(base, Auth::None, CacheBound::default(), clock).unwrap_err();
    let words = error.to_string();
    assert!(words.ends_with("https://HOST/api/v3 (GITHUB_API_URL)") && !words.contains("hunter2"), "{words}");
}
