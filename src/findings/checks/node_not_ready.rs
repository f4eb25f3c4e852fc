//! `node-not-ready`: a node does not report, or reports that it cannot run pods.

use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Condition, Node, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "node-not-ready";
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long a node may be not ready, after the 40-50 s Kubernetes itself waits.",
    60,
    (0, 3600),
);

/// A node is down.
#[derive(Debug)]
pub(crate) struct NodeNotReady;

impl Check for NodeNotReady {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "The condition Ready of a node is False or Unknown.",
            why: "Its pods serve nobody, and after five minutes they are moved if there is another node.",
            fix: "Look at the machine: power, network, disk, and the kubelet (on K3s: the k3s or k3s-agent service).",
            grace: "60 s, after the 40-50 s Kubernetes itself waits.",
            silent: "Cordoned nodes: somebody took them out of service on purpose.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Node]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "Node"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::Node(node)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        let Some(ready) = node.condition("Ready") else {
            return Verdict::Unknown("the node has no condition Ready".into());
        };
        if ready.status == "True" {
            return Verdict::Healthy;
        }
        if node.spec.as_ref().is_some_and(|s| s.unschedulable) {
            return Verdict::NotWanted("cordoned: taken out of service on purpose".into());
        }
        conclude(NAME, owner, look, &Pods::default(), vec![trouble(owner, node, ready, look)])
    }
}

fn trouble(owner: &ObjectRef, node: &Node, ready: &Condition, look: &Look<'_>) -> Trouble {
    let since = ready.last_transition_time.map_or(look.now, Time::at);
    let hit: Vec<ObjectRef> =
        look.index.pods_on(&owner.name).filter(|p| !pods::is_leaving(p)).map(pods::reference).collect();
    let state = if ready.status == "Unknown" { "has stopped reporting" } else { "says it is not ready" };
    let role = if node.is_control_plane() { "control-plane node" } else { "node" };
    let said = if ready.message.is_empty() { "cause unknown" } else { ready.message.as_str() };
    let mut proof = vec![evidence::piece(
        format!("{owner} condition Ready"),
        &evidence::with_message(&format!("{} {}", ready.status, ready.reason), &ready.message),
        Some(since),
    )];
    let others = node.status.iter().flat_map(|s| &s.conditions);
    for other in others.filter(|c| c.kind.ends_with("Pressure") && c.status == "True") {
        proof.push(evidence::piece(format!("{owner} condition {}", other.kind), &other.message, None));
    }
    proof.extend(evidence::of_node(look, node, 3));
    Trouble {
        object: owner.clone(),
        message: format!("the {role} {state}: {}", said.trim_end_matches('.')),
        with: hit,
        class: ConditionClass::NodeDown,
        reason: if ready.reason.is_empty() { "NodeNotReady".into() } else { ready.reason.to_string() },
        since,
        grace: look.settings.time(&GRACE),
        level: if node.is_control_plane() { Level::Critical } else { Level::High },
        log: None,
        evidence: proof,
        recommendation: format!("Look at the machine and its kubelet: kubectl describe node {}", owner.name),
    }
}
