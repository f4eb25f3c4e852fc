//! The words in which stories of Git are told: commits and their patches, what was put in place, and which commit is right.

use jiff::{SignedDuration, Timestamp};

use super::{
    super::words::{App, Broke, MIN, story, time},
    GitStory,
};
use crate::{
    changes::{
        Actor, Brought, GitHistory, Images, Tool,
        deployed::{Commit, CommitFile, CommitSha, Comparison, FileStatus, Listed, Patch, PullRequest, RepoName},
        images,
    },
    incidents::{ChangeSource, Confidence},
};

/// So many minutes after it broke.
pub(crate) fn at(minutes: i64) -> Timestamp {
    time(minutes * MIN)
}

pub(crate) fn repo() -> RepoName {
    RepoName::parse("acme/gitops").unwrap()
}

/// The commit of a letter: its name is made of it.
pub(crate) fn sha(letter: char) -> CommitSha {
    CommitSha::parse(&letter.to_string().repeat(40)).unwrap()
}

pub(super) fn short(letter: char) -> String {
    sha(letter).short().to_owned()
}

/// A commit on the workload's path.
pub(crate) fn commit(letter: char, minutes: i64, title: &str) -> Brought {
    Brought::of(
        &repo(),
        Commit {
            sha: sha(letter),
            title: title.to_owned(),
            body: String::new(),
            author: "ana".to_owned(),
            is_account: true,
            authored_at: Some(at(minutes)),
            committed_at: Some(at(minutes)),
            parents: Vec::new(),
            url: Some(format!("https://github.com/acme/gitops/commit/{}", sha(letter))),
        },
    )
}

/// A file that was changed.
pub(crate) fn file(path: &str, lines: &str) -> CommitFile {
    CommitFile {
        path: path.to_owned(),
        previous_path: None,
        status: FileStatus::Modified,
        additions: 1,
        deletions: 1,
        patch: Patch::Whole(lines.to_owned()),
    }
}

/// A commit that changes these files.
pub(crate) fn of_files(letter: char, minutes: i64, files: Vec<CommitFile>) -> Brought {
    let files = Some(Listed { items: files, has_more: false });
    Brought { files, ..commit(letter, minutes, "Change api") }
}

/// A commit that changes the workload's own file.
pub(crate) fn patched(letter: char, minutes: i64, patch: &str) -> Brought {
    of_files(letter, minutes, vec![file("base-apps/api.yaml", patch)])
}

/// A line of a patch that becomes another one, below one that stays; empty: there is none.
pub(super) fn hunk(stays: &str, from: &str, to: &str) -> String {
    let line = |sign: char, text: &str| if text.is_empty() { String::new() } else { format!("\n{sign}{text}") };
    format!("@@ -4,2 +4,2 @@\n {stays}{}{}", line('-', from), line('+', to))
}

/// The limit of memory becomes another one.
pub(super) fn limit(from: &str, to: &str) -> String {
    hunk("  limits:", &format!("    memory: {from}"), &format!("    memory: {to}"))
}

/// The tag of the workload's image becomes another one.
pub(super) fn tag(from: &str, to: &str) -> String {
    hunk("- name: ghcr.io/shop/api", &format!("  newTag: {from}"), &format!("  newTag: {to}"))
}

/// Something that no rollout is made of.
pub(super) fn other() -> String {
    hunk("spec:", "  replicas: 1", "  replicas: 2")
}

/// A pull request that was merged then.
pub(crate) fn pull(number: u64, merged: i64) -> PullRequest {
    PullRequest {
        number,
        title: "Change api (squashed)".to_owned(),
        author: Some("ana".to_owned()),
        base: "main".to_owned(),
        merged_at: Some(at(merged)),
        merge_commit: None,
        url: None,
    }
}

/// A story: what was rolled out, what broke, what was committed (the newest first). No commit is right unless one is named.
pub(super) fn git<const N: usize>(name: &'static str, app: &App, broke: &Broke, commits: [Brought; N]) -> GitStory {
    let mut story = story(name, app, broke, None, Confidence::High);
    // What is in Git is put in place by a tool, unless a story says otherwise.
    for rollout in story.rollouts.iter_mut().filter(|it| it.by.is_some()) {
        rollout.by = Some(Actor { tool: Tool::ArgoCd, of: Some("shop".to_owned()), at: None, cause: None });
    }
    let git = GitHistory { commits: commits.into(), ..GitHistory::default() };
    GitStory { story, git, is_readable: true, right: None, image: None }
}

impl GitStory {
    /// The commit that is the cause.
    pub(super) fn right(self, letter: char) -> Self {
        Self { right: Some(letter), ..self }
    }

    /// The highest confidence that may be said.
    pub(super) fn at_most(mut self, confidence: Confidence) -> Self {
        self.story.at_most = confidence;
        self
    }

    /// What the cluster tells stands: that rollout is the cause, and no commit is named.
    pub(super) fn stands(mut self, number: u64) -> Self {
        self.story.right = Some(format!("rollout #{number}"));
        self
    }

    /// GitHub could not be asked for something.
    pub(super) fn unknown(mut self, why: &str) -> Self {
        self.git.unknown.push(why.to_owned());
        self
    }

    /// The patches could not be read.
    pub(super) fn unread(self) -> Self {
        Self { is_readable: false, ..self }
    }

    /// Somebody did the last rollout by hand.
    pub(super) fn by_hand(mut self) -> Self {
        let tool = Tool::Kubectl("edit".to_owned());
        self.story.rollouts[0].by = Some(Actor { tool, of: None, at: None, cause: None });
        self
    }

    /// The tool that keeps the workload says which commit it put in place with the last rollout, and what was there before.
    pub(super) fn synced(mut self, letter: char, previous: Option<char>) -> Self {
        let rollout = &mut self.story.rollouts[0];
        rollout.source = Some(ChangeSource {
            keeper: "Argo CD application shop".to_owned(),
            repository: Some("https://github.com/acme/gitops.git".to_owned()),
            path: Some("apps/shop".to_owned()),
            revision: sha(letter).to_string(),
            previous: previous.map(|letter| sha(letter).to_string()),
            at: rollout.at + SignedDuration::from_secs(1),
            waits: false,
        });
        self
    }

    /// So many commits are between the versions of the image of the last rollout, tagged so; that is to be told.
    pub(super) fn image(mut self, prefix: &str, (ahead_by, behind_by): (u64, u64), told: &'static str) -> Self {
        let rollout = &self.story.rollouts[0];
        let (from, to) = images(rollout).unwrap();
        let commits = ('1'..='9').zip(0..ahead_by).map(|(letter, _)| commit(letter, -600, "Cache more").commit);
        let comparison = Comparison {
            ahead_by,
            behind_by,
            commits: Listed { items: commits.collect(), has_more: false },
            files: Listed { items: Vec::new(), has_more: false },
            url: None,
        };
        let range = (format!("{prefix}{from}"), format!("{prefix}{to}"));
        let repo = RepoName::parse("acme/api").unwrap();
        self.git.images = Some(Images { rollout: rollout.number, repo, range, comparison });
        Self { image: Some(told), ..self }
    }
}
