//! What goes on in every healthy cluster: nobody hears of it.

use std::time::Duration;

use k8s_monitor::{
    cluster::Kind,
    sandbox::kubernetes::{Workload, story},
};
use serde_json::{Value, json};

use super::{HOURS, a_cluster, apply, becomes, objects_of, workload};
use crate::harness::{BotTester, run_test};

/// So many pods of the old and of the new version, the newest of which may still be starting.
fn rolling(bot: &mut BotTester, old: &Workload, new: &Workload, (olds, news, starting): (usize, usize, bool)) {
    let ready = news - usize::from(starting);
    let mut pods: Vec<Value> = objects_of(old, "Pod", bot).into_iter().take(olds).collect();
    pods.extend(objects_of(&new.clone().healthy(), "Pod", bot).into_iter().take(ready));
    pods.extend(objects_of(&new.clone().starting(), "Pod", bot).into_iter().skip(ready).take(news - ready));
    let mut top = objects_of(&new.clone().healthy(), "Deployment", bot).remove(0);
    for (field, count) in [
        ("replicas", olds + news),
        ("updatedReplicas", news),
        ("readyReplicas", olds + ready),
        ("availableReplicas", olds + ready),
    ] {
        top["status"][field] = json!(count);
    }
    if olds > 0 || starting {
        top["status"]["conditions"][1]["reason"] = json!("ReplicaSetUpdated");
    }
    let sets = objects_of(&new.clone().healthy(), "ReplicaSet", bot).into_iter().map(|mut set| {
        let is_new = set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2";
        let (all, ready) = if is_new { (news, ready) } else { (olds, olds) };
        set["spec"]["replicas"] = json!(all);
        set["status"] = json!({"replicas": all, "readyReplicas": ready, "availableReplicas": ready});
        set
    });
    let sets: Vec<Value> = sets.collect();
    bot.cluster().apply_all(std::iter::once(top).chain(sets).chain(pods));
    for gone in old.pod_names().iter().skip(olds) {
        bot.cluster().delete(Kind::Pod, "shop", gone);
    }
}

#[tokio::test]
async fn a_rolling_update() {
    run_test(async |bot| {
        a_cluster(bot);
        let old = workload(bot, "shop/api");
        apply(bot, &old);
        bot.starts().await?;
        let new = old.clone().rollout(bot.now()).image("shop/api:2.0.0");
        for step in [(2, 1, true), (1, 1, false), (1, 2, true), (0, 2, false)] {
            rolling(bot, &old, &new, step);
            bot.wait(Duration::from_secs(40)).await?;
        }
        bot.wait(Duration::from_mins(10)).await
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_drained_restarted_and_taken_back() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops: Vec<_> = ["shop/api", "shop/web", "shop/cart"].map(|name| workload(bot, name)).into();
        for shop in &shops {
            apply(bot, shop);
        }
        bot.starts().await?;
        let then = bot.now() - HOURS;
        let cordoned = |mut node: Value| {
            node["spec"]["unschedulable"] = json!(true);
            node
        };
        bot.cluster().apply(cordoned(story::node("node-2", false, Ok(then))));
        for shop in &shops {
            let pods = objects_of(shop, "Pod", bot);
            let evicted = pods.iter().find(|pod| pod["spec"]["nodeName"] == "node-2").cloned().unwrap_or_default();
            let name = evicted["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let now = bot.now();
            let replacement = |of: &Workload, bot: &BotTester| {
                let mut pod = objects_of(of, "Pod", bot).remove(1);
                pod["metadata"]["name"] = json!(format!("{name}-2"));
                pod["metadata"]["uid"] = json!(format!("{name}-2"));
                pod["metadata"]["creationTimestamp"] = json!(now);
                pod["status"]["startTime"] = json!(now);
                for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
                    condition["lastTransitionTime"] = json!(now);
                }
                pod["spec"]["nodeName"] = json!("node-1");
                pod
            };
            let mut top = objects_of(shop, "Deployment", bot).remove(0);
            top["status"]["readyReplicas"] = json!(1);
            top["status"]["availableReplicas"] = json!(1);
            bot.cluster().delete(Kind::Pod, "shop", &name);
            let starting = replacement(&shop.clone().starting(), bot);
            bot.cluster().apply_all([top, starting]);
            bot.wait(Duration::from_secs(20)).await?;
            let top = objects_of(shop, "Deployment", bot).remove(0);
            let ready = replacement(shop, bot);
            bot.cluster().apply_all([top, ready]);
            bot.wait(Duration::from_secs(10)).await?;
        }
        let now = bot.now();
        bot.cluster().apply(cordoned(story::node("node-2", false, Err(now))));
        bot.wait(Duration::from_mins(3)).await?;
        let now = bot.now();
        bot.cluster().apply(story::node("node-2", false, Ok(now)));
        bot.wait(Duration::from_mins(6)).await
    })
    .await;
}

#[tokio::test]
async fn a_job_that_succeeds_at_its_third_try() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.starts().await?;
        let began = bot.now();
        let job = |status: Value| {
            json!({"kind": "Job", "apiVersion": "batch/v1",
                "metadata": {"name": "import", "namespace": "shop", "uid": "uid-import", "creationTimestamp": began},
                "spec": {"backoffLimit": 6, "completions": 1, "parallelism": 1}, "status": status})
        };
        let pod = |n: u32, phase: &str, state: Value| {
            json!({"kind": "Pod", "apiVersion": "v1",
                "metadata": {"name": format!("import-{n}"), "namespace": "shop", "uid": format!("uid-import-{n}"),
                    "creationTimestamp": began, "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "import",
                        "uid": "uid-import", "controller": true}]},
                "spec": {"restartPolicy": "Never", "nodeName": "node-1", "containers": [{"name": "import", "image": "shop/import:1"}]},
                "status": {"phase": phase, "startTime": began,
                    "containerStatuses": [{"name": "import", "image": "shop/import:1", "ready": false, "restartCount": 0, "state": state}]}})
        };
        for failed in 0..3 {
            let now = bot.now();
            bot.cluster().apply(job(json!({"active": 1, "failed": failed, "startTime": began})));
            bot.cluster().apply(pod(failed, "Running", json!({"running": {"startedAt": now}})));
            bot.wait(Duration::from_mins(1)).await?;
            if failed < 2 {
                let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": bot.now()}});
                bot.cluster().apply(pod(failed, "Failed", ended));
                bot.wait(Duration::from_secs(30)).await?;
            }
        }
        let now = bot.now();
        let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
        bot.cluster().apply(pod(2, "Succeeded", ended));
        let complete = json!([{"type": "Complete", "status": "True", "lastTransitionTime": now}]);
        bot.cluster().apply(job(json!({"succeeded": 1, "failed": 2, "startTime": began, "completionTime": now, "conditions": complete})));
        bot.wait(Duration::from_mins(10)).await
    })
    .await;
}

#[tokio::test]
async fn a_workload_that_is_scaled_to_zero_and_back() {
    run_test(async |bot| {
        a_cluster(bot);
        let api = workload(bot, "shop/api");
        apply(bot, &api);
        bot.starts().await?;
        let none = api.clone().replicas(0);
        becomes(bot, &api, &none);
        bot.wait(Duration::from_mins(10)).await?;
        let back = api.clone().rollout(bot.now());
        becomes(bot, &none, &back);
        bot.wait(Duration::from_secs(20)).await?;
        becomes(bot, &back, &back.clone().healthy());
        bot.wait(Duration::from_mins(10)).await
    })
    .await;
}
