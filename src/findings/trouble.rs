//! What the checks found at single objects becomes one verdict on their owner: grace, impact, evidence.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    Cause, ConditionClass, Evidence, Finding, Impact, Level, LogOf, Look, ServiceHit, Verdict, evidence,
    moving::moving,
    pods::{Pods, Seen, containers, is_batch, is_finished, is_silent, newest_has_none_ready, node_of, settles_until},
    redact::{cap, redact},
};
use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, Text, TransitionKind,
    facts::{Pod, Workload},
};

/// How many objects a finding names.
const MOST_OBJECTS: usize = 20;
/// The longest reason; those of Kubernetes are one word, but anybody may write one into a status.
const LONGEST_REASON: usize = 80;

/// Something wrong with one object.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// The object.
    pub(crate) object: ObjectRef,
    /// Others that are part of it (a claim).
    pub(crate) with: Vec<ObjectRef>,
    pub(crate) class: ConditionClass,
    pub(crate) reason: String,
    /// One sentence; redacted and capped here.
    pub(crate) message: String,
    pub(crate) since: Timestamp,
    /// How long it may last before it counts.
    pub(crate) grace: SignedDuration,
    /// How loud as long as something still serves.
    pub(crate) level: Level,
    /// The log that may say why.
    pub(crate) log: Option<LogOf>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) recommendation: String,
}

impl Trouble {
    /// When it counts: after its grace, and not while its pod's node (for trouble of the owner itself, a node of its pods) has
    /// just been restarted.
    fn due(&self, owner: &ObjectRef, look: &Look<'_>) -> Timestamp {
        let is_meant = |pod: &&Pod| self.object == *owner || self.object.name == pod.meta().name;
        let settled =
            look.pods_of(owner).iter().copied().filter(is_meant).filter_map(|pod| settles_until(pod, look)).max();
        let due = self.since.checked_add(self.grace).unwrap_or(Timestamp::MAX);
        settled.map_or(due, |settled| settled.max(due))
    }
}

/// The verdict by what is wrong with each of the owner's pods.
pub(crate) fn of_pods<I: IntoIterator<Item = Trouble>>(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    wrong: impl Fn(&Pod) -> I,
) -> Verdict {
    let all = Pods::of(owner, look);
    let troubles = all.live.iter().flat_map(|pod| wrong(pod)).collect();
    conclude(check, owner, look, &all, troubles)
}

/// The verdict by what is wrong with each container of the owner's pods.
pub(crate) fn of_containers(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    wrong: impl Fn(&Seen<'_>) -> Option<Trouble>,
) -> Verdict {
    of_pods(check, owner, look, |pod| containers(pod).iter().filter_map(&wrong).collect::<Vec<_>>())
}

/// The verdict on the owner: wrong by the troubles past their grace, else pending by those within it. Without troubles it
/// is healthy, unless pods sit on a node that does not report: then nobody knows.
pub(crate) fn conclude(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    pods: &Pods<'_>,
    troubles: Vec<Trouble>,
) -> Verdict {
    let (overdue, waiting): (Vec<_>, Vec<_>) =
        troubles.into_iter().partition(|t| look.no_grace || t.due(owner, look) <= look.now);
    if let Some(finding) = finding(check, owner, look, overdue) {
        return Verdict::Wrong(finding);
    }
    let due = waiting.iter().map(|trouble| trouble.due(owner, look)).min();
    if let (Some(due), Some(finding)) = (due, finding(check, owner, look, waiting)) {
        return Verdict::Pending(finding, due);
    }
    if !pods.silent_nodes.is_empty() {
        let nodes: Vec<&str> = pods.silent_nodes.iter().copied().collect();
        return Verdict::Unknown(format!("node {} does not report on its pods", nodes.join(", ")));
    }
    Verdict::Healthy
}

/// One finding of troubles of one owner; the strongest class, then the oldest, speaks for all.
fn finding(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    mut troubles: Vec<Trouble>,
) -> Option<Arc<Finding>> {
    troubles.sort_by(|a, b| (a.class, a.since, &a.object).cmp(&(b.class, b.since, &b.object)));
    let since = troubles.iter().map(|t| t.since).min()?;
    let mut objects: Vec<ObjectRef> =
        troubles.iter().flat_map(|t| std::iter::once(&t.object).chain(&t.with)).cloned().collect();
    objects.sort();
    objects.dedup();
    let pods = objects.iter().filter(|o| o.kind == "Pod").count();
    objects.truncate(MOST_OBJECTS);
    let mut pieces: Vec<Evidence> = Vec::new();
    for piece in troubles.iter().flat_map(|t| &t.evidence) {
        // The same words from another pod prove nothing more.
        if pieces.len() < evidence::MOST && !pieces.iter().any(|p| p.text == piece.text) {
            pieces.push(piece.clone());
        }
    }
    let first = troubles.into_iter().next()?;
    let trap = objects.iter().find_map(|object| ordered_trap(owner, object, look)).unwrap_or_default();
    let impact = impact(owner, look);
    let mut message = redact(&first.message);
    if pods > 1 {
        message = format!("{message} ({pods} pods)");
    }
    let is_hit = impact.is_unserved() && first.class.is_of_what_serves() && !is_batch(&owner.kind);
    let severity = if is_hit { Level::Critical } else { first.level };
    let cause = silent_node(first.class, &first.message, owner, look);
    Some(Arc::new(Finding {
        check: check.into(),
        owner: owner.clone(),
        objects,
        class: first.class,
        reason: cap(&redact(&first.reason), LONGEST_REASON),
        message,
        since,
        severity,
        impact,
        evidence: pieces,
        recommendation: format!("{}{trap}", redact(&first.recommendation)),
        cause,
        log: first.log,
        grace: first.grace,
    }))
}

/// What must be done besides mending the template of a `StatefulSet`: a pod of a broken revision that never became ready is not
/// replaced by itself, however right the template is by now.
fn ordered_trap(owner: &ObjectRef, pod: &ObjectRef, look: &Look<'_>) -> Option<String> {
    let Some(Fact::StatefulSet(set)) = fact(owner, look) else { return None };
    let (spec, status) = (set.spec.as_ref()?, set.status.as_ref()?);
    let is_by_hand = spec.update_strategy.as_ref().is_some_and(|u| u.kind == "OnDelete");
    let in_order = matches!(spec.pod_management_policy.as_str(), "" | "OrderedReady") && !is_by_hand;
    let rolls = status.update_revision != status.current_revision;
    let Some(Fact::Pod(pod)) = fact(pod, look).filter(|_| in_order && rolls) else { return None };
    (!pod.is_ready()).then(|| {
        let meta = pod.meta();
        format!(
            "; then delete the pod, which a StatefulSet does not replace by itself: kubectl -n {} delete pod {}",
            meta.namespace, meta.name
        )
    })
}

/// The nodes with pods of an owner that do not report, pods that were asked to go included: until the node is back nobody can
/// say that they are gone.
pub(crate) fn silent_nodes_of(owner: &ObjectRef, look: &Look<'_>) -> Vec<(ObjectRef, usize)> {
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in look.pods_of(owner).iter().copied().filter(|pod| !is_finished(pod)) {
        if node_of(pod, look).is_some_and(is_silent) {
            *nodes.entry(pod.node_name()).or_default() += 1;
        }
    }
    let reference =
        |name: &str| ObjectRef { kind: Kind::Node.name().into(), namespace: Text::new(), name: name.into() };
    nodes.into_iter().map(|(name, pods)| (reference(name), pods)).collect()
}

/// The node that explains what is missing of a workload: as many of its pods are there as are missing, and where the scheduler
/// finds no place for others, it is for the taint of that node.
fn silent_node(class: ConditionClass, said: &str, owner: &ObjectRef, look: &Look<'_>) -> Option<Cause> {
    const TAINTS: [&str; 2] = ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"];
    let is_for_its_taint = || TAINTS.iter().any(|taint| said.contains(taint));
    let may_be =
        class == ConditionClass::ReplicasMissing || (class == ConditionClass::Unschedulable && is_for_its_taint());
    if !may_be {
        return None;
    }
    let nodes = silent_nodes_of(owner, look);
    let there: usize = nodes.iter().map(|(_, pods)| pods).sum();
    let (ready, desired) = replicas(owner, look)?;
    let missing = usize::try_from(desired.saturating_sub(ready)).unwrap_or(0);
    let (node, _) = nodes.into_iter().next().filter(|_| missing <= there)?;
    Some(Cause { owner: node, why: "pods of it are on that node, which does not report".to_owned() })
}

/// Who is hit: replicas by the workload's status (of pods for an owner that has none), Services by their endpoints.
pub(crate) fn impact(owner: &ObjectRef, look: &Look<'_>) -> Impact {
    let (ready, desired) = replicas(owner, look).unzip();
    let own = serves_or_served(owner, look).then(|| look.index.endpoints_of_ref(owner)).flatten();
    let hit = own.into_iter().chain(look.index.services_hit_by(owner));
    let services = hit
        .map(|s| ServiceHit {
            namespace: s.namespace,
            name: s.name,
            ready_endpoints: s.ready_endpoints,
            endpoints: s.endpoints,
        })
        .collect();
    let quorum_lost = owner.kind == "StatefulSet"
        && ready.zip(desired).is_some_and(|(ready, desired)| desired >= 3 && ready.saturating_mul(2) < desired);
    let is_enough = ready.zip(desired).is_some_and(|(ready, desired)| desired > 0 && ready >= desired);
    let only_old_pods_serve = is_enough && newest_has_none_ready(owner, look);
    let impact = Impact { ready, desired, services, only_old_pods_serve, quorum_lost, moving: None };
    let moving = if impact.is_unserved() { moving(owner, look) } else { None };
    Impact { moving, ..impact }
}

/// Whether a Service is known to have had a ready endpoint. One that never had any is missed by nobody.
pub(crate) fn serves_or_served(owner: &ObjectRef, look: &Look<'_>) -> bool {
    let has = || look.index.endpoints_of_ref(owner).is_some_and(|s| s.ready_endpoints > 0);
    owner.kind == "Service" && (lost_endpoints(owner, look).is_some() || has())
}

/// When a Service lost its last ready endpoint, the last time since it exists.
pub(crate) fn lost_endpoints(service: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
    let created = fact(service, look)?.meta().created().unwrap_or(Timestamp::MIN);
    let lost = look.history.since(service, created).filter(|t| matches!(t.kind, TransitionKind::LostLastEndpoint(_)));
    lost.map(|t| t.at).last()
}

/// Ready and wanted replicas; None for what has no replicas.
pub(crate) fn replicas(owner: &ObjectRef, look: &Look<'_>) -> Option<(i32, i32)> {
    let Some(fact) = fact(owner, look) else {
        let pods = look.pods_of(owner);
        let ready = pods.iter().filter(|p| p.is_ready()).count();
        return (!pods.is_empty() && !is_batch(&owner.kind))
            .then(|| (i32::try_from(ready).unwrap_or(i32::MAX), i32::try_from(pods.len()).unwrap_or(i32::MAX)));
    };
    match fact.workload()? {
        Workload::Deployment(d) => Some((
            d.status.as_ref().map_or(0, |s| s.ready_replicas),
            d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
        )),
        Workload::ReplicaSet(r) => Some((
            r.status.as_ref().map_or(0, |s| s.ready_replicas),
            r.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
        )),
        Workload::StatefulSet(s) => Some((
            s.status.as_ref().map_or(0, |s| s.ready_replicas),
            s.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
        )),
        Workload::DaemonSet(d) => d.status.as_ref().map(|s| (s.number_ready, s.desired_number_scheduled)),
        // What is to run once and end serves nobody.
        Workload::Pod(p) => {
            let serves = !p.spec.as_ref().is_some_and(|s| matches!(s.restart_policy.as_str(), "Never" | "OnFailure"));
            serves.then(|| (i32::from(p.is_ready()), 1))
        }
        Workload::Job(_) | Workload::CronJob(_) => None,
    }
}

/// The object an owner is, if it is watched and known.
pub(crate) fn fact<'a>(owner: &ObjectRef, look: &Look<'a>) -> Option<&'a Fact> {
    look.fact_of(owner)
}

/// The key of an owner of a watched kind.
pub(crate) fn key(owner: &ObjectRef) -> Option<ObjectKey> {
    let kind: Kind = owner.watched_kind()?;
    Some(ObjectKey { kind, namespace: owner.namespace.clone(), name: owner.name.clone() })
}
