//! The report for a program.

use serde_json::{Value, json};

use super::Report;
use crate::{
    cluster::ObjectRef,
    findings::Finding,
    incidents::{Incident, Priority},
};

impl Report {
    /// The report as JSON (see the module's documentation).
    pub fn to_json(&self) -> Value {
        json!({
            "schema": 1,
            "now": self.now,
            "cluster": self.cluster,
            "findings": self.findings.iter().map(|(f, priority)| finding(f, *priority)).collect::<Vec<_>>(),
            "incidents": self.incidents.iter().map(incident).collect::<Vec<_>>(),
            "pending": self.pending.iter().map(|(f, due)| json!({
                "check": f.check,
                "owner": object(&f.owner),
                "reason": f.reason,
                "message": f.message,
                "since": f.since,
                "wrong_at": due,
            })).collect::<Vec<_>>(),
            "blind": self.blind,
            "problems": self.problems,
            "looked_at": self.looked_at,
        })
    }
}

/// A reference with all its fields, also the empty namespace of what lives in none.
fn object(object: &ObjectRef) -> Value {
    json!({"kind": object.kind, "namespace": object.namespace, "name": object.name})
}

fn finding(finding: &Finding, priority: Option<Priority>) -> Value {
    json!({
        "check": finding.check,
        "owner": object(&finding.owner),
        "objects": finding.objects.iter().map(object).collect::<Vec<_>>(),
        "reason": finding.reason,
        "message": finding.message,
        "since": finding.since,
        "severity": finding.severity,
        "priority": priority,
        "impact": finding.impact,
        "evidence": finding.evidence,
        "recommendation": finding.recommendation,
    })
}

fn incident(incident: &Incident) -> Value {
    let headline = incident.headline();
    json!({
        "id": (!incident.id.0.is_empty()).then_some(&incident.id),
        "severity": incident.severity,
        "priority": incident.stake.priority,
        "owner": object(&incident.owner),
        "headline": headline.map(|finding| &finding.message),
        "since": incident.since,
        "impact": incident.impact,
        "checks": incident.findings.values().map(|finding| &finding.check).collect::<Vec<_>>(),
        "recommendation": headline.map(|finding| &finding.recommendation),
    })
}
