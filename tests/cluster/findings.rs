//! The same broken objects, in the pretend cluster and at a real API server: what the bot finds is the same.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, Result};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use k8s_monitor::{
    clock::Clock,
    cluster::Kind,
    sandbox::kubernetes::{Cluster, story},
};
use serde_json::{Value, json};

use crate::{
    broken,
    plane::{ADMIN, Plane, ask, client_of},
};

/// Everything in the pretend cluster, owners first.
pub(crate) async fn everything_in(cluster: &Cluster) -> Result<Vec<Value>> {
    let client = client_of(&cluster.kubeconfig())?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let root = if kind.api_version().contains('/') { "apis" } else { "api" };
        let path = format!("/{root}/{}/{}", kind.api_version(), kind.plural());
        let list = ask(&client, Method::GET, &path, "", Vec::new()).await?.json()?;
        for mut object in list["items"].as_array().cloned().unwrap_or_default() {
            object["kind"] = json!(kind.name());
            object["apiVersion"] = json!(kind.api_version());
            all.push(object);
        }
    }
    Ok(all)
}

/// Puts the same objects into the real one. It gives each a uid of its own, so references are written anew.
pub(crate) async fn copy(objects: &[Value], plane: &Plane) -> Result<()> {
    let mut uids: BTreeMap<String, String> = BTreeMap::new();
    for object in objects {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        if object["kind"] == "Namespace" && ["default", "kube-system"].contains(&name) {
            continue;
        }
        let mut text = object.clone();
        let metadata = text["metadata"].as_object_mut().context("no metadata")?;
        metadata.remove("resourceVersion");
        let old = metadata.remove("uid");
        let mut written = text.to_string();
        for (old, new) in &uids {
            written = written.replace(old, new);
        }
        let made = plane.create(&serde_json::from_str(&written)?).await?;
        let new = made.pointer("/metadata/uid").and_then(Value::as_str).context("no uid")?;
        if let Some(old) = old.as_ref().and_then(Value::as_str) {
            uids.insert(old.to_owned(), new.to_owned());
        }
    }
    Ok(())
}

/// What `check` finds there, without what differs between any two clusters.
fn findings(kubeconfig: &std::path::Path, now: Timestamp) -> Result<Vec<String>> {
    let out = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .args(["check", "--output", "json", "--now", &now.to_string()])
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nowhere")
        .output()?;
    let report: Value = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))?;
    assert_eq!(out.status.code(), Some(1), "something is wrong, and everything was seen: {report:#}");
    let told = |finding: &Value| {
        let objects: Vec<String> = finding["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|o| format!("{}/{}", o["kind"].as_str().unwrap_or_default(), o["name"].as_str().unwrap_or_default()))
            .collect();
        let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let owner = &finding["owner"];
        format!(
            "{} {} {}/{} [{}]: {}: {} ({}; {})",
            text("check"),
            owner["kind"].as_str().unwrap_or_default(),
            owner["namespace"].as_str().unwrap_or_default(),
            owner["name"].as_str().unwrap_or_default(),
            objects.join(" "),
            text("reason"),
            text("message"),
            text("severity"),
            finding["impact"],
        )
    };
    let mut all: Vec<String> = report["findings"].as_array().context("no findings")?.iter().map(told).collect();
    all.sort();
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_broken_objects_are_the_same_findings() -> Result<()> {
    let now = Clock::System.now();
    let cluster = Cluster::start().await?;
    // The story up to its worst moment, and one workload for each other check.
    for step in story::bad_deploy(now).into_iter().take_while(|step| !step.caption.starts_with("Somebody rolls")) {
        cluster.play(&step.changes);
    }
    for object in broken::one_of_each(now) {
        cluster.apply(object.clone()).with_context(|| object.to_string())?;
    }
    let plane = Plane::bare().await?;
    copy(&everything_in(&cluster).await?, &plane).await?;

    let kubeconfig = plane.path("sandbox.yaml");
    std::fs::write(&kubeconfig, cluster.kubeconfig())?;
    let later = now + SignedDuration::from_hours(1);
    let pretend = findings(&kubeconfig, later)?;
    let real = findings(&plane.kubeconfig_file(ADMIN)?, later)?;
    assert_eq!(pretend, real);
    let checks: std::collections::BTreeSet<&str> = real.iter().filter_map(|line| line.split(' ').next()).collect();
    insta::assert_snapshot!(checks.into_iter().collect::<Vec<_>>().join("\n"), @"");
    Ok(())
}
