//! Fills a real API server with what a large cluster holds, and reads it with a client that does nothing else.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, header};
use http_body_util::BodyExt as _;
use k8s_monitor::{clock::Clock, cluster::Kind};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::plane::{ADMIN, Plane};

/// Requests at the same time.
const AT_ONCE: usize = 64;
/// Pods of one Deployment.
pub(crate) const REPLICAS: usize = 5;
/// Deployments of one namespace.
const PER_NAMESPACE: usize = 10;
/// Pods of one node.
const PER_NODE: usize = 20;
/// Revisions a Deployment keeps besides the present one, as it does by default.
const OLD_REVISIONS: usize = 10;

/// Brings the cluster from `have` to `want` pods; returns how many there are.
pub(crate) async fn fill(plane: &Plane, have: usize, want: usize) -> Result<usize> {
    let started = Instant::now();
    let mut waves: [Vec<Value>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for node in have / PER_NODE..want / PER_NODE {
        waves[0].push(self::node(node));
    }
    for workload in have / REPLICAS..want / REPLICAS {
        if workload % PER_NAMESPACE == 0 {
            let name = namespace(workload);
            waves[0].push(json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}));
        }
        waves[1].extend(owners(workload));
        waves[1].extend((0..OLD_REVISIONS).map(|revision| old_revision(workload, revision)));
        waves[2].extend((0..REPLICAS).map(|n| pod(workload, n)));
    }
    for wave in waves {
        stream::iter(wave)
            .map(|object| async move { plane.create(&object).await.map(drop) })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    println!(
        "{want} pods on {} nodes in {} namespaces, made in {:.0} s",
        want / PER_NODE,
        want / REPLICAS / PER_NAMESPACE,
        started.elapsed().as_secs_f64()
    );
    Ok(want)
}

/// Reads every kind the bot reads, in protobuf and all at once, and throws it away: nobody can be faster.
pub(crate) async fn bare_read(plane: &Plane) -> Result<Duration> {
    let client = Arc::new(plane.client_of(ADMIN)?);
    let started = Instant::now();
    let all = Kind::ALL.map(|kind| {
        let client = Arc::clone(&client);
        async move {
            let root = if kind.api_version().contains('/') { "apis" } else { "api" };
            let request = Request::get(format!("/{root}/{}/{}", kind.api_version(), kind.plural()))
                .header(header::ACCEPT, "application/vnd.kubernetes.protobuf")
                .body(Body::empty())?;
            let mut body = client.send(request).await?.into_body();
            while let Some(frame) = body.frame().await {
                drop(frame?);
            }
            anyhow::Ok(())
        }
    });
    futures::future::try_join_all(all).await?;
    Ok(started.elapsed())
}

/// Everything `fill` would make for so many pods, as the API server would return it: with uids and versions.
pub(crate) fn everything(pods: usize) -> Vec<Value> {
    let namespaces = (0..pods / REPLICAS / PER_NAMESPACE)
        .map(|n| json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace(n * PER_NAMESPACE)}}));
    let nodes = (0..pods / PER_NODE).map(node);
    let workloads = (0..pods / REPLICAS).flat_map(|workload| {
        let revisions = (0..OLD_REVISIONS).map(move |revision| old_revision(workload, revision));
        owners(workload).into_iter().chain(revisions).chain((0..REPLICAS).map(move |n| pod(workload, n)))
    });
    let mut all: Vec<Value> = namespaces.chain(nodes).chain(workloads).collect();
    for (n, object) in all.iter_mut().enumerate() {
        object["metadata"]["uid"] = json!(format!("2f1e9c1a-5a44-4f0e-9c2b-{n:012x}"));
        object["metadata"]["resourceVersion"] = json!((n + 1).to_string());
    }
    all
}

pub(crate) fn namespace(workload: usize) -> String {
    format!("team-{:03}", workload / PER_NAMESPACE)
}

fn meta(workload: usize, name: &str) -> Value {
    json!({
        "name": name, "namespace": namespace(workload),
        "labels": {"app": app(workload), "app.kubernetes.io/part-of": "load", "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": app(workload), "checksum/config": "9f2d6a7c41e8b3055d0f6c1a7e94b28f"},
    })
}

pub(crate) fn app(workload: usize) -> String {
    format!("app-{workload:04}")
}

fn node(n: usize) -> Value {
    let now = Clock::System.now();
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Kubelet", "message": "as the kubelet says it", "lastTransitionTime": now, "lastHeartbeatTime": now,
        })
    };
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": format!("node-{n:03}"), "labels": {"kubernetes.io/hostname": format!("node-{n:03}")}},
        "status": {
            "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"}, "capacity": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"), condition("PIDPressure", "False"), condition("Ready", "True")],
            "images": (0..20).map(|i| json!({"names": [format!("registry.example/team/image-{i}@sha256:{:064x}", i * 7919)], "sizeBytes": 123_456_789})).collect::<Vec<_>>(),
        },
    })
}

fn container(workload: usize) -> Value {
    let env: Vec<Value> = (0..28)
        .map(|i| json!({"name": format!("SETTING_{i:02}"), "value": format!("value-of-{}-{i}", app(workload))}))
        .collect();
    let probe =
        |path: &str| json!({"httpGet": {"path": path, "port": 8080}, "periodSeconds": 10, "failureThreshold": 3});
    json!({
        "name": "app", "image": format!("registry.example/load/{}:1.4.2", app(workload)), "env": env,
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "readinessProbe": probe("/ready"), "livenessProbe": probe("/live"),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    })
}

fn spec(workload: usize) -> Value {
    json!({"containers": [container(workload)], "volumes": [{"name": "config", "configMap": {"name": app(workload)}}]})
}

/// Deployment, `ReplicaSet`, Service and `EndpointSlice` of a workload.
fn owners(workload: usize) -> [Value; 4] {
    let (name, now) = (app(workload), Clock::System.now());
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": spec(workload)});
    let counts = json!({"replicas": REPLICAS, "readyReplicas": REPLICAS, "availableReplicas": REPLICAS, "observedGeneration": 1});
    let mut of_deployment = counts.clone();
    of_deployment["updatedReplicas"] = json!(REPLICAS);
    of_deployment["conditions"] = json!([
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "lastTransitionTime": now, "lastUpdateTime": now},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastTransitionTime": now, "lastUpdateTime": now},
    ]);
    let mut of_set = meta(workload, &format!("{name}-1"));
    of_set["ownerReferences"] = owner("Deployment", &name);
    of_set["annotations"]["deployment.kubernetes.io/revision"] = json!((OLD_REVISIONS + 1).to_string());
    let mut of_slice = meta(workload, &name);
    of_slice["labels"]["kubernetes.io/service-name"] = json!(name);
    let endpoints: Vec<Value> = (0..REPLICAS)
        .map(|n| json!({
            "addresses": [format!("10.42.{}.{}", workload % 250, n + 1)], "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "namespace": namespace(workload), "name": format!("{name}-1-{n}")},
        }))
        .collect();
    [
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta(workload, &name),
            "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}, "status": of_deployment}),
        json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": of_set,
            "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}, "status": counts}),
        json!({"kind": "Service", "apiVersion": "v1", "metadata": meta(workload, &name),
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}}),
        json!({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "metadata": of_slice, "addressType": "IPv4",
            "endpoints": endpoints, "ports": [{"port": 8080, "protocol": "TCP"}]}),
    ]
}

/// The workload and the replica of a pod by its number.
pub(crate) fn nth(pod: usize) -> (usize, usize) {
    (pod / REPLICAS, pod % REPLICAS)
}

/// The node of a pod.
pub(crate) fn node_of(workload: usize, replica: usize) -> String {
    format!("node-{:03}", (workload * REPLICAS + replica) / PER_NODE)
}

/// A revision that runs nothing any more.
fn old_revision(workload: usize, revision: usize) -> Value {
    let name = app(workload);
    let hash = format!("{:010x}", workload * 1009 + revision);
    let mut metadata = meta(workload, &format!("{name}-{hash}"));
    metadata["ownerReferences"] = owner("Deployment", &name);
    metadata["annotations"]["deployment.kubernetes.io/revision"] = json!((revision + 1).to_string());
    let labels = json!({"app": name, "pod-template-hash": hash});
    json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata,
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec(workload)}},
        "status": {"replicas": 0, "observedGeneration": 1}})
}

fn owner(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("uid-of-{name}"), "controller": true, "blockOwnerDeletion": true}])
}

fn pod(workload: usize, n: usize) -> Value {
    let (name, now) = (app(workload), Clock::System.now());
    let mut metadata = meta(workload, &format!("{name}-1-{n}"));
    metadata["ownerReferences"] = owner("ReplicaSet", &format!("{name}-1"));
    let mut spec = spec(workload);
    spec["nodeName"] = json!(node_of(workload, n));
    let conditions: Vec<Value> = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": now}))
        .into();
    json!({
        "kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec,
        "status": {
            "phase": "Running", "startTime": now, "podIP": format!("10.42.{}.{}", workload % 250, n + 1), "conditions": conditions,
            "containerStatuses": [{
                "name": "app", "image": format!("registry.example/load/{name}:1.4.2"), "imageID": format!("registry.example/load/{name}@sha256:{workload:064x}"),
                "ready": true, "started": true, "restartCount": 0, "state": {"running": {"startedAt": now}},
            }],
        },
    })
}
