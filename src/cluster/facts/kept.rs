//! What decoders yield becomes what is kept: strings that are short or shared, equal parts once for all objects that have them.
//!
//! A cluster of 10,000 pods says the same few thousand things again and again: the labels, containers and conditions of a pod are
//! those of its neighbours. They are kept once, counted, and forgotten with the last object that has them.

use std::{collections::BTreeMap, fmt, hash::Hash, ops::Deref};

use internment::ArcIntern;
use prost::Message;
use serde::de::DeserializeOwned;

/// A string that is kept: up to 15 bytes in place, longer ones counted, so that a copy costs nothing.
pub use ecow::EcoString as Text;

/// What is kept of a value, and the form in which it is decoded from protobuf and JSON.
pub trait Slim: Sized {
    /// The form of the decoders.
    type Wire;

    /// Keeps what is kept of it.
    fn slim(wire: Self::Wire) -> Self;
}

/// A value with its own message in protobuf.
pub trait SlimMessage: Slim<Wire: Message + Default + DeserializeOwned> {}

impl<T: Slim<Wire: Message + Default + DeserializeOwned>> SlimMessage for T {}

macro_rules! as_it_is {
    ($($ty:ty),*) => { $(
        impl Slim for $ty {
            type Wire = Self;

            fn slim(wire: Self) -> Self {
                wire
            }
        }
    )* };
}
as_it_is!(i32, i64, bool, String);

impl Slim for Text {
    type Wire = String;

    fn slim(wire: String) -> Self {
        wire.into()
    }
}

impl<T: Slim> Slim for Option<T> {
    type Wire = Option<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.map(T::slim)
    }
}

impl<T: Slim> Slim for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

impl<T: Slim> Slim for Box<[T]> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

impl<T: Slim> Slim for Box<T> {
    type Wire = T::Wire;

    fn slim(wire: Self::Wire) -> Self {
        Self::new(T::slim(wire))
    }
}

impl<T: Slim> Slim for BTreeMap<String, T> {
    type Wire = BTreeMap<String, T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(|(key, value)| (key, T::slim(value))).collect()
    }
}

/// A value that is kept once for all objects that have an equal one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shared<T: Eq + Hash + Send + Sync + 'static>(ArcIntern<T>);

impl<T: Eq + Hash + Send + Sync + 'static> Shared<T> {
    /// The one that is equal to this.
    pub fn new(value: T) -> Self {
        Self(ArcIntern::new(value))
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Eq + Hash + Send + Sync + Default + 'static> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for Shared<T> {
    type Wire = T::Wire;

    fn slim(wire: Self::Wire) -> Self {
        Self::new(T::slim(wire))
    }
}

/// A list that is empty for most objects, and much the same for the others.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct List<T: Eq + Hash + Send + Sync + 'static>(Option<Shared<Box<[T]>>>);

impl<T: Eq + Hash + Send + Sync + 'static> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |shared| &***shared)
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let items: Box<[T]> = items.into_iter().collect();
        Self((!items.is_empty()).then(|| Shared::new(items)))
    }
}

impl<'a, T: Eq + Hash + Send + Sync + 'static> IntoIterator for &'a List<T> {
    type IntoIter = std::slice::Iter<'a, T>;
    type Item = &'a T;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        <[T]>::fmt(self, f)
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for List<T> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

/// Names with values (labels, annotations, limits), in the order of the names.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Map<T: Eq + Hash + Send + Sync + 'static>(List<(Text, T)>);

/// Labels, selectors.
pub type Labels = Map<Text>;

impl<T: Eq + Hash + Send + Sync + 'static> Default for Map<T> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Map<T> {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether there is one of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.iter().map(|(name, _)| name)
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }
}

impl<T: Clone + Eq + Hash + Send + Sync + 'static> Map<T> {
    /// Whether all of the others are among these, with the same values.
    pub fn include(&self, others: &Self) -> bool {
        others.iter().all(|(name, value)| self.get(name) == Some(value))
    }
}

impl<N: Into<Text> + Ord, T: Eq + Hash + Send + Sync + 'static> FromIterator<(N, T)> for Map<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(items: I) -> Self {
        let sorted: BTreeMap<N, T> = items.into_iter().collect();
        Self(sorted.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> Map<T> {
    fn pairs(&self) -> &[(Text, T)] {
        &self.0
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> PartialOrd for Map<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> Ord for Map<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.pairs().cmp(other.pairs())
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for Map<T> {
    type Wire = BTreeMap<String, T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        Self(wire.into_iter().map(|(name, value)| (name.into(), T::slim(value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::facts::{Pod, ReplicaSet};

    fn pod(name: &str, node: &str) -> Pod {
        let written = json!({
            "metadata": {"name": name, "labels": {"app": "api", "tier": "web"}},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "acme/api:1"}],
                "volumes": [{"name": name, "configMap": {"name": "x"}}, {"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}]},
            "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}]},
        });
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn what_neighbours_have_in_common_is_kept_once() {
        let (one, other) = (pod("api-1", "n1"), pod("api-2", "n2"));
        let asked = |pod: &Pod| std::ptr::from_ref(&pod.spec.as_ref().unwrap().containers).addr();
        let labels = |pod: &Pod| std::ptr::from_ref(pod.meta().labels.get("app").unwrap()).addr();
        let said = |pod: &Pod| std::ptr::from_ref(&pod.condition("Ready").unwrap().status).addr();
        assert_eq!((asked(&one), labels(&one), said(&one)), (asked(&other), labels(&other), said(&other)));
        assert_eq!((one.node_name(), other.node_name()), ("n1", "n2"));
        assert_eq!(one.claims().collect::<Vec<_>>(), ["disk"]);
    }

    #[test]
    fn names_are_found_whatever_their_order() {
        let labels: Labels =
            [("b", "2"), ("a", "1"), ("c", "3")].map(|(k, v)| (k, Text::from(v))).into_iter().collect();
        assert_eq!(labels.get("b").map(Text::as_str), Some("2"));
        assert_eq!(labels.get("d"), None);
        let some: Labels = [("a", Text::from("1"))].into_iter().collect();
        assert!(labels.include(&some) && !some.include(&labels));
        assert!(labels.include(&Labels::default()));
    }

    #[test]
    fn an_old_replica_set_is_kept_by_its_name_its_owner_and_its_number() {
        let written = |replicas: i32, by: &str| {
            json!({"metadata": {"name": "api-1", "labels": {"app": "api"}, "annotations": {"deployment.kubernetes.io/revision": "3", "other": "x"},
                "ownerReferences": [{"kind": by, "apiVersion": "apps/v1", "name": "api", "controller": true}]},
                "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "api"}}}}, "status": {"replicas": replicas}})
        };
        let kept = |replicas, by| {
            let set: ReplicaSet = serde_json::from_value(written(replicas, by)).unwrap();
            let fact = crate::cluster::Fact::ReplicaSet(Box::new(set));
            let crate::cluster::Fact::ReplicaSet(set) = fact.trimmed() else { panic!("it is one") };
            let revision = set.meta().annotations.get("deployment.kubernetes.io/revision").map(Text::to_string);
            (
                revision,
                set.meta().annotations.len(),
                set.meta().labels.len(),
                set.spec.as_ref().unwrap().template.is_some(),
            )
        };
        assert_eq!(kept(0, "Deployment"), (Some("3".to_owned()), 1, 0, false));
        assert_eq!(
            kept(1, "Deployment"),
            (Some("3".to_owned()), 1, 1, false),
            "the template is that of its Deployment"
        );
        assert_eq!(kept(1, "Rollout"), (Some("3".to_owned()), 1, 1, true));
    }
}
