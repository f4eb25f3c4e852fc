//! What was changed beside the workloads (`ConfigMap`s, policies, autoscalers, Ingresses, budgets) explains what breaks, or does not.
#![expect(clippy::indexing_slicing, clippy::needless_pass_by_value, reason = "JSON that is made here")]

use std::time::Duration;

use k8s_monitor::{
    cluster::Kind,
    sandbox::kubernetes::{Edit, Workload},
};
use serde_json::{Value, json};

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster, workload},
};

/// The lines of the newest alert that are about changes.
async fn changed(bot: &mut BotTester) -> anyhow::Result<String> {
    let told = bot.everything_new("#alerts").await?;
    let is_meant = |line: &&str| ["What changed", "Also changed", "Undo"].iter().any(|head| line.starts_with(head));
    let mut lines: Vec<_> = told.lines().filter(is_meant).collect();
    lines.dedup();
    Ok(lines.join("\n"))
}

/// Puts in place, as somebody does with `kubectl edit`.
fn edit(bot: &mut BotTester, kind: Kind, name: &str, generation: u32, fields: Value) {
    let now = bot.now();
    let created = now - Duration::from_secs(u64::from(generation.saturating_sub(1)) * 86_400 * 3);
    let mut object = json!({"kind": kind.name(), "apiVersion": kind.api_version(), "metadata": {
        "name": name, "namespace": "shop", "creationTimestamp": created, "generation": generation,
        "managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": now, "fieldsV1": {"f:data": {}, "f:spec": {}}}]}});
    for (field, value) in fields.as_object().unwrap() {
        object[field] = value.clone();
    }
    bot.cluster().apply(object);
}

fn config(bot: &mut BotTester, name: &str, data: Value) {
    edit(bot, Kind::ConfigMap, name, 2, json!({"data": data}));
}

/// Its pods have a variable from a key of `api-config`; of those that cannot be made for want of it the kubelet says so.
fn reads_a_key(bot: &mut BotTester, before: Option<&Workload>, after: &Workload, lacks_it: bool) {
    let now = bot.now();
    let mut edits = after.change_from(before, now);
    for edit in &mut edits {
        let Edit::Apply(object) = edit else { continue };
        if object["kind"] != "Pod" {
            continue;
        }
        object["spec"]["containers"][0]["env"] = json!([{"name": "DATABASE_HOST",
            "valueFrom": {"configMapKeyRef": {"name": "api-config", "key": "DATABASE_HOST"}}}]);
        // As it is from now on, not since they were made.
        for condition in object["status"]["conditions"].as_array_mut().unwrap() {
            if condition["status"] == "False" {
                condition["lastTransitionTime"] = json!(now);
            }
        }
        if lacks_it {
            object["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CreateContainerConfigError",
                "message": "couldn't find key DATABASE_HOST in ConfigMap shop/api-config"}});
        }
    }
    bot.cluster().play(&edits);
}

#[tokio::test]
async fn a_key_that_is_gone_explains_for_sure_why_a_container_cannot_be_created_for_just_that() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        config(bot, "api-config", json!({"DATABASE_HOST": "db.internal", "TOKEN": "correct-horse"}));
        config(bot, "of-nobody", json!({"A": "x"}));
        reads_a_key(bot, None, &web, false);
        bot.starts().await?;
        bot.wait(Duration::from_mins(10)).await?;
        config(bot, "of-nobody", json!({"A": "y"}));
        config(bot, "api-config", json!({"TOKEN": "battery-staple"}));
        bot.wait(Duration::from_mins(4)).await?;
        let anew = web.clone().pods_made_anew(bot.now()).starting();
        reads_a_key(bot, Some(&web), &anew, true);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: key DATABASE_HOST removed, key TOKEN changed · ConfigMap shop/api-config by kubectl edit, 4 min before · *HIGH*
        Undo: put DATABASE_HOST, TOKEN back in ConfigMap shop/api-config as before; values are not kept here
        What changed: key DATABASE_HOST removed, key TOKEN changed · ConfigMap shop/api-config by kubectl edit, 4 min before · *HIGH*
        Undo: put DATABASE_HOST, TOKEN back in ConfigMap shop/api-config as before; values are not kept here
        ");
        insta::assert_snapshot!(bot.asks("/k8s changes shop/web 1h").await?, @"
        only for ana in #alerts:
        *Nothing was rolled out to `shop/web` in the last 1 h; 1 other change*
        • 14:10 UTC (9 min ago) *shop/api-config* ConfigMap by kubectl edit: key DATABASE_HOST removed, key TOKEN changed
        ");
        // What nobody reads is nobody's cause, and is not even read here.
        let read: Vec<String> =
            bot.cluster().requests().into_iter().filter(|it| it.contains("/configmaps/")).collect();
        assert!(read.iter().all(|it| it.ends_with("/api-config")) && read.len() == 2, "{read:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_change_that_breaks_two_workloads_is_told_once_and_names_both() {
    run_test(async |bot| {
        a_cluster(bot);
        let both = [workload(bot, "shop/web"), workload(bot, "shop/cart")];
        config(bot, "api-config", json!({"DATABASE_HOST": "db.internal"}));
        for it in &both {
            reads_a_key(bot, None, it, false);
        }
        bot.starts().await?;
        bot.wait(Duration::from_mins(10)).await?;
        config(bot, "api-config", json!({}));
        bot.wait(Duration::from_mins(1)).await?;
        let anew = both.clone().map(|it| it.pods_made_anew(bot.now()).starting());
        for (before, after) in both.iter().zip(&anew) {
            reads_a_key(bot, Some(before), after, true);
            bot.wait(Duration::from_secs(40)).await?;
        }
        bot.wait(Duration::from_mins(5)).await?;
        let told = |bot: &BotTester| {
            let heads = ["🔴", "✅", "What changed", "It also explains", "Undo"];
            let alerts = bot
                .workspace()
                .messages("#alerts")
                .into_iter()
                .map(|message| message.text)
                .collect::<Vec<_>>()
                .join("\n");
            alerts.lines().filter(|line| heads.iter().any(|head| line.starts_with(head))).collect::<Vec<_>>().join("\n")
        };
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(told(bot), @r"
        🔴 *SEV-1 · web serves nobody* · INC-2026-11-24-001
        What changed: key DATABASE_HOST removed · ConfigMap shop/api-config by kubectl edit, 1 min before · *HIGH*
        It also explains INC-2026-11-24-002 (Deployment shop/cart)
        Undo: put DATABASE_HOST back in ConfigMap shop/api-config as before; values are not kept here
        🔴 *SEV-1 · cart serves nobody* · INC-2026-11-24-002
        What changed: the same as in INC-2026-11-24-001 (Deployment shop/web), ConfigMap shop/api-config · *HIGH*
        🔴 *Worse: SEV-1 · web serves nobody* · INC-2026-11-24-001
        ");
        // When one is over, the other one says it all.
        config(bot, "api-config", json!({"DATABASE_HOST": "db.internal"}));
        reads_a_key(bot, Some(&anew[0]), &both[0].clone().pods_made_anew(bot.now()).healthy(), false);
        bot.wait(Duration::from_mins(12)).await?;
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(told(bot), @r"
        ✅ *Resolved after 11 min · web: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
        What changed: key DATABASE_HOST removed · ConfigMap shop/api-config by kubectl edit, 1 min before · *HIGH*
        It also explains INC-2026-11-24-002 (Deployment shop/cart)
        🔴 *SEV-1 · cart serves nobody* · INC-2026-11-24-002
        What changed: key DATABASE_HOST removed · ConfigMap shop/api-config by kubectl edit, 1 min before · *HIGH*
        Undo: put DATABASE_HOST back in ConfigMap shop/api-config as before; values are not kept here
        🔴 *Worse: SEV-1 · web serves nobody* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_changed_while_the_bot_was_away_is_known_with_its_time() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        config(bot, "api-config", json!({"DATABASE_HOST": "db.internal"}));
        reads_a_key(bot, None, &web, false);
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        bot.stops().await;
        config(bot, "api-config", json!({"DATABASE_HOST": "db-new.internal"}));
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.asks("/k8s changes shop 30m").await?, @"
        only for ana in #alerts:
        *Nothing was rolled out to `shop` in the last 30 min; 1 other change*
        • 14:02 UTC (2 min ago) *shop/api-config* ConfigMap by kubectl edit: key DATABASE_HOST changed
        ");
        let broken = web.clone().pods_made_anew(bot.now()).crash_looping(3, false);
        reads_a_key(bot, Some(&web), &broken, false);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: key DATABASE_HOST changed · ConfigMap shop/api-config by kubectl edit, 1 min before · *HIGH*
        Undo: put DATABASE_HOST back in ConfigMap shop/api-config as before; values are not kept here
        What changed: key DATABASE_HOST changed · ConfigMap shop/api-config by kubectl edit, 1 min before · *HIGH*
        Undo: put DATABASE_HOST back in ConfigMap shop/api-config as before; values are not kept here
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn pods_that_started_before_do_not_have_what_was_changed() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        config(bot, "api-config", json!({"DATABASE_HOST": "db.internal"}));
        reads_a_key(bot, None, &web, false);
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        config(bot, "api-config", json!({"DATABASE_HOST": "db-new.internal"}));
        bot.wait(Duration::from_mins(1)).await?;
        reads_a_key(bot, Some(&web), &web.clone().not_ready(), false);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"What changed: nothing that explains it; rollout #1 was 3 h 3 min before");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_lets_nothing_in_explains_pods_that_are_not_ready_any_more() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        reads_a_key(bot, None, &web, false);
        edit(bot, Kind::PodDisruptionBudget, "web", 2, json!({"spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}));
        let scaler = |max: u32| json!({"spec": {"minReplicas": 2, "maxReplicas": max,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
        edit(bot, Kind::HorizontalPodAutoscaler, "web", 2, scaler(10));
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        edit(bot, Kind::HorizontalPodAutoscaler, "web", 2, scaler(2));
        edit(bot, Kind::PodDisruptionBudget, "web", 3, json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}));
        edit(bot, Kind::NetworkPolicy, "deny-all", 1, json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}));
        bot.wait(Duration::from_mins(2)).await?;
        reads_a_key(bot, Some(&web), &web.clone().not_ready(), false);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: it is new, selected pods: all, traffic in: none at all · NetworkPolicy shop/deny-all by kubectl edit, 2 min before · *HIGH*
        Also changed: max replicas 10 → 2 · HorizontalPodAutoscaler shop/web by kubectl edit, 2 min before · *MEDIUM*
        Undo: kubectl -n shop delete networkpolicy/deny-all
        ");
        insta::assert_snapshot!(bot.asks("/k8s changes shop/web 1h").await?, @"
        only for ana in #alerts:
        *Nothing was rolled out to `shop/web` in the last 1 h; 3 other changes*
        • 14:02 UTC (7 min ago) *shop/web* HorizontalPodAutoscaler by kubectl edit: max replicas 10 → 2
        • 14:02 UTC (7 min ago) *shop/deny-all* NetworkPolicy by kubectl edit: it is new, selected pods: all, traffic in: none at all
        • 14:02 UTC (7 min ago) *shop/web* PodDisruptionBudget by kubectl edit: min available 2 → 1
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_ingress_that_leads_nowhere_says_what_was_changed_of_it() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        reads_a_key(bot, None, &web, false);
        let to = |service: &str| json!({"spec": {"rules": [{"host": "shop.example", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}});
        edit(bot, Kind::Ingress, "web", 2, to("web"));
        bot.starts().await?;
        bot.wait(Duration::from_mins(5)).await?;
        edit(bot, Kind::Ingress, "web", 3, to("wbe"));
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: shop.example/ web:80 → wbe:80 · Ingress shop/web by kubectl edit, 15 s before · *HIGH*
        Undo: set Ingress shop/web back: shop.example/ web:80
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn without_the_rights_changes_are_not_seen_and_everything_else_is() {
    run_test(async |bot| {
        a_cluster(bot);
        for kind in Kind::CHANGED {
            for verb in ["list", "watch"] {
                bot.cluster().forbid(verb, kind, None);
            }
        }
        bot.starts().await?;
        let status = bot.asks("/k8s status").await?;
        insta::assert_snapshot!(status.lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
        only for ana in #alerts:
        🟢 *production: healthy.* No incident is open.
        Not seen: changes of ConfigMap everywhere since 14:00 UTC (0 s), optional: not allowed to watch configmaps in the whole cluster: give the bot's account the verb "watch" on "configmaps" (ask with `kubectl auth can-i watch configmaps --all-namespaces`)
        Not seen: changes of NetworkPolicy everywhere since 14:00 UTC (0 s), optional: not allowed to watch networkpolicies in the whole cluster: give the bot's account the verb "watch" on "networkpolicies" (ask with `kubectl auth can-i watch networkpolicies --all-namespaces`)
        Not seen: changes of PodDisruptionBudget everywhere since 14:00 UTC (0 s), optional: not allowed to watch poddisruptionbudgets in the whole cluster: give the bot's account the verb "watch" on "poddisruptionbudgets" (ask with `kubectl auth can-i watch poddisrupt… (29 more)
        "#);
        Ok(())
    })
    .await;
}
