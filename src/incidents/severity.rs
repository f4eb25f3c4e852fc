//! How bad: a table from serving impact and priority to `SEV-1` .. `SEV-4`, with the reason in words.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use crate::services::{Priority, Role};
use crate::{
    findings::{ConditionClass, Impact, Level},
    incidents::in_words,
};

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
    /// Whether people are told at once; the others are only recorded.
    pub fn is_said(self) -> bool {
        self <= Self::Sev2
    }
}

impl Severity {
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
/// The downtime a P1 service may have before it is SEV-2.
pub const P1_DOWNTIME: SignedDuration = SignedDuration::from_mins(5);

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

    fn goes_on(self, now: Timestamp) -> bool {
        self.ended.is_none_or(|ended| now.duration_since(ended) < UNSERVED_AFTER)
    }
}

/// What the table reads of an incident.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Which sorts of trouble.
    pub classes: &'a [ConditionClass],
    /// The loudest of what was found, by itself.
    pub loudest: Level,
    /// Who is hit.
    pub impact: &'a Impact,
    /// When nothing was ready.
    pub outage: Option<Outage>,
    /// How much it matters; None is `Unlisted`.
    pub priority: Option<Priority>,
    /// What it is for the cluster.
    pub role: Option<Role>,
}

/// How bad it is at `now`, and why, in words.
pub fn assess(facts: &Facts<'_>, now: Timestamp) -> (Severity, String) {
    use Severity::{Sev1, Sev2, Sev3, Sev4};
    let has = |class| facts.classes.contains(&class);
    if has(ConditionClass::Blind) {
        return (Sev1, "nothing is known of the cluster".to_owned());
    }
    if has(ConditionClass::PartlyBlind) {
        return (Sev2, "a part of the cluster is unknown".to_owned());
    }
    if has(ConditionClass::NodeDown) {
        return match facts.role {
            Some(Role::OnlyNode) => (Sev1, "the only node is down".to_owned()),
            Some(Role::ControlPlaneNode) => (Sev1, "a control-plane node is down".to_owned()),
            _ => (Sev2, "a worker node is down".to_owned()),
        };
    }
    if has(ConditionClass::RegistryDown) {
        return (Sev3, "several workloads cannot pull their images".to_owned());
    }
    let who = who(facts);
    // P3 first: nothing of it is ever posted, whatever is wrong with it.
    if facts.priority == Some(Priority::P3) {
        return (Sev4, format!("{who}: recorded only"));
    }
    if let Some((severity, what)) = apart(facts, &who) {
        return (severity, what);
    }
    let down = facts.outage.filter(|o| o.goes_on(now)).map(|o| now.duration_since(o.since));
    if let Some(down) = down.filter(|down| *down >= UNSERVED_AFTER) {
        let essential = matches!(facts.role, Some(Role::ClusterDns | Role::IngressController | Role::OnlyControlPlane));
        // The words name the threshold that decided, not the time gone: they are shown, and must not change by the minute.
        let decided_late = facts.priority == Some(Priority::P1) && !essential && down >= P1_DOWNTIME;
        let past = if decided_late { P1_DOWNTIME } else { UNSERVED_AFTER };
        let severity = match facts.priority {
            _ if essential => Sev1,
            _ if facts.role == Some(Role::ControlPlane) => Sev2,
            Some(Priority::P0) => Sev1,
            Some(Priority::P1) if down >= P1_DOWNTIME => Sev2,
            Some(Priority::P1 | Priority::P2 | Priority::P3) => Sev3,
            None => Sev2,
        };
        let what = if facts.impact.quorum_lost { "less than half ready" } else { "nothing ready" };
        return (severity, format!("{who}: {what} for over {}", in_words(past)));
    }
    if has(ConditionClass::VolumeFull) && !facts.impact.is_unserved() {
        let severity = match facts.priority {
            Some(Priority::P0 | Priority::P1) | None => Sev2,
            Some(Priority::P2 | Priority::P3) => Sev3,
        };
        return (severity, format!("{who}: a volume is full or about to be"));
    }
    let of_limits =
        |class: &ConditionClass| matches!(class, ConditionClass::NearLimit | ConditionClass::VolumeNearLimit);
    let trouble = if !facts.classes.is_empty() && facts.classes.iter().all(of_limits) {
        "about to reach a limit, but serving"
    } else if facts.impact.quorum_lost {
        "less than half ready, for less than a minute"
    } else if facts.impact.is_unserved() {
        "nothing ready, for less than a minute"
    } else if facts.classes.iter().all(|c| *c == ConditionClass::NoEndpoints) && has(ConditionClass::NoEndpoints) {
        "a Service has no endpoints"
    } else if has(ConditionClass::RolloutStuck) {
        "the rollout is stuck, the old pods serve"
    } else {
        "degraded, but serving"
    };
    let severity = match facts.priority {
        _ if matches!(facts.role, Some(Role::ControlPlane | Role::OnlyControlPlane)) => Sev2,
        Some(Priority::P0) => Sev2,
        Some(Priority::P1) if has(ConditionClass::RolloutStuck) && !facts.impact.is_unserved() => Sev2,
        Some(Priority::P1) | None => Sev3,
        Some(Priority::P2 | Priority::P3) => Sev4,
    };
    (severity, format!("{who}: {trouble}"))
}

/// What is judged apart from who is served: what is no workload, work that was not done, nodes under pressure, what does not go
/// away. None if there is trouble of another sort as well.
fn apart(facts: &Facts<'_>, who: &str) -> Option<(Severity, String)> {
    use Severity::{Sev1, Sev2, Sev3};
    let matters = matches!(facts.priority, Some(Priority::P0 | Priority::P1));
    let of = |class: &ConditionClass| match class {
        ConditionClass::WebhookDown => Some((Sev1, "the API server refuses writes")),
        ConditionClass::ApiServiceDown => Some((Sev2, "an API of the cluster is not served")),
        ConditionClass::MetricsApiDown => Some((Sev3, "nothing is measured, and everything serves")),
        ConditionClass::CertificateExpired => Some((Sev2, "a certificate has expired")),
        ConditionClass::CertificateExpires => Some((Sev2, "a certificate expires within a day")),
        ConditionClass::CertificateNotReady => Some((Sev3, "a certificate is not renewed")),
        ConditionClass::IngressBroken => Some((if matters { Sev2 } else { Sev3 }, "an Ingress leads nowhere")),
        ConditionClass::ScalingBroken => Some((Sev3, "nothing is scaled, and everything serves")),
        ConditionClass::VolumeFailed => Some((Sev3, "a volume that nobody uses has failed")),
        ConditionClass::JobFailed => Some((if matters { Sev2 } else { Sev3 }, "a Job failed")),
        ConditionClass::CronStopped => Some((if matters { Sev2 } else { Sev3 }, "it does not run when it is due")),
        ConditionClass::StuckTerminating => Some((Sev3, "it is being deleted and does not go")),
        ConditionClass::NodePressure => Some(match facts.role {
            Some(Role::OnlyNode | Role::ControlPlaneNode) => (Sev2, "short of what everything needs"),
            _ if facts.loudest <= Level::High => (Sev2, "short of something, and its pods are hit"),
            _ => (Sev3, "short of something, its pods run"),
        }),
        ConditionClass::Blind
        | ConditionClass::PartlyBlind
        | ConditionClass::NodeDown
        | ConditionClass::OutOfMemory
        | ConditionClass::CannotCreateContainer
        | ConditionClass::ImagePull
        | ConditionClass::Volume
        | ConditionClass::Unschedulable
        | ConditionClass::Refused
        | ConditionClass::Crash
        | ConditionClass::Evicted
        | ConditionClass::NoEndpoints
        | ConditionClass::KubeletRefused
        | ConditionClass::Many
        | ConditionClass::RegistryDown
        | ConditionClass::NotReady
        | ConditionClass::RolloutStuck
        | ConditionClass::VolumeFull
        | ConditionClass::NearLimit
        | ConditionClass::VolumeNearLimit
        | ConditionClass::ReplicasMissing => None,
    };
    let all: Option<Vec<_>> = facts.classes.iter().map(of).collect();
    let (severity, what) = all?.into_iter().min()?;
    // What is no workload and is not listed needs no name for what it is.
    let is_object =
        facts.priority.is_none() && facts.role.is_none() && facts.classes.iter().all(|c| c.is_of_what_serves());
    Some((severity, if is_object { what.to_owned() } else { format!("{who}: {what}") }))
}

/// The instants at which the table's answer may change by time alone.
pub(super) fn thresholds(facts: &Facts<'_>) -> impl Iterator<Item = Timestamp> + use<> {
    let later = |at: Timestamp, by| at.checked_add(by).unwrap_or(Timestamp::MAX);
    let outage = facts.outage;
    let unserved = outage.map(|o| later(o.since, UNSERVED_AFTER));
    let too_long = outage.filter(|_| facts.priority == Some(Priority::P1)).map(|o| later(o.since, P1_DOWNTIME));
    let over = outage.and_then(|o| o.ended).map(|ended| later(ended, UNSERVED_AFTER));
    [unserved, too_long, over].into_iter().flatten()
}

fn who(facts: &Facts<'_>) -> String {
    match (facts.role, facts.priority) {
        (Some(role), _) => role.to_string(),
        (None, Some(priority)) => format!("{priority} service"),
        (None, None) => "unlisted workload".to_owned(),
    }
}

#[cfg(test)]
#[path = "severity_tests.rs"]
mod tests;
