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
            kind: TransitionKind::LostLastEndpoint(name.into()),
        }));
    }

    fn has_endpoint(&self, namespace: &str, name: &str) -> bool {
        self.endpoints_of(namespace, name).is_some_and(|endpoints| endpoints.ready_endpoints > 0)
    }

    fn reference_changed(&self, by: &ObjectKey, named: &ObjectRef, at: Timestamp) -> Transition {
        Transition { owner: self.owner_of(by), at, kind: TransitionKind::ReferenceChanged(named.to_string().into()) }
    }
}

/// The key of a Service.
pub(super) fn service(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Service, namespace: namespace.into(), name: name.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::{Dump, Touched};

    fn fact(value: &Value) -> Fact {
        let dump = Dump::read(&[("test", value.to_string())]);
        assert_eq!(dump.problems, []);
        dump.facts.into_iter().next().unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn meta(name: &str) -> Value {
        json!({"name": name, "namespace": "shop", "uid": name, "labels": {"kubernetes.io/service-name": "api"}})
    }

    fn service_with(port: i32) -> Value {
        json!({"kind": "Service", "metadata": meta("api"), "spec": {"ports": [{"port": port}]}})
    }

    fn slice(ready: bool) -> Value {
        json!({"kind": "EndpointSlice", "metadata": meta("api-x"),
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]})
    }

    fn ingress(service: &str, class: &str) -> Value {
        json!({"kind": "Ingress", "metadata": meta("web"), "spec": {"ingressClassName": class,
            "defaultBackend": {"service": {"name": service, "port": {"number": 80}}}}})
    }

    /// One of everything that names something.
    fn everything() -> ClusterIndex {
        let server = json!({"service": {"namespace": "shop", "name": "api"}});
        let claims = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
        let objects = [
            ingress("api", "traefik"),
            json!({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "check"}, "webhooks": [{"name": "a", "clientConfig": server}]}),
            json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": "change"}, "webhooks": [{"name": "b", "clientConfig": server}]}),
            json!({"kind": "APIService", "metadata": {"name": "v1.metrics.k8s.io"}, "spec": {"group": "metrics.k8s.io", "service": server["service"]}}),
            json!({"kind": "HorizontalPodAutoscaler", "metadata": meta("scaler"),
                "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}}),
            json!({"kind": "PersistentVolumeClaim", "metadata": meta("data"), "spec": {"storageClassName": "fast"}}),
            json!({"kind": "Pod", "metadata": meta("db-0"), "spec": {"volumes": claims}}),
        ];
        let mut index = ClusterIndex::default();
        for object in &objects {
            index.apply(fact(object), at(0));
        }
        index
    }

    fn touched(touched: &Touched) -> String {
        touched.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_names_an_object_is_judged_again_when_that_comes_changes_or_goes() {
        let mut index = everything();
        let by_service = "APIService v1.metrics.k8s.io, Ingress shop/web, MutatingWebhookConfiguration check";
        let by_service =
            by_service.replace("check", "change") + ", Service shop/api, ValidatingWebhookConfiguration check";
        for object in [service_with(80), slice(true), slice(false), service_with(81)] {
            assert_eq!(touched(&index.apply(fact(&object), at(1))), by_service, "{object}");
        }
        assert_eq!(touched(&index.delete(&service("shop", "api"), at(2))), by_service);
        let class = json!({"kind": "IngressClass", "metadata": {"name": "traefik"}});
        assert_eq!(touched(&index.apply(fact(&class), at(1))), "Ingress shop/web");
        assert_eq!(touched(&index.delete(&fact(&class).key(), at(1))), "Ingress shop/web");
        let storage = json!({"kind": "StorageClass", "metadata": {"name": "fast"}});
        assert_eq!(touched(&index.apply(fact(&storage), at(1))), "PersistentVolumeClaim shop/data, Pod shop/db-0");
        let target = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta("api")});
        let by_target = "Deployment shop/api, HorizontalPodAutoscaler shop/scaler";
        assert_eq!(touched(&index.apply(fact(&target), at(1))), by_target);
        assert_eq!(touched(&index.delete(&fact(&target).key(), at(1))), by_target);
        let measured = json!({"kind": "APIService", "metadata": {"name": "v1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "service": {"namespace": "shop", "name": "other"}}});
        let said = touched(&index.apply(fact(&measured), at(1)));
        assert_eq!(said, "APIService v1.metrics.k8s.io, HorizontalPodAutoscaler shop/scaler");
    }

    #[test]
    fn what_names_nothing_any_more_touches_nobody_by_it() {
        let mut index = everything();
        let others: Vec<ObjectKey> =
            [Kind::ValidatingWebhookConfiguration, Kind::MutatingWebhookConfiguration, Kind::ApiService]
                .iter()
                .flat_map(|kind| index.all(*kind).map(Fact::key).collect::<Vec<_>>())
                .collect();
        for key in others {
            index.delete(&key, at(1));
        }
        index.apply(fact(&ingress("other", "")), at(1));
        assert_eq!(touched(&index.apply(fact(&service_with(80)), at(1))), "Service shop/api");
    }

    #[test]
    fn when_everything_is_deleted_nothing_is_remembered() {
        let mut index = everything();
        let all: Vec<ObjectKey> =
            Kind::ALL.iter().flat_map(|kind| index.all(*kind).map(Fact::key).collect::<Vec<_>>()).collect();
        for key in all {
            index.delete(&key, at(1));
        }
        assert_eq!(format!("{:?}", index.links), format!("{:?}", links::Links::default()));
    }

    #[test]
    fn since_when_something_names_what_is_not_as_it_was_is_remembered() {
        let mut index = everything();
        let of = |transitions: &[Transition]| {
            let of_web = transitions.iter().filter(|t| t.owner.kind == "Ingress");
            of_web.map(|t| format!("{:?} at {}", t.kind, t.at.as_second() / 60)).collect::<Vec<_>>().join(", ")
        };
        let mut apply = |object: Value, minute| of(&index.apply(fact(&object), at(minute)).transitions);
        assert_eq!(apply(service_with(80), 1), "", "it came");
        assert_eq!(apply(service_with(81), 2), r#"ReferenceChanged("Service shop/api") at 2"#);
        assert_eq!(apply(slice(true), 3), "");
        assert_eq!(apply(slice(false), 4), r#"LostLastEndpoint("api") at 4"#);
        assert_eq!(apply(ingress("api", "nginx"), 5), r#"ReferenceChanged("IngressClass nginx") at 5"#);
        assert_eq!(
            of(&index.delete(&service("shop", "api"), at(6)).transitions),
            r#"ReferenceChanged("Service shop/api") at 6"#
        );
    }

    #[test]
    fn that_nothing_is_held_proves_that_nothing_is_there_only_where_all_is_seen() {
        let mut index = everything();
        let why =
            |index: &ClusterIndex, namespace| index.cannot_tell_missing(Kind::Service, namespace).unwrap_or_default();
        assert_eq!(why(&index, "shop"), "cannot read services: not read yet");
        let seen = crate::cluster::Visibility::Seen(at(1));
        index.sight_mut().set(Kind::Service, None, seen);
        assert_eq!(why(&index, "shop"), "");
        index.sight_mut().is_an_excerpt();
        assert_eq!(why(&index, "shop"), "no services are in the dump");
        index.apply(fact(&service_with(80)), at(1));
        assert_eq!((why(&index, "shop").as_str(), why(&index, "other").as_str()), ("", "no services are in the dump"));
    }
}
