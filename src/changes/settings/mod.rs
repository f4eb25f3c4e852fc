//! An object beside the workloads (`ConfigMap`, autoscaler, Ingress, policy, budget) before and after comes in; what changed comes out.

mod concern;
mod reading;
#[cfg(test)]
mod tests;
mod undo;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use concern::{Concern, Grip, beside};
pub use reading::{Reach, Reading, reading};

use super::{Actor, Touches, actor, keeper};
use crate::{cluster::ObjectRef, findings::redact};

/// So many differences are kept of a change.
const KEPT: usize = 20;
/// Times come from several machines.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// What was made longer ago was there before.
const IS_NEW: SignedDuration = SignedDuration::from_hours(24);

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was made.
    New,
    /// Something of it is different.
    Different,
    /// It was deleted.
    Gone,
}

/// A change of an object that is no workload.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SettingChange {
    /// The object.
    pub object: ObjectRef,
    /// What became of it.
    pub became: Became,
    /// What is different, in words: `key DATABASE_HOST removed`, `max replicas 10 → 2`. No value of a `ConfigMap` is in it.
    pub what: Vec<String>,
    /// The names of what is different: the keys of a `ConfigMap`.
    #[serde(default)]
    pub names: Vec<String>,
    /// What it was before, as far as that may be shown: `max replicas 10`.
    #[serde(default)]
    pub before: Vec<String>,
    /// Whom it meant before and means now.
    pub reach: Vec<Reach>,
    /// Who did it, if that can be known.
    #[serde(default)]
    pub by: Option<Actor>,
    /// Which tool keeps it as it should be.
    #[serde(default)]
    pub kept_by: Option<Actor>,
    /// When.
    pub at: Timestamp,
}

impl SettingChange {
    /// What it could explain.
    pub fn touches(&self) -> Touches {
        match &*self.object.kind {
            "ConfigMap" => Touches::Configuration,
            "HorizontalPodAutoscaler" => Touches::Scaling,
            "Ingress" => Touches::Routes,
            "NetworkPolicy" => Touches::Policy,
            "PodDisruptionBudget" => Touches::Disruption,
            _ => Touches::Other,
        }
    }
}

/// When an object was read, and when it was read before; None: never.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Now.
    pub now: Timestamp,
    /// Before.
    pub before: Option<Timestamp>,
}

/// What changed of an object since it was read before; None: nothing that counts. Without a reading before only what was made within
/// the last day is a change, and a `ConfigMap` that is new is none: nothing that ran could have read it.
pub fn change(
    of: &ObjectRef,
    before: Option<&Reading>,
    after: Option<(&Value, &Reading)>,
    read: Read,
) -> Option<SettingChange> {
    let is_config = &*of.kind == "ConfigMap";
    let found = |became, differences: Vec<Difference>, at| {
        let object = after.map(|(object, _)| object);
        let mut reach: Vec<Reach> = after.map(|(_, it)| it.reach.clone()).into_iter().collect();
        reach.extend(before.map(|it| it.reach.clone()).filter(|it| !reach.contains(it)));
        let head = match became {
            Became::New => Some("it is new"),
            Became::Gone => Some("it was deleted"),
            Became::Different => None,
        };
        let words = differences.iter().map(|it| redact(&it.words(is_config)));
        SettingChange {
            object: of.clone(),
            became,
            what: head.map(str::to_owned).into_iter().chain(words).take(KEPT).collect(),
            before: differences.iter().filter_map(Difference::shown_before).map(|it| redact(&it)).take(KEPT).collect(),
            names: differences.into_iter().map(|it| it.name).take(KEPT).collect(),
            reach,
            by: object.and_then(by),
            kept_by: object.and_then(keeper),
            at,
        }
    };
    match (before, after) {
        (None, None) => None,
        (Some(before), None) => {
            let names = if is_config { differences(&before.values, &reading::Values::new()) } else { Vec::new() };
            let mut gone = found(Became::Gone, names, read.now);
            gone.what.truncate(1);
            Some(gone)
        }
        (None, Some((object, reading))) => {
            let made: Timestamp = object.pointer("/metadata/creationTimestamp")?.as_str()?.parse().ok()?;
            let is_new = read.now.duration_since(made) <= IS_NEW;
            let mut told = differences(&reading::Values::new(), &reading.values);
            told.retain(|it| it.after.as_deref() != Some(reading::NOT_RESTRICTED));
            (is_new && !is_config).then(|| found(Became::New, told, made.min(read.now)))
        }
        (Some(before), Some((object, reading))) => {
            let differences = differences(&before.values, &reading.values);
            if differences.is_empty() {
                return None;
            }
            let at = by(object).and_then(|by| by.at);
            // A manager's time is that of its last change of anything it owns: one of before the last reading tells nothing of this one.
            let at = at.filter(|at| read.before.is_none_or(|before| before.duration_since(*at) <= SKEW));
            Some(found(Became::Different, differences, at.map_or(read.now, |at| at.min(read.now))))
        }
    }
}

/// Who last changed what an object is about.
fn by(object: &Value) -> Option<Actor> {
    let of = |field: &str| object.get(field).and_then(|_| actor(object, &[field]));
    let all = ["data", "binaryData", "spec"].into_iter().filter_map(of);
    all.max_by_key(|by| by.at)
}

/// Something that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Difference {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

fn differences(before: &reading::Values, after: &reading::Values) -> Vec<Difference> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |name: &String| Difference {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(of).filter(|it| it.before != it.after).collect()
}

impl Difference {
    fn words(&self, is_config: bool) -> String {
        let name = if is_config { format!("key {}", self.name) } else { self.name.clone() };
        let shown = |value: &str| if reading::is_hidden(value) { "by rules".to_owned() } else { value.to_owned() };
        match (&self.before, &self.after) {
            (Some(_), None) => format!("{name} removed"),
            (None, Some(after)) if reading::is_hidden(after) => format!("{name} added"),
            (None, Some(after)) => format!("{name}: {after}"),
            (Some(before), Some(after)) if reading::is_hidden(before) && reading::is_hidden(after) => {
                format!("{name} changed")
            }
            (Some(before), Some(after)) => format!("{name} {} → {}", shown(before), shown(after)),
            (None, None) => name,
        }
    }

    fn shown_before(&self) -> Option<String> {
        let before = self.before.as_ref().filter(|it| !reading::is_hidden(it))?;
        Some(format!("{} {before}", self.name))
    }
}
