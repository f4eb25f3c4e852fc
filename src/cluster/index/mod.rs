//! All facts of one cluster with their owner chains; pure: `apply` and `delete` in any order that keeps each object's own order.
//!
//! Nothing about owners is stored: chains are walked through the controller references when they are asked for, so a Pod that
//! arrives before its `ReplicaSet` ends up where it belongs as soon as that one is there.

mod links;
mod measured;
mod objects;
mod queries;
mod references;
mod relist;
mod serving;
#[cfg(test)]
mod tests;
mod transitions;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use self::measured::Measured;
pub use self::relist::Relist;
use self::{links::Links, objects::Objects, transitions::PodTransition};
use super::{Fact, Kind, ObjectKey, ObjectRef, Sight, Text, Transition, Usage, facts};

/// All facts of one cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterIndex {
    sight: Sight,
    objects: Objects,
    links: Links,
    usage: Usage,
    /// What lately happened to a Pod, so that it can be told again to the owner that turns out to be the right one.
    lately: BTreeMap<ObjectKey, Vec<PodTransition>>,
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
    ///
    /// An older state of an object that is held is ignored; a newer one that changed nothing we keep (heartbeats) touches nobody.
    /// An event that says that all goes well is not held.
    pub fn apply(&mut self, mut fact: Fact, now: Timestamp) -> Touched {
        let mut touched = Touched::default();
        if matches!(&fact, Fact::Event(event) if !event.is_read()) {
            return touched;
        }
        let key = fact.key();
        let held = self.get(&key);
        if held.is_some_and(|held| is_older(fact.meta(), held.meta())) {
            return touched;
        }
        if held.is_some_and(|held| same_but_for_version(&mut fact, held)) {
            self.objects.insert(&key, fact);
            return touched;
        }
        let owners_before = self.controlled_pods(&key);
        let served_before = self.owners_served_through(&fact);
        let had_endpoint = self.named_service_has_endpoint(&fact);
        self.touch(&key, &mut touched.owners);

        let before = self.insert(&key, fact);

        self.touch(&key, &mut touched.owners);
        self.touch_who_selects(before.as_ref(), self.get(&key), &mut touched.owners);
        self.note_pod_transitions(&key, before.as_ref(), now, &mut touched.transitions);
        self.note_failed_run(&key, before.as_ref(), now, &mut touched.transitions);
        self.note_boot(&key, before.as_ref(), now, &mut touched.transitions);
        self.note_moved_pods(&owners_before, &mut touched.transitions);
        self.note_lost_endpoints(&key, &served_before, now, &mut touched.transitions);
        self.note_changed_references(&key, before.as_ref(), now, &mut touched.transitions);
        if had_endpoint {
            self.note_service_without_endpoint(&key, now, &mut touched.transitions);
        }
        touched
    }

    /// Takes an object out.
    pub fn delete(&mut self, key: &ObjectKey, now: Timestamp) -> Touched {
        let mut touched = Touched::default();
        self.touch(key, &mut touched.owners);
        let Some(gone) = self.objects.remove(key) else {
            return Touched::default();
        };
        self.links.remove(key, &gone);
        self.touch_who_selects(Some(&gone), None, &mut touched.owners);
        self.lately.remove(key);
        self.touch(key, &mut touched.owners);
        self.note_gone(key, now, &mut touched.transitions);
        touched
    }

    /// Replaces everything known of a kind (in a namespace, or everywhere) by a fresh list; what is not in it is deleted.
    pub fn replace(&mut self, kind: Kind, namespace: Option<&str>, fresh: Vec<Fact>, now: Timestamp) -> Touched {
        let listed: BTreeSet<ObjectKey> = fresh.iter().map(Fact::key).collect();
        let is_meant = |key: &ObjectKey| namespace.is_none_or(|ns| key.namespace == ns) && !listed.contains(key);
        let gone: Vec<ObjectKey> = self.objects.keys(kind).filter(is_meant).collect();
        let mut touched = Touched::default();
        for key in gone {
            touched.absorb(self.delete(&key, now));
        }
        for fact in fresh {
            touched.absorb(self.apply(fact, now));
        }
        touched
    }

    /// What can be seen.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Changes what can be seen.
    pub fn sight_mut(&mut self) -> &mut Sight {
        &mut self.sight
    }

    /// Puts an object in its place with all links to it, and gives back what was there.
    fn insert(&mut self, key: &ObjectKey, fact: Fact) -> Option<Fact> {
        if let Some(old) = self.objects.get(key) {
            self.links.remove(key, old);
        }
        self.links.add(key, &fact);
        self.objects.insert(key, fact)
    }

    /// Adds the owners whose verdicts read this object as it is now.
    fn touch(&self, key: &ObjectKey, owners: &mut BTreeSet<ObjectRef>) {
        match key.kind {
            // It changes seldom, and what is said of all that lives in it may hang on it.
            Kind::Namespace => {
                owners.insert(key.clone().into());
                owners.extend(self.owners_in(&key.name));
            }
            Kind::Event => {
                if let Some(Fact::Event(event)) = self.get(key) {
                    owners.extend(self.involved(event).map(|involved| self.owner_of(&involved)));
                }
            }
            Kind::Service => {
                owners.insert(key.clone().into());
                self.touch_served(&key.namespace, &key.name, owners);
                self.touch_referrers(key, owners);
            }
            Kind::EndpointSlice => {
                if let Some(Fact::EndpointSlice(slice)) = self.get(key)
                    && let Some(service) = links::service_of(slice)
                {
                    let of = ObjectKey { kind: Kind::Service, name: service.into(), ..key.clone() };
                    owners.extend(self.get(&of).map(|_| of.into()));
                    self.touch_served(&key.namespace, service, owners);
                    self.touch_referrers(&references::service(&key.namespace, service), owners);
                }
            }
            Kind::Node => {
                owners.insert(key.clone().into());
                owners.extend(self.links.on_node(&key.name).map(|pod| self.owner_of(pod)));
            }
            Kind::PersistentVolumeClaim => {
                owners.insert(key.clone().into());
                owners.extend(self.links.of_claim(&key.namespace, &key.name).map(|pod| self.owner_of(pod)));
            }
            Kind::Pod => {
                if let Some(Fact::Pod(pod)) = self.get(key) {
                    owners.insert(self.owner_of(key));
                    let claims = pod.claims().map(|claim| ObjectKey {
                        kind: Kind::PersistentVolumeClaim,
                        namespace: key.namespace.clone(),
                        name: claim.into(),
                    });
                    owners.extend(claims.filter(|claim| self.get(claim).is_some()).map(ObjectRef::from));
                    if pod.is_evicted() {
                        self.touch_evicted_from(pod.node_name(), owners);
                    }
                }
            }
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job | Kind::CronJob => {
                // Before it is held its own owner is not known: it would be taken for one itself.
                if self.get(key).is_some() {
                    owners.insert(self.owner_of(key));
                }
                owners.extend(self.controlled_pods(key).into_values());
                self.touch_referrers(key, owners);
            }
            Kind::IngressClass | Kind::StorageClass => self.touch_referrers(key, owners),
            Kind::HorizontalPodAutoscaler
            | Kind::Ingress
            | Kind::ValidatingWebhookConfiguration
            | Kind::MutatingWebhookConfiguration
            | Kind::PersistentVolume
            | Kind::Certificate => {
                owners.insert(key.clone().into());
            }
            // No check reads them.
            Kind::ConfigMap | Kind::NetworkPolicy | Kind::PodDisruptionBudget => {}
            Kind::ApiService => {
                owners.insert(key.clone().into());
                self.touch_measured(key, owners);
            }
        }
    }

    /// Adds a node that evicts and all whom it evicted: what is said of each hangs on how many there are.
    fn touch_evicted_from(&self, node: &str, owners: &mut BTreeSet<ObjectRef>) {
        let key = ObjectKey { kind: Kind::Node, namespace: Text::new(), name: node.into() };
        owners.extend(self.get(&key).map(|_| key.into()));
        let evicted = self.links.on_node(node).filter(|key| self.pod(key).is_some_and(facts::Pod::is_evicted));
        owners.extend(evicted.map(|pod| self.owner_of(pod)));
    }

    /// The object an event is about, if it is held. The kubelet names nodes by their name where others write the uid.
    fn involved(&self, event: &facts::Event) -> Option<ObjectKey> {
        let about = event.involved_object.as_ref()?;
        let kind = Kind::from_name(&about.kind)?;
        let key = ObjectKey { kind, namespace: about.namespace.clone(), name: about.name.clone() };
        let held = self.get(&key)?;
        (about.uid.is_empty() || kind == Kind::Node || held.meta().uid == about.uid).then_some(key)
    }

    /// The pods whose chain goes directly through this object, with their top owners now.
    fn controlled_pods(&self, key: &ObjectKey) -> BTreeMap<ObjectKey, ObjectRef> {
        if !matches!(key.kind, Kind::ReplicaSet | Kind::Job) {
            return BTreeMap::new();
        }
        let controller = ObjectRef::from(key.clone());
        self.links.controlled_by(&controller).map(|pod| (pod.clone(), self.owner_of(pod))).collect()
    }
}

impl Touched {
    /// Adds what another change touched.
    pub fn absorb(&mut self, other: Self) {
        self.owners.extend(other.owners);
        self.transitions.extend(other.transitions);
    }
}

/// Whether `offered` is an older state of the very object that is held.
fn is_older(offered: &facts::Meta, held: &facts::Meta) -> bool {
    let version = |meta: &facts::Meta| meta.resource_version.parse::<u64>().ok();
    offered.uid == held.uid && version(offered).zip(version(held)).is_some_and(|(offered, held)| offered < held)
}

/// Whether nothing that is kept changed but the resource version.
fn same_but_for_version(fact: &mut Fact, held: &Fact) -> bool {
    let held_version = held.meta().resource_version.clone();
    let Some(meta) = fact.meta_mut() else { return fact == held };
    let version = std::mem::replace(&mut meta.resource_version, held_version);
    let same = fact == held;
    if let Some(meta) = fact.meta_mut() {
        meta.resource_version = version;
    }
    same
}
