//! What can be measured of the bot: one table of names, filled by the loop and at the moment it is asked, told as `OpenMetrics` text.

use std::{fmt, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use super::github::{self, GitHubNow, OfGitHub};

/// A metric, as people look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without `k8s_monitor_`; of a counter without `_total`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub sort: &'static str,
    /// Its labels.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

pub(super) const fn metric(name: &'static str, sort: &'static str, labels: &'static str, help: &'static str) -> Metric {
    Metric { name, sort, labels, help }
}

const FRAME_AGE: Metric = metric(
    "watch_last_frame_age_seconds",
    "gauge",
    "cluster, kind, namespace",
    "Seconds since a watch last heard anything from the API server",
);
const STATE: Metric = metric(
    "watch_state",
    "gauge",
    "cluster, kind, namespace, state",
    "1 for the state a watch is in: seen, blind, stale, not_applicable or unread",
);
const CONNECTS: Metric = metric("watch_connects", "counter", "cluster, kind", "How often a watch was opened");
const LISTS: Metric = metric(
    "watch_lists",
    "counter",
    "cluster, kind, reason",
    "How often a kind was listed: at the start, because a version had expired, because it was lost, because of drift",
);
const OBJECTS: Metric = metric("objects", "gauge", "cluster, kind", "Objects that are known");
const DRIFT: Metric = metric(
    "drift_objects",
    "counter",
    "cluster, kind",
    "Objects that a pass found to differ from the cluster though their watch had told everything: a bug",
);
const EVENTS: Metric =
    metric("events", "counter", "", "Events that were handled: changes, commands, passes, what is due");
const EVENT_SECONDS: Metric = metric("event_seconds", "histogram", "", "How long one event was handled");
const CHANGE_SECONDS: Metric = metric(
    "change_to_outbox_seconds",
    "histogram",
    "",
    "From the arrival of a change to the message of it that was stored to be sent",
);
const EVALUATIONS: Metric = metric("evaluations", "counter", "", "Owners that all checks were asked about");
const EVALUATION_SECONDS: Metric =
    metric("evaluation_seconds", "histogram", "", "How long all checks took for one owner");
const INCIDENTS: Metric = metric("incidents_open", "gauge", "cluster, severity", "Open incidents");
const WAITING: Metric = metric("outbox_waiting", "gauge", "", "Messages that wait to be sent");
const DEAD: Metric = metric("outbox_dead", "gauge", "", "Messages that were given up");
const UNDELIVERED: Metric = metric(
    "outbox_undelivered",
    "gauge",
    "",
    "Messages that wait because something stands in the way: a channel that is gone, a token or key that is refused",
);
const OLDEST: Metric = metric(
    "outbox_oldest_age_seconds",
    "gauge",
    "",
    "Seconds since the oldest message that waits was written; 0: none waits",
);
const STANDBYS: Metric =
    metric("standbys", "gauge", "", "Replicas that stand by to take over, as the one that watches sees them");
const SOCKETS: Metric = metric("slack_sockets", "gauge", "", "Open sockets to Slack");

/// Every metric, in the order in which they are told.
pub const METRICS: [Metric; 22] = [
    FRAME_AGE,
    STATE,
    CONNECTS,
    LISTS,
    OBJECTS,
    DRIFT,
    EVENTS,
    EVENT_SECONDS,
    CHANGE_SECONDS,
    EVALUATIONS,
    EVALUATION_SECONDS,
    INCIDENTS,
    WAITING,
    DEAD,
    UNDELIVERED,
    OLDEST,
    SOCKETS,
    STANDBYS,
    github::REQUESTS,
    github::LIMIT,
    github::LEFT,
    github::RESET,
];

/// The labels of what is told of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the fields are the labels")]
pub struct OfKind {
    pub cluster: String,
    pub kind: &'static str,
}

/// The labels of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the fields are the labels")]
pub struct OfReason {
    pub cluster: String,
    pub kind: &'static str,
    pub reason: &'static str,
}

/// The labels of a watch; the namespace is empty for the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the fields are the labels")]
pub struct OfWatch {
    pub cluster: String,
    pub kind: &'static str,
    pub namespace: String,
}

/// The labels of a watch in a state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the fields are the labels")]
pub struct OfState {
    pub cluster: String,
    pub kind: &'static str,
    pub namespace: String,
    pub state: &'static str,
}

/// The labels of incidents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "the fields are the labels")]
pub struct OfSeverity {
    pub cluster: String,
    pub severity: &'static str,
}

/// How things are at the moment somebody asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Of each watch that has heard something: how long ago, in seconds.
    pub ages: Vec<(OfWatch, f64)>,
    /// The state of each watch.
    pub states: Vec<OfState>,
    /// Objects per kind.
    pub objects: Vec<(OfKind, usize)>,
    /// Open incidents per severity.
    pub incidents: Vec<(OfSeverity, usize)>,
    /// Messages that wait, and that were given up; None if the store does not say.
    pub outbox: Option<(u64, u64)>,
    /// Messages that something stands in the way of, and the age of the oldest that waits, in seconds.
    pub undelivered: Option<(u64, f64)>,
    /// Open sockets to Slack; None if there is no Slack.
    pub sockets: Option<u32>,
    /// Replicas that stand by.
    pub standbys: usize,
    /// GitHub; None if it is not asked.
    pub github: Option<GitHubNow>,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Everything that is measured.
pub struct Metrics {
    registry: Registry,
    ages: Family<OfWatch, Seconds>,
    states: Family<OfState, Gauge>,
    connects: Family<OfKind, Counter>,
    lists: Family<OfReason, Counter>,
    objects: Family<OfKind, Gauge>,
    drift: Family<OfKind, Counter>,
    events: Counter,
    event_seconds: Histogram,
    change_seconds: Histogram,
    evaluations: Counter,
    evaluation_seconds: Histogram,
    incidents: Family<OfSeverity, Gauge>,
    waiting: Gauge,
    dead: Gauge,
    undelivered: Gauge,
    oldest: Seconds,
    sockets: Gauge,
    standbys: Gauge,
    github: OfGitHub,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("k8s_monitor");
        let mut all = Self {
            ages: Family::default(),
            states: Family::default(),
            connects: Family::default(),
            lists: Family::default(),
            objects: Family::default(),
            drift: Family::default(),
            events: Counter::default(),
            // 0.1 ms to 13 s.
            event_seconds: Histogram::new(exponential_buckets(0.0001, 3.7, 10)),
            // 1 ms to 19 s, finest where it should be: 250 ms.
            change_seconds: Histogram::new([0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
            evaluations: Counter::default(),
            // 10 µs to 0.7 s.
            evaluation_seconds: Histogram::new(exponential_buckets(0.00001, 4.0, 9)),
            incidents: Family::default(),
            waiting: Gauge::default(),
            dead: Gauge::default(),
            undelivered: Gauge::default(),
            oldest: Seconds::default(),
            sockets: Gauge::default(),
            standbys: Gauge::default(),
            github: OfGitHub::default(),
            registry: Registry::default(),
        };
        registry.register(FRAME_AGE.name, FRAME_AGE.help, all.ages.clone());
        registry.register(STATE.name, STATE.help, all.states.clone());
        registry.register(CONNECTS.name, CONNECTS.help, all.connects.clone());
        registry.register(LISTS.name, LISTS.help, all.lists.clone());
        registry.register(OBJECTS.name, OBJECTS.help, all.objects.clone());
        registry.register(DRIFT.name, DRIFT.help, all.drift.clone());
        registry.register(EVENTS.name, EVENTS.help, all.events.clone());
        registry.register(EVENT_SECONDS.name, EVENT_SECONDS.help, all.event_seconds.clone());
        registry.register(CHANGE_SECONDS.name, CHANGE_SECONDS.help, all.change_seconds.clone());
        registry.register(EVALUATIONS.name, EVALUATIONS.help, all.evaluations.clone());
        registry.register(EVALUATION_SECONDS.name, EVALUATION_SECONDS.help, all.evaluation_seconds.clone());
        registry.register(INCIDENTS.name, INCIDENTS.help, all.incidents.clone());
        registry.register(WAITING.name, WAITING.help, all.waiting.clone());
        registry.register(DEAD.name, DEAD.help, all.dead.clone());
        registry.register(UNDELIVERED.name, UNDELIVERED.help, all.undelivered.clone());
        registry.register(OLDEST.name, OLDEST.help, all.oldest.clone());
        registry.register(SOCKETS.name, SOCKETS.help, all.sockets.clone());
        registry.register(STANDBYS.name, STANDBYS.help, all.standbys.clone());
        all.github.register(&mut registry);
        all.registry = registry;
        all
    }
}

impl Metrics {
    /// A watch was opened.
    pub fn connected(&self, cluster: &str, kind: &'static str) {
        self.connects.get_or_create(&OfKind { cluster: cluster.to_owned(), kind }).inc();
    }

    /// A list began.
    pub fn listed(&self, cluster: &str, kind: &'static str, reason: &'static str) {
        self.lists.get_or_create(&OfReason { cluster: cluster.to_owned(), kind, reason }).inc();
    }

    /// So many objects were not as their watch had told.
    pub fn drifted(&self, cluster: &str, kind: &'static str, objects: usize) {
        self.drift.get_or_create(&OfKind { cluster: cluster.to_owned(), kind }).inc_by(objects as u64);
    }

    /// An event was handled, in so many seconds.
    pub fn handled(&self, seconds: f64) {
        self.events.inc();
        self.event_seconds.observe(seconds);
    }

    /// So many seconds after a change arrived, a message of it was stored.
    pub fn said(&self, seconds: f64) {
        self.change_seconds.observe(seconds);
    }

    /// An owner was judged, in so many seconds.
    pub fn evaluated(&self, seconds: f64) {
        self.evaluations.inc();
        self.evaluation_seconds.observe(seconds);
    }

    /// Everything as `OpenMetrics` text, with how things are now.
    pub fn tell(&self, now: &Moment) -> String {
        self.ages.clear();
        for (watch, seconds) in &now.ages {
            self.ages.get_or_create(watch).set(*seconds);
        }
        self.states.clear();
        for state in &now.states {
            self.states.get_or_create(state).set(1);
        }
        self.objects.clear();
        for (kind, objects) in &now.objects {
            self.objects.get_or_create(kind).set(number(*objects));
        }
        self.incidents.clear();
        for (severity, open) in &now.incidents {
            self.incidents.get_or_create(severity).set(number(*open));
        }
        if let Some((waiting, dead)) = now.outbox {
            self.waiting.set(number(waiting));
            self.dead.set(number(dead));
        }
        if let Some((undelivered, oldest)) = now.undelivered {
            self.undelivered.set(number(undelivered));
            self.oldest.set(oldest);
        }
        self.sockets.set(now.sockets.map_or(0, i64::from));
        self.standbys.set(number(now.standbys));
        self.github.set(now.github.as_ref());
        let mut text = String::new();
        // Writing into a text cannot fail.
        text::encode(&mut text, &self.registry).ok();
        text
    }
}

pub(super) fn number(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{super::OfOutcome, *};

    #[test]
    fn every_metric_of_the_table_is_told_with_its_sort_and_help_and_no_other() {
        let metrics = Metrics::default();
        metrics.connected("prod", "Pod");
        metrics.listed("prod", "Pod", "start");
        metrics.drifted("prod", "Pod", 2);
        let cluster = || "prod".to_owned();
        let watch = OfWatch { cluster: cluster(), kind: "Pod", namespace: String::new() };
        let text = metrics.tell(&Moment {
            ages: vec![(watch, 1.5)],
            states: vec![OfState { cluster: cluster(), kind: "Pod", namespace: String::new(), state: "seen" }],
            objects: vec![(OfKind { cluster: cluster(), kind: "Pod" }, 7)],
            incidents: vec![(OfSeverity { cluster: cluster(), severity: "SEV-1" }, 1)],
            outbox: Some((3, 0)),
            undelivered: Some((2, 90.5)),
            sockets: Some(2),
            standbys: 1,
            github: Some(GitHubNow {
                outcomes: vec![(OfOutcome { outcome: "answered" }, 5)],
                limit: Some((5000, 4990, Timestamp::from_second(1_764_000_000).unwrap())),
            }),
        });
        let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        let expected: Vec<String> = METRICS
            .iter()
            .flat_map(|m| {
                let name = format!("k8s_monitor_{}", m.name);
                [format!("HELP {name} {}.", m.help), format!("TYPE {name} {}", m.sort)]
            })
            .chain(["EOF".to_owned()])
            .collect();
        assert_eq!(told, expected);
        for value in [
            "k8s_monitor_watch_last_frame_age_seconds{cluster=\"prod\",kind=\"Pod\",namespace=\"\"} 1.5",
            "k8s_monitor_watch_lists_total{cluster=\"prod\",kind=\"Pod\",reason=\"start\"} 1",
            "k8s_monitor_drift_objects_total{cluster=\"prod\",kind=\"Pod\"} 2",
            "k8s_monitor_objects{cluster=\"prod\",kind=\"Pod\"} 7",
            "k8s_monitor_outbox_waiting 3",
            "k8s_monitor_outbox_undelivered 2",
            "k8s_monitor_outbox_oldest_age_seconds 90.5",
            "k8s_monitor_slack_sockets 2",
            "k8s_monitor_standbys 1",
            "k8s_monitor_github_requests_total{outcome=\"answered\"} 5",
            "k8s_monitor_github_limit_requests 5000",
            "k8s_monitor_github_limit_remaining_requests 4990",
            "k8s_monitor_github_limit_reset_timestamp_seconds 1764000000",
        ] {
            assert!(text.lines().any(|line| line == value), "{value} is not in:\n{text}");
        }
        // What was told of a limit that is over says nothing.
        let text = metrics.tell(&Moment { github: Some(GitHubNow::default()), ..Moment::default() });
        assert!(!text.lines().any(|line| line.starts_with("k8s_monitor_github_limit")), "{text}");
    }
}
