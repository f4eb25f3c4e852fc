//! Requests of the Kubernetes API answered from the pretend cluster: list, get, watch, logs, errors in upstream's words, faults.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
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
    world::{NoPage, World},
};
use crate::cluster::{Kind, ObjectKey};

/// How many requests are remembered.
const REMEMBERED: usize = 2_000;
/// As often as upstream, about.
const BOOKMARKS_EVERY: Duration = Duration::from_mins(1);

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
    let kind_of = |plural: &str| Kind::ALL.into_iter().find(|k| k.plural() == plural && k.api_version() == api_version);
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

fn watch_of(
    shared: &Arc<Shared>,
    encoding: Encoding,
    kind: Kind,
    namespace: Option<String>,
    query: &BTreeMap<String, String>,
) -> Response {
    let streams = shared.settings().streams;
    let is_list = query.contains_key("sendInitialEvents");
    if is_list && streams == StreamedLists::Refused {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return no(encoding, StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    }
    if is_list && query.get("resourceVersionMatch").map(String::as_str) != Some("NotOlderThan") {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return no(encoding, StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    }
    let from = match query.get("resourceVersion").map_or("", String::as_str) {
        "" | "0" => None,
        version => {
            let Ok(version) = version.parse::<u64>() else {
                let message = format!("resourceVersion: Invalid value: {version:?}: strconv.ParseUint: invalid syntax");
                // Upstream blames itself for this.
                return no(encoding, StatusCode::INTERNAL_SERVER_ERROR, "", &message);
            };
            Some(version)
        }
    };
    let lasts = Duration::from_secs(query.get("timeoutSeconds").and_then(|t| t.parse().ok()).unwrap_or(1_800));
    let mut changed = shared.changed.subscribe();
    changed.mark_changed();
    shared.open.send_modify(|open| *open.entry(kind).or_default() += 1);
    let watching = Watching {
        shared: shared.clone(),
        encoding,
        kind,
        namespace,
        position: from,
        ends_list: is_list && streams == StreamedLists::Sent,
        changed,
        cuts: shared.cuts.subscribe(),
        bookmarks: shared.bookmarks.subscribe(),
        mute: shared.mute.subscribe(),
        wants_bookmarks: query.get("allowWatchBookmarks").is_some_and(|b| b == "true")
            && !shared.settings().sends_no_bookmarks,
        ends: tokio::time::Instant::now() + lasts,
        over: false,
        cut_off: None,
    };
    let frames = futures::stream::unfold(watching, |mut watching| async move {
        let next = watching.next().await?;
        Some((next, watching))
    });
    let mut response = Response::new(Body::from_stream(frames));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type(Form::Stream)));
    response
}

/// One open watch.
struct Watching {
    shared: Arc<Shared>,
    encoding: Encoding,
    kind: Kind,
    namespace: Option<String>,
    /// Everything up to here was sent; None: nothing yet, begin with what there is.
    position: Option<u64>,
    /// After what there is comes the bookmark that says so.
    ends_list: bool,
    changed: watch::Receiver<u64>,
    cuts: watch::Receiver<u64>,
    bookmarks: watch::Receiver<u64>,
    mute: watch::Receiver<bool>,
    wants_bookmarks: bool,
    ends: tokio::time::Instant,
    over: bool,
    /// How the connection ends after the last bytes.
    cut_off: Option<io::Error>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let kind = self.kind;
        self.shared.open.send_modify(|open| {
            if let Some(n) = open.get_mut(&kind) {
                *n = n.saturating_sub(1);
            }
        });
    }
}

impl Watching {
    /// The next bytes; an error cuts the connection, None ends the answer in peace.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return self.cut_off.take().map(Err);
        }
        // The sender lives in `shared`.
        self.mute.wait_for(|mute| !mute).await.ok();
        loop {
            tokio::select! {
                biased;
                _ = self.cuts.changed() => {
                    self.over = true;
                    return Some(Err(io::Error::other("cut")));
                }
                _ = self.changed.changed() => {
                    if *self.mute.borrow() {
                        self.mute.wait_for(|mute| !mute).await.ok();
                    }
                    let frames = self.new_frames();
                    if frames.is_empty() {
                        continue;
                    }
                    if std::mem::take(&mut self.shared.settings().cuts_a_frame) {
                        self.over = true;
                        self.cut_off = Some(io::Error::other("cut in a frame"));
                        return Some(Ok(frames.slice(..frames.len() / 2)));
                    }
                    return Some(Ok(frames));
                }
                _ = self.bookmarks.changed(), if self.wants_bookmarks => return Some(Ok(self.bookmark())),
                () = tokio::time::sleep(BOOKMARKS_EVERY), if self.wants_bookmarks => return Some(Ok(self.bookmark())),
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    // Who comes back begins from here.
                    return self.wants_bookmarks.then(|| Ok(self.bookmark()));
                }
            }
        }
    }

    fn new_frames(&mut self) -> Bytes {
        let world = self.shared.world();
        let mut bytes = Vec::new();
        let changes = match self.position {
            None => {
                for (_, object) in world.all(self.kind, self.namespace.as_deref()) {
                    bytes.extend_from_slice(&self.encoding.frame("ADDED", &self.encoding.object(self.kind, object)));
                }
                Ok(Vec::new())
            }
            Some(position) => world.since(self.kind, self.namespace.as_deref(), position),
        };
        if let Ok(changes) = changes {
            for logged in changes {
                let object = self.encoding.object(self.kind, &logged.object);
                bytes.extend_from_slice(&self.encoding.frame(logged.change.name(), &object));
            }
            self.position = Some(world.version());
            if std::mem::take(&mut self.ends_list) {
                bytes.extend_from_slice(&self.encoding.bookmark(self.kind, world.version(), true));
            }
        } else {
            let position = self.position.unwrap_or(0);
            let message = format!("too old resource version: {position} ({})", world.compacted());
            let status = status(StatusCode::GONE, "Expired", &message);
            bytes.extend_from_slice(&self.encoding.frame("ERROR", &self.encoding.status(&status)));
            self.over = true;
        }
        bytes.into()
    }

    fn bookmark(&self) -> Bytes {
        self.encoding.bookmark(self.kind, self.position.unwrap_or(0), false)
    }
}

fn yes(encoding: Encoding, body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, encoding.content_type(Form::Objects))], body).into_response()
}

fn no(encoding: Encoding, code: StatusCode, reason: &str, message: &str) -> Response {
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

fn status(code: StatusCode, reason: &str, message: &str) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code.as_u16(),
    });
    if let Some(status) = status.as_object_mut().filter(|_| !reason.is_empty()) {
        status.insert("reason".to_owned(), json!(reason));
    }
    status
}
