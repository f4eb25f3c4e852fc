//! What one look at a cluster or a dump (`check`) says, for a person and for a program.
//!
//! # As JSON
//!
//! Schema 1. Fields are added, never taken away or renamed; times are RFC 3339 in UTC; what is not known is `null` or empty.
//!
//! ```json
//! {"schema": 1, "now": "2026-11-24T03:00:00Z", "cluster": "prod",
//!  "findings": [{"check": "crash-loop", "owner": {"kind": "Deployment", "namespace": "shop", "name": "api"},
//!    "objects": [{"kind": "Pod", "namespace": "shop", "name": "api-1"}],
//!    "reason": "CrashLoopBackOff", "message": "one sentence", "since": "2026-11-24T02:50:00Z",
//!    "severity": "critical | high | warning | info", "priority": "P0 | P1 | P2 | P3 | null",
//!    "impact": {"ready": 0, "desired": 2,
//!      "services": [{"namespace": "shop", "name": "api", "ready_endpoints": 0, "endpoints": 2}]},
//!    "evidence": [{"source": "Pod shop/api-1 container app", "text": "exit code 1", "at": "2026-11-24T02:59:00Z"}],
//!    "recommendation": "what to do"}],
//!  "incidents": [{"id": null, "severity": "SEV-2", "priority": null, "owner": {}, "headline": "one sentence",
//!    "since": "2026-11-24T02:50:00Z", "impact": {}, "checks": ["crash-loop"], "recommendation": "what to do"}],
//!  "pending": [{"check": "not-ready", "owner": {}, "reason": "", "message": "", "since": "", "wrong_at": "2026-11-24T03:01:00Z"}],
//!  "blind": [{"kind": "Node", "namespace": null, "since": "2026-11-24T03:00:00Z", "why": "forbidden", "required": true}],
//!  "problems": [{"file": "pods.yaml", "document": 2, "item": 7, "what": "what is wrong with it"}],
//!  "looked_at": {"workloads": 14, "nodes": 3, "claims": 2, "others": 9}}
//! ```
//!
//! `pending` looks wrong but is within its waiting time; `blind` could not be seen; `problems` could not be read in a dump.

mod json;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cluster::{ClusterId, DumpProblem, Kind, ObjectRef},
    findings::{Finding, Judgement, Look, Verdict, judge},
    incidents::{Incident, Policy, Priority, Stake, Standing, Step, escalation::Habits, step},
    services::Priorities,
};

/// What one look says.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of the cluster or of the dump.
    pub cluster: String,
    /// The present of the look.
    pub now: Timestamp,
    /// What is wrong, with the priority of its owner.
    pub findings: Vec<(Finding, Option<Priority>)>,
    /// The same, one for each owner, worst first.
    pub incidents: Vec<Incident>,
    /// What looks wrong but is within its waiting time, and when that is over.
    pub pending: Vec<(Finding, Timestamp)>,
    /// What could not be seen.
    pub blind: Vec<Blind>,
    /// What of a dump could not be read.
    pub problems: Vec<DumpProblem>,
    /// How much was looked at.
    pub looked_at: LookedAt,
}

/// A kind that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Blind {
    /// The kind.
    pub kind: Kind,
    /// Where; None: everywhere.
    pub namespace: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Why, for people.
    pub why: String,
    /// Whether nobody can say that all is well without it.
    pub required: bool,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the fields say what they count")]
pub struct LookedAt {
    pub workloads: usize,
    pub nodes: usize,
    pub claims: usize,
    /// Webhooks, aggregated APIs, Ingresses, autoscalers, volumes, certificates.
    pub others: usize,
}

impl Report {
    /// Judges every owner (of one namespace, if that is given; what lives in none is always looked at) and makes incidents of what is wrong.
    pub fn of(
        look: &Look<'_>,
        cluster: &str,
        namespace: Option<&str>,
        (priorities, policy): (&Priorities, &Policy),
    ) -> Self {
        let mut report = Self {
            cluster: cluster.to_owned(),
            now: look.now,
            findings: Vec::new(),
            incidents: Vec::new(),
            pending: Vec::new(),
            blind: blind(look, namespace),
            problems: Vec::new(),
            looked_at: LookedAt::default(),
        };
        let id = ClusterId(cluster.to_owned());
        let here = |owner: &ObjectRef| {
            let is_namespace = owner.watched_kind() == Some(Kind::Namespace);
            let at = if is_namespace { &owner.name } else { &owner.namespace };
            at.is_empty() || namespace.is_none_or(|ns| at == ns)
        };
        for owner in look.index.owners().filter(here) {
            report.looked_at.count(&owner);
            let judgements = judge(&owner, look);
            // What is at stake with what is well does not matter.
            if judgements.iter().any(|judgement| judgement.verdict.finding().is_some()) {
                let stake = Arc::new(priorities.stake_of(&owner, look.index));
                report.take(&owner, judgements, &id, (&stake, policy));
            }
        }
        report.findings.sort_by_cached_key(|(finding, _)| (finding.severity, finding.owner.clone(), finding.class));
        report.incidents.sort_by_cached_key(|incident| {
            let priority = incident.stake.priority;
            (incident.severity, priority.is_none(), priority, incident.since, incident.owner.clone())
        });
        report
    }

    /// Adds what of the dump could not be read.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<DumpProblem>) -> Self {
        self.problems = problems;
        self
    }

    /// 0: nothing wrong; 1: something is; 2: something that is needed to say so could not be seen or read, which wins.
    pub fn exit_code(&self) -> u8 {
        if !self.problems.is_empty() || self.blind.iter().any(|blind| blind.required) {
            2
        } else {
            u8::from(!self.findings.is_empty())
        }
    }

    fn take(
        &mut self,
        owner: &ObjectRef,
        judgements: Vec<Judgement>,
        cluster: &ClusterId,
        (stake, policy): (&Arc<Stake>, &Policy),
    ) {
        let priority = stake.priority;
        let incident = step(
            None,
            &Step {
                cluster,
                owner,
                judgements: &judgements,
                impact: None,
                stake,
                policy,
                beside: &[],
                silences: &[],
                habits: Habits::default(),
                standing: Standing::Alone,
                hits: &[],
                members: &[],
                digest: None,
                last: None,
                changed: None,
                past: &[],
                zone: &TimeZone::UTC,
                now: self.now,
            },
        );
        self.incidents.extend(incident);
        for judgement in judgements {
            match judgement.verdict {
                Verdict::Wrong(finding) => self.findings.push((Arc::unwrap_or_clone(finding), priority)),
                Verdict::Pending(finding, due) => self.pending.push((Arc::unwrap_or_clone(finding), due)),
                Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Unknown(_) | Verdict::Symptom(_) => {}
            }
        }
    }

    /// Findings of which no incident tells: what is history already (a Job that failed the day before yesterday).
    fn untold(&self) -> impl Iterator<Item = &(Finding, Option<Priority>)> {
        let told: BTreeMap<&ObjectRef, &Incident> = self.incidents.iter().map(|i| (&i.owner, i)).collect();
        self.findings.iter().filter(move |(finding, _)| {
            told.get(&finding.owner).is_none_or(|incident| !incident.findings.contains_key(&finding.class))
        })
    }
}

impl LookedAt {
    fn count(&mut self, owner: &ObjectRef) {
        match owner.watched_kind() {
            Some(Kind::Node) => self.nodes += 1,
            Some(Kind::PersistentVolumeClaim) => self.claims += 1,
            Some(
                Kind::PersistentVolume
                | Kind::Ingress
                | Kind::HorizontalPodAutoscaler
                | Kind::ApiService
                | Kind::ValidatingWebhookConfiguration
                | Kind::MutatingWebhookConfiguration
                | Kind::Certificate,
            ) => self.others += 1,
            Some(Kind::Namespace | Kind::Service) => {}
            _ => self.workloads += 1,
        }
    }
}

/// What could not be seen, as far as it belongs to the namespace looked at.
fn blind(look: &Look<'_>, namespace: Option<&str>) -> Vec<Blind> {
    let sight = look.index.sight();
    let never_read = Kind::ALL.into_iter().filter(|kind| {
        sight.known(*kind, None).is_none() && namespace.is_none_or(|ns| sight.blind(*kind, ns) == Some("not read yet"))
    });
    let known = sight.all_blind().filter(|(_, at, ..)| at.is_none() || namespace.is_none() || *at == namespace).map(
        |(kind, at, since, why)| Blind {
            kind,
            namespace: at.map(str::to_owned),
            since,
            why: why.to_owned(),
            required: sight.is_required(kind),
        },
    );
    let mut all: Vec<Blind> = known.collect();
    for kind in never_read {
        if !all.iter().any(|blind| blind.kind == kind) && !is_seen_somewhere(look, kind) {
            let why = "not read yet".to_owned();
            all.push(Blind { kind, namespace: None, since: look.now, why, required: kind.is_required() });
        }
    }
    all
}

/// Whether a kind can be seen in some namespace (it is then read namespace by namespace).
fn is_seen_somewhere(look: &Look<'_>, kind: Kind) -> bool {
    look.index.namespaces().iter().any(|namespace| look.index.sight().blind(kind, namespace).is_none())
}
