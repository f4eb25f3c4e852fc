//! Who names an object: what is judged again when that changes, and since when something names what is not as it was.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{ClusterIndex, links};
use crate::cluster::{Fact, Kind, ObjectKey, ObjectRef, Transition, TransitionKind, facts};

impl ClusterIndex {
    /// A Service.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&facts::Service> {
        match self.get(&service(namespace, name)) {
            Some(Fact::Service(service)) => Some(service),
            _ => None,
        }
    }

    /// Adds the owners that name an object; of a claim also those that mount it.
    pub(super) fn touch_referrers(&self, key: &ObjectKey, owners: &mut BTreeSet<ObjectRef>) {
        for referrer in self.links.referrers(&key.clone().into()) {
            owners.insert(self.owner_of(referrer));
            if referrer.kind == Kind::PersistentVolumeClaim {
                let pods = self.links.of_claim(&referrer.namespace, &referrer.name);
                owners.extend(pods.map(|pod| self.owner_of(pod)));
            }
        }
    }

    /// Adds every autoscaler when an API changes that measures for them.
    pub(super) fn touch_measured(&self, key: &ObjectKey, owners: &mut BTreeSet<ObjectRef>) {
        if matches!(self.get(key), Some(Fact::ApiService(api)) if api.measures()) {
            owners.extend(self.all(Kind::HorizontalPodAutoscaler).map(|fact| ObjectRef::from(fact.key())));
        }
    }

    /// Says of everything that names this object that it is gone.
    pub(super) fn note_gone(&self, key: &ObjectKey, now: Timestamp, transitions: &mut Vec<Transition>) {
        let named = ObjectRef::from(key.clone());
        transitions.extend(self.links.referrers(&named).map(|by| self.reference_changed(by, &named, now)));
    }

    /// Says what an object names that is not there and it did not name before, and of everything that names a Service that its
    /// ports are other ones.
    pub(super) fn note_changed_references(
        &self,
        key: &ObjectKey,
        before: Option<&Fact>,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let (Some(before), Some(after)) = (before, self.get(key)) else { return };
        if let (Fact::Service(before), Fact::Service(after)) = (before, after) {
            let ports = |service: &facts::Service| service.spec.as_ref().map(|spec| spec.ports.clone());
            if ports(before) != ports(after) {
                self.note_gone(key, now, transitions);
            }
            return;
        }
        let after = links::named_by(after);
        if after.is_empty() {
            return;
        }
        let before = links::named_by(before);
        let new = after.iter().filter(|named| !before.contains(named) && self.get_ref(named).is_none());
        transitions.extend(new.map(|named| self.reference_changed(key, named, now)));
    }

    /// Whether the Service of this slice is named by something and has a ready endpoint, as the index is now.
    pub(super) fn named_service_has_endpoint(&self, fact: &Fact) -> bool {
        let Fact::EndpointSlice(slice) = fact else { return false };
        let Some(name) = links::service_of(slice) else { return false };
        let key = service(&slice.meta().namespace, name);
        self.links.referrers(&key.into()).next().is_some() && self.has_endpoint(&slice.meta().namespace, name)
    }

    /// Says of everything that names the Service of this slice that it has no ready endpoint left, if so.
    pub(super) fn note_service_without_endpoint(
        &self,
        key: &ObjectKey,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let Some(Fact::EndpointSlice(slice)) = self.get(key) else { return };
        let Some(name) = links::service_of(slice).filter(|name| !self.has_endpoint(&key.namespace, name)) else {
            return;
        };
        let at = super::serving::triggered_at(slice).unwrap_or(now);
        let referrers = self.links.referrers(&service(&key.namespace, name).into());
        transitions.extend(referrers.map(|by| Transition {
            owner: self.owner_of(by),
            at,
            kind: TransitionKind::LostLastEndpoint(name.to_owned()),
        }));
    }

    fn has_endpoint(&self, namespace: &str, name: &str) -> bool {
        self.endpoints_of(namespace, name).is_some_and(|endpoints| endpoints.ready_endpoints > 0)
    }

    fn reference_changed(&self, by: &ObjectKey, named: &ObjectRef, at: Timestamp) -> Transition {
        Transition { owner: self.owner_of(by), at, kind: TransitionKind::ReferenceChanged(named.to_string()) }
    }
}

/// The key of a Service.
pub(super) fn service(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Service, namespace: namespace.to_owned(), name: name.to_owned() }
}
