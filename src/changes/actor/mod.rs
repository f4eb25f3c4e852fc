//! An object's own metadata comes in; who changed it comes out: a tool, the application or release it keeps, and when.

mod keeper;
#[cfg(test)]
mod tests;
mod tool;

use jiff::Timestamp;
use serde_json::Value;

pub(super) use keeper::application;
pub use keeper::keeper;
pub use tool::Tool;

use crate::findings::redact;

/// The field of a workload that holds the template of its pods.
pub const TEMPLATE: &[&str] = &["spec", "template"];

/// What people write down about their change, if they do.
const CAUSE: &str = "kubernetes.io/change-cause";

/// Parts of Kubernetes that write into objects on behalf of others; where all of it is one program, that program. Who gives no name
/// is `unknown` there.
const MACHINERY: [&str; 8] = [
    "unknown",
    "before-first-apply",
    "k3s",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "rke2",
];

/// Who changed an object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Actor {
    /// With what.
    pub tool: Tool,
    /// The application, release or Kustomization that it keeps, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// When it last changed something there; None if nothing but a label tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What was written down as the cause of the change; untrusted, redacted and capped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Actor {
    /// Whether it puts in place what is in Git: then the way back is to revert it there, and what is done by hand does not last.
    pub fn is_gitops(&self) -> bool {
        self.tool.is_gitops()
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.of {
            Some(of) => write!(f, "{} {of}", self.tool),
            None => self.tool.fmt(f),
        }
    }
}

/// Who last changed a field of an object, such as [`TEMPLATE`]: the last manager that owns any of it, else who keeps the object by its
/// labels. None if nothing tells.
///
/// A manager's time is that of its last change to anything it owns; the narrower the field, the surer it is about that field.
pub fn actor(object: &Value, field: &[&str]) -> Option<Actor> {
    let entries = object.get("metadata")?.get("managedFields").and_then(Value::as_array).into_iter().flatten();
    let last = entries.filter(|entry| counts(entry) && owns(entry, field)).max_by_key(|entry| at(entry));
    let cause = written_cause(object);
    match last {
        Some(entry) => {
            let (tool, of) = tool::of_manager(manager(entry), object);
            Some(Actor { tool, of, at: at(entry), cause })
        }
        None => Some(Actor { cause, ..keeper(object).or_else(|| tool::applied(object))? }),
    }
}

fn manager(entry: &Value) -> &str {
    entry.get("manager").and_then(Value::as_str).unwrap_or_default()
}

fn at(entry: &Value) -> Option<Timestamp> {
    entry.get("time")?.as_str()?.parse().ok()
}

/// Whether an entry tells of somebody's will: not of a status, not of what Kubernetes itself fills in.
fn counts(entry: &Value) -> bool {
    let is_of_object = entry.get("subresource").and_then(Value::as_str).is_none_or(str::is_empty);
    is_of_object && !manager(entry).is_empty() && !MACHINERY.contains(&manager(entry))
}

/// Whether an entry owns the field, or something in it.
fn owns(entry: &Value, field: &[&str]) -> bool {
    let within = |fields, part: &&str| Value::get(fields, format!("f:{part}"));
    entry.get("fieldsV1").and_then(|fields| field.iter().try_fold(fields, within)).is_some()
}

fn written_cause(object: &Value) -> Option<String> {
    let cause = redact(text(object, "annotations", CAUSE)?);
    (!cause.is_empty()).then_some(cause)
}

/// An annotation or label that says something.
fn text<'a>(object: &'a Value, of: &str, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get(of)?.get(name)?.as_str().filter(|text| !text.is_empty())
}
