//! One workload with a problem that comes again and again, or in many pods: one message.

use std::time::Duration;

use k8s_monitor::cluster::Kind;
use serde_json::json;

use super::{a_cluster, apply, objects_of, workload};
use crate::harness::run_test;

#[tokio::test]
async fn a_crash_loop_that_recovers_for_twenty_seconds_every_five_minutes_is_one_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        for restarts in 5..10 {
            apply(bot, &web.clone().crash_looping(restarts, false));
            bot.wait(Duration::from_mins(5)).await?;
            let now = bot.now();
            apply(bot, &web.clone().recovered(restarts + 1, now));
            bot.wait(Duration::from_secs(20)).await?;
        }
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 5 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (unlisted)
        Hit: Service shop/web has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-hlwsz -c web --previous
        ```
        Pod shop/web-vghrfp76r-hlwsz container web: ended: Error, exit code 1, ran 3 s, restarted 5 times
        Pod shop/web-vghrfp76r-hlwsz container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×5: Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC

        edited in #alerts: 🟠 *SEV-2 · web: CrashLoopBackOff* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_one_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let api = workload(bot, "shop/api");
        apply(bot, &api);
        bot.starts().await?;
        let now = bot.now();
        for mut object in api.objects(now) {
            match object["kind"].as_str() {
                Some("Deployment") => {
                    object["spec"]["replicas"] = json!(4);
                    object["status"]["unavailableReplicas"] = json!(2);
                    object["status"]["conditions"][1]["reason"] = json!("ReplicaSetUpdated");
                    let refused = json!({"type": "ReplicaFailure", "status": "True",
                        "reason": "FailedCreate", "lastTransitionTime": now, "lastUpdateTime": now,
                        "message": "pods \"api-1\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2"});
                    object["status"]["conditions"].as_array_mut().unwrap().push(refused);
                }
                _ => continue,
            }
            bot.cluster().apply(object);
        }
        bot.wait(Duration::from_mins(12)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r#"
        posted in #alerts:
        🟠 *SEV-2 · api is degraded: 2 of 4 ready* · INC-2026-11-24-001
        ▌#a30200
        Its pods cannot be created: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2
        2 of 4 replicas ready · Deployment shop/api (P0)
        What changed: nothing that explains it; rollout #1 was 3 h before
        Do: See its conditions and events: kubectl -n shop describe deployment api
        ```
        Deployment shop/api condition ReplicaFailure: True FailedCreate: pods "api-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: degraded, but serving · since 14:00 UTC · seen 14:01 UTC
        "#);
        // The quota is raised: the other two come.
        let raised = api.clone().replicas(4);
        apply(bot, &raised);
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 17 min · api: 4 of 4 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 17 min · api: 4 of 4 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_wave_of_evictions_is_one_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let api = workload(bot, "shop/api");
        apply(bot, &api);
        bot.starts().await?;
        for n in 0..6 {
            let now = bot.now();
            let mut gone = objects_of(&api, "Pod", bot).remove(0);
            gone["metadata"]["name"] = json!(format!("api-evicted-{n}"));
            gone["metadata"]["uid"] = json!(format!("uid-evicted-{n}"));
            gone["metadata"]["creationTimestamp"] = json!(now);
            gone["status"] = json!({"phase": "Failed", "reason": "Evicted", "startTime": now,
                "message": "The node was low on resource: ephemeral-storage.",
                "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": now}]});
            bot.cluster().apply(gone);
            bot.wait(Duration::from_secs(30)).await?;
        }
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · api: Evicted* · INC-2026-11-24-001
        ▌#a30200
        Evicted 3 times in 10 min: The node was low on resource: ephemeral-storage. (3 pods)
        2 of 2 replicas ready · Deployment shop/api (P0)
        What changed: nothing that explains it; rollout #1 was 3 h before
        Do: See what it used: kubectl -n shop describe pod api-evicted-0
        ```
        Pod shop/api-evicted-0: Evicted: The node was low on resource: ephemeral-storage.
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: degraded, but serving · since 14:00 UTC · seen 14:01 UTC
        ");
        for n in 0..6 {
            bot.cluster().delete(Kind::Pod, "shop", &format!("api-evicted-{n}"));
        }
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 8 min · api: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 8 min · api: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}
