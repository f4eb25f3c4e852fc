//! A workload and the versions of its template as the API server gives them come in; each rollout comes out, with what was different.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{Actor, Difference, TEMPLATE, actor, differences, keeper};
use crate::{cluster::ObjectRef, incidents::ChangeSource};

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
    /// What was put in place with it, if that is known.
    pub source: Option<ChangeSource>,
}

impl Rollout {
    /// ` by Argo CD application shop at 9f3c2ab`, ` by kubectl edit`; empty if that is not known.
    pub fn by_whom(&self) -> String {
        match (&self.source, &self.by) {
            (Some(source), _) => format!(" by {} at {}", source.keeper, source.short()),
            (None, Some(by)) => format!(" by {by}"),
            (None, None) => String::new(),
        }
    }

    /// What is different, so many differences of it at most: `memory limit 512Mi → 256Mi, 2 more`.
    pub fn what(&self, most: usize) -> String {
        match &self.before {
            Before::Nothing => "it is new".to_owned(),
            Before::Forgotten => "what was before is not kept".to_owned(),
            Before::Revision(_, differences) if differences.is_empty() => "the same template again".to_owned(),
            Before::Revision(_, differences) => {
                let told = differences.iter().take(most).map(ToString::to_string);
                let more = differences.len().saturating_sub(most);
                told.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
            }
        }
    }
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
#[derive(Clone, Copy)]
struct Version<'a> {
    number: u64,
    name: &'a str,
    created: Timestamp,
    template: &'a Value,
    cause: Option<&'a str>,
    /// Whether it was in force before, and was put in force again under this number.
    came_back: bool,
}

/// The rollouts of a workload that are still known, the newest first. `versions` are its own `ReplicaSet`s or `ControllerRevision`s.
pub fn rollouts(owner: &ObjectRef, workload: &Value, versions: &[Value]) -> Vec<Rollout> {
    let all = in_order(versions);
    let last = all.len().saturating_sub(1);
    let mut found: Vec<Rollout> = Vec::new();
    for (at, version) in all.iter().enumerate() {
        let is_current = at == last;
        let previous = at.checked_sub(1).and_then(|before| all.get(before));
        let by = if is_current { by(workload, version, previous) } else { None };
        let before = match previous {
            // Only another one in between gives a version a new number: that one is gone.
            Some(before) if before.name == version.name => Before::Forgotten,
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
            source: None,
        });
    }
    found.reverse();
    found
}

/// All versions, the oldest first, each under every number it had.
fn in_order(objects: &[Value]) -> Vec<Version<'_>> {
    let mut all: Vec<Version<'_>> = objects.iter().filter_map(numbered).flatten().collect();
    all.sort_by_key(|version| (version.number, version.created));
    let mut at = 0;
    while let Some(version) = all.get(at).copied() {
        let previous = at.checked_sub(1).and_then(|before| all.get(before)).copied();
        if let Some(missing) = missing(&all, previous, version) {
            all.insert(at, missing);
            at = at.saturating_add(1);
        }
        at = at.saturating_add(1);
    }
    // What was made before the one before it came back, whether or not it says so.
    let mut newest = Timestamp::MIN;
    for version in &mut all {
        version.came_back = version.came_back || version.created < newest;
        newest = newest.max(version.created);
    }
    all
}

/// The version just before another one, if that has another number by now: a `ControllerRevision` that comes back gets a new number
/// and says nothing of the one it had. It is the newest of those that were there and have a later number.
fn missing<'a>(all: &[Version<'a>], previous: Option<Version<'a>>, version: Version<'a>) -> Option<Version<'a>> {
    let number = version.number.checked_sub(1).filter(|number| *number > previous.map_or(0, |it| it.number))?;
    let since = previous.map_or(Timestamp::MIN, |it| it.created);
    let moved = all.iter().filter(|it| it.number > version.number && it.created < version.created);
    let moved = moved.filter(|it| it.created > since && previous.is_none_or(|previous| previous.name != it.name));
    moved.max_by_key(|it| it.created).map(|it| Version { number, came_back: false, ..*it })
}

/// When a version was put in force: with its object. If it came back, only who brought it back knows when.
fn began(version: &Version<'_>, by: Option<&Actor>, earlier: Timestamp) -> Timestamp {
    if !version.came_back {
        return version.created.max(earlier);
    }
    by.and_then(|by| by.at).filter(|at| *at > earlier).unwrap_or(earlier)
}

/// Who put the last version in force.
fn by(workload: &Value, version: &Version<'_>, previous: Option<&Version<'_>>) -> Option<Actor> {
    let mut by = actor(workload, TEMPLATE)?;
    // A workload keeps the cause of the change before if nobody wrote a new one, and what came back brings its old one along.
    let is_new = version.cause.is_some() && previous.is_none_or(|before| before.cause != version.cause);
    by.cause = by.cause.filter(|_| is_new && !version.came_back);
    Some(by)
}

/// A version under its number, and under those that it had before.
fn numbered(object: &Value) -> Option<impl Iterator<Item = Version<'_>>> {
    let meta = object.get("metadata")?;
    let annotations = meta.get("annotations");
    let annotation = |name: &str| annotations.and_then(|all| all.get(name)).and_then(Value::as_str);
    let number: u64 = match object.get("revision") {
        Some(number) => number.as_u64()?,
        None => annotation(NUMBER)?.parse().ok()?,
    };
    // A ControllerRevision keeps a patch of the workload, a ReplicaSet is a workload itself.
    let template = object.get("data").unwrap_or(object).get("spec")?.get("template")?;
    let name = meta.get("name")?.as_str()?;
    let created = meta.get("creationTimestamp")?.as_str()?.parse().ok()?;
    let cause = annotation("kubernetes.io/change-cause");
    let before = annotation(NUMBERS_BEFORE).unwrap_or_default().split(',').filter_map(|n| n.trim().parse().ok());
    let mut numbers: BTreeSet<u64> = before.filter(|before| *before < number).collect();
    numbers.insert(number);
    let first = numbers.first().copied();
    let version = move |number| Version { number, name, created, template, cause, came_back: Some(number) != first };
    Some(numbers.into_iter().map(version))
}
