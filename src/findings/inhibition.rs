//! Which verdicts on one owner are only symptoms of others: what the others say is said once.

use super::{ConditionClass, Judgement, Verdict};

/// Findings that say by themselves why replicas are missing: how many, the impact tells.
const EXPLAINS_MISSING_REPLICAS: [ConditionClass; 9] = [
    ConditionClass::OutOfMemory,
    ConditionClass::CannotCreateContainer,
    ConditionClass::ImagePull,
    ConditionClass::Volume,
    ConditionClass::Unschedulable,
    ConditionClass::Refused,
    ConditionClass::KubeletRefused,
    ConditionClass::Crash,
    ConditionClass::NotReady,
];

/// Turns the verdicts on one owner that others explain into symptoms. What is within its grace explains already: it is heard
/// of in time, or it heals and the symptom is judged by itself.
pub(super) fn inhibit(judgements: &mut [Judgement]) {
    let class = |judgement: &Judgement| match &judgement.verdict {
        Verdict::Wrong(finding) | Verdict::Pending(finding, _) => Some(finding.class),
        Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Unknown(_) | Verdict::Symptom(_) => None,
    };
    let cause = judgements.iter().find(|j| class(j).is_some_and(|c| EXPLAINS_MISSING_REPLICAS.contains(&c)));
    let Some(cause) = cause.map(|j| j.check) else { return };
    for judgement in judgements.iter_mut().filter(|j| class(j) == Some(ConditionClass::ReplicasMissing)) {
        judgement.verdict = Verdict::Symptom(cause);
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use jiff::Timestamp;
    use rstest::rstest;

    use super::*;
    use crate::{
        cluster::ObjectRef,
        findings::{Finding, Impact, Level},
    };

    fn judgement(check: &'static str, verdict: Verdict) -> Judgement {
        let owner = ObjectRef { kind: "Deployment".into(), namespace: "shop".into(), name: "api".into() };
        Judgement { check, owner, verdict }
    }

    fn finding(class: ConditionClass) -> Arc<Finding> {
        let owner = judgement("", Verdict::Healthy).owner;
        Arc::new(Finding {
            check: Cow::Borrowed("cause"),
            owner,
            objects: Vec::new(),
            class,
            reason: String::new(),
            message: String::new(),
            since: Timestamp::UNIX_EPOCH,
            severity: Level::High,
            impact: Impact::default(),
            evidence: Vec::new(),
            recommendation: String::new(),
            cause: None,
            log: None,
            grace: jiff::SignedDuration::ZERO,
        })
    }

    fn wrong(class: ConditionClass) -> Verdict {
        Verdict::Wrong(finding(class))
    }

    fn pending(class: ConditionClass) -> Verdict {
        Verdict::Pending(finding(class), Timestamp::MAX)
    }

    use ConditionClass::{
        CannotCreateContainer, Crash, Evicted, ImagePull, NotReady, OutOfMemory, Refused, ReplicasMissing,
        RolloutStuck, Unschedulable, Volume,
    };

    #[rstest]
    #[case::killed_for_memory(wrong(OutOfMemory), true)]
    #[case::crashing(wrong(Crash), true)]
    #[case::crashing_within_its_grace(pending(Crash), true)]
    #[case::image_missing(wrong(ImagePull), true)]
    #[case::badly_configured(wrong(CannotCreateContainer), true)]
    #[case::no_volume(wrong(Volume), true)]
    #[case::no_place(wrong(Unschedulable), true)]
    #[case::over_quota(wrong(Refused), true)]
    #[case::not_ready(pending(NotReady), true)]
    #[case::evicted_pods_are_replaced(wrong(Evicted), false)]
    #[case::a_rollout(wrong(RolloutStuck), false)]
    #[case::nothing(Verdict::Healthy, false)]
    #[case::nobody_knows(Verdict::Unknown("cannot read pods".into()), false)]
    fn missing_replicas_are_not_said_beside_what_explains_them(#[case] beside: Verdict, #[case] explained: bool) {
        for missing in [wrong(ReplicasMissing), pending(ReplicasMissing)] {
            let mut all = [judgement("cause", beside.clone()), judgement("replicas-missing", missing.clone())];
            inhibit(&mut all);
            let expected = if explained { Verdict::Symptom("cause") } else { missing };
            assert_eq!(all, [judgement("cause", beside.clone()), judgement("replicas-missing", expected)]);
        }
    }

    #[test]
    fn where_no_replicas_are_missing_nothing_is_changed() {
        let mut all = [judgement("crash-loop", wrong(Crash)), judgement("replicas-missing", Verdict::Healthy)];
        let before = all.clone();
        inhibit(&mut all);
        assert_eq!(all, before);
    }
}
