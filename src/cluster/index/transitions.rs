//! What happened to a Pod between two of its states, told to its top owner.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ClusterIndex;
use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, Text, Transition, TransitionKind,
    facts::{ContainerStatus, Pod, Terminated, Time},
    room_for_one,
};

/// How many transitions of one Pod are remembered for an owner that may turn out to be another one.
const REMEMBERED: usize = 16;

/// A transition before it is known whose it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PodTransition {
    at: Timestamp,
    kind: TransitionKind,
}

impl PodTransition {
    fn of(self, owner: ObjectRef) -> Transition {
        Transition { owner, at: self.at, kind: self.kind }
    }
}

impl ClusterIndex {
    /// Says what happened to a Pod since the state that was held before.
    pub(super) fn note_pod_transitions(
        &mut self,
        key: &ObjectKey,
        before: Option<&Fact>,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let Some(pod) = self.pod(key) else { return };
        let before = match before {
            Some(Fact::Pod(before)) if before.meta().uid == pod.meta().uid => Some(before.as_ref()),
            _ => None,
        };
        let mut happened = between(before, pod, now);
        if before.is_some_and(|before| !is_asked_to_go(before))
            && is_asked_to_go(pod)
            && self.is_cordoned(pod.node_name())
        {
            happened.push(PodTransition { at: now, kind: TransitionKind::Drained });
        }
        if happened.is_empty() {
            return;
        }
        let owner = self.owner_of(key);
        let lately = self.lately.entry(key.clone()).or_default();
        if before.is_none() {
            lately.clear();
        }
        for transition in happened {
            room_for_one(lately);
            lately.push(transition.clone());
            transitions.push(transition.of(owner.clone()));
        }
        let too_many = lately.len().saturating_sub(REMEMBERED);
        lately.drain(..too_many);
    }

    /// Whether a node takes no more pods.
    fn is_cordoned(&self, node: &str) -> bool {
        let key = ObjectKey { kind: Kind::Node, namespace: Text::new(), name: node.into() };
        let spec = self.get(&key).and_then(|fact| if let Fact::Node(node) = fact { node.spec.as_ref() } else { None });
        spec.is_some_and(|spec| spec.unschedulable)
    }

    /// Says that a run of a `CronJob` failed, also of one that had failed before it was seen.
    pub(super) fn note_failed_run(
        &self,
        key: &ObjectKey,
        before: Option<&Fact>,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let Some(Fact::Job(job)) = self.get(key) else { return };
        let had_failed =
            matches!(before, Some(Fact::Job(b)) if b.meta().uid == job.meta().uid && b.ended("Failed").is_some());
        let Some(failed) = job.ended("Failed").filter(|_| !had_failed) else { return };
        let owner = self.owner_of(key);
        if owner.watched_kind() == Some(Kind::CronJob) {
            let at = failed.last_transition_time.map_or(now, Time::at);
            transitions.push(Transition { owner, at, kind: TransitionKind::RunFailed { job: key.name.clone() } });
        }
    }

    /// Says which boot of a node is seen, if it is another than before.
    pub(super) fn note_boot(
        &self,
        key: &ObjectKey,
        before: Option<&Fact>,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let id = |fact: &Fact| if let Fact::Node(node) = fact { node.boot_id().map(Text::from) } else { None };
        let Some(boot_id) = self.get(key).and_then(id) else { return };
        if before.and_then(id).as_ref() != Some(&boot_id) {
            let kind = TransitionKind::NodeBooted { boot_id };
            transitions.push(Transition { owner: key.clone().into(), at: now, kind });
        }
    }

    /// Tells again what happened to pods whose top owner is another one than before: its controller became known just now.
    pub(super) fn note_moved_pods(&self, before: &BTreeMap<ObjectKey, ObjectRef>, transitions: &mut Vec<Transition>) {
        for (pod, owner_before) in before {
            let Some(lately) = self.lately.get(pod) else { continue };
            let owner = self.owner_of(pod);
            if owner != *owner_before {
                transitions.extend(lately.iter().map(|transition| transition.clone().of(owner.clone())));
            }
        }
    }
}

/// Whether a Pod is to go, on purpose.
fn is_asked_to_go(pod: &Pod) -> bool {
    pod.meta().deletion_timestamp.is_some() || pod.condition("DisruptionTarget").is_some_and(|c| c.status == "True")
}

/// What happened between two states of the same Pod. Of a Pod never seen before only the last terminations it reports itself
/// are known: a bot that was restarted still knows of a recent out-of-memory kill.
fn between(before: Option<&Pod>, after: &Pod, now: Timestamp) -> Vec<PodTransition> {
    let mut happened: Vec<PodTransition> =
        statuses(after).filter_map(|status| restart(before, status, now, &after.meta().name)).collect();
    if let Some(before) = before {
        let at = after.condition("Ready").and_then(|c| c.last_transition_time).map_or(now, Time::at);
        match (before.is_ready(), after.is_ready()) {
            (false, true) => happened.push(PodTransition { at, kind: TransitionKind::BecameReady }),
            // A Pod that was asked to go is expected to stop serving.
            (true, false) if after.meta().deleted().is_none() => {
                happened.push(PodTransition { at, kind: TransitionKind::LostReady });
            }
            _ => {}
        }
    }
    happened.sort_by_key(|transition| transition.at);
    happened
}

/// The restart of a container, if there was one since the state before.
fn restart(before: Option<&Pod>, status: &ContainerStatus, now: Timestamp, pod: &Text) -> Option<PodTransition> {
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_deref());
    let finished = last.and_then(|last| last.finished_at).map(Time::at);
    let at = match before {
        // It says when it ended last, or nothing is known.
        None => finished?,
        Some(before) => {
            let restarts = statuses(before).find(|old| old.name == status.name).map_or(0, |old| old.restart_count);
            if status.restart_count <= restarts {
                return None;
            }
            finished.unwrap_or(now)
        }
    };
    let ended = last.map_or_else(|| "unknown".into(), ended);
    Some(PodTransition {
        at,
        kind: TransitionKind::Restarted { pod: pod.clone(), container: status.name.clone(), ended },
    })
}

/// How a container ended, in few words: `OOMKilled`, `Error (exit 1)`.
fn ended(terminated: &Terminated) -> Text {
    let reason = if terminated.reason.is_empty() { "Error" } else { &terminated.reason };
    match (reason, terminated.exit_code, terminated.signal) {
        ("OOMKilled", ..) | (_, 0, 0) => reason.into(),
        (_, 0, signal) => format!("{reason} (signal {signal})").into(),
        (_, code, _) => format!("{reason} (exit {code})").into(),
    }
}

/// The states of all containers, init containers (and with them sidecars) first.
fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.init_container_statuses.iter().chain(&status.container_statuses))
}
