//! What Argo CD, Flux and K3s's Helm keep: alerts name the commit that runs, where it is from, and why it cannot be put in place.

use std::time::Duration;

use jiff::Timestamp;
use k8s_monitor::sandbox::kubernetes::Workload;
use serde_json::{Value, json};

use crate::harness::{
    BotTester, run_test,
    shop::{HOURS, a_cluster, apply, becomes, workload},
};

const BEFORE: &str = "9f3c2ab09f3c2ab09f3c2ab09f3c2ab09f3c2ab0";
const AFTER: &str = "abc12340abc12340abc12340abc12340abc12340";

/// The lines of the only alert that are about changes, as it is now.
async fn changed(bot: &mut BotTester) -> anyhow::Result<String> {
    let alert = bot.alert("#alerts").await?;
    let is_meant = |line: &&str| {
        ["What changed", "Undo"].iter().any(|head| line.starts_with(head)) || line.contains("sync failed")
    };
    let mut lines: Vec<_> = alert.lines().filter(is_meant).collect();
    lines.dedup();
    Ok(lines.join("\n"))
}

/// What `/k8s show` says of changes.
async fn shown(bot: &mut BotTester) -> anyhow::Result<String> {
    let shown = bot.asks("/k8s show INC-2026-11-24-001").await?;
    let from = shown.lines().skip_while(|line| !line.contains("Changed before"));
    Ok(from.take_while(|line| !line.starts_with("*Its life*")).collect::<Vec<_>>().join("\n"))
}

/// A new version is rolled out now, and its pods crash.
async fn is_rolled_out_and_crashes(bot: &mut BotTester, before: &Workload) -> anyhow::Result<()> {
    let after = before.clone().rollout(bot.now()).image("shop/web:1.1.0").crash_looping(3, false);
    becomes(bot, before, &after);
    bot.wait(Duration::from_mins(5)).await
}

pub(crate) fn with_argo_cd(bot: &BotTester, name: &str) -> Workload {
    let id = format!("shop:apps/Deployment:{name}");
    workload(bot, name).managed_by("argocd-controller").annotation("argocd.argoproj.io/tracking-id", &id)
}

/// An application that synced one commit hours ago and another one then; `state` is its last operation.
pub(crate) fn application(bot: &BotTester, after: &str, synced: Timestamp, state: &Value) -> Value {
    let entry = |id: u64, revision: &str, at: Timestamp| json!({"id": id, "revision": revision, "deployStartedAt": at, "deployedAt": at});
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"namespace": "argocd", "name": "shop"},
        "spec": {
            "source": {"repoURL": "https://github.com/acme/gitops.git", "path": "apps/shop", "targetRevision": "main"},
            "syncPolicy": {"automated": {"selfHeal": true}}
        },
        "status": {
            "sync": {"status": "Synced", "revision": after}, "health": {"status": "Degraded"},
            "history": [entry(11, BEFORE, bot.now() - HOURS), entry(12, after, synced)], "operationState": state
        }
    })
}

#[tokio::test]
async fn what_argo_cd_synced_is_named_by_its_commit_and_undone_where_it_is_from() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = with_argo_cd(bot, "shop/web");
        apply(bot, &web);
        let synced = application(bot, AFTER, bot.now() - Duration::from_secs(20), &json!({}));
        bot.cluster().apply(synced);
        bot.starts().await?;
        is_rolled_out_and_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by Argo CD application shop at abc1234, as it began · *HIGH*
        Undo: revert abc1234 in github.com/acme/gitops, path apps/shop (before it 9f3c2ab): Argo CD application shop puts in place what is there
        ");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(shown(bot).await?, @"6. Changed before: rollout #2, HIGH (100 of 100): it began with it; such a change fits a crash; the pods that are hit run it; it is commit abc1234 of github.com/acme/gitops, path apps/shop (before it 9f3c2ab)");
        insta::assert_snapshot!(bot.asks("/k8s changes shop/web").await?, @"
        only for ana in #alerts:
        *2 rollouts to `shop/web` in the last 24 h*
        • 14:00 UTC (5 min ago) *shop/web* rollout #2 by Argo CD application shop at abc1234: image web:1.0.0 → 1.1.0
        • 11:00 UTC (3 h 5 min ago) *shop/web* rollout #1 by Argo CD application shop at 9f3c2ab: it is new
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_sync_that_failed_is_told_with_its_reason_and_without_secrets() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = with_argo_cd(bot, "shop/web");
        apply(bot, &web);
        let ended = bot.now() - Duration::from_mins(3);
        let state = json!({"phase": "Failed", "startedAt": ended, "finishedAt": ended,
            "message": "one or more objects failed to apply, reason: admission webhook denied it, token=hunter2 <!channel>"});
        let failed = application(bot, AFTER, bot.now() - Duration::from_hours(2), &state);
        bot.cluster().apply(failed);
        bot.starts().await?;
        let broken = web.clone().pods_made_anew(bot.now()).crash_looping(3, false);
        becomes(bot, &web, &broken);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Argo CD application shop: sync failed 2 min before it began: one or more objects failed to apply, reason: admission webhook denied it, token=*** <!channel>
        ");
        bot.everything_new("#alerts").await?;
        let shown = bot.asks("/k8s show INC-2026-11-24-001").await?;
        let of_it: Vec<_> = shown.lines().filter(|line| line.contains("Argo CD")).collect();
        insta::assert_snapshot!(of_it.join("\n"), @"
        5. Argo CD application shop: sync failed 2 min before it began: one or more objects failed to apply, reason: admission webhook denied it, token=*** <!channel>
        6. Argo CD application shop runs commit abc1234 of github.com/acme/gitops, path apps/shop (before it 9f3c2ab), applied 1 h 59 min before it began
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_read_or_is_not_there_is_said_and_hinders_nothing() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = with_argo_cd(bot, "shop/web");
        apply(bot, &web);
        bot.cluster().close("applications.argoproj.io");
        bot.starts().await?;
        is_rolled_out_and_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by Argo CD application shop, as it began · *HIGH*
        Undo: revert the change in Git: Argo CD application shop puts in place what is there
        ");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(shown(bot).await?, @r#"
        6. Changed before: rollout #2, HIGH (100 of 100): it began with it; such a change fits a crash; the pods that are hit run it
        7. what Argo CD application shop applied cannot be read: not allowed to get applications.argoproj.io in namespace argocd: give the bot's account the verb "get" on "applications.argoproj.io" (ask with `kubectl auth can-i get applications.argoproj.io -n argocd`)
        "#);
        Ok(())
    })
    .await;
    run_test(async |bot| {
        a_cluster(bot);
        let web = with_argo_cd(bot, "shop/web");
        apply(bot, &web);
        let elsewhere = application(bot, AFTER, bot.now(), &json!({}));
        bot.cluster().apply(json!({"metadata": {"namespace": "argo", "name": "shop"}, "kind": "Application",
            "apiVersion": elsewhere["apiVersion"], "spec": elsewhere["spec"]}));
        bot.starts().await?;
        insta::assert_snapshot!(bot.asks("/k8s changes shop/web").await?, @"
        only for ana in #alerts:
        *1 rollout to `shop/web` in the last 24 h*
        • 11:00 UTC (3 h ago) *shop/web* rollout #1 by Argo CD application shop: it is new
        Not read: what Argo CD application shop applied is not known: there are no applications.argoproj.io of that name in namespace argocd
        ");
        Ok(())
    })
    .await;
}

/// A repository of which that commit was fetched then, and the Kustomization of it.
fn flux(fetched: Timestamp) -> [Value; 2] {
    let revision = format!("main@sha1:{AFTER}");
    let meta = json!({"namespace": "flux-system", "name": "apps"});
    let ready = json!([{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "lastTransitionTime": fetched}]);
    [
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": meta,
            "spec": {"url": "ssh://git@github.com/acme/gitops", "ref": {"branch": "main"}},
            "status": {"artifact": {"revision": revision, "lastUpdateTime": fetched}}}),
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta,
            "spec": {"path": "./apps/shop", "sourceRef": {"kind": "GitRepository", "name": "apps"}},
            "status": {"lastAppliedRevision": revision, "conditions": ready}}),
    ]
}

#[tokio::test]
async fn what_a_kustomization_of_flux_applied_is_named_by_its_commit() {
    run_test(async |bot| {
        a_cluster(bot);
        let label = |part: &str| format!("kustomize.toolkit.fluxcd.io/{part}");
        let web = workload(bot, "shop/web").managed_by("kustomize-controller");
        let web = web.label(&label("name"), "apps").label(&label("namespace"), "flux-system");
        apply(bot, &web);
        let fetched = bot.now() - Duration::from_secs(30);
        bot.cluster().apply_all(flux(fetched));
        bot.starts().await?;
        is_rolled_out_and_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by Flux Kustomization apps at abc1234, as it began · *HIGH*
        Undo: revert abc1234 in github.com/acme/gitops, path apps/shop: Flux Kustomization apps puts in place what is there
        ");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(shown(bot).await?, @"6. Changed before: rollout #2, HIGH (100 of 100): it began with it; such a change fits a crash; the pods that are hit run it; it is commit abc1234 of github.com/acme/gitops, path apps/shop");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_helm_release_is_told_with_the_commit_of_the_kustomization_that_keeps_it() {
    run_test(async |bot| {
        a_cluster(bot);
        let label = |part: &str| format!("helm.toolkit.fluxcd.io/{part}");
        let web = workload(bot, "shop/web").managed_by("helm-controller");
        let web = web.label(&label("name"), "web").label(&label("namespace"), "shop");
        apply(bot, &web);
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"namespace": "shop", "name": "web", "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
            "spec": {"suspend": true, "chart": {"spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository", "name": "acme"}}}},
            "status": {"history": [{"chartVersion": "1.4.2", "lastDeployed": bot.now()}]}});
        let fetched = bot.now() - Duration::from_secs(30);
        bot.cluster().apply_all(flux(fetched).into_iter().chain([release]));
        bot.starts().await?;
        is_rolled_out_and_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by Flux HelmRelease shop/web at abc1234, as it began · *HIGH*
        Undo: revert abc1234 in github.com/acme/gitops, path apps/shop: Flux HelmRelease shop/web puts in place what is there, once somebody tells it to
        ");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(shown(bot).await?, @"
        6. Changed before: rollout #2, HIGH (100 of 100): it began with it; such a change fits a crash; the pods that are hit run it; it is commit abc1234 of github.com/acme/gitops, path apps/shop
        7. Flux HelmRelease shop/web is suspended: what is in Git is not put in place
        ");
        let asked: Vec<String> = bot.cluster().requests();
        let asked: Vec<&String> = asked.iter().filter(|it| it.contains("fluxcd.io")).collect();
        insta::assert_snapshot!(asked.iter().map(|it| it.as_str()).collect::<Vec<_>>().join("\n"), @"
        /apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases/web
        /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps
        /apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/apps
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_chart_that_k3s_installs_is_told_with_its_version() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web").managed_by("helm");
        let web = web.annotation("meta.helm.sh/release-name", "web").annotation("meta.helm.sh/release-namespace", "shop");
        apply(bot, &web);
        let changed_at = bot.now() - Duration::from_secs(40);
        bot.cluster().apply(json!({"apiVersion": "helm.cattle.io/v1", "kind": "HelmChart",
            "metadata": {"namespace": "kube-system", "name": "web", "managedFields": [
                {"manager": "deploy@node-1", "operation": "Update", "time": changed_at, "fieldsV1": {"f:spec": {"f:version": {}}}}]},
            "spec": {"repo": "https://charts.acme.example", "chart": "web", "version": "1.4.2", "targetNamespace": "shop"}}));
        bot.starts().await?;
        is_rolled_out_and_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot).await?, @"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by HelmChart kube-system/web at 1.4.2, as it began · *HIGH*
        Undo: helm -n shop rollback web (until K3s installs HelmChart kube-system/web again: mend that as well)
        ");
        Ok(())
    })
    .await;
}
