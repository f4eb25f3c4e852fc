//! What a forge tells of what was deployed, as plain values: texts in them are redacted and capped already, and still untrusted.

mod files;
mod names;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use files::{CommitFile, FileStatus, Patch, Withheld};
pub use names::{BadName, CommitSha, RepoName};

/// What was found, and whether there is more than was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// What was read.
    pub items: Vec<T>,
    /// There are more: the bound was reached.
    pub has_more: bool,
}

/// From when to when, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "two instants")]
pub struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Window {
    /// Whether an instant is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.since <= at && at <= self.until
    }
}

/// A commit without its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its name.
    pub sha: CommitSha,
    /// The first line of its message.
    pub title: String,
    /// The rest of its message, on one line (`Reverts ...`, `Co-authored-by: ...`).
    pub body: String,
    /// Who wrote it: the account (`ana`), else the name in the commit.
    pub author: String,
    /// Whether [`author`](Self::author) is an account.
    pub is_account: bool,
    /// When it was written; a rebase keeps it.
    pub authored_at: Option<Timestamp>,
    /// When it got its present form: what `since` and `until` are about. Not when it was pushed or merged.
    pub committed_at: Option<Timestamp>,
    /// The commits it follows; two or more for a merge.
    pub parents: Vec<CommitSha>,
    /// Where people can see it.
    pub url: Option<String>,
}

/// A commit with what it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDetails {
    /// The commit.
    pub commit: Commit,
    /// What it changed against its first parent; at most 300 are read.
    pub files: Listed<CommitFile>,
}

/// A pull request that holds a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number within the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Whose account opened it; none if that is gone.
    pub author: Option<String>,
    /// The branch it goes to.
    pub base: String,
    /// When it was merged; none if it was not.
    pub merged_at: Option<Timestamp>,
    /// The commit that merged it; before that, one that tries it.
    pub merge_commit: Option<CommitSha>,
    /// Where people can see it.
    pub url: Option<String>,
}

/// What leads from one commit to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How many commits the head has that the base has not.
    pub ahead_by: u64,
    /// How many commits the base has that the head has not: above zero for a way back.
    pub behind_by: u64,
    /// The commits ahead, oldest first; at most 100 are read.
    pub commits: Listed<Commit>,
    /// What differs; at most 300 are read.
    pub files: Listed<CommitFile>,
    /// Where people can see it.
    pub url: Option<String>,
}

/// Somebody told GitHub that something is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// What is deployed.
    pub sha: CommitSha,
    /// The branch, tag or commit that was asked for.
    pub reference: String,
    /// Where to (`production`).
    pub environment: String,
    /// In words of who made it.
    pub description: Option<String>,
    /// Whose account made it.
    pub creator: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The newest state; none if it was not asked for, or nobody told one.
    pub status: Option<DeploymentStatus>,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// The state.
    pub state: DeploymentState,
    /// In words of who told it.
    pub description: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Where its log is.
    pub log_url: Option<String>,
}

/// States of a deployment, as GitHub calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "GitHub's words")]
pub enum DeploymentState {
    Error,
    Failure,
    Inactive,
    InProgress,
    Queued,
    Pending,
    Success,
    /// A word that is not known here.
    #[serde(other)]
    Other,
}

/// A run of a workflow of GitHub Actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// Its number.
    pub id: u64,
    /// The workflow.
    pub name: String,
    /// What set it off (`push`, `schedule`, `workflow_dispatch`).
    pub event: String,
    /// The commit it ran on.
    pub sha: CommitSha,
    /// The branch it ran on.
    pub branch: Option<String>,
    /// How it ended; none while it runs or waits.
    pub conclusion: Option<Conclusion>,
    /// The how manieth attempt: 1 is the first.
    pub attempt: u64,
    /// When this attempt began.
    pub started_at: Timestamp,
    /// When it last changed: its end, once it has a conclusion.
    pub updated_at: Timestamp,
    /// Whose account set it off.
    pub actor: Option<String>,
    /// Where people can see it.
    pub url: Option<String>,
}

/// How a run ended, as GitHub calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "GitHub's words")]
pub enum Conclusion {
    ActionRequired,
    Cancelled,
    Failure,
    Neutral,
    Skipped,
    Stale,
    StartupFailure,
    Success,
    TimedOut,
    /// A word that is not known here.
    #[serde(other)]
    Other,
}

/// A version that was given to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its tag.
    pub tag: String,
    /// Its title; the tag if it has none.
    pub name: String,
    /// Not meant for everybody yet.
    pub is_prerelease: bool,
    /// When it was published; none for a draft.
    pub published_at: Option<Timestamp>,
    /// Whose account made it.
    pub author: Option<String>,
    /// Where people can see it.
    pub url: Option<String>,
}
