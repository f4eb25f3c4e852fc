//! A GitHub App signs for itself, gets a token for an hour, and renews it before it ends.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rsa::KeyPair,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use rustls::pki_types::{PrivatePkcs1KeyDer, pem::PemObject as _};

use super::*;

/// Made for these tests; it opens nothing.
const PEM: &str = include_str!("pretend-app.pem");
const TOKENS: &str = "POST /app/installations/77/access_tokens";

fn app(pem: &str) -> Result<App, GitHubError> {
    App::new("4242", 77, pem.into())
}

fn token(name: &str, expires: &str) -> Canned {
    json_with(201, &json!({"token": name, "expires_at": expires, "permissions": {"contents": "read"}}))
}

async fn github_of_app() -> (GitHub, Arc<Server>, Clock) {
    let server = server().await;
    let (github, clock) = client(&server, Auth::App(Box::new(app(PEM).unwrap())));
    (github, server, clock)
}

fn of_pem() -> PrivatePkcs1KeyDer<'static> {
    PrivatePkcs1KeyDer::from_pem_slice(PEM.as_bytes()).unwrap()
}

#[tokio::test]
async fn the_key_signs_and_the_token_is_used_until_shortly_before_its_end() {
    let (github, server, clock) = github_of_app().await;
    server.on(TOKENS, token("ghs_one", "2026-11-24T15:30:00Z"));
    server.on(TOKENS, token("ghs_two", "2026-11-24T16:25:00Z"));
    for _ in 0..3 {
        server.on(REPO, main_branch());
    }
    ask(&github, Importance::Normal).await.unwrap();
    clock.advance(Duration::from_mins(54));
    ask(&github, Importance::Normal).await.unwrap();
    clock.advance(Duration::from_mins(1));
    ask(&github, Importance::Normal).await.unwrap();
    let asked = server.asked();
    let said: Vec<(&str, &str)> = asked.iter().map(|a| (a.line.as_str(), a.token.as_str())).collect();
    let (signed, renewed) = (said[0].1, said[3].1);
    assert_eq!(
        said,
        [
            (TOKENS, signed),
            (REPO, "Bearer ghs_one"),
            (REPO, "Bearer ghs_one"),
            (TOKENS, renewed),
            (REPO, "Bearer ghs_two")
        ]
    );
    assert_eq!(github.requests(), Requests { sent: 5, unchanged: 0 });

    let (text, signature) = signed.trim_start_matches("Bearer ").rsplit_once('.').unwrap();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let (head, claims) = text.split_once('.').unwrap();
    let read = |text: &str| serde_json::from_slice::<Value>(&decode(text)).unwrap();
    assert_eq!(read(head), json!({"alg": "RS256", "typ": "JWT"}));
    let now = at("2026-11-24T14:30:00Z").as_second();
    assert_eq!(read(claims), json!({"iss": "4242", "iat": now - 60, "exp": now + 540}));
    let key = KeyPair::from_der(of_pem().secret_pkcs1_der()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public())
        .verify(text.as_bytes(), &decode(signature))
        .expect("GitHub can verify it");
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    let (github, server, _) = github_of_app().await;
    server.on(TOKENS, token("ghs_one", "2026-11-24T15:30:00Z"));
    server.on(REPO, no(401, "Bad credentials"));
    server.on(TOKENS, token("ghs_two", "2026-11-24T15:30:00Z"));
    server.on(REPO, main_branch());
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));

    server.on(REPO, no(401, "Bad credentials"));
    server.on(TOKENS, token("ghs_three", "2026-11-24T15:30:00Z"));
    server.on(REPO, no(401, "Bad credentials"));
    let error = ask(&github, Importance::Normal).await.unwrap_err();
    assert!(matches!(error, GitHubError::BadCredentials { of: Credentials::App, .. }), "{error:?}");
    assert_eq!(server.lines().len(), 7);
}

#[tokio::test]
async fn what_is_wrong_with_the_app_is_said() {
    let (github, server, clock) = github_of_app().await;
    let answers = [
        no(401, "A JSON web token could not be decoded"),
        no(404, "Not Found"),
        no(403, "This installation has been suspended"),
        json_with(201, &json!({"tokens": "ghs_hunter2"})),
        no(403, "You have exceeded a secondary rate limit"),
    ];
    let mut said = Vec::new();
    for answer in answers {
        server.on(TOKENS, answer);
        said.push(ask(&github, Importance::Normal).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    GitHub does not accept the GitHub App (installation 77: A JSON web token could not be decoded): check its app id, private key and installation id, whether it is still installed, and this machine's clock
    GitHub does not accept the GitHub App (installation 77: Not Found): check its app id, private key and installation id, whether it is still installed, and this machine's clock
    GitHub does not accept the GitHub App (installation 77: This installation has been suspended): check its app id, private key and installation id, whether it is still installed, and this machine's clock
    the token of installation 77 of the GitHub App: answered by something else than GitHub's API (HTTP 201 without a token); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3
    GitHub wants fewer requests at once: again at 14:31 UTC
    ");
    assert_eq!(server.lines().len(), 5, "nothing is asked without a token");
    ask(&github, Importance::Sev1).await.unwrap_err();
    assert_eq!(server.lines().len(), 5, "nor before the time");
    clock.advance(Duration::from_mins(1));
    ask(&github, Importance::Sev1).await.unwrap_err();
    assert_eq!(server.lines().len(), 6);
}

#[tokio::test]
async fn the_limit_of_the_key_is_not_that_of_the_token() {
    let (github, server, _) = github_of_app().await;
    let low = token("ghs_one", "2026-11-24T15:30:00Z")
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-remaining", "3")
        .with("x-ratelimit-reset", "1795532400");
    server.on(TOKENS, low);
    server.on(REPO, main_branch());
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
    assert_eq!(github.budget(), None);
}

#[test]
fn a_key_is_read_in_each_of_its_forms() {
    app(&PEM.replace('\n', "\\n")).expect("with line breaks written out, as in a variable");
    let inner = of_pem();
    let inner = inner.secret_pkcs1_der();
    let length = |n: usize| [0x30, 0x82].into_iter().chain(u16::try_from(n).unwrap().to_be_bytes());
    let mut body = vec![2, 1, 0, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    body.extend([4, 0x82].into_iter().chain(u16::try_from(inner.len()).unwrap().to_be_bytes()));
    body.extend(inner);
    let der: Vec<u8> = length(body.len()).chain(body.iter().copied()).collect();
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let begins = "-----BEGIN PRIVATE KEY-----";
    app(&format!("{begins}\n{text}\n-----END PRIVATE KEY-----\n")).expect("PKCS#8");
}

#[test]
fn a_key_that_is_none_is_refused_without_showing_it() {
    let said = |error: GitHubError| error.to_string();
    let cut = PEM.lines().take(5).collect::<Vec<_>>().join("\n");
    let all = [
        said(app("hunter2").unwrap_err()),
        said(app(&cut).unwrap_err()),
        said(app("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").unwrap_err()),
        said(App::new("my app", 77, PEM.into()).unwrap_err()),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    the private key of GitHub App 4242 is not one (not PEM): give the whole .pem file that GitHub made, from -----BEGIN to -----END
    the private key of GitHub App 4242 is not one (not PEM): give the whole .pem file that GitHub made, from -----BEGIN to -----END
    the private key of GitHub App 4242 is not one (not RSA: InvalidEncoding): give the whole .pem file that GitHub made, from -----BEGIN to -----END
    `my app` is no app id: it is on the settings page of the GitHub App
    ");
    assert_eq!(format!("{:?}", app(PEM).unwrap()), r#"App { id: "4242", installation: 77, .. }"#);
}
