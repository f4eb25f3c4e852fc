//! `evicted`: pods of a workload are evicted again and again, or it has too few since.

use jiff::{SignedDuration, Timestamp};

use super::{
    node_pressure::{ByItsNode, by_its_node},
    workload::grace_of_repeats,
};
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

const NAME: &str = "evicted";
const WINDOW: Parameter = Parameter::time((NAME, "window"), "Evictions are counted in this time.", 600, (60, 86_400));
const TIMES: Parameter =
    Parameter::number((NAME, "times"), "So many evictions within it are told in any case.", 3, (1, 100));
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long replicas may be missing after fewer evictions.", 60, (0, 3600));

/// Pods are evicted again and again.
#[derive(Debug)]
pub(crate) struct Evicted;

impl Check for Evicted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "Three or more pods of a workload were evicted within 10 minutes, or one was and replicas are missing since.",
            why: "Every replacement meets the same end: a volume over its limit, or a node short of memory or disk.",
            fix: "Raise the limit that is exceeded, or free what the node is short of; the message names it.",
            grace: "None from the third eviction on; 60 s for the replacement of fewer.",
            silent: "Pods that were replaced in time, and what old evictions leave behind. What a node under pressure evicts of several owners is told with the node.",
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
        let recent: Vec<(&Pod, Timestamp)> = look
            .pods_of(owner)
            .iter()
            .copied()
            .filter(|pod| pod.is_evicted())
            .map(|p| (p, when_evicted(p, look)))
            .filter(|(_, at)| *at >= from)
            .collect();
        let by_node = recent.iter().map(|(pod, at)| by_its_node(pod, *at, look));
        let told: Vec<_> = recent.iter().zip(by_node).filter(|(_, by)| !matches!(by, Some(ByItsNode::Past))).collect();
        let mut causes =
            told.iter().map(|(_, by)| if let Some(ByItsNode::Now(cause)) = by { Some(cause) } else { None });
        let first = causes.next().flatten().cloned();
        let cause = first.filter(|first| causes.all(|cause| cause.is_some_and(|c| c.owner == first.owner)));
        let times = told.len();
        let grace = grace_of_repeats(owner, look, times, (&TIMES, &GRACE));
        let of = |grace| told.iter().map(move |((pod, at), _)| trouble(pod, (*at, grace), times, look));
        let troubles = grace.into_iter().flat_map(of).collect();
        conclude(NAME, owner, look, &Pods::of(owner, look), troubles).caused_by(cause)
    }
}

/// When a pod was evicted.
pub(crate) fn when_evicted(pod: &Pod, look: &Look<'_>) -> Timestamp {
    let ended = pods::containers(pod).iter().filter_map(|c| c.last_end()?.finished_at).map(Time::at).max();
    let failed = pod.condition("Ready").and_then(|c| c.last_transition_time).map(Time::at);
    failed.or(ended).unwrap_or_else(|| pods::started(pod, look))
}

fn trouble(pod: &Pod, (at, grace): (Timestamp, SignedDuration), times: usize, look: &Look<'_>) -> Trouble {
    let meta = pod.meta();
    let said = pod.status.as_ref().map_or("", |s| s.message.trim());
    let why = if said.is_empty() { "cause unknown" } else { said };
    let mut proof =
        vec![evidence::piece(format!("Pod {}/{}", meta.namespace, meta.name), &format!("Evicted: {why}"), Some(at))];
    proof.extend(evidence::warnings(look, &meta.uid, 1));
    let how_often = if times == 1 {
        "evicted, and replicas are missing since".to_owned()
    } else {
        format!("evicted {times} times in {}", WINDOW.say(look.settings))
    };
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class: ConditionClass::Evicted,
        reason: "Evicted".into(),
        message: format!("{how_often}: {why}"),
        since: at,
        grace,
        level: Level::High,
        log: None,
        evidence: proof,
        recommendation: format!("See what it used: kubectl -n {} describe pod {}", meta.namespace, meta.name),
    }
}
