//! The requests the bot makes, sent to the pretend API and to the real one: the answers have the same shape.

use anyhow::{Context, Result};
use http::{Request, header};
use http_body_util::BodyExt as _;
use k8s_monitor::{
    clock::Clock,
    cluster::Kind,
    sandbox::kubernetes::{Cluster, story},
};
use kube::client::Body;
use serde_json::{Value, json};

use crate::{
    broken,
    findings::{copy, everything_in},
    plane::{ADMIN, NOBODY, Plane, client_of},
};

/// What the bot says it understands.
const ACCEPT: &str = "application/vnd.kubernetes.protobuf,application/json";

/// How a pass asks for versions.
const VERSIONS: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// The same without protobuf.
const VERSIONS_AS_JSON: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// How a watch asks for everything there is.
const STREAMED: &str =
    "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=2";

/// One client, for each of both servers.
#[expect(clippy::disallowed_types, reason = "the answers themselves are looked at")]
struct Both {
    pretend: kube::Client,
    real: kube::Client,
}

/// What was compared so far.
#[derive(Default)]
struct Compared {
    all: usize,
    differ: Vec<String>,
}

impl Compared {
    fn hold(&mut self, what: &str, pretend: &str, real: &str) {
        self.all += 1;
        if pretend != real {
            self.differ.push(format!("{what}\n  pretend: {pretend}\n  real:    {real}"));
        }
    }

    /// Asks both, and compares the shapes of their answers.
    async fn ask(&mut self, what: &str, who: &Both, path: &str, accept: &str) -> Result<()> {
        let (pretend, real) = (answer(&who.pretend, path, accept).await?, answer(&who.real, path, accept).await?);
        self.hold(&format!("{what} {accept}"), &shape(&pretend), &shape(&real));
        Ok(())
    }

    /// As `ask`, but a cluster has other objects of its own: how many there are is not compared.
    async fn ask_whole(&mut self, what: &str, who: &Both, path: &str, accept: &str) -> Result<()> {
        let (pretend, real) = (answer(&who.pretend, path, accept).await?, answer(&who.real, path, accept).await?);
        let uncounted = |answer| {
            let text = shape(&answer);
            text.split(" items").next().unwrap_or_default().trim_end_matches(char::is_numeric).to_owned()
        };
        self.hold(&format!("{what} {accept}"), &uncounted(pretend), &uncounted(real));
        Ok(())
    }
}

/// One answer: status, content type, and the first bytes (all of them if it ends).
#[expect(clippy::disallowed_types, reason = "the answers themselves are looked at")]
async fn answer(client: &kube::Client, path: &str, accept: &str) -> Result<(u16, String, Vec<u8>)> {
    let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty())?;
    let response = client.send(request).await?;
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (status, content_type) = (response.status().as_u16(), content_type.replace(' ', ""));
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    if path.contains("watch=true") && status == 200 {
        // The first line is enough; a watch does not end.
        while !bytes.contains(&b'\n') {
            let Some(frame) = body.frame().await else { break };
            bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
            if content_type.contains("protobuf") {
                break;
            }
        }
    } else {
        bytes.extend_from_slice(&body.collect().await?.to_bytes());
    }
    Ok((status, content_type, bytes))
}

/// The frame that ends a streamed list: its type, kind, and annotations.
#[expect(clippy::disallowed_types, reason = "the answers themselves are looked at")]
async fn end_of(client: &kube::Client, path: &str) -> Result<String> {
    let request =
        Request::get(format!("{path}?{STREAMED}")).header(header::ACCEPT, "application/json").body(Body::empty())?;
    let mut body = client.send(request).await?.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
        let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        if let Some(end) = lines.into_iter().find(|line| line["type"] == "BOOKMARK") {
            let (kind, written) = (&end["object"]["kind"], &end["object"]["metadata"]["annotations"]);
            // Others may be there for a kind's own sake.
            return Ok(format!("{kind} {}", written["k8s.io/initial-events-end"]));
        }
    }
    Ok("it never ended".to_owned())
}

/// What matters of an answer, as text: its envelope, not its objects.
fn shape((status, content_type, body): &(u16, String, Vec<u8>)) -> String {
    let head = format!("{status} {content_type}");
    if let Some(envelope) = body.strip_prefix(b"k8s\0") {
        return format!("{head} k8s\\0 {}", if envelope.is_empty() { "empty" } else { "and an object" });
    }
    if content_type.contains("protobuf") {
        return format!("{head} frames");
    }
    if content_type.starts_with("text/plain") {
        return format!("{head} {}", String::from_utf8_lossy(body).trim());
    }
    let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let value: Value = serde_json::from_slice(first).or_else(|_| serde_json::from_slice(body)).unwrap_or(Value::Null);
    match (value.get("type"), value["kind"].as_str()) {
        (Some(kind), _) => {
            let object = &value["object"];
            let of_status = if object["kind"] == "Status" { status_of(object) } else { object["kind"].to_string() };
            format!("{head} {kind} {of_status}")
        }
        (None, Some("Status")) => format!("{head} {}", status_of(&value)),
        (None, Some(kind)) => {
            let metadata = value["metadata"].as_object().cloned().unwrap_or_default();
            let of_list = ["resourceVersion", "continue", "remainingItemCount"];
            let fields: Vec<&str> = of_list
                .into_iter()
                .filter(|field| metadata.get(*field).is_some_and(|v| *v != json!("") && *v != json!(0)))
                .collect();
            let items = value["items"].as_array().map(|items| {
                let bare = items.iter().all(|item| item.get("kind").is_none());
                format!(" {} items{}", items.len(), if bare { "" } else { " with a kind each" })
            });
            format!("{head} {} {kind} {}{}", value["apiVersion"], fields.join("+"), items.unwrap_or_default())
        }
        (None, None) => format!("{head} {}", String::from_utf8_lossy(body)),
    }
}

/// A `Status`: the fields programs read, and the first words of the message.
fn status_of(status: &Value) -> String {
    let message = status["message"].as_str().unwrap_or_default();
    let words: Vec<&str> = message.split(' ').take(3).collect();
    format!("Status {} {} {} {}…", status["status"], status["reason"], status["code"], words.join(" "))
}

/// The path of a kind's collection.
fn path_of(kind: Kind, namespace: Option<&str>) -> String {
    let root = if kind.api_version().contains('/') { "apis" } else { "api" };
    let place = namespace.map(|ns| format!("namespaces/{ns}/")).unwrap_or_default();
    format!("/{root}/{}/{place}{}", kind.api_version(), kind.plural())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_answer_in_the_same_shape() -> Result<()> {
    const JSON: &str = "application/json";
    let now = Clock::System.now();
    let cluster = Cluster::start().await?;
    for step in story::bad_deploy(now) {
        cluster.play(&step.changes);
    }
    cluster.apply_all(broken::one_of_each(now));
    let mut plane = Plane::bare().await?;
    copy(&everything_in(&cluster).await?, &plane).await?;
    cluster.require_token("sandbox");
    let as_pretend = |token: &str| client_of(&cluster.kubeconfig().replace("\"sandbox\"", &format!("\"{token}\"")));
    let someone = Both { pretend: as_pretend("sandbox")?, real: plane.client_of(ADMIN)? };
    let nobody = Both { pretend: as_pretend("sandbox")?, real: plane.client_of(NOBODY)? };
    let stranger = Both { pretend: as_pretend("of-a-stranger")?, real: plane.client_of("of-a-stranger")? };

    let mut compared = Compared::default();
    // The real one has APIServices of its own, and nothing that is installed into a cluster.
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ApiService && !kind.is_custom()) {
        let path = path_of(kind, None);
        for accept in [ACCEPT, JSON] {
            compared.ask_whole(&format!("all of {kind}"), &someone, &path, accept).await?;
            compared.ask(&format!("a page of {kind}"), &someone, &format!("{path}?limit=1"), accept).await?;
            let watch = format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1");
            compared.ask(&format!("a watch of {kind}"), &someone, &watch, accept).await?;
        }
        for accept in [VERSIONS, VERSIONS_AS_JSON] {
            compared
                .ask(&format!("a page of versions of {kind}"), &someone, &format!("{path}?limit=1"), accept)
                .await?;
        }
        for accept in [ACCEPT, JSON] {
            compared
                .ask(&format!("a streamed list of {kind}"), &someone, &format!("{path}?{STREAMED}"), accept)
                .await?;
        }
        let (pretend, real) = (end_of(&someone.pretend, &path).await?, end_of(&someone.real, &path).await?);
        compared.hold(&format!("the end of a streamed list of {kind}"), &pretend, &real);
        if kind.is_namespaced() {
            let path = format!("{}?limit=1", path_of(kind, Some("nowhere")));
            compared.ask(&format!("nothing of {kind}"), &someone, &path, JSON).await?;
        }
        cluster.forbid("list", kind, None);
        compared.ask(&format!("forbidden {kind}"), &nobody, &path, JSON).await?;
        cluster.allow("list", kind, None);
    }
    for (what, path) in [
        ("an object", "/api/v1/namespaces/kube-system"),
        ("an object that is not there", "/api/v1/namespaces/shop/pods/nobody"),
        ("the log of a pod that is not there", "/api/v1/namespaces/shop/pods/nobody/log?tailLines=5"),
        ("a group that is not there", "/apis/nowhere.example/v1/things"),
        ("a version that is a word", "/api/v1/pods?watch=true&resourceVersion=word"),
        ("a continue token that is a word", "/api/v1/pods?limit=1&continue=word"),
        ("alive", "/livez"),
        ("ready", "/readyz"),
    ] {
        for accept in [ACCEPT, JSON] {
            compared.ask(what, &someone, path, accept).await?;
        }
    }
    compared.ask("a stranger", &stranger, "/api/v1/pods", ACCEPT).await?;
    what_expired(&mut plane, &cluster, &someone, &mut compared).await?;
    let Compared { all, differ } = compared;
    assert!(differ.is_empty(), "{} of {all} answers differ:\n{}", differ.len(), differ.join("\n"));
    Ok(())
}

/// What expires: the rest of a list, and the version a watch would go on from.
async fn what_expired(plane: &mut Plane, cluster: &Cluster, someone: &Both, compared: &mut Compared) -> Result<()> {
    let mut rest = Vec::new();
    for client in [&someone.pretend, &someone.real] {
        let (_, _, page) = answer(client, "/api/v1/pods?limit=1", "application/json").await?;
        let page: Value = serde_json::from_slice(&page)?;
        let token = page.pointer("/metadata/continue").and_then(Value::as_str).context("no token")?;
        rest.push(format!("/api/v1/pods?limit=1&continue={token}"));
    }
    plane.patch("/api/v1/namespaces/shop", &json!({"metadata": {"labels": {"touched": "yes"}}})).await?;
    plane.compacts().await?;
    // What etcd forgot, the API server's own memory may still know.
    plane.kills_api_server().await?;
    plane.starts_api_server().await?;
    cluster.compact();
    for accept in [ACCEPT, "application/json"] {
        let pretend = answer(&someone.pretend, &rest[0], accept).await?;
        let real = answer(&someone.real, &rest[1], accept).await?;
        compared.hold(&format!("a list that expired {accept}"), &shape(&pretend), &shape(&real));
        let old = "/api/v1/pods?watch=true&resourceVersion=1&timeoutSeconds=1";
        compared.ask("a watch that is too old", someone, old, accept).await?;
    }
    Ok(())
}
