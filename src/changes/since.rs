//! What was rolled out after an incident began, and what else is wrong since: somebody mends it, or makes it worse, and whoever looks should know.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    correlation::{SKEW, TOLD, name},
    fit::trouble,
    rollout::{Before, Rollout},
};
use crate::{
    findings::Finding,
    incidents::{JUST_BEFORE, RolledOutSince, in_words},
};

/// The newest rollout that came after it began, with what began shortly after that; rollouts are given the newest first.
pub fn since(rollouts: &[Rollout], findings: &[Arc<Finding>], began: Timestamp) -> Option<RolledOutSince> {
    let newest = rollouts.iter().find(|rollout| rollout.at.duration_since(began) > SKEW)?;
    let what = match &newest.before {
        Before::Revision(_, differences) => differences.iter().take(TOLD).map(ToString::to_string).collect(),
        Before::Nothing | Before::Forgotten => Vec::new(),
    };
    let source = newest.source.as_ref().map(|source| source.keeper.clone());
    Some(RolledOutSince {
        what,
        change: name(newest),
        by: source.or(newest.by.as_ref().map(ToString::to_string)),
        at: newest.at,
        followed_by: followed_by(newest.at, findings),
    })
}

/// What began so shortly after a rollout that it may have come of it, the first of each kind: `a crash 2 min later`.
fn followed_by(at: Timestamp, findings: &[Arc<Finding>]) -> Vec<String> {
    let mut first: BTreeMap<&str, SignedDuration> = BTreeMap::new();
    for finding in findings {
        let known = first.entry(trouble(finding.class)).or_insert(SignedDuration::MAX);
        *known = finding.since.duration_since(at).min(*known);
    }
    // What was wrong before as well does not come of it.
    first.retain(|_, after| !after.is_negative() && *after <= JUST_BEFORE);
    let mut all: Vec<(&str, SignedDuration)> = first.into_iter().collect();
    all.sort_by_key(|(_, after)| *after);
    all.into_iter().map(|(what, after)| format!("{what} {} later", in_words(after))).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        changes::{Difference, Field},
        cluster::ObjectRef,
        findings::ConditionClass,
    };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    fn rollout(number: u64, minutes: i64) -> Rollout {
        let (from, to) = (Some("api:5.8.0".to_owned()), Some("api:5.7.9".to_owned()));
        let image = Difference { container: None, field: Field::Image, from, to };
        Rollout {
            owner: ObjectRef { kind: "Deployment".into(), namespace: "shop".into(), name: "api".into() },
            number,
            revision: format!("api-{number}"),
            at: at(minutes),
            before: Before::Revision(number - 1, vec![image]),
            by: None,
            kept_by: None,
            is_current: true,
            source: None,
        }
    }

    #[rstest]
    #[case::nothing_came_after_it(&[(2, -5)], &[(ConditionClass::Crash, 0)], "")]
    #[case::it_came_with_it(&[(2, 1)], &[(ConditionClass::Crash, 0)], "")]
    #[case::it_changed_nothing(&[(3, 20), (2, -5)], &[(ConditionClass::Crash, 0)], "#3 image api:5.8.0 → 5.7.9")]
    #[case::of_several_the_newest(&[(4, 30), (3, 20)], &[(ConditionClass::Crash, 0)], "#4 image api:5.8.0 → 5.7.9")]
    #[case::something_else_broke(
        &[(3, 20)], &[(ConditionClass::Crash, 0), (ConditionClass::ImagePull, 22), (ConditionClass::NotReady, 60)],
        "#3 image api:5.8.0 → 5.7.9; an image that cannot be pulled 2 min later"
    )]
    #[case::of_the_same_kind_the_first_counts(
        &[(3, 20)], &[(ConditionClass::Crash, 22), (ConditionClass::Crash, 0)], "#3 image api:5.8.0 → 5.7.9"
    )]
    fn people_hear_what_was_rolled_out_since(
        #[case] rollouts: &[(u64, i64)],
        #[case] wrong: &[(ConditionClass, i64)],
        #[case] expected: &str,
    ) {
        let rollouts: Vec<Rollout> = rollouts.iter().map(|(number, minutes)| rollout(*number, *minutes)).collect();
        let finding = |(class, minutes): &(ConditionClass, i64)| {
            Arc::new(Finding {
                class: *class,
                since: at(*minutes),
                ..crate::alerts::testing::finding(*class, "it is broken")
            })
        };
        let findings: Vec<Arc<Finding>> = wrong.iter().map(finding).collect();
        let found = since(&rollouts, &findings, at(0));
        let told = found.map(|it| {
            let what = format!("{} {}", it.change.replace("rollout ", ""), it.what.join(", "));
            std::iter::once(what).chain(it.followed_by).collect::<Vec<_>>().join("; ")
        });
        assert_eq!(told.unwrap_or_default(), expected);
    }
}
