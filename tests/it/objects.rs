//! What is no workload: a webhook that refuses writes is told at once; what the cluster does not have is not missed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_monitor::cluster::Kind;
use serde_json::{Value, json};

use crate::harness::{BotTester, run_test};

fn policies(since: Timestamp) -> [Value; 2] {
    let configuration = json!({
        "kind": "ValidatingWebhookConfiguration", "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": "policies", "uid": "policies", "creationTimestamp": since},
        "webhooks": [{
            "name": "check.policies.io", "failurePolicy": "Fail",
            "clientConfig": {"service": {"namespace": "policies", "name": "server", "path": "/check"}},
            "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": ["", "apps"], "apiVersions": ["*"], "resources": ["pods", "deployments"]}],
        }],
    });
    let service = json!({
        "kind": "Service", "apiVersion": "v1",
        "metadata": {"name": "server", "namespace": "policies", "creationTimestamp": since},
        "spec": {"clusterIP": "10.43.0.9", "type": "ClusterIP", "ports": [{"port": 443}]},
    });
    [configuration, service]
}

fn endpoints(ready: bool) -> Value {
    json!({
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "server-x", "namespace": "policies", "labels": {"kubernetes.io/service-name": "server"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.42.0.7"], "conditions": {"ready": ready}}],
    })
}

fn a_day_before(bot: &BotTester) -> Timestamp {
    bot.now() - SignedDuration::from_hours(24)
}

#[tokio::test]
async fn a_webhook_that_loses_its_backend_refuses_writes_and_is_told_until_it_answers_again() {
    run_test(async |bot| {
        let since = a_day_before(bot);
        bot.cluster().apply_all(policies(since));
        bot.cluster().apply(endpoints(true));
        bot.starts().await?;

        bot.cluster().apply(endpoints(false));
        bot.settle().await?;
        bot.wait(Duration::from_secs(45)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "", "a pod of it may just be replaced");
        bot.wait(Duration::from_secs(15)).await?;
        bot.wait(Duration::from_secs(10)).await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @"
        🔴 *SEV-1 · writes are refused: webhook policies has no backend* · INC-2026-11-24-001
        ▌#a30200
        Service policies/server has no ready endpoint, so the API server refuses to create or update pods and deployments in the whole cluster (webhook check.policies.io)
        ValidatingWebhookConfiguration policies (unlisted)
        Do: Bring back what serves it: kubectl -n policies get service,endpointslices,pods; only if it was removed for good: kubectl delete validatingwebhookconfiguration policies
        ```
        Service policies/server: 0 of 1 endpoints ready
        ```
        [ Acknowledge ]
        SEV-1 because the API server refuses writes · since 14:00 UTC · seen 14:01 UTC
        ");

        bot.cluster().apply(endpoints(true));
        bot.settle().await?;
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.alert("#alerts").await?, @"
        ✅ *Resolved after 6 min · policies: healthy for 5 min (was SEV-1)* · INC-2026-11-24-001
        ▌#2eb886
        Was: Service policies/server has no ready endpoint, so the API server refuses to create or update pods and deployments in the whole cluster (webhook check.policies.io)
        ValidatingWebhookConfiguration policies (unlisted)
        ```
        Service policies/server: 0 of 1 endpoints ready
        ```
        since 14:00 UTC · seen 14:01 UTC · resolved 14:06 UTC

        last in its thread:
        ✅ *Resolved after 6 min · policies: healthy for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_webhook_whose_service_is_replaced_at_once_is_no_alert() {
    run_test(async |bot| {
        let since = a_day_before(bot);
        let [configuration, service] = policies(since);
        bot.cluster().apply_all([configuration, service.clone(), endpoints(true)]);
        bot.starts().await?;
        bot.cluster().delete(Kind::Service, "policies", "server");
        bot.settle().await?;
        bot.wait(Duration::from_secs(30)).await?;
        bot.cluster().apply(service);
        bot.settle().await?;
        bot.wait(Duration::from_mins(5)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_cluster_does_not_have_is_not_missed_and_what_may_not_be_read_is_a_line_of_the_status() {
    run_test(async |bot| {
        bot.cluster().do_not_serve(Kind::Certificate);
        for verb in ["list", "watch"] {
            bot.cluster().forbid(verb, Kind::IngressClass, None);
        }
        bot.starts().await?;
        bot.wait(Duration::from_mins(5)).await?;
        bot.person("ana").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        let status = bot.next("#alerts").await?.to_string();
        let seen: Vec<&str> = status.lines().skip(1).take(2).collect();
        insta::assert_snapshot!(seen.join("\n"), @r#"
        🟢 *production: healthy.* No incident is open.
        Not seen: IngressClass everywhere since 14:00 UTC (5 min), optional: not allowed to watch ingressclasses in the whole cluster: give the bot's account the verb "watch" on "ingressclasses" (ask with `kubectl auth can-i watch ingressclasses --all-namespaces`)
        "#);
        Ok(())
    })
    .await;
}
