//! Commits, comparisons and pull requests as GitHub sends them go in; our values come out.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Account, address, login, path};
use crate::{
    changes::deployed::{
        Commit, CommitDetails, CommitFile, CommitSha, Comparison, FileStatus, Listed, Patch, PullRequest, Withheld,
    },
    clients::github::patch,
    findings::redact,
};

/// Files are read up to here: GitHub's first page.
const FILES: usize = 300;
/// Patches of a commit are kept up to here, in bytes, all in all.
const PATCHES: usize = 100_000;
/// The rest of a commit's message is read up to here, in characters.
const BODY: usize = 2_000;

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireCommit {
    sha: CommitSha,
    html_url: Option<String>,
    commit: Inner,
    author: Option<Account>,
    #[serde(default)]
    parents: Vec<Parent>,
    #[serde(default)]
    files: Vec<WireFile>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Debug, Deserialize)]
struct Person {
    name: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    sha: CommitSha,
}

#[derive(Debug, Deserialize)]
struct WireFile {
    filename: String,
    previous_filename: Option<String>,
    status: FileStatus,
    #[serde(default)]
    additions: u64,
    #[serde(default)]
    deletions: u64,
    patch: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireComparison {
    ahead_by: u64,
    behind_by: u64,
    #[serde(default)]
    total_commits: usize,
    #[serde(default)]
    commits: Vec<WireCommit>,
    #[serde(default)]
    files: Vec<WireFile>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WirePull {
    number: u64,
    title: String,
    user: Option<Account>,
    base: Base,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<CommitSha>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Base {
    #[serde(rename = "ref")]
    name: String,
}

impl From<WireCommit> for Commit {
    fn from(wire: WireCommit) -> Self {
        let (title, body) = wire.commit.message.trim().split_once('\n').unwrap_or((wire.commit.message.trim(), ""));
        let account = login(wire.author);
        let (name, authored_at) = wire.commit.author.map(|person| (person.name, person.date)).unwrap_or_default();
        Self {
            title: redact(title),
            body: paragraphs(body),
            is_account: account.is_some(),
            author: account.unwrap_or_else(|| redact(name.as_deref().unwrap_or("somebody"))),
            authored_at,
            committed_at: wire.commit.committer.and_then(|person| person.date),
            parents: wire.parents.into_iter().map(|parent| parent.sha).collect(),
            url: address(wire.html_url),
            sha: wire.sha,
        }
    }
}

impl From<WireCommit> for CommitDetails {
    fn from(mut wire: WireCommit) -> Self {
        let files = files(std::mem::take(&mut wire.files));
        Self { commit: wire.into(), files }
    }
}

impl From<WireComparison> for Comparison {
    fn from(wire: WireComparison) -> Self {
        let has_more = wire.total_commits > wire.commits.len();
        Self {
            ahead_by: wire.ahead_by,
            behind_by: wire.behind_by,
            commits: Listed { items: wire.commits.into_iter().map(Into::into).collect(), has_more },
            files: files(wire.files),
            url: address(wire.html_url),
        }
    }
}

impl From<WirePull> for PullRequest {
    fn from(wire: WirePull) -> Self {
        Self {
            number: wire.number,
            title: redact(&wire.title),
            author: login(wire.user),
            base: path(&wire.base.name),
            merged_at: wire.merged_at,
            merge_commit: wire.merge_commit_sha,
            url: address(wire.html_url),
        }
    }
}

fn files(wire: Vec<WireFile>) -> Listed<CommitFile> {
    // A full page cannot be told from a list that ends there: both are said to have more.
    let has_more = wire.len() >= FILES;
    let mut left = PATCHES;
    let items = wire.into_iter().take(FILES).map(|file| {
        let (now, before) = (file.filename, file.previous_filename);
        let mut patch = patch::readable(&now, before.as_deref(), file.patch.as_deref());
        if let Some(length) = patch.text().map(str::len) {
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => patch = Patch::Withheld(Withheld::TooMuch),
            }
        }
        CommitFile {
            path: path(&now),
            previous_path: before.as_deref().map(path),
            status: file.status,
            additions: file.additions,
            deletions: file.deletions,
            patch,
        }
    });
    Listed { items: items.collect(), has_more }
}

/// Redacted line by line, then on one line.
fn paragraphs(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(redact).filter(|line| !line.is_empty()).collect();
    lines.join(" ").chars().take(BODY).collect()
}
