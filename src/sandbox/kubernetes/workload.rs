//! Workloads as a test or a story names them: from `deployment("shop/api")` come the owner chain, pods, Service, endpoints and events.
#![expect(clippy::indexing_slicing, reason = "fields set in JSON objects that were made a line above")]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Edit, world::uid};
use crate::cluster::{Kind, ObjectKey};

/// How the pods of a workload are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Healthy,
    Starting,
    NotReady,
    CrashLooping { restarts: u32, oom: bool },
    ImagePullFailing,
}

/// One version of the pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    image: String,
    memory: String,
}

impl Template {
    /// Ten letters and digits, as in the name of a ReplicaSet; the same template has the same.
    fn hash(&self) -> String {
        letters(&format!("{} {}", self.image, self.memory), 9)
    }
}

/// A Deployment or StatefulSet with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Workload {
    kind: Kind,
    namespace: String,
    name: String,
    replicas: u32,
    created: Timestamp,
    /// When the pods of the current template were made.
    rolled_out: Timestamp,
    revision: u32,
    template: Template,
    /// The templates of earlier revisions.
    older: Vec<Template>,
    state: State,
}

/// A healthy Deployment of one replica, `"namespace/name"`, created then.
pub fn deployment(name: &str, created: Timestamp) -> Workload {
    Workload::new(Kind::Deployment, name, created)
}

/// A healthy StatefulSet of one replica, `"namespace/name"`, created then.
pub fn stateful_set(name: &str, created: Timestamp) -> Workload {
    Workload::new(Kind::StatefulSet, name, created)
}

impl Workload {
    fn new(kind: Kind, name: &str, created: Timestamp) -> Self {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            replicas: 1,
            created,
            rolled_out: created,
            revision: 1,
            template: Template { image: format!("{namespace}/{name}:1.0.0"), memory: "512Mi".to_owned() },
            older: Vec::new(),
            state: State::Healthy,
        }
    }

    /// How many pods.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// The image of its container.
    #[must_use]
    pub fn image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.template.image);
        self
    }

    /// The memory limit of its container.
    #[must_use]
    pub fn memory(mut self, limit: &str) -> Self {
        limit.clone_into(&mut self.template.memory);
        self
    }

    /// A new revision at that instant; `image` and `memory` after this change the new one. Its pods are starting.
    #[must_use]
    pub fn rollout(mut self, at: Timestamp) -> Self {
        self.older.push(self.template.clone());
        self.revision += 1;
        self.rolled_out = at;
        self.starting()
    }

    /// Every pod is ready.
    #[must_use]
    pub fn healthy(self) -> Self {
        self.with(State::Healthy)
    }

    /// The containers are being created.
    #[must_use]
    pub fn starting(self) -> Self {
        self.with(State::Starting)
    }

    /// The containers run but fail their readiness probe.
    #[must_use]
    pub fn not_ready(self) -> Self {
        self.with(State::NotReady)
    }

    /// The containers end again and again: out of memory, or with exit code 1.
    #[must_use]
    pub fn crash_looping(self, restarts: u32, oom: bool) -> Self {
        self.with(State::CrashLooping { restarts, oom })
    }

    /// The image cannot be pulled.
    #[must_use]
    pub fn image_pull_failing(self) -> Self {
        self.with(State::ImagePullFailing)
    }

    fn with(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// Names of its pods.
    pub fn pod_names(&self) -> Vec<String> {
        let names = (0..self.replicas).map(|n| {
            if self.kind == Kind::StatefulSet {
                format!("{}-{n}", self.name)
            } else {
                let hash = self.template.hash();
                format!("{}-{hash}-{}", self.name, letters(&format!("{hash} {} {n}", self.revision), 5))
            }
        });
        names.collect()
    }

    /// From how it was (None: it is new) to how it is: its objects, and the pods that are replaced.
    pub fn change_from(&self, before: Option<&Self>, now: Timestamp) -> Vec<Edit> {
        let names = self.pod_names();
        let gone = before.map(Self::pod_names).unwrap_or_default().into_iter().filter(|old| !names.contains(old));
        let deleted =
            gone.map(|name| Edit::Delete(ObjectKey { kind: Kind::Pod, namespace: self.namespace.clone(), name }));
        deleted.chain(self.objects(now).into_iter().map(Edit::Apply)).collect()
    }

    /// Everything that belongs to it, as it is at that instant.
    pub fn objects(&self, now: Timestamp) -> Vec<Value> {
        let mut all = vec![self.top(now)];
        if self.kind == Kind::Deployment {
            all.extend(self.replica_sets());
        }
        all.extend(self.pod_names().iter().enumerate().map(|(n, name)| self.pod(n, name, now)));
        all.push(self.service());
        all.push(self.endpoint_slice());
        all.extend(self.pod_names().iter().filter_map(|name| self.event(name, now)));
        all
    }

    fn ready(&self) -> u32 {
        if self.state == State::Healthy { self.replicas } else { 0 }
    }

    fn uid_of(&self, kind: Kind, name: &str) -> String {
        uid(&ObjectKey { kind, namespace: self.namespace.clone(), name: name.to_owned() }, 0)
    }

    fn metadata(&self, kind: Kind, name: &str, created: Timestamp) -> Value {
        json!({
            "name": name, "namespace": self.namespace, "uid": self.uid_of(kind, name), "creationTimestamp": created,
            "labels": {"app": self.name},
        })
    }

    fn owned(&self, kind: Kind, name: &str, created: Timestamp, owner: (Kind, &str)) -> Value {
        let mut metadata = self.metadata(kind, name, created);
        metadata["ownerReferences"] = json!([{
            "apiVersion": owner.0.api_version(), "kind": owner.0.name(), "name": owner.1,
            "uid": self.uid_of(owner.0, owner.1), "controller": true, "blockOwnerDeletion": true,
        }]);
        metadata
    }

    fn template_json(&self, template: &Template) -> Value {
        json!({"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [self.container(template)]}})
    }

    fn container(&self, template: &Template) -> Value {
        json!({
            "name": self.name, "image": template.image,
            "resources": {"limits": {"memory": template.memory}, "requests": {"memory": template.memory}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3},
        })
    }

    fn top(&self, now: Timestamp) -> Value {
        let ready = self.ready();
        let template = &self.template;
        let mut metadata = self.metadata(self.kind, &self.name, self.created);
        metadata["generation"] = json!(self.revision);
        let selector = json!({"matchLabels": {"app": self.name}});
        if self.kind == Kind::StatefulSet {
            let revision = format!("{}-{}", self.name, template.hash());
            return json!({
                "kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": metadata,
                "spec": {"replicas": self.replicas, "selector": selector, "serviceName": self.name,
                    "podManagementPolicy": "OrderedReady", "template": self.template_json(template)},
                "status": {"observedGeneration": self.revision, "replicas": self.replicas, "readyReplicas": ready,
                    "availableReplicas": ready, "currentReplicas": self.replicas, "updatedReplicas": self.replicas,
                    "currentRevision": revision, "updateRevision": revision},
            });
        }
        metadata["annotations"] = json!({"deployment.kubernetes.io/revision": self.revision.to_string()});
        let healthy = ready == self.replicas;
        let (available, why) =
            if healthy { ("True", "MinimumReplicasAvailable") } else { ("False", "MinimumReplicasUnavailable") };
        let progress = if healthy { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" };
        let since = if healthy { self.running_since() } else { self.rolled_out };
        json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": metadata,
            "spec": {"replicas": self.replicas, "selector": selector, "progressDeadlineSeconds": 600,
                "strategy": {"type": "Recreate"}, "template": self.template_json(template)},
            "status": {"observedGeneration": self.revision, "replicas": self.replicas, "updatedReplicas": self.replicas,
                "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": self.replicas - ready,
                "conditions": [
                    {"type": "Available", "status": available, "reason": why, "message": "",
                        "lastUpdateTime": since, "lastTransitionTime": since},
                    {"type": "Progressing", "status": "True", "reason": progress, "message": "",
                        "lastUpdateTime": since.min(now), "lastTransitionTime": self.created},
                ]},
        })
    }

    fn replica_sets(&self) -> Vec<Value> {
        let current = self.template.hash();
        let mut seen = Vec::new();
        let mut all = Vec::new();
        for (n, template) in (0..).zip(self.older.iter().chain([&self.template])).collect::<Vec<_>>().into_iter().rev()
        {
            let hash = template.hash();
            if seen.contains(&hash) {
                continue;
            }
            let name = format!("{}-{hash}", self.name);
            let is_current = hash == current;
            let (wanted, ready) = if is_current { (self.replicas, self.ready()) } else { (0, 0) };
            // The revision moves with a template that comes back.
            let revision = if is_current { self.revision.to_string() } else { (n + 1).to_string() };
            let created = if n == 0 { self.created } else { self.rolled_out };
            let mut metadata = self.owned(Kind::ReplicaSet, &name, created, (Kind::Deployment, &self.name));
            metadata["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
            metadata["labels"]["pod-template-hash"] = json!(hash);
            let mut pods = self.template_json(template);
            pods["metadata"]["labels"]["pod-template-hash"] = json!(hash);
            all.push(json!({
                "kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata,
                "spec": {"replicas": wanted, "template": pods,
                    "selector": {"matchLabels": {"app": self.name, "pod-template-hash": hash}}},
                "status": {"replicas": wanted, "readyReplicas": ready, "availableReplicas": ready},
            }));
            seen.push(hash);
        }
        all
    }

    /// When containers of the current template first ran.
    fn running_since(&self) -> Timestamp {
        plus(self.rolled_out, Duration::from_secs(3))
    }

    fn pod(&self, n: usize, name: &str, now: Timestamp) -> Value {
        let template = &self.template;
        let owner = if self.kind == Kind::StatefulSet {
            (Kind::StatefulSet, self.name.clone())
        } else {
            (Kind::ReplicaSet, format!("{}-{}", self.name, template.hash()))
        };
        let mut metadata = self.owned(Kind::Pod, name, self.rolled_out, (owner.0, &owner.1));
        metadata["labels"]["pod-template-hash"] = json!(template.hash());
        let ready = self.state == State::Healthy;
        let since = if ready { self.running_since() } else { self.rolled_out };
        let truth = if ready { "True" } else { "False" };
        let mut readiness = json!({"status": truth, "lastTransitionTime": since});
        if !ready {
            readiness["reason"] = json!("ContainersNotReady");
            readiness["message"] = json!(format!("containers with unready status: [{}]", self.name));
        }
        let condition = |kind: &str| {
            let mut condition = readiness.clone();
            condition["type"] = json!(kind);
            condition
        };
        let phase = if matches!(self.state, State::Starting | State::ImagePullFailing) { "Pending" } else { "Running" };
        json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": metadata,
            "spec": {"restartPolicy": "Always", "nodeName": format!("node-{}", n % 2 + 1),
                "terminationGracePeriodSeconds": 30, "containers": [self.container(template)]},
            "status": {"phase": phase, "startTime": self.rolled_out, "podIP": address(self, n),
                "conditions": [
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": self.rolled_out},
                    {"type": "Initialized", "status": "True", "lastTransitionTime": self.rolled_out},
                    condition("Ready"), condition("ContainersReady"),
                ],
                "containerStatuses": [self.container_status(template, now)]},
        })
    }

    fn container_status(&self, template: &Template, now: Timestamp) -> Value {
        let running = json!({"running": {"startedAt": self.running_since()}});
        let (state, last, restarts, started) = match self.state {
            State::Healthy | State::NotReady => (running, json!({}), 0, true),
            State::Starting => (json!({"waiting": {"reason": "ContainerCreating"}}), json!({}), 0, false),
            State::ImagePullFailing => {
                let message = format!("Back-off pulling image \"{}\"", template.image);
                (json!({"waiting": {"reason": "ImagePullBackOff", "message": message}}), json!({}), 0, false)
            }
            State::CrashLooping { restarts, oom } => {
                let (reason, code) = if oom { ("OOMKilled", 137) } else { ("Error", 1) };
                let ended = json!({"terminated": {
                    "exitCode": code, "reason": reason, "startedAt": minus(now, Duration::from_secs(4)),
                    "finishedAt": minus(now, Duration::from_secs(1)),
                }});
                let message = format!("back-off restarting failed container={}", self.name);
                let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
                // The first time it is seen ended, before anything is restarted.
                if restarts == 0 { (ended, json!({}), 0, false) } else { (waiting, ended, restarts, false) }
            }
        };
        json!({
            "name": self.name, "image": template.image, "imageID": format!("{}@sha256:{}", template.image, template.hash()),
            "ready": self.state == State::Healthy, "started": started, "restartCount": restarts,
            "state": state, "lastState": last,
        })
    }

    fn service(&self) -> Value {
        json!({
            "kind": "Service", "apiVersion": "v1", "metadata": self.metadata(Kind::Service, &self.name, self.created),
            "spec": {"type": "ClusterIP", "clusterIP": format!("10.43.1.{}", of_name(self)), "selector": {"app": self.name},
                "ports": [{"port": 80, "targetPort": 8080}]},
        })
    }

    fn endpoint_slice(&self) -> Value {
        let name = format!("{}-{}", self.name, letters(&self.name, 5));
        let mut metadata = self.owned(Kind::EndpointSlice, &name, self.created, (Kind::Service, &self.name));
        metadata["labels"] = json!({
            "kubernetes.io/service-name": self.name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        });
        let ready = self.state == State::Healthy;
        let endpoints = self.pod_names().into_iter().enumerate().map(|(n, pod)| {
            json!({
                "addresses": [address(self, n)],
                "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "targetRef": {"kind": "Pod", "namespace": self.namespace, "uid": self.uid_of(Kind::Pod, &pod), "name": pod},
            })
        });
        json!({
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "metadata": metadata, "addressType": "IPv4",
            "endpoints": endpoints.collect::<Vec<_>>(), "ports": [{"port": 8080, "protocol": "TCP"}],
        })
    }

    fn event(&self, pod: &str, now: Timestamp) -> Option<Value> {
        let (reason, message, count) = match self.state {
            State::Healthy | State::Starting | State::CrashLooping { restarts: 0, .. } => return None,
            State::NotReady => {
                ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned(), 3)
            }
            State::CrashLooping { restarts, .. } => {
                ("BackOff", format!("Back-off restarting failed container {} in pod {pod}", self.name), restarts)
            }
            State::ImagePullFailing => {
                ("Failed", format!("Failed to pull image \"{}\": not found", self.template.image), 3)
            }
        };
        let name = format!("{pod}.{}", letters(reason, 9));
        Some(json!({
            "kind": "Event", "apiVersion": "v1", "metadata": self.metadata(Kind::Event, &name, self.rolled_out),
            "type": "Warning", "reason": reason, "message": message, "count": count,
            "firstTimestamp": self.running_since(), "lastTimestamp": now,
            "involvedObject": {"kind": "Pod", "namespace": self.namespace, "name": pod, "uid": self.uid_of(Kind::Pod, pod)},
        }))
    }
}

fn address(workload: &Workload, n: usize) -> String {
    format!("10.42.{}.{}", n % 2, of_name(workload) + u32::try_from(n).unwrap_or(0))
}

/// A number for the last byte of an address, always the same for the same workload.
fn of_name(workload: &Workload) -> u32 {
    workload.name.bytes().fold(0, |sum, b| (sum * 31 + u32::from(b)) % 200) + 2
}

/// Letters and digits as Kubernetes makes them, always the same for the same text.
fn letters(text: &str, many: usize) -> String {
    const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut out = String::new();
    for _ in 0..many {
        hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(hash >> 40).unwrap_or(0) % SAFE.len();
        out.extend(SAFE.get(at).map(|b| char::from(*b)));
    }
    out
}

pub(super) fn plus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

pub(super) fn minus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(at)
}
