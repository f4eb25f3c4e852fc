//! `stuck-terminating`: something is being deleted and does not go: a pod, a claim, a namespace, a workload.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef,
        facts::{Condition, Meta, Namespace, PersistentVolumeClaim, Pod},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude, fact, key},
    },
};

const NAME: &str = "stuck-terminating";
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long something may still be there after the time by which it was to be gone.",
    900,
    (60, 86_400),
);

/// Finalizers that Kubernetes itself takes away in its own time.
const OF_KUBERNETES: [&str; 5] = [
    "foregroundDeletion",
    "orphan",
    "batch.kubernetes.io/job-tracking",
    "kubernetes.io/pvc-protection",
    "service.kubernetes.io/load-balancer-cleanup",
];

/// Something does not go away.
#[derive(Debug)]
pub(crate) struct StuckTerminating;

impl Check for StuckTerminating {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A pod, a claim, a namespace or a workload is being deleted and does not go: a finalizer holds it, or its node does not end it.",
            why: "Its name stays taken: a StatefulSet cannot replace the pod, a namespace cannot be made anew.",
            fix: "Mend the controller that is to remove the finalizer; remove it by hand only if that controller is gone for good.",
            grace: "15 min after its own grace period is over.",
            silent: "Pods on a node that does not report (see node-not-ready); what lives in a namespace that is itself being deleted.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        matches!(kind, "Namespace" | "PersistentVolumeClaim") || pods::may_own_pods(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn judges_what_is_being_deleted(&self) -> bool {
        true
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        if owner.kind != "Namespace" && is_leaving(&namespace_of(owner), look) {
            return Verdict::NotWanted(format!("counted as Namespace {}", owner.namespace).into());
        }
        let own = fact(owner, look).and_then(|fact| match fact {
            Fact::Namespace(namespace) => of_namespace(owner, namespace, look),
            Fact::PersistentVolumeClaim(claim) => of_claim(owner, claim, look),
            // The pods of an owner are looked at below, and a Pod is its own.
            Fact::Pod(_) => None,
            Fact::Node(_)
            | Fact::Deployment(_)
            | Fact::ReplicaSet(_)
            | Fact::StatefulSet(_)
            | Fact::DaemonSet(_)
            | Fact::Job(_)
            | Fact::CronJob(_)
            | Fact::Service(_)
            | Fact::EndpointSlice(_)
            | Fact::HorizontalPodAutoscaler(_)
            | Fact::Ingress(_)
            | Fact::IngressClass(_)
            | Fact::ValidatingWebhookConfiguration(_)
            | Fact::MutatingWebhookConfiguration(_)
            | Fact::ApiService(_)
            | Fact::PersistentVolume(_)
            | Fact::StorageClass(_)
            | Fact::Certificate(_)
            | Fact::ConfigMap(_)
            | Fact::NetworkPolicy(_)
            | Fact::PodDisruptionBudget(_)
            | Fact::Event(_) => of_other(owner, fact.meta(), look),
        });
        let pods = if pods::may_own_pods(&owner.kind) {
            look.pods_of(owner).iter().copied().filter_map(|pod| of_pod(pod, look)).collect()
        } else {
            Vec::new()
        };
        conclude(NAME, owner, look, &Pods::default(), own.into_iter().chain(pods).collect())
    }

    fn looks_again(&self, owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
        let own = fact(owner, look).and_then(|fact| fact.meta().deleted());
        let pods = look.pods_of(owner);
        let pods = pods.iter().filter_map(|pod| pod.meta().deleted());
        own.into_iter().chain(pods).map(|deleted| due(deleted, look)).filter(|at| *at > look.now).min()
    }
}

/// When something that is being deleted is to be gone at the latest.
fn due(deleted: Timestamp, look: &Look<'_>) -> Timestamp {
    deleted.checked_add(look.settings.time(&GRACE)).unwrap_or(Timestamp::MAX)
}

fn namespace_of(owner: &ObjectRef) -> ObjectRef {
    ObjectRef { kind: Kind::Namespace.name().into(), namespace: String::new().into(), name: owner.namespace.clone() }
}

fn is_leaving(object: &ObjectRef, look: &Look<'_>) -> bool {
    key(object).and_then(|key| look.index.get(&key)).is_some_and(|fact| fact.meta().deletion_timestamp.is_some())
}

/// A pod that is not gone although its grace period (which the deletion's time includes) is over.
fn of_pod(pod: &Pod, look: &Look<'_>) -> Option<Trouble> {
    let meta = pod.meta();
    let since = meta.deleted()?;
    let node = pod.node_name();
    let key = ObjectKey { kind: Kind::Node, namespace: String::new().into(), name: node.into() };
    let nodes_are_seen = look.index.count(Kind::Node) > 0 && look.index.sight().blind(Kind::Node, "").is_none();
    let held = match look.index.get(&key) {
        Some(Fact::Node(node)) if node.condition("Ready").is_some_and(|c| c.status != "True") => return None,
        _ if !meta.finalizers.is_empty() && has_ended(pod) => {
            format!("its containers have ended, {}", held_by(meta))
        }
        None if nodes_are_seen && !node.is_empty() => format!("its node {node} is gone"),
        _ if node.is_empty() => "it was given to no node, cause unknown".to_owned(),
        _ => format!("node {node} does not end it, cause unknown"),
    };
    let is_held = is_held_by_others(meta) && has_ended(pod);
    let object = pods::reference(pod);
    let name = &meta.name;
    trouble(object, since, (format!("pod {name} is being deleted and does not go: {held}"), is_held), meta, look)
}

fn of_namespace(owner: &ObjectRef, namespace: &Namespace, look: &Look<'_>) -> Option<Trouble> {
    let meta = namespace.meta();
    let since = meta.deleted()?;
    let conditions = namespace.status.iter().flat_map(|s| s.conditions.iter());
    let holding: Vec<&Condition> = conditions.filter(|c| c.status == "True" && !c.message.is_empty()).collect();
    let said: Vec<String> = holding.iter().map(|c| c.message.trim_end_matches('.').to_owned()).collect();
    let why = if said.is_empty() { held_by(meta) } else { said.join("; ") };
    let message = format!("the namespace is being deleted and does not go: {why}");
    let mut it = trouble(owner.clone(), since, (message, !holding.is_empty()), meta, look)?;
    it.reason = holding.first().map_or_else(|| it.reason.clone(), |c| c.kind.as_str().to_owned());
    it.evidence.extend(holding.into_iter().map(|c| of_condition(owner, c)));
    it.recommendation = format!(
        "See what is left in it: kubectl get namespace {0} -o yaml; kubectl api-resources --verbs=list --namespaced -o name | xargs -n 1 kubectl -n {0} get --ignore-not-found",
        owner.name
    );
    Some(it)
}

fn of_claim(owner: &ObjectRef, claim: &PersistentVolumeClaim, look: &Look<'_>) -> Option<Trouble> {
    let meta = claim.meta();
    let since = meta.deleted()?;
    let users: Vec<&str> = look
        .index
        .pods_of_claim(meta.namespace.as_str(), meta.name.as_str())
        .filter(|pod| !matches!(pod.phase(), "Succeeded" | "Failed"))
        .map(|pod| pod.meta().name.as_str())
        .collect();
    let why = match users.as_slice() {
        [] => held_by(meta),
        [one] => format!("pod {one} still uses it"),
        [one, more @ ..] => format!("pod {one} and {} more still use it", more.len()),
    };
    let message = format!("claim {} is being deleted and does not go: {why}", meta.name);
    trouble(owner.clone(), since, (message, is_held_by_others(meta)), meta, look)
}

/// A workload that does not go. Its pods are looked at by themselves.
fn of_other(owner: &ObjectRef, meta: &Meta, look: &Look<'_>) -> Option<Trouble> {
    let since = meta.deleted()?;
    let message = format!("it is being deleted and does not go: {}", held_by(meta));
    trouble(owner.clone(), since, (message, is_held_by_others(meta)), meta, look)
}

/// Whether every container of a pod has ended.
fn has_ended(pod: &Pod) -> bool {
    matches!(pod.phase(), "Succeeded" | "Failed") || pods::containers(pod).iter().all(|c| c.terminated().is_some())
}

/// Whether a finalizer holds it that Kubernetes does not remove by itself.
fn is_held_by_others(meta: &Meta) -> bool {
    meta.finalizers.iter().any(|f| !OF_KUBERNETES.contains(&f.as_str()))
}

fn held_by(meta: &Meta) -> String {
    let names: Vec<&str> = meta.finalizers.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "no finalizer holds it, cause unknown".to_owned(),
        [one] => format!("the finalizer {one} holds it"),
        _ => format!("the finalizers {} hold it", names.join(", ")),
    }
}

fn of_condition(owner: &ObjectRef, condition: &Condition) -> Evidence {
    evidence::piece(
        format!("{owner} condition {}", condition.kind),
        &evidence::with_message(condition.reason.as_str(), condition.message.as_str()),
        condition.last_transition_time.map(crate::cluster::facts::Time::at),
    )
}

/// What is held can be said at once by those who do not want to wait; anything else goes away in its own time.
fn trouble(
    object: ObjectRef,
    since: Timestamp,
    (message, is_held): (String, bool),
    meta: &Meta,
    look: &Look<'_>,
) -> Option<Trouble> {
    // Until then it is no trouble at all: everything takes its time to go.
    if due(since, look) > look.now && !(look.no_grace && is_held) {
        return None;
    }
    let (kind, name) = (object.kind.to_lowercase(), &object.name);
    let place = if object.namespace.is_empty() { String::new() } else { format!("-n {} ", object.namespace) };
    let recommendation = format!("See who is to remove what holds it: kubectl {place}get {kind} {name} -o yaml");
    Some(Trouble {
        with: Vec::new(),
        class: ConditionClass::StuckTerminating,
        reason: if meta.finalizers.is_empty() { "Terminating".to_owned() } else { "FinalizerHolds".to_owned() },
        message,
        // Its deletion's time may be some seconds to come.
        since: since.min(look.now),
        grace: SignedDuration::ZERO,
        level: Level::Warning,
        log: None,
        evidence: evidence::warnings(look, &meta.uid, 2),
        recommendation,
        object,
    })
}
