//! A pattern that names workloads: `name`, `namespace/name`, `namespace/*`, `Kind namespace/name`, `Node name`; `*` is any text.

use std::fmt;

use super::Priority;
use crate::cluster::{Kind, ObjectRef};

/// A line of the priority lists that cannot be read, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{priority}, line {line}: `{pattern}`: {problem}; {remedy}")]
pub struct PatternError {
    /// In which list.
    pub priority: Priority,
    /// Which line of the list, from 1.
    pub line: usize,
    /// The line.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
    /// How to mend it.
    pub remedy: String,
}

/// What is wrong with a line, and how to mend it.
pub(super) type Mistake = (String, String);

fn mistake<T>(problem: impl Into<String>, remedy: impl Into<String>) -> Result<T, Mistake> {
    Err((problem.into(), remedy.into()))
}

/// How specific a match is: by name, then namespace, then kind.
pub(super) type Weight = (usize, usize, bool);

/// A name, or the shape of names, in which `*` is any text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part(String);

impl Part {
    fn parse(text: &str, what: &str) -> Result<Self, Mistake> {
        if text.is_empty() {
            return mistake(format!("the {what} is missing"), "write `*` for any");
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-.*".contains(*c)))
        {
            let remedy = "Kubernetes names have small letters, digits, `-` and `.` only; `*` is any text";
            return mistake(format!("`{bad}` cannot be part of a {what}"), remedy);
        }
        Ok(Self(text.to_owned()))
    }

    /// How much of a text is written out here; None if it has another shape.
    fn weight(&self, text: &str) -> Option<usize> {
        if self.0.contains('*') {
            alike(&self.0, text).then(|| self.0.chars().filter(|c| *c != '*').count())
        } else {
            (self.0 == text).then_some(usize::MAX)
        }
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

/// Where what is meant lives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    InNoNamespace,
    In(Part),
}

/// One line of a priority list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    kind: Option<Kind>,
    place: Place,
    name: Part,
}

impl Pattern {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub fn parse(line: &str) -> Result<Self, (String, String)> {
        let mut words = line.split_whitespace();
        let (kind, path) = match (words.next(), words.next(), words.next()) {
            (None, _, _) => return mistake("the line is empty", "write `namespace/name`, or take it out"),
            (Some(path), None, _) => (None, path),
            (Some(kind), Some(path), None) => (Some(kind_named(kind)?), path),
            (Some(_), Some(_), Some(_)) => {
                return mistake("too many words", "write `namespace/name` or `Kind namespace/name`");
            }
        };
        let place = match (path.split_once('/'), kind.filter(|kind| !kind.is_namespaced())) {
            (Some(_), Some(kind)) => {
                return mistake(format!("a {kind} has no namespace"), format!("write `{kind} name`"));
            }
            (None, Some(_)) => Place::InNoNamespace,
            (None, None) => Place::Anywhere,
            (Some((namespace, _)), None) => Place::In(Part::parse(namespace, "namespace")?),
        };
        let name = path.split_once('/').map_or(path, |(_, name)| name);
        Ok(Self { kind, place, name: Part::parse(name, "name")? })
    }

    /// Whether this names the owner.
    pub fn names(&self, owner: &ObjectRef) -> bool {
        self.matches(owner).is_some()
    }

    /// How specifically this names the owner; None if it does not.
    pub(super) fn matches(&self, owner: &ObjectRef) -> Option<Weight> {
        if self.kind.is_some_and(|kind| kind.name() != owner.kind) {
            return None;
        }
        let namespace = match &self.place {
            Place::Anywhere => 0,
            Place::InNoNamespace => owner.namespace.is_empty().then_some(usize::MAX)?,
            Place::In(part) if !owner.namespace.is_empty() => part.weight(&owner.namespace)?,
            Place::In(_) => return None,
        };
        Some((self.name.weight(&owner.name)?, namespace, self.kind.is_some()))
    }

    /// `; did you mean ...?` with the owner whose name is nearest; empty if none is near.
    pub(super) fn nearest(&self, owners: &[ObjectRef]) -> String {
        let wanted = self.path();
        let near = owners.iter().filter(|o| self.kind.is_none_or(|k| k.name() == o.kind)).filter_map(|owner| {
            let path = if owner.namespace.is_empty() || !matches!(self.place, Place::In(_)) {
                owner.name.to_string()
            } else {
                format!("{}/{}", owner.namespace, owner.name)
            };
            let alike = strsim::jaro_winkler(&wanted, &path);
            (alike > 0.85).then_some((alike, path))
        });
        near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, path)| format!("; did you mean `{path}`?")).unwrap_or_default()
    }

    fn path(&self) -> String {
        match &self.place {
            Place::In(namespace) => format!("{}/{}", namespace.0, self.name.0),
            Place::Anywhere | Place::InNoNamespace => self.name.0.clone(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{kind} {}", self.path()),
            None => f.write_str(&self.path()),
        }
    }
}

fn kind_named(name: &str) -> Result<Kind, Mistake> {
    if let Some(kind) = Kind::from_name(name) {
        return Ok(kind);
    }
    let alike = |k: &Kind| k.name().eq_ignore_ascii_case(name) || k.plural().eq_ignore_ascii_case(name);
    match Kind::ALL.into_iter().find(alike) {
        Some(kind) => mistake(format!("`{name}` is not how the API writes it"), format!("write `{kind}`")),
        None => {
            mistake(format!("`{name}` is no kind that is watched"), "write for example `Deployment namespace/name`")
        }
    }
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
    #[case("shop-*/api", "shop-eu", "api", true)]
    #[case("Deployment api", "shop", "api", true)]
    #[case("StatefulSet api", "shop", "api", false)]
    fn a_pattern_matches_names_and_namespaces(
        #[case] pattern: &str,
        #[case] ns: &str,
        #[case] name: &str,
        #[case] hit: bool,
    ) {
        let object = ObjectRef { kind: "Deployment".into(), namespace: ns.into(), name: name.into() };
        assert_eq!(Pattern::parse(pattern).unwrap().matches(&object).is_some(), hit);
    }

    #[test]
    fn a_pattern_is_made_of_names_of_kubernetes() {
        for bad in ["", "Shop/api", "shop/", "/api", "a b", "a/b/c"] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
    }
}
