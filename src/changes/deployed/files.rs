//! A file that a commit changed, as a value: its name always, its patch if there is one that may be read.

use serde::{Deserialize, Serialize};

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitFile {
    /// Where it is in the repository.
    pub path: String,
    /// Where it was before it was renamed or copied.
    pub previous_path: Option<String>,
    /// What happened to it.
    pub status: FileStatus,
    /// Lines that are new.
    pub additions: u64,
    /// Lines that are gone.
    pub deletions: u64,
    /// What changed in it.
    pub patch: Patch,
}

impl CommitFile {
    /// Whether it is, or was, exactly there or below there; `path` is a file or a folder.
    pub fn is_at(&self, path: &str) -> bool {
        let path = path.trim_matches('/');
        let is_there = |file: &str| {
            path.is_empty() || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        is_there(&self.path) || self.previous_path.as_deref().is_some_and(is_there)
    }
}

/// What happened to a file, as GitHub calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "GitHub's words")]
pub enum FileStatus {
    Added,
    Removed,
    Modified,
    Renamed,
    Copied,
    Changed,
    Unchanged,
    /// A word that is not known here.
    #[serde(other)]
    Other,
}

/// The difference of a file: unified hunks without a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch {
    /// All of it, redacted.
    Whole(String),
    /// Its beginning, redacted; there is more.
    Cut(String),
    /// GitHub gave none: the file is binary, only renamed, or too large.
    NotGiven,
    /// There is one, and it is not read.
    Withheld(Withheld),
}

/// Why a patch is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The name of the file is one for keys, passwords or state.
    SecretByName,
    /// It holds a Kubernetes Secret.
    SecretByKind,
    /// The patches of this commit together are longer than what is kept of them.
    TooMuch,
}

impl Patch {
    /// What can be read of it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Whole(text) | Self::Cut(text) => Some(text),
            Self::NotGiven | Self::Withheld(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("base-apps/api.yaml", true)]
    #[case("base-apps", true)]
    #[case("/old/", true)]
    #[case("", true)]
    #[case("base-apps/api", false)]
    #[case("base", false)]
    fn a_file_is_where_it_is_or_was(#[case] path: &str, #[case] is_there: bool) {
        let file = CommitFile {
            path: "base-apps/api.yaml".into(),
            previous_path: Some("old/api.yaml".into()),
            status: FileStatus::Renamed,
            additions: 0,
            deletions: 0,
            patch: Patch::NotGiven,
        };
        assert_eq!(file.is_at(path), is_there);
    }
}
