//! What explains an incident, and what GitHub tells of the code of its workload, come in; the same with the commits that brought it comes out.

mod alone;
mod deployments;
mod places;
mod references;
mod same;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_stories;
mod tie;

use jiff::Timestamp;

pub use deployments::deployment_of;
pub use places::{Deployed, Names, Place, Places, places};
pub use references::{ranges, released};
pub use tie::{Tie, tie, unread};

use super::{
    Field,
    correlation::{SKEW, name},
    deployed::{Commit, CommitFile, Comparison, Conclusion, Deployment, Listed, PullRequest, RepoName, WorkflowRun},
    gitops::Applied,
    rollout::{Before, Rollout},
    symptom::Symptom,
};
use crate::incidents::{Changed, CommitOf, ImageCommits, Link};

/// So many suspects are kept.
const KEPT: usize = 3;
/// So many commits of an image, and so many of who wrote them, are told.
const TOLD: usize = 3;

/// A commit with what was asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Where it is.
    pub repo: RepoName,
    /// The commit.
    pub commit: Commit,
    /// What it changed, if that was asked.
    pub files: Option<Listed<CommitFile>>,
    /// Its pull request, if it was asked for and there is one.
    pub pull: Option<PullRequest>,
    /// What ran on it, if that was asked, the newest first.
    pub runs: Vec<WorkflowRun>,
}

impl Brought {
    /// Nothing but the commit.
    pub fn of(repo: &RepoName, commit: Commit) -> Self {
        Self { repo: repo.clone(), commit, files: None, pull: None, runs: Vec::new() }
    }

    /// When it came to the branch: with its pull request, else as it was committed.
    pub fn at(&self) -> Option<Timestamp> {
        self.pull.as_ref().and_then(|pull| pull.merged_at).or(self.commit.committed_at)
    }

    fn is_known_before(&self, until: Timestamp) -> bool {
        self.commit.committed_at.is_some_and(|at| at <= until)
    }
}

/// The commits between two versions of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The number of the rollout that brought the new image.
    pub rollout: u64,
    /// What the image is built from.
    pub repo: RepoName,
    /// The versions, as they were compared.
    pub range: (String, String),
    /// What is between them.
    pub comparison: Comparison,
}

/// What GitHub tells of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHistory {
    /// The commits of its places, the newest first.
    pub commits: Vec<Brought>,
    /// What the tool that keeps it put in place last, if one does: what was committed later does not run.
    pub applied: Option<Applied>,
    /// What its new image has.
    pub images: Option<Images>,
    /// What GitHub was told to be deployed with the rollout of that number, and whether that names what runs.
    pub deployment: Option<(u64, Deployment, bool)>,
    /// What could not be asked, and why.
    pub unknown: Vec<String>,
}

/// Says of each suspect which commit brought it; what was committed before and no rollout tells of becomes a suspect itself.
pub fn attribute(mut changed: Changed, rollouts: &[Rollout], git: &GitHistory, symptom: &Symptom) -> Changed {
    for suspect in &mut changed.suspects {
        let Some(rollout) = rollouts.iter().find(|it| name(it) == suspect.change) else { continue };
        // Of a rollout that several commits brought the one counts whose difference explains it.
        if let Some((brought, tie)) = tie(&in_order_of(rollout, &suspect.what), &git.commits) {
            suspect.reasons.push(said(brought, &tie));
            suspect.commit = Some(Box::new(told(brought, tie != Tie::Before)));
        }
        let images = git.images.as_ref().filter(|images| images.rollout == rollout.number);
        suspect.image = images.map(|images| Box::new(between(images)));
        let deployment = git.deployment.as_ref().filter(|(number, ..)| *number == rollout.number);
        suspect.deployment = deployment.map(|(_, it, is_sure)| Box::new(deployments::told(it, *is_sure)));
    }
    // What is sure needs no second guess, and what came with a rollout is told with it.
    if changed.sure().is_none() {
        let tied = |commit: &&Brought| rollouts.iter().any(|it| tie::is_told_with(it, commit, &git.commits));
        let runs = git.commits.iter().skip(waiting(git)).filter(|commit| may_run(commit, git));
        let alone = alone::likeliest(runs.filter(|commit| !tied(commit)), &git.commits, symptom);
        changed.suspects.extend(alone);
        changed.suspects.sort_by_key(|it| (it.confidence, std::cmp::Reverse(it.score), std::cmp::Reverse(it.at)));
        changed.suspects.truncate(KEPT);
    }
    if !changed.suspects.is_empty() {
        changed.last = None;
    }
    changed.unknown.extend(git.unknown.iter().cloned());
    changed
}

/// How many of the newest commits are newer than the one that was put in place.
fn waiting(git: &GitHistory) -> usize {
    let applied = git.applied.as_ref().and_then(|it| it.commit.as_ref());
    git.commits.iter().position(|it| Some(&it.commit.sha) == applied).unwrap_or_default()
}

/// Whether a commit was there when something was put in place last.
fn may_run(brought: &Brought, git: &GitHistory) -> bool {
    git.applied.as_ref().is_none_or(|applied| brought.at().is_none_or(|at| at.duration_since(applied.at) <= SKEW))
}

/// A rollout with its differences in the order in which they are told.
fn in_order_of(rollout: &Rollout, told: &[String]) -> Rollout {
    let mut rollout = rollout.clone();
    if let Before::Revision(_, differences) = &mut rollout.before {
        differences.sort_by_key(|it| {
            let words = it.to_string();
            told.iter().position(|told| *told == words).unwrap_or(told.len())
        });
    }
    rollout
}

fn said(brought: &Brought, tie: &Tie) -> String {
    let commit = format!("commit {} of {}", brought.commit.sha.short(), brought.repo);
    match tie {
        Tie::Synced => format!("{commit} is what was put in place with it"),
        Tie::SameDifference => format!("{commit} makes the same difference"),
        Tie::Before => format!("{commit} was the last before it"),
    }
}

fn told(brought: &Brought, is_sure: bool) -> CommitOf {
    let commit = &brought.commit;
    let pull = brought.pull.as_ref().map(|pull| Link { text: format!("#{}", pull.number), url: pull.url.clone() });
    CommitOf {
        repository: brought.repo.to_string(),
        commit: Link { text: commit.sha.short().to_owned(), url: commit.url.clone() },
        title: commit.title.clone(),
        author: commit.author.clone(),
        at: brought.at(),
        pull,
        run: brought.runs.iter().find_map(trouble),
        is_sure,
    }
}

/// A run that failed, or has not ended; one that ended well is not told.
fn trouble(run: &WorkflowRun) -> Option<Link> {
    let how = match run.conclusion {
        Some(Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped | Conclusion::Stale) => return None,
        Some(Conclusion::Failure | Conclusion::StartupFailure) => "failed",
        Some(Conclusion::Cancelled) => "was cancelled",
        Some(Conclusion::TimedOut) => "timed out",
        Some(Conclusion::ActionRequired) => "waits for somebody",
        Some(Conclusion::Other) => "ended in a way that is not known here",
        None => "has not ended",
    };
    Some(Link { text: format!("{} {how}", run.name), url: run.url.clone() })
}

fn between(images: &Images) -> ImageCommits {
    let Comparison { ahead_by, behind_by, commits, url, .. } = &images.comparison;
    let is_backwards = *ahead_by == 0 && *behind_by > 0;
    let mut authors: Vec<String> = Vec::new();
    for commit in commits.items.iter().rev() {
        if !authors.contains(&commit.author) {
            authors.push(commit.author.clone());
        }
    }
    authors.truncate(TOLD);
    // A merge says nothing that what was merged does not say.
    let titles = commits.items.iter().rev().filter(|commit| commit.parents.len() < 2);
    ImageCommits {
        repository: images.repo.to_string(),
        range: Link { text: format!("{}...{}", images.range.0, images.range.1), url: url.clone() },
        count: if is_backwards { *behind_by } else { *ahead_by },
        is_backwards,
        titles: titles.take(TOLD).map(|commit| commit.title.clone()).collect(),
        authors,
    }
}

/// The versions of an image between which a rollout leads, if it changed the version of one image only.
pub fn images(rollout: &Rollout) -> Option<(String, String)> {
    let Before::Revision(_, differences) = &rollout.before else { return None };
    let mut changed = differences.iter().filter(|it| it.field == Field::Image);
    let (first, more) = (changed.next()?, changed.next());
    let version = |image: &Option<String>| same::version(image.as_deref()?).map(str::to_owned);
    let (from, to) = (version(&first.from)?, version(&first.to)?);
    (more.is_none() && from != to).then_some((from, to))
}
