//! `node-pressure`: a node that reports is short of memory, disk or processes, or its network is not set up.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::evicted::when_evicted;
use crate::{
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef, Text,
        facts::{Condition, Node, Pod, Time},
    },
    findings::{
        Cause, Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "node-pressure";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long a node may be under pressure.", 120, (0, 3600));
/// With so many owners the node is loud by itself.
const OWNERS: Parameter =
    Parameter::number((NAME, "owners"), "Pods of so many owners evicted from the node make it SEV-2.", 2, (1, 100));
/// Evictions this long before the pressure was reported belong to it: the kubelet reports late.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// A node is short of something.
#[derive(Debug)]
pub(crate) struct NodePressure;

impl Check for NodePressure {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A node reports MemoryPressure, DiskPressure, PIDPressure or NetworkUnavailable.",
            why: "It evicts pods and takes no new ones; without its network its pods reach nobody.",
            fix: "Free what it is short of (images, logs, a process that grows), or move work to another node.",
            grace: "2 min.",
            silent: "Nodes that do not report (see node-not-ready); any other condition, healthy or not: EtcdIsVoter, those of vendors.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Node]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "Node"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, OWNERS]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::Node(node)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        if node.condition("Ready").is_none_or(|ready| ready.status == "Unknown") {
            // What it said last is old: how it is now nobody knows.
            return Verdict::Symptom("node-not-ready");
        }
        let conditions = node.status.iter().flat_map(|s| s.conditions.iter()).filter(|c| c.status == "True");
        let troubles =
            conditions.filter_map(|c| Some(trouble(owner, node, c, shortage(c.kind.as_str())?, look))).collect();
        conclude(NAME, owner, look, &Pods::default(), troubles)
    }
}

/// What a condition that is true means; None for conditions that are nobody's trouble or nobody knows.
fn shortage(condition: &str) -> Option<&'static str> {
    Some(match condition {
        "MemoryPressure" => "is short of memory",
        "DiskPressure" => "is short of disk space",
        "PIDPressure" => "runs too many processes",
        "NetworkUnavailable" => "has no pod network",
        _ => return None,
    })
}

fn trouble(owner: &ObjectRef, node: &Node, condition: &Condition, what: &str, look: &Look<'_>) -> Trouble {
    let since = condition.last_transition_time.map_or(look.now, Time::at);
    let (hit, owners) = evicted_since(node, since, look);
    // How many pods it were is said of every finding.
    let pods = if hit.len() == 1 { "1 pod" } else { "pods" };
    let evicted = match owners.len() {
        0 => String::new(),
        1 => format!("; it evicted {pods} of one owner"),
        n => format!("; it evicted {pods} of {n} owners"),
    };
    let is_loud = condition.kind == "NetworkUnavailable" || owners.len() >= look.settings.number(&OWNERS);
    let mut proof = vec![evidence::piece(
        format!("{owner} condition {}", condition.kind),
        &evidence::with_message(&format!("{} {}", condition.status, condition.reason), &condition.message),
        Some(since),
    )];
    proof.extend(evidence::of_node(look, node, 3));
    Trouble {
        object: owner.clone(),
        with: hit,
        class: ConditionClass::NodePressure,
        reason: condition.kind.as_str().to_owned(),
        message: format!("the node {what}{evicted}"),
        since,
        grace: look.settings.time(&GRACE),
        level: if is_loud { Level::High } else { Level::Warning },
        log: None,
        evidence: proof,
        recommendation: format!(
            "See what uses it up: kubectl describe node {}; kubectl top node {}",
            owner.name, owner.name
        ),
    }
}

/// The pods a node evicted since it is under pressure, or shortly before, and their owners.
fn evicted_since(node: &Node, since: Timestamp, look: &Look<'_>) -> (Vec<ObjectRef>, BTreeSet<ObjectRef>) {
    let from = since.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
    let mut hit: Vec<ObjectRef> = Vec::new();
    let mut owners: BTreeSet<ObjectRef> = BTreeSet::new();
    for pod in look.index.pods_on(node.meta().name.as_str()) {
        if pod.is_evicted() && when_evicted(pod, look) >= from {
            owners.insert(look.index.owner_of(&ObjectKey {
                kind: Kind::Pod,
                namespace: pod.meta().namespace.clone(),
                name: pod.meta().name.clone(),
            }));
            hit.push(pods::reference(pod));
        }
    }
    (hit, owners)
}

/// What a node that evicted pods of several owners has to do with the eviction of one of them.
pub(super) enum ByItsNode {
    /// It is under pressure: then it is told of, not whom it hit.
    Now(Cause),
    /// It was, and no longer is: that was told with it, and is over with it.
    Past,
}

/// Whether a pod was evicted because its node was short of something itself, and loud for it.
pub(super) fn by_its_node(pod: &Pod, at: Timestamp, look: &Look<'_>) -> Option<ByItsNode> {
    let said = pod.status.as_ref().filter(|status| status.message.starts_with("The node was low on resource"))?;
    let node = pods::node_of(pod, look)?;
    // Whoever does not want to hear of nodes hears of what they do to others.
    if !look.settings.is_on(NAME) {
        return None;
    }
    let is_loud = |since| evicted_since(node, since, look).1.len() >= look.settings.number(&OWNERS);
    let all = node.status.iter().flat_map(|s| s.conditions.iter()).filter(|c| shortage(c.kind.as_str()).is_some());
    let (now, past): (Vec<_>, Vec<_>) = all.partition(|c| c.status == "True");
    // Pressure that comes and goes: what it did before is not another thing.
    if now.iter().any(|c| is_loud(c.last_transition_time.map_or(look.now, Time::at).min(at))) {
        let name = node.meta().name.clone();
        let owner = ObjectRef { kind: Kind::Node.name().into(), namespace: Text::new(), name };
        return Some(ByItsNode::Now(Cause { owner, why: said.message.to_string() }));
    }
    let ended_since = past.iter().any(|c| c.last_transition_time.is_some_and(|ended| ended.at() >= at));
    (ended_since && is_loud(at)).then_some(ByItsNode::Past)
}
