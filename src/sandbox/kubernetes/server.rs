//! Requests of the Kubernetes API answered from the pretend cluster: list, get, watch, logs, errors in upstream's words, faults.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

use super::{
    Fault, StreamedLists,
    encode::{Encoding, Form},
    streams::watch_of,
    world::{NoPage, World},
};
use crate::cluster::{Kind, ObjectKey};

/// How many requests are remembered.
const REMEMBERED: usize = 2_000;

/// What handlers and the test share.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    settings: Mutex<Settings>,
    /// Wakes watches; counts up with each change.
    pub(super) changed: watch::Sender<u64>,
    /// Counts up when every watch is to be cut.
    pub(super) cuts: watch::Sender<u64>,
    /// Counts up when every watch is to get a bookmark.
    pub(super) bookmarks: watch::Sender<u64>,
    /// Nothing is sent on open watches.
    pub(super) mute: watch::Sender<bool>,
    /// What becomes of logs that are asked for.
    pub(super) logs: watch::Sender<Logs>,
    /// How many watches are open.
    pub(super) open: watch::Sender<BTreeMap<Kind, usize>>,
    pub(super) requests: watch::Sender<VecDeque<String>>,
}

/// What becomes of logs that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logs {
    /// They come.
    #[default]
    Come,
    /// They do not come yet.
    Wait,
    /// They may not be read.
    Forbidden,
}

#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) token: Option<String>,
    pub(super) forbidden: BTreeSet<(String, Kind, Option<String>)>,
    pub(super) fault: Option<Fault>,
    pub(super) json_only: bool,
    /// What may not be read of the kinds that are not watched: `applications.argoproj.io`.
    pub(super) closed: BTreeSet<String>,
    /// What is answered at the paths of the metrics API and the kubelets.
    pub(super) measured: BTreeMap<&'static str, Measured>,
    pub(super) streams: StreamedLists,
    pub(super) busy: Option<Duration>,
    /// The next frames are cut in their middle, and the connection with them.
    pub(super) cuts_a_frame: bool,
    pub(super) sends_no_bookmarks: bool,
}

/// What is answered to who asks for measurements.
#[derive(Clone, Debug)]
pub(super) enum Measured {
    This(serde_json::Value),
    Refused,
}

/// Pods of the metrics API.
pub(super) const METRICS: &str = "/apis/metrics.k8s.io/v1beta1/pods";
/// Statistics of a kubelet.
pub(super) const SUMMARY: &str = "/stats/summary";

impl Default for Shared {
    fn default() -> Self {
        Self {
            world: Mutex::default(),
            settings: Mutex::default(),
            changed: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            bookmarks: watch::Sender::new(0),
            mute: watch::Sender::new(false),
            logs: watch::Sender::default(),
            open: watch::Sender::default(),
            requests: watch::Sender::default(),
        }
    }
}

impl Shared {
    fn forbids(&self, target: &Target, what: &(String, Kind, Option<String>)) -> bool {
        let is_log = matches!(target, Target::Log { .. });
        (is_log && *self.logs.borrow() == Logs::Forbidden) || self.settings().forbidden.contains(what)
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    List { kind: Kind, namespace: Option<String> },
    Object(ObjectKey),
    Log { namespace: String, pod: String },
}

fn target(path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (api_version, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("v1".to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    let kind_of = |plural: &str| {
        Kind::ALL.into_iter().chain(Kind::CHANGED).find(|k| k.plural() == plural && k.api_version() == api_version)
    };
    let key = |kind: Kind, namespace: &str, name: &str| {
        Target::Object(ObjectKey { kind, namespace: namespace.into(), name: name.into() })
    };
    match rest {
        ["namespaces", name] => Some(key(kind_of("namespaces")?, "", name)),
        ["namespaces", namespace, "pods", pod, "log"] => {
            Some(Target::Log { namespace: (*namespace).to_owned(), pod: (*pod).to_owned() })
        }
        ["namespaces", namespace, plural] => {
            Some(Target::List { kind: kind_of(plural)?, namespace: Some((*namespace).to_owned()) })
        }
        ["namespaces", namespace, plural, name] => Some(key(kind_of(plural)?, namespace, name)),
        [plural] => Some(Target::List { kind: kind_of(plural)?, namespace: None }),
        [plural, name] => Some(key(kind_of(plural)?, "", name)),
        _ => None,
    }
}

/// The answer of a server that is broken, if it is.
async fn broken(shared: &Shared) -> Option<Response> {
    let fault = shared.settings().fault.clone();
    match fault {
        None => {}
        Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Html) => {
            let page = "<!doctype html><html><title>Please sign in</title></html>";
            return Some(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response());
        }
        Some(Fault::Status(code)) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let message = "an error on the server has prevented the request";
            return Some(no(Encoding::Json, status, "InternalError", message));
        }
    }
    let wait = shared.settings().busy?;
    let message = "Too many requests, please try again later.";
    let mut response = no(Encoding::Json, StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    Some(response)
}

/// The answer at a path of the metrics API or of a kubelet.
fn measured(shared: &Shared, path: &str) -> Response {
    match shared.settings().measured.get(path) {
        Some(Measured::This(measured)) => {
            ([(header::CONTENT_TYPE, "application/json")], measured.to_string()).into_response()
        }
        Some(Measured::Refused) => {
            (StatusCode::FORBIDDEN, "Forbidden (user=k8s-monitor, verb=get, resource=nodes, subresource(s)=[stats])")
                .into_response()
        }
        None => not_served(),
    }
}

/// The list of a namespace's `ControllerRevision`s, if that is asked for.
fn revisions(shared: &Shared, path: &str) -> Option<Response> {
    let namespace = path.strip_prefix("/apis/apps/v1/namespaces/")?.strip_suffix("/controllerrevisions")?;
    let list = json!({
        "kind": "ControllerRevisionList", "apiVersion": "apps/v1", "metadata": {}, "items": shared.world().revisions(namespace),
    });
    Some(([(header::CONTENT_TYPE, "application/json")], list.to_string()).into_response())
}

/// An object of Argo CD, Flux or K3s's Helm, if one of such a kind is asked for that is there at all.
fn kept(shared: &Shared, path: &str) -> Option<Response> {
    let (collection, name) = path.rsplit_once('/')?;
    let ["", "apis", group, version, "namespaces", namespace, plural] = collection.split('/').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let named = format!("{plural}.{group}");
    if shared.settings().closed.contains(&named) {
        let message = format!("{named} {name:?} is forbidden: cannot get it in the namespace {namespace:?}");
        return Some(no(Encoding::Json, StatusCode::FORBIDDEN, "Forbidden", &message));
    }
    let world = shared.world();
    if let Some(object) = world.kept.get(path) {
        return Some(([(header::CONTENT_TYPE, "application/json")], object.to_string()).into_response());
    }
    let of_kind =
        |it: &String| it.starts_with(&format!("/apis/{group}/{version}/")) && it.rsplit('/').nth(1) == Some(plural);
    let message = format!("{named} {name:?} not found");
    world.kept.keys().any(of_kind).then(|| no(Encoding::Json, StatusCode::NOT_FOUND, "NotFound", &message))
}

/// Answers one request.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let uri = request.uri().clone();
    shared.requests.send_modify(|all| {
        // Reads are the rule and are told by their address; anything else is a write, and told with its method.
        let is_read = *request.method() == axum::http::Method::GET;
        all.push_back(if is_read { uri.to_string() } else { format!("{} {uri}", request.method()) });
        if all.len() > REMEMBERED {
            all.pop_front();
        }
    });
    if let Some(broken) = broken(&shared).await {
        return broken;
    }
    until_logs_come(&shared, uri.path()).await;
    let of = |name: header::HeaderName| {
        request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (token, json_only) = {
        let settings = shared.settings();
        (settings.token.clone(), settings.json_only)
    };
    let form = Form::accepted(&of(header::ACCEPT));
    let encoding = if json_only { Encoding::Json } else { Encoding::accepted(&of(header::ACCEPT)) };
    match uri.path() {
        "/readyz" | "/livez" | "/healthz" => return "ok".into_response(),
        _ if token.is_some_and(|token| of(header::AUTHORIZATION) != format!("Bearer {token}")) => {
            return no(encoding, StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized");
        }
        "/version" => {
            let version =
                json!({"major": "1", "minor": "34", "gitVersion": "v1.34.1+sandbox", "platform": "linux/amd64"});
            return ([(header::CONTENT_TYPE, "application/json")], version.to_string()).into_response();
        }
        // One server plays the kubelets too.
        path @ (METRICS | SUMMARY) => return measured(&shared, path),
        _ => {}
    }
    if let Some(answer) = revisions(&shared, uri.path()).or_else(|| kept(&shared, uri.path())) {
        return answer;
    }
    let Some(target) = target(uri.path()) else { return not_served() };
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let watching = matches!(query.get("watch").map(String::as_str), Some("true" | "1"));
    let (verb, kind, namespace, resource) = match &target {
        Target::List { kind, namespace } => {
            (if watching { "watch" } else { "list" }, *kind, namespace.clone(), kind.plural().to_owned())
        }
        Target::Object(key) => {
            let namespace = key.kind.is_namespaced().then(|| key.namespace.to_string());
            ("get", key.kind, namespace, key.kind.plural().to_owned())
        }
        Target::Log { namespace, .. } => ("get", Kind::Pod, Some(namespace.clone()), "pods/log".to_owned()),
    };
    if shared.world().not_served.contains(&kind) {
        return not_served();
    }
    let encoding = if kind.is_custom() { Encoding::Json } else { encoding };
    if shared.forbids(&target, &(verb.to_owned(), kind, namespace.clone())) {
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        let place = namespace.map_or("at the cluster scope".to_owned(), |ns| format!("in the namespace {ns:?}"));
        let named = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
        let message = format!(
            "{named} is forbidden: User \"system:serviceaccount:k8s-monitor:k8s-monitor\" cannot {verb} resource {resource:?} in API group {group:?} {place}"
        );
        return no(encoding, StatusCode::FORBIDDEN, "Forbidden", &message);
    }
    match target {
        Target::List { kind, namespace } if watching => watch_of(&shared, encoding, kind, namespace, &query),
        Target::List { kind, namespace } => {
            let limit = query.get("limit").and_then(|l| l.parse().ok()).filter(|l| *l > 0).unwrap_or(usize::MAX);
            let token = query.get("continue").map(String::as_str).filter(|t| !t.is_empty());
            match shared.world().list(kind, namespace.as_deref(), limit, token) {
                Ok(page) => {
                    let content_type = [(header::CONTENT_TYPE, encoding.content_type(form))];
                    (content_type, encoding.list(kind, &page, form)).into_response()
                }
                Err(NoPage::TooOld) => no(
                    encoding,
                    StatusCode::GONE,
                    "Expired",
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
                ),
                Err(NoPage::NoToken) => no(
                    encoding,
                    StatusCode::BAD_REQUEST,
                    "BadRequest",
                    "invalid continue token: not a token of this server",
                ),
            }
        }
        Target::Object(key) => match shared.world().get(&key) {
            Some(object) => yes(encoding, encoding.object(key.kind, object)),
            None => not_found(encoding, key.kind, &key.name),
        },
        Target::Log { namespace, pod } => log_of(&shared, encoding, &namespace, &pod, &query),
    }
}

/// Returns when a log that is asked for is to come.
async fn until_logs_come(shared: &Shared, path: &str) {
    if path.ends_with("/log") {
        // The sender is held by `shared`, so waiting cannot fail.
        shared.logs.subscribe().wait_for(|logs| *logs != Logs::Wait).await.ok();
    }
}

fn log_of(
    shared: &Shared,
    encoding: Encoding,
    namespace: &str,
    pod: &str,
    query: &BTreeMap<String, String>,
) -> Response {
    let previous = query.get("previous").is_some_and(|p| p == "true");
    let world = shared.world();
    let key = ObjectKey { kind: Kind::Pod, namespace: namespace.into(), name: pod.into() };
    if world.get(&key).is_none() {
        return not_found(encoding, Kind::Pod, pod);
    }
    match world.logs.get(&(namespace.to_owned(), pod.to_owned(), previous)) {
        Some(text) => {
            let tail = query.get("tailLines").and_then(|t| t.parse().ok()).unwrap_or(usize::MAX);
            let lines: Vec<&str> = text.lines().collect();
            let kept = lines.get(lines.len().saturating_sub(tail)..).unwrap_or_default().join("\n");
            ([(header::CONTENT_TYPE, "text/plain")], kept + "\n").into_response()
        }
        None if previous => {
            let container = query.get("container").map_or("", String::as_str);
            let message = format!("previous terminated container {container:?} in pod {pod:?} not found");
            no(encoding, StatusCode::BAD_REQUEST, "BadRequest", &message)
        }
        None => ([(header::CONTENT_TYPE, "text/plain")], "").into_response(),
    }
}

fn yes(encoding: Encoding, body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, encoding.content_type(Form::Objects))], body).into_response()
}

pub(super) fn no(encoding: Encoding, code: StatusCode, reason: &str, message: &str) -> Response {
    let body = encoding.status(&status(code, reason, message));
    (code, [(header::CONTENT_TYPE, encoding.content_type(Form::Objects))], body).into_response()
}

fn not_found(encoding: Encoding, kind: Kind, name: &str) -> Response {
    no(encoding, StatusCode::NOT_FOUND, "NotFound", &format!("{} {name:?} not found", kind.plural()))
}

/// What upstream says of an API it does not have.
fn not_served() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "404 page not found\n")
        .into_response()
}

pub(super) fn status(code: StatusCode, reason: &str, message: &str) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code.as_u16(),
    });
    if let Some(status) = status.as_object_mut().filter(|_| !reason.is_empty()) {
        status.insert("reason".to_owned(), json!(reason));
    }
    status
}
