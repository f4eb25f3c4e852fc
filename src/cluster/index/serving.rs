//! Which Services select an owner's pods, and how many endpoints are ready.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ClusterIndex, ServiceImpact, links};
use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, Text, Transition, TransitionKind,
    facts::{DaemonSet, Endpoint, EndpointSlice, JobSpec, Labels, Pod, PodTemplate, Service, Time, Workload},
};

/// When the endpoints controller was told of the change that led to this state of a slice.
const TRIGGERED_AT: &str = "endpoints.kubernetes.io/last-change-trigger-time";

impl ClusterIndex {
    /// Services that select at least one pod of the owner, with their endpoints. An owner that has no pods at all (they are
    /// refused) counts by the labels its pods would have.
    pub fn services_hit_by(&self, owner: &ObjectRef) -> Vec<ServiceImpact> {
        let mut labels: Vec<&Labels> = self.pods_of(owner).map(|pod| &pod.meta().labels).collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.is_empty() {
            labels.extend(self.get_ref(owner).and_then(template).map(|template| match &template.metadata {
                Some(meta) => &meta.labels,
                None => &crate::cluster::facts::EMPTY_META.labels,
            }));
        }
        if labels.is_empty() {
            return Vec::new();
        }
        self.all_in(Kind::Service, &owner.namespace)
            .filter_map(|fact| if let Fact::Service(service) = fact { Some(service) } else { None })
            .filter(|service| labels.iter().any(|labels| selects(service, labels)))
            .map(|service| self.impact(service))
            .collect()
    }

    /// How many endpoints a Service has; None if there is no such Service.
    pub fn endpoints_of(&self, namespace: &str, name: &str) -> Option<ServiceImpact> {
        self.service(namespace, name).map(|service| self.impact(service))
    }

    /// The same by a reference; None if it is not one to a Service.
    pub fn endpoints_of_ref(&self, service: &ObjectRef) -> Option<ServiceImpact> {
        let is_service = service.watched_kind() == Some(Kind::Service);
        is_service.then(|| self.endpoints_of(&service.namespace, &service.name)).flatten()
    }

    /// Since when a Service that has no ready endpoint can be without one: the newest of the times that its slices and the pods it
    /// selects tell.
    pub fn unserved_since(&self, namespace: &str, name: &str) -> Option<Timestamp> {
        let slices = self.slices_of(namespace, name).filter_map(triggered_at);
        let pods = self.service(namespace, name).into_iter().flat_map(|service| self.selected_pods(service));
        let pods = pods.filter(|pod| !matches!(pod.phase(), "Succeeded" | "Failed")).filter_map(|pod| {
            let changed = pod.condition("Ready").and_then(|ready| ready.last_transition_time).map(Time::at);
            changed.or_else(|| pod.meta().created())
        });
        slices.chain(pods).max()
    }

    /// The pods a Service selects.
    pub fn selected_by<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Pod> + use<'a> {
        self.selected_pods(service)
    }

    /// The workloads whose pods a Service would select, by the labels of their templates.
    pub fn would_be_selected_by<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Fact> + use<'a> {
        const MAKE_PODS: [Kind; 6] =
            [Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob, Kind::Job];
        let all = MAKE_PODS.into_iter().flat_map(|kind| self.all_in(kind, &service.meta().namespace));
        all.filter(|fact| labels_of_pods(fact).is_some_and(|labels| selects(service, labels)))
    }

    /// Adds the Services whose verdicts hang on a change: those that selected or select a pod (or the pods of a workload) that came,
    /// went, was labelled anew or changed its readiness. Other news of a pod are none for them.
    pub(super) fn touch_who_selects(
        &self,
        before: Option<&Fact>,
        after: Option<&Fact>,
        owners: &mut BTreeSet<ObjectRef>,
    ) {
        if before.zip(after).is_some_and(|(before, after)| are_selected_alike(before, after)) {
            return;
        }
        for fact in before.into_iter().chain(after) {
            let Some(labels) = labels_of_pods(fact) else { continue };
            let services = self.all_in(Kind::Service, &fact.meta().namespace);
            let selecting = services.filter(|s| matches!(s, Fact::Service(service) if selects(service, labels)));
            owners.extend(selecting.map(|service| ObjectRef::from(service.key())));
        }
    }

    /// How many endpoints a Service has: of its slices, else by the pods it selects.
    fn impact(&self, service: &Service) -> ServiceImpact {
        let meta = service.meta();
        let keeps_unready = service.spec.as_ref().is_some_and(|spec| spec.publish_not_ready_addresses);
        // An endpoint is there once for each address family; it counts once.
        let mut endpoints: BTreeMap<&str, bool> = BTreeMap::new();
        let mut has_slices = false;
        for slice in self.slices_of(&meta.namespace, &meta.name) {
            has_slices = true;
            for endpoint in &slice.endpoints {
                let target = endpoint.target_ref.as_ref().map(|target| target.name.as_str());
                let Some(name) = target.or_else(|| endpoint.addresses.first().map(Text::as_str)) else { continue };
                let serving = endpoint.conditions.as_ref().and_then(|c| c.serving);
                let ready = endpoint.is_ready() && (!keeps_unready || serving.unwrap_or(true));
                *endpoints.entry(name).or_default() |= ready;
            }
        }
        if !has_slices {
            endpoints.extend(
                self.selected_pods(service)
                    .filter(|pod| !matches!(pod.phase(), "Succeeded" | "Failed"))
                    .map(|pod| (pod.meta().name.as_str(), pod.is_ready() && pod.meta().deleted().is_none())),
            );
        }
        ServiceImpact {
            namespace: meta.namespace.to_string(),
            name: meta.name.to_string(),
            ready_endpoints: endpoints.values().filter(|ready| **ready).count(),
            endpoints: endpoints.len(),
        }
    }

    /// Adds the owners of all pods behind a Service: those it selects, and those its slices name.
    pub(super) fn touch_served(&self, namespace: &str, service: &str, owners: &mut BTreeSet<ObjectRef>) {
        let key = ObjectKey { kind: Kind::Service, namespace: namespace.into(), name: service.into() };
        if let Some(Fact::Service(service)) = self.get(&key) {
            owners.extend(self.selected_pods(service).map(|pod| self.owner_of(&key_of_pod(pod))));
        }
        for slice in self.slices_of(namespace, service) {
            owners.extend(self.targets(slice, false).map(|pod| self.owner_of(&pod)));
        }
    }

    /// The owners that have a ready endpoint in the Service of this slice, as the index is now; empty for other objects.
    pub(super) fn owners_served_through(&self, fact: &Fact) -> BTreeSet<ObjectRef> {
        let Fact::EndpointSlice(slice) = fact else { return BTreeSet::new() };
        let Some(service) = links::service_of(slice) else { return BTreeSet::new() };
        self.owners_served_by(&slice.meta().namespace, service)
    }

    /// Whose ready pods the slices of a Service name, and the Service itself if any endpoint of it is ready.
    fn owners_served_by(&self, namespace: &str, service: &str) -> BTreeSet<ObjectRef> {
        let mut owners: BTreeSet<ObjectRef> = self
            .slices_of(namespace, service)
            .flat_map(|slice| self.targets(slice, true))
            .map(|pod| self.owner_of(&pod))
            .collect();
        if self.slices_of(namespace, service).any(|slice| slice.endpoints.iter().any(Endpoint::is_ready)) {
            let key = ObjectKey { kind: Kind::Service, namespace: namespace.into(), name: service.into() };
            owners.insert(key.into());
        }
        owners
    }

    /// Says who had a ready endpoint before the change of a slice and has none after it.
    pub(super) fn note_lost_endpoints(
        &self,
        key: &ObjectKey,
        before: &BTreeSet<ObjectRef>,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let Some(Fact::EndpointSlice(slice)) = self.get(key) else { return };
        let Some(service) = links::service_of(slice) else { return };
        let after = self.owners_served_by(&key.namespace, service);
        let at = triggered_at(slice).unwrap_or(now);
        transitions.extend(before.difference(&after).map(|owner| Transition {
            owner: owner.clone(),
            at,
            kind: TransitionKind::LostLastEndpoint(service.into()),
        }));
    }

    fn slices_of(&self, namespace: &str, service: &str) -> impl Iterator<Item = &EndpointSlice> + use<'_> {
        self.links.of_service(namespace, service).filter_map(|key| match self.get(key) {
            Some(Fact::EndpointSlice(slice)) => Some(slice.as_ref()),
            _ => None,
        })
    }

    /// The pods a slice names that are held; a pod that is gone no longer tells whose it was.
    fn targets<'a>(&'a self, slice: &'a EndpointSlice, ready: bool) -> impl Iterator<Item = ObjectKey> + use<'a> {
        let namespace = &slice.meta().namespace;
        slice
            .endpoints
            .iter()
            .filter(move |endpoint| !ready || endpoint.is_ready())
            .filter_map(|endpoint| endpoint.target_ref.as_ref())
            .filter(|target| target.kind == "Pod")
            .map(|target| ObjectKey { kind: Kind::Pod, namespace: namespace.clone(), name: target.name.clone() })
            .filter(|key| self.get(key).is_some())
    }

    fn selected_pods<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Pod> + use<'a> {
        self.all_in(Kind::Pod, &service.meta().namespace).filter_map(move |fact| {
            let Fact::Pod(pod) = fact else { return None };
            selects(service, &pod.meta().labels).then_some(pod.as_ref())
        })
    }
}

/// Whether a Service selects pods with these labels. One without a selector selects nothing: others fill in its endpoints.
fn selects(service: &Service, labels: &Labels) -> bool {
    service.spec.as_ref().is_some_and(|spec| !spec.selector.is_empty() && labels.include(&spec.selector))
}

/// When what led to this state of a slice happened, if it says so.
pub(super) fn triggered_at(slice: &EndpointSlice) -> Option<Timestamp> {
    slice.meta().annotations.get(TRIGGERED_AT)?.parse().ok()
}

fn key_of_pod(pod: &Pod) -> ObjectKey {
    let meta = pod.meta();
    ObjectKey { kind: Kind::Pod, namespace: meta.namespace.clone(), name: meta.name.clone() }
}

/// The template of the pods a workload makes.
fn template(fact: &Fact) -> Option<&PodTemplate> {
    match fact.workload()? {
        Workload::Deployment(x) => x.spec.as_ref()?.template.as_deref(),
        Workload::ReplicaSet(x) => x.spec.as_ref()?.template.as_deref(),
        Workload::StatefulSet(x) => x.spec.as_ref()?.template.as_deref(),
        Workload::DaemonSet(x) => x.spec.as_ref()?.template.as_deref(),
        Workload::Pod(_) | Workload::Job(_) | Workload::CronJob(_) => None,
    }
}

/// The labels of a pod, or of the pods a workload makes.
fn labels_of_pods(fact: &Fact) -> Option<&Labels> {
    fn of_job(spec: Option<&JobSpec>) -> Option<&Labels> {
        Some(&spec?.template.as_ref()?.metadata.as_ref()?.labels)
    }
    match fact.workload()? {
        Workload::Pod(pod) => Some(&pod.meta().labels),
        Workload::Job(job) => of_job(job.spec.as_ref()),
        Workload::CronJob(cron) => of_job(cron.spec.as_ref()?.job_template.as_ref()?.spec.as_ref()),
        Workload::Deployment(_) | Workload::ReplicaSet(_) | Workload::StatefulSet(_) | Workload::DaemonSet(_) => {
            Some(&template(fact)?.metadata.as_ref()?.labels)
        }
    }
}

/// Whether two states of an object are the same to the Services that select its pods: by labels, readiness, and whether pods are wanted.
fn are_selected_alike(before: &Fact, after: &Fact) -> bool {
    match (before, after) {
        (Fact::Pod(b), Fact::Pod(a)) => {
            b.meta().labels == a.meta().labels
                && b.is_ready() == a.is_ready()
                && b.meta().deletion_timestamp.is_some() == a.meta().deletion_timestamp.is_some()
        }
        (Fact::Deployment(b), Fact::Deployment(a)) => b.spec == a.spec,
        (Fact::ReplicaSet(b), Fact::ReplicaSet(a)) => b.spec == a.spec,
        (Fact::StatefulSet(b), Fact::StatefulSet(a)) => b.spec == a.spec,
        (Fact::DaemonSet(b), Fact::DaemonSet(a)) => {
            let wanted = |set: &DaemonSet| set.status.as_ref().is_some_and(|s| s.desired_number_scheduled > 0);
            b.spec == a.spec && wanted(b) == wanted(a)
        }
        (Fact::Job(b), Fact::Job(a)) => b.spec == a.spec,
        (Fact::CronJob(b), Fact::CronJob(a)) => b.spec == a.spec,
        _ => false,
    }
}
