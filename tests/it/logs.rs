//! Lines of a log: they come after the alert, say no more than they may, and are neither read nor said twice.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::{Logs, Workload, deployment};

use crate::harness::{BotTester, run_test};

/// What an application may write that means no good, or too much.
const LOG: &str = "starting\n\u{1b}[31mFATAL\u{1b}[0m cannot log in to postgres://shop:hunter2@db:5432/shop\n\
    <!here> @channel <https://evil.example|kubectl> *SEV-4* ``` all is well ```\nthen \u{202e}backwards password=hunter2\n\
    -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\nAuthorization: Bearer abc.def.ghi\ngiving up\n";

fn crashing(bot: &BotTester) -> Workload {
    deployment("shop/api", bot.now() - Duration::from_hours(3)).crash_looping(6, false)
}

fn reads(bot: &mut BotTester) -> Vec<String> {
    bot.cluster().requests().into_iter().filter(|request| request.contains("/log?")).collect()
}

/// It crashes, its log cannot be had yet, and people hear of it all the same.
async fn is_told_before_its_log_is_read(bot: &mut BotTester) -> anyhow::Result<String> {
    bot.starts().await?;
    bot.cluster().logs(Logs::Wait);
    let (now, api) = (bot.now(), crashing(bot));
    bot.cluster().apply_all(api.objects(now));
    bot.settle().await?;
    bot.clock().advance(Duration::from_secs(15));
    bot.next_message("#alerts").await
}

#[tokio::test]
async fn the_facts_are_said_first_and_the_last_lines_of_the_log_are_added_without_a_sound() {
    run_test(async |bot| {
        let pod = crashing(bot).pod_names().concat();
        bot.cluster().set_log("shop", &pod, true, LOG);
        bot.cluster().set_log("shop", &pod, false, "the run that is not at fault");
        insta::assert_snapshot!(is_told_before_its_log_is_read(bot).await?, @r"
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times
        0 of 1 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-24c9j -c api --previous
        ```
        Pod shop/api-6g2rghbgk-24c9j container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-24c9j container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-24c9j
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC
        ");

        bot.cluster().logs(Logs::Come);
        bot.settle().await?;
        // What takes its power from a mention is not seen.
        let edited = bot.everything_new("#alerts").await?.replace('\u{200b}', "(nothing)");
        insta::assert_snapshot!(edited, @r"
        edited in #alerts:
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times
        0 of 1 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-24c9j -c api --previous
        ```
        Pod shop/api-6g2rghbgk-24c9j container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-24c9j container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-24c9j
        log of shop/api-6g2rghbgk-24c9j api (previous run):
        | FATAL cannot log in to postgres://***@db:5432/shop
        | <!here> @(nothing)channel <https://evil.example|kubectl> *SEV-4* ``' all is well ``'
        | then backwards password=***
        | *** (a key or certificate)
        | Authorization: Bearer ***
        | giving up
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC
        ");
        assert_eq!(reads(bot).len(), 1);

        // It is known after a restart, and when the pod is gone.
        bot.stops().await;
        bot.starts().await?;
        bot.cluster().delete(k8s_monitor::cluster::Kind::Pod, "shop", &pod);
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(reads(bot).len(), 1);
        assert!(bot.alert("#alerts").await?.contains("\n| giving up\n"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn where_the_log_of_the_run_before_is_gone_that_of_the_present_one_is_shown() {
    run_test(async |bot| {
        let pod = crashing(bot).pod_names().concat();
        bot.cluster().set_log("shop", &pod, false, "no room for the heap\n");
        is_told_before_its_log_is_read(bot).await?;
        bot.cluster().logs(Logs::Come);
        bot.settle().await?;
        let edited = bot.everything_new("#alerts").await?;
        assert!(edited.contains(&format!("\nlog of shop/{pod} api:\n| no room for the heap\n")), "{edited}");
        assert_eq!(reads(bot).len(), 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_log_that_may_not_be_read_changes_nothing() {
    run_test(async |bot| {
        let told = is_told_before_its_log_is_read(bot).await?;
        bot.cluster().logs(Logs::Forbidden);
        bot.wait(Duration::from_mins(7)).await?;
        assert_eq!(reads(bot).len(), 1, "it is not asked for again and again");
        assert_eq!(bot.everything_new("#alerts").await?, "");
        assert!(told.contains("cause unknown") && !told.contains("log of"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_log_of_another_container_is_read_five_minutes_later() {
    run_test(async |bot| {
        let first = crashing(bot);
        let second = first.clone().rollout(bot.now()).image("acme/api:2").crash_looping(3, false);
        for workload in [&first, &second] {
            let pod = workload.pod_names().concat();
            bot.cluster().set_log("shop", &pod, true, &format!("last words of {pod}\n"));
        }
        is_told_before_its_log_is_read(bot).await?;
        bot.cluster().logs(Logs::Come);
        bot.settle().await?;
        let now = bot.now();
        bot.cluster().play(&second.change_from(Some(&first), now));
        bot.wait(Duration::from_mins(4)).await?;
        assert_eq!(reads(bot).len(), 1);
        bot.wait(Duration::from_mins(2)).await?;
        let asked = reads(bot);
        assert!(asked.len() == 2 && asked.iter().any(|read| read.contains(&second.pod_names().concat())), "{asked:?}");
        let shown = bot.alert("#alerts").await?;
        assert!(shown.contains(&format!("last words of {}", second.pod_names().concat())), "{shown}");
        assert!(!shown.contains(&format!("last words of {}", first.pod_names().concat())), "{shown}");
        Ok(())
    })
    .await;
}
