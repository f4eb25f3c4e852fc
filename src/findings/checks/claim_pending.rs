//! `claim-pending`: a volume claim is not bound, or does not exist. It counts as the workload that waits for it.

use super::{
    references::unchanged_since,
    unschedulable::{is_about_claim, refusal},
};
use crate::{
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef,
        facts::{Event, PersistentVolumeClaim, Pod, StorageClass, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "claim-pending";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long a claim may be unbound.", 180, (0, 86_400));

/// A claim is not bound.
#[derive(Debug)]
pub(crate) struct ClaimPending;

impl Check for ClaimPending {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A PersistentVolumeClaim stays unbound, is lost, or does not exist although a pod names it.",
            why: "The pods that mount it cannot start.",
            fix: "Correct the storage class, create the claim, or mend the provisioner.",
            grace: "3 min from the claim's creation or the scheduler's refusal.",
            silent: "A claim whose class waits for its first consumer and that has none.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "PersistentVolumeClaim" || pods::may_own_pods(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let all = Pods::of(owner, look);
        let troubles = match fact(owner, look) {
            Some(Fact::PersistentVolumeClaim(claim)) => {
                let meta = claim.meta();
                let waits = |p: &Pod| !pods::is_leaving(p) && p.phase() == "Pending";
                if !is_bad(claim) {
                    return Verdict::Healthy;
                }
                if look.index.pods_of_claim(&meta.namespace, &meta.name).any(waits) {
                    return Verdict::NotWanted("counted as the workload that waits for it".into());
                }
                match alone(claim, look) {
                    Alone::Waits => Vec::new(),
                    Alone::Wrong => vec![of_claim(claim, look)],
                    Alone::Unknown(why) => return Verdict::Unknown(why),
                }
            }
            _ => all.live.iter().flat_map(|pod| waiting(pod, look)).collect(),
        };
        conclude(NAME, owner, look, &all, troubles)
    }
}

fn phase(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().map_or("", |s| s.phase.as_str())
}

fn is_bad(claim: &PersistentVolumeClaim) -> bool {
    matches!(phase(claim), "Pending" | "Lost")
}

fn failure<'a>(claim: &PersistentVolumeClaim, look: &Look<'a>) -> Option<&'a Event> {
    look.index.events_of(&claim.meta().uid).filter(|e| e.reason == "ProvisioningFailed").last()
}

/// What a claim is for which no pod waits.
enum Alone {
    /// Its volume is made when a pod comes.
    Waits,
    Wrong,
    Unknown(String),
}

/// A claim nobody waits for: wrong if it has lost its volume, or should have one without a pod that mounts it.
fn alone(claim: &PersistentVolumeClaim, look: &Look<'_>) -> Alone {
    if phase(claim) == "Lost" || failure(claim, look).is_some() {
        return Alone::Wrong;
    }
    match class(claim, look) {
        Class::Missing => Alone::Wrong,
        Class::Known(class) if !class.waits_for_consumer() => Alone::Wrong,
        Class::Known(_) | Class::NotNamed => Alone::Waits,
        Class::Unknown(why) => Alone::Unknown(why),
    }
}

/// The storage class a claim names.
enum Class<'a> {
    NotNamed,
    Known(&'a StorageClass),
    /// There is none of that name.
    Missing,
    Unknown(String),
}

fn class<'a>(claim: &PersistentVolumeClaim, look: &Look<'a>) -> Class<'a> {
    let name = class_name(claim);
    if name.is_empty() {
        return Class::NotNamed;
    }
    let key = ObjectKey { kind: Kind::StorageClass, namespace: String::new().into(), name: name.into() };
    match look.index.get(&key) {
        Some(Fact::StorageClass(class)) => Class::Known(class),
        _ => look.index.cannot_tell_missing(Kind::StorageClass, "").map_or(Class::Missing, Class::Unknown),
    }
}

fn class_name(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().map_or("", |s| s.storage_class_name.as_str())
}

/// The claims a pod waits for, if it was given to no node because of them.
fn waiting(pod: &Pod, look: &Look<'_>) -> Vec<Trouble> {
    let meta = pod.meta();
    let Some(condition) = refusal(pod).filter(|c| is_about_claim(&c.message)) else { return Vec::new() };
    let since = condition.last_transition_time.map(Time::at).or_else(|| meta.created()).unwrap_or(look.now);
    let mut troubles: Vec<Trouble> = pod
        .claims()
        .filter_map(|name| {
            let key =
                ObjectKey { kind: Kind::PersistentVolumeClaim, namespace: meta.namespace.clone(), name: name.into() };
            if let Some(Fact::PersistentVolumeClaim(claim)) = look.index.get(&key) {
                return is_bad(claim).then(|| of_claim(claim, look));
            }
            let missing = condition.message.contains(name) && condition.message.contains("not found");
            let message = if missing {
                format!("claim `{name}` does not exist in namespace {}", meta.namespace)
            } else {
                format!("it waits for claim `{name}`: {}", condition.message)
            };
            Some(trouble(pods::reference(pod), message, since, look))
        })
        .collect();
    if troubles.is_empty() {
        // The claim is named by an ephemeral volume or is bound by now: the scheduler's words are what is known.
        troubles.push(trouble(pods::reference(pod), condition.message.to_string(), since, look));
    }
    for it in &mut troubles {
        if it.object.kind != "Pod" {
            it.with.push(std::mem::replace(&mut it.object, pods::reference(pod)));
        }
        it.since = it.since.max(since);
        it.evidence.push(evidence::piece(
            format!("Pod {}/{} condition PodScheduled", meta.namespace, meta.name),
            &condition.message,
            Some(since),
        ));
    }
    troubles
}

fn of_claim(claim: &PersistentVolumeClaim, look: &Look<'_>) -> Trouble {
    let meta = claim.meta();
    let name = class_name(claim);
    let class = class(claim, look);
    let event = failure(claim, look);
    let said = event.map_or("", |e| e.message.as_str());
    let why = if phase(claim) == "Lost" {
        "its volume is lost".to_owned()
    } else if matches!(class, Class::Missing) || (said.contains("storageclass") && said.contains("not found")) {
        format!("storage class `{name}` does not exist")
    } else if !said.is_empty() {
        said.to_owned()
    } else if name.is_empty() {
        "it names no storage class and no volume fits, cause unknown".to_owned()
    } else if let Class::Known(class) = class {
        format!("storage class `{name}` ({}) has given it no volume, cause unknown", class.provisioner)
    } else {
        format!("storage class `{name}` has given it no volume, cause unknown")
    };
    let reference =
        ObjectRef { kind: "PersistentVolumeClaim".into(), namespace: meta.namespace.clone(), name: meta.name.clone() };
    let since = unchanged_since(&reference, meta, look);
    let mut it = trouble(reference, format!("claim `{}` is not bound: {why}", meta.name), since, look);
    it.evidence.extend(event.map(evidence::of_event));
    it.recommendation = format!(
        "See why it is not bound: kubectl -n {} describe pvc {}; kubectl get storageclass",
        meta.namespace, meta.name
    );
    it
}

fn trouble(object: ObjectRef, message: String, since: jiff::Timestamp, look: &Look<'_>) -> Trouble {
    let recommendation = format!("Create the claim or correct its name: kubectl -n {} get pvc", object.namespace);
    Trouble {
        object,
        with: Vec::new(),
        class: ConditionClass::Volume,
        reason: "ClaimPending".into(),
        message,
        since,
        grace: look.settings.time(&GRACE),
        level: Level::High,
        log: None,
        evidence: Vec::new(),
        recommendation,
    }
}
