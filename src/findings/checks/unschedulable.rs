//! `unschedulable`: the scheduler finds no node for a pod.

use jiff::SignedDuration;

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Condition, Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Verdict, evidence, pods,
        trouble::{Trouble, of_pods},
    },
};

/// No node for a pod.
#[derive(Debug)]
pub(crate) struct Unschedulable;

impl Check for Unschedulable {
    fn name(&self) -> &'static str {
        "unschedulable"
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A pod waits because no node satisfies what it asks for.",
            why: "It does not run until a node fits or its template changes.",
            fix: "Free or add capacity, or correct requests, node selector, affinity or tolerations.",
            grace: "60 s from the scheduler's verdict.",
            silent: "Scheduling gates; pods being deleted or replaced; waiting for a claim (see claim-pending).",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind)
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_pods(self.name(), owner, look, |pod| trouble(pod, look))
    }
}

/// The scheduler's refusal of a pod, if it refused it.
pub(crate) fn refusal(pod: &Pod) -> Option<&Condition> {
    pod.condition("PodScheduled").filter(|c| c.status == "False" && c.reason == "Unschedulable")
}

/// Whether the refusal is about a claim and nothing else.
pub(crate) fn is_about_claim(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("persistentvolumeclaim") && !said.contains("insufficient") && !said.contains("didn't match")
}

fn trouble(pod: &Pod, look: &Look<'_>) -> Option<Trouble> {
    let condition = refusal(pod).filter(|c| !is_about_claim(&c.message))?;
    let meta = pod.meta();
    let since = condition.last_transition_time.map(Time::at).or_else(|| meta.created()).unwrap_or(look.now);
    let mut proof = vec![evidence::piece(
        format!("Pod {}/{} condition PodScheduled", meta.namespace, meta.name),
        &condition.message,
        Some(since),
    )];
    proof.extend(evidence::warnings(look, &meta.uid, 1));
    Some(Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class: ConditionClass::Unschedulable,
        reason: "Unschedulable".into(),
        message: cause(pod, &condition.message),
        since,
        grace: SignedDuration::from_secs(60),
        level: Level::High,
        evidence: proof,
        recommendation: format!(
            "Compare what it asks for with what the nodes offer: kubectl -n {} describe pod {}; kubectl describe nodes",
            meta.namespace, meta.name
        ),
    })
}

/// What the scheduler's words mean for this pod. Only what it names is blamed, not every wish of the template.
fn cause(pod: &Pod, said: &str) -> String {
    let Some((nodes, rest)) = said.split_once(" nodes are available: ") else {
        return if said.is_empty() { "no node takes the pod, cause unknown".into() } else { said.to_owned() };
    };
    let all = nodes.rsplit('/').next().unwrap_or(nodes);
    let rest = rest.split(" preemption:").next().unwrap_or(rest);
    let clauses = rest
        .split(", ")
        .flat_map(|c| c.split(". "))
        .map(|c| c.trim().trim_end_matches('.'))
        .filter(|c| c.starts_with(|d: char| d.is_ascii_digit()));
    let mut parts: Vec<String> = Vec::new();
    for clause in clauses {
        let (count, why) = clause.split_once(' ').unwrap_or(("", clause));
        let why = why.trim_start_matches("node(s) ");
        let selector = pod.spec.as_ref().map(|s| &s.node_selector).filter(|s| !s.is_empty());
        parts.push(
            if let (true, Some(selector)) = (why.contains("node affinity") || why.contains("node selector"), selector) {
                let wanted: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("no node matches {} (0 of {all})", wanted.join(","))
            } else if let Some(resource) = why.strip_prefix("Insufficient ") {
                let asks = requests(pod, resource);
                let asks = if asks.is_empty() { String::new() } else { format!(" (it asks for {})", asks.join(" + ")) };
                format!("not enough {resource} on {count} of {all} nodes{asks}")
            } else {
                format!("{count} of {all} nodes {why}")
            },
        );
    }
    if parts.is_empty() { format!("no node takes the pod: {rest}") } else { parts.join("; ") }
}

/// What the containers ask for of a resource, as written.
fn requests(pod: &Pod, resource: &str) -> Vec<String> {
    pod.spec
        .iter()
        .flat_map(|s| &s.containers)
        .filter_map(|c| c.resources.as_ref())
        .filter_map(|r| r.requests.get(resource).or_else(|| r.limits.get(resource)))
        .map(|q| q.string.to_string())
        .collect()
}
