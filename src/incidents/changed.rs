//! What was changed before an incident began, as people are told of it: plain values that the stage after this one finds.

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::{cluster::ObjectRef, findings::ConditionClass};

/// How sure it is that a change explains an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Confidence {
    /// It is proved to be what runs where it is broken, came shortly before, and such a change makes such trouble.
    High,
    /// Most of that.
    Medium,
    /// It was before; little else speaks for it.
    Low,
}

impl std::fmt::Display for Confidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        })
    }
}

/// A change that may explain an incident.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Suspect {
    /// What is different, the most telling first: `memory limit 512Mi → 256Mi`. Empty if that is not known.
    pub what: Vec<String>,
    /// What brought it: `rollout #14`.
    pub change: String,
    /// Who did it: `kubectl edit`, `Argo CD application shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was written down as its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// How sure.
    pub confidence: Confidence,
    /// From 0 to 100; orders suspects.
    pub score: u8,
    /// Why so sure and no more.
    pub reasons: Vec<String>,
    /// The way back, as text to copy or to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// The commit that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Box<CommitOf>>,
    /// What the image before has not and the new one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Box<ImageCommits>>,
    /// What was put in place with it, where the tool that keeps the workload tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ChangeSource>,
    /// The trouble that it explains best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explains: Option<ConditionClass>,
    /// The deployment that GitHub was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Box<DeploymentOf>>,
    /// The object beside the workload that was changed; None of a rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<ObjectRef>,
}

/// A text with where it can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Link {
    /// What people read.
    pub text: String,
    /// Where it leads, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The commit that brought a change. Its texts are somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CommitOf {
    /// `owner/name`.
    pub repository: String,
    /// The first digits of its name.
    pub commit: Link,
    /// The first line of its message.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Its pull request: `#42`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Link>,
    /// What ran on it and did not end well, or has not ended: `build failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Link>,
    /// It makes the same difference; else it is only the last one before.
    pub is_sure: bool,
}

/// What GitHub was told to be deployed. Its texts are somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeploymentOf {
    /// Where to: `production`.
    pub environment: String,
    /// Whose account asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The first digits of the commit.
    pub commit: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// What became of it: `succeeded`, `failed`; None if nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where its log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// It names what runs; else it is only the last one before.
    pub is_sure: bool,
}

/// What was committed between two versions of an image.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageCommits {
    /// The repository the image is built from.
    pub repository: String,
    /// `5.7.0...5.8.0`.
    pub range: Link,
    /// How many commits.
    pub count: u64,
    /// The new image is older than the one before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_backwards: bool,
    /// The first lines of some of them, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub titles: Vec<String>,
    /// Who wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
}

/// What a tool put in place, and where it has it from. Texts are redacted and capped, and untrusted still.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChangeSource {
    /// The object that did: `Argo CD application shop`.
    pub keeper: String,
    /// The address of the repository, as written there but without credentials: `https://github.com/acme/gitops.git`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The folder or file in it; None for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The commit in full; of what is none the version, as the tool writes it: `1.4.2`.
    pub revision: String,
    /// What was in place before, if that is known and was something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// When it was in place.
    pub at: Timestamp,
    /// Nothing else is put in place until somebody says so.
    #[serde(default)]
    pub waits: bool,
}

impl ChangeSource {
    /// `9f3c2ab`, `1.4.2`.
    pub fn short(&self) -> &str {
        short(&self.revision)
    }

    /// The same of what was before.
    pub fn previous_short(&self) -> Option<&str> {
        self.previous.as_deref().map(short)
    }

    /// Whether it is a commit.
    pub fn is_commit(&self) -> bool {
        is_commit(&self.revision)
    }
}

fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Digits that nobody reads are left out, also those of an image: `latest@sha256:9f3c2ab`.
fn short(revision: &str) -> &str {
    let digits = revision.rsplit(':').next().filter(|digits| is_commit(digits));
    let left_out = digits.map_or(0, |digits| digits.len().saturating_sub(7));
    revision.get(..revision.len().saturating_sub(left_out)).unwrap_or(revision)
}

/// What was rolled out while something is wrong already.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RolledOutSince {
    /// What is different: `image api:5.8.0 → api:5.7.9`. Empty if that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what: Vec<String>,
    /// `rollout #15`.
    pub change: String,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// What else is wrong since: `a crash 2 min later`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed_by: Vec<String>,
}

/// What was changed before an incident began, and since.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Changed {
    /// What may explain it, the likeliest first. Empty: no deployment explains it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
    /// The last change of it in all, if that was before it began and explains nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(String, Timestamp)>,
    /// Which other incidents the same change explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// What could not be looked into, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// The last that was rolled out after it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<RolledOutSince>,
    /// The tool that keeps it from Git could not put something in place: when, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_failed: Option<String>,
    /// What else is known of that tool, or is not and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Changed {
    /// The likeliest suspect.
    pub fn first(&self) -> Option<&Suspect> {
        self.suspects.first()
    }

    /// This, or what was known before if that explains what is not wrong any more and nothing explains what is left of it.
    #[must_use]
    pub fn or_before(self, before: Option<&Self>, wrong: &[ConditionClass]) -> Self {
        let is_kept = |before: &&Self| {
            let first = before.first().filter(|it| it.confidence != Confidence::Low);
            first.and_then(|it| it.explains).is_some_and(|class| !wrong.contains(&class))
        };
        match before.filter(|_| self.suspects.is_empty()).filter(is_kept) {
            Some(before) => Self { suspects: before.suspects.clone(), last: None, ..self },
            None => self,
        }
    }

    /// The change that explains it for sure, if there is one.
    pub fn sure(&self) -> Option<&Suspect> {
        self.first().filter(|suspect| suspect.confidence == Confidence::High)
    }
}

/// What was changed so long before may explain what broke.
pub const JUST_BEFORE: SignedDuration = SignedDuration::from_mins(30);
/// How far back changes are looked for.
pub const CHANGES_WITHIN: SignedDuration = SignedDuration::from_hours(24);
