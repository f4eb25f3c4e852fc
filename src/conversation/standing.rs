//! How things stand at one moment: the value every answer is made from.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    clock::Now,
    cluster::{ClusterId, Kind, Meter, Sight},
    incidents::{Incident, Silence},
};

/// Everything an answer may need, taken at `now`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Standing {
    pub version: String,
    pub now: Timestamp,
    /// The zone in which people are told times.
    pub zone: TimeZone,
    pub started_at: Timestamp,
    pub clusters: Vec<ClusterStanding>,
    pub outbox: OutboxStanding,
    /// None: Slack is not configured.
    pub sockets: Option<SocketStanding>,
    /// Slack, model key, GitHub token, store: configured or missing.
    pub parts: Vec<Part>,
}

/// One cluster.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct ClusterStanding {
    pub name: String,
    /// Why nothing is known of it at present, if so: no process watches it, or the one that does is not heard.
    #[serde(skip)]
    pub unwatched: Option<String>,
    /// The process that watches it, if that is another than the one that answers.
    #[serde(skip)]
    pub elsewhere: Option<String>,
    /// When it is passed next.
    pub next_pass: Option<Timestamp>,
    pub id: Option<ClusterId>,
    /// Whether every kind was listed (or found to be blind) once; before that nothing can be said.
    pub complete: bool,
    pub blind: Vec<Blind>,
    /// What cannot be measured, and why; without it nobody is told of what is about to be full.
    pub unmeasured: Vec<(Meter, String)>,
    /// The watches of what can be seen.
    pub watches: Vec<WatchStanding>,
    /// The open incidents, in any order.
    #[serde(skip)]
    pub incidents: Vec<Incident>,
    /// The last monitoring passes, newest first.
    #[serde(skip)]
    pub cycles: Vec<Cycle>,
    pub counts: BTreeMap<Kind, usize>,
    pub namespaces: Vec<String>,
    /// The services of the catalogue.
    pub services: Vec<String>,
    /// What is silenced at present.
    #[serde(skip)]
    pub silences: Vec<Silence>,
}

/// Something that cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Blind {
    pub kind: Kind,
    /// None: everywhere.
    pub namespace: Option<String>,
    pub since: Timestamp,
    pub why: String,
    /// Without it nothing can be called healthy.
    pub required: bool,
}

/// A watch of something that can be seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct WatchStanding {
    pub kind: Kind,
    /// None: everywhere.
    pub namespace: Option<String>,
    /// When anything was last heard: a change, or that there is none.
    pub heard: Timestamp,
    /// Heard so lately that nothing can have been missed.
    pub is_fresh: bool,
}

/// One monitoring pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Cycle {
    pub at: Timestamp,
    /// `ok`, `blind`, `failed`.
    pub status: String,
    pub findings: usize,
    pub alerts: usize,
    pub took: SignedDuration,
}

/// What waits to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct OutboxStanding {
    pub waiting: usize,
    pub oldest: Option<Timestamp>,
    /// Rows that were given up.
    pub stuck: usize,
    /// How many are written down in which file, so that they can be read there.
    pub written_down: Option<(usize, String)>,
    /// Why the newest of them waits, or was given up.
    pub last_error: Option<String>,
}

/// The sockets to Slack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct SocketStanding {
    pub open: u32,
    pub wanted: u32,
    pub last_frame_at: Option<Timestamp>,
}

/// A part of the bot that is configured or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Part {
    pub name: String,
    /// With what it is configured, secrets masked; or what is missing without it.
    pub state: Result<String, String>,
    /// What a person has to mend so that it works, each in a sentence.
    pub troubles: Vec<String>,
}

impl Blind {
    /// Everything blind in a sight.
    pub fn all_of(sight: &Sight) -> Vec<Self> {
        sight
            .all_blind()
            .map(|(kind, namespace, since, why)| Self {
                kind,
                namespace: namespace.map(str::to_owned),
                since,
                why: why.to_owned(),
                required: sight.is_required(kind),
            })
            .collect()
    }

    /// Whether it hides something of that namespace.
    pub fn hides(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|ns| ns == namespace)
    }
}

impl Standing {
    /// The present, with the zone in which times are told.
    pub fn present(&self) -> Now<'_> {
        Now { at: self.now, zone: &self.zone }
    }

    /// All open incidents, the worst first, then the oldest.
    pub fn open_incidents(&self) -> Vec<&Incident> {
        let mut open: Vec<_> = self.clusters.iter().flat_map(|c| &c.incidents).filter(|i| i.is_open()).collect();
        open.sort_by(|a, b| (a.severity, a.since, &a.id).cmp(&(b.severity, b.since, &b.id)));
        open
    }

    /// All known namespaces, or None where they cannot be known (blind, or not read yet).
    pub fn namespaces(&self) -> Option<Vec<&str>> {
        let known = self.clusters.iter().all(|c| c.complete && !c.blind.iter().any(|b| b.kind == Kind::Namespace));
        known.then(|| self.clusters.iter().flat_map(|c| c.namespaces.iter().map(String::as_str)).collect())
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! A standing for the tests of the answers.

    use std::borrow::Cow;

    use super::*;
    use crate::{
        cluster::ObjectRef,
        findings::{ConditionClass, Evidence, Finding, Impact, Level, ServiceHit},
        incidents::{IncidentId, Priority, Severity, Stake, Status, Telling},
    };

    pub(crate) fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    /// The same as the present.
    pub(crate) fn now(text: &str) -> Now<'static> {
        Now::utc(at(text))
    }

    pub(crate) fn finding() -> Finding {
        let pod = ObjectRef { kind: Cow::Borrowed("Pod"), namespace: "shop".into(), name: "api-1".into() };
        Finding {
            check: "out-of-memory".into(),
            owner: ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() },
            objects: vec![pod],
            class: ConditionClass::OutOfMemory,
            reason: "OOMKilled".into(),
            message: "Container app was killed 6 times for using more than its 256Mi of memory".into(),
            since: at("13:57:00"),
            severity: Level::Critical,
            impact: impact(),
            evidence: vec![Evidence {
                source: "Pod shop/api-1 container app".into(),
                text: "terminated: OOMKilled, exit code 137 <script> & *stars*".into(),
                at: Some(at("14:05:00")),
            }],
            recommendation: "Raise the memory limit or find the leak".into(),
            cause: None,
            log: None,
            grace: jiff::SignedDuration::ZERO,
        }
    }

    pub(crate) fn impact() -> Impact {
        Impact {
            ready: Some(0),
            desired: Some(2),
            services: vec![ServiceHit {
                namespace: "shop".into(),
                name: "api".into(),
                ready_endpoints: 0,
                endpoints: 2,
            }],
            ..Impact::default()
        }
    }

    pub(crate) fn incident(number: u32, severity: Severity) -> Incident {
        let finding = finding();
        Incident {
            id: IncidentId(format!("INC-2026-11-24-{number:03}")),
            cluster: ClusterId("uid-1".into()),
            owner: finding.owner.clone(),
            parent: None,
            symptom_of: None,
            hits: crate::incidents::Hits::default(),
            status: Status::Open,
            severity,
            why: String::new(),
            worst: severity,
            peak: severity,
            outage: None,
            log: None,
            stake: std::sync::Arc::new(Stake::of(Some(Priority::P0))),
            beside: Vec::new(),
            raise: None,
            changed: None,
            impact: finding.impact.clone(),
            since: finding.since,
            findings: [(finding.class, finding.into())].into(),
            opened_at: at("13:57:30"),
            updated_at: at("14:05:00"),
            healthy_since: None,
            unseen_since: None,
            frozen: None,
            reopened: 0,
            before: None,
            acknowledged: None,
            telling: Telling::default(),
            silenced: None,
            resolution: None,
            members: Vec::new(),
            version: 1,
        }
    }

    pub(crate) fn healthy() -> Standing {
        Standing {
            version: "0.1.0".into(),
            now: at("14:09:00"),
            zone: TimeZone::UTC,
            started_at: at("10:57:00"),
            clusters: vec![ClusterStanding {
                unmeasured: Vec::new(),
                name: "production".into(),
                next_pass: Some(at("14:09:30")),
                id: Some(ClusterId("uid-1".into())),
                complete: true,
                watches: [(Kind::Pod, "14:08:50"), (Kind::Node, "14:08:20"), (Kind::Deployment, "14:08:31")]
                    .map(|(kind, heard)| WatchStanding { kind, namespace: None, heard: at(heard), is_fresh: true })
                    .into(),
                counts: [(Kind::Pod, 120), (Kind::Deployment, 14), (Kind::Node, 1)].into(),
                namespaces: vec!["default".into(), "kube-system".into(), "shop".into(), "shop-staging".into()],
                services: Vec::new(),
                silences: Vec::new(),
                cycles: vec![Cycle {
                    at: at("14:08:30"),
                    status: "ok".into(),
                    findings: 0,
                    alerts: 0,
                    took: SignedDuration::from_millis(800),
                }],
                ..ClusterStanding::default()
            }],
            outbox: OutboxStanding::default(),
            sockets: Some(SocketStanding { open: 2, wanted: 2, last_frame_at: Some(at("14:08:00")) }),
            parts: vec![
                Part { name: "Store".into(), state: Ok("sqlite:///data/k8s-monitor.db".into()), troubles: Vec::new() },
                Part {
                    name: "GitHub token".into(),
                    state: Err("no commits and pull requests in alerts".into()),
                    troubles: Vec::new(),
                },
            ],
        }
    }

    /// `production` as when it is broken, and `edge`, which is well and has the namespaces `shop` and `garden`.
    pub(crate) fn two_clusters() -> Standing {
        let mut standing = broken();
        let mut edge = healthy().clusters.remove(0);
        edge.name = "edge".into();
        edge.id = Some(ClusterId("uid-2".into()));
        edge.namespaces = vec!["garden".into(), "shop".into()];
        standing.clusters.push(edge);
        standing
    }

    pub(crate) fn broken() -> Standing {
        let mut standing = healthy();
        let cluster = &mut standing.clusters[0];
        let mut second = incident(2, Severity::Sev2);
        second.acknowledged =
            Some(crate::incidents::Acknowledgement { by: "U2".into(), at: at("14:01:00"), note: "on it".into() });
        cluster.incidents = vec![second, incident(1, Severity::Sev1)];
        cluster.services = vec!["orders".into()];
        cluster.silences = vec![crate::incidents::Silence {
            id: 3,
            of: crate::incidents::Silenced::Namespace("shop-staging".into()),
            by: "U2".into(),
            reason: "we move it <!here>".into(),
            at: at("14:02:00"),
            until: at("16:00:00"),
        }];
        cluster.blind = vec![Blind {
            kind: Kind::Job,
            namespace: None,
            since: at("13:00:00"),
            why: "forbidden: jobs.batch is forbidden".into(),
            required: true,
        }];
        standing.outbox = OutboxStanding {
            waiting: 3,
            oldest: Some(at("14:07:00")),
            stuck: 1,
            written_down: Some((2, "/data/incidents/undelivered.md".into())),
            last_error: Some("the bot is not in #alerts: /invite @k8s-monitor there".into()),
        };
        standing
    }
}
