//! A pattern that names workloads: `namespace/name`, `namespace/*`, `Kind namespace/name`, `Node name`.

use std::fmt;

use super::Priority;
use crate::cluster::{Kind, ObjectRef};

/// A line of the priority lists that cannot be read, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{priority}, line {line}: `{pattern}`: {problem}")]
pub struct PatternError {
    /// In which list.
    pub priority: Priority,
    /// Which line of the list, from 1.
    pub line: usize,
    /// The line.
    pub pattern: String,
    /// What is wrong with it, and how to mend it.
    pub problem: String,
}

/// How specific a match is: by name, then namespace, then kind.
pub(super) type Weight = (usize, usize, bool);

/// A name, or the beginning of names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exactly(String),
    StartsWith(String),
}

impl Part {
    fn parse(text: &str, what: &str) -> Result<Self, String> {
        let (name, open) = text.strip_suffix('*').map_or((text, false), |head| (head, true));
        if name.contains('*') {
            return Err(format!("`*` is only understood at the end of the {what}"));
        }
        if name.is_empty() && !open {
            return Err(format!("the {what} is missing; write `*` for any"));
        }
        if let Some(bad) = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(*c))) {
            return Err(format!(
                "`{bad}` cannot be part of a {what}: Kubernetes names have small letters, digits, `-` and `.` only"
            ));
        }
        Ok(if open { Self::StartsWith(name.to_owned()) } else { Self::Exactly(name.to_owned()) })
    }

    fn weight(&self, text: &str) -> Option<usize> {
        match self {
            Self::Exactly(name) => (name == text).then_some(usize::MAX),
            Self::StartsWith(head) => text.starts_with(head.as_str()).then_some(head.len()),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => f.write_str(name),
            Self::StartsWith(head) => write!(f, "{head}*"),
        }
    }
}

/// One line of a priority list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    kind: Option<Kind>,
    /// None for a kind without namespaces.
    namespace: Option<Part>,
    name: Part,
}

impl Pattern {
    /// Reads a line; the error says what is wrong and how to mend it.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (kind, path) = match (words.next(), words.next(), words.next()) {
            (None, _, _) => return Err("the line is empty; write `namespace/name`, or take it out".to_owned()),
            (Some(path), None, _) => (None, path),
            (Some(kind), Some(path), None) => (Some(kind_named(kind)?), path),
            (Some(_), Some(_), Some(_)) => {
                return Err("too many words; write `namespace/name` or `Kind namespace/name`".to_owned());
            }
        };
        let cluster_wide = kind.is_some_and(|k| !k.is_namespaced());
        match path.split_once('/') {
            Some(_) if cluster_wide => Err(format!(
                "a {} has no namespace; write `{} name`",
                kind.map_or("", Kind::name),
                kind.map_or("", Kind::name)
            )),
            None if cluster_wide => Ok(Self { kind, namespace: None, name: Part::parse(path, "name")? }),
            None => Err(format!(
                "the namespace is missing; write `{path}/*` for a whole namespace, or `namespace/{path}` for one workload"
            )),
            Some((namespace, name)) => Ok(Self {
                kind,
                namespace: Some(Part::parse(namespace, "namespace")?),
                name: Part::parse(name, "name")?,
            }),
        }
    }

    /// How specifically this names the owner; None if it does not.
    pub(super) fn matches(&self, owner: &ObjectRef) -> Option<Weight> {
        if self.kind.is_some_and(|kind| kind.name() != owner.kind) {
            return None;
        }
        let namespace = match &self.namespace {
            Some(part) if !owner.namespace.is_empty() => part.weight(&owner.namespace)?,
            None if owner.namespace.is_empty() => usize::MAX,
            Some(_) | None => return None,
        };
        Some((self.name.weight(&owner.name)?, namespace, self.kind.is_some()))
    }

    /// `; did you mean ...?` with the owner whose name is nearest; empty if none is near.
    pub(super) fn nearest(&self, owners: &[ObjectRef]) -> String {
        let wanted = self.path();
        let near = owners.iter().filter(|o| self.kind.is_none_or(|k| k.name() == o.kind)).filter_map(|owner| {
            let path = if owner.namespace.is_empty() {
                owner.name.clone()
            } else {
                format!("{}/{}", owner.namespace, owner.name)
            };
            let alike = strsim::jaro_winkler(&wanted, &path);
            (alike > 0.85).then_some((alike, path))
        });
        near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, path)| format!("; did you mean `{path}`?")).unwrap_or_default()
    }

    fn path(&self) -> String {
        self.namespace.as_ref().map_or_else(|| self.name.to_string(), |ns| format!("{ns}/{}", self.name))
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

fn kind_named(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| {
        Kind::ALL
            .into_iter()
            .find(|k| k.name().eq_ignore_ascii_case(name) || k.plural().eq_ignore_ascii_case(name))
            .map_or_else(
                || format!("`{name}` is no kind that is watched; write for example `Deployment namespace/name`"),
                |kind| format!("write the kind as the API does: `{kind}`"),
            )
    })
}
