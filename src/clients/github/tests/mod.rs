//! The client against a server on loopback that answers what GitHub answers: the server, and the values tests are written with.

mod answers;
mod app;
mod deliveries;
mod kept;
mod limits;
mod refusals;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::*;
use crate::changes::deployed::{CommitSha, Window};

const SHA: &str = "9f3c2ab09f3c2ab09f3c2ab09f3c2ab09f3c2ab0";
const PARENT: &str = "1111111111111111111111111111111111111111";

/// An answer that is prepared.
struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Canned {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

fn json_with(status: u16, body: &Value) -> Canned {
    text_with(status, "application/json; charset=utf-8", &body.to_string())
}

fn ok(body: &Value) -> Canned {
    json_with(200, body)
}

/// GitHub's form of a refusal.
fn no(status: u16, message: &str) -> Canned {
    json_with(status, &json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
}

fn text_with(status: u16, kind: &str, body: &str) -> Canned {
    Canned { status, headers: vec![("content-type", kind.to_owned())], body: body.to_owned() }
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    line: String,
    token: String,
    accept: String,
    etag: String,
}

#[derive(Default)]
struct Server {
    base: String,
    answers: Mutex<BTreeMap<String, VecDeque<Canned>>>,
    asked: Mutex<Vec<Asked>>,
}

impl Server {
    /// Prepares the next answer to a method and a path.
    fn on(&self, question: &str, answer: Canned) {
        self.answers.lock().unwrap().entry(question.to_owned()).or_default().push_back(answer);
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method, path and query of what was asked.
    fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let asked = Asked {
        line: format!("{} {}", request.method(), request.uri()),
        token: header("authorization"),
        accept: header("accept"),
        etag: header("if-none-match"),
    };
    server.asked.lock().unwrap().push(asked);
    let question = format!("{} {}", request.method(), request.uri().path());
    let canned = server.answers.lock().unwrap().get_mut(&question).and_then(VecDeque::pop_front);
    let Some(canned) = canned else { return (StatusCode::IM_A_TEAPOT, "no answer prepared").into_response() };
    let mut response = Response::new(canned.body.into());
    *response.status_mut() = StatusCode::from_u16(canned.status).unwrap();
    for (name, value) in canned.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn server() -> Arc<Server> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Server { base, ..Server::default() });
    let app = Router::new().fallback(answer).with_state(Arc::clone(&server));
    #[expect(clippy::disallowed_methods, reason = "the server of a test ends with its runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    server
}

fn client(server: &Server, auth: Auth) -> (GitHub, Clock) {
    let clock = Clock::by_hand(at("2026-11-24T14:30:00Z"));
    (GitHub::new(&server.base, auth, CacheBound::default(), clock.clone()).unwrap(), clock)
}

/// A client with a token, its server and its clock, which stands at 14:30.
async fn github() -> (GitHub, Arc<Server>, Clock) {
    let server = server().await;
    let (github, clock) = client(&server, Auth::Token("pretend-token".into()));
    (github, server, clock)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn repo() -> RepoName {
    RepoName::parse("shop/api").unwrap()
}

fn sha() -> CommitSha {
    CommitSha::parse(SHA).unwrap()
}

fn last_day() -> Window {
    Window { since: at("2026-11-23T14:30:00Z"), until: at("2026-11-24T14:30:00Z") }
}

/// A commit as a list has it.
fn commit(sha: &str, message: &str, committed: &str) -> Value {
    json!({
        "sha": sha,
        "node_id": "C_x",
        "html_url": format!("https://github.com/shop/api/commit/{sha}"),
        "commit": {
            "message": message,
            "author": {"name": "Ana Lima", "email": "ana@example.com", "date": "2026-11-24T13:50:00Z"},
            "committer": {"name": "GitHub", "email": "noreply@github.com", "date": committed},
            "comment_count": 0
        },
        "author": {"login": "ana", "id": 7},
        "committer": null,
        "parents": [{"sha": PARENT, "url": "https://api.github.com/x"}]
    })
}

/// Asks the shortest question there is.
async fn ask(github: &GitHub, importance: Importance) -> Result<String, GitHubError> {
    github.default_branch(&repo(), importance).await
}

const REPO: &str = "GET /repos/shop/api";

fn main_branch() -> Canned {
    ok(&json!({"full_name": "shop/api", "default_branch": "main"}))
}
