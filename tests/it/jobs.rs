//! A nightly job that fails: told when it failed twice in a row, and until a run succeeded, though Kubernetes keeps one failed Job.

use std::time::Duration;

use jiff::Timestamp;
use k8s_monitor::cluster::Kind;
use serde_json::{Value, json};

use crate::harness::run_test;

fn cron(last_success: Option<Timestamp>) -> Value {
    json!({"kind": "CronJob", "apiVersion": "batch/v1",
        "metadata": {"name": "api", "namespace": "shop", "uid": "cron", "creationTimestamp": "2026-11-24T13:59:00Z"},
        "spec": {"schedule": "*/5 * * * *"}, "status": {"lastSuccessfulTime": last_success}})
}

fn run(name: &str, ended: &str, at: Timestamp) -> Value {
    json!({"kind": "Job", "apiVersion": "batch/v1",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": at,
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "api", "uid": "cron", "controller": true}]},
        "spec": {}, "status": {"conditions": [{"type": ended, "status": "True", "lastTransitionTime": at,
            "reason": if ended == "Failed" { "BackoffLimitExceeded" } else { "CompletionsReached" }}]}})
}

#[tokio::test]
async fn a_nightly_job_that_fails_twice_is_one_alert_until_a_later_run_succeeds() {
    run_test(async |bot| {
        let five = Duration::from_mins(5);
        bot.cluster().apply(cron(None));
        bot.starts().await?;
        let now = bot.now();
        bot.cluster().apply(run("api-1", "Failed", now));
        bot.wait(five).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "", "one failed run is not told: the next one tries again");

        let now = bot.now();
        bot.cluster().apply(run("api-2", "Failed", now));
        bot.cluster().delete(Kind::Job, "shop", "api-1");
        bot.settle().await?;
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @"
        🟠 *SEV-2 · CronJob api failed* · INC-2026-11-24-001
        ▌#a30200
        Its last 2 runs failed; the last one used up its retries
        CronJob shop/api (P0)
        Do: Read its log: kubectl -n shop logs job/api-2
        ```
        Job shop/api-2 condition Failed: BackoffLimitExceeded
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: a Job failed · since 14:00 UTC · seen 14:05 UTC
        ");

        bot.stops().await;
        bot.starts().await?;
        bot.wait(five).await?;
        let now = bot.now();
        bot.cluster().apply(run("api-3", "Failed", now));
        bot.cluster().delete(Kind::Job, "shop", "api-2");
        bot.wait(five).await?;
        insta::assert_snapshot!(bot.alert("#alerts").await?, @"
        🟠 *SEV-2 · CronJob api failed* · INC-2026-11-24-001
        ▌#a30200
        Its last 3 runs failed; the last one used up its retries
        CronJob shop/api (P0)
        Do: Read its log: kubectl -n shop logs job/api-3
        ```
        Job shop/api-3 condition Failed: BackoffLimitExceeded
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: a Job failed · since 14:00 UTC · seen 14:05 UTC · updated 14:10 UTC

        last in its thread:
        ");

        let now = bot.now();
        bot.cluster().apply(run("api-4", "Complete", now));
        bot.cluster().apply(cron(Some(now)));
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.alert("#alerts").await?, @"
        ✅ *Resolved after 16 min · api: a later run succeeded (was SEV-2)* · INC-2026-11-24-001
        ▌#2eb886
        Was: its last 3 runs failed; the last one used up its retries
        CronJob shop/api (P0)
        ```
        Job shop/api-3 condition Failed: BackoffLimitExceeded
        ```
        since 14:00 UTC · seen 14:05 UTC · resolved 14:16 UTC

        last in its thread:
        ✅ *Resolved after 16 min · api: a later run succeeded (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_cron_job_that_is_not_run_is_told_though_nothing_happens() {
    run_test(async |bot| {
        let mut stopped = cron(None);
        stopped["status"]["lastScheduleTime"] = json!(bot.now());
        bot.cluster().apply(stopped);
        bot.starts().await?;
        bot.wait(Duration::from_secs(14 * 60 + 30)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "", "the second run is not late yet");
        bot.wait(Duration::from_mins(1)).await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @r#"
        🟠 *SEV-2 · CronJob api does not run when it is due* · INC-2026-11-24-001
        ▌#a30200
        It was run last at 2026-11-24T14:00:00Z although it is due by "*/5 * * * *", cause unknown
        CronJob shop/api (P0)
        Do: See its events and the controller's: kubectl -n shop describe cronjob api
        ```
        CronJob shop/api status: it was run last at 2026-11-24T14:00:00Z; due at 2026-11-24T14:05:00Z and not run
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: it does not run when it is due · since 14:05 UTC · seen 14:15 UTC
        "#);
        Ok(())
    })
    .await;
}
