//! A workload and the versions of its template as the API server gives them come in; each rollout comes out, with what was different.

use jiff::Timestamp;
use serde_json::Value;

use super::{Actor, Difference, TEMPLATE, actor, differences, keeper};
use crate::cluster::ObjectRef;

/// The annotation in which a Deployment numbers its `ReplicaSet`s.
const NUMBER: &str = "deployment.kubernetes.io/revision";
/// The annotation with the numbers that it had before: it came back.
const NUMBERS_BEFORE: &str = "deployment.kubernetes.io/revision-history";

/// A template of a workload's pods that was put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The workload.
    pub owner: ObjectRef,
    /// Its number; it grows with each.
    pub number: u64,
    /// The `ReplicaSet` or `ControllerRevision` that its pods name.
    pub revision: String,
    /// When it began.
    pub at: Timestamp,
    /// What was in force before.
    pub before: Before,
    /// Who did it, if that can be known: it is written in the workload only, so of the last one.
    pub by: Option<Actor>,
    /// Which tool keeps the workload as it should be: what is done by hand may be undone by it.
    pub kept_by: Option<Actor>,
    /// Whether it is the one in force.
    pub is_current: bool,
}

/// What was in force before a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: the workload was made with it.
    Nothing,
    /// Something that is not kept any more.
    Forgotten,
    /// That number, and what is different since.
    Revision(u64, Vec<Difference>),
}

/// A version of the template.
struct Version<'a> {
    number: u64,
    name: &'a str,
    created: Timestamp,
    template: &'a Value,
    cause: Option<&'a str>,
}

/// The rollouts of a workload that are still known, the newest first. `versions` are its own `ReplicaSet`s or `ControllerRevision`s.
pub fn rollouts(owner: &ObjectRef, workload: &Value, versions: &[Value]) -> Vec<Rollout> {
    let mut all: Vec<Version<'_>> = versions.iter().filter_map(numbered).flatten().collect();
    all.sort_by_key(|version| version.number);
    let last = all.len().saturating_sub(1);
    let mut found: Vec<Rollout> = Vec::new();
    for (at, version) in all.iter().enumerate() {
        let is_current = at == last;
        let by = if is_current { by(workload, version) } else { None };
        let before = match at.checked_sub(1).and_then(|before| all.get(before)) {
            Some(before) => Before::Revision(before.number, differences(before.template, version.template)),
            None if version.number <= 1 => Before::Nothing,
            None => Before::Forgotten,
        };
        let earlier = found.last().map_or(Timestamp::MIN, |rollout| rollout.at);
        found.push(Rollout {
            owner: owner.clone(),
            number: version.number,
            revision: version.name.to_owned(),
            at: began(version, by.as_ref(), earlier),
            before,
            by,
            kept_by: keeper(workload),
            is_current,
        });
    }
    found.reverse();
    found
}

/// When a version was put in force: with its object, unless that is older than the version before it. Then it came back, and only
/// who brought it back knows when.
fn began(version: &Version<'_>, by: Option<&Actor>, earlier: Timestamp) -> Timestamp {
    if version.created > earlier {
        return version.created;
    }
    by.and_then(|by| by.at).filter(|at| *at > earlier).unwrap_or(earlier)
}

/// Who put the last version in force.
fn by(workload: &Value, version: &Version<'_>) -> Option<Actor> {
    let mut by = actor(workload, TEMPLATE)?;
    // A workload keeps the cause of the change before if nobody wrote a new one.
    by.cause = by.cause.filter(|_| version.cause.is_some());
    Some(by)
}

/// A version under its number, and under those that it had before.
fn numbered(object: &Value) -> Option<Vec<Version<'_>>> {
    let meta = object.get("metadata")?;
    let annotations = meta.get("annotations");
    let annotation = |name: &str| annotations.and_then(|all| all.get(name)).and_then(Value::as_str);
    let number = match object.get("revision").and_then(Value::as_u64) {
        Some(number) => number,
        None => annotation(NUMBER)?.parse().ok()?,
    };
    // A ControllerRevision keeps a patch of the workload, a ReplicaSet is a workload itself.
    let template = object.get("data").unwrap_or(object).get("spec")?.get("template")?;
    let name = meta.get("name")?.as_str()?;
    let created = meta.get("creationTimestamp")?.as_str()?.parse().ok()?;
    let cause = annotation("kubernetes.io/change-cause");
    let before = annotation(NUMBERS_BEFORE).unwrap_or_default().split(',').filter_map(|n| n.trim().parse().ok());
    let version = |number| Version { number, name, created, template, cause };
    Some(before.chain([number]).map(version).collect())
}
