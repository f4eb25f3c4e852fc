//! `volume-nearly-full`: a volume is about to be full, in bytes or in files.

use jiff::SignedDuration;

use super::near_limit::{of_bytes, trouble, verdict};
use crate::{
    cluster::{Gauge, Kind, Meter, NearLimit, ObjectKey, ObjectRef, facts::Pod},
    findings::{Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, pods, trouble::Trouble},
};

const NAME: &str = "volume-nearly-full";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long a volume may be nearly full.", 300, (0, 86_400));
/// From this part of it on a volume is nearly full.
pub(super) const FULL: Parameter = Parameter::number(
    (NAME, "percent"),
    "From so much of it on a volume is nearly full, until it is 5 less again.",
    90,
    (50, 99),
);
const AT_LIMIT: Parameter = Parameter::number(
    (NAME, "full_percent"),
    "From so much of it on a volume is full, and nothing is left to wait for.",
    97,
    (50, 100),
);

/// A volume is about to be full.
#[derive(Debug)]
pub(crate) struct VolumeNearlyFull;

impl Check for VolumeNearlyFull {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A volume is 90 % full or more, in bytes or in files (until it is below 85 % again), by the kubelets.",
            why: "A full volume stops databases, and some do not start again by themselves.",
            fix: "Delete what is not needed or enlarge the claim, before it is full.",
            grace: "5 min; from 97 % on none.",
            silent: "The kubelets cannot be asked (the right `nodes/stats` is optional); claims that no pod mounts.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, FULL, AT_LIMIT]
    }

    fn measured_by(&self) -> Option<Meter> {
        Some(Meter::Kubelets)
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let has = |pod: &Pod| pod.claims().next().is_some();
        verdict(NAME, owner, look, (Meter::Kubelets, &has), |pod, all| {
            for claim in pod.claims() {
                let key = ObjectKey {
                    kind: Kind::PersistentVolumeClaim,
                    namespace: pod.meta().namespace.clone(),
                    name: claim.into(),
                };
                all.extend(look.index.usage().near_limit(&key).map(|(gauge, near)| volume(pod, gauge, near, look)));
            }
        })
    }
}

fn volume(pod: &Pod, gauge: &Gauge, near: &NearLimit, look: &Look<'_>) -> (NearLimit, Trouble) {
    let name = &gauge.object().name;
    let (message, reason) = match gauge {
        Gauge::Inodes(_) => {
            (format!("volume {name} has used {} % of the files it can hold", near.percent()), "VolumeOutOfFiles")
        }
        Gauge::Bytes(_) | Gauge::Memory { .. } => {
            (format!("volume {name} of {} is {} % full", of_bytes(near.limit), near.percent()), "VolumeNearlyFull")
        }
    };
    let recommendation = "Delete what is not needed or enlarge the claim, before it is full";
    let is_at_limit = usize::try_from(near.percent()).is_ok_and(|full| full >= look.settings.number(&AT_LIMIT));
    let class = if is_at_limit { ConditionClass::VolumeFull } else { ConditionClass::VolumeNearLimit };
    let mut it = trouble(pod, class, reason, message, near, (look.settings.time(&GRACE), recommendation));
    it.with = vec![gauge.object().clone().into()];
    if is_at_limit {
        (it.grace, it.level) = (SignedDuration::ZERO, Level::High);
    }
    (*near, it)
}
