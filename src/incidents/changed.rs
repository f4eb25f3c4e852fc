//! What was changed before an incident began, as people are told of it: plain values that the stage after this one finds.

use jiff::{SignedDuration, Timestamp};

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
}

/// What was changed before an incident began.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Changed {
    /// What may explain it, the likeliest first. Empty: no deployment explains it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
    /// The last change of it in all, if that was before it began and explains nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(String, Timestamp)>,
    /// What could not be looked into, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

impl Changed {
    /// The likeliest suspect.
    pub fn first(&self) -> Option<&Suspect> {
        self.suspects.first()
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
