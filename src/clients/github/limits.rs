//! What GitHub's answers say of its limits goes in; whether the next request may be made, or from when on, comes out.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::error::GitHubError;
use crate::clock::later;

/// Where GitHub names no time, it wants to be left alone for at least a minute.
const UNTOLD: SignedDuration = SignedDuration::from_mins(1);
/// Nothing GitHub asks for is longer than an hour; more is a clock that is wrong.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// What is left is spared for what is important below one part in so many.
const SPARED_BELOW: u64 = 10;

/// How much an answer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// For an incident at SEV-1: asked as long as GitHub answers at all.
    Sev1,
    /// Everything else: not asked when less than a tenth of the limit is left.
    Normal,
}

/// What may still be asked, as GitHub said with its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests an hour.
    pub limit: u64,
    /// How many of them are left.
    pub remaining: u64,
    /// When all of them are there again.
    pub reset: Timestamp,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The requests of an hour are used up.
    Primary,
    /// Too many at once, or too fast: GitHub's protection against abuse.
    Secondary,
}

#[derive(Debug, Default)]
pub(super) struct Limits {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    budget: Option<Budget>,
    closed: Option<(Timestamp, Limit)>,
}

impl Limits {
    /// Whether a request may be made now.
    pub(super) fn admit(&self, importance: Importance, now: Timestamp) -> Result<(), GitHubError> {
        let state = self.state();
        if let Some((until, limit)) = state.closed.filter(|(until, _)| *until > now) {
            return Err(GitHubError::Limited { until, limit });
        }
        let Some(budget) = state.budget.filter(|budget| budget.reset > now) else { return Ok(()) };
        if budget.remaining == 0 {
            return Err(GitHubError::Limited { until: budget.reset, limit: Limit::Primary });
        }
        let is_low = budget.remaining.saturating_mul(SPARED_BELOW) < budget.limit;
        if is_low && importance == Importance::Normal {
            return Err(GitHubError::Spared { until: budget.reset });
        }
        Ok(())
    }

    /// Remembers what an answer says of the limit; of answers that overtake each other the lower number counts.
    pub(super) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        let Some(told) = budget(headers, now) else { return };
        let mut state = self.state();
        state.budget = Some(match state.budget {
            Some(known) if known.reset > now && known.reset == told.reset => {
                Budget { remaining: known.remaining.min(told.remaining), ..told }
            }
            Some(known) if known.reset > now && known.reset > told.reset => known,
            _ => told,
        });
    }

    /// The refusal, if an answer is one for reason of a limit: no request is made before its time.
    pub(super) fn refusal(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        said: impl FnOnce() -> String,
        now: Timestamp,
    ) -> Option<GitHubError> {
        if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
            return None;
        }
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let is_used_up = number(headers, "x-ratelimit-remaining") == Some(0);
        let said = said().to_ascii_lowercase();
        let (until, limit) = if let Some(value) = retry_after {
            let limit = if is_used_up { Limit::Primary } else { Limit::Secondary };
            (after(value, now).unwrap_or_else(|| later(now, UNTOLD)), limit)
        } else if is_used_up || said.contains("api rate limit exceeded") {
            (reset(headers).unwrap_or_else(|| later(now, UNTOLD)), Limit::Primary)
        } else if status == StatusCode::TOO_MANY_REQUESTS
            || said.contains("secondary rate limit")
            || said.contains("abuse detection")
        {
            (later(now, UNTOLD), Limit::Secondary)
        } else {
            return None;
        };
        // A time that is past already, or far away, is told by another clock than ours.
        let until = if until <= now { later(now, UNTOLD) } else { until.min(later(now, LONGEST)) };
        let mut state = self.state();
        let (until, limit) = match state.closed {
            Some((known, of)) if known >= until => (known, of),
            _ => (until, limit),
        };
        state.closed = Some((until, limit));
        Some(GitHubError::Limited { until, limit })
    }

    /// What is left, if GitHub said so and that still holds.
    pub(super) fn budget(&self, now: Timestamp) -> Option<Budget> {
        self.state().budget.filter(|budget| budget.reset > now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn budget(headers: &HeaderMap, now: Timestamp) -> Option<Budget> {
    let limit = number(headers, "x-ratelimit-limit")?;
    let remaining = number(headers, "x-ratelimit-remaining")?;
    Some(Budget { limit, remaining, reset: reset(headers)?.min(later(now, LONGEST)) })
}

fn reset(headers: &HeaderMap) -> Option<Timestamp> {
    let seconds = number(headers, "x-ratelimit-reset")?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// From seconds, or from a date as HTTP writes it.
fn after(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(later(now, SignedDuration::from_secs(seconds.into())));
    }
    rfc2822::parse(value).ok().map(|at| at.timestamp())
}
