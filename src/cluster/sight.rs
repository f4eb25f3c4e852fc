//! What can be seen: per kind and namespace seen, blind or not applicable. Not seen is never "missing" and never "healthy".

use std::collections::{BTreeMap, BTreeSet};

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
    is_excerpt: bool,
    only: BTreeSet<String>,
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

    /// Only these namespaces are meant to be seen, and nothing of the whole cluster has to be. None: everything is.
    pub fn watch_only(&mut self, namespaces: impl IntoIterator<Item = String>) {
        self.only = namespaces.into_iter().collect();
    }

    /// Whether without a kind it cannot be said that nothing is wrong.
    pub fn is_required(&self, kind: Kind) -> bool {
        kind.is_required() && (self.only.is_empty() || kind.is_namespaced())
    }

    /// Why a kind cannot be seen in a namespace, or None if it can (or does not apply). The empty namespace means all.
    pub fn blind(&self, kind: Kind, namespace: &str) -> Option<&str> {
        if !namespace.is_empty() && !kind.is_namespaced() && !self.only.is_empty() {
            // What is judged in a namespace is judged without it, if it may not be seen.
            return None;
        }
        let scoped = || self.in_namespace.get(&(kind, namespace.to_owned()));
        let known = (!self.in_namespace.is_empty()).then(scoped).flatten().or_else(|| self.everywhere.get(&kind));
        match known {
            Some(Visibility::Seen(_) | Visibility::NotApplicable) => None,
            Some(Visibility::Blind { why, .. }) => Some(why),
            None if namespace.is_empty() => {
                let mut somewhere = self.in_namespace.iter().filter(|((of, _), _)| *of == kind).peekable();
                if somewhere.peek().is_none() {
                    return Some("not read yet");
                }
                somewhere.find_map(|(_, known)| match known {
                    Visibility::Blind { why, .. } => Some(why.as_str()),
                    Visibility::Seen(_) | Visibility::NotApplicable => None,
                })
            }
            None if !self.only.is_empty() && !self.only.contains(namespace) => Some("this namespace is not watched"),
            None => Some("not read yet"),
        }
    }

    /// What is seen is an excerpt (a dump): of a kind that is not in it nobody knows what there is.
    pub fn is_an_excerpt(&mut self) {
        self.is_excerpt = true;
    }

    /// Whether what is seen is an excerpt.
    pub(super) fn is_excerpt(&self) -> bool {
        self.is_excerpt
    }

    /// What is required and blind, as of [`Sight::all_blind`].
    pub fn lost(&self) -> impl Iterator<Item = (Kind, Option<&str>, Timestamp, &str)> {
        self.all_blind().filter(|(kind, ..)| self.is_required(*kind))
    }

    /// Whether nothing that is required can be seen.
    pub fn sees_nothing(&self) -> bool {
        let required = Kind::ALL.into_iter().filter(|kind| self.is_required(*kind)).count();
        self.lost().count() == required * self.only.len().max(1)
    }

    /// Whether everything can be seen that is required.
    pub fn sees_all(&self) -> bool {
        self.lost().next().is_none()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn blind(why: &str) -> Visibility {
        Visibility::Blind { since: Timestamp::UNIX_EPOCH, why: why.to_owned() }
    }

    fn seen() -> Visibility {
        Visibility::Seen(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_namespace_that_is_not_seen_hides_nothing_of_the_others() {
        let mut sight = Sight::default();
        sight.watch_only(["shop".to_owned(), "data".to_owned()]);
        sight.set(Kind::Pod, Some("shop"), seen());
        sight.set(Kind::Pod, Some("data"), blind("forbidden"));
        assert_eq!(sight.blind(Kind::Pod, "shop"), None);
        assert_eq!(sight.blind(Kind::Pod, "data"), Some("forbidden"));
        assert_eq!(sight.blind(Kind::Pod, ""), Some("forbidden"), "not all of them");
        assert_eq!(sight.blind(Kind::Pod, "elsewhere"), Some("this namespace is not watched"));
        assert_eq!(sight.blind(Kind::Job, "shop"), Some("not read yet"));
        assert!(!sight.sees_all());
    }

    #[test]
    fn where_only_namespaces_are_watched_nothing_of_the_whole_cluster_is_missed() {
        let mut sight = Sight::default();
        sight.watch_only(["shop".to_owned()]);
        sight.set(Kind::Node, None, blind("forbidden"));
        assert_eq!(sight.blind(Kind::Node, "shop"), None);
        assert_eq!(sight.blind(Kind::Node, ""), Some("forbidden"));
        assert_eq!((sight.lost().count(), sight.all_blind().count()), (0, 1));
        assert!(sight.sees_all());
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_namespaced() && kind.is_required()) {
            assert!(!sight.sees_nothing());
            sight.set(kind, Some("shop"), blind("forbidden"));
        }
        assert!(sight.sees_nothing());
    }
}
