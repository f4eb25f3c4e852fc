//! `evicted`: pods of a workload are evicted again and again.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude},
    },
};

const WINDOW: SignedDuration = SignedDuration::from_mins(10);
const TIMES: usize = 3;

/// Pods are evicted again and again.
#[derive(Debug)]
pub(crate) struct Evicted;

impl Check for Evicted {
    fn name(&self) -> &'static str {
        "evicted"
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "Three or more pods of a workload were evicted within 10 minutes.",
            why: "Every replacement meets the same end: a volume over its limit, or a node short of memory or disk.",
            fix: "Raise the limit that is exceeded, or free what the node is short of; the message names it.",
            grace: "None.",
            silent: "Fewer evictions, and what old evictions leave behind.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && kind != "Pod"
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let from = look.now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
        let recent: Vec<(&Pod, Timestamp)> = look
            .index
            .pods_of(owner)
            .filter(|p| p.status.as_ref().is_some_and(|s| s.reason == "Evicted"))
            .map(|p| (p, when(p, look)))
            .filter(|(_, at)| *at >= from)
            .collect();
        let times = recent.len();
        let troubles = if times < TIMES {
            Vec::new()
        } else {
            recent.into_iter().map(|(pod, at)| trouble(pod, at, times, look)).collect()
        };
        conclude(self.name(), owner, look, &Pods::of(owner, look), troubles)
    }
}

/// When a pod was evicted.
fn when(pod: &Pod, look: &Look<'_>) -> Timestamp {
    let ended = pods::containers(pod).iter().filter_map(|c| c.last_end()?.finished_at).map(Time::at).max();
    let failed = pod.condition("Ready").and_then(|c| c.last_transition_time).map(Time::at);
    failed.or(ended).unwrap_or_else(|| pods::started(pod, look))
}

fn trouble(pod: &Pod, at: Timestamp, times: usize, look: &Look<'_>) -> Trouble {
    let meta = pod.meta();
    let said = pod.status.as_ref().map_or("", |s| s.message.trim());
    let why = if said.is_empty() { "cause unknown" } else { said };
    let mut proof =
        vec![evidence::piece(format!("Pod {}/{}", meta.namespace, meta.name), &format!("Evicted: {why}"), Some(at))];
    proof.extend(evidence::warnings(look, &meta.uid, 1));
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class: ConditionClass::Evicted,
        reason: "Evicted".into(),
        message: format!("evicted {times} times in 10 min: {why}"),
        since: at,
        grace: SignedDuration::ZERO,
        level: Level::High,
        evidence: proof,
        recommendation: format!("See what it used: kubectl -n {} describe pod {}", meta.namespace, meta.name),
    }
}
