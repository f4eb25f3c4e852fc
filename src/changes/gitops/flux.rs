//! A Kustomization or `HelmRelease` of Flux and what it applies come in; where that is from and what was applied when come out.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Applied, Failure, KeeperKind, Source, list, path, repository::without_credentials, shown, text, time};
use crate::findings::redact;

/// What is fetched is applied within so much; what was fetched later changed nothing.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);

/// The object that holds what another one applies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what they hold")]
pub struct Artifact {
    pub kind: ArtifactKind,
    pub namespace: String,
    pub name: String,
}

/// The kinds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Flux's words")]
pub enum ArtifactKind {
    GitRepository,
    OciRepository,
    Bucket,
    HelmRepository,
}

/// What a Kustomization or `HelmRelease` applies; None if it does not say, or says what is not known here.
pub fn artifact(kind: KeeperKind, object: &Value) -> Option<Artifact> {
    let references: &[&str] = match kind {
        KeeperKind::FluxKustomization => &["/spec/sourceRef"],
        KeeperKind::FluxHelmRelease => &["/spec/chart/spec/sourceRef", "/spec/chartRef"],
        KeeperKind::ArgoCdApplication | KeeperKind::K3sHelmChart => &[],
    };
    let reference = references.iter().find_map(|pointer| object.pointer(pointer))?;
    let kind = match text(reference, "/kind")? {
        "GitRepository" => ArtifactKind::GitRepository,
        "OCIRepository" => ArtifactKind::OciRepository,
        "Bucket" => ArtifactKind::Bucket,
        "HelmRepository" => ArtifactKind::HelmRepository,
        _ => return None,
    };
    let namespace = text(reference, "/namespace").or_else(|| text(object, "/metadata/namespace"))?;
    Some(Artifact { kind, namespace: namespace.to_owned(), name: text(reference, "/name")?.to_owned() })
}

pub(super) fn kustomization(object: &Value, artifact: Option<&Value>, nothing: Source) -> Source {
    let ready = ready(object);
    let mut applied: Vec<Applied> = list(object, "/status/history").filter_map(reconciled).collect();
    let fetched = artifact.and_then(|it| Some((fetched_revision(it)?, time(it, "/status/artifact/lastUpdateTime")?)));
    // What waits for the health of what it applied has attempted it only, as it says.
    let newest = attempted(object, ready)
        .or_else(|| text(object, "/status/lastAppliedOriginRevision"))
        .or_else(|| text(object, "/status/lastAppliedRevision"));
    let fetched = fetched.filter(|(revision, _)| Some(*revision) == newest);
    if let Some(newest) = newest {
        let told = applied.iter_mut().filter(|it| it.revision == Applied::new(newest, it.at).revision);
        match (told.max_by_key(|it| it.at), fetched) {
            // It is told as when its content was applied first: a later commit may have the same.
            (Some(told), Some((_, at))) if at.duration_since(told.at) > AT_ONCE => told.at = at,
            (Some(_), _) => {}
            (None, fetched) => {
                // What failed since did not apply this one.
                let ended = ready.filter(|it| text(it, "/status") == Some("True"));
                let ended = ended.and_then(|it| time(it, "/lastTransitionTime"));
                let at = fetched.map(|(_, at)| at).or(ended);
                applied.extend(at.map(|at| Applied::new(newest, at)));
            }
        }
    }
    Source {
        repository: artifact.and_then(address),
        path: path(object, "/spec/path"),
        target: artifact.and_then(followed),
        applied,
        sync: ready.and_then(|it| shown(it, "/reason")),
        health: ready.filter(|it| is_of_health(it)).and_then(|it| shown(it, "/message")),
        failure: ready.filter(|it| !is_of_health(it)).and_then(failed),
        waits: is_suspended(object),
        ..nothing
    }
}

pub(super) fn helm_release(object: &Value, artifact: Option<&Value>, nothing: Source) -> Source {
    let ready = ready(object);
    let mut applied: Vec<Applied> = list(object, "/status/history").filter_map(released).collect();
    let newest = text(object, "/status/lastAppliedRevision").or_else(|| text(object, "/status/lastAttemptedRevision"));
    if let Some(newest) = newest.filter(|_| applied.is_empty()) {
        let condition = list(object, "/status/conditions").find(|it| text(it, "/type") == Some("Released"));
        let at = condition.or(ready).and_then(|it| time(it, "/lastTransitionTime"));
        applied.extend(at.map(|at| Applied::new(newest, at)));
    }
    Source {
        repository: artifact.and_then(address),
        // In a repository of files the chart is a folder.
        path: path(object, "/spec/chart/spec/chart")
            .filter(|_| artifact.is_some_and(|it| matches!(text(it, "/kind"), Some("GitRepository" | "Bucket")))),
        target: shown(object, "/spec/chart/spec/version").or_else(|| artifact.and_then(followed)),
        applied,
        sync: ready.and_then(|it| shown(it, "/reason")),
        health: None,
        failure: ready.and_then(failed),
        waits: is_suspended(object),
        ..nothing
    }
}

fn ready(object: &Value) -> Option<&Value> {
    list(object, "/status/conditions").find(|it| text(it, "/type") == Some("Ready"))
}

fn is_suspended(object: &Value) -> bool {
    object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true)
}

/// Whether a condition says that all was applied and is not well: what is broken is no reason for what is broken.
fn is_of_health(condition: &Value) -> bool {
    text(condition, "/reason") == Some("HealthCheckFailed")
}

fn failed(condition: &Value) -> Option<Failure> {
    text(condition, "/status").filter(|status| *status == "False")?;
    let reason = text(condition, "/reason").unwrap_or("no reason is given");
    let message = text(condition, "/message").unwrap_or(reason);
    Some(Failure { at: time(condition, "/lastTransitionTime"), message: redact(message) })
}

/// What it applied although it does not count it as applied: it waits for the health of it, or waited in vain.
fn attempted<'a>(object: &'a Value, ready: Option<&Value>) -> Option<&'a str> {
    let waits = ready.is_some_and(|it| is_of_health(it) || text(it, "/status") == Some("Unknown"));
    text(object, "/status/lastAttemptedRevision").filter(|_| waits)
}

/// An entry of the history of a Kustomization. A sum of all it applies is one entry, with the last revision that came to it.
fn reconciled(entry: &Value) -> Option<Applied> {
    let is_applied = |status: &&str| matches!(*status, "ReconciliationSucceeded" | "HealthCheckFailed");
    text(entry, "/lastReconciledStatus").filter(is_applied)?;
    let revision = text(entry, "/metadata/originRevision").or_else(|| text(entry, "/metadata/revision"))?;
    let at: Timestamp = time(entry, "/firstReconciled").or_else(|| time(entry, "/lastReconciled"))?;
    Some(Applied::new(revision, at))
}

/// An entry of the history of a `HelmRelease`.
fn released(entry: &Value) -> Option<Applied> {
    let version = text(entry, "/chartVersion")?;
    let at: Timestamp = time(entry, "/lastDeployed").or_else(|| time(entry, "/firstDeployed"))?;
    Some(Applied::new(version, at))
}

/// What was fetched last; of an image the commit that it was made of, if it says so.
fn fetched_revision(artifact: &Value) -> Option<&str> {
    text(artifact, "/status/artifact/metadata/org.opencontainers.image.revision")
        .or_else(|| text(artifact, "/status/artifact/revision"))
}

/// Where what is applied is from; of an image the repository that it was made of, if it says so.
fn address(artifact: &Value) -> Option<String> {
    let of_bucket = || Some(format!("{}/{}", text(artifact, "/spec/endpoint")?, text(artifact, "/spec/bucketName")?));
    let source = text(artifact, "/status/artifact/metadata/org.opencontainers.image.source");
    let url = source.or_else(|| text(artifact, "/spec/url")).map(str::to_owned).or_else(of_bucket)?;
    Some(without_credentials(&url))
}

/// The branch, tag or commit that is followed.
fn followed(artifact: &Value) -> Option<String> {
    let parts = ["commit", "name", "semver", "tag", "branch", "digest"];
    parts.into_iter().find_map(|part| shown(artifact, &format!("/spec/ref/{part}")))
}
