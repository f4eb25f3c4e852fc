//! `autoscaler`: a HorizontalPodAutoscaler cannot do its work.

use std::borrow::Cow;

use super::references::{trouble, unchanged_since};
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{HorizontalPodAutoscaler, ReportedCondition, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact, replicas},
    },
};

const NAME: &str = "autoscaler";
/// New pods are measured only after a while, and the controller looks every 15 s.
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long an autoscaler may be unable to scale.", 300, (0, 86_400));
/// What the controller writes before the reason it gives.
const PREAMBLES: [&str; 2] = [
    "the HPA was unable to compute the replica count: ",
    "the HPA controller was unable to get the target's current scale: ",
];

/// An autoscaler cannot scale.
#[derive(Debug)]
pub(crate) struct Autoscaler;

impl Check for Autoscaler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A HorizontalPodAutoscaler cannot read the metrics it scales by, cannot scale, or its target does not exist.",
            why: "What it scales still serves, but keeps its size whatever the load.",
            fix: "Install or mend the metrics API, set the resource requests it computes with, or correct its target.",
            grace: "5 min.",
            silent: "Its target is scaled to zero or has no ready pod; it is at its limit, or waits between two steps; the metrics API is away, which is told by itself.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::HorizontalPodAutoscaler]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "HorizontalPodAutoscaler"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::HorizontalPodAutoscaler(autoscaler)) = fact(owner, look) else {
            return Verdict::NotWanted("deleted".into());
        };
        let target = autoscaler.target().map(|target| ObjectRef {
            kind: Cow::Owned(target.kind.as_str().to_owned()),
            namespace: owner.namespace.clone(),
            name: target.name.clone(),
        });
        let size = target.as_ref().and_then(|target| replicas(target, look));
        let inactive = autoscaler.condition("ScalingActive").filter(|c| c.status == "False");
        let is_off = inactive.is_some_and(|c| c.reason == "ScalingDisabled");
        if is_off || size.is_some_and(|(_, desired)| desired == 0) {
            return Verdict::NotWanted("what it scales is scaled to zero".into());
        }
        let found = missing(owner, target.as_ref(), autoscaler, look)
            .or_else(|| unable(owner, target.as_ref(), autoscaler, look))
            .or_else(|| inactive.map(|condition| blind(owner, condition, look)));
        let lacks_metrics = inactive.is_some_and(is_about_metrics);
        if lacks_metrics
            && found.as_ref().is_some_and(|it| it.reason != "TargetMissing")
            && let Some(why) = told_elsewhere(target.as_ref(), size, look)
        {
            return Verdict::Unknown(why);
        }
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }
}

/// Whether an autoscaler says that it cannot read what it scales by.
pub(crate) fn lacks_metrics(autoscaler: &HorizontalPodAutoscaler) -> bool {
    autoscaler.condition("ScalingActive").is_some_and(|c| c.status == "False" && is_about_metrics(c))
}

fn is_about_metrics(condition: &ReportedCondition) -> bool {
    condition.reason.starts_with("FailedGet") || condition.reason.starts_with("FailedCompute")
}

/// Why missing metrics are not held against the autoscaler: its target or the metrics API is what is wrong.
fn told_elsewhere(target: Option<&ObjectRef>, size: Option<(i32, i32)>, look: &Look<'_>) -> Option<String> {
    if let (Some(target), Some((0, _))) = (target, size) {
        return Some(format!("no pod of {target} is ready, so there is nothing to measure"));
    }
    let apis =
        look.index.all(Kind::ApiService).filter_map(|f| if let Fact::ApiService(api) = f { Some(api) } else { None });
    let away = apis.into_iter().find(|api| api.measures() && super::api_service::is_away(api));
    away.map(|api| format!("the metrics API is away: APIService {}", api.meta().name))
}

/// The target does not exist.
fn missing(
    owner: &ObjectRef,
    target: Option<&ObjectRef>,
    autoscaler: &HorizontalPodAutoscaler,
    look: &Look<'_>,
) -> Option<Trouble> {
    let target = target?;
    let kind = target.watched_kind()?;
    let same_group =
        autoscaler.target().is_some_and(|t| t.api_version.is_empty() || t.api_version == kind.api_version());
    if !same_group || look.index.contains(target) || look.index.cannot_tell_missing(kind, &target.namespace).is_some() {
        return None;
    }
    let since = unchanged_since(owner, autoscaler.meta(), look);
    let message = format!("what it scales does not exist: {target}");
    Some(found(owner, "TargetMissing", message, since, look))
}

/// It cannot read or write the size of its target.
fn unable(
    owner: &ObjectRef,
    target: Option<&ObjectRef>,
    autoscaler: &HorizontalPodAutoscaler,
    look: &Look<'_>,
) -> Option<Trouble> {
    let is_pausing = |c: &ReportedCondition| c.reason.starts_with("Backoff") || c.reason.ends_with("Stabilized");
    let condition = autoscaler.condition("AbleToScale").filter(|c| c.status == "False" && !is_pausing(c))?;
    let what = target.map_or_else(|| "its target".to_owned(), ObjectRef::to_string);
    Some(by(owner, condition, &format!("cannot scale {what}"), look))
}

/// It cannot work out how many replicas are needed.
fn blind(owner: &ObjectRef, condition: &ReportedCondition, look: &Look<'_>) -> Trouble {
    let what = if is_about_metrics(condition) {
        "cannot read the metrics it scales by"
    } else {
        "cannot work out how many replicas are needed"
    };
    by(owner, condition, what, look)
}

fn by(owner: &ObjectRef, condition: &ReportedCondition, what: &str, look: &Look<'_>) -> Trouble {
    let said = PREAMBLES.iter().find_map(|start| condition.message.strip_prefix(start)).unwrap_or(&condition.message);
    let said = if said.trim().is_empty() { "cause unknown" } else { said };
    let since = condition.last_transition_time.map_or(look.now, Time::at);
    let reason = if condition.reason.is_empty() { "CannotScale" } else { condition.reason.as_str() };
    let mut it = found(owner, reason, format!("{what}: {said}"), since, look);
    it.evidence.push(evidence::piece(
        format!("{owner} condition {}", condition.kind),
        &evidence::with_message(&format!("False {}", condition.reason), &condition.message),
        Some(since),
    ));
    it
}

fn found(owner: &ObjectRef, reason: &str, message: String, since: jiff::Timestamp, look: &Look<'_>) -> Trouble {
    let mut it = trouble(
        owner,
        (ConditionClass::ScalingBroken, Level::Warning),
        reason,
        message,
        (since, look.settings.time(&GRACE)),
    );
    it.recommendation = format!("See what it waits for: kubectl -n {} describe hpa {}", owner.namespace, owner.name);
    it
}
