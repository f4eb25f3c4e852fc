//! Objects of Argo CD, Flux and K3s's Helm come in; where a workload is kept from comes out: repository, path, and what was applied when.

mod argo_cd;
mod brought;
mod flux;
mod helm_chart;
mod keeper;
mod repository;
mod revision;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_rollouts;
mod words;

use jiff::Timestamp;
use serde_json::Value;

pub use brought::name_syncs;
pub use flux::{Artifact, ArtifactKind, artifact};
pub use keeper::{ARGO_CD_HOME, Keeper, KeeperKind, kept_by};
pub use repository::{Repository, repository};
pub use revision::commit;
pub use words::told;
pub(super) use words::{address, place};

use super::deployed::CommitSha;
use crate::findings::{cap, redact};

/// Longest path and branch, in characters.
const LONGEST: usize = 200;

/// Where a workload is kept from, as the object of the tool that keeps it says. Texts are redacted and capped, and untrusted still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The object.
    pub keeper: Keeper,
    /// The address of the repository, as written but without credentials: [`repository()`] tells whose it is.
    pub repository: Option<String>,
    /// The folder or file in it; None for all of it, and of what is no repository of files.
    pub path: Option<String>,
    /// What it follows there: a branch, a tag, a range of versions.
    pub target: Option<String>,
    /// What was applied, the newest first.
    pub applied: Vec<Applied>,
    /// Whether the cluster is as the repository says, in the tool's own word: `Synced`, `OutOfSync`.
    pub sync: Option<String>,
    /// How well what it keeps is, in the tool's own words.
    pub health: Option<String>,
    /// Why the last attempt to apply something failed, if it did.
    pub failure: Option<Failure>,
    /// Nothing is applied until somebody says so: it is suspended, or does not sync by itself.
    pub waits: bool,
    /// Where the object itself is kept from: a `HelmRelease` is in Git, too.
    pub from: Option<Box<Source>>,
}

/// Something that was put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// As the tool writes it: `9f3c2ab0...`, `main@sha1:9f3c2ab0...`, `1.4.2`, `latest@sha256:...`.
    pub revision: String,
    /// The commit, where that is one.
    pub commit: Option<CommitSha>,
    /// When that began, if it is known.
    pub began: Option<Timestamp>,
    /// When it was in place.
    pub at: Timestamp,
    /// The number that Argo CD gave it: what `argocd app rollback` wants.
    pub id: Option<u64>,
}

impl Applied {
    /// The commit in full, else what the tool writes.
    pub fn name(&self) -> &str {
        self.commit.as_ref().map_or(&self.revision, CommitSha::as_str)
    }
}

/// Why something could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When; None if that is not said.
    pub at: Option<Timestamp>,
    /// In the words of the tool.
    pub message: String,
}

impl Source {
    /// Reads an object; `artifact` is what it applies, where that is an object of its own. What is missing or odd is left out.
    pub fn of(keeper: Keeper, object: &Value, artifact: Option<&Value>) -> Self {
        let nothing = Self {
            keeper,
            repository: None,
            path: None,
            target: None,
            applied: Vec::new(),
            sync: None,
            health: None,
            failure: None,
            waits: false,
            from: None,
        };
        let mut read = match nothing.keeper.kind {
            KeeperKind::ArgoCdApplication => argo_cd::read(object, nothing),
            KeeperKind::FluxKustomization => flux::kustomization(object, artifact, nothing),
            KeeperKind::FluxHelmRelease => flux::helm_release(object, artifact, nothing),
            KeeperKind::K3sHelmChart => helm_chart::read(object, nothing),
        };
        read.applied.sort_by_key(|applied| std::cmp::Reverse(applied.at));
        read
    }

    /// What was in place before one of [`applied`](Self::applied), if that is still known and was something else.
    pub fn before(&self, applied: &Applied) -> Option<&Applied> {
        self.applied.iter().find(|it| it.at < applied.at && it.name() != applied.name())
    }
}

/// A text that says something.
fn text<'a>(of: &'a Value, pointer: &str) -> Option<&'a str> {
    of.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// A text that people may see.
fn shown(of: &Value, pointer: &str) -> Option<String> {
    text(of, pointer).map(|text| cap(&redact(text), LONGEST))
}

fn time(of: &Value, pointer: &str) -> Option<Timestamp> {
    text(of, pointer)?.parse().ok()
}

fn list<'a>(of: &'a Value, pointer: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    of.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A folder or file in a repository; None for its root.
fn path(of: &Value, pointer: &str) -> Option<String> {
    let path = shown(of, pointer)?;
    let path = path.trim_start_matches("./").trim_matches('/');
    (!matches!(path, "" | ".")).then(|| path.to_owned())
}
