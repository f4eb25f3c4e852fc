//! Whom a change beside the workloads means, by what the pods that are hit name, when their containers started, and which labels they have.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    changes::{Became, Concern, Grip, Reach, SettingChange, Symptom, beside},
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef,
        facts::{ContainerStatus, LabelSelector, Pod, Time},
    },
    conversation::commands::changes::Of,
    findings::Finding,
    incidents::{Changed, later},
    process::{Mind, rollouts},
};

/// What was made so long after the trouble began was made with it.
const WITH_IT: SignedDuration = SignedDuration::from_mins(2);

/// What is suspected already, together with the changes beside the workloads; None: nothing is known.
pub(in crate::process) fn explain(
    mind: &Mind,
    owner: &ObjectRef,
    findings: &[Arc<Finding>],
    symptom: &Symptom,
    changed: Option<Changed>,
) -> Option<Changed> {
    if mind.settings.changes.is_empty() {
        return changed;
    }
    let hit = hit(mind, owner, findings);
    let names: BTreeSet<&str> = hit.iter().map(|pod| pod.meta().name.as_str()).collect();
    // Who came up later may have been mended, before it is known how.
    let soon = later(symptom.began, WITH_IT);
    let is_well = |pod: &&Pod| pod.is_ready() && pod.meta().created().is_none_or(|at| at <= soon);
    let well = mind.index.pods_of(owner).filter(|pod| !names.contains(pod.meta().name.as_str())).filter(is_well);
    let well: Vec<&Pod> = well.collect();
    let concern = |change| {
        let grip = grip(mind, change, owner, &hit)?;
        let may_be_refuted = matches!(grip, Grip::StartedSince | Grip::Selects);
        // Who has what was put there later says nothing of this.
        let has_newer = |pod: &&Pod| {
            let mut later = mind.settings.changes.iter().filter(|it| it.object == change.object && it.at > change.at);
            later.any(|it| self::grip(mind, it, owner, &[*pod]).is_some_and(Grip::is_proof))
        };
        let is_being_read = || mind.settings.is_newer_than_read(&change.object);
        let others = || {
            let has_it = |pod: &&Pod| self::grip(mind, change, owner, &[*pod]) == Some(grip);
            !is_being_read() && well.iter().any(|pod| has_it(pod) && !has_newer(pod))
        };
        let grip = if may_be_refuted && !symptom.is_slow() && others() { Grip::OthersAreWell } else { grip };
        let texts = findings.iter().flat_map(|it| {
            std::iter::once(it.message.as_str()).chain(it.evidence.iter().map(|evidence| evidence.text.as_str()))
        });
        let is_named = texts.into_iter().any(|text| change.is_named_in(text));
        // Those that it means as well broke because of it, if this one did.
        let elsewhere = rollouts::beside(mind, owner, symptom.began);
        let elsewhere = elsewhere.filter(|other| {
            let pods: Vec<&Pod> = mind.index.pods_of(other).collect();
            self::grip(mind, change, other, &pods).is_none()
        });
        Some(Concern { change, grip, is_named, elsewhere: elsewhere.count() })
    };
    // The last that may have been the cause, by clocks that differ a little.
    let until = later(symptom.began, SignedDuration::from_mins(1));
    let before = mind.settings.changes.iter().filter(|change| change.at <= until);
    let concerns: Vec<Concern<'_>> = before.filter_map(concern).collect();
    let is_known = changed.is_some();
    let found = beside(changed.unwrap_or_default(), &concerns, symptom);
    (is_known || !found.suspects.is_empty()).then_some(found)
}

/// The changes that mean one of these workloads, or are of what was asked for itself.
pub(in crate::process) fn of(mind: &Mind, of: &Of, workloads: &[ObjectRef]) -> Vec<SettingChange> {
    let is_meant = |change: &&SettingChange| match of {
        Of::Everything => true,
        Of::Namespace(namespace) => change.object.namespace == namespace.as_str(),
        Of::Workload { .. } | Of::Service(_) => workloads.iter().any(|owner| {
            let pods: Vec<&Pod> = mind.index.pods_of(owner).collect();
            grip(mind, change, owner, &pods).is_some()
        }),
    };
    mind.settings.changes.iter().filter(is_meant).cloned().collect()
}

/// The pods at which it shows; of what names none all pods of the owner.
fn hit<'a>(mind: &'a Mind, owner: &ObjectRef, findings: &[Arc<Finding>]) -> Vec<&'a Pod> {
    let objects = findings.iter().flat_map(|finding| &finding.objects).filter(|object| &*object.kind == "Pod");
    let objects: BTreeSet<&ObjectRef> = objects.collect();
    let pod = |object: &&ObjectRef| {
        let key = ObjectKey { kind: Kind::Pod, namespace: object.namespace.clone(), name: object.name.clone() };
        as_pod(mind.index.get(&key)?)
    };
    let found: Vec<&Pod> = objects.iter().filter_map(pod).collect();
    if !found.is_empty() {
        return found;
    }
    if owner.watched_kind() == Some(Kind::Service) {
        let pods = mind.index.all_in(Kind::Pod, &owner.namespace).filter_map(as_pod);
        return pods.filter(|pod| is_behind(mind, &owner.name, pod)).collect();
    }
    mind.index.pods_of(owner).collect()
}

fn as_pod(fact: &Fact) -> Option<&Pod> {
    if let Fact::Pod(pod) = fact { Some(pod) } else { None }
}

/// How a change bears on an owner; None if it does not mean it.
fn grip(mind: &Mind, change: &SettingChange, owner: &ObjectRef, hit: &[&Pod]) -> Option<Grip> {
    if change.object == *owner {
        return Some(Grip::Itself);
    }
    if change.object.namespace != owner.namespace {
        return None;
    }
    change.reach.iter().find_map(|reach| match reach {
        Reach::Naming => started(change, hit),
        Reach::Selected(selector) => {
            let selector: LabelSelector = serde_json::from_value(selector.clone()).ok()?;
            match hit.iter().filter(|pod| selector.selects(&pod.meta().labels)).count() {
                0 => None,
                all if all == hit.len() => Some(Grip::Selects),
                _ => Some(Grip::SelectsSome),
            }
        }
        Reach::Target(target) => (target == owner).then_some(Grip::Scales),
        Reach::Behind(services) => {
            let is_behind = |pod: &&&Pod| services.iter().any(|service| is_behind(mind, service, pod));
            hit.iter().find(is_behind).map(|_| Grip::LeadsTo)
        }
    })
}

/// Whether a Service of its namespace selects a pod.
fn is_behind(mind: &Mind, service: &str, pod: &Pod) -> bool {
    let spec = mind.index.service(&pod.meta().namespace, service).and_then(|service| service.spec.as_ref());
    spec.is_some_and(|spec| !spec.selector.is_empty() && pod.meta().labels.include(&spec.selector))
}

/// Whether the containers that read a `ConfigMap` started since it changed; None if no pod reads what was changed.
fn started(change: &SettingChange, hit: &[&Pod]) -> Option<Grip> {
    let (mut since, mut before, mut is_mounted) = (0_usize, 0_usize, false);
    for pod in hit {
        let is_changed = |key: Option<&str>| {
            key.is_none_or(|key| change.became == Became::Gone || change.names.iter().any(|it| it == key))
        };
        let uses = pod.configs().filter(|it| it.name == change.object.name && is_changed(it.key));
        for used in uses {
            if has_started_since(pod, used.container, change.at) {
                since += 1;
            } else {
                before += 1;
                is_mounted |= used.container.is_none();
            }
        }
    }
    match (since, before) {
        (0, 0) => None,
        (_, 0) => Some(Grip::StartedSince),
        _ if is_mounted => Some(Grip::Mounted),
        (0, _) => Some(Grip::StartedBefore),
        _ => Some(Grip::SomeStartedBefore),
    }
}

/// Whether a container of a pod (None: one of them) was started since then, or is about to be.
fn has_started_since(pod: &Pod, container: Option<&str>, at: Timestamp) -> bool {
    let status = pod.status.iter();
    let mut all = status.flat_map(|it| it.init_container_statuses.iter().chain(&it.container_statuses)).peekable();
    // Nothing of it was started yet.
    if all.peek().is_none() {
        return true;
    }
    all.filter(|it| container.is_none_or(|name| it.name == name)).any(|it| is_started_since(it, at))
}

fn is_started_since(status: &ContainerStatus, at: Timestamp) -> bool {
    let state = status.state.as_ref();
    let running = state.and_then(|it| it.running.as_ref()).and_then(|it| it.started_at);
    let ended = [state, status.last_state.as_ref()].into_iter().flatten().filter_map(|it| it.terminated.as_ref());
    let last = running.into_iter().chain(ended.filter_map(|it| it.started_at)).max().map(Time::at);
    let is_about_to_be = state.and_then(|it| it.waiting.as_ref()).is_some_and(|it| it.reason.starts_with("Create"));
    is_about_to_be || last.is_none_or(|last| last >= at)
}
