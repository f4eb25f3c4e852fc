//! An incident to begin with, for the tests of what is said of it.

use std::{borrow::Cow, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{ClusterId, ObjectRef},
    findings::{ConditionClass, Evidence, Finding, Impact, Level, ServiceHit},
    incidents::{Incident, IncidentId, Priority, Severity, Stake, Status, Telling},
};

/// So many minutes after two o'clock.
pub(crate) fn at(minute: i64) -> Timestamp {
    "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

pub(crate) fn owner(kind: &'static str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed(kind), namespace: namespace.into(), name: name.into() }
}

/// So many replicas ready, and a Service in front of them with as many endpoints.
pub(crate) fn impact(ready: i32, desired: i32) -> Impact {
    let endpoints = |n| usize::try_from(n).unwrap();
    Impact {
        ready: Some(ready),
        desired: Some(desired),
        services: vec![ServiceHit {
            namespace: "shop".into(),
            name: "api".into(),
            ready_endpoints: endpoints(ready),
            endpoints: endpoints(desired),
        }],
        ..Impact::default()
    }
}

pub(crate) fn finding(class: ConditionClass, message: &str) -> Finding {
    Finding {
        check: Cow::Owned(format!("{class:?}")),
        owner: owner("Deployment", "shop", "api"),
        objects: Vec::new(),
        class,
        reason: format!("{class:?}"),
        message: message.into(),
        since: at(0),
        severity: Level::High,
        impact: impact(1, 2),
        evidence: vec![Evidence {
            source: "Pod shop/api-1 container api".into(),
            text: "ended: Error, exit code 1, ran 3 s, restarted 5 times".into(),
            at: Some(at(2)),
        }],
        recommendation: "Read why it ended: kubectl -n shop logs api-1 -c api --previous".into(),
        cause: None,
        log: None,
        grace: jiff::SignedDuration::ZERO,
    }
}

/// `Deployment shop/api` (P0), one of whose two pods crashes; of that severity from the beginning.
pub(crate) fn incident(severity: Severity) -> Incident {
    let mut crash =
        finding(ConditionClass::Crash, "container api ends with exit code 1, cause unknown; restarted 5 times");
    "CrashLoopBackOff".clone_into(&mut crash.reason);
    Incident {
        id: IncidentId("INC-2026-11-24-001".into()),
        cluster: ClusterId("uid-1".into()),
        owner: crash.owner.clone(),
        parent: None,
        symptom_of: None,
        hits: crate::incidents::Hits::default(),
        status: Status::Open,
        severity,
        why: "P0 service: degraded, but serving".into(),
        worst: severity,
        peak: severity,
        stake: Arc::new(Stake::of(Some(Priority::P0))),
        beside: Vec::new(),
        raise: None,
        changed: None,
        impact: crash.impact.clone(),
        findings: [(crash.class, crash.into())].into(),
        outage: None,
        log: None,
        since: at(0),
        opened_at: at(1),
        updated_at: at(2),
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
