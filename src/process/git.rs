//! What GitHub tells of the code of a workload that something is wrong with: at most six requests, and nobody waits for them.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{Mind, rollouts::Concern};
use crate::{
    app::{App, Site},
    changes::{
        Brought, GitHistory, Images, Names, Place, Places, Rollout,
        deployed::{CommitSha, Listed, PullRequest, RepoName, Window},
        deployment_of,
        gitops::{Applied, Source, repository},
        images, places, ranges, released, tie, unread,
    },
    clients::github::{GitHub, GitHubError, Importance},
    cluster::ObjectRef,
    incidents::{CHANGES_WITHIN, Severity, later},
};

/// So many requests one incident may cost.
const MOST: usize = 6;
/// So many pages of commits are read for each place, of 100 each: who commits more in a day does not commit by hand.
const PAGES: usize = 1;
/// So many commits are read to find the one that brought a rollout.
const READ: usize = 2;
/// What was committed is put in place with a delay; and clocks differ.
const LAG: SignedDuration = SignedDuration::from_hours(1);

/// What is to be asked about a workload.
#[derive(Debug)]
pub(super) struct Inquiry {
    places: Places,
    /// The host whose repositories are asked about.
    host: String,
    began: Timestamp,
    importance: Importance,
    /// What the tool that keeps the workload put in place last.
    applied: Option<Applied>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) history: GitHistory,
    /// When the same may be answered although nobody mends anything.
    pub(super) again: Option<Timestamp>,
    /// Something was not asked because what is left of the limit is for SEV-1.
    pub(super) is_spared: bool,
}

/// What is to be asked about an owner; None if GitHub is not asked, it is not known where the owner comes from, or nobody hears of it.
pub(super) fn inquiry(app: &App, mind: &Mind, owner: &ObjectRef, concern: Concern) -> Option<Inquiry> {
    app.github.as_ref().filter(|_| concern.severity.is_said())?;
    let service = mind.priorities.catalogue().service_of(owner, &mind.index);
    let names =
        Names { service: service.map(|it| it.name.as_str()), workload: &owner.name, namespace: &owner.namespace };
    let repo = service.and_then(|it| RepoName::parse(&it.repository).ok());
    let entry = repo.as_ref().zip(service).map(|(repo, it)| (repo, it.paths.as_slice()));
    let places = places(names, entry, app.config.github.deployed.as_ref());
    let host = forge(&app.config.github.url);
    let importance = if concern.severity == Severity::Sev1 { Importance::Sev1 } else { Importance::Normal };
    Some(Inquiry { places, host, began: concern.since, importance, applied: None })
}

/// The host whose repositories an API is of: an Enterprise has it below its own address.
fn forge(api: &str) -> String {
    let host = api.strip_suffix("/api/v3").and_then(|address| address.split_once("://"));
    host.map_or("github.com", |(_, host)| host.split(':').next().unwrap_or(host)).to_ascii_lowercase()
}

impl Inquiry {
    /// With where the tool that keeps the workload has it from, which is surer than what is configured. None: it is not known where the
    /// workload comes from.
    pub(super) fn with(mut self, source: Option<&Source>) -> Option<Self> {
        let chain = std::iter::successors(source, |source| source.from.as_deref());
        let mut of_git = chain.filter_map(|it| Some((it, repository(it.repository.as_deref()?)?)));
        if let Some((source, found)) = of_git.find(|(_, found)| found.host == self.host) {
            self.places.kept_at(found.name, source.path.as_deref().unwrap_or_default());
            self.applied = source.applied.first().cloned();
        }
        (!self.places.manifests.is_empty() || self.places.code.is_some()).then_some(self)
    }
}

/// Asks. What could not be asked is said in what comes back.
pub(super) async fn ask(site: &Site, github: &GitHub, inquiry: &Inquiry, rollouts: &[Rollout]) -> Answer {
    let mut asking = Asking { github, inquiry, left: MOST, answer: Answer::default(), now: site.clock.now() };
    asking.answer.history.applied.clone_from(&inquiry.applied);
    asking.commits().await;
    let until = later(inquiry.began, SignedDuration::from_mins(1));
    let window = later(inquiry.began, -CHANGES_WITHIN)..=until;
    let newest = rollouts.iter().find(|rollout| window.contains(&rollout.at));
    let brought = match newest {
        Some(rollout) => asking.brought(rollout).await,
        None => asking.answer.history.commits.first().map(|first| first.commit.sha.clone()),
    };
    if let Some(rollout) = newest {
        asking.images(rollout).await;
    }
    if let Some(sha) = &brought {
        asking.delivered(sha).await;
    }
    if let Some(rollout) = newest {
        asking.deployed(rollout, brought.as_ref()).await;
    }
    let trouble = asking.answer.history.unknown.first().cloned();
    site.github_trouble.send_if_modified(|known| std::mem::replace(known, trouble.clone()) != trouble);
    asking.answer
}

/// The questions about one workload.
struct Asking<'a> {
    github: &'a GitHub,
    inquiry: &'a Inquiry,
    left: usize,
    answer: Answer,
    now: Timestamp,
}

impl Asking<'_> {
    /// Takes a request from those that are left.
    fn may(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// Notes what could not be asked.
    fn note<T>(&mut self, found: Result<T, GitHubError>) -> Option<T> {
        let error = match found {
            Ok(found) => return Some(found),
            Err(error) => error,
        };
        if error.is_worth_trying_again() {
            // Who does not answer now is not waited for again and again.
            self.left = 0;
            let soon = later(self.now, SignedDuration::from_mins(1));
            let again = error.until().map_or(soon, |until| until.max(soon));
            self.answer.again = Some(self.answer.again.map_or(again, |known| known.max(again)));
        }
        self.answer.is_spared |= matches!(error, GitHubError::Spared { .. });
        let said = error.to_string();
        if !self.answer.history.unknown.contains(&said) {
            self.answer.history.unknown.push(said);
        }
        None
    }

    /// The commits of all places, the newest first.
    async fn commits(&mut self) {
        let within =
            Window { since: later(self.inquiry.began, -(CHANGES_WITHIN + LAG)), until: later(self.inquiry.began, LAG) };
        let places: Vec<&Place> = self.inquiry.places.manifests.iter().take(self.left).collect();
        self.left = self.left.saturating_sub(places.len());
        let (github, importance) = (self.github, self.inquiry.importance);
        let lists =
            places.iter().map(|place| github.commits(&place.repo, &place.path, None, within, PAGES, importance));
        let mut commits: Vec<Brought> = Vec::new();
        for (place, list) in places.iter().zip(join_all(lists).await) {
            let Some(Listed { items, has_more }) = self.note(list) else { continue };
            if has_more {
                let (many, path) = (items.len(), &place.path);
                let unknown =
                    format!("{}, {path:?}: of the day before only the newest {many} commits are looked at", place.repo);
                self.answer.history.unknown.push(unknown);
            }
            for commit in items {
                // A commit that touches two places is one.
                if !commits.iter().any(|known| known.commit.sha == commit.sha) {
                    commits.push(Brought::of(&place.repo, commit));
                }
            }
        }
        commits.sort_by_key(|it| std::cmp::Reverse(it.commit.committed_at));
        if self.inquiry.places.left_out > 0 {
            let more = self.inquiry.places.left_out;
            let unknown =
                format!("{more} more paths of the catalogue are not looked at: the first {} are", places.len());
            self.answer.history.unknown.push(unknown);
        }
        self.answer.history.commits = commits;
    }

    /// Reads the commits before a rollout until they tell which made its differences; the one that brought it, as far as is known.
    async fn brought(&mut self, rollout: &Rollout) -> Option<CommitSha> {
        let (github, importance) = (self.github, self.inquiry.importance);
        while let Some(next) = unread(rollout, &self.answer.history.commits, READ) {
            let (repo, sha) = (next.repo.clone(), next.commit.sha.clone());
            if !self.may() {
                break;
            }
            let details = github.commit(&repo, &sha, importance).await;
            let Some(details) = self.note(details) else { break };
            let known = self.answer.history.commits.iter_mut().find(|it| it.commit.sha == sha);
            if let Some(known) = known {
                known.files = Some(details.files);
            }
        }
        tie(rollout, &self.answer.history.commits).map(|(brought, _)| brought.commit.sha.clone())
    }

    /// What was committed between the versions of the image that a rollout changed.
    async fn images(&mut self, rollout: &Rollout) {
        let Some((repo, (from, to))) = self.inquiry.places.code.clone().zip(images(rollout)) else { return };
        let (github, importance) = (self.github, self.inquiry.importance);
        let mut found = None;
        let mut range = (from.clone(), to.clone());
        for (from, to) in ranges(&from, &to) {
            // One is left for the pull request.
            if self.left <= 1 || !self.may() {
                break;
            }
            found = Some(github.compare(&repo, &from, &to, importance).await);
            range = (from, to);
            if !matches!(found, Some(Err(GitHubError::NotFound { .. }))) {
                break;
            }
        }
        // What has a tag of another form may be released under it.
        if matches!(found, Some(Err(GitHubError::NotFound { .. }))) && self.left > 2 && self.may() {
            let releases = github.releases(&repo, importance).await;
            let releases = self.note(releases).map(|it| it.items).unwrap_or_default();
            if let Some((from, to)) = released(&releases, &from, &to)
                && self.may()
            {
                found = Some(github.compare(&repo, &from, &to, importance).await);
                range = (from, to);
            }
        }
        if let Some(comparison) = found.and_then(|found| self.note(found)) {
            self.answer.history.images = Some(Images { rollout: rollout.number, repo, range, comparison });
        }
    }

    /// What GitHub was told to be deployed with a rollout, where code is deployed by its own repository.
    async fn deployed(&mut self, rollout: &Rollout, brought: Option<&CommitSha>) {
        let places = &self.inquiry.places;
        let own = places.manifests.first().map(|it| it.repo.clone()).filter(|_| self.inquiry.applied.is_none());
        let may_ask = self.left > 1 && self.answer.history.unknown.is_empty();
        let Some(repo) = places.code.clone().or(own).filter(|_| may_ask) else { return };
        let (github, importance) = (self.github, self.inquiry.importance);
        self.left = self.left.saturating_sub(2);
        let since = later(rollout.at, -CHANGES_WITHIN);
        let listed = github.deployments(&repo, None, since, 0, importance).await;
        let all = self.note(listed).map(|it| it.items).unwrap_or_default();
        let version = images(rollout).map(|(_, to)| to);
        let runs: Vec<&str> = brought.map(CommitSha::as_str).into_iter().chain(version.as_deref()).collect();
        let Some((found, is_sure)) = deployment_of(rollout, &all, &runs) else { return };
        let mut found = found.clone();
        let status = github.latest_status(&repo, found.id, importance).await;
        found.status = self.note(status).flatten();
        self.answer.history.deployment = Some((rollout.number, found, is_sure));
    }

    /// How a commit came to its branch, and what ran on it.
    async fn delivered(&mut self, sha: &CommitSha) {
        let Some(repo) = self.answer.history.commits.iter().find(|it| it.commit.sha == *sha).map(|it| it.repo.clone())
        else {
            return;
        };
        let (github, importance) = (self.github, self.inquiry.importance);
        let left = self.left;
        self.left = left.saturating_sub(2);
        let pulls = async { if left > 0 { Some(github.pull_requests_of(&repo, sha, importance).await) } else { None } };
        let runs = async { if left > 1 { Some(github.workflow_runs(&repo, sha, importance).await) } else { None } };
        let (pulls, runs) = futures::future::join(pulls, runs).await;
        let pulls = pulls.and_then(|found| self.note(found));
        let runs = runs.and_then(|found| self.note(found));
        let known = self.answer.history.commits.iter_mut().find(|it| it.commit.sha == *sha);
        let Some(known) = known else { return };
        // Of several the one that was merged first brought it here.
        let merged = |pulls: Listed<PullRequest>| {
            pulls.items.into_iter().filter(|pull| pull.merged_at.is_some()).min_by_key(|pull| pull.merged_at)
        };
        known.pull = pulls.and_then(merged);
        known.runs = runs.map(|runs| runs.items).unwrap_or_default();
    }
}
