//! All facts of one cluster with their owner chains; pure: `apply` and `delete` in any order that keeps each object's own order.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Fact, Kind, ObjectKey, ObjectRef, Sight, Transition, facts};

/// All facts of one cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterIndex {
    sight: Sight,
}

/// What a change touched: the owners to judge again, and what happened to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    /// Top owners whose verdicts may have changed (before and after the change).
    pub owners: BTreeSet<ObjectRef>,
    /// What happened, for the history.
    pub transitions: Vec<Transition>,
}

/// A Service that selects pods of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct ServiceImpact {
    pub namespace: String,
    pub name: String,
    pub ready_endpoints: usize,
    pub endpoints: usize,
}

impl ClusterIndex {
    /// Takes an object in, or its newer state. `now` is used where the object has no time of its own.
    pub fn apply(&mut self, _fact: Fact, _now: Timestamp) -> Touched {
        Touched::default()
    }
    /// Takes an object out.
    pub fn delete(&mut self, _key: &ObjectKey, _now: Timestamp) -> Touched {
        Touched::default()
    }
    /// Replaces everything known of a kind (in a namespace, or everywhere) by a fresh list; what is not in it is deleted.
    pub fn replace(&mut self, _kind: Kind, _namespace: Option<&str>, _fresh: Vec<Fact>, _now: Timestamp) -> Touched {
        Touched::default()
    }
    /// What can be seen.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }
    /// Changes what can be seen.
    pub fn sight_mut(&mut self) -> &mut Sight {
        &mut self.sight
    }
    /// The top owner of an object: follows controllers while they are known; an unknown controller is named by its reference.
    pub fn owner_of(&self, key: &ObjectKey) -> ObjectRef {
        key.clone().into()
    }
    /// Everything a check can judge: top-level workloads, CronJobs, Jobs and Pods without an owner, claims, nodes.
    pub fn owners(&self) -> impl Iterator<Item = ObjectRef> {
        std::iter::empty()
    }
    /// Whether an owner exists.
    pub fn contains(&self, _owner: &ObjectRef) -> bool {
        false
    }
    /// All pods whose top owner this is, in the order of their names.
    pub fn pods_of(&self, _owner: &ObjectRef) -> impl Iterator<Item = &facts::Pod> {
        std::iter::empty()
    }
    /// ReplicaSets of a Deployment.
    pub fn replica_sets_of(&self, _owner: &ObjectRef) -> impl Iterator<Item = &facts::ReplicaSet> {
        std::iter::empty()
    }
    /// Jobs of a CronJob, oldest first.
    pub fn jobs_of(&self, _owner: &ObjectRef) -> impl Iterator<Item = &facts::Job> {
        std::iter::empty()
    }
    /// Pods that mount a claim.
    pub fn pods_of_claim(&self, _namespace: &str, _claim: &str) -> impl Iterator<Item = &facts::Pod> {
        std::iter::empty()
    }
    /// Services that select at least one pod of the owner, with their endpoints.
    pub fn services_hit_by(&self, _owner: &ObjectRef) -> Vec<ServiceImpact> {
        Vec::new()
    }
    /// Events about the object with that uid, oldest first.
    pub fn events_of(&self, _uid: &str) -> impl Iterator<Item = &facts::Event> {
        std::iter::empty()
    }
    /// The object itself, by kind.
    pub fn get(&self, _key: &ObjectKey) -> Option<&Fact> {
        None
    }
    /// All objects of a kind.
    pub fn all(&self, _kind: Kind) -> impl Iterator<Item = &Fact> {
        std::iter::empty()
    }
    /// The namespaces known: of Namespace objects and of any object.
    pub fn namespaces(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// How many objects of a kind are known.
    pub fn count(&self, _kind: Kind) -> usize {
        0
    }
}
