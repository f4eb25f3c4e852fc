//! `kubelet-refused`: pods are given to a node that refuses them: no room after all, a taken port, labels that do not fit.

use jiff::{SignedDuration, Timestamp};

use super::workload::grace_of_repeats;
use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude},
    },
};

const NAME: &str = "kubelet-refused";
const WINDOW: Parameter = Parameter::time((NAME, "window"), "Refusals are counted in this time.", 600, (60, 86_400));
const TIMES: Parameter =
    Parameter::number((NAME, "times"), "So many refusals within it are told in any case.", 3, (1, 100));
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long replicas may be missing after fewer refusals.", 60, (0, 3600));

/// The kubelet refuses pods.
#[derive(Debug)]
pub(crate) struct KubeletRefused;

impl Check for KubeletRefused {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "Three or more pods of a workload were refused by the kubelet of their node within 10 minutes (OutOfcpu, NodeAffinity, NodePorts, UnexpectedAdmissionError), or one was and replicas are missing since.",
            why: "The scheduler and the node do not agree, so every replacement is refused again.",
            fix: "Compare what the pod asks for with what the node has; restart a device plugin that lost its devices; free the port.",
            grace: "None from the third refusal on; 60 s for the replacement of fewer.",
            silent: "Pods that were replaced in time, pods ended by the shutdown of their node, refusals longer ago; pods without an owner (see pod-failed).",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && kind != "Pod"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[WINDOW, TIMES, GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let from = look.now.checked_sub(look.settings.time(&WINDOW)).unwrap_or(Timestamp::MIN);
        let recent: Vec<(&Pod, &str, Timestamp)> = look
            .pods_of(owner)
            .iter()
            .copied()
            .filter_map(|pod| Some((pod, refused_as(pod)?, when(pod, look))))
            .filter(|(_, _, at)| *at >= from)
            .collect();
        let times = recent.len();
        let grace = grace_of_repeats(owner, look, times, (&TIMES, &GRACE));
        let of = |grace| recent.iter().map(move |(pod, reason, at)| trouble(pod, reason, (*at, grace), times, look));
        let troubles = grace.into_iter().flat_map(of).collect();
        conclude(NAME, owner, look, &Pods::of(owner, look), troubles)
    }
}

/// The reason with which the kubelet refused a pod, if it did.
fn refused_as(pod: &Pod) -> Option<&str> {
    let reason = pod.status.as_ref().filter(|_| pod.phase() == "Failed")?.reason.as_str();
    let is_refusal = reason.starts_with("OutOf")
        || matches!(reason, "NodeAffinity" | "NodePorts" | "NodeName" | "UnexpectedAdmissionError");
    is_refusal.then_some(reason)
}

/// When it was refused: at once when it was given to the node, so a pod without a time of its own was made just before.
fn when(pod: &Pod, look: &Look<'_>) -> Timestamp {
    pod.status.as_ref().and_then(|s| s.start_time).map_or_else(|| pods::started(pod, look), Time::at)
}

fn trouble(
    pod: &Pod,
    reason: &str,
    (at, grace): (Timestamp, SignedDuration),
    times: usize,
    look: &Look<'_>,
) -> Trouble {
    let meta = pod.meta();
    let said = pod.status.as_ref().map_or("", |s| s.message.trim());
    let said = said.strip_prefix("Pod was rejected: ").unwrap_or(said);
    let why = if said.is_empty() { reason } else { said };
    let node = pod.node_name();
    let node = if node.is_empty() { "its node".to_owned() } else { format!("node {node}") };
    let mut proof = vec![evidence::piece(
        format!("Pod {}/{}", meta.namespace, meta.name),
        &evidence::with_message(reason, said),
        Some(at),
    )];
    proof.extend(evidence::warnings(look, &meta.uid, 1));
    let how_often = if times == 1 {
        format!("{node} refused a pod, and replicas are missing since")
    } else {
        format!("pods were refused by the kubelet {times} times in {}, the last by {node}", WINDOW.say(look.settings))
    };
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class: ConditionClass::KubeletRefused,
        reason: reason.to_owned(),
        message: format!("{how_often}: {why}"),
        since: at,
        grace,
        level: Level::High,
        log: None,
        evidence: proof,
        recommendation: format!(
            "Compare what it asks for with what the node has: kubectl -n {} describe pod {}; kubectl describe {node}",
            meta.namespace, meta.name
        ),
    }
}
