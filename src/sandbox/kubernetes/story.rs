//! The story of the demo: a healthy shop, a bad deploy that serves nobody, recovery; as steps with their time, caption and changes.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Edit,
    workload::{Workload, deployment, minus, plus, stateful_set},
    world::uid,
};
use crate::cluster::{Kind, ObjectKey};

/// One step of a story.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long after the step before.
    pub after: Duration,
    /// When, if the story began when it was asked for.
    pub at: Timestamp,
    /// What happens, for the person who watches.
    pub caption: &'static str,
    /// What changes in the cluster.
    pub changes: Vec<Edit>,
}

/// A healthy shop; `shop/api` is deployed with far too little memory, is killed again and again, and is rolled back.
pub fn bad_deploy(start: Timestamp) -> Vec<Step> {
    let long_ago = minus(start, Duration::from_hours(72));
    let api = deployment("shop/api", long_ago).replicas(2).image("ghcr.io/shop/api:2.3.1").memory("512Mi");

    let mut first: Vec<Edit> = Vec::new();
    first.extend(["node-1", "node-2"].map(|name| Edit::Apply(node(name, name == "node-1", Ok(long_ago)))));
    first.push(Edit::Apply(namespace("shop", long_ago)));
    for workload in [
        deployment("kube-system/coredns", long_ago).image("rancher/mirrored-coredns-coredns:1.13.1"),
        deployment("kube-system/traefik", long_ago).image("rancher/mirrored-library-traefik:3.5.1"),
        stateful_set("shop/db", long_ago).image("postgres:17").memory("1Gi"),
        deployment("shop/redis", long_ago).image("redis:8").memory("256Mi"),
        api.clone(),
        deployment("shop/frontend", long_ago).replicas(2).image("ghcr.io/shop/frontend:4.0.2"),
    ] {
        first.extend(workload.change_from(None, start));
    }

    let mut story = Story { at: start, steps: Vec::new(), api };
    story.step(0, "A healthy shop on two nodes: frontend, api, db, redis", first);
    let deployed_at = plus(story.at, Duration::from_secs(15));
    let bad = story.api.clone().rollout(deployed_at).image("ghcr.io/shop/api:2.4.0").memory("64Mi");
    story.api_becomes(15, "Somebody deploys shop/api 2.4.0 and lowers its memory limit to 64Mi", bad.clone());
    story.api_becomes(6, "Both new pods are killed: out of memory", bad.clone().crash_looping(0, true));
    story.api_becomes(4, "They are restarted, and killed again", bad.clone().crash_looping(1, true));
    story.api_becomes(16, "The kubelet backs off: crash loop", bad.clone().crash_looping(2, true));
    story.api_becomes(28, "Third restart; shop/api serves nobody", bad.clone().crash_looping(3, true));
    story.api_becomes(50, "Fourth restart", bad.clone().crash_looping(4, true));
    story.api_becomes(90, "Fifth restart", bad.crash_looping(5, true));
    let mended_at = plus(story.at, Duration::from_mins(1));
    let mended = story.api.clone().rollout(mended_at).image("ghcr.io/shop/api:2.3.1").memory("512Mi");
    story.api_becomes(60, "Somebody rolls shop/api back to 2.3.1", mended.clone());
    story.api_becomes(8, "Both pods are ready again", mended.healthy());
    story.steps
}

struct Story {
    at: Timestamp,
    steps: Vec<Step>,
    api: Workload,
}

impl Story {
    fn step(&mut self, after: u64, caption: &'static str, changes: Vec<Edit>) {
        let after = Duration::from_secs(after);
        self.at = plus(self.at, after);
        self.steps.push(Step { after, at: self.at, caption, changes });
    }

    fn api_becomes(&mut self, after: u64, caption: &'static str, api: Workload) {
        let at = plus(self.at, Duration::from_secs(after));
        let changes = api.change_from(Some(&self.api), at);
        self.api = api;
        self.step(after, caption, changes);
    }
}

/// A node: ready since then, or away since then.
pub fn node(name: &str, control_plane: bool, ready: Result<Timestamp, Timestamp>) -> Value {
    let (status, reason, message, since) = match ready {
        Ok(since) => ("True", "KubeletReady", "kubelet is posting ready status", since),
        Err(since) => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", since),
    };
    let labels = if control_plane {
        json!({"kubernetes.io/hostname": name, "node-role.kubernetes.io/control-plane": "true"})
    } else {
        json!({"kubernetes.io/hostname": name})
    };
    let taints = match ready {
        Ok(_) => json!([]),
        Err(since) => json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": since}]),
    };
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels, "creationTimestamp": since, "uid": uid_of(Kind::Node, name)},
        "spec": {"taints": taints},
        "status": {
            "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": since}],
            "nodeInfo": {"bootID": format!("boot-of-{name}"), "kubeletVersion": "v1.34.1+k3s1"},
        },
    })
}

/// A namespace.
pub fn namespace(name: &str, created: Timestamp) -> Value {
    json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "creationTimestamp": created,
            "uid": uid_of(Kind::Namespace, name)},
        "status": {"phase": "Active"},
    })
}

fn uid_of(kind: Kind, name: &str) -> String {
    uid(&ObjectKey { kind, namespace: String::new().into(), name: name.into() }, 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        clients::kubernetes::{ClusterConfig, Kubernetes},
        cluster::{Fact, Text},
        sandbox::kubernetes::Cluster,
    };

    async fn pods_of_api(client: &Kubernetes) -> Vec<(Text, bool, i32, Text)> {
        let listed = client.list(Kind::Pod, Some("shop")).await.unwrap();
        let of_api = listed.facts.iter().filter(|fact| fact.meta().labels.get("app").is_some_and(|app| app == "api"));
        let told = of_api.map(|fact| {
            let Fact::Pod(pod) = fact else { panic!("not a Pod") };
            let status = &pod.status.as_ref().unwrap().container_statuses[0];
            let ended = status.last_state.as_ref().and_then(|s| s.terminated.as_ref()).map(|t| t.reason.clone());
            (pod.meta().name.clone(), pod.is_ready(), status.restart_count, ended.unwrap_or_default())
        });
        told.collect()
    }

    #[tokio::test]
    async fn the_story_breaks_the_api_by_memory_and_mends_it() {
        let cluster = Cluster::start().await.unwrap();
        let client = Kubernetes::connect(ClusterConfig::at(&cluster.url(), None).unwrap()).unwrap();
        let mut seen = Vec::new();
        let mut names = BTreeSet::new();
        for step in bad_deploy("2026-11-24T10:00:00Z".parse().unwrap()) {
            cluster.play(&step.changes);
            let pods = pods_of_api(&client).await;
            assert_eq!(pods.len(), 2, "{}", step.caption);
            names.extend(pods.iter().map(|p| p.0.clone()));
            seen.push((pods[0].1, pods[0].2, pods[0].3.clone()));
        }
        assert_eq!(seen.first(), Some(&(true, 0, Text::new())));
        assert_eq!(seen[7], (false, 5, "OOMKilled".into()));
        assert_eq!(seen.last(), Some(&(true, 0, Text::new())));
        assert_eq!(names.len(), 6, "each rollout has pods of its own: {names:?}");
        // The template that came back is the first ReplicaSet again, at revision 3.
        let sets = client.list(Kind::ReplicaSet, Some("shop")).await.unwrap().facts;
        let mut of_api: Vec<_> =
            sets.iter().filter(|s| s.meta().controller().is_some_and(|c| c.name == "api")).map(revision).collect();
        of_api.sort();
        assert_eq!(of_api, ["2 of 0", "3 of 2"]);
    }

    fn revision(set: &Fact) -> String {
        let Fact::ReplicaSet(set) = set else { panic!("not a ReplicaSet") };
        let wanted = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(-1);
        format!("{} of {wanted}", set.meta().annotations.get("deployment.kubernetes.io/revision").unwrap())
    }
}
