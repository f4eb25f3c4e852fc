//! The versions a pass has read are held against the index: what differs although the watch has said everything is a bug of ours.
//!
//! A watch may lag behind the list, and be further a moment later; neither is a difference. So an object counts as wrong only if
//! the watch had to have told of it: its version in the list is not above what was taken in of the watch. Of an object that is
//! held but not listed only the version of the whole list is known: it counts once the watch has reached that.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::Mind;
use crate::{
    app::Site,
    clients::kubernetes::{ObjectVersion, Page, Scope},
    cluster::{ClusterIndex, Fact, Kind, ObjectKey},
};

/// How many objects a line of the log names.
const EXAMPLES: usize = 3;

/// What the running pass has found so far, and what of the passes before is still open.
#[derive(Debug, Default)]
pub(super) struct Reconciling {
    running: BTreeMap<Scope, Comparing>,
    /// Held but not in a list that is further than the watch: the version of the list, and the objects with theirs.
    open: BTreeMap<Scope, (u64, Vec<ObjectVersion>)>,
}

/// The comparison of one scope.
#[derive(Debug, Default)]
struct Comparing {
    /// What the watch has deleted since the pass began: the list may still have it.
    deleted: BTreeSet<ObjectKey>,
    /// What was listed, as hashes: the names of all pods would be large.
    listed: HashSet<u64>,
    drift: Drift,
}

/// Objects that are not as the watch must have told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    pub(super) count: usize,
    pub(super) examples: Vec<String>,
}

impl Drift {
    fn add(&mut self, key: &ObjectKey, what: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            let slash = if key.namespace.is_empty() { "" } else { "/" };
            self.examples.push(format!("{}{slash}{} {what}", key.namespace, key.name));
        }
    }

    fn found(self) -> Option<Self> {
        (self.count > 0).then_some(self)
    }
}

impl Reconciling {
    /// A pass begins, before anything is read.
    pub(super) fn begin<'a>(&mut self, scopes: impl Iterator<Item = &'a Scope>) {
        self.running = scopes.map(|scope| (scope.clone(), Comparing::default())).collect();
    }

    /// The watch said that an object was deleted.
    pub(super) fn deleted(&mut self, scope: &Scope, key: &ObjectKey) {
        if let Some(comparing) = self.running.get_mut(scope) {
            comparing.deleted.insert(key.clone());
        }
    }

    /// The scope is listed anew, or not seen: there is nothing to compare.
    pub(super) fn forget(&mut self, scope: &Scope) {
        self.running.remove(scope);
        self.open.remove(scope);
    }

    /// Holds a page against the index; `taken_in` is how far the watch was taken in. At the last page it says what is wrong.
    fn page(
        &mut self,
        scope: &Scope,
        page: &Page<ObjectVersion>,
        index: &ClusterIndex,
        taken_in: u64,
    ) -> Option<Drift> {
        let comparing = self.running.get_mut(scope)?;
        if page.is_first {
            comparing.listed.clear();
            comparing.drift = Drift::default();
        }
        for listed in &page.items {
            comparing.listed.insert(hash(&listed.key));
            if listed.version == 0 || listed.version > taken_in {
                continue;
            }
            match index.get(&listed.key) {
                None if comparing.deleted.contains(&listed.key) => {}
                // Most are not held on purpose, and none is more than evidence.
                None if scope.kind == Kind::Event => {}
                None => comparing.drift.add(&listed.key, "is missing"),
                Some(held) if version(held).is_some_and(|held| held < listed.version) => {
                    comparing.drift.add(&listed.key, "is old");
                }
                Some(_) => {}
            }
        }
        if !page.is_last {
            return None;
        }
        let comparing = self.running.remove(scope)?;
        let mut drift = comparing.drift;
        let list: u64 = page.resource_version.parse().unwrap_or(0);
        let is_unlisted = |held: &ObjectVersion| held.version <= list && !comparing.listed.contains(&hash(&held.key));
        let unlisted: Vec<ObjectVersion> = held(index, scope).filter(is_unlisted).collect();
        if taken_in >= list {
            for gone in &unlisted {
                drift.add(&gone.key, "is there no more");
            }
        } else if !unlisted.is_empty() {
            self.open.insert(scope.clone(), (list, unlisted));
        }
        drift.found()
    }

    /// The watch was taken in further: says what is still held that must have been deleted by now.
    fn moved(&mut self, scope: &Scope, index: &ClusterIndex, taken_in: u64) -> Option<Drift> {
        self.open.get(scope).filter(|(list, _)| taken_in >= *list)?;
        let (_, unlisted) = self.open.remove(scope)?;
        let mut drift = Drift::default();
        for gone in unlisted {
            if index.get(&gone.key).and_then(version) == Some(gone.version) {
                drift.add(&gone.key, "is there no more");
            }
        }
        drift.found()
    }

    /// The pass has ended. What is open stays until the watch is further, or until the next pass has looked.
    pub(super) fn end(&mut self) {
        self.running.clear();
    }
}

/// Takes in a page that the pass has read.
pub(super) fn compare(app: &Site, mind: &mut Mind, scope: &Scope, page: &Page<ObjectVersion>) {
    let taken_in = mind.position(scope);
    if let Some(drift) = mind.reconciling.page(scope, page, &mind.index, taken_in) {
        repair(app, mind, scope, &drift);
    }
}

/// The watch of a scope was taken in up to a version.
pub(super) fn moved(app: &Site, mind: &mut Mind, scope: &Scope) {
    let taken_in = mind.position(scope);
    if let Some(drift) = mind.reconciling.moved(scope, &mind.index, taken_in) {
        repair(app, mind, scope, &drift);
    }
}

/// Says that we are wrong, and lists the scope anew.
fn repair(app: &Site, mind: &mut Mind, scope: &Scope, drift: &Drift) {
    app.metrics.drifted(&app.name, scope.kind.name(), drift.count);
    tracing::error!(
        kind = %scope.kind,
        namespace = scope.namespace.as_deref().unwrap_or("all"),
        objects = drift.count,
        examples = drift.examples.join(", "),
        "this is a bug: what is known differs from the cluster, although the watch has told everything; it is listed anew"
    );
    mind.reconciling.forget(scope);
    if let Some(watch) = mind.watches.get(scope) {
        watch.list_anew();
    }
}

/// The objects of a scope that are held, with their versions.
fn held<'a>(index: &'a ClusterIndex, scope: &Scope) -> impl Iterator<Item = ObjectVersion> + use<'a> {
    let namespace = scope.namespace.clone();
    index
        .all(scope.kind)
        .filter(move |fact| namespace.as_ref().is_none_or(|namespace| fact.meta().namespace.as_str() == namespace))
        .filter_map(|fact| Some(ObjectVersion { key: fact.key(), version: version(fact)? }))
}

fn version(fact: &Fact) -> Option<u64> {
    fact.meta().resource_version.parse().ok()
}

fn hash(key: &ObjectKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn pods() -> Scope {
        Scope { kind: Kind::Pod, namespace: None }
    }

    fn index(held: &[(&str, u64)]) -> ClusterIndex {
        let mut index = ClusterIndex::default();
        for (name, version) in held {
            let object = json!({"kind": "Pod", "apiVersion": "v1", "metadata":
                {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version.to_string()}});
            let fact = crate::cluster::Dump::read(&[("test", object.to_string())]).facts.remove(0);
            index.apply(fact, Timestamp::UNIX_EPOCH);
        }
        index
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey { kind: Kind::Pod, namespace: "shop".into(), name: name.into() }
    }

    fn page(listed: &[(&str, u64)], version: u64) -> Page<ObjectVersion> {
        let items = listed.iter().map(|(name, version)| ObjectVersion { key: key(name), version: *version }).collect();
        Page { items, resource_version: version.to_string(), is_first: true, is_last: true }
    }

    fn said(drift: Option<Drift>) -> String {
        drift.map_or_else(String::new, |drift| format!("{}: {}", drift.count, drift.examples.join(", ")))
    }

    /// What is held, what is listed (the list is of version 50), how far the watch is.
    #[rstest]
    #[case::the_same(&[("a", 10)], &[("a", 10)], 50, "")]
    #[case::the_watch_lags_and_will_bring_it(&[], &[("a", 40)], 30, "")]
    #[case::the_watch_lags_and_will_change_it(&[("a", 10)], &[("a", 40)], 30, "")]
    #[case::the_watch_lags_and_will_delete_it(&[("a", 10)], &[], 30, "")]
    #[case::the_watch_is_further_with_a_new_object(&[("a", 10), ("b", 60)], &[("a", 10)], 60, "")]
    #[case::the_watch_is_further_with_a_change(&[("a", 60)], &[("a", 10)], 60, "")]
    #[case::the_watch_has_passed_it_and_it_is_not_held(&[], &[("a", 40)], 40, "1: shop/a is missing")]
    #[case::the_watch_has_passed_its_change(&[("a", 10)], &[("a", 40)], 45, "1: shop/a is old")]
    #[case::the_watch_has_passed_its_deletion(&[("a", 10)], &[], 50, "1: shop/a is there no more")]
    #[case::three_are_named(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)], &[], 50,
        "4: shop/a is there no more, shop/b is there no more, shop/c is there no more")]
    #[case::a_version_that_is_no_number_proves_nothing(&[], &[("a", 0)], 50, "")]
    fn only_what_the_watch_must_have_told_is_drift(
        #[case] held: &[(&str, u64)],
        #[case] listed: &[(&str, u64)],
        #[case] taken_in: u64,
        #[case] expected: &str,
    ) {
        let mut reconciling = Reconciling::default();
        reconciling.begin([pods()].iter());
        assert_eq!(said(reconciling.page(&pods(), &page(listed, 50), &index(held), taken_in)), expected);
    }

    #[test]
    fn what_the_watch_deleted_while_the_list_was_read_is_not_missing() {
        let mut reconciling = Reconciling::default();
        reconciling.begin([pods()].iter());
        reconciling.deleted(&pods(), &key("a"));
        let fresh = page(&[("a", 40), ("b", 41)], 50);
        assert_eq!(said(reconciling.page(&pods(), &fresh, &index(&[]), 60)), "1: shop/b is missing");
    }

    #[test]
    fn what_the_list_no_longer_has_must_be_gone_when_the_watch_has_reached_it() {
        let mut reconciling = Reconciling::default();
        reconciling.begin([pods()].iter());
        let two = index(&[("a", 10), ("b", 11)]);
        assert_eq!(said(reconciling.page(&pods(), &page(&[], 50), &two, 30)), "");
        reconciling.end();
        assert_eq!(said(reconciling.moved(&pods(), &two, 40)), "");
        // One of them was deleted, and made anew.
        assert_eq!(said(reconciling.moved(&pods(), &index(&[("a", 10), ("b", 55)]), 55)), "1: shop/a is there no more");
        assert_eq!(said(reconciling.moved(&pods(), &two, 60)), "", "said once");
    }

    #[test]
    fn a_list_that_expired_is_compared_from_its_new_beginning() {
        let mut reconciling = Reconciling::default();
        reconciling.begin([pods()].iter());
        let held = index(&[("a", 10)]);
        let cut = Page { is_last: false, ..page(&[("b", 20)], 50) };
        assert_eq!(reconciling.page(&pods(), &cut, &held, 60), None);
        assert_eq!(said(reconciling.page(&pods(), &page(&[("a", 10)], 55), &held, 60)), "");
    }

    #[test]
    fn a_scope_that_is_listed_anew_meanwhile_is_not_compared() {
        let mut reconciling = Reconciling::default();
        reconciling.begin([pods()].iter());
        reconciling.forget(&pods());
        assert_eq!(reconciling.page(&pods(), &page(&[("a", 10)], 50), &index(&[]), 60), None);
    }
}
