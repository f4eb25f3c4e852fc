//! The objects of a workload as the API shows them: the owner chain, pods, Service, endpoints and events.
#![expect(clippy::indexing_slicing, reason = "fields set in JSON objects that were made a line above")]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    workload::{State, Template, Workload, letters, minus, plus},
    world::uid,
};
use crate::cluster::{Kind, ObjectKey};

impl Workload {
    fn ready(&self) -> u32 {
        let lost = (0..self.replicas).filter(|n| self.lost_since(usize::try_from(*n).unwrap_or(0)).is_some()).count();
        if self.serves() { self.replicas - u32::try_from(lost).unwrap_or(0) } else { 0 }
    }

    fn uid_of(&self, kind: Kind, name: &str) -> String {
        uid(&ObjectKey { kind, namespace: self.namespace.clone().into(), name: name.into() }, 0)
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

    pub(super) fn top(&self, now: Timestamp) -> Value {
        let ready = self.ready();
        let template = &self.template;
        let mut metadata = self.metadata(self.kind, &self.name, self.created);
        metadata["generation"] = json!(self.revision);
        metadata["managedFields"] = self.managed();
        for (name, value) in &self.labels {
            metadata["labels"][name.as_str()] = json!(value);
        }
        metadata["annotations"] = json!(self.annotations);
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
        metadata["annotations"]["deployment.kubernetes.io/revision"] = json!(self.templates().len().to_string());
        let healthy = ready == self.replicas;
        let (available, why) =
            if healthy { ("True", "MinimumReplicasAvailable") } else { ("False", "MinimumReplicasUnavailable") };
        // What breaks long after it was rolled out is no rollout.
        let is_new = self.is_rollout && now < plus(self.rolled_out, Duration::from_mins(10));
        let is_rolled_out = !healthy && self.lost.is_none() && is_new;
        let progress = if is_rolled_out { "ReplicaSetUpdated" } else { "NewReplicaSetAvailable" };
        let broken_since = self.lost.as_ref().map_or(self.rolled_out, |(_, since)| *since);
        let since = if healthy { self.running_since() } else { broken_since };
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

    /// The templates in the order in which they were put in force; each that is the same as the one before it is not a new one.
    fn templates(&self) -> Vec<&Template> {
        let mut all: Vec<&Template> = self.older.iter().chain([&self.template]).collect();
        all.dedup_by_key(|template| template.hash());
        all
    }

    /// The templates with the number and the beginning of each, the newest first; one that came back has its newest number, and
    /// the object that it had before.
    fn numbered(&self) -> Vec<(usize, Timestamp, &Template)> {
        let templates = self.templates();
        let mut all: Vec<(usize, Timestamp, &Template)> = Vec::new();
        for (at, template) in templates.iter().enumerate().rev() {
            let hash = template.hash();
            if all.iter().all(|(_, _, known)| known.hash() != hash) {
                let first = templates.iter().find(|it| it.hash() == hash).map_or(template.since, |it| it.since);
                all.push((at + 1, first, template));
            }
        }
        all
    }

    /// The numbers that a template had before it came back.
    fn numbers_before(&self, hash: &str, number: usize) -> Vec<String> {
        let all = (1..).zip(self.templates());
        all.filter(|(n, it)| *n < number && it.hash() == hash).map(|(n, _)| n.to_string()).collect()
    }

    /// Who wrote the template, and when, as the server notes it.
    fn managed(&self) -> Value {
        json!([{
            "manager": self.manager, "operation": "Update", "apiVersion": "apps/v1", "time": self.rolled_out,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}},
        }])
    }

    pub(super) fn replica_sets(&self) -> Vec<Value> {
        let current = self.template.hash();
        let all = self.numbered().into_iter().map(|(number, created, template)| {
            let hash = template.hash();
            let name = format!("{}-{hash}", self.name);
            let (wanted, ready) = if hash == current { (self.replicas, self.ready()) } else { (0, 0) };
            let mut metadata = self.owned(Kind::ReplicaSet, &name, created, (Kind::Deployment, &self.name));
            metadata["annotations"] = json!({"deployment.kubernetes.io/revision": number.to_string()});
            let before = self.numbers_before(&hash, number);
            if !before.is_empty() {
                metadata["annotations"]["deployment.kubernetes.io/revision-history"] = json!(before.join(","));
            }
            metadata["labels"]["pod-template-hash"] = json!(hash);
            let mut pods = self.template_json(template);
            pods["metadata"]["labels"]["pod-template-hash"] = json!(hash);
            json!({
                "kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata,
                "spec": {"replicas": wanted, "template": pods,
                    "selector": {"matchLabels": {"app": self.name, "pod-template-hash": hash}}},
                "status": {"replicas": wanted, "readyReplicas": ready, "availableReplicas": ready},
            })
        });
        all.collect()
    }

    /// What a StatefulSet keeps of its templates.
    pub(super) fn controller_revisions(&self) -> Vec<Value> {
        let all = self.numbered().into_iter().map(|(number, created, template)| {
            let name = format!("{}-{}", self.name, template.hash());
            let mut metadata = self.metadata(self.kind, &name, created);
            metadata["uid"] = json!(format!("revision of {name}"));
            metadata["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": self.kind.name(), "name": self.name,
                "uid": self.uid_of(self.kind, &self.name), "controller": true,
            }]);
            let mut template = self.template_json(template);
            template["$patch"] = json!("replace");
            json!({"kind": "ControllerRevision", "apiVersion": "apps/v1", "metadata": metadata, "revision": number,
                "data": {"spec": {"template": template}}})
        });
        all.collect()
    }

    /// When containers of the current template first ran.
    fn running_since(&self) -> Timestamp {
        plus(self.rolled_out, Duration::from_secs(3))
    }

    pub(super) fn pod(&self, n: usize, name: &str, now: Timestamp) -> Value {
        let template = &self.template;
        let owner = if self.kind == Kind::StatefulSet {
            (Kind::StatefulSet, self.name.clone())
        } else {
            (Kind::ReplicaSet, format!("{}-{}", self.name, template.hash()))
        };
        let mut metadata = self.owned(Kind::Pod, name, self.rolled_out, (owner.0, &owner.1));
        if self.kind == Kind::StatefulSet {
            metadata["labels"]["controller-revision-hash"] = json!(format!("{}-{}", self.name, template.hash()));
        } else {
            metadata["labels"]["pod-template-hash"] = json!(template.hash());
        }
        let lost = self.lost_since(n);
        let ready = self.serves() && lost.is_none();
        let since = if ready { self.running_since() } else { lost.unwrap_or(self.rolled_out) };
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
        let phase = if matches!(self.state, State::Starting | State::ImagePullFailing | State::RegistryAway) {
            "Pending"
        } else {
            "Running"
        };
        json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": metadata,
            "spec": {"restartPolicy": "Always", "nodeName": self.node_of(n),
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
            State::Recovered { restarts, since } => {
                let (started, finished) =
                    (minus(since, Duration::from_secs(14)), minus(since, Duration::from_secs(10)));
                let ended = json!({"terminated": {
                    "exitCode": 1, "reason": "Error", "startedAt": started, "finishedAt": finished,
                }});
                (json!({"running": {"startedAt": since}}), ended, restarts, true)
            }
            State::ImagePullFailing | State::RegistryAway => {
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
            "ready": self.serves(), "started": started, "restartCount": restarts,
            "state": state, "lastState": last,
        })
    }

    pub(super) fn service(&self) -> Value {
        json!({
            "kind": "Service", "apiVersion": "v1", "metadata": self.metadata(Kind::Service, &self.name, self.created),
            "spec": {"type": "ClusterIP", "clusterIP": format!("10.43.1.{}", of_name(self)), "selector": {"app": self.name},
                "ports": [{"port": 80, "targetPort": 8080}]},
        })
    }

    pub(super) fn endpoint_slice(&self) -> Value {
        let name = format!("{}-{}", self.name, letters(&self.name, 5));
        let mut metadata = self.owned(Kind::EndpointSlice, &name, self.created, (Kind::Service, &self.name));
        metadata["labels"] = json!({
            "kubernetes.io/service-name": self.name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        });
        let endpoints = self.pod_names().into_iter().enumerate().map(|(n, pod)| {
            let ready = self.serves() && self.lost_since(n).is_none();
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

    pub(super) fn event(&self, pod: &str, now: Timestamp) -> Option<Value> {
        let (reason, message, count) = match self.state {
            State::Healthy | State::Starting | State::Recovered { .. } | State::CrashLooping { restarts: 0, .. } => {
                return None;
            }
            State::NotReady => {
                ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned(), 3)
            }
            State::CrashLooping { restarts, .. } => {
                ("BackOff", format!("Back-off restarting failed container {} in pod {pod}", self.name), restarts)
            }
            State::ImagePullFailing => {
                ("Failed", format!("Failed to pull image \"{}\": not found", self.template.image), 3)
            }
            State::RegistryAway => {
                let why = "failed to do request: dial tcp 203.0.113.7:443: connect: connection refused";
                ("Failed", format!("Failed to pull image \"{}\": {why}", self.template.image), 3)
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
