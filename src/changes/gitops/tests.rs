//! Objects as the tools write them come in; what was applied from where, and when, is held against what they say.

use std::fmt::Write as _;

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const A: &str = "aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0";
const B: &str = "bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0";
const C: &str = "ccccccc0ccccccc0ccccccc0ccccccc0ccccccc0";

fn at(time: &str) -> String {
    format!("2026-11-24T{time}:00Z")
}

fn kept(kind: KeeperKind) -> Keeper {
    Keeper { kind, namespace: "ops".to_owned(), name: "shop".to_owned(), release_namespace: String::new() }
}

/// All that was read, a line each.
fn told(source: &Source) -> String {
    let mut out = format!("{}: {:?} {:?}", source.keeper, source.repository, source.path);
    write!(out, " target {:?} sync {:?} health {:?}", source.target, source.sync, source.health).unwrap();
    if source.waits {
        out.push_str(", waits");
    }
    for it in &source.applied {
        let commit = if it.commit.is_some() { "commit " } else { "" };
        let began = it.began.map(|began| format!(", began {began}")).unwrap_or_default();
        let id = it.id.map(|id| format!(", id {id}")).unwrap_or_default();
        write!(out, "\n{} {commit}{}{began}{id}", it.at, it.name()).unwrap();
    }
    if let Some(failure) = &source.failure {
        write!(out, "\nfailed {:?}: {}", failure.at.map(|at| at.to_string()), failure.message).unwrap();
    }
    out.replace("Some(", "").replace(')', "")
}

fn argo_cd(object: &Value) -> String {
    told(&Source::of(kept(KeeperKind::ArgoCdApplication), object, None))
}

fn entry(id: u64, revision: &str, time: &str) -> Value {
    json!({"id": id, "revision": revision, "deployedAt": at(time), "deployStartedAt": at(time),
        "source": {"repoURL": "https://github.com/acme/gitops.git", "path": "apps/shop"}})
}

#[test]
fn an_application_tells_what_it_synced_when() {
    let application = json!({
        "spec": {
            "source": {"repoURL": "https://bot:hunter2@github.com/acme/gitops.git", "path": "./apps/shop/", "targetRevision": "main"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}
        },
        "status": {
            "sync": {"status": "Synced", "revision": B}, "health": {"status": "Degraded"},
            "history": [entry(11, A, "10:00"), entry(12, B, "13:58")],
            "operationState": {"phase": "Succeeded", "startedAt": at("13:58"), "finishedAt": at("13:58"), "message": "successfully synced",
                "syncResult": {"revision": B}}
        }
    });
    assert_snapshot!(argo_cd(&application), @r#"
    Argo CD application ops/shop: "https://github.com/acme/gitops.git" "apps/shop" target "main" sync "Synced" health "Degraded"
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0, began 2026-11-24T13:58:00Z, id 12
    2026-11-24T10:00:00Z commit aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0, began 2026-11-24T10:00:00Z, id 11
    "#);
}

#[test]
fn a_sync_that_runs_or_failed_halfway_is_told_before_it_is_history() {
    let with = |phase: &str, message: &str| {
        let mut state =
            json!({"phase": phase, "message": message, "startedAt": at("14:00"), "syncResult": {"revision": C}});
        if phase != "Running" {
            state["finishedAt"] = json!(at("14:01"));
        }
        argo_cd(&json!({"spec": {}, "status": {"history": [entry(12, B, "13:00")], "operationState": state}}))
    };
    assert_snapshot!(with("Running", "waiting for healthy state of apps/Deployment/api"), @"
    Argo CD application ops/shop: None None target None sync None health None, waits
    2026-11-24T14:00:00Z commit ccccccc0ccccccc0ccccccc0ccccccc0ccccccc0, began 2026-11-24T14:00:00Z
    2026-11-24T13:00:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0, began 2026-11-24T13:00:00Z, id 12
    ");
    assert_snapshot!(with("Failed", "one or more objects failed to apply, reason: quota exceeded PASSWORD=hunter2"), @r#"
    Argo CD application ops/shop: None None target None sync None health None, waits
    2026-11-24T14:01:00Z commit ccccccc0ccccccc0ccccccc0ccccccc0ccccccc0, began 2026-11-24T14:00:00Z
    2026-11-24T13:00:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0, began 2026-11-24T13:00:00Z, id 12
    failed "2026-11-24T14:01:00Z": one or more objects failed to apply, reason: quota exceeded PASSWORD=***
    "#);
    assert_snapshot!(with("Error", "ComparisonError: repository not found"), @r#"
    Argo CD application ops/shop: None None target None sync None health None, waits
    2026-11-24T13:00:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0, began 2026-11-24T13:00:00Z, id 12
    failed "2026-11-24T14:01:00Z": ComparisonError: repository not found
    "#);
}

#[test]
fn of_several_sources_files_in_git_go_before_the_chart_whose_values_they_are() {
    let chart = json!({"repoURL": "https://charts.acme.example", "chart": "api", "targetRevision": "1.4.2",
        "helm": {"valueFiles": ["values.yaml", "$values/envs/prod/api.yaml"]}});
    let values = json!({"repoURL": "git@github.com:acme/gitops.git", "targetRevision": "main", "ref": "values"});
    let both = json!([chart, values]);
    let history = json!([
        {"id": 3, "revisions": ["1.4.2", A], "sources": both, "deployedAt": at("10:00")},
        {"id": 4, "revisions": ["1.4.2", B], "sources": both, "deployedAt": at("13:00")}
    ]);
    let status = json!({"history": history, "conditions": [
        {"type": "OrphanedResourceWarning", "message": "12"},
        {"type": "ComparisonError", "message": "failed to generate manifests: values.yaml: line 3", "lastTransitionTime": at("13:59")}]});
    assert_snapshot!(argo_cd(&json!({"spec": {"sources": both}, "status": status})), @r#"
    Argo CD application ops/shop: "git@github.com:acme/gitops.git" "envs/prod/api.yaml" target "main" sync None health None, waits
    2026-11-24T13:00:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0, id 4
    2026-11-24T10:00:00Z commit aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0, id 3
    failed "2026-11-24T13:59:00Z": failed to generate manifests: values.yaml: line 3
    "#);
    let chart_alone = json!({"spec": {"source": chart, "syncPolicy": {"automated": {"enabled": false}}}, "status": {"history": [
        {"id": 0, "revision": "1.4.2", "deployedAt": at("10:00")}]}});
    assert_snapshot!(argo_cd(&chart_alone), @r#"
    Argo CD application ops/shop: "https://charts.acme.example" None target "1.4.2" sync None health None, waits
    2026-11-24T10:00:00Z 1.4.2, id 0
    "#);
}

fn kustomization(status: &Value, artifact: Option<&Value>) -> String {
    let object = json!({"metadata": {"namespace": "ops"}, "spec": {"path": "./apps/shop"}, "status": status});
    told(&Source::of(kept(KeeperKind::FluxKustomization), &object, artifact))
}

fn ready(status: &str, reason: &str, message: &str, time: &str) -> Value {
    json!([{"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": at(time)}])
}

fn git(revision: &str, time: &str) -> Value {
    json!({"kind": "GitRepository", "spec": {"url": "ssh://git@github.com/acme/gitops", "ref": {"branch": "main"}},
        "status": {"artifact": {"revision": revision, "lastUpdateTime": at(time)}}})
}

#[test]
fn a_kustomization_without_history_applied_what_was_fetched_last() {
    let revision = format!("main@sha1:{B}");
    let status = json!({"lastAppliedRevision": revision, "conditions": ready("True", "ReconciliationSucceeded", "Applied revision", "14:09")});
    // It is reconciled every few minutes; when it was fetched is when it was applied first.
    assert_snapshot!(kustomization(&status, Some(&git(&revision, "13:58"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "ReconciliationSucceeded" health None
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    assert_snapshot!(kustomization(&status, Some(&git(&format!("main@sha1:{C}"), "14:10"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "ReconciliationSucceeded" health None
    2026-11-24T14:09:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    assert_snapshot!(kustomization(&status, None), @r#"
    Flux Kustomization ops/shop: None "apps/shop" target None sync "ReconciliationSucceeded" health None
    2026-11-24T14:09:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    let old = json!({"lastAppliedRevision": format!("main/{B}"), "conditions": ready("True", "ReconciliationSucceeded", "", "14:09")});
    assert_snapshot!(kustomization(&old, None), @r#"
    Flux Kustomization ops/shop: None "apps/shop" target None sync "ReconciliationSucceeded" health None
    2026-11-24T14:09:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
}

#[test]
fn a_kustomization_with_history_tells_each_content_with_its_beginning() {
    let (a, b) = (format!("main@sha1:{A}"), format!("main@sha1:{B}"));
    let entry = |revision: &str, status: &str, first: &str| {
        json!({"digest": first, "firstReconciled": at(first), "lastReconciled": at("14:09"), "lastReconciledStatus": status,
            "metadata": {"revision": revision}})
    };
    let status = json!({"lastAppliedRevision": b, "conditions": ready("True", "ReconciliationSucceeded", "", "14:09"), "history": [
        entry(&b, "ReconciliationSucceeded", "13:58"), entry(&a, "ReconciliationSucceeded", "10:00"), entry(&a, "BuildFailed", "09:00")]});
    assert_snapshot!(kustomization(&status, Some(&git(&b, "13:58"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "ReconciliationSucceeded" health None
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    2026-11-24T10:00:00Z commit aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0
    "#);
    // A commit that changed nothing here came later: it is not the one that changed something then.
    assert_snapshot!(kustomization(&status, Some(&git(&b, "14:05"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "ReconciliationSucceeded" health None
    2026-11-24T14:05:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    2026-11-24T10:00:00Z commit aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0aaaaaaa0
    "#);
}

#[test]
fn what_waits_for_the_health_of_what_it_applied_has_applied_it() {
    let (a, b) = (format!("main@sha1:{A}"), format!("main@sha1:{B}"));
    let status = |condition| json!({"lastAppliedRevision": a, "lastAttemptedRevision": b, "conditions": condition});
    let unwell = status(ready(
        "False",
        "HealthCheckFailed",
        "timeout waiting for: [Deployment/shop/api status: 'InProgress']",
        "14:03",
    ));
    assert_snapshot!(kustomization(&unwell, Some(&git(&b, "13:58"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "HealthCheckFailed" health "timeout waiting for: [Deployment/shop/api status: 'InProgress']"
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    let waiting = status(ready("Unknown", "Progressing", "Reconciliation in progress", "13:59"));
    assert_snapshot!(kustomization(&waiting, Some(&git(&b, "13:58"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "Progressing" health None
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    let broken = status(ready("False", "BuildFailed", "kustomization.yaml: no such file", "13:59"));
    assert_snapshot!(kustomization(&broken, Some(&git(&b, "13:58"))), @r#"
    Flux Kustomization ops/shop: "ssh://github.com/acme/gitops" "apps/shop" target "main" sync "BuildFailed" health None
    failed "2026-11-24T13:59:00Z": kustomization.yaml: no such file
    "#);
}

#[test]
fn an_image_of_manifests_names_the_commit_it_was_made_of() {
    let tag = format!("latest@sha256:{}", "d".repeat(64));
    let image = |metadata: Value| {
        json!({"kind": "OCIRepository", "spec": {"url": "oci://ghcr.io/acme/manifests", "ref": {"tag": "latest"}},
            "status": {"artifact": {"revision": tag, "lastUpdateTime": at("13:58"), "metadata": metadata}}})
    };
    let status =
        json!({"lastAppliedRevision": tag, "conditions": ready("True", "ReconciliationSucceeded", "", "14:09")});
    assert_snapshot!(kustomization(&status, Some(&image(json!({})))), @r#"
    Flux Kustomization ops/shop: "oci://ghcr.io/acme/manifests" "apps/shop" target "latest" sync "ReconciliationSucceeded" health None
    2026-11-24T13:58:00Z latest@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
    "#);
    let origin = format!("main@sha1:{B}");
    let metadata = json!({"org.opencontainers.image.source": "https://github.com/acme/gitops", "org.opencontainers.image.revision": origin});
    let status = json!({"lastAppliedRevision": tag, "lastAppliedOriginRevision": origin, "conditions": []});
    assert_snapshot!(kustomization(&status, Some(&image(metadata))), @r#"
    Flux Kustomization ops/shop: "https://github.com/acme/gitops" "apps/shop" target "latest" sync None health None
    2026-11-24T13:58:00Z commit bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0bbbbbbb0
    "#);
    let bucket = json!({"kind": "Bucket", "spec": {"endpoint": "minio.example", "bucketName": "manifests"}});
    assert_snapshot!(kustomization(&json!({}), Some(&bucket)), @r#"Flux Kustomization ops/shop: "minio.example/manifests" "apps/shop" target None sync None health None"#);
}

#[test]
fn a_helm_release_tells_its_charts_and_why_the_last_failed() {
    let object = json!({
        "metadata": {"namespace": "ops"}, "spec": {"suspend": true, "chart": {"spec": {"chart": "api", "version": "1.x"}}},
        "status": {
            "conditions": ready("False", "UpgradeFailed", "Helm upgrade failed: timed out waiting for the condition", "14:05"),
            "history": [
                {"version": 8, "chartName": "api", "chartVersion": "1.4.2", "status": "failed", "firstDeployed": at("09:00"), "lastDeployed": at("14:00")},
                {"version": 7, "chartName": "api", "chartVersion": "1.4.1", "status": "superseded", "firstDeployed": at("09:00"), "lastDeployed": at("11:00")},
                {"version": 6}
            ]
        }
    });
    let charts = json!({"kind": "HelmRepository", "spec": {"url": "https://charts.acme.example"}});
    assert_snapshot!(told(&Source::of(kept(KeeperKind::FluxHelmRelease), &object, Some(&charts))), @r#"
    Flux HelmRelease ops/shop: "https://charts.acme.example" None target "1.x" sync "UpgradeFailed" health None, waits
    2026-11-24T14:00:00Z 1.4.2
    2026-11-24T11:00:00Z 1.4.1
    failed "2026-11-24T14:05:00Z": Helm upgrade failed: timed out waiting for the condition
    "#);
    let old = json!({"spec": {"chart": {"spec": {"chart": "./charts/api"}}}, "status": {"lastAppliedRevision": "0.1.0",
        "conditions": [{"type": "Released", "status": "True", "lastTransitionTime": at("12:00")}]}});
    assert_snapshot!(told(&Source::of(kept(KeeperKind::FluxHelmRelease), &old, Some(&git(A, "10:00")))), @r#"
    Flux HelmRelease ops/shop: "ssh://github.com/acme/gitops" "charts/api" target "main" sync None health None
    2026-11-24T12:00:00Z 0.1.0
    "#);
}

#[test]
fn a_helm_chart_of_k3s_installed_its_version_when_it_was_changed() {
    let object = json!({
        "metadata": {"managedFields": [
            {"manager": "deploy@node-1", "time": at("13:00"), "fieldsV1": {"f:spec": {"f:version": {}}}},
            {"manager": "helm-controller", "subresource": "status", "time": at("13:59"), "fieldsV1": {"f:status": {}}}]},
        "spec": {"repo": "https://charts.acme.example", "chart": "api", "version": "1.4.2", "targetNamespace": "shop"},
        "status": {"conditions": [{"type": "Failed", "status": "True", "message": "Job helm-install-api failed 3 times"}]}
    });
    assert_snapshot!(told(&Source::of(kept(KeeperKind::K3sHelmChart), &object, None)), @r#"
    HelmChart ops/shop: "https://charts.acme.example" None target "1.4.2" sync None health None
    2026-11-24T13:00:00Z 1.4.2
    failed None: Job helm-install-api failed 3 times
    "#);
}

#[rstest]
#[case::null(json!(null))]
#[case::of_other_types(json!({"spec": {"source": 1, "sources": {"a": 1}, "path": [], "chart": 2, "sourceRef": "x", "suspend": "yes"},
    "status": {"history": {"id": 1}, "conditions": "none", "operationState": [], "lastAppliedRevision": 7}}))]
#[case::of_odd_entries(json!({"spec": {"sources": [null, 3]}, "status": {"history": [null, 1, {}, {"id": -1, "revision": "", "deployedAt": "x"}],
    "conditions": [null, {"type": 1}, {"type": "Ready"}], "operationState": {"phase": "Running", "syncResult": null}}}))]
fn what_is_missing_or_odd_is_left_out(#[case] object: Value) {
    use KeeperKind::{ArgoCdApplication, FluxHelmRelease, FluxKustomization, K3sHelmChart};
    for kind in [ArgoCdApplication, FluxKustomization, FluxHelmRelease, K3sHelmChart] {
        let read = Source::of(kept(kind), &object, Some(&object));
        assert!(read.applied.is_empty() && read.repository.is_none() && read.failure.is_none(), "{read:?}");
        assert_eq!(artifact(kind, &object), None);
    }
}

#[rstest]
#[case::tracked(json!({}), json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api"}), "Argo CD application shop")]
#[case::in_another_namespace(json!({}), json!({"argocd.argoproj.io/tracking-id": "team_shop:apps/Deployment:shop/api"}), "Argo CD application team/shop")]
#[case::by_label(json!({"argocd.argoproj.io/instance": "shop"}), json!({}), "Argo CD application shop")]
#[case::of_many_charts(json!({"app.kubernetes.io/instance": "shop"}), json!({}), "none")]
#[case(json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}), json!({}), "Flux Kustomization apps")]
#[case(json!({"helm.toolkit.fluxcd.io/name": "api", "helm.toolkit.fluxcd.io/namespace": "shop"}), json!({"meta.helm.sh/release-name": "api"}), "Flux HelmRelease shop/api")]
#[case::only_half(json!({"kustomize.toolkit.fluxcd.io/name": "apps"}), json!({}), "none")]
#[case(json!({}), json!({"meta.helm.sh/release-name": "traefik", "meta.helm.sh/release-namespace": "kube-system"}), "HelmChart kube-system/traefik")]
#[case(json!({}), json!({"objectset.rio.cattle.io/owner-gvk": "helm.cattle.io/v1, Kind=HelmChart", "objectset.rio.cattle.io/owner-name": "api",
    "objectset.rio.cattle.io/owner-namespace": "shop"}), "HelmChart shop/api")]
#[case::an_add_on(json!({}), json!({"objectset.rio.cattle.io/owner-gvk": "k3s.cattle.io/v1, Kind=Addon"}), "none")]
#[case::no_name(json!({}), json!({"argocd.argoproj.io/tracking-id": "../../secrets:x"}), "none")]
fn who_keeps_an_object_is_named_in_full(#[case] labels: Value, #[case] annotations: Value, #[case] expected: &str) {
    let object = json!({"metadata": {"namespace": "shop", "labels": labels, "annotations": annotations}});
    assert_eq!(kept_by(&object).map_or("none".to_owned(), |it| it.to_string()), expected);
}

#[test]
fn the_label_of_many_charts_is_one_of_argo_cd_where_argo_cd_writes() {
    let object = json!({"metadata": {"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": [{"manager": "argocd-controller"}]}});
    assert_eq!(kept_by(&object).map(|it| it.to_string()).as_deref(), Some("Argo CD application shop"));
    assert_eq!(crate::changes::keeper(&object).map(|it| it.to_string()).as_deref(), Some("Argo CD application shop"));
}

#[test]
fn a_chart_is_the_one_of_a_release_if_it_goes_where_that_is() {
    let annotations = json!({"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"});
    let keeper = kept_by(&json!({"metadata": {"namespace": "shop", "annotations": annotations}})).unwrap();
    assert!(keeper.makes_release(&json!({"spec": {"targetNamespace": "shop"}})));
    assert!(!keeper.makes_release(&json!({"spec": {"targetNamespace": "other"}})));
    assert!(!keeper.makes_release(&json!({})), "it goes where it is itself");
    let elsewhere = keeper.elsewhere().unwrap();
    assert_eq!(elsewhere.to_string(), "HelmChart shop/api");
    assert!(elsewhere.makes_release(&json!({})));
    assert_eq!(elsewhere.elsewhere(), None);
}
