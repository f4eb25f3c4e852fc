//! `memory-near-limit`: a container is about to be killed for its memory.

use super::near_limit::{of_bytes, trouble, verdict};
use crate::{
    cluster::{Gauge, Kind, Meter, NearLimit, ObjectKey, ObjectRef, facts::Pod},
    findings::{Check, CheckDoc, ConditionClass, Look, Parameter, Verdict, pods, trouble::Trouble},
};

const NAME: &str = "memory-near-limit";
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long a container may be near its limit.", 300, (0, 86_400));
/// From this part of the limit on a container is near it.
pub(super) const FULL: Parameter = Parameter::number(
    (NAME, "percent"),
    "From so much of its limit on a container is near it, until it is 5 less again.",
    90,
    (50, 99),
);

/// A container is about to be killed for its memory.
#[derive(Debug)]
pub(crate) struct MemoryNearLimit;

impl Check for MemoryNearLimit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container uses 90 % of its memory limit or more (until it is below 85 % again), by the metrics API.",
            why: "At the limit it is killed, and what it was doing is lost.",
            fix: "Raise the limit, or find what grows, before it is killed.",
            grace: "5 min.",
            silent: "No limit; the cluster has no metrics API; Jobs.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && !pods::is_batch(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, FULL]
    }

    fn measured_by(&self) -> Option<Meter> {
        Some(Meter::Metrics)
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let has = |pod: &Pod| pod.limits_memory();
        verdict(NAME, owner, look, (Meter::Metrics, &has), |pod, all| {
            let meta = pod.meta();
            let key = ObjectKey { kind: Kind::Pod, namespace: meta.namespace.clone(), name: meta.name.clone() };
            all.extend(look.index.usage().near_limit(&key).filter_map(|(gauge, near)| memory(pod, gauge, near, look)));
        })
    }
}

fn memory(pod: &Pod, gauge: &Gauge, near: &NearLimit, look: &Look<'_>) -> Option<(NearLimit, Trouble)> {
    let Gauge::Memory { container, .. } = gauge else { return None };
    let limit = of_bytes(near.limit);
    let message = format!("container {container} uses {} % of its {limit} memory limit", near.percent());
    let recommendation = "Raise its memory limit or find what grows, before it is killed";
    Some((
        *near,
        trouble(
            pod,
            ConditionClass::NearLimit,
            "MemoryNearLimit",
            message,
            near,
            (look.settings.time(&GRACE), recommendation),
        ),
    ))
}
