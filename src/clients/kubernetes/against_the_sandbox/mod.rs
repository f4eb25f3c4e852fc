//! The client against the pretend cluster: what it reads, what its watches tell, and what they make of everything that can go wrong.

mod reading;
mod trouble;
mod watching;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::*;
use crate::{clock::Clock, sandbox::kubernetes::Cluster};

const SOON: Duration = Duration::from_secs(10);

fn pod(name: &str, phase: &str) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": name, "namespace": "shop", "labels": {"app": "api"}, "creationTimestamp": "2026-11-24T10:00:00Z",
            "annotations": {"a": "b"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-1", "uid": "u", "controller": true}],
        },
        "spec": {"containers": [{"name": "api", "image": "shop/api:1", "resources": {"limits": {"memory": "256Mi"}}}], "nodeName": "n1"},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T10:00:05Z"}],
            "containerStatuses": [{"name": "api", "ready": true, "restartCount": 3, "state": {"running": {"startedAt": "2026-11-24T10:00:03Z"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-24T10:00:02Z"}}}]},
    })
}

fn client(cluster: &Cluster) -> Kubernetes {
    client_with(cluster, None)
}

fn client_with(cluster: &Cluster, token: Option<&str>) -> Kubernetes {
    Kubernetes::connect(ClusterConfig::at(&cluster.url(), token.map(Into::into)).unwrap())
        .unwrap()
        .with_patience(Duration::from_secs(5))
}

/// Short pauses; what is not waited for in a test stays as it is.
fn quick() -> Patience {
    let short = Duration::from_millis(20);
    Patience {
        first_retry: short,
        last_retry: short,
        forbidden: short,
        not_served: short,
        busy: short,
        ..Patience::default()
    }
}

/// How often something was asked for.
fn asked(cluster: &Cluster, what: &str) -> usize {
    cluster.requests().iter().filter(|request| request.contains(what)).count()
}

/// A watch of the Pods with what it says.
struct Listening {
    heard: mpsc::Receiver<Watched>,
    /// What the list that has begun named so far.
    listed: Vec<Fact>,
    handle: WatchHandle,
    _running: JoinSet<()>,
}

impl Listening {
    fn to(cluster: &Cluster, kind: Kind) -> Self {
        Self::with(client(cluster), kind, quick())
    }

    fn with(client: Kubernetes, kind: Kind, patience: Patience) -> Self {
        let scope = Scope { kind, namespace: None };
        let (out, heard) = mpsc::channel(1);
        let mut running = JoinSet::new();
        let watcher = Watcher::new(client, scope, Clock::System).with_patience(patience);
        let handle = watcher.handle();
        running.spawn(watcher.run(out));
        Self { heard, listed: Vec::new(), handle, _running: running }
    }

    async fn next(&mut self) -> Change {
        tokio::time::timeout(SOON, self.heard.recv()).await.expect("in time").expect("still running").change
    }

    /// The next change that is no sign of life.
    async fn news(&mut self) -> String {
        loop {
            match self.next().await {
                Change::Live => {}
                Change::Begin(_) => self.listed.clear(),
                Change::Page(facts) => self.listed.extend(facts),
                Change::Listed { .. } => return format!("listed {}", names(&std::mem::take(&mut self.listed))),
                Change::Applied { fact, .. } => return format!("applied {}", fact.meta().name),
                Change::Deleted { key, .. } => return format!("deleted {}", key.name),
                Change::Bookmark(version) => return format!("bookmark {version}"),
                Change::Lost(why) => return format!("lost: {}", kind_of(&why)),
            }
        }
    }

    async fn live(&mut self) {
        while self.next().await != Change::Live {}
    }

    /// What is heard from here to that.
    async fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let news = self.news().await;
            if news == wanted {
                return all;
            }
            all.push(news);
        }
    }
}

fn names(facts: &[Fact]) -> String {
    facts.iter().map(|f| f.meta().name.as_str()).collect::<Vec<_>>().join(",")
}

fn kind_of(why: &ReadError) -> &'static str {
    match why {
        ReadError::Forbidden { .. } => "forbidden",
        ReadError::NotServed { .. } => "not served",
        ReadError::Unauthorized { .. } => "unauthorized",
        ReadError::Unreachable { .. } => "unreachable",
        ReadError::Tls { .. } => "tls",
        ReadError::TimedOut { .. } => "timed out",
        ReadError::Busy { .. } => "busy",
        ReadError::Silent { .. } => "silent",
        ReadError::Gone => "gone",
        ReadError::Garbage { .. } => "garbage",
        ReadError::Failed { .. } => "failed",
    }
}
