//! What can be asked of the code in a repository: names and times in, bounded lists of our values out, each by a known number of requests.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::{
    GitHub, GitHubError, Importance,
    asking::{JSON, Page, Question, json, json_list},
    cache::Stays,
    wire::{WireCommit, WireComparison, WirePull, WireRepository},
};
use crate::{
    changes::deployed::{Commit, CommitDetails, CommitSha, Comparison, Listed, PullRequest, RepoName, Window},
    findings::redact,
};

/// The name of a commit as plain text.
const SHA: &str = "application/vnd.github.sha";
/// What hardly changes is not asked again so soon; a pull request that is merged is merged.
pub(super) const A_WHILE: SignedDuration = SignedDuration::from_mins(10);
/// The longest name of a branch or a tag.
const LONGEST_REFERENCE: usize = 250;

impl GitHub {
    /// The commits of a branch (the default one if none is given) that touch a file or folder and were committed in a window, newest
    /// first: 100 on each of so many `pages` at most. An empty repository has none. One request for each page.
    ///
    /// GitHub is asked for full hours, so that the same question later the same hour is answered by 304.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn commits(
        &self,
        repo: &RepoName,
        path: &str,
        branch: Option<&str>,
        within: Window,
        pages: usize,
        importance: Importance,
    ) -> Result<Listed<Commit>, GitHubError> {
        let asking = self.asking(importance);
        let since = hour(within.since, RoundMode::Trunc);
        // What will be committed is not there yet: then no bound is needed.
        let until = Some(hour(within.until, RoundMode::Ceil)).filter(|until| *until <= asking.now);
        let (since, until) = (since.to_string(), until.map(|until| until.to_string()));
        let mut query = vec![("path", path), ("since", &since), ("per_page", "100")];
        query.extend(until.as_deref().map(|until| ("until", until)));
        query.extend(branch.map(|branch| ("sha", branch)));
        query.retain(|(key, value)| *key != "path" || !value.is_empty());
        let mut question = self.question(repo, format!("commits of {repo}"), &["commits"], &query);
        let mut items: Vec<Commit> = Vec::new();
        let mut read = 0_usize;
        loop {
            let page = match self.inner.ask(&question, asking, json_list::<WireCommit, Commit>).await {
                Ok(page) => page,
                Err(GitHubError::Invalid { status: 409, .. }) => Page { value: Vec::new(), next: None },
                Err(error) => return Err(error),
            };
            // GitHub's bounds are wider, and a commit without a date cannot be told to be outside.
            items.extend(page.value.into_iter().filter(|c| c.committed_at.is_none_or(|at| within.contains(at))));
            read = read.saturating_add(1);
            match page.next {
                Some(next) if read < pages => question.url = next,
                next => return Ok(Listed { items, has_more: next.is_some() }),
            }
        }
    }

    /// A commit with its files and patches: at most 300, which is as many as GitHub gives at once. One request, none if it is kept: a
    /// commit never changes.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] if there is none of that name; and what went wrong with GitHub.
    pub async fn commit(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        importance: Importance,
    ) -> Result<CommitDetails, GitHubError> {
        let place = format!("commit {} of {repo}", sha.short());
        let mut question = self.question(repo, place, &["commits", sha.as_str()], &[]);
        question.stays = Stays::ForGood;
        match self.inner.ask(&question, self.asking(importance), json::<WireCommit, CommitDetails>).await {
            Ok(Page { mut value, next }) => {
                value.files.has_more |= next.is_some();
                Ok(value)
            }
            Err(GitHubError::Invalid { place, status: 422, .. }) => Err(self.not_found(place)),
            Err(error) => Err(error),
        }
    }

    /// The commit that a branch, a tag (annotated or not) or the beginning of a name stands for now; None if the repository has no
    /// such thing. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn commit_of(
        &self,
        repo: &RepoName,
        reference: &str,
        importance: Importance,
    ) -> Result<Option<CommitSha>, GitHubError> {
        if !is_reference(reference) {
            return Ok(None);
        }
        let mut question =
            self.question(repo, format!("{} of {repo}", redact(reference)), &["commits", reference], &[]);
        question.accept = SHA;
        let read = |body: &[u8]| {
            let text = str::from_utf8(body).map_err(|why| why.to_string())?;
            CommitSha::parse(text).map_err(|why| why.to_string())
        };
        match self.inner.ask(&question, self.asking(importance), read).await {
            Ok(page) => Ok(Some(page.value)),
            Err(GitHubError::Invalid { status: 422, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The pull requests that a commit belongs to, at most 10. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn pull_requests_of(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        importance: Importance,
    ) -> Result<Listed<PullRequest>, GitHubError> {
        let place = format!("pull requests of commit {} of {repo}", sha.short());
        let mut question = self.question(repo, place, &["commits", sha.as_str(), "pulls"], &[("per_page", "10")]);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json_list::<WirePull, PullRequest>).await?;
        Ok(Listed { items: page.value, has_more: page.next.is_some() })
    }

    /// What leads from a base to a head (commits, tags or branches), at most 100 commits and 300 files. One request.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] if one of them is not there; and what went wrong with GitHub.
    pub async fn compare(
        &self,
        repo: &RepoName,
        base: &str,
        head: &str,
        importance: Importance,
    ) -> Result<Comparison, GitHubError> {
        let place = format!("comparison {}...{} of {repo}", redact(base), redact(head));
        if !is_reference(base) || !is_reference(head) {
            return Err(self.not_found(place));
        }
        let both = format!("{base}...{head}");
        let mut question = self.question(repo, place, &["compare", &both], &[("per_page", "100")]);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json::<WireComparison, Comparison>).await?;
        Ok(page.value)
    }

    /// The branch that counts if none is named. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn default_branch(&self, repo: &RepoName, importance: Importance) -> Result<String, GitHubError> {
        let mut question = self.question(repo, format!("repository {repo}"), &[], &[]);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json::<WireRepository, String>).await?;
        Ok(page.value)
    }

    fn not_found(&self, place: String) -> GitHubError {
        GitHubError::NotFound { place, of: self.inner.credentials(), needs: None }
    }

    /// A question about a repository; `parts` and `query` are what follows its address.
    pub(super) fn question<'a>(
        &self,
        repo: &'a RepoName,
        place: String,
        parts: &[&str],
        query: &[(&str, &str)],
    ) -> Question<'a> {
        let all: Vec<&str> = ["repos", repo.owner(), repo.name()].iter().chain(parts).copied().collect();
        Question { repo, url: self.inner.connection.url(&all, query), accept: JSON, place, stays: Stays::Asked }
    }
}

/// A full hour before or after.
fn hour(at: Timestamp, mode: RoundMode) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Hour).mode(mode)).unwrap_or(at)
}

/// Whether Git can name something so; what it cannot name is not asked for.
fn is_reference(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_REFERENCE
        && !text.contains("..")
        && text != "."
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
}
