//! What is to be left alone: by the configuration (namespaces, owners) and by the annotation of a workload or its namespace.

use std::borrow::Cow;

use super::{
    Look, checks,
    trouble::{fact, key},
};
use crate::{
    cluster::{Fact, Kind, ObjectKey, ObjectRef},
    services::Pattern,
};

/// The annotation of a workload or a namespace: `"true"`, or names of checks with commas.
pub const ANNOTATION: &str = "k8s-monitor.io/ignore";

/// What the configuration leaves alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveAlone {
    /// Namespaces nothing is said of; patterns of the kind `Namespace`.
    pub namespaces: Vec<Pattern>,
    /// Owners nothing is said of.
    pub owners: Vec<Pattern>,
    /// If there are any, something is said only of these namespaces, and of [`Self::only_owners`]; what lives in none is not meant.
    pub only_namespaces: Vec<Pattern>,
    /// If there are any, something is said only of these owners, and of [`Self::only_namespaces`].
    pub only_owners: Vec<Pattern>,
}

impl LeaveAlone {
    /// Nothing is left alone.
    pub const NOTHING: Self =
        Self { namespaces: Vec::new(), owners: Vec::new(), only_namespaces: Vec::new(), only_owners: Vec::new() };

    /// Why an owner is left alone.
    fn why(&self, owner: &ObjectRef) -> Option<String> {
        let named =
            |patterns: &[Pattern], of: &ObjectRef| patterns.iter().find(|p| p.names(of)).map(ToString::to_string);
        if let Some(namespace) = namespace_of(owner) {
            if let Some(pattern) = named(&self.namespaces, &namespace) {
                return Some(format!("ignored by the configuration ({pattern})"));
            }
            let is_named =
                named(&self.only_namespaces, &namespace).is_some() || named(&self.only_owners, owner).is_some();
            let only = match (self.only_namespaces.is_empty(), self.only_owners.is_empty()) {
                (true, true) => None,
                (false, true) => Some("namespaces"),
                (true, false) => Some("owners"),
                (false, false) => Some("namespaces and owners"),
            };
            if let Some(only) = only.filter(|_| !is_named) {
                return Some(format!("ignored by the configuration (not one of the {only} that are watched)"));
            }
        }
        named(&self.owners, owner).map(|pattern| format!("ignored by the configuration ({pattern})"))
    }
}

/// Which checks leave an owner alone, and why.
#[derive(Debug)]
pub(super) enum Ignored {
    /// All of them.
    Entirely(String),
    /// Those that are named, with why.
    Of(Vec<(String, String)>),
}

impl Ignored {
    /// What the configuration and the annotations say of an owner.
    pub(super) fn of(owner: &ObjectRef, look: &Look<'_>) -> Self {
        if let Some(why) = look.settings.leave_alone.why(owner) {
            return Self::Entirely(why);
        }
        let mut of = Vec::new();
        for (place, value) in annotations(owner, look) {
            if value.trim().eq_ignore_ascii_case("true") {
                return Self::Entirely(format!("ignored by the annotation {ANNOTATION} of {place}"));
            }
            if value.trim().is_empty() || value.trim().eq_ignore_ascii_case("false") {
                continue;
            }
            let why = format!("ignored by the annotation {ANNOTATION} of {place}");
            of.extend(value.split(',').map(|check| (check.trim().to_owned(), why.clone())));
        }
        Self::Of(of)
    }

    /// Why a check leaves it alone.
    pub(super) fn why(&self, check: &str) -> Option<Cow<'static, str>> {
        let why = match self {
            Self::Entirely(why) => why,
            Self::Of(named) => named.iter().find(|(name, _)| name == check).map(|(_, why)| why)?,
        };
        Some(Cow::Owned(why.clone()))
    }
}

/// Why an owner is left alone, entirely or by single checks, in words for people; None if all of it is looked at.
pub fn ignored_of(owner: &ObjectRef, look: &Look<'_>) -> Option<String> {
    match Ignored::of(owner, look) {
        Ignored::Entirely(why) => Some(why),
        Ignored::Of(named) => {
            let judging =
                |name: &str| checks::ALL.iter().any(|check| check.name() == name && check.judges(&owner.kind));
            let (unknown, known): (Vec<_>, Vec<_>) = named
                .iter()
                .map(|(name, _)| name.as_str())
                .partition(|name| checks::ALL.iter().all(|check| check.name() != *name));
            let known: Vec<&str> = known.into_iter().filter(|name| judging(name)).collect();
            let (_, why) = named.first()?;
            match (known.as_slice(), unknown.as_slice()) {
                ([], []) => None,
                (_, [unknown, ..]) => Some(format!("{why}, which names no check: {unknown:?}")),
                (known, []) => Some(format!("what {} would say is {why}", known.join(" and "))),
            }
        }
    }
}

/// The namespace an owner lives in, or is.
fn namespace_of(owner: &ObjectRef) -> Option<ObjectRef> {
    let is = owner.watched_kind() == Some(Kind::Namespace);
    let name = if is { &owner.name } else { &owner.namespace };
    (!name.is_empty()).then(|| ObjectRef {
        kind: Kind::Namespace.name().into(),
        namespace: String::new().into(),
        name: name.clone(),
    })
}

/// The annotations that may say to leave an owner alone, with where each is written. Of an owner that is not read (a kind of others)
/// the pods carry it.
fn annotations<'a>(owner: &ObjectRef, look: &Look<'a>) -> Vec<(ObjectRef, &'a str)> {
    let of = |fact: &'a Fact| fact.meta().annotations.get(ANNOTATION).map(AsRef::as_ref);
    let own = match fact(owner, look) {
        Some(held) => of(held).map(|value| (owner.clone(), value)),
        None => look.pods_of(owner).iter().copied().find_map(|pod| {
            let value = pod.meta().annotations.get(ANNOTATION)?;
            Some((super::pods::reference(pod), value.as_str()))
        }),
    };
    let around = namespace_of(owner).filter(|namespace| namespace != owner).and_then(|namespace| {
        let key: ObjectKey = key(&namespace)?;
        Some((namespace, of(look.index.get(&key)?)?))
    });
    own.into_iter().chain(around).collect()
}
