//! What was rolled out, what broke and what the right answer is come in as stories; whether the score finds it comes out.

mod beside;
mod causes;
pub(crate) mod git;
mod innocent;
mod times;
mod words;

use crate::{
    changes::{Concern, Grip, Rollout, SettingChange, Symptom, beside as ranked, correlate},
    incidents::{Changed, Confidence},
};

/// A story with its right answer.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) rollouts: Vec<Rollout>,
    /// What was changed beside, how it bears on who is hit, whether what is wrong names it, and whom it does not mean and broke as well.
    pub(crate) settings: Vec<(SettingChange, Grip, bool, usize)>,
    pub(crate) symptom: Symptom,
    /// The change that is the cause: `rollout #2`, `ConfigMap shop/api-config`; None: no change is.
    pub(crate) right: Option<String>,
    /// The highest confidence that may be said.
    pub(crate) at_most: Confidence,
}

impl Story {
    pub(crate) fn found<'a>(&'a self) -> Changed {
        let concern = |(change, grip, is_named, elsewhere): &'a (SettingChange, Grip, bool, usize)| Concern {
            change,
            grip: *grip,
            is_named: *is_named,
            elsewhere: *elsewhere,
        };
        let concerns: Vec<Concern<'_>> = self.settings.iter().map(concern).collect();
        ranked(correlate(&self.rollouts, &self.symptom), &concerns, &self.symptom)
    }

    /// Whether the first that is told is the right one. What is LOW is told as something that was before, not as an answer: where no
    /// rollout is the cause it may be there.
    pub(crate) fn is_right(&self, found: &Changed) -> bool {
        match (&self.right, found.first()) {
            (Some(right), Some(first)) => first.change == *right,
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
        let right = self.right.as_ref().map_or("none".to_owned(), |right| right.replace("rollout ", ""));
        let first =
            found.first().map(|it| format!("{} {} {}", it.change.replace("rollout ", ""), it.confidence, it.score));
        format!("{} | {right} | {}", self.name, first.unwrap_or_else(|| "none".to_owned()))
    }
}

/// All stories.
pub(crate) fn stories() -> Vec<Story> {
    [causes::stories(), times::stories(), innocent::stories(), beside::stories()].into_iter().flatten().collect()
}
