//! Tables: Jobs and CronJobs, what fails, what is history.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{History, Kind, ObjectKey},
    findings::{Look, Settings, Verdict, judge},
};

fn cron(last_success: Option<i64>) -> Value {
    json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop", "uid": "cron", "creationTimestamp": ago(30 * 86_400)},
        "spec": {"schedule": "0 * * * *"}, "status": {"lastSuccessfulTime": last_success.map(ago)}})
}

#[rstest]
#[case::once(vec![cron(Some(7100)), job("j1", "Complete", 7100), job("j2", "Failed", 3540)], None)]
#[case::twice(vec![cron(Some(10_700)), job("j1", "Failed", 7140), job("j2", "Failed", 3540)], Some("its last 2 runs failed; "))]
#[case::mended(vec![cron(Some(30)), job("j1", "Failed", 7140), job("j2", "Failed", 3540), job("j3", "Complete", 30)], None)]
#[case::mended_and_only_the_status_knows(vec![cron(Some(30)), job("j1", "Failed", 7140), job("j2", "Failed", 3540)], None)]
#[case::one_failed_job_is_kept_and_the_last_success_is_one_run_ago(vec![cron(Some(7100)), job("j2", "Failed", 3540)], None)]
#[case::one_failed_job_is_kept_and_the_last_success_is_longer_ago(
    vec![cron(Some(10_700)), job("j2", "Failed", 3540)],
    Some("its last run failed, and the one before did not succeed; ")
)]
#[case::one_failed_job_is_kept_and_none_has_ever_succeeded(
    vec![cron(None), job("j2", "Failed", 3540)],
    Some("its last run failed, and the one before did not succeed; ")
)]
#[case::the_run_before_is_still_under_way(vec![cron(Some(10_700)), job("j1", "Suspended", 7140), job("j2", "Failed", 3540)], None)]
fn a_cron_job_is_wrong_after_two_failures_in_a_row(#[case] objects: Vec<Value>, #[case] said: Option<&str>) {
    let verdict = says("job-failed", &owner("CronJob", "nightly"), objects);
    match said {
        Some(said) => assert!(wrong(verdict).message.starts_with(said)),
        None => assert_eq!(verdict, Verdict::Healthy),
    }
}

#[test]
fn a_cron_job_stays_wrong_when_kubernetes_cleans_up_all_but_its_last_failed_job() {
    let of = owner("CronJob", "nightly");
    let (mut index, mut history) = (index(vec![cron(Some(7300))]), History::default());
    // Each verdict is what was said after the step before it.
    for (failed, gone) in [(job("j1", "Failed", 7140), None), (job("j2", "Failed", 3540), Some("j1"))] {
        for transition in index.apply(fact(failed), now()).transitions {
            history.record(transition);
        }
        if let Some(name) = gone {
            index.delete(&ObjectKey { kind: Kind::Job, namespace: "shop".into(), name: name.into() }, now());
        }
    }
    let verdict = |index: &_| {
        let look =
            Look { index, history: &history, now: now(), no_grace: false, settings: &Settings::DEFAULT, known: None };
        judge(&of, &look).into_iter().find(|j| j.check == "job-failed").unwrap().verdict
    };
    assert!(wrong(verdict(&index)).message.starts_with("its last 2 runs failed; the last one used up its retries"));
    index.delete(&ObjectKey { kind: Kind::Job, namespace: "shop".into(), name: "j2".into() }, now());
    let found = wrong(verdict(&index));
    assert_eq!(
        found.message,
        "its last 2 runs failed; the Job of the last one was cleaned up, so its cause is not known"
    );
    assert_eq!(found.since, now() - SignedDuration::from_secs(7140));
    index.apply(fact(cron(Some(60))), now());
    assert_eq!(verdict(&index), Verdict::Healthy);
}

#[test]
fn failures_of_a_cron_job_are_history_after_a_day_without_a_run() {
    let of = owner("CronJob", "nightly");
    let failed = || vec![cron(Some(200_000)), job("j1", "Failed", 180_000), job("j2", "Failed", 90_000)];
    let over = Verdict::NotWanted("its last run failed over 24 h ago, and none has ended since".into());
    assert_eq!(says("job-failed", &of, failed()), over);
    let again = failed().into_iter().chain([job("j3", "Suspended", 60)]).collect();
    let found = wrong(says("job-failed", &of, again));
    assert_eq!(found.evidence.last().unwrap().text, "a new run is under way");
}

#[rstest]
#[case::fresh(60, true)]
#[case::after_a_day(90_000, false)]
fn a_failed_job_is_news_for_a_day(#[case] seconds: i64, #[case] is_wrong: bool) {
    let mut single = job("export", "Failed", seconds);
    single["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    let verdict = says("job-failed", &owner("Job", "export"), vec![single]);
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[test]
fn what_belongs_to_another_is_not_judged_by_itself() {
    let objects = vec![cron(Some(10_700)), job("j2", "Failed", 3540)];
    let over = Verdict::NotWanted("it belongs to CronJob shop/nightly".into());
    assert_eq!(says("job-failed", &owner("Job", "j2"), objects), over);
    let mut starting = replica_set();
    starting["status"]["readyReplicas"] = json!(0);
    let objects = vec![deployment(1, 1), starting];
    let over = Verdict::NotWanted("it belongs to Deployment shop/api".into());
    assert_eq!(says("replicas-missing", &owner("ReplicaSet", "api-1"), objects), over);
}
