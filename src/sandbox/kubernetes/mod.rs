//! A pretend Kubernetes API on loopback: apply and delete objects, break it on purpose, watch the bot react.

mod encode;
mod objects;
mod server;
pub mod story;
mod streams;
mod workload;
mod world;

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::cluster::{Kind, ObjectKey};
pub use server::Logs;
use server::Shared;
pub use workload::{Workload, deployment, stateful_set};

/// The uid of the pretend cluster's `kube-system`, so its identity.
pub const CLUSTER_ID: &str = "5a4db0c5-0000-4000-8000-000000000001";

/// What can be wrong with every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It comes late.
    Slow(Duration),
    /// It never comes.
    Hang,
    /// It is the login page of a proxy.
    Html,
    /// It is this status.
    Status(u16),
}

/// What becomes of the request to send a list as a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamedLists {
    /// It is sent, and a marked bookmark at its end (Kubernetes 1.34).
    #[default]
    Sent,
    /// It is refused (1.33, or switched off).
    Refused,
    /// It is taken for a watch: what there is comes, but no end of it (other servers that speak this API).
    Ignored,
}

/// A change of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// An object is new or has a new state.
    Apply(Value),
    /// An object is deleted.
    Delete(ObjectKey),
}

/// The pretend cluster. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: JoinSet<()>,
}

impl Cluster {
    /// Starts an empty cluster (it has the namespaces `kube-system` and `default`) on a free port of loopback.
    pub async fn start() -> io::Result<Self> {
        Self::start_as(CLUSTER_ID).await
    }

    /// The same, as the cluster of that identity.
    pub async fn start_as(id: &str) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut cluster = Self { shared, address, serving: JoinSet::new() };
        cluster.serve(listener);
        for (name, uid) in [("kube-system", id), ("default", "5a4db0c5-0000-4000-8000-000000000002")] {
            cluster.apply(json!({
                "kind": "Namespace", "apiVersion": "v1",
                "metadata": {"name": name, "uid": uid, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            }));
        }
        Ok(cluster)
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new().fallback(server::answer).with_state(self.shared.clone());
        self.serving.spawn(async move {
            // Connections belong to this task: when it is ended they are cut, as by a machine that went away.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        let service = TowerToHyperService::new(router.clone());
                        connections.spawn(async move {
                            let connection = hyper::server::conn::http1::Builder::new()
                                .serve_connection(TokioIo::new(stream), service);
                            // The client going away is no failure of ours.
                            connection.await.ok();
                        });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
    }

    /// Address of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Address and port at which the kubelets of its nodes listen.
    pub fn kubelet(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        let token = self.shared.settings().token.clone().unwrap_or_else(|| "sandbox".to_owned());
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: sandbox\nclusters:\n- name: sandbox\n  cluster: {{server: \"{}\"}}\nusers:\n- name: sandbox\n  user: {{token: \"{token}\"}}\ncontexts:\n- name: sandbox\n  context: {{cluster: sandbox, user: sandbox}}\n",
            self.url()
        )
    }

    /// Puts an object in, or its newer state. Returns the version; None if it is of no kind that is served or has no name.
    pub fn apply(&self, object: Value) -> Option<u64> {
        let version = self.shared.world().apply(object);
        self.shared.changed.send_modify(|n| *n += 1);
        version
    }

    /// Puts several objects in.
    pub fn apply_all(&self, objects: impl IntoIterator<Item = Value>) {
        let mut world = self.shared.world();
        for object in objects {
            world.apply(object);
        }
        drop(world);
        self.shared.changed.send_modify(|n| *n += 1);
    }

    /// Makes the changes of a story's step, or of [`Workload::change_from`].
    pub fn play(&self, changes: &[Edit]) {
        let mut world = self.shared.world();
        for change in changes {
            match change {
                Edit::Apply(object) => world.apply(object.clone()),
                Edit::Delete(key) => world.delete(key),
            };
        }
        drop(world);
        self.shared.changed.send_modify(|n| *n += 1);
    }

    /// Takes an object out; whether it was there.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = ObjectKey { kind, namespace: namespace.into(), name: name.into() };
        let deleted = self.shared.world().delete(&key).is_some();
        self.shared.changed.send_modify(|n| *n += 1);
        deleted
    }

    /// Takes out every object of a kind in a namespace whose label has that value.
    pub fn delete_labelled(&self, kind: Kind, namespace: &str, label: &str, value: &str) {
        let names: Vec<String> = {
            let world = self.shared.world();
            let labelled = world.all(kind, Some(namespace)).filter(|(_, object)| {
                object.pointer("/metadata/labels").and_then(|l| l.get(label)).and_then(Value::as_str) == Some(value)
            });
            labelled.map(|(key, _)| key.name.to_string()).collect()
        };
        for name in names {
            self.delete(kind, namespace, &name);
        }
    }

    /// An object as it is.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let key = ObjectKey { kind, namespace: namespace.into(), name: name.into() };
        self.shared.world().get(&key).cloned()
    }

    /// The names of the objects of a kind in a namespace, sorted.
    pub fn names(&self, kind: Kind, namespace: &str) -> Vec<String> {
        self.shared.world().all(kind, Some(namespace)).map(|(key, _)| key.name.to_string()).collect()
    }

    /// The version of the last change of a kind: who has seen it has seen all.
    pub fn latest_version(&self, kind: Kind) -> u64 {
        self.shared.world().latest(kind)
    }

    /// Sets what a Pod's log says.
    pub fn set_log(&self, namespace: &str, pod: &str, previous: bool, text: &str) {
        let key = (namespace.to_owned(), pod.to_owned(), previous);
        self.shared.world().logs.insert(key, text.to_owned());
    }

    /// What becomes of logs that are asked for, from now on.
    pub fn logs(&self, logs: Logs) {
        self.shared.logs.send_replace(logs);
    }

    /// From now on only this bearer token is accepted.
    pub fn require_token(&self, token: &str) {
        self.shared.settings().token = Some(token.to_owned());
    }

    /// Forbids a verb (`list`, `watch`, `get`) on a kind; None means requests for the whole cluster. Open watches go on.
    pub fn forbid(&self, verb: &str, kind: Kind, namespace: Option<&str>) {
        self.shared.settings().forbidden.insert((verb.to_owned(), kind, namespace.map(str::to_owned)));
    }

    /// Takes a ban back.
    pub fn allow(&self, verb: &str, kind: Kind, namespace: Option<&str>) {
        self.shared.settings().forbidden.remove(&(verb.to_owned(), kind, namespace.map(str::to_owned)));
    }

    /// Forbids to get objects of a kind that is not watched: `applications.argoproj.io`.
    pub fn close(&self, resource: &str) {
        self.shared.settings().closed.insert(resource.to_owned());
    }

    /// The cluster does not have this kind (an old one, or a group that is not installed).
    pub fn do_not_serve(&self, kind: Kind) {
        self.shared.world().not_served.insert(kind);
    }

    /// Has kubelets that refuse to say how full volumes are.
    pub fn measures_nothing(&self) {
        self.shared.settings().measured.insert(server::SUMMARY, server::Measured::Refused);
    }

    /// Has a metrics API, which says this of the memory of containers: namespace, Pod, container, and how much (`23Mi`).
    pub fn measures_memory(&self, used: &[(&str, &str, &str, &str)]) {
        let items: Vec<Value> = used
            .iter()
            .map(|(namespace, pod, container, memory)| {
                json!({"metadata": {"namespace": namespace, "name": pod}, "containers": [{"name": container, "usage": {"memory": memory}}]})
            })
            .collect();
        let list = json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items});
        self.shared.settings().measured.insert(server::METRICS, server::Measured::This(list));
    }

    /// Has kubelets that say this of volumes: namespace, claim, used and possible bytes. Nodes have to say that they listen at
    /// [`Self::kubelet`].
    pub fn measures_volumes(&self, used: &[(&str, &str, u64, u64)]) {
        let volumes: Vec<Value> = used
            .iter()
            .map(|(namespace, claim, used, capacity)| {
                json!({"name": "data", "usedBytes": used, "capacityBytes": capacity, "inodesUsed": 1, "inodes": 1000,
                    "pvcRef": {"namespace": namespace, "name": claim}})
            })
            .collect();
        let summary = json!({"node": {"nodeName": "n1"}, "pods": [{"podRef": {"name": "p"}, "volume": volumes}]});
        self.shared.settings().measured.insert(server::SUMMARY, server::Measured::This(summary));
    }

    /// Answers in JSON whatever is asked for, as for resources without protobuf.
    pub fn speak_json_only(&self) {
        self.shared.settings().json_only = true;
    }

    /// Whether lists are sent as streams from now on.
    pub fn streamed_lists(&self, streams: StreamedLists) {
        self.shared.settings().streams = streams;
    }

    /// From now on every request is answered with 429 and how long to wait, or no longer. Open watches go on.
    pub fn busy(&self, wait: Option<Duration>) {
        self.shared.settings().busy = wait;
    }

    /// Takes an object out behind everybody's back, as no cluster does: no watch is told. Whether it was there.
    pub fn lose(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = ObjectKey { kind, namespace: namespace.into(), name: name.into() };
        let was_there = self.shared.world().lose(&key);
        self.shared.changed.send_modify(|n| *n += 1);
        was_there
    }

    /// Breaks every answer from now on, or mends it.
    pub fn fault(&self, fault: Option<Fault>) {
        self.shared.settings().fault = fault;
    }

    /// Cuts every open watch in the middle.
    pub fn cut_watches(&self) {
        self.shared.cuts.send_modify(|n| *n += 1);
    }

    /// The next thing a watch is told is cut in its middle, and the connection with it.
    pub fn cut_in_the_next_frame(&self) {
        self.shared.settings().cuts_a_frame = true;
    }

    /// Nothing comes on open watches, and they are not closed either; or everything does again.
    pub fn mute(&self, mute: bool) {
        self.shared.mute.send_replace(mute);
    }

    /// From now on watches that are opened get no bookmarks, as of servers that do not know them.
    pub fn mute_bookmarks(&self) {
        self.shared.settings().sends_no_bookmarks = true;
    }

    /// Sends a bookmark to every watch that wants them.
    pub fn send_bookmarks(&self) {
        self.shared.bookmarks.send_modify(|n| *n += 1);
    }

    /// Forgets the changes so far: watches from earlier versions and lists half read get 410.
    pub fn compact(&self) {
        self.shared.world().compact();
    }

    /// The machine goes away: connections are cut, nobody listens; the state stays.
    pub async fn stop(&mut self) {
        self.serving.shutdown().await;
    }

    /// It is back, at the same address.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.serve(listener);
        Ok(())
    }

    /// How many watches of each kind are open, as it changes.
    pub fn open_watches(&self) -> watch::Receiver<BTreeMap<Kind, usize>> {
        self.shared.open.subscribe()
    }

    /// What was asked for so far (path and query), oldest first.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.borrow().iter().cloned().collect()
    }

    /// Returns when somebody has asked for something that satisfies the predicate.
    pub async fn asked(&self, what: impl Fn(&str) -> bool) {
        let mut requests = self.shared.requests.subscribe();
        // The sender lives in `self`, so this cannot fail.
        requests.wait_for(|all| all.iter().any(|r| what(r))).await.ok();
    }
}
