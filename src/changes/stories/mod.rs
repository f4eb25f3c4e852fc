//! What was rolled out, what broke and what the right answer is come in as stories; whether the score finds it comes out.

mod causes;
mod innocent;
mod times;
mod words;

use crate::{
    changes::{Rollout, Symptom, correlate},
    incidents::{Changed, Confidence},
};

/// A story with its right answer.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) rollouts: Vec<Rollout>,
    pub(crate) symptom: Symptom,
    /// The number of the rollout that is the cause; None: no rollout is.
    pub(crate) right: Option<u64>,
    /// The highest confidence that may be said.
    pub(crate) at_most: Confidence,
}

impl Story {
    pub(crate) fn found(&self) -> Changed {
        correlate(&self.rollouts, &self.symptom)
    }

    /// Whether the first that is told is the right one. What is LOW is told as something that was before, not as an answer: where no
    /// rollout is the cause it may be there.
    pub(crate) fn is_right(&self, found: &Changed) -> bool {
        match (self.right, found.first()) {
            (Some(right), Some(first)) => first.change == format!("rollout #{right}"),
            (Some(_), None) => false,
            (None, first) => first.is_none_or(|first| first.confidence == Confidence::Low),
        }
    }

    /// Whether it is said with more certainty than there is.
    pub(crate) fn says_too_much(&self, found: &Changed) -> bool {
        // The first is the surest.
        found.first().is_some_and(|first| first.confidence < self.at_most)
    }

    /// `the name | right #2 | found #2 HIGH`.
    pub(crate) fn line(&self, found: &Changed) -> String {
        let right = self.right.map_or("none".to_owned(), |right| format!("#{right}"));
        let first =
            found.first().map(|it| format!("{} {} {}", it.change.replace("rollout ", ""), it.confidence, it.score));
        format!("{} | {right} | {}", self.name, first.unwrap_or_else(|| "none".to_owned()))
    }
}

/// All stories.
pub(crate) fn stories() -> Vec<Story> {
    [causes::stories(), times::stories(), innocent::stories()].into_iter().flatten().collect()
}
