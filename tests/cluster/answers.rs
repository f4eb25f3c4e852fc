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

/// A server with the two ways to ask it.
#[expect(clippy::disallowed_types, reason = "the answers themselves are looked at")]
struct Server {
    someone: kube::Client,
    nobody: kube::Client,
    stranger: kube::Client,
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
        // The first frame is enough; a watch does not end.
        if let Some(frame) = body.frame().await {
            bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
        }
    } else {
        bytes.extend_from_slice(&body.collect().await?.to_bytes());
    }
    Ok((status, content_type, bytes))
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

#[tokio::test(flavor = "multi_thread")]
async fn both_answer_in_the_same_shape() -> Result<()> {
    let now = Clock::System.now();
    let cluster = Cluster::start().await?;
    for step in story::bad_deploy(now) {
        cluster.play(&step.changes);
    }
    cluster.apply_all(broken::one_of_each(now));
    let plane = Plane::bare().await?;
    copy(&everything_in(&cluster).await?, &plane).await?;

    let real = Server {
        someone: plane.client_of(ADMIN)?,
        nobody: plane.client_of(NOBODY)?,
        stranger: plane.client_of("token-of-a-stranger")?,
    };
    cluster.require_token("sandbox");
    let stranger = client_of(&cluster.kubeconfig().replace("\"sandbox\"", "\"token-of-a-stranger\""))?;
    let pretend =
        Server { someone: client_of(&cluster.kubeconfig())?, nobody: client_of(&cluster.kubeconfig())?, stranger };

    let mut differ = Vec::new();
    let mut compared = 0;
    let mut hold = |what: &str, pretend: String, real: String| {
        compared += 1;
        if pretend != real {
            differ.push(format!("{what}\n  pretend: {pretend}\n  real:    {real}"));
        }
    };
    for kind in Kind::ALL {
        let root = if kind.api_version().contains('/') { "apis" } else { "api" };
        let path = format!("/{root}/{}/{}", kind.api_version(), kind.plural());
        let many = kind.is_namespaced();
        for (what, query) in
            [("whole", ""), ("page", "?limit=1"), ("watch", "?watch=true&allowWatchBookmarks=true&timeoutSeconds=1")]
        {
            for accept in [ACCEPT, "application/json"] {
                let uri = format!("{path}{query}");
                let pretend = shape(&answer(&pretend.someone, &uri, accept).await?);
                let real = shape(&answer(&real.someone, &uri, accept).await?);
                // A cluster has other namespaces and objects of its own.
                let counted = |text: String| {
                    if what == "page" {
                        text
                    } else {
                        text.split(" items").next().unwrap_or_default().trim_end_matches(char::is_numeric).to_owned()
                    }
                };
                hold(&format!("{what} {kind} {accept}"), counted(pretend), counted(real));
            }
        }
        if many {
            let uri = format!("{path}?limit=1")
                .replace(&format!("/{}?", kind.plural()), &format!("/namespaces/nowhere/{}?", kind.plural()));
            let (pretend, real) = (
                answer(&pretend.someone, &uri, "application/json").await?,
                answer(&real.someone, &uri, "application/json").await?,
            );
            hold(&format!("nothing of {kind}"), shape(&pretend), shape(&real));
        }
        cluster.forbid("list", kind, None);
        let (pretend, real) = (
            answer(&pretend.nobody, &path, "application/json").await?,
            answer(&real.nobody, &path, "application/json").await?,
        );
        hold(&format!("forbidden {kind}"), shape(&pretend), shape(&real));
        cluster.allow("list", kind, None);
    }
    let pods = "/api/v1/pods";
    for (what, uri) in [
        ("an object", "/api/v1/namespaces/kube-system"),
        ("an object that is not there", "/api/v1/namespaces/shop/pods/nobody"),
        ("the log of a pod that is not there", "/api/v1/namespaces/shop/pods/nobody/log?tailLines=5"),
        ("a group that is not there", "/apis/nowhere.example/v1/things"),
        ("a version that is a word", "/api/v1/pods?watch=true&resourceVersion=word"),
        ("a continue token that is a word", "/api/v1/pods?limit=1&continue=word"),
        ("alive", "/livez"),
        ("ready", "/readyz"),
    ] {
        for accept in [ACCEPT, "application/json"] {
            let (pretend, real) =
                (answer(&pretend.someone, uri, accept).await?, answer(&real.someone, uri, accept).await?);
            hold(&format!("{what} {accept}"), shape(&pretend), shape(&real));
        }
    }
    let (a, b) = (answer(&pretend.stranger, pods, ACCEPT).await?, answer(&real.stranger, pods, ACCEPT).await?);
    hold("a stranger", shape(&a), shape(&b));

    // What expires: the rest of a list, and the version a watch would go on from.
    let mut tokens = Vec::new();
    for server in [&pretend, &real] {
        let (_, _, page) = answer(&server.someone, &format!("{pods}?limit=1"), "application/json").await?;
        let page: Value = serde_json::from_slice(&page)?;
        let text = |of: &str| page.pointer(of).and_then(Value::as_str).map(str::to_owned);
        tokens.push((
            text("/metadata/continue").context("no token")?,
            text("/metadata/resourceVersion").context("no version")?,
        ));
    }
    let touch = json!({"metadata": {"labels": {"touched": "yes"}}});
    plane.patch("/api/v1/namespaces/shop", &touch).await?;
    plane.compacts().await?;
    cluster.compact();
    for accept in [ACCEPT, "application/json"] {
        let mut shapes = Vec::new();
        for (server, (token, _)) in [&pretend, &real].into_iter().zip(&tokens) {
            shapes.push(shape(&answer(&server.someone, &format!("{pods}?limit=1&continue={token}"), accept).await?));
        }
        hold(&format!("a list that expired {accept}"), shapes[0].clone(), shapes[1].clone());
        let old = format!("{pods}?watch=true&resourceVersion=1&timeoutSeconds=1");
        let (a, b) = (answer(&pretend.someone, &old, accept).await?, answer(&real.someone, &old, accept).await?);
        hold(&format!("a watch that is too old {accept}"), shape(&a), shape(&b));
    }
    assert!(differ.is_empty(), "{} of {compared} answers differ:\n{}", differ.len(), differ.join("\n"));
    Ok(())
}
