//! A list that comes in pieces replaces what is known of a kind: what it did not name by its end is deleted, and not before.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{ClusterIndex, Touched};
use crate::cluster::{Fact, Kind, ObjectKey};

/// A list that has begun: what was known before and has not been named yet. Dropping it deletes nothing.
#[derive(Debug, Default)]
pub struct Relist {
    unnamed: BTreeSet<ObjectKey>,
}

impl ClusterIndex {
    /// A list of a kind begins, of a namespace or everywhere. While it runs, every object is taken in with [`ClusterIndex::note`].
    pub fn begin_list(&self, kind: Kind, namespace: Option<&str>) -> Relist {
        let unnamed = match namespace {
            Some(namespace) => self.all_in(kind, namespace).map(Fact::key).collect(),
            None => self.all(kind).map(Fact::key).collect(),
        };
        Relist { unnamed }
    }

    /// Takes in an object that the list names, as [`ClusterIndex::apply`] does.
    pub fn note(&mut self, list: &mut Relist, fact: Fact, now: Timestamp) -> Touched {
        if !list.unnamed.is_empty() {
            list.unnamed.remove(&fact.key());
        }
        self.apply(fact, now)
    }

    /// The list is at its end: what it did not name is deleted.
    pub fn finish_list(&mut self, list: Relist, now: Timestamp) -> Touched {
        let mut touched = Touched::default();
        for key in list.unnamed {
            touched.absorb(self.delete(&key, now));
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str) -> Fact {
        let object = json!({"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"), "resourceVersion": "1"}});
        crate::cluster::Dump::read(&[("test", object.to_string())]).facts.remove(0)
    }

    fn index(now: Timestamp) -> ClusterIndex {
        let mut index = ClusterIndex::default();
        for (namespace, name) in [("a", "one"), ("a", "two"), ("b", "one")] {
            index.apply(pod(namespace, name), now);
        }
        index
    }

    fn names(index: &ClusterIndex) -> Vec<String> {
        index.all(Kind::Pod).map(|fact| format!("{}/{}", fact.meta().namespace, fact.meta().name)).collect()
    }

    #[test]
    fn what_a_list_did_not_name_is_deleted_at_its_end_only() {
        let now = Timestamp::UNIX_EPOCH;
        let mut index = index(now);
        let mut list = index.begin_list(Kind::Pod, None);
        index.note(&mut list, pod("a", "two"), now);
        index.note(&mut list, pod("c", "new"), now);
        assert_eq!(names(&index), ["a/one", "a/two", "b/one", "c/new"]);
        let gone: Vec<_> = index.finish_list(list, now).owners.iter().map(ToString::to_string).collect();
        assert_eq!(gone, ["Pod a/one", "Pod b/one"]);
        assert_eq!(names(&index), ["a/two", "c/new"]);
    }

    #[test]
    fn a_list_of_a_namespace_says_nothing_of_the_others() {
        let now = Timestamp::UNIX_EPOCH;
        let mut index = index(now);
        let list = index.begin_list(Kind::Pod, Some("a"));
        index.finish_list(list, now);
        assert_eq!(names(&index), ["b/one"]);
    }

    #[test]
    fn a_list_that_is_given_up_deletes_nothing_and_what_it_brought_stays() {
        let now = Timestamp::UNIX_EPOCH;
        let mut index = index(now);
        let mut list = index.begin_list(Kind::Pod, None);
        index.note(&mut list, pod("c", "new"), now);
        drop(list);
        assert_eq!(names(&index), ["a/one", "a/two", "b/one", "c/new"]);
    }
}
