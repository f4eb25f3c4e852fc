//! How questions to GitHub ended goes in; how often each way comes out.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::GitHubError;

/// How a question ended: a list of several pages is a question for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// GitHub answered.
    Answered,
    /// GitHub said that its last answer still holds (304).
    NotModified,
    /// Nothing was sent: the last answer is young enough, or holds for good.
    Kept,
    /// GitHub refused: not there, not allowed, not understood.
    Refused,
    /// Not sent, or refused, because of GitHub's limits.
    Limited,
    /// No answer in time, or none of use.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Answered, Self::NotModified, Self::Kept, Self::Refused, Self::Limited, Self::Failed];

    /// As it is called in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotModified => "not_modified",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Failed => "failed",
        }
    }

    /// That of a question that was not answered.
    fn of(error: &GitHubError) -> Self {
        match error {
            GitHubError::BadCredentials { .. }
            | GitHubError::NotAllowed { .. }
            | GitHubError::SignOn { .. }
            | GitHubError::NotFound { .. }
            | GitHubError::Invalid { .. } => Self::Refused,
            GitHubError::Spared { .. } | GitHubError::Limited { .. } => Self::Limited,
            GitHubError::Setup(_)
            | GitHubError::Elsewhere { .. }
            | GitHubError::Server { .. }
            | GitHubError::NotJson { .. }
            | GitHubError::TimedOut { .. }
            | GitHubError::Unreachable { .. } => Self::Failed,
        }
    }
}

/// How often questions ended in each way since the start.
#[derive(Debug, Default)]
pub(super) struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    /// Counts a question.
    pub(super) fn note<T>(&self, found: &Result<(T, Outcome), GitHubError>) {
        let outcome = found.as_ref().map_or_else(Outcome::of, |(_, outcome)| *outcome);
        let counted = Outcome::ALL.into_iter().zip(&self.0).find(|(it, _)| *it == outcome);
        if let Some((_, count)) = counted {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of them, also those that did not happen.
    pub(super) fn all(&self) -> Vec<(Outcome, u64)> {
        Outcome::ALL.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed))).collect()
    }
}
