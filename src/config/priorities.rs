//! Which priority a workload has by the configuration: patterns of names, first in the lists, then in the catalogue.

use std::{collections::BTreeMap, path::Path};

use super::{services_txt, values::Values};
use crate::{cluster::ObjectRef, incidents::Priority};

const LEVELS: [(Priority, &str); 4] = [
    (Priority::P0, "priorities.P0"),
    (Priority::P1, "priorities.P1"),
    (Priority::P2, "priorities.P2"),
    (Priority::P3, "priorities.P3"),
];

/// Patterns with their priorities, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priorities(Vec<(Pattern, Priority)>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    namespace: Option<String>,
    name: String,
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        let good = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.*".contains(c))
        };
        (good(name) && namespace.as_deref().is_none_or(good)).then(|| Self { namespace, name: name.to_owned() })
    }

    fn matches(&self, object: &ObjectRef) -> bool {
        self.namespace.as_deref().is_none_or(|n| alike(n, &object.namespace)) && alike(&self.name, &object.name)
    }
}

/// Whether `text` has the shape of `pattern`, in which `*` is any text.
fn alike(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|left| (0..=left.len()).filter_map(|at| left.get(at..)).any(|left| alike(rest, left))),
    }
}

impl Priorities {
    /// The priority of an object; None is unlisted, which is not a priority.
    pub fn of(&self, object: &ObjectRef) -> Option<Priority> {
        self.0.iter().find(|(pattern, _)| pattern.matches(object)).map(|(_, priority)| *priority)
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) fn read(
    values: &mut Values<'_>,
    catalogue: Option<&Path>,
    files: &BTreeMap<String, Result<String, String>>,
) -> Priorities {
    let mut seen: BTreeMap<String, Priority> = BTreeMap::new();
    let mut patterns = Vec::new();
    for (priority, key) in LEVELS {
        for text in values.list(key) {
            match (Pattern::new(&text), seen.get(&text)) {
                (None, _) => {
                    let remedy = "write \"name\", \"namespace/name\" or \"namespace/*\" in lower case";
                    values.problem(key, format!("{text:?} is not a workload"), remedy);
                }
                (Some(_), Some(other)) if *other != priority => {
                    values.problem(key, format!("{text:?} is also in priorities.{other}"), "keep it in one list");
                }
                (Some(pattern), _) => {
                    seen.insert(text, priority);
                    patterns.push((pattern, priority));
                }
            }
        }
    }
    // An exact name goes before one with a star, whatever their lists are.
    patterns.sort_by_key(|(p, _)| (p.name.contains('*'), p.namespace.is_none()));
    if let Some(path) = catalogue {
        match files.get(&path.display().to_string()) {
            Some(Ok(text)) => {
                let services = services_txt::priorities(text);
                if services.is_empty() {
                    let remedy = "its sections need titles like \"1. Title (P0 - ...)\", its services headings like \"1.1 name\"";
                    values.warn("services.file", "lists no service", remedy);
                }
                patterns
                    .extend(services.into_iter().filter_map(|(name, priority)| Some((Pattern::new(&name)?, priority))));
            }
            Some(Err(why)) => {
                let message = format!("{} cannot be read: {why}", path.display());
                values.warn("services.file", message, "mend the path, or write the lists of [priorities]");
            }
            None => {}
        }
    }
    Priorities(patterns)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("api", "shop", "api", true)]
    #[case("api", "shop", "api-2", false)]
    #[case("shop/api", "shop", "api", true)]
    #[case("shop/api", "other", "api", false)]
    #[case("shop/*", "shop", "anything", true)]
    #[case("*-db", "shop", "orders-db", true)]
    #[case("a*b*c", "shop", "a-b-b-c", true)]
    #[case("a*b*c", "shop", "a-c", false)]
    fn a_pattern_matches_names_and_namespaces(
        #[case] pattern: &str,
        #[case] ns: &str,
        #[case] name: &str,
        #[case] hit: bool,
    ) {
        let object = ObjectRef { kind: "Deployment".into(), namespace: ns.into(), name: name.into() };
        assert_eq!(Pattern::new(pattern).unwrap().matches(&object), hit);
    }

    #[test]
    fn a_pattern_is_made_of_names_of_kubernetes() {
        for bad in ["", "Shop/api", "shop/", "/api", "a b", "a/b/c"] {
            assert_eq!(Pattern::new(bad), None, "{bad:?}");
        }
    }
}
