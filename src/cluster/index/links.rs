//! Who points at whom, kept both ways: controllers, claims, nodes, services, events by the uid they are about, and references by
//! name.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, Text,
    facts::{EndpointSlice, OwnerReference, ServiceReference, Uid, Workload},
    room_for_one,
};

/// Few objects each: a sorted list needs half the memory of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
struct Keys(Vec<ObjectKey>);

impl Keys {
    fn insert(&mut self, key: &ObjectKey) {
        if let Err(place) = self.0.binary_search(key) {
            room_for_one(&mut self.0);
            self.0.insert(place, key.clone());
        }
    }

    fn remove(&mut self, key: &ObjectKey) {
        if let Ok(place) = self.0.binary_search(key) {
            self.0.remove(place);
        }
    }
}

/// The links of all objects that are held, and nothing else: they say the same in whatever order the objects came.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    controlled: BTreeMap<ObjectRef, Keys>,
    on_node: BTreeMap<Text, Keys>,
    of_claim: BTreeMap<(Text, Text), Keys>,
    of_service: BTreeMap<(Text, Text), Keys>,
    events: BTreeMap<Uid, Keys>,
    referrers: BTreeMap<ObjectRef, Keys>,
    namespaces: BTreeMap<Text, usize>,
}

/// The label that names the Service of an `EndpointSlice`.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The Service whose endpoints a slice lists.
pub(super) fn service_of(slice: &EndpointSlice) -> Option<&str> {
    slice.meta().labels.get(SERVICE_NAME).map(Text::as_str)
}

/// The watched kind an owner reference names; the kind's name alone is not enough (there are other Jobs in this world).
pub(super) fn watched(reference: &OwnerReference) -> Option<Kind> {
    watched_as(&reference.kind, &reference.api_version)
}

/// The watched kind of that name and group; the version does not matter.
fn watched_as(kind: &str, api_version: &str) -> Option<Kind> {
    fn group(version: &str) -> &str {
        version.rsplit_once('/').map_or("", |(group, _)| group)
    }
    Kind::from_name(kind).filter(|kind| group(kind.api_version()) == group(api_version))
}

/// What an object names beside what the other links say. Whether it works depends on whether that is there.
pub(super) fn named_by(fact: &Fact) -> Vec<ObjectRef> {
    fn named(kind: Kind, namespace: &str, name: &str) -> Option<ObjectRef> {
        let reference =
            || ObjectRef { kind: Cow::Borrowed(kind.name()), namespace: namespace.into(), name: name.into() };
        (!name.is_empty()).then(reference)
    }
    fn service(reference: &ServiceReference) -> Option<ObjectRef> {
        named(Kind::Service, &reference.namespace, &reference.name)
    }
    let here = fact.meta().namespace.as_str();
    match fact {
        Fact::Ingress(ingress) => {
            let services = ingress.routes().filter_map(|route| named(Kind::Service, here, &route.service.name));
            services.chain(named(Kind::IngressClass, "", ingress.class())).collect()
        }
        Fact::HorizontalPodAutoscaler(autoscaler) => {
            let target = autoscaler.target();
            let target = target.and_then(|t| named(watched_as(&t.kind, &t.api_version)?, here, &t.name));
            target.into_iter().collect()
        }
        Fact::ValidatingWebhookConfiguration(all) => all.webhooks().filter_map(|w| service(w.service?)).collect(),
        Fact::MutatingWebhookConfiguration(all) => all.webhooks().filter_map(|w| service(w.service?)).collect(),
        Fact::ApiService(api) => api.service().and_then(service).into_iter().collect(),
        Fact::PersistentVolumeClaim(claim) => {
            let class = claim.spec.as_ref().and_then(|spec| named(Kind::StorageClass, "", &spec.storage_class_name));
            class.into_iter().collect()
        }
        Fact::Namespace(_)
        | Fact::Node(_)
        | Fact::Pod(_)
        | Fact::Deployment(_)
        | Fact::ReplicaSet(_)
        | Fact::StatefulSet(_)
        | Fact::DaemonSet(_)
        | Fact::Job(_)
        | Fact::CronJob(_)
        | Fact::Service(_)
        | Fact::EndpointSlice(_)
        | Fact::Event(_)
        | Fact::IngressClass(_)
        | Fact::PersistentVolume(_)
        | Fact::StorageClass(_)
        | Fact::Certificate(_)
        | Fact::ConfigMap(_)
        | Fact::NetworkPolicy(_)
        | Fact::PodDisruptionBudget(_) => Vec::new(),
    }
}

/// The controller that an owner chain follows upwards from this object.
///
/// Chains end at a Deployment, `StatefulSet`, `DaemonSet` or `CronJob`, even if an operator controls it: these are what people know
/// and what tells desired from ready. A Job belongs to its `CronJob` only. A Pod of a Node (a static Pod) is its own owner.
pub(super) fn controller(fact: &Fact) -> Option<&OwnerReference> {
    match fact.workload()? {
        Workload::Pod(pod) => pod.meta().controller().filter(|c| watched(c) != Some(Kind::Node)),
        Workload::ReplicaSet(set) => set.meta().controller(),
        Workload::Job(job) => job.meta().controller().filter(|c| watched(c) == Some(Kind::CronJob)),
        Workload::Deployment(_) | Workload::StatefulSet(_) | Workload::DaemonSet(_) | Workload::CronJob(_) => None,
    }
}

/// A controller as a reference; it lives in the namespace of what it controls.
pub(super) fn reference(controller: &OwnerReference, namespace: &Text) -> ObjectRef {
    let kind = match watched(controller) {
        Some(kind) => Cow::Borrowed(kind.name()),
        None => Cow::Owned(controller.kind.to_string()),
    };
    ObjectRef { kind, namespace: namespace.clone(), name: controller.name.clone() }
}

impl Links {
    /// Adds all links of an object.
    pub(super) fn add(&mut self, key: &ObjectKey, fact: &Fact) {
        if let Some(namespace) = lives_in(key) {
            *self.namespaces.entry(namespace.clone()).or_default() += 1;
        }
        self.each(key, fact, |keys| keys.insert(key));
    }

    /// Removes all links of an object.
    pub(super) fn remove(&mut self, key: &ObjectKey, fact: &Fact) {
        if let Some(namespace) = lives_in(key)
            && let Some(count) = self.namespaces.get_mut(namespace)
        {
            *count -= 1;
            if *count == 0 {
                self.namespaces.remove(namespace);
            }
        }
        self.each(key, fact, |keys| keys.remove(key));
    }

    /// Does something to every set of links an object belongs in; sets that are left empty vanish.
    fn each(&mut self, key: &ObjectKey, fact: &Fact, mut change: impl FnMut(&mut Keys)) {
        if let Some(controller) = controller(fact) {
            update(&mut self.controlled, reference(controller, &key.namespace), &mut change);
        }
        for named in named_by(fact) {
            update(&mut self.referrers, named, &mut change);
        }
        match fact {
            Fact::Pod(pod) => {
                if !pod.node_name().is_empty() {
                    update(&mut self.on_node, pod.node_name().into(), &mut change);
                }
                for claim in pod.claims() {
                    update(&mut self.of_claim, (key.namespace.clone(), claim.into()), &mut change);
                }
            }
            Fact::EndpointSlice(slice) => {
                if let Some(service) = service_of(slice) {
                    update(&mut self.of_service, (key.namespace.clone(), service.into()), &mut change);
                }
            }
            Fact::Event(event) => {
                if let Some(about) = event.involved_object.as_ref().filter(|about| !about.uid.is_empty()) {
                    update(&mut self.events, about.uid, &mut change);
                }
            }
            Fact::Namespace(_)
            | Fact::Node(_)
            | Fact::Deployment(_)
            | Fact::ReplicaSet(_)
            | Fact::StatefulSet(_)
            | Fact::DaemonSet(_)
            | Fact::Job(_)
            | Fact::CronJob(_)
            | Fact::PersistentVolumeClaim(_)
            | Fact::Service(_)
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
            | Fact::PodDisruptionBudget(_) => {}
        }
    }

    /// Everything that a controller reference names, whether it is held or not.
    pub(super) fn controllers(&self) -> impl Iterator<Item = &ObjectRef> {
        self.controlled.keys()
    }

    /// What a controller controls, by what its controller reference says.
    pub(super) fn controlled_by(&self, controller: &ObjectRef) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.controlled.get(controller).into_iter().flat_map(|keys| &keys.0)
    }

    /// The pods given to a node.
    pub(super) fn on_node(&self, node: &str) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.on_node.get(node).into_iter().flat_map(|keys| &keys.0)
    }

    /// The pods that name a claim.
    pub(super) fn of_claim(&self, namespace: &str, claim: &str) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.of_claim.get(&(namespace.into(), claim.into())).into_iter().flat_map(|keys| &keys.0)
    }

    /// The slices of a Service.
    pub(super) fn of_service(&self, namespace: &str, service: &str) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.of_service.get(&(namespace.into(), service.into())).into_iter().flat_map(|keys| &keys.0)
    }

    /// The events about a uid.
    pub(super) fn events(&self, uid: Uid) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.events.get(&uid).into_iter().flat_map(|keys| &keys.0)
    }

    /// What names an object, whether that is there or not.
    pub(super) fn referrers(&self, named: &ObjectRef) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.referrers.get(named).into_iter().flat_map(|keys| &keys.0)
    }

    /// The namespaces that exist or have an object.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Text> {
        self.namespaces.keys()
    }
}

/// The namespace an object lives in, or is.
fn lives_in(key: &ObjectKey) -> Option<&Text> {
    let namespace = if key.kind == Kind::Namespace { &key.name } else { &key.namespace };
    (!namespace.is_empty()).then_some(namespace)
}

/// Changes one set, and drops it when it is empty.
fn update<K: Ord>(sets: &mut BTreeMap<K, Keys>, of: K, change: &mut impl FnMut(&mut Keys)) {
    match sets.entry(of) {
        Entry::Vacant(place) => {
            let mut set = Keys::default();
            change(&mut set);
            if !set.0.is_empty() {
                place.insert(set);
            }
        }
        Entry::Occupied(mut set) => {
            change(set.get_mut());
            if set.get().0.is_empty() {
                set.remove();
            }
        }
    }
}
