//! An Application of Argo CD comes in; what it keeps workloads from, and what it synced when, come out.

use jiff::SignedDuration;
use serde_json::Value;

use super::{Applied, Failure, Source, list, path, repository::without_credentials, shown, text, time};
use crate::findings::redact;

/// A sync that is written in the history so much before or after its end is the one that is told of last.
const SAME: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn read(object: &Value, nothing: Source) -> Source {
    let sources = sources(object, "/spec");
    let main = main(&sources);
    let of_main = main.and_then(|at| sources.get(at)).copied();
    let mut applied: Vec<Applied> = list(object, "/status/history").filter_map(deployed).collect();
    applied.extend(last_operation(object, &applied));
    let automated = object.pointer("/spec/syncPolicy/automated").filter(|it| it.is_object());
    Source {
        repository: of_main.and_then(|it| text(it, "/repoURL")).map(without_credentials),
        path: of_main.and_then(|it| path(it, "/path").or_else(|| values_file(it, &sources))),
        target: of_main.and_then(|it| shown(it, "/targetRevision")),
        applied,
        sync: shown(object, "/status/sync/status"),
        health: shown(object, "/status/health/status"),
        failure: failed(object).or_else(|| condition(object)),
        waits: automated.is_none_or(|it| it.get("enabled").and_then(Value::as_bool) == Some(false)),
        ..nothing
    }
}

/// Its one source, or its several.
fn sources<'a>(object: &'a Value, of: &str) -> Vec<&'a Value> {
    let several: Vec<&Value> = list(object, &format!("{of}/sources")).collect();
    if several.is_empty() { object.pointer(&format!("{of}/source")).into_iter().collect() } else { several }
}

/// The source that people change: files in Git go before a chart whose values they are.
fn main(sources: &[&Value]) -> Option<usize> {
    let position = |is: &dyn Fn(&Value) -> bool| sources.iter().position(|it| is(it));
    let is_chart = |it: &Value| text(it, "/chart").is_some();
    position(&|it| text(it, "/path").is_some() && !is_chart(it))
        .or_else(|| position(&|it| !is_chart(it)))
        .or_else(|| (!sources.is_empty()).then_some(0))
}

/// The file of values that another source takes from one that is only referred to: `$values/apps/shop.yaml`.
fn values_file(of: &Value, sources: &[&Value]) -> Option<String> {
    let reference = format!("${}/", text(of, "/ref")?);
    let mut files = sources.iter().flat_map(|it| list(it, "/helm/valueFiles")).filter_map(Value::as_str);
    files.find_map(|file| Some(redact(file.strip_prefix(&reference)?)))
}

/// An entry of its history.
fn deployed(entry: &Value) -> Option<Applied> {
    let sources = sources(entry, "");
    let several = list(entry, "/revisions").filter_map(Value::as_str).nth(main(&sources).unwrap_or(0));
    let revision = several.or_else(|| text(entry, "/revision"))?;
    let applied = Applied::new(revision, time(entry, "/deployedAt")?);
    Some(Applied { began: time(entry, "/deployStartedAt"), id: entry.get("id").and_then(Value::as_u64), ..applied })
}

/// What it did last, or does now, unless the history tells that: a sync that runs, waits for health, failed halfway or was of a few
/// resources only changes workloads as well.
fn last_operation(object: &Value, history: &[Applied]) -> Option<Applied> {
    let state = object.pointer("/status/operationState")?;
    // An error is one before anything was applied.
    text(state, "/phase").filter(|phase| matches!(*phase, "Running" | "Terminating" | "Succeeded" | "Failed"))?;
    let result = state.pointer("/syncResult")?;
    let sources = sources(result, "");
    let several = list(result, "/revisions").filter_map(Value::as_str).nth(main(&sources).unwrap_or(0));
    let revision = several.or_else(|| text(result, "/revision"))?;
    let began = time(state, "/startedAt");
    let ended = time(state, "/finishedAt").or(began)?;
    let last = Applied { began, ..Applied::new(revision, ended) };
    let is_told = |it: &Applied| it.name() == last.name() && it.at.duration_since(ended).abs() <= SAME;
    (!history.iter().any(is_told)).then_some(last)
}

/// Its last operation, if that failed.
fn failed(object: &Value) -> Option<Failure> {
    let state = object.pointer("/status/operationState")?;
    text(state, "/phase").filter(|phase| matches!(*phase, "Failed" | "Error"))?;
    let at = time(state, "/finishedAt").or_else(|| time(state, "/startedAt"));
    Some(Failure { at, message: redact(text(state, "/message").unwrap_or("no reason is given")) })
}

/// What keeps it from finding out what there is to sync.
fn condition(object: &Value) -> Option<Failure> {
    let mut all = list(object, "/status/conditions");
    let found = all.find(|it| text(it, "/type").is_some_and(|kind| kind.ends_with("Error")))?;
    Some(Failure { at: time(found, "/lastTransitionTime"), message: redact(text(found, "/message")?) })
}
