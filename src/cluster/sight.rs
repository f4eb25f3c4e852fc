//! What can be seen: per kind and namespace seen, blind or not applicable. Not seen is never "missing" and never "healthy".

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Kind;

/// What is known of a kind in a scope.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Visibility {
    /// Listed and watched; as of the instant of the last answer.
    Seen(Timestamp),
    /// Cannot be read, since when, and why (forbidden, time-out, stale, not part of the dump).
    Blind {
        /// Since when.
        since: Timestamp,
        /// Why, for people.
        why: String,
    },
    /// The cluster does not have this API group: nothing to see, nothing missed.
    NotApplicable,
}

/// What of a cluster can be seen. A kind that was never mentioned is blind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    everywhere: BTreeMap<Kind, Visibility>,
    in_namespace: BTreeMap<(Kind, String), Visibility>,
}

impl Sight {
    /// Sets what is known of a kind; `namespace` None means the whole cluster.
    pub fn set(&mut self, kind: Kind, namespace: Option<&str>, visibility: Visibility) {
        match namespace {
            None => {
                self.everywhere.insert(kind, visibility);
            }
            Some(ns) => {
                self.in_namespace.insert((kind, ns.to_owned()), visibility);
            }
        }
    }

    /// Why a kind cannot be seen in a namespace, or None if it can (or does not apply).
    pub fn blind(&self, kind: Kind, namespace: &str) -> Option<&str> {
        let known = self.in_namespace.get(&(kind, namespace.to_owned())).or_else(|| self.everywhere.get(&kind));
        match known {
            Some(Visibility::Seen(_) | Visibility::NotApplicable) => None,
            Some(Visibility::Blind { why, .. }) => Some(why),
            None => Some("not read yet"),
        }
    }

    /// Everything that is blind: kind, namespace (None: everywhere), since, why.
    pub fn all_blind(&self) -> impl Iterator<Item = (Kind, Option<&str>, Timestamp, &str)> {
        let cluster = self.everywhere.iter().map(|(kind, v)| (*kind, None, v));
        let scoped = self.in_namespace.iter().map(|((kind, ns), v)| (*kind, Some(ns.as_str()), v));
        cluster.chain(scoped).filter_map(|(kind, ns, v)| match v {
            Visibility::Blind { since, why } => Some((kind, ns, *since, why.as_str())),
            Visibility::Seen(_) | Visibility::NotApplicable => None,
        })
    }

    /// What is known of a kind as it is watched: in a namespace, or everywhere.
    pub fn known(&self, kind: Kind, namespace: Option<&str>) -> Option<&Visibility> {
        match namespace {
            None => self.everywhere.get(&kind),
            Some(namespace) => self.in_namespace.get(&(kind, namespace.to_owned())),
        }
    }
}
