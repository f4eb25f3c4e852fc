//! What is wrong right now: each check gives a verdict on every owner it is responsible for.

pub mod checks;
mod evidence;
mod from_cluster;
mod ignore;
mod inhibition;
mod log;
mod moving;
mod pods;
mod redact;
mod rising;
mod settings;
mod sight;
mod trouble;

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub use from_cluster::{is_measured, judge, judge_all, looks_again};
pub use ignore::{ANNOTATION, LeaveAlone, ignored_of};
pub use log::{LINES as LOG_LINES, LogLines, LogOf};
pub use moving::Moving;
pub use pods::Known;
pub(crate) use pods::revision;
pub(crate) use redact::{MASK, cap, is_secret, is_sensitive, mask, redact};
pub use settings::{Parameter, Settings, Unit};
pub use sight::{CLUSTER, judge_sight, sight_owner};
pub(crate) use sight::{FORBIDDEN, REFUSED, UNREADABLE};
pub(crate) use trouble::{impact as impact_of, silent_nodes_of};

use crate::cluster::{ClusterIndex, History, Kind, Meter, ObjectRef};

/// The kind of the owner of what several workloads have in common that pull from one registry: `Registry ghcr.io`.
pub const REGISTRY: &str = "Registry";

/// What a check looks at. Findings are a function of this and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The facts of the cluster.
    pub index: &'a ClusterIndex,
    /// What happened before.
    pub history: &'a History,
    /// The present.
    pub now: Timestamp,
    /// Waiting times are ignored (`check --no-grace`).
    pub no_grace: bool,
    /// How the checks are set.
    pub settings: &'a Settings,
    /// What is known of the owner that is being judged, so that not every check finds it out anew; None before.
    pub known: Option<&'a Known<'a>>,
}

impl<'a> Look<'a> {
    /// The same while one owner is looked at.
    pub(crate) fn knowing<'b>(&self, known: &'b Known<'b>) -> Look<'b>
    where
        'a: 'b,
    {
        Look {
            index: self.index,
            history: self.history,
            now: self.now,
            no_grace: self.no_grace,
            settings: self.settings,
            known: Some(known),
        }
    }
}

/// What a check says of an owner it is responsible for. No finding is not health.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is wrong.
    Wrong(Arc<Finding>),
    /// It looks wrong but is within its waiting time; it becomes wrong at the instant given unless it heals.
    Pending(Arc<Finding>, Timestamp),
    /// Observed to be healthy.
    Healthy,
    /// Nobody wants it to run (deleted, scaled to zero, suspended), and why.
    NotWanted(Cow<'static, str>),
    /// It cannot be read, and why.
    Unknown(String),
    /// It is wrong because of what the check of that name says of the same owner, so it is not said beside it.
    Symptom(&'static str),
}

/// The verdict of one check on one owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Name of the check (`crash-loop`).
    pub check: &'static str,
    /// What was judged.
    pub owner: ObjectRef,
    /// What it says.
    pub verdict: Verdict,
}

/// One rule: one file under `checks/`, which is also its documentation.
pub trait Check: Sync + fmt::Debug {
    /// Its name, as written in findings and configuration.
    fn name(&self) -> &'static str;
    /// What it means, why it matters, how to fix it, its grace, when it stays silent.
    fn doc(&self) -> &'static CheckDoc;
    /// Without these kinds it cannot judge: if one is blind, its verdict is `Unknown`.
    fn reads(&self) -> &'static [Kind];
    /// Whether it judges owners of this kind (the kind's API name).
    fn judges(&self, kind: &str) -> bool;
    /// Its verdict on an owner that exists. Blindness and deletion are settled before this is called.
    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict;
    /// The numbers of it that can be set.
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    /// What measures the things it judges, if they are measured: where it may not be read, nothing is missed.
    fn measured_by(&self) -> Option<Meter> {
        None
    }
    /// Whether it is asked also of an owner that is being deleted; of others that is settled before.
    fn judges_what_is_being_deleted(&self) -> bool {
        false
    }
    /// When it must be asked again by time alone although it finds nothing: where the trouble is that nothing happens.
    fn looks_again(&self, _owner: &ObjectRef, _look: &Look<'_>) -> Option<Timestamp> {
        None
    }
}

/// The documentation of a check; `--help`, README and answers in Slack come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct CheckDoc {
    pub what: &'static str,
    pub why: &'static str,
    pub fix: &'static str,
    pub grace: &'static str,
    pub silent: &'static str,
}

/// Which sort of trouble a finding is; an incident's findings are keyed by it. Ordered by how strong a cause it proves:
/// the first makes the headline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum ConditionClass {
    Many,
    Blind,
    PartlyBlind,
    NodeDown,
    WebhookDown,
    ApiServiceDown,
    MetricsApiDown,
    CertificateExpired,
    CertificateExpires,
    NodePressure,
    RegistryDown,
    OutOfMemory,
    CannotCreateContainer,
    ImagePull,
    Volume,
    VolumeFull,
    Unschedulable,
    Refused,
    KubeletRefused,
    Crash,
    Evicted,
    JobFailed,
    CronStopped,
    NotReady,
    NoEndpoints,
    RolloutStuck,
    ReplicasMissing,
    StuckTerminating,
    IngressBroken,
    VolumeFailed,
    ScalingBroken,
    CertificateNotReady,
    NearLimit,
    VolumeNearLimit,
}

impl ConditionClass {
    /// Whether it is trouble of what is to serve: then who is hit makes it loud.
    pub(crate) fn is_of_what_serves(self) -> bool {
        !matches!(self, Self::NodePressure | Self::JobFailed | Self::CronStopped | Self::StuckTerminating)
    }
}

/// How loud a finding is by itself, before serving impact is known of its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Users are hit.
    Critical,
    /// It will not heal itself.
    High,
    /// It may heal itself.
    Warning,
    /// To know.
    Info,
}

/// Who is hit: replicas and endpoints, from the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Impact {
    /// Replicas that are ready; None if the owner has none (a Node, a claim).
    pub ready: Option<i32>,
    /// Replicas that are wanted.
    pub desired: Option<i32>,
    /// Services that select its pods, with their ready endpoints.
    pub services: Vec<ServiceHit>,
    /// A rollout of which no pod is ready, while the pods before it are as many as are wanted: nobody is hit yet.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub only_old_pods_serve: bool,
    /// A `StatefulSet` of three or more of which less than half are ready: they cannot agree any more.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub quorum_lost: bool,
    /// Why nothing is ready for a while, if it is being moved on purpose.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moving: Option<Moving>,
}

/// A Service that selects pods of the owner.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct ServiceHit {
    pub namespace: String,
    pub name: String,
    pub ready_endpoints: usize,
    pub endpoints: usize,
}

/// One piece of evidence: a line of text with where it comes from. Untrusted text, redacted and capped.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Evidence {
    /// What it was read from (`Pod shop/api-1 container app`, `Event BackOff ×7`).
    pub source: String,
    /// What it says.
    pub text: String,
    /// When, if the source says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
}

/// A cause that others have in common.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cause {
    /// As an owner of its own: `Node n1`, `Registry ghcr.io`.
    pub owner: ObjectRef,
    /// What is the matter with it, as far as this symptom tells.
    pub why: String,
}

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// Name of the check.
    pub check: Cow<'static, str>,
    /// The top owner.
    pub owner: ObjectRef,
    /// The objects affected (pods, the claim), sorted, at most 20.
    pub objects: Vec<ObjectRef>,
    /// Which sort of trouble.
    pub class: ConditionClass,
    /// The reason in the field's words (`CrashLoopBackOff`, `OOMKilled`).
    pub reason: String,
    /// One sentence: what is wrong and the cause the objects prove.
    pub message: String,
    /// Since when, by the object's own times.
    pub since: Timestamp,
    /// How loud by itself.
    pub severity: Level,
    /// Who is hit.
    pub impact: Impact,
    /// What proves it.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub recommendation: String,
    /// The shared cause that the objects prove: a symptom of it is not told beside it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<Cause>,
    /// The log that may say why: of the container at which it shows first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<LogOf>,
    /// How long it had to last before it counted.
    #[serde(default)]
    pub grace: SignedDuration,
}

impl Verdict {
    /// What is wrong, or may be in a moment.
    pub fn finding(&self) -> Option<&Arc<Finding>> {
        match self {
            Self::Wrong(finding) | Self::Pending(finding, _) => Some(finding),
            Self::Healthy | Self::NotWanted(_) | Self::Unknown(_) | Self::Symptom(_) => None,
        }
    }

    /// The same with its proved cause, if it is wrong.
    pub(crate) fn caused_by(mut self, cause: Option<Cause>) -> Self {
        if let Self::Wrong(finding) | Self::Pending(finding, _) = &mut self {
            Arc::make_mut(finding).cause = cause;
        }
        self
    }
}

impl Impact {
    /// Whether nothing serves: wanted but none ready, too few to agree, or a Service that has no ready endpoint left.
    pub fn is_unserved(&self) -> bool {
        match (self.ready, self.desired) {
            _ if self.quorum_lost => true,
            (Some(ready), Some(desired)) => desired > 0 && ready == 0,
            _ => !self.services.is_empty() && self.services.iter().all(|s| s.ready_endpoints == 0),
        }
    }
}
