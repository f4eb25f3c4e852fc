//! What the checks of things that are measured share: what is near its limit, and what is not known of it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::in_words,
    cluster::{Meter, NearLimit, ObjectRef, Visibility, facts::Pod},
    findings::{
        ConditionClass, Level, Look, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, conclude},
    },
};

/// Wrong or pending by what is near its limit. What was not measured for long, or not yet, nobody knows.
pub(super) fn verdict(
    check: &'static str,
    owner: &ObjectRef,
    look: &Look<'_>,
    (meter, has): (Meter, &dyn Fn(&Pod) -> bool),
    near: impl Fn(&Pod, &mut Vec<(NearLimit, Trouble)>),
) -> Verdict {
    let usage = look.index.usage();
    let is_read = matches!(
        (meter, usage.meter(meter)),
        (_, Some(Visibility::NotApplicable)) | (Meter::Metrics, Some(Visibility::Seen(_)))
    );
    if usage.is_empty() && is_read {
        return Verdict::Healthy;
    }
    let all = Pods::of(owner, look);
    let mut found = Vec::new();
    for pod in &all.live {
        near(pod, &mut found);
    }
    // What is full by a fresh reading is told, whatever is not known of others.
    let (stale, fresh): (Vec<_>, Vec<_>) = found.into_iter().partition(|(near, _)| near.is_stale(look.now));
    if let Some((near, _)) = stale.first().filter(|_| fresh.is_empty()) {
        return Verdict::Unknown(format!("not measured since {}", near.at.strftime("%H:%M UTC")));
    }
    let mut troubles: Vec<Trouble> = fresh.into_iter().map(|(_, trouble)| trouble).collect();
    // A claim that several pods mount is one volume.
    troubles.dedup_by(|a, b| a.message == b.message);
    let is_well = troubles.is_empty();
    let mut unread = all.live.iter().filter(|pod| is_well && has(pod));
    if let Some(why) = unread.find_map(|pod| usage.unread(meter, pod.node_name(), measured_since(pod, look))) {
        return Verdict::Unknown(why);
    }
    conclude(check, owner, look, &all, troubles)
}

/// Since when there is something to measure of a pod: since the last of its containers runs.
fn measured_since(pod: &Pod, look: &Look<'_>) -> Option<Timestamp> {
    let containers = pods::containers(pod);
    let is_said = containers.iter().any(|seen| seen.status.state.is_some());
    // What the kubelet does not say of each container it says of the pod.
    let runs = || (!is_said && pod.phase() == "Running").then(|| pods::started(pod, look));
    containers.iter().filter_map(Seen::running_since).max().or_else(runs)
}

pub(super) fn trouble(
    pod: &Pod,
    class: ConditionClass,
    reason: &str,
    message: String,
    near: &NearLimit,
    (grace, recommendation): (SignedDuration, &str),
) -> Trouble {
    let files = |n: u64| format!("{n} files");
    let amount: &dyn Fn(u64) -> String = if reason == "VolumeOutOfFiles" { &files } else { &of_bytes };
    // In evidence, which changes without a word: a message must not change by the minute.
    let pace = near.slope().map_or_else(String::new, |(grown, within, left)| {
        let (grown, within) = (amount(grown), in_words(within));
        match left {
            SignedDuration::ZERO => format!(", {grown} more within {within}"),
            left => format!(", {grown} more within {within}: full in about {} at this pace", in_words(left)),
        }
    });
    let used = format!("{} of {}{pace}", amount(near.used).trim_end_matches(" files"), amount(near.limit));
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class,
        reason: reason.to_owned(),
        message,
        since: near.since,
        grace,
        level: Level::Warning,
        log: None,
        evidence: vec![evidence::piece("last measurement", &used, Some(near.at))],
        recommendation: recommendation.to_owned(),
    }
}

/// `512 MiB`, `9.5 GiB`.
pub(super) fn of_bytes(bytes: u64) -> String {
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
        cluster::{ClusterIndex, History, Measured},
        findings::{
            Check, Settings,
            checks::testing::{now, owner, pod, unmeasured, with, wrong},
            checks::{memory_near_limit::MemoryNearLimit, volume_nearly_full::VolumeNearlyFull},
        },
    };

    const GIB: u64 = 1 << 30;

    fn mounted() -> serde_json::Value {
        let mut pod = pod("api-1", json!({}));
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod
    }

    fn says(check: &dyn Check, minutes_ago: i64, measured: &Measured, meter: Meter) -> Verdict {
        let mut index = unmeasured(with(1, vec![mounted()]));
        index.kubelets_answered(["n1".into()].into());
        for minute in [minutes_ago, 0] {
            index.take_measured(meter, vec![measured.clone()], now() - SignedDuration::from_mins(minute));
        }
        judged(check, &index)
    }

    fn judged(check: &dyn Check, index: &ClusterIndex) -> Verdict {
        let look = Look {
            index,
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

    #[test]
    fn the_pace_and_when_it_is_full_are_evidence() {
        let mut index = unmeasured(with(1, vec![mounted()]));
        index.kubelets_answered(["n1".into()].into());
        for (minutes_ago, used) in [(40, 90), (20, 92), (0, 95)] {
            let measured = volume_of((used * GIB, 100 * GIB), (0, 0));
            index.take_measured(Meter::Kubelets, vec![measured], now() - SignedDuration::from_mins(minutes_ago));
        }
        let finding = wrong(judged(&VolumeNearlyFull, &index));
        assert_eq!(finding.message, "volume data of 100 GiB is 95 % full", "it does not change by the minute");
        let told = "95 GiB of 100 GiB, 5 GiB more within 40 min: full in about 40 min at this pace";
        assert_eq!(finding.evidence[0].text, told);
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
        let mut index = unmeasured(with(1, vec![mounted()]));
        let before = now() - SignedDuration::from_mins(15);
        index.take_measured(Meter::Kubelets, vec![volume_of((99, 100), (0, 0))], before);
        // Its kubelet answers, but says nothing of it: the pod may be down because of it.
        index.take_measured(Meter::Kubelets, vec![], now());
        index.kubelets_answered(["n1".into()].into());
        assert_eq!(judged(&VolumeNearlyFull, &index), Verdict::Unknown("not measured since 11:45 UTC".into()));
        index.take_measured(Meter::Kubelets, vec![volume_of((50, 100), (0, 0))], now());
        assert_eq!(judged(&VolumeNearlyFull, &index), Verdict::Healthy);
    }

    #[test]
    fn a_volume_is_not_known_to_have_room_before_a_pod_that_mounts_it_runs() {
        let mut waits = mounted();
        waits["status"] = json!({"phase": "Pending"});
        let mut index = unmeasured(with(1, vec![waits]));
        index.take_measured(Meter::Kubelets, vec![], now());
        index.kubelets_answered(["n1".into()].into());
        let why = "not measured: its pod does not run";
        assert_eq!(judged(&VolumeNearlyFull, &index), Verdict::Unknown(why.into()));
    }

    #[test]
    fn a_full_volume_is_told_though_another_is_not_measured_any_more() {
        let mut second = pod("api-2", json!({}));
        second["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "more"}}]);
        let mut index = unmeasured(with(2, vec![mounted(), second]));
        let before = now() - SignedDuration::from_mins(20);
        index.take_measured(Meter::Kubelets, vec![volume_of((91, 100), (0, 0))], before);
        let more =
            Measured::Volume { namespace: "shop".into(), claim: "more".into(), bytes: (99, 100), inodes: (0, 0) };
        index.take_measured(Meter::Kubelets, vec![more], now());
        assert_eq!(wrong(judged(&VolumeNearlyFull, &index)).message, "volume more of 100 B is 99 % full");
    }

    #[test]
    fn memory_that_is_not_measured_any_more_is_unknown_until_its_container_is_another() {
        let mut index = unmeasured(with(1, vec![mounted()]));
        let before = now() - SignedDuration::from_mins(15);
        index.take_measured(Meter::Metrics, vec![memory_of("app", 23 << 20)], before);
        // The metrics API answers, but not for its node.
        index.take_measured(Meter::Metrics, vec![], now());
        assert_eq!(judged(&MemoryNearLimit, &index), Verdict::Unknown("not measured since 11:45 UTC".into()));
        let touched = index.lose_meter(Meter::Metrics, Visibility::NotApplicable);
        assert_eq!(touched, [owner("Deployment", "api")].into(), "the metrics API was taken away");
        assert_eq!(judged(&MemoryNearLimit, &index), Verdict::Healthy);
    }

    #[test]
    fn what_was_not_measured_yet_is_unknown_and_what_cannot_be_measured_too() {
        let mut index = unmeasured(with(1, vec![mounted()]));
        let unknown = |why: &str| Verdict::Unknown(why.into());
        let volume = |index: &_| judged(&VolumeNearlyFull, index);
        assert_eq!(volume(&index), unknown("not measured yet"));
        assert_eq!(judged(&MemoryNearLimit, &index), unknown("not measured yet"));
        let away = || Visibility::Blind { since: now(), why: "n1 cannot be reached".into() };
        // Another kubelet answered, its own did not.
        index.take_measured(Meter::Kubelets, vec![], now());
        index.kubelets_answered(["n2".into()].into());
        index.lose_meter(Meter::Kubelets, away());
        assert_eq!(volume(&index), unknown("not measured: n1 cannot be reached"));
        index.kubelets_answered(["n1".into()].into());
        assert_eq!(volume(&index), Verdict::Healthy, "its own did, though another did not");
        index.lose_meter(Meter::Metrics, Visibility::NotApplicable);
        assert_eq!(judged(&MemoryNearLimit, &index), Verdict::Healthy, "there is no metrics API");
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
