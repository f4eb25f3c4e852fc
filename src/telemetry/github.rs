//! What is measured of GitHub: how questions ended, and what is left of its limit.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::metrics::{Metric, metric, number};

pub(super) const REQUESTS: Metric = metric(
    "github_requests",
    "counter",
    "outcome",
    "Questions to GitHub by how they ended: answered, not_modified, kept (none was sent), refused, limited or failed",
);
pub(super) const LIMIT: Metric =
    metric("github_limit_requests", "gauge", "", "Requests an hour that GitHub allows; not told before it said so");
pub(super) const LEFT: Metric = metric(
    "github_limit_remaining_requests",
    "gauge",
    "",
    "Requests that are left of them; below a tenth GitHub is asked for SEV-1 only",
);
pub(super) const RESET: Metric = metric(
    "github_limit_reset_timestamp_seconds",
    "gauge",
    "",
    "When all of them are there again, in seconds since 1970",
);

/// The label of questions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the field is the label")]
pub struct OfOutcome {
    pub outcome: &'static str,
}

/// What is known of GitHub at the moment somebody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHubNow {
    /// How often questions ended so since the start.
    pub outcomes: Vec<(OfOutcome, u64)>,
    /// Requests an hour, how many are left, and when all are there again; None if GitHub did not say.
    pub limit: Option<(u64, u64, Timestamp)>,
}

/// A gauge that is told only when it is known: a family with at most one member, which has no labels.
type Known = Family<[(&'static str, &'static str); 0], Gauge>;

/// The metrics of GitHub.
#[derive(Debug, Default)]
pub(super) struct OfGitHub {
    requests: Family<OfOutcome, Counter<u64, AtomicU64>>,
    limit: Known,
    left: Known,
    reset: Known,
}

impl OfGitHub {
    /// Puts them among the others.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(REQUESTS.name, REQUESTS.help, self.requests.clone());
        registry.register(LIMIT.name, LIMIT.help, self.limit.clone());
        registry.register(LEFT.name, LEFT.help, self.left.clone());
        registry.register(RESET.name, RESET.help, self.reset.clone());
    }

    /// Takes in how things are now; None: GitHub is not asked at all.
    pub(super) fn set(&self, now: Option<&GitHubNow>) {
        for (outcome, count) in now.iter().flat_map(|now| &now.outcomes) {
            // They are counted where they happen.
            self.requests.get_or_create(outcome).inner().store(*count, Ordering::Relaxed);
        }
        let limit = now.and_then(|now| now.limit);
        let gauges = [
            (&self.limit, limit.map(|(limit, ..)| number(limit))),
            (&self.left, limit.map(|(_, left, _)| number(left))),
            (&self.reset, limit.map(|(.., reset)| reset.as_second())),
        ];
        for (gauge, value) in gauges {
            gauge.clear();
            if let Some(value) = value {
                gauge.get_or_create(&[]).set(value);
            }
        }
    }
}
