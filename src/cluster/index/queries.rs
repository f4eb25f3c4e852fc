//! What the checks ask the index: objects, owners, and what belongs to an owner.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ClusterIndex, links};
use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, Text,
    facts::{self, Uid},
};

/// Chains are at most three objects long; anything longer is a loop somebody wrote by hand.
const LONGEST_CHAIN: usize = 4;

/// The kinds of what a check can judge.
pub(super) const JUDGED: [Kind; 18] = [
    Kind::Namespace,
    Kind::Node,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::CronJob,
    Kind::Job,
    Kind::Pod,
    Kind::PersistentVolumeClaim,
    Kind::Service,
    Kind::PersistentVolume,
    Kind::Ingress,
    Kind::HorizontalPodAutoscaler,
    Kind::ApiService,
    Kind::ValidatingWebhookConfiguration,
    Kind::MutatingWebhookConfiguration,
    Kind::Certificate,
];

impl ClusterIndex {
    /// The object itself, by kind.
    pub fn get(&self, key: &ObjectKey) -> Option<&Fact> {
        self.objects.get(key)
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Fact> + use<'_> {
        self.objects.all(kind)
    }

    /// All objects of a kind in a namespace.
    pub fn all_in<'a>(&'a self, kind: Kind, namespace: &str) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.objects.all_in(kind, namespace)
    }

    /// How many objects of a kind are known.
    pub fn count(&self, kind: Kind) -> usize {
        self.objects.count(kind)
    }

    /// The namespaces known: of Namespace objects and of any object.
    pub fn namespaces(&self) -> BTreeSet<String> {
        self.links.namespaces().map(Text::to_string).collect()
    }

    /// The top owner of an object: follows controllers while they are known; an unknown controller is named by its reference.
    pub fn owner_of(&self, key: &ObjectKey) -> ObjectRef {
        let mut at = key.clone();
        for _ in 0..LONGEST_CHAIN {
            let Some(controller) = self.get(&at).and_then(links::controller) else { break };
            let next = links::watched(controller).map(|kind| ObjectKey {
                kind,
                namespace: at.namespace.clone(),
                name: controller.name.clone(),
            });
            match next.filter(|next| self.get(next).is_some()) {
                Some(next) => at = next,
                None => return links::reference(controller, &at.namespace),
            }
        }
        at.into()
    }

    /// Everything a check can judge: top-level workloads (also those known only by the reference of what they control),
    /// `CronJob`s, Jobs and Pods without an owner, claims, Services, nodes, namespaces, and what says of itself whether it works.
    pub fn owners(&self) -> impl Iterator<Item = ObjectRef> {
        // By what controls and what is not controlled: that is far less than all pods and old ReplicaSets.
        let facts = JUDGED.iter().flat_map(|kind| self.all(*kind));
        let alone = facts.filter(|fact| links::controller(fact).is_none()).map(|fact| fact.key().into());
        let mut owners: BTreeSet<ObjectRef> = alone.collect();
        for controller in self.links.controllers() {
            match key_of(controller).filter(|key| self.get(key).is_some()) {
                None => drop(owners.insert(controller.clone())),
                Some(key) if self.get(&key).is_some_and(|held| links::controller(held).is_some()) => {
                    owners.insert(self.owner_of(&key));
                }
                Some(_) => {}
            }
        }
        owners.into_iter()
    }

    /// Those that live in a namespace.
    pub(super) fn owners_in(&self, namespace: &str) -> impl Iterator<Item = ObjectRef> {
        let facts = JUDGED.iter().filter(|kind| kind.is_namespaced()).flat_map(|kind| self.all_in(*kind, namespace));
        facts.map(|fact| self.owner_of(&fact.key()))
    }

    /// Whether an owner exists: it is held, or something that is held names it as its owner.
    pub fn contains(&self, owner: &ObjectRef) -> bool {
        self.get_ref(owner).is_some() || self.links.controlled_by(owner).next().is_some()
    }

    /// The object a reference names, if it is held.
    pub fn get_ref(&self, owner: &ObjectRef) -> Option<&Fact> {
        self.get(&key_of(owner)?)
    }

    /// Why nobody can tell whether an object of that kind exists which is not held; None: it does not exist.
    pub fn cannot_tell_missing(&self, kind: Kind, namespace: &str) -> Option<String> {
        if let Some(why) = self.sight().blind(kind, namespace) {
            return Some(format!("cannot read {}: {why}", kind.plural()));
        }
        let has_some = if kind.is_namespaced() {
            self.all_in(kind, namespace).next().is_some()
        } else {
            self.all(kind).next().is_some()
        };
        (self.sight().is_excerpt() && !has_some).then(|| format!("no {} are in the dump", kind.plural()))
    }

    /// All pods whose top owner this is, in the order of their names.
    pub fn pods_of<'a>(&'a self, owner: &ObjectRef) -> impl Iterator<Item = &'a facts::Pod> + use<'a> {
        let mut pods = BTreeMap::new();
        let is_top = key_of(owner).is_none_or(|key| self.owner_of(&key) == *owner);
        if is_top {
            self.collect_pods(owner, LONGEST_CHAIN, &mut pods);
        }
        pods.into_values()
    }

    /// The pods below a reference, and the reference itself if it is a Pod.
    fn collect_pods<'a>(&'a self, below: &ObjectRef, depth: usize, pods: &mut BTreeMap<&'a str, &'a facts::Pod>) {
        if let Some(Fact::Pod(pod)) = self.get_ref(below) {
            pods.insert(&pod.meta().name, pod);
        }
        if depth == 0 {
            return;
        }
        for key in self.links.controlled_by(below) {
            match self.get(key) {
                Some(Fact::Pod(pod)) => {
                    pods.insert(&pod.meta().name, pod);
                }
                _ => self.collect_pods(&key.clone().into(), depth - 1, pods),
            }
        }
    }

    /// `ReplicaSet`s of a Deployment (or of another controller of `ReplicaSet`s).
    pub fn replica_sets_of<'a>(&'a self, owner: &ObjectRef) -> impl Iterator<Item = &'a facts::ReplicaSet> + use<'a> {
        self.links.controlled_by(owner).filter_map(|key| match self.get(key) {
            Some(Fact::ReplicaSet(set)) => Some(set.as_ref()),
            _ => None,
        })
    }

    /// Jobs of a `CronJob`, oldest first.
    pub fn jobs_of<'a>(&'a self, owner: &ObjectRef) -> impl Iterator<Item = &'a facts::Job> + use<'a> {
        let mut jobs: Vec<&facts::Job> = self
            .links
            .controlled_by(owner)
            .filter_map(|key| match self.get(key) {
                Some(Fact::Job(job)) => Some(job.as_ref()),
                _ => None,
            })
            .collect();
        jobs.sort_by_key(|job| (job.meta().created(), &job.meta().name));
        jobs.into_iter()
    }

    /// Pods that mount a claim.
    pub fn pods_of_claim<'a>(&'a self, namespace: &str, claim: &str) -> impl Iterator<Item = &'a facts::Pod> + use<'a> {
        self.links.of_claim(namespace, claim).filter_map(|key| self.pod(key))
    }

    /// Pods that were given to a node.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a facts::Pod> + use<'a> {
        self.links.on_node(node).filter_map(|key| self.pod(key))
    }

    /// Events about the object with that uid, oldest first. The kubelet writes the name of a Node where others write its uid.
    pub fn events_of<'a>(&'a self, uid: &Uid) -> impl Iterator<Item = &'a facts::Event> + use<'a> {
        let mut events: Vec<&facts::Event> = self
            .links
            .events(*uid)
            .filter_map(|key| match self.get(key) {
                Some(Fact::Event(event)) => Some(event.as_ref()),
                _ => None,
            })
            .collect();
        events.sort_by_key(|event| (event.last_seen().unwrap_or(Timestamp::MIN), &event.meta().name));
        events.into_iter()
    }

    /// A Pod by its key.
    pub(super) fn pod(&self, key: &ObjectKey) -> Option<&facts::Pod> {
        match self.get(key) {
            Some(Fact::Pod(pod)) => Some(pod),
            _ => None,
        }
    }
}

/// The key a reference has if it is of a watched kind.
pub(super) fn key_of(reference: &ObjectRef) -> Option<ObjectKey> {
    Some(ObjectKey {
        kind: reference.watched_kind()?,
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
    })
}
