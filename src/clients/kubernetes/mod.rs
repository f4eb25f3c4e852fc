//! The Kubernetes API, read only: identity, lists in pages, logs, watches; protobuf where the server speaks it, else JSON.
#![expect(clippy::disallowed_types, reason = "this is the one place that talks to Kubernetes")]

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod against_the_sandbox;
mod changes;
mod config;
mod connection;
mod decode;
pub mod decoded;
mod error;
mod frames;
mod lists;
mod pages;
mod position;
mod revisions;
mod sources;
mod usage;
mod watch;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;

pub use changes::{Change, Patience, Reason, Scope, Watched};
pub use config::{
    ClusterConfig, Found, K3S_KUBECONFIG, NoCluster, Places, SERVICE_ACCOUNT, find, find_in, find_inside,
};
use connection::Connection;
use decode::{Encoding, Status};
pub use error::ReadError;
pub use pages::{ObjectVersion, Page, Pages};
pub use revisions::Revisions;
pub use sources::SourceRead;
pub use usage::{Kubelet, Volumes};
pub use watch::{WatchHandle, Watcher};

use crate::cluster::{ClusterId, Fact, Kind};

/// Protobuf first, as it costs half the time and a third of the bytes; the answer's content type decides.
const ACCEPT: &str = "application/vnd.kubernetes.protobuf,application/json";
/// The same of the metadata alone, for a watch and for a list.
const ACCEPT_METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const ACCEPT_METADATA_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// An answer larger than this is not one: 500 objects of at most 1.5 MiB are never all that large.
const LARGEST_ANSWER: usize = 256 << 20;
/// At most this much of a log is read.
const LARGEST_LOG: usize = 256 << 10;

/// A connection to one cluster's API.
#[derive(Clone)]
pub struct Kubernetes {
    connection: Arc<Connection>,
    config: ClusterConfig,
    server: String,
    patience: Duration,
    /// The server was asked to stream a list, and does not. Known to all who share the connection.
    streams_no_lists: Arc<AtomicBool>,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A complete list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Every object.
    pub facts: Vec<Fact>,
    /// From where to watch.
    pub resource_version: String,
}

impl Kubernetes {
    /// Prepares the connection; nothing is sent yet.
    pub fn connect(config: ClusterConfig) -> Result<Self, ReadError> {
        // Fails only if a provider is installed already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let server = config.server();
        let mut kube = config.kube.clone();
        // Time-outs and repetition are ours: a person waits, or a watch decides.
        kube.default_retry = false;
        kube.connect_timeout = Some(Duration::from_secs(5));
        kube.read_timeout = None;
        let connection = Connection::new(kube)
            .map_err(|e| ReadError::Tls { server: server.clone(), why: error::capped(&config::chain(&e)) })?;
        let connection = Arc::new(connection);
        Ok(Self { connection, config, server, patience: Duration::from_secs(15), streams_no_lists: Arc::default() })
    }

    /// Whether lists are asked for as streams: until the server refuses it once.
    fn streams_lists(&self) -> bool {
        !self.streams_no_lists.load(Ordering::Relaxed)
    }

    fn streams_no_lists(&self) {
        if !self.streams_no_lists.swap(true, Ordering::Relaxed) {
            tracing::info!(server = %self.server, "the server does not stream lists: they are read in pages");
        }
    }

    /// How long one request may take (15 s).
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Address of the server, for people.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Who this cluster is: the uid of its namespace `kube-system`.
    pub async fn identity(&self) -> Result<ClusterId, ReadError> {
        let asked =
            Asked { verb: "get", kind: Kind::Namespace, resource: "", subresource: "", namespace: Some("kube-system") };
        let (encoding, body) = self.read("/api/v1/namespaces/kube-system", ACCEPT, asked).await?;
        match decode::uid(encoding, body).map_err(|what| self.garbage(what))?.as_str() {
            "" => Err(self.garbage("a namespace kube-system without a uid")),
            uid => Ok(ClusterId(uid.to_owned())),
        }
    }

    /// The server's version (`v1.34.1+k3s1`).
    pub async fn version(&self) -> Result<String, ReadError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let asked = Asked { verb: "get", kind: Kind::Namespace, resource: "", subresource: "", namespace: None };
        let (_, body) = self.read("/version", ACCEPT, asked).await?;
        let version: Version =
            serde_json::from_slice(&body).map_err(|e| self.garbage(format!("a version that is none ({e})")))?;
        Ok(error::capped(&version.git_version))
    }

    /// Every object of a kind, in a namespace or everywhere, read page by page. A list that expires midway is begun again.
    pub async fn list(&self, kind: Kind, namespace: Option<&str>) -> Result<Listed, ReadError> {
        let mut pages = self.pages(kind, namespace, pages::FACTS);
        let mut facts = Vec::new();
        loop {
            let page = pages.next().await?;
            if page.is_first {
                facts.clear();
            }
            facts.extend(page.items);
            if page.is_last {
                return Ok(Listed { facts, resource_version: page.resource_version });
            }
        }
    }

    /// The last lines of a container's log, at most 256 KiB; None if there is none (never started, rotated away, Pod gone).
    ///
    /// `previous` reads the container before its last restart. The text is the application's: redact it before anybody sees it.
    pub async fn logs(&self, wanted: &LogRequest<'_>) -> Result<Option<String>, ReadError> {
        let LogRequest { namespace, pod, container, previous, tail } = *wanted;
        let query = query(&[
            ("container", container),
            ("previous", if previous { "true" } else { "" }),
            ("tailLines", &tail.to_string()),
            ("limitBytes", &LARGEST_LOG.to_string()),
        ]);
        let path = format!("{}/{}/log?{query}", path(Kind::Pod, Some(namespace)), segment(pod));
        let asked =
            Asked { verb: "get", kind: Kind::Pod, resource: "", subresource: "/log", namespace: Some(namespace) };
        let read = async {
            let response = self.send(&path, "*/*").await?;
            if matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
                return Ok(None);
            }
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            self.log_text(response.into_body()).await.map(Some)
        };
        let text = self.within(read).await?;
        // The kubelet's excuse comes with status 200; it is not what the application said.
        Ok(text.filter(|t| !t.is_empty() && !t.starts_with("unable to retrieve container logs")))
    }

    async fn log_text(&self, mut body: Body) -> Result<String, ReadError> {
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| error::connection(&self.server, &e))?;
            if let Ok(data) = frame.into_data() {
                text.extend_from_slice(&data);
            }
            if text.len() >= LARGEST_LOG {
                text.truncate(LARGEST_LOG);
                break;
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// One request and its whole answer, within the time-out.
    async fn read(&self, uri: &str, accept: &str, asked: Asked<'_>) -> Result<(Encoding, Bytes), ReadError> {
        self.within(async {
            let response = self.send(uri, accept).await?;
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            let encoding = self.encoding_of(&response)?;
            Ok((encoding, self.whole(response.into_body()).await?))
        })
        .await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(answer) => answer,
            Err(_) => Err(ReadError::TimedOut { server: self.server.clone(), after: self.patience }),
        }
    }

    async fn send(&self, uri: &str, accept: &str) -> Result<Response<Body>, ReadError> {
        let request = || {
            let request = Request::get(uri).header(header::ACCEPT, accept).body(Body::empty());
            request.map_err(|e| self.garbage(format!("an address that cannot be asked for ({e})")))
        };
        let used = self.connection.now();
        let mut answer = used.client.clone().send(request()?).await;
        let is_refused = answer.as_ref().is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED);
        if is_refused && let Some(renewed) = self.connection.renewed(&used).await {
            answer = renewed.client.clone().send(request()?).await;
        }
        match answer {
            Ok(response) => Ok(response),
            // The credentials could not even be read or fetched (token file, exec plugin).
            Err(kube::Error::Auth(error)) => Err(ReadError::Failed {
                status: 401,
                said: format!("our credentials cannot be read: {}", error::capped(&config::chain(&error))),
            }),
            Err(error) => Err(error::connection(&self.server, &error)),
        }
    }

    fn encoding_of<B>(&self, response: &Response<B>) -> Result<Encoding, ReadError> {
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        Encoding::of(content_type).ok_or_else(|| {
            self.garbage(match content_type.split(';').next().unwrap_or_default() {
                "text/html" => "a web page (HTML)".to_owned(),
                "" => "something without a content type".to_owned(),
                other => format!("content of type {}", error::capped(other)),
            })
        })
    }

    async fn whole(&self, body: Body) -> Result<Bytes, ReadError> {
        match Limited::new(body, LARGEST_ANSWER).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(self.garbage(format!("more than {} MiB", LARGEST_ANSWER >> 20)))
            }
            Err(error) => Err(error::connection(&self.server, error.as_ref())),
        }
    }

    /// What a status other than success means.
    async fn refused(&self, response: Response<Body>, asked: Asked<'_>) -> ReadError {
        let status = response.status();
        let encoding = self.encoding_of(&response);
        match status {
            StatusCode::UNAUTHORIZED => return ReadError::Unauthorized { server: self.server.clone() },
            StatusCode::GONE => return ReadError::Gone,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let wait =
                    response.headers().get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                if let Some(wait) = wait.map(Duration::from_secs) {
                    return ReadError::Busy { status: status.as_u16(), wait };
                }
            }
            _ => {}
        }
        let body = match Limited::new(response.into_body(), 1 << 20).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => Bytes::new(),
        };
        let told = match encoding {
            Ok(encoding) => Status::read(encoding, body).ok(),
            // The server's own 404 for an API it does not have is plain text; a proxy's is HTML.
            Err(garbage) if body.trim_ascii_start().starts_with(b"<") => return garbage,
            Err(_) => Some(Status { message: String::from_utf8_lossy(&body).into_owned(), ..Status::default() }),
        };
        match status {
            StatusCode::FORBIDDEN => ReadError::Forbidden {
                verb: asked.verb,
                resource: asked.resource(),
                namespace: asked.namespace.map(str::to_owned),
            },
            StatusCode::NOT_FOUND if asked.may_be_missing() => {
                ReadError::NotServed { resource: asked.resource(), api_version: asked.kind.api_version().to_owned() }
            }
            StatusCode::NOT_FOUND => self.garbage(format!("\"not found\" for {}", asked.kind.plural())),
            _ => ReadError::Failed {
                status: status.as_u16(),
                said: error::capped(
                    &told
                        .map(|s| s.message)
                        .filter(|m| !m.is_empty())
                        .unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned()),
                ),
            },
        }
    }

    fn garbage(&self, what: impl Into<String>) -> ReadError {
        ReadError::Garbage { server: self.server.clone(), what: what.into() }
    }
}

/// Which log to read.
#[derive(Clone, Copy, Debug)]
pub struct LogRequest<'a> {
    /// Namespace of the Pod.
    pub namespace: &'a str,
    /// Name of the Pod.
    pub pod: &'a str,
    /// The container; may be empty if the Pod has only one.
    pub container: &'a str,
    /// The container before its last restart.
    pub previous: bool,
    /// How many lines, from the end.
    pub tail: u32,
}

/// What was asked for, in the words a refusal needs.
#[derive(Clone, Copy)]
struct Asked<'a> {
    verb: &'static str,
    kind: Kind,
    /// What has no kind of ours; empty: the kind's own.
    resource: &'static str,
    subresource: &'static str,
    namespace: Option<&'a str>,
}

impl Asked<'_> {
    fn resource(&self) -> String {
        let plural = if self.resource.is_empty() { self.kind.plural() } else { self.resource };
        format!("{plural}{}", self.subresource)
    }

    /// Whether "not found" means that this cluster has no such API.
    fn may_be_missing(&self) -> bool {
        !is_everywhere(self.kind) || self.subresource.starts_with('.')
    }
}

/// Every Kubernetes serves these, so "not found" means that this is not Kubernetes.
fn is_everywhere(kind: Kind) -> bool {
    matches!(kind.api_version(), "v1" | "apps/v1")
}

/// Path of a kind's collection.
fn path(kind: Kind, namespace: Option<&str>) -> String {
    let version = kind.api_version();
    let root = if version.contains('/') { "apis" } else { "api" };
    match namespace.filter(|_| kind.is_namespaced()) {
        Some(ns) => format!("/{root}/{version}/namespaces/{}/{}", segment(ns), kind.plural()),
        None => format!("/{root}/{version}/{}", kind.plural()),
    }
}

/// A query of everything that is not empty.
fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    query.finish()
}

/// A name as one segment of a path; people type namespaces, so it cannot be trusted to be one.
fn segment(name: &str) -> String {
    let plain = name.bytes().any(|b| b != b'.');
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && plain);
    let escaped = name.bytes().map(|b| if safe(b) { char::from(b).to_string() } else { format!("%{b:02X}") });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Kind::Pod, None, "/api/v1/pods")]
    #[case(Kind::Pod, Some("shop"), "/api/v1/namespaces/shop/pods")]
    #[case(Kind::Node, Some("shop"), "/api/v1/nodes")]
    #[case(Kind::CronJob, Some("a/../b?x"), "/apis/batch/v1/namespaces/a%2F..%2Fb%3Fx/cronjobs")]
    #[case(Kind::Pod, Some(".."), "/api/v1/namespaces/%2E%2E/pods")]
    fn a_path_holds_whatever_was_typed_in_one_segment(
        #[case] kind: Kind,
        #[case] namespace: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(path(kind, namespace), expected);
    }
}
