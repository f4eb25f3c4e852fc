//! The facts themselves, by kind, namespace and name: few names are compared to find one, and a namespace is walked in order.

use std::collections::BTreeMap;

use crate::cluster::{Fact, Kind, ObjectKey, Text};

/// All facts. What has no namespace lives in the empty one.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects(BTreeMap<Kind, OfKind>);

/// The facts of a kind by namespace, and how many they are: that is asked for after each change.
#[derive(Clone, Debug, Default)]
struct OfKind {
    namespaces: BTreeMap<Text, Named>,
    count: usize,
}

/// The facts of a namespace in the order of their names: a list has less to spare than a tree, which lists in order leave half empty.
#[derive(Clone, Debug, Default)]
struct Named(Vec<(Text, Fact)>);

impl Named {
    /// Where a name is, or belongs.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(held, _)| held.as_str().cmp(name))
    }

    fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(self.place(name).ok()?).map(|(_, fact)| fact)
    }

    fn insert(&mut self, name: &Text, fact: Fact) -> Option<Fact> {
        match self.place(name) {
            Ok(place) => self.0.get_mut(place).map(|(_, held)| std::mem::replace(held, fact)),
            Err(place) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len() / 8 + 1);
                }
                self.0.insert(place, (name.clone(), fact));
                None
            }
        }
    }

    fn remove(&mut self, name: &str) -> Option<Fact> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    fn iter(&self) -> impl Iterator<Item = &Fact> + use<'_> {
        self.0.iter().map(|(_, fact)| fact)
    }
}

impl Objects {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Fact> {
        self.0.get(&key.kind)?.namespaces.get(&key.namespace)?.get(&key.name)
    }

    /// Those of a kind, in the order of their namespaces and names.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Fact> + use<'_> {
        self.0.get(&kind).into_iter().flat_map(|of| of.namespaces.values()).flat_map(Named::iter)
    }

    /// Those of a kind in a namespace, in the order of their names.
    pub(super) fn all_in<'a>(&'a self, kind: Kind, namespace: &str) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.0.get(&kind).and_then(|of| of.namespaces.get(namespace)).into_iter().flat_map(Named::iter)
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.0.get(&kind).map_or(0, |of| of.count)
    }

    pub(super) fn keys(&self, kind: Kind) -> impl Iterator<Item = ObjectKey> + use<'_> {
        let namespaces = self.0.get(&kind).into_iter().flat_map(|of| &of.namespaces);
        namespaces.flat_map(move |(namespace, named)| {
            named.0.iter().map(move |(name, _)| ObjectKey { kind, namespace: namespace.clone(), name: name.clone() })
        })
    }

    /// Puts a fact in its place; gives back what was there.
    pub(super) fn insert(&mut self, key: &ObjectKey, fact: Fact) -> Option<Fact> {
        let of = self.0.entry(key.kind).or_default();
        let before = of.namespaces.entry(key.namespace.clone()).or_default().insert(&key.name, fact);
        of.count += usize::from(before.is_none());
        before
    }

    /// Takes a fact out; what is left empty vanishes.
    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Fact> {
        let of = self.0.get_mut(&key.kind)?;
        let named = of.namespaces.get_mut(&key.namespace)?;
        let gone = named.remove(&key.name)?;
        of.count = of.count.saturating_sub(1);
        if named.0.is_empty() {
            of.namespaces.remove(&key.namespace);
        }
        if of.namespaces.is_empty() {
            self.0.remove(&key.kind);
        }
        Some(gone)
    }
}
