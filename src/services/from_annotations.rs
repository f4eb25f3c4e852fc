//! The annotation of a workload or its namespace that says how much it matters.

use super::Priority;
use crate::cluster::{ClusterIndex, Fact, Kind, ObjectKey, ObjectRef, Text};

/// The annotation: `P0` to `P3`.
pub const PRIORITY: &str = "k8s-monitor.io/priority";

/// What a workload says of itself. What is no priority says nothing; `k8s-monitor services` tells of it.
pub(super) fn of_workload(owner: &ObjectRef, index: &ClusterIndex) -> Option<Priority> {
    Priority::named(written(owner, index)?)
}

/// What its namespace says of all that live in it.
pub(super) fn of_namespace(owner: &ObjectRef, index: &ClusterIndex) -> Option<Priority> {
    let key = ObjectKey { kind: Kind::Namespace, namespace: Text::new(), name: owner.namespace.clone() };
    Priority::named(value_of(index.get(&key)?)?)
}

/// The value of the annotation of an object, as it is written.
pub(super) fn written<'a>(owner: &ObjectRef, index: &'a ClusterIndex) -> Option<&'a str> {
    value_of(index.get_ref(owner)?)
}

fn value_of(fact: &Fact) -> Option<&str> {
    fact.meta().annotations.get(PRIORITY).map(Text::as_str)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{
        cluster::{ClusterIndex, Fact, ObjectRef},
        services::{Catalogue, Priorities, Priority},
    };

    #[rstest]
    #[case::neither("", "", Priority::P2, None)]
    #[case::both("p0", "P3", Priority::P0, Some(Priority::P3))]
    #[case::only_the_namespace("", "P3", Priority::P2, Some(Priority::P3))]
    #[case::no_priority("high", "P9", Priority::P2, None)]
    fn the_workload_goes_before_the_catalogue_and_that_before_the_namespace(
        #[case] workload: &str,
        #[case] namespace: &str,
        #[case] of_api: Priority,
        #[case] of_other: Option<Priority>,
    ) {
        let annotated = |name: &str, namespace: Option<&str>, value: &str| {
            let annotations =
                if value.is_empty() { serde_json::json!({}) } else { serde_json::json!({(super::PRIORITY): value}) };
            serde_json::json!({"metadata": {"name": name, "namespace": namespace, "uid": name, "annotations": annotations}})
        };
        let mut index = ClusterIndex::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let deployment = serde_json::from_value(annotated("api", Some("shop"), workload)).unwrap();
        index.apply(Fact::Deployment(Box::new(deployment)), now);
        index
            .apply(Fact::Namespace(Box::new(serde_json::from_value(annotated("shop", None, namespace)).unwrap())), now);
        let owner = |name: &str| ObjectRef { kind: "Deployment".into(), namespace: "shop".into(), name: name.into() };
        let listed = "[[service]]\nname = \"api\"\nnamespace = \"shop\"\npriority = \"P2\"\n";
        let priorities = Priorities::default().with_catalogue(Catalogue::from_toml(listed, &[]).unwrap());
        assert_eq!(priorities.priority_of(&owner("api"), &index), Some(of_api));
        assert_eq!(priorities.priority_of(&owner("other"), &index), of_other);
    }
}
