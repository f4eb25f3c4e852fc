//! How bad: a table from serving impact and priority to `SEV-1` .. `SEV-4`, with the reason in words.

mod assess;
mod policy;
mod raise;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub(super) use self::{assess::thresholds, raise::raised};
pub use self::{
    assess::{Facts, Rating, assess},
    policy::{COLUMNS, Column, Policy, Row},
    raise::{Raise, RaisedBy},
};
pub use crate::services::{Priority, Role, Stake};

/// How bad an incident is. `Sev1` is the worst and sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum Severity {
    #[serde(rename = "SEV-1")]
    Sev1,
    #[serde(rename = "SEV-2")]
    Sev2,
    #[serde(rename = "SEV-3")]
    Sev3,
    #[serde(rename = "SEV-4")]
    Sev4,
}

impl Severity {
    /// Whether people are told at once; of the others SEV-3 is told in business hours.
    pub fn is_said(self) -> bool {
        self <= Self::Sev2
    }
}

impl Severity {
    /// The severity people write like that: `SEV-1`, `sev1`, `1`.
    pub fn named(text: &str) -> Option<Self> {
        let digit: String =
            text.to_ascii_uppercase().replace("SEV", "").chars().filter(|c| !"- _".contains(*c)).collect();
        Self::ALL.into_iter().find(|severity| severity.name().ends_with(&digit) && digit.len() == 1)
    }

    /// One level up; SEV-1 stays.
    #[must_use]
    pub fn up(self) -> Self {
        match self {
            Self::Sev1 | Self::Sev2 => Self::Sev1,
            Self::Sev3 => Self::Sev2,
            Self::Sev4 => Self::Sev3,
        }
    }

    /// Every severity, the worst first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sev1 => "SEV-1",
            Self::Sev2 => "SEV-2",
            Self::Sev3 => "SEV-3",
            Self::Sev4 => "SEV-4",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So long must nothing be ready before it counts as unserved; and so long must something be ready again before it does not.
pub const UNSERVED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// ... but so long while its own rollout or a drain replaces its pods, unless it may be down for longer.
pub const UNSERVED_WHILE_MOVING_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// A time in which nothing was ready. A crash-looping container is ready for some seconds at each start, so an outage goes on
/// until something was ready for [`UNSERVED_AFTER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outage {
    /// Since when nothing is ready.
    pub since: Timestamp,
    /// Since when something is ready again, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl Outage {
    /// The outage after a look: `unserved` says whether nothing is ready now, `first` since when if that is new.
    pub(super) fn after(before: Option<Self>, unserved: bool, first: Timestamp, now: Timestamp) -> Option<Self> {
        let going_on = before.filter(|outage| outage.goes_on(now));
        if unserved {
            Some(Self { since: going_on.map_or(first, |o| o.since), ended: None })
        } else {
            going_on.map(|o| Self { since: o.since, ended: Some(o.ended.unwrap_or(now)) })
        }
    }

    pub(super) fn goes_on(self, now: Timestamp) -> bool {
        self.ended.is_none_or(|ended| now.duration_since(ended) < UNSERVED_AFTER)
    }
}

#[cfg(test)]
mod tests;
