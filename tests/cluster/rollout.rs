//! A Deployment of real controllers is broken, alerted once, mended, and resolved.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_monitor::{clients::kubernetes::Places, sandbox::slack::Shown};
use serde_json::{Value, json};

use crate::{
    bot::WatchingBot,
    plane::{ADMIN, Plane},
};

/// Where the Deployment of the story is.
pub(crate) const GATEWAY: &str = "/apis/apps/v1/namespaces/shop/deployments/gateway";

/// A namespace, a Deployment of two replicas and its Service.
pub(crate) fn gateway() -> [Value; 3] {
    let labels = json!({"app": "gateway"});
    [
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}),
        json!({
            "kind": "Service", "apiVersion": "v1", "metadata": {"name": "gateway", "namespace": "shop"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "gateway", "namespace": "shop"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "shop/gateway:1.0.0", "ports": [{"containerPort": 8080}]}]},
                },
            },
        }),
    ]
}

/// Whether every pod of the newest template is available, and no other is left.
pub(crate) async fn is_rolled_out(plane: &Plane) -> Result<bool> {
    let deployment = plane.get(GATEWAY).await?.json()?;
    let number = |of: &str| deployment.pointer(of).and_then(Value::as_i64).unwrap_or(0);
    let slices = plane.get("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices").await?.json()?;
    let pods = plane.get("/api/v1/namespaces/shop/pods").await?.json()?;
    let pods = pods.pointer("/items").and_then(Value::as_array).map_or(0, Vec::len);
    let endpoints = slices.pointer("/items/0/endpoints").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(number("/status/observedGeneration") == number("/metadata/generation")
        && number("/status/replicas") == 2
        && number("/status/updatedReplicas") == 2
        && number("/status/availableReplicas") == 2
        && endpoints == 2
        && pods == 2)
}

/// As the administrator, by a kubeconfig.
pub(crate) fn as_administrator(plane: &Plane) -> Result<Places> {
    Ok(Places {
        kubeconfig: Some(plane.kubeconfig_file(ADMIN)?.display().to_string()),
        service_account: "/nowhere".into(),
        ..Places::default()
    })
}

/// Whether an alert says that it is over.
pub(crate) fn is_resolved(alert: &Shown) -> bool {
    alert.text.lines().next().is_some_and(|title| title.contains("Resolved after"))
}

/// Names that the controllers made up become `gateway-*`, times become `00:00`, how long it took `N`, incidents `INC`, the server is `https://real`.
pub(crate) fn steady(text: &str) -> String {
    let mut before = "";
    let words = text.split_inclusive([' ', '\n']).map(|word| {
        let (word, end) = word.split_at(word.trim_end().len());
        let is_duration = before == "after" && word.parse::<u32>().is_ok();
        let is_date = word.len() == 10 && word.bytes().filter(|b| *b == b'-').count() == 2 && word.starts_with("20");
        let is_incident = word.starts_with("INC-");
        before = word;
        let is_time = word.len() == 5 && word.as_bytes().get(2) == Some(&b':');
        let is_pod = word.trim_start_matches("shop/").starts_with("gateway-");
        let is_address = word.starts_with("https://127.0.0.1:");
        let word = match word {
            _ if is_time => "00:00",
            _ if is_duration => "N",
            // A story that crosses midnight says the date of what was before.
            _ if is_date => "",
            _ if is_incident => "INC",
            _ if is_address => "https://real",
            _ if is_pod && word.starts_with("shop/") => "shop/gateway-*",
            _ if is_pod => "gateway-*",
            word => word,
        };
        if word.is_empty() && is_date { String::new() } else { format!("{word}{end}") }
    });
    let text: String = words.collect();
    // The server writes times in whole seconds, so how long before it was differs by one.
    let line = |line: &str| match line.rsplit_once(", ").filter(|_| line.starts_with("What changed: ")) {
        Some((what, rest)) => {
            format!("{what}, ...{}", rest.split_once(" · ").map_or("", |(before, _)| &rest[before.len()..]))
        }
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rollout_is_alerted_once_and_resolved_when_it_is_mended() -> Result<()> {
    let plane = Plane::full().await?;
    for object in gateway() {
        plane.create(&object).await?;
    }
    plane.until("the gateway is rolled out", is_rolled_out).await?;
    let mut bot = WatchingBot::start(as_administrator(&plane)?).await?;
    bot.wait(Duration::from_mins(6)).await?;
    assert_eq!(bot.alerts(), [], "all is well");

    let template = |pretend: Value| json!({"spec": {"template": {"metadata": {"annotations": {"pretend": pretend}}}}});
    plane.patch(GATEWAY, &template(json!("crash"))).await?;
    bot.until("there is an alert", |bot| bot.alerts().len() == 1).await?;
    bot.wait(Duration::from_mins(12)).await?;
    let alert = bot.alerts().into_iter().next().context("no alert")?;
    insta::assert_snapshot!(steady(&alert.text), @r"
    🟠 *SEV-2 · gateway: new pods crash, the old ones serve* · INC
    ▌#a30200
    Container app ends with exit code 1, cause unknown; restarted 4 times
    2 of 2 replicas ready · Deployment shop/gateway (P0)
    What changed: annotation pretend added: crash · rollout #2, ... · *MEDIUM*
    Undo: kubectl -n shop rollout undo deployment/gateway --to-revision=1
    Do: Read why it ended: kubectl -n shop logs gateway-* -c app --previous
    ```
    Pod shop/gateway-* container app: ended: Error, exit code 1, ran 0 s, restarted 4 times
    Pod shop/gateway-* container app: waiting: CrashLoopBackOff: back-off 1m20s restarting failed container
    ```
    [ Acknowledge ]
    SEV-2 because P0 service: degraded, but serving · since 00:00 UTC · seen 00:00 UTC
    ");
    assert_eq!(bot.thread(&alert), Vec::<String>::new(), "nothing became worse");

    plane.patch(GATEWAY, &template(Value::Null)).await?;
    plane.until("the gateway is rolled out again", is_rolled_out).await?;
    bot.wait(Duration::from_mins(7)).await?;
    bot.until("it is resolved", |bot| bot.alerts().iter().all(is_resolved)).await?;
    let alert = bot.alerts().into_iter().next().context("no alert")?;
    insta::assert_snapshot!(steady(&alert.text), @r"
    ✅ *Resolved after N min · gateway: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC
    ▌#2eb886
    Was: container app ends with exit code 1, cause unknown; restarted 4 times
    2 of 2 replicas ready · Deployment shop/gateway (P0)
    What changed: annotation pretend added: crash · rollout #2, ... · *MEDIUM*
    ```
    Pod shop/gateway-* container app: ended: Error, exit code 1, ran 0 s, restarted 4 times
    Pod shop/gateway-* container app: waiting: CrashLoopBackOff: back-off 1m20s restarting failed container
    ```
    since 00:00 UTC · seen 00:00 UTC · resolved 00:00 UTC
    ");
    insta::assert_snapshot!(steady(&bot.thread(&alert).join("\n")), @"✅ *Resolved after N min · gateway: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC");
    assert_eq!(bot.alerts().len(), 1, "told once");
    bot.stops().await
}
