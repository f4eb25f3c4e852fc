//! A volume that fills up: told while there is time to do something about it, and closed when there is room again.

use std::time::Duration;

use serde_json::json;

use crate::harness::run_test;

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn what_may_not_be_measured_is_a_line_of_the_status() {
    run_test(async |bot| {
        let (address, port) = bot.cluster().kubelet();
        bot.cluster().apply(json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
                "conditions": [{"type": "Ready", "status": "True"}]}}));
        bot.cluster().measures_nothing();
        bot.starts().await?;
        bot.person("ana").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        let status = bot.next("#alerts").await?.to_string();
        let line = status.lines().find(|line| line.starts_with("Not measured"));
        insta::assert_snapshot!(line.unwrap_or("no line"), @r#"Not measured, optional: how full volumes are: not allowed to get nodes/stats in the whole cluster: give the bot's account the verb "get" on "nodes/stats" (ask with `kubectl auth can-i get nodes/stats --all-namespaces`)"#);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_volume_that_fills_up_is_told_before_it_is_full_and_closed_when_there_is_room_again() {
    run_test(async |bot| {
        // Memory is read each minute, between two readings of the volumes.
        bot.cluster().measures_memory(&[]);
        let (address, port) = bot.cluster().kubelet();
        bot.cluster().apply(json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
                "conditions": [{"type": "Ready", "status": "True"}]}}));
        let now = bot.now();
        let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": now}]);
        bot.cluster().apply(json!({"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": "api", "namespace": "shop", "creationTimestamp": now},
            "spec": {"nodeName": "n1", "restartPolicy": "Always", "containers": [{"name": "api", "image": "acme/api:1"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": "Running", "conditions": ready}}));
        bot.cluster().measures_volumes(&[("shop", "data", 80 * GIB, 100 * GIB)]);
        bot.starts().await?;
        let five = Duration::from_mins(5);
        bot.wait(five).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "", "there is room");

        bot.cluster().measures_volumes(&[("shop", "data", 92 * GIB, 100 * GIB)]);
        bot.wait(five).await?;
        bot.wait(five).await?;
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @"
        🟠 *SEV-2 · api is about to reach a limit* · INC-2026-11-24-001
        ▌#a30200
        Volume data of 100 GiB is 92 % full
        1 of 1 replicas ready · Pod shop/api (P0)
        Do: Delete what is not needed or enlarge the claim, before it is full
        ```
        last measurement: 92 GiB of 100 GiB
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: about to reach a limit, but serving · since 14:10 UTC · seen 14:15 UTC
        ");

        bot.cluster().measures_volumes(&[("shop", "data", 60 * GIB, 100 * GIB)]);
        bot.wait(five).await?;
        bot.wait(five).await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        edited in #alerts:
        🟠 *SEV-2 · recovering · api: 1 of 1 ready again* · INC-2026-11-24-001
        ▌#a30200
        Was: volume data of 100 GiB is 92 % full
        1 of 1 replicas ready · Pod shop/api (P0)
        Well since 14:20 UTC; resolved if it stays so
        ```
        last measurement: 92 GiB of 100 GiB
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: about to reach a limit, but serving · since 14:10 UTC · seen 14:15 UTC · updated 14:20 UTC

        edited in #alerts:
        ✅ *Resolved after 15 min · api: 1 of 1 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ▌#2eb886
        Was: volume data of 100 GiB is 92 % full
        1 of 1 replicas ready · Pod shop/api (P0)
        ```
        last measurement: 92 GiB of 100 GiB
        ```
        since 14:10 UTC · seen 14:15 UTC · resolved 14:25 UTC

        replied in #alerts:
        ✅ *Resolved after 15 min · api: 1 of 1 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_restart_while_no_kubelet_answers_does_not_call_a_full_volume_well() {
    run_test(async |bot| {
        let (address, port) = bot.cluster().kubelet();
        bot.cluster().apply(json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
                "conditions": [{"type": "Ready", "status": "True"}]}}));
        let now = bot.now();
        let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": now}]);
        bot.cluster().apply(json!({"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": "api", "namespace": "shop", "creationTimestamp": now},
            "spec": {"nodeName": "n1", "restartPolicy": "Always", "containers": [{"name": "api", "image": "acme/api:1"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": "Running", "conditions": ready}}));
        bot.cluster().measures_volumes(&[("shop", "data", 98 * GIB, 100 * GIB)]);
        bot.starts().await?;
        bot.wait(Duration::from_secs(15)).await?;
        assert!(bot.alert("#alerts").await?.contains("Volume data of 100 GiB is 98 % full"));
        bot.everything_new("#alerts").await?;

        bot.stops().await;
        bot.cluster().measures_nothing();
        bot.starts().await?;
        bot.wait(Duration::from_mins(30)).await?;
        let told = bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(told, @r#"
        edited in #alerts:
        🟠 *SEV-2 · api: a volume is nearly full* · INC-2026-11-24-001
        ▌#a30200
        Volume data of 100 GiB is 98 % full
        1 of 1 replicas ready · Pod shop/api (P0)
        Do: Delete what is not needed or enlarge the claim, before it is full
        I cannot judge it at the moment, so it stays as it was: not measured: not allowed to get nodes/stats in the whole cluster: give the bot's account the verb "get" on "nodes/stats" (ask with `kubectl auth can-i get nodes/stats --all-namespaces`)
        ```
        last measurement: 98 GiB of 100 GiB
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: a volume is full or about to be · since 14:00 UTC · updated 14:01 UTC
        "#);

        bot.cluster().measures_volumes(&[("shop", "data", 60 * GIB, 100 * GIB)]);
        bot.wait(Duration::from_hours(1)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("Resolved after"), "{told}");
        Ok(())
    })
    .await;
}
