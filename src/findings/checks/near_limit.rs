//! `memory-near-limit` and `volume-nearly-full`: something measured is about to reach its limit.

use jiff::SignedDuration;

use crate::{
    cluster::{Gauge, Kind, NearLimit, ObjectKey, ObjectRef, facts::Pod},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Verdict, evidence,
        pods::{self, Pods},
        trouble::{Trouble, conclude},
    },
};

/// How long something is near its limit before it counts.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// From this percentage on nothing is left to wait for.
const AT_LIMIT: u64 = 97;

/// A container is about to be killed for its memory.
#[derive(Debug)]
pub(crate) struct MemoryNearLimit;

/// A volume is about to be full.
#[derive(Debug)]
pub(crate) struct VolumeNearlyFull;

impl Check for MemoryNearLimit {
    fn name(&self) -> &'static str {
        "memory-near-limit"
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

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        verdict(self.name(), owner, look, |pod, all| {
            let meta = pod.meta();
            let key = ObjectKey { kind: Kind::Pod, namespace: meta.namespace.clone(), name: meta.name.clone() };
            all.extend(look.index.usage().near_limit(&key).filter_map(|(gauge, near)| memory(pod, gauge, near)));
        })
    }
}

impl Check for VolumeNearlyFull {
    fn name(&self) -> &'static str {
        "volume-nearly-full"
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

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        verdict(self.name(), owner, look, |pod, all| {
            for claim in pod.claims() {
                let key = ObjectKey {
                    kind: Kind::PersistentVolumeClaim,
                    namespace: pod.meta().namespace.clone(),
                    name: claim.into(),
                };
                all.extend(look.index.usage().near_limit(&key).map(|(gauge, near)| volume(pod, gauge, near)));
            }
        })
    }
}

/// Wrong or pending by what is near its limit. What was not measured for long nobody knows; without any reading nothing is near.
fn verdict(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    near: impl Fn(&Pod, &mut Vec<(NearLimit, Trouble)>),
) -> Verdict {
    if look.index.usage().is_empty() {
        return Verdict::Healthy;
    }
    let all = Pods::of(owner, look);
    let mut found = Vec::new();
    for pod in &all.live {
        near(pod, &mut found);
    }
    if let Some((near, _)) = found.iter().find(|(near, _)| near.is_stale(look.now)) {
        return Verdict::Unknown(format!("not measured since {}", near.at.strftime("%H:%M UTC")));
    }
    let mut troubles: Vec<Trouble> = found.into_iter().map(|(_, trouble)| trouble).collect();
    // A claim that several pods mount is one volume.
    troubles.dedup_by(|a, b| a.message == b.message);
    conclude(check, owner, look, &all, troubles)
}

fn memory(pod: &Pod, gauge: &Gauge, near: &NearLimit) -> Option<(NearLimit, Trouble)> {
    let Gauge::Memory { container, .. } = gauge else { return None };
    let limit = of_bytes(near.limit);
    let message = format!("container {container} uses {} % of its {limit} memory limit", near.percent());
    let recommendation = "Raise its memory limit or find what grows, before it is killed";
    Some((*near, trouble(pod, ConditionClass::NearLimit, "MemoryNearLimit", message, near, recommendation)))
}

fn volume(pod: &Pod, gauge: &Gauge, near: &NearLimit) -> (NearLimit, Trouble) {
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
    let is_at_limit = near.percent() >= AT_LIMIT;
    let class = if is_at_limit { ConditionClass::VolumeFull } else { ConditionClass::NearLimit };
    let mut it = trouble(pod, class, reason, message, near, recommendation);
    it.with = vec![gauge.object().clone().into()];
    if is_at_limit {
        (it.grace, it.level) = (SignedDuration::ZERO, Level::High);
    }
    (*near, it)
}

fn trouble(
    pod: &Pod,
    class: ConditionClass,
    reason: &str,
    message: String,
    near: &NearLimit,
    recommendation: &str,
) -> Trouble {
    let used = if reason == "VolumeOutOfFiles" {
        format!("{} of {} files", near.used, near.limit)
    } else {
        format!("{} of {}", of_bytes(near.used), of_bytes(near.limit))
    };
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class,
        reason: reason.to_owned(),
        message,
        since: near.since,
        grace: GRACE,
        level: Level::Warning,
        log: None,
        evidence: vec![evidence::piece("last measurement", &used, Some(near.at))],
        recommendation: recommendation.to_owned(),
    }
}

/// `512 MiB`, `9.5 GiB`.
fn of_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes).saturating_mul(10);
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths >= 1000 || tenths.is_multiple_of(10) {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{
        cluster::{History, Measured, Meter},
        findings::{
            Settings,
            checks::testing::{index, now, owner, pod, with, wrong},
        },
    };

    const GIB: u64 = 1 << 30;

    fn mounted() -> serde_json::Value {
        let mut pod = pod("api-1", json!({}));
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod
    }

    fn says(check: &dyn Check, minutes_ago: i64, measured: &Measured, meter: Meter) -> Verdict {
        let mut index = index(with(1, vec![mounted()]));
        for minute in [minutes_ago, 0] {
            index.take_measured(meter, vec![measured.clone()], true, now() - SignedDuration::from_mins(minute));
        }
        let look = Look {
            index: &index,
            history: &History::default(),
            now: now(),
            no_grace: false,
            settings: &Settings::DEFAULT,
            known: None,
        };
        check.verdict(&owner("Deployment", "api"), &look)
    }

    fn memory_of(container: &str, used: u64) -> Measured {
        Measured::Memory { namespace: "shop".into(), pod: "api-1".into(), container: container.into(), used }
    }

    fn volume_of(bytes: (u64, u64), inodes: (u64, u64)) -> Measured {
        Measured::Volume { namespace: "shop".into(), claim: "data".into(), bytes, inodes }
    }

    #[test]
    fn memory_near_its_limit_is_wrong_after_its_grace() {
        let nearly = memory_of("app", 23 << 20);
        let verdict = |minutes| says(&MemoryNearLimit, minutes, &nearly, Meter::Metrics);
        assert!(matches!(verdict(4), Verdict::Pending(..)));
        let finding = wrong(verdict(5));
        assert_eq!(finding.message, "container app uses 95 % of its 24 MiB memory limit");
        assert_eq!((finding.class, finding.severity), (ConditionClass::NearLimit, Level::Warning));
        assert_eq!(finding.evidence[0].text, "23 MiB of 24 MiB");
    }

    #[rstest]
    #[case::little(memory_of("app", 10 << 20))]
    #[case::a_container_without_a_limit(memory_of("debug", 10 << 30))]
    fn memory_well_below_its_limit_is_healthy(#[case] measured: Measured) {
        assert_eq!(says(&MemoryNearLimit, 60, &measured, Meter::Metrics), Verdict::Healthy);
    }

    #[rstest]
    #[case((92 * GIB, 100 * GIB), (0, 0), "volume data of 100 GiB is 92 % full", Level::Warning)]
    #[case((98 * GIB, 100 * GIB), (0, 0), "volume data of 100 GiB is 98 % full", Level::High)]
    #[case((1, 100), (97, 100), "volume data has used 97 % of the files it can hold", Level::High)]
    fn a_volume_that_is_nearly_full_is_wrong(
        #[case] bytes: (u64, u64),
        #[case] inodes: (u64, u64),
        #[case] message: &str,
        #[case] level: Level,
    ) {
        let finding = wrong(says(&VolumeNearlyFull, 5, &volume_of(bytes, inodes), Meter::Kubelets));
        assert_eq!((finding.message.as_str(), finding.severity), (message, level));
        assert_eq!(finding.objects.len(), 2, "the claim and the pod that mounts it");
    }

    #[test]
    fn a_volume_at_its_limit_is_not_waited_for() {
        let at_once = |bytes| says(&VolumeNearlyFull, 0, &volume_of(bytes, (0, 0)), Meter::Kubelets);
        assert!(matches!(at_once((97, 100)), Verdict::Wrong(_)));
        assert!(matches!(at_once((96, 100)), Verdict::Pending(..)));
    }

    #[test]
    fn what_can_no_longer_be_measured_is_unknown_not_healthy() {
        let mut index = index(with(1, vec![mounted()]));
        let before = now() - SignedDuration::from_mins(15);
        index.take_measured(Meter::Kubelets, vec![volume_of((99, 100), (0, 0))], true, before);
        index.take_measured(Meter::Kubelets, vec![], false, now());
        let look = Look {
            index: &index,
            history: &History::default(),
            now: now(),
            no_grace: false,
            settings: &Settings::DEFAULT,
            known: None,
        };
        let says = |check: &dyn Check| check.verdict(&owner("Deployment", "api"), &look);
        assert_eq!(says(&VolumeNearlyFull), Verdict::Unknown("not measured since 11:45 UTC".into()));
        assert_eq!(says(&MemoryNearLimit), Verdict::Healthy, "another meter");
    }

    #[rstest]
    #[case(0, "0 B")]
    #[case(1023, "1023 B")]
    #[case(1536, "1.5 KiB")]
    #[case(24 << 20, "24 MiB")]
    #[case(10_200_547_328, "9.5 GiB")]
    #[case(u64::MAX, "16777215 TiB")]
    fn bytes_are_written_for_people(#[case] bytes: u64, #[case] written: &str) {
        assert_eq!(of_bytes(bytes), written);
    }
}
