//! What the catalogue says of a service, what is moved on purpose, and a reason to go up: tables.

use rstest::rstest;

use super::*;
use crate::services::KnownIssue;

/// Something a person wrote of a service, in a word or two.
fn stake(words: &str) -> Stake {
    let mut stake = Stake::default();
    let minutes = |text: &str| SignedDuration::from_mins(text.parse().unwrap());
    for word in words.split(", ") {
        match word.split_once(' ') {
            _ if Priority::named(word).is_some() => stake.priority = Priority::named(word),
            _ if word == "unlisted" => {}
            _ if word == "data" => stake.data_layer = true,
            Some(("down", most)) => stake.max_downtime = Some(minutes(most)),
            Some(("for", name)) => stake.needed_by.push(name.to_owned()),
            Some(("knows", within)) => stake.known_issues.push(KnownIssue {
                text: "slow start".to_owned(),
                checks: vec!["not-ready".to_owned(), "crash-loop".to_owned()],
                within: within.parse().ok().map(SignedDuration::from_mins),
            }),
            _ => panic!("{word:?} is no word of this table"),
        }
    }
    stake
}

#[rstest]
// What a P0 service needs counts as P1 at least, and at once.
#[case::needed("P1, for web", "unserved for 1", Sev2, "P1 service, needed by web (P0): nothing ready for over 1 min")]
#[case::needed_by_two(
    "P1, for web, for shop",
    "unserved for 1",
    Sev2,
    "P1 service, needed by web (P0) and 1 more: nothing ready for over 1 min"
)]
#[case::needed_and_serving("P1, for web", "degraded", Sev3, "P1 service, needed by web (P0): degraded, but serving")]
#[case::p2_needed(
    "P2, for web",
    "unserved for 1",
    Sev2,
    "P2 service, needed by web (P0): nothing ready for over 1 min"
)]
#[case::p2_needed_and_serving("P2, for web", "degraded", Sev3, "P2 service, needed by web (P0): degraded, but serving")]
#[case::unlisted_needed(
    "unlisted, for web",
    "unserved for 1",
    Sev2,
    "unlisted workload, needed by web (P0): nothing ready for over 1 min"
)]
#[case::p3_may_wait_all_the_same("P3, for web", "unserved for 9", Sev4, "P3 service: recorded only")]
#[case::p0_is_p0("P0, for web", "unserved for 1", Sev1, "P0 service: nothing ready for over 1 min")]
// How long it may be down.
#[case::within_its_downtime("P1, down 20", "unserved for 19", Sev3, "P1 service: nothing ready for over 1 min")]
#[case::beyond_its_downtime("P1, down 20", "unserved for 20", Sev2, "P1 service: nothing ready for over 20 min")]
#[case::short("P1, down 1", "unserved for 1", Sev2, "P1 service: nothing ready for over 1 min")]
#[case::of_p0_makes_no_difference("P0, down 20", "unserved for 1", Sev1, "P0 service: nothing ready for over 1 min")]
#[case::of_p2_neither("P2, down 20", "unserved for 21", Sev3, "P2 service: nothing ready for over 1 min")]
// While it is being moved it may take a little longer.
#[case::rolled_out("P0", "unserved for 2, rolled out", Sev2, "P0 service: nothing ready, while it is rolled out")]
#[case::rolled_out_long("P0", "unserved for 3, rolled out", Sev1, "P0 service: nothing ready for over 3 min")]
#[case::may_take_longer(
    "P0, down 20",
    "unserved for 19, rolled out",
    Sev2,
    "P0 service: nothing ready, while it is rolled out"
)]
#[case::but_not_as_long(
    "P0, down 20",
    "unserved for 20, rolled out",
    Sev1,
    "P0 service: nothing ready for over 20 min"
)]
#[case::drained("P0", "unserved for 2, drained", Sev2, "P0 service: nothing ready, while a node is drained")]
#[case::drained_long("P0", "unserved for 3, drained", Sev1, "P0 service: nothing ready for over 3 min")]
#[case::data_is_missed_at_once(
    "P0, data",
    "unserved for 1, rolled out",
    Sev1,
    "P0 service: nothing ready for over 1 min"
)]
#[case::never_served(
    "unlisted",
    "unserved for 3, first rollout",
    Sev3,
    "unlisted workload: nothing ready yet since it was created"
)]
#[case::never_served_too_long("unlisted", "unserved for 3", Sev2, "unlisted workload: nothing ready for over 1 min")]
#[case::p0_never_served(
    "P0",
    "unserved for 3, first rollout",
    Sev1,
    "P0 service: nothing ready yet since it was created"
)]
#[case::rolled_out_and_needed(
    "P1, for web",
    "unserved for 3, rolled out",
    Sev2,
    "P1 service, needed by web (P0): nothing ready for over 3 min"
)]
// What is known to happen, as long as it is what was expected.
#[case::known("P1, knows 6", "unserved for 5", Sev4, "P1 service: known issue “slow start”, within 6 min")]
#[case::known_no_longer("P1, knows 6", "unserved for 6", Sev2, "P1 service: nothing ready for over 5 min")]
#[case::known_of_p0("P0, knows 6", "unserved for 5", Sev4, "P0 service: known issue “slow start”, within 6 min")]
#[case::known_but_down_too_long(
    "P1, knows 6, down 2",
    "unserved for 2",
    Sev2,
    "P1 service: nothing ready for over 2 min"
)]
#[case::known_while_it_serves(
    "P1, knows 60, down 2",
    "degraded",
    Sev4,
    "P1 service: known issue “slow start”, within 1 h"
)]
#[case::known_and_hits_a_p0("P1, knows 6", "unserved for 5, hits P0", Sev2, "P1 service: nothing ready for over 5 min")]
#[case::known_but_not_this(
    "P1, knows 6",
    "unserved for 1, by image-pull",
    Sev3,
    "P1 service: nothing ready for over 1 min"
)]
#[case::known_but_not_all(
    "P1, knows 6",
    "unserved for 1, by not-ready, by image-pull",
    Sev3,
    "P1 service: nothing ready for over 1 min"
)]
#[case::known_without_a_bound("P1, knows ever", "unserved for 1", Sev3, "P1 service: nothing ready for over 1 min")]
#[case::bounded_by_its_downtime(
    "P1, knows ever, down 20",
    "unserved for 19",
    Sev4,
    "P1 service: known issue “slow start”, within 20 min"
)]
fn the_table_of_what_the_catalogue_says(
    #[case] said: &str,
    #[case] trouble: &str,
    #[case] severity: Severity,
    #[case] why: &str,
) {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    let (mut ready, mut outage, mut moving, mut hits_p0, mut checks) = (1, None, None, false, Vec::new());
    let mut since = now - SignedDuration::from_mins(5);
    for word in trouble.split(", ") {
        match word.split_once(' ') {
            Some(("unserved", time)) => {
                let minutes = time.strip_prefix("for ").unwrap().parse().unwrap();
                since = now - SignedDuration::from_mins(minutes);
                (ready, outage) = (0, Some(Outage { since, ended: None }));
            }
            Some(("rolled", _)) => moving = Some(Moving::Rollout),
            Some(("first", _)) => moving = Some(Moving::FirstRollout { until: now + SignedDuration::from_mins(1) }),
            Some(("hits", _)) => hits_p0 = true,
            Some(("by", check)) => checks.push(check),
            None if word == "drained" => moving = Some(Moving::Drain { until: now + SignedDuration::from_mins(1) }),
            None if word == "degraded" => {}
            _ => panic!("{word:?} is no word of this table"),
        }
    }
    if checks.is_empty() {
        checks.push("not-ready");
    }
    let impact = Impact { ready: Some(ready), desired: Some(2), moving, ..Impact::default() };
    let it = It { checks: &checks, since, impact, outage, stake: stake(said), hits_p0, ..It::of(&[Crash]) };
    assert_eq!(it.rated(now), (severity, why.to_owned()));
}

#[test]
fn what_decides_by_time_is_due_at_its_time() {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    let at = |minute: i64| now + SignedDuration::from_mins(minute);
    let due = |said: &str, moving: Option<Moving>| {
        let impact = Impact { ready: Some(0), desired: Some(2), moving, ..Impact::default() };
        let outage = Some(Outage { since: now, ended: None });
        let it = It { checks: &["not-ready"], since: now, impact, outage, stake: stake(said), ..It::of(&[Crash]) };
        let mut due: Vec<Timestamp> = thresholds(&it.facts(), &Policy::default()).collect();
        due.sort_unstable();
        due
    };
    assert_eq!(due("P0", None), [at(1)]);
    assert_eq!(due("P1", None), [at(1), at(5)]);
    assert_eq!(due("P1, down 20", None), [at(1), at(20)]);
    assert_eq!(due("P1, knows 6", None), [at(1), at(5), at(6)]);
    assert_eq!(due("P0, knows 6, down 2", None), [at(1), at(2)]);
    assert_eq!(due("P0", Some(Moving::Rollout)), [at(3)]);
    assert_eq!(due("unlisted", Some(Moving::FirstRollout { until: at(9) })), [at(3), at(9)]);
    assert_eq!(due("P0", Some(Moving::Drain { until: at(9) })), [at(3), at(9)]);
}

#[rstest]
#[case::p1_that_serves("P1", "degraded", Sev3, Sev2)]
#[case::p0_that_serves("P0", "degraded", Sev2, Sev2)]
#[case::p0_that_does_not("P0", "unserved", Sev1, Sev1)]
#[case::unlisted_that_serves_nobody("unlisted", "unserved", Sev2, Sev1)]
#[case::unlisted_whose_old_pods_serve("unlisted", "bad rollout", Sev3, Sev2)]
#[case::p1_whose_old_pods_serve("P1", "bad rollout", Sev2, Sev2)]
#[case::what_may_wait("P3", "unserved", Sev4, Sev4)]
#[case::what_is_known("P1, knows 600", "unserved", Sev4, Sev4)]
#[case::p2_that_serves("P2", "degraded", Sev4, Sev3)]
fn a_reason_to_go_up_lifts_one_level_and_no_further_than_that_allows(
    #[case] said: &str,
    #[case] trouble: &str,
    #[case] before: Severity,
    #[case] after: Severity,
) {
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
    let since = now - SignedDuration::from_mins(9);
    let outage = (trouble == "unserved").then_some(Outage { since, ended: None });
    let ready = i32::from(outage.is_none());
    let impact = Impact { ready: Some(ready), desired: Some(2), ..Impact::default() };
    let class = if trouble == "bad rollout" { RolloutStuck } else { Crash };
    let it = It {
        checks: &["not-ready"],
        since,
        impact,
        outage,
        stake: stake(said),
        ..It::of(std::slice::from_ref(&class))
    };
    let raise = Raise { by: RaisedBy::Recurrence, why: "it keeps coming back".into(), at: now };
    let rating = assess(&it.facts(), &Policy::default(), now);
    let lifted = raised(rating.clone(), Some(&raise), &it.facts(), now);
    assert_eq!((rating.severity, lifted.severity), (before, after));
    let says_so = lifted.why.ends_with(&format!("; {before} otherwise, raised because it keeps coming back"));
    assert_eq!(says_so, before != after, "{}", lifted.why);
    assert_eq!(raised(rating.clone(), None, &it.facts(), now), rating);
}
