//! What `kubectl apply` would make of the manifests, and what the bot can do with its own account: read what it judges, nothing else.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use http::Method;
use k8s_monitor::{
    changes::{Before, Rollout, rollouts},
    clients::kubernetes::{Kubernetes, LogRequest, Places, find},
    cluster::{Fact, Kind, ObjectRef},
};
use serde_json::{Value, json};

use crate::{
    bot::WatchingBot,
    plane::{Plane, ask},
    rollout::{gateway, is_rolled_out, steady},
};

/// Where the bot is installed.
const HOME: &str = "k8s-monitor";

/// Applies the files of `manifests/k3s` up to that number, in their order.
async fn apply_manifests(plane: &Plane, last: &str) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/k3s");
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(|c: char| c.is_ascii_digit()))
    });
    files.retain(|path| path.file_name().is_some_and(|name| *name <= *std::ffi::OsString::from(format!("{last}~"))));
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        for document in text.split("\n---\n") {
            plane.apply(document).await.with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

/// The bot's account as its Pod finds it: token, certificate and address.
async fn in_cluster(plane: &Plane) -> Result<(Places, String)> {
    let token = plane.token_of(HOME, "k8s-monitor").await?;
    let folder = plane.path("account");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("token"), &token)?;
    std::fs::write(folder.join("namespace"), HOME)?;
    std::fs::copy(plane.certificate(), folder.join("ca.crt"))?;
    let places = Places {
        service_account: folder,
        service_host: Some("127.0.0.1".to_owned()),
        service_port: Some(plane.port().to_string()),
        ..Places::default()
    };
    Ok((places, token))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_give_the_bot_what_it_needs_and_nothing_else() -> Result<()> {
    let plane = Plane::full().await?;
    apply_manifests(&plane, "99").await?;
    let (places, token) = in_cluster(&plane).await?;

    // Its Deployment is one the cluster can run: a Pod is made, so admission (restricted) agrees.
    let pods = format!("/api/v1/namespaces/{HOME}/pods");
    plane
        .until("the Deployment has a Pod", async |plane| {
            Ok(plane.get(&pods).await?.json()?["items"].as_array().is_some_and(|all| all.len() == 1))
        })
        .await?;

    // Every verb it needs works.
    let kubernetes = Kubernetes::connect(find(&places).await?.config)?;
    kubernetes.identity().await?;
    kubernetes.version().await?;
    // What is installed into a cluster is not in this one.
    for kind in Kind::ALL.into_iter().chain(Kind::CHANGED).filter(|kind| !kind.is_custom()) {
        kubernetes.list(kind, None).await?;
        let of_namespace = kubernetes.list(kind, Some(HOME)).await;
        assert!(of_namespace.is_ok(), "{kind}: {of_namespace:?}");
    }
    // What is kept of templates, also where something else than a Deployment keeps it.
    for (kind, image) in [("StatefulSet", "shop/db:1.0.0"), ("DaemonSet", "shop/agent:1.0.0")] {
        let (name, labels) = (kind.to_lowercase(), json!({"app": kind}));
        let template = |image: &str| json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}});
        let mut object = json!({"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": name, "namespace": "default"},
            "spec": {"selector": {"matchLabels": labels}, "template": template(image)}});
        if kind == "StatefulSet" {
            object["spec"]["serviceName"] = json!(name);
        }
        plane.create(&object).await?;
        let owner = ObjectRef { kind: kind.into(), namespace: "default".into(), name: name.as_str().into() };
        let all = async || -> Result<Vec<Rollout>> {
            let found = kubernetes.revisions(&owner).await?.context("it is gone")?;
            Ok(rollouts(&owner, &found.workload, &found.versions))
        };
        plane.until("the first version is kept", async |_| Ok(all().await?.len() == 1)).await?;
        let path = format!("/apis/apps/v1/namespaces/default/{name}s/{name}");
        plane.patch(&path, &json!({"spec": {"template": template("shop/new:2.0.0")}})).await?;
        plane.until("the second version is kept", async |_| Ok(all().await?.len() == 2)).await?;
        let newest = all().await?.into_iter().next().context("no version")?;
        let Before::Revision(1, differences) = &newest.before else { anyhow::bail!("{newest:?}") };
        let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("image {image} → shop/new:2.0.0")], "{kind}");
    }
    // What pods name of ConfigMaps comes in protobuf as it was written; of ConfigMaps themselves nothing but metadata is listed.
    let config = |name: &str| json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default"}, "data": {"A": "x"}});
    plane.create(&config("by-key")).await?;
    let key = json!({"configMapKeyRef": {"name": "by-key", "key": "A", "optional": true}});
    let source = |name: &str| json!({"configMap": {"name": name, "optional": true}});
    plane
        .create(&json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "reads", "namespace": "default"}, "spec": {
            "containers": [{"name": "app", "image": "x", "env": [{"name": "A", "value": "y"}, {"name": "B", "valueFrom": key}],
                "envFrom": [{"configMapRef": {"name": "whole", "optional": true}}]}],
            "volumes": [{"name": "one", "configMap": {"name": "mounted", "optional": true}},
                {"name": "more", "projected": {"sources": [source("projected")]}}]}}))
        .await?;
    let pods_there = kubernetes.list(Kind::Pod, Some("default")).await?.facts;
    let mut pods_of_default =
        pods_there.iter().filter_map(|fact| if let Fact::Pod(pod) = fact { Some(pod) } else { None });
    let reads = pods_of_default.find(|pod| pod.meta().name == "reads");
    let reads = reads.context("the Pod is not there")?;
    let uses: Vec<_> = reads.configs().map(|it| (it.name, it.key, it.container)).collect();
    let app = Some("app");
    assert_eq!(
        uses,
        [("by-key", Some("A"), app), ("whole", None, app), ("mounted", None, None), ("projected", None, None)]
    );
    let listed = kubernetes.list(Kind::ConfigMap, Some("default")).await?.facts;
    let of = listed.iter().map(Fact::key).find(|key| key.name == "by-key").context("the ConfigMap is not listed")?;
    let read = kubernetes.object(&of).await?.context("the ConfigMap is not there")?;
    assert_eq!(read["data"], json!({"A": "x"}));
    let no_pod = LogRequest { namespace: HOME, pod: "nobody", container: "", previous: false, tail: 10 };
    assert_eq!(kubernetes.logs(&no_pod).await?, None, "the log could be asked for");
    let mut bot = WatchingBot::start(places).await?;
    // A watch that is refused is told by its kind.
    bot.until("every kind is watched", WatchingBot::sees_everything).await?;
    let status = bot.status().await?;
    assert!(!status.contains("Not seen") && status.contains("healthy"), "every kind can be watched: {status}");
    bot.stops().await?;

    // Secrets and writes are refused.
    let client = plane.client_of(&token)?;
    let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}});
    let scale = json!({"spec": {"replicas": 0}});
    let deployment = format!("/apis/apps/v1/namespaces/{HOME}/deployments/k8s-monitor");
    let refused: [(Method, String, &str, Value); 8] = [
        (Method::GET, "/api/v1/secrets".into(), "", Value::Null),
        (Method::GET, format!("/api/v1/namespaces/{HOME}/secrets/k8s-monitor"), "", Value::Null),
        (Method::GET, "/api/v1/nodes/kwok-0/proxy/pods".into(), "", Value::Null),
        (Method::POST, pods.clone(), "application/json", pod),
        (Method::PATCH, deployment.clone(), "application/merge-patch+json", scale),
        (Method::DELETE, deployment, "application/json", Value::Null),
        (Method::POST, format!("{pods}/x/exec?command=sh"), "application/json", Value::Null),
        (Method::POST, format!("{pods}/x/eviction"), "application/json", json!({})),
    ];
    for (method, path, content_type, body) in refused {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = ask(&client, method.clone(), &path, content_type, body).await?;
        assert_eq!(answer.status, 403, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_forbidden_kind_makes_blind_for_that_kind_only() -> Result<()> {
    let plane = Plane::full().await?;
    apply_manifests(&plane, "03").await?;
    for object in gateway() {
        plane.create(&object).await?;
    }
    plane.until("the gateway is rolled out", is_rolled_out).await?;
    // Somebody took `jobs` out of the role.
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/k8s-monitor";
    let mut role = plane.get(path).await?.json()?;
    for rule in role["rules"].as_array_mut().context("no rules")? {
        if let Some(resources) = rule["resources"].as_array_mut() {
            resources.retain(|resource| resource != "jobs");
        }
    }
    plane.patch(path, &json!({"rules": role["rules"]})).await?;
    let (places, _) = in_cluster(&plane).await?;

    let mut bot = WatchingBot::start(places).await?;
    let status = bot.status().await?;
    let sight: Vec<&str> = status.lines().take(2).collect();
    let since = |seconds: u32| format!(" ({seconds} s)");
    let sight = (0..60).fold(steady(&sight.join("\n")), |text, seconds| text.replace(&since(seconds), ""));
    insta::assert_snapshot!(sight, @r#"
    ⚪ *real: I cannot say.* No incident is open, but I do not see everything.
    Not seen: Job everywhere since 00:00 UTC: not allowed to watch jobs in the whole cluster: give the bot's account the verb "watch" on "jobs" (ask with `kubectl auth can-i watch jobs --all-namespaces`)
    "#);
    bot.wait(Duration::from_mins(2)).await?;
    bot.until("blindness is an alert", |bot| bot.alerts().len() == 1).await?;
    insta::assert_snapshot!(steady(&bot.alerts()[0].text), @r#"
    🟠 *SEV-2 · I do not see everything in real* · INC
    ▌#a30200
    I cannot read jobs: what depends on them is unknown, not healthy
    Do: See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need
    ```
    reading jobs: not allowed to watch jobs in the whole cluster: give the bot's account the verb "watch" on "jobs" (ask with `kubectl auth can-i watch jobs --all-namespaces`)
    ```
    [ Acknowledge ]
    SEV-2 because a part of the cluster is unknown · since 00:00 UTC · seen 00:00 UTC
    "#);

    // Everything else is seen as before.
    let broken = json!({"spec": {"template": {"metadata": {"annotations": {"pretend": "image-pull"}}}}});
    plane.patch(crate::rollout::GATEWAY, &broken).await?;
    bot.wait(Duration::from_mins(5)).await?;
    bot.until("the broken rollout is an alert", |bot| bot.alerts().len() == 2).await?;
    let alert = bot.alerts().into_iter().next_back().context("no alert")?;
    insta::assert_snapshot!(steady(&alert.text), @r"
    🟠 *SEV-2 · gateway: new pods cannot pull their image, the old ones serve* · INC
    ▌#a30200
    Image shop/gateway:1.0.0 of container app cannot be pulled: the registry does not have it
    2 of 2 replicas ready · Deployment shop/gateway (P0)
    What changed: annotation pretend added: image-pull · rollout #2, ... · *LOW*
    Do: Check the image's name and the access to its registry: kubectl -n shop describe pod gateway-*
    ```
    Pod shop/gateway-* container app: waiting: ImagePullBackOff: Back-off pulling image shop/gateway:1.0.0: not found
    ```
    [ Acknowledge ]
    SEV-2 because P0 service: degraded, but serving · since 00:00 UTC · seen 00:00 UTC
    ");
    bot.stops().await
}
