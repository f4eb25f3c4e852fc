//! The catalogue held against a cluster: which workloads each entry stands for, what matches nothing, what contradicts what runs.

use std::collections::BTreeMap;

use super::{
    Lint, PRIORITY, Priorities, Priority, Service,
    catalogue::{RUNS, nearest},
    from_annotations,
};
use crate::cluster::{ClusterIndex, Fact, Kind, ObjectRef};

/// How a catalogue and a cluster fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// The workloads of each service, by its place in the catalogue.
    pub of_service: Vec<Vec<ObjectRef>>,
    /// The workloads that no entry stands for, with their priority from elsewhere.
    pub unlisted: Vec<(ObjectRef, Option<Priority>)>,
    /// What should be mended.
    pub lints: Vec<Lint>,
}

impl Fit {
    /// Holds the catalogue of these priorities against what runs, and against itself.
    pub fn of(priorities: &Priorities, index: &ClusterIndex) -> Self {
        let services = &priorities.catalogue().services;
        let lints = priorities.catalogue().lint();
        let mut fit = Self { of_service: vec![Vec::new(); services.len()], lints, ..Self::default() };
        let place: BTreeMap<&str, usize> = services.iter().enumerate().map(|(at, s)| (s.name.as_str(), at)).collect();
        let mut owners: Vec<ObjectRef> =
            index.owners().filter(|o| o.watched_kind().is_some_and(|kind| RUNS.contains(&kind))).collect();
        owners.sort();
        for owner in &owners {
            let service = priorities.catalogue().service_of(owner, index);
            let workloads = service.and_then(|s| place.get(s.name.as_str())).and_then(|at| fit.of_service.get_mut(*at));
            match (service, workloads) {
                (Some(service), Some(workloads)) => {
                    workloads.push(owner.clone());
                    fit.lints.extend(contradictions(service, owner, priorities, index));
                }
                _ => fit.unlisted.push((owner.clone(), priorities.priority_of(owner, index))),
            }
            fit.lints.extend(bad_annotation(owner, index));
        }
        for (service, _) in services.iter().zip(&fit.of_service).filter(|(_, workloads)| workloads.is_empty()) {
            fit.lints.push(matches_nothing(service, &owners, index));
        }
        fit.lints.sort();
        fit
    }
}

fn matches_nothing(service: &Service, owners: &[ObjectRef], index: &ClusterIndex) -> Lint {
    let namespaces = index.namespaces();
    if let Some(namespace) = service.namespace.as_deref().filter(|namespace| !namespaces.contains(*namespace))
        && index.cannot_tell_missing(Kind::Namespace, "").is_none()
    {
        let message = format!("{:?} is in the namespace {namespace:?}, which does not exist", service.name);
        let near = nearest(namespace, namespaces.iter().map(String::as_str));
        let remedy = near.map_or_else(|| "mend its name, or take the entry out".to_owned(), did_you_mean);
        return Lint::new(service.line, message, remedy);
    }
    let there: Vec<&ObjectRef> =
        owners.iter().filter(|o| service.namespace.as_deref().is_none_or(|n| n == o.namespace)).collect();
    let message = format!("{:?} matches no workload", service.name);
    let remedy = match nearest(&service.name, there.iter().map(|owner| owner.name.as_str())) {
        Some(near) => did_you_mean(near),
        None if service.namespace.is_some() && !there.is_empty() => {
            let names: Vec<String> = there.iter().take(5).map(ToString::to_string).collect();
            format!("list its workloads; there are {}", names.join(", "))
        }
        None => "list its workloads, or take it out".to_owned(),
    };
    Lint::new(service.line, message, remedy)
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean {name:?}?")
}

fn contradictions(service: &Service, owner: &ObjectRef, all: &Priorities, index: &ClusterIndex) -> Vec<Lint> {
    let mut lints = Vec::new();
    let in_force = all.priority_of(owner, index);
    if let (Some(listed), Some(in_force)) = (service.priority, in_force)
        && listed != in_force
    {
        let by = if from_annotations::of_workload(owner, index) == Some(in_force) {
            "its annotation"
        } else {
            "the lists of [priorities]"
        };
        let message = format!("{:?} is {listed}, but {owner} is {in_force} by {by}", service.name);
        lints.push(Lint::new(service.line, message, "keep one of the two"));
    }
    let desired = match index.get_ref(owner) {
        Some(Fact::Deployment(it)) => it.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        Some(Fact::StatefulSet(it)) => it.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        _ => return lints,
    };
    if let Some(expected) = service.replicas.filter(|expected| i32::from(*expected) != desired) {
        let message = format!("{:?} should have {expected} replicas, and {owner} is set to {desired}", service.name);
        lints.push(Lint::new(service.line, message, "scale it, or mend the entry"));
    }
    lints
}

fn bad_annotation(owner: &ObjectRef, index: &ClusterIndex) -> Option<Lint> {
    let written = from_annotations::written(owner, index)?;
    let message = format!("{owner} says {PRIORITY}: {written:?}, which is no priority");
    Priority::named(written).is_none().then(|| Lint::new(0, message, "write P0, P1, P2 or P3"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::Catalogue;

    #[test]
    fn a_catalogue_is_held_against_what_runs() {
        let mut index = ClusterIndex::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        index.sight_mut().set(Kind::Namespace, None, crate::cluster::Visibility::Seen(now));
        for (namespace, name, priority) in
            [("shop", "orders", ""), ("shop", "web", "P1"), ("shop", "cart", "high"), ("kube-system", "coredns", "")]
        {
            let annotations = if priority.is_empty() { json!({}) } else { json!({(PRIORITY): priority}) };
            let it = json!({"metadata": {"namespace": namespace, "name": name, "uid": name, "annotations": annotations}, "spec": {"replicas": 2}});
            index.apply(Fact::Deployment(Box::new(serde_json::from_value(it).unwrap())), now);
            let it = json!({"metadata": {"name": namespace, "uid": namespace}});
            index.apply(Fact::Namespace(Box::new(serde_json::from_value(it).unwrap())), now);
        }
        let listed = r#"
[[service]]
name = "orders"
namespace = "shop"
priority = "P0"
replicas = 3
[[service]]
name = "web"
priority = "P0"
[[service]]
name = "carts"
namespace = "shop"
[[service]]
name = "wiki"
namespace = "shopp"
[[service]]
name = "mail"
"#;
        let priorities = Priorities::default().with_catalogue(Catalogue::from_toml(listed, &[]).unwrap());
        let fit = Fit::of(&priorities, &index);
        let of_service: Vec<String> = fit
            .of_service
            .iter()
            .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            .collect();
        assert_eq!(of_service, ["Deployment shop/orders", "Deployment shop/web", "", "", ""]);
        let unlisted: Vec<String> = fit.unlisted.iter().map(|(owner, p)| format!("{owner} {p:?}")).collect();
        assert_eq!(unlisted, ["Deployment kube-system/coredns Some(P0)", "Deployment shop/cart None"]);
        let said: Vec<String> = fit.lints.iter().map(|l| format!("{}: {}; {}", l.line, l.message, l.remedy)).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        0: Deployment shop/cart says k8s-monitor.io/priority: "high", which is no priority; write P0, P1, P2 or P3
        3: "orders" should have 3 replicas, and Deployment shop/orders is set to 2; scale it, or mend the entry
        8: "web" is P0, but Deployment shop/web is P1 by its annotation; keep one of the two
        11: "carts" has no priority; give it a priority: P0, P1, P2 or P3
        11: "carts" matches no workload; did you mean "cart"?
        14: "wiki" has no priority; give it a priority: P0, P1, P2 or P3
        14: "wiki" is in the namespace "shopp", which does not exist; did you mean "shop"?
        17: "mail" has no priority; give it a priority: P0, P1, P2 or P3
        17: "mail" matches no workload; list its workloads, or take it out
        "#);
    }
}
