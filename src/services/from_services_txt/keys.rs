//! The keys of a `services.txt`: what becomes of each, and which one was meant by one that is none.

use crate::services::catalogue::nearest;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// It has one value, in its line.
    Value,
    /// What is listed below it is text as it stands.
    Texts,
    /// What is listed below it are names of services.
    Names,
    /// Below it are keys.
    Group,
    /// The catalogue has no place for it.
    Unused,
    /// It is not known.
    Unknown,
}

const KEYS: [(&str, Sort); 23] = [
    ("Purpose", Sort::Value),
    ("Namespace", Sort::Value),
    ("Dependencies", Sort::Names),
    ("Dependents", Sort::Names),
    ("Used By", Sort::Names),
    ("Max Downtime", Sort::Value),
    ("Known Issues", Sort::Texts),
    ("Quirks", Sort::Texts),
    ("Quirk", Sort::Texts),
    ("Health Check", Sort::Value),
    ("Replicas", Sort::Value),
    ("Data Layer", Sort::Value),
    ("Ingress", Sort::Texts),
    ("GitOps", Sort::Group),
    ("ArgoCD App", Sort::Value),
    ("Manifests", Sort::Value),
    ("Chart", Sort::Value),
    ("Repo", Sort::Value),
    ("Image", Sort::Unused),
    ("Resources", Sort::Unused),
    ("Pattern", Sort::Unused),
    ("Patterns", Sort::Unused),
    ("Provisions", Sort::Unused),
];

/// The keys that only a service has.
pub(super) const OF_A_SERVICE: [&str; 3] = ["Purpose", "Namespace", "Max Downtime"];

/// What becomes of that key.
pub(super) fn sort_of(key: &str) -> Sort {
    KEYS.iter().find(|(known, _)| *known == key).map_or(Sort::Unknown, |(_, sort)| *sort)
}

/// How to mend a key that is not known.
pub(super) fn remedy(key: &str) -> String {
    match nearest(key, KEYS.iter().map(|(known, _)| *known)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "take it out, or write what it says in services.toml".to_owned(),
    }
}
