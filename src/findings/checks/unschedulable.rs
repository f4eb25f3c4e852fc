//! `unschedulable`: the scheduler finds no node for a pod.

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Condition, Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence, pods,
        trouble::{Trouble, of_pods},
    },
};

const NAME: &str = "unschedulable";
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long the scheduler may find no node; give an autoscaler its time.",
    60,
    (0, 86_400),
);

/// No node for a pod.
#[derive(Debug)]
pub(crate) struct Unschedulable;

impl Check for Unschedulable {
    fn name(&self) -> &'static str {
        NAME
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

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_pods(NAME, owner, look, |pod| trouble(pod, look))
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
        grace: look.settings.time(&GRACE),
        level: Level::High,
        log: None,
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
                let wanted = wanted.join(",");
                if count == all {
                    format!("no node matches `{wanted}` (0 of {all})")
                } else {
                    format!("{count} of {all} nodes do not match `{wanted}`")
                }
            } else if let Some(resource) = why.strip_prefix("Insufficient ") {
                let asks = requests(pod, resource);
                let asks = if asks.is_empty() { String::new() } else { format!(" (it asks for {})", asks.join(" + ")) };
                format!("not enough {resource} on {count} of {all} nodes{asks}")
            } else if why.contains("free ports") {
                let asked = host_ports(pod);
                let which = if asked.is_empty() { "a port".to_owned() } else { format!("port {}", asked.join(" or ")) };
                format!("{which} is taken on {count} of {all} nodes")
            } else if why.contains("pod anti-affinity rules") {
                format!("its anti-affinity keeps it away from the pods on {count} of {all} nodes")
            } else if why.contains("pod affinity rules") {
                format!("the pods it wants to be with (affinity) are not on {count} of {all} nodes")
            } else if why.contains("affinity/anti-affinity") && rest.contains("affinity rules") {
                // The same is said once more in detail.
                continue;
            } else {
                format!("{count} of {all} nodes {why}")
            },
        );
    }
    if parts.is_empty() { format!("no node takes the pod: {rest}") } else { parts.join("; ") }
}

/// The ports of a node a pod asks for, as far as its containers are named by them: those of K3s' load balancer are (`lb-tcp-443`).
fn host_ports(pod: &Pod) -> Vec<String> {
    let names = pod.spec.iter().flat_map(|s| s.containers.iter()).map(|c| c.name.as_str());
    let ports = names.filter_map(|name| {
        let (protocol, port) = name.strip_prefix("lb-")?.split_once('-')?;
        let port = port.parse::<u16>().ok()?;
        match protocol {
            "tcp" | "udp" | "sctp" => Some(format!("{port}/{}", protocol.to_uppercase())),
            "port" => Some(port.to_string()),
            _ => None,
        }
    });
    ports.collect()
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
