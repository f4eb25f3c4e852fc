//! Objects as tools leave them come in; who is said to have changed them is held against who did.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Actor, TEMPLATE, actor, keeper};

/// An entry of a manager that owns the template.
fn entry(manager: &str, time: &str) -> Value {
    json!({
        "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": format!("2026-11-24T{time}Z"), "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {"f:image": {}}}}}}}
    })
}

fn object(entries: &[Value], labels: &Value, annotations: &Value) -> Value {
    json!({"metadata": {
        "name": "api", "namespace": "shop", "labels": labels, "annotations": annotations, "managedFields": entries
    }})
}

#[rstest]
#[case("argocd-controller", json!({}), json!({"argocd.argoproj.io/tracking-id": "shop_backend:apps/Deployment:shop/api"}), "Argo CD application shop/backend")]
#[case("argocd-application-controller", json!({"app.kubernetes.io/instance": "backend"}), json!({}), "Argo CD application backend")]
#[case("argocd-controller", json!({}), json!({}), "Argo CD application")]
#[case("kustomize-controller", json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}), json!({}), "Flux Kustomization apps")]
#[case("helm-controller", json!({"helm.toolkit.fluxcd.io/name": "api", "helm.toolkit.fluxcd.io/namespace": "shop"}), json!({}), "Flux HelmRelease shop/api")]
#[case("helm", json!({"helm.sh/chart": "api-1.4.2"}), json!({"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"}), "Helm release api (chart api-1.4.2)")]
#[case("helm", json!({"app.kubernetes.io/version": "5.8.0"}), json!({"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "ops"}), "Helm release ops/api (version 5.8.0)")]
#[case("Go-http-client", json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "api"}), json!({}), "Helm release api")]
#[case("deploy@node-1", json!({}), json!({"objectset.rio.cattle.io/owner-gvk": "k3s.cattle.io/v1, Kind=Addon", "objectset.rio.cattle.io/owner-name": "coredns"}), "K3s add-on coredns")]
#[case("kubectl-edit", json!({}), json!({}), "kubectl edit")]
#[case("kubectl-client-side-apply", json!({}), json!({}), "kubectl apply")]
#[case("kubectl-rollout", json!({}), json!({}), "kubectl rollout")]
#[case("kubectl", json!({}), json!({}), "kubectl apply")]
#[case("node-fetch", json!({}), json!({}), "Lens")]
#[case("k9s", json!({}), json!({}), "k9s")]
#[case("Terraform", json!({}), json!({}), "Terraform")]
#[case("pulumi-kubernetes-a1b2c3d4", json!({}), json!({}), "Pulumi")]
#[case("Mozilla", json!({}), json!({}), "a console in a browser")]
#[case("deploy-o-matic", json!({}), json!({}), "deploy-o-matic")]
fn a_manager_is_told_as_the_tool_it_is(
    #[case] manager: &str,
    #[case] labels: Value,
    #[case] annotations: Value,
    #[case] expected: &str,
) {
    let found = actor(&object(&[entry(manager, "14:02:00")], &labels, &annotations), TEMPLATE).unwrap();
    assert_eq!(found.to_string(), expected);
    assert_eq!(found.at, Some("2026-11-24T14:02:00Z".parse().unwrap()));
}

#[test]
fn the_last_who_changed_the_template_did_it_and_machinery_did_not() {
    let mut status = entry("status-writer", "15:00:00");
    status["subresource"] = json!("status");
    let mut scaled = entry("keda", "15:00:00");
    scaled["fieldsV1"] = json!({"f:spec": {"f:replicas": {}}});
    let entries = [
        entry("helm", "13:00:00"),
        entry("kubectl-set", "14:02:00"),
        entry("kube-controller-manager", "15:00:00"),
        entry("k3s", "15:00:00"),
        status,
        scaled,
    ];
    let object = object(&entries, &json!({}), &json!({"meta.helm.sh/release-name": "api"}));
    assert_eq!(actor(&object, TEMPLATE).unwrap().to_string(), "kubectl set");
    assert_eq!(actor(&object, &["spec", "replicas"]).unwrap().to_string(), "keda");
    assert_eq!(keeper(&object).unwrap().to_string(), "Helm release api");
}

#[rstest]
#[case(json!({}), json!({"argocd.argoproj.io/tracking-id": "backend:apps/Deployment:shop/api"}), Some("Argo CD application backend"), true)]
#[case(json!({"kustomize.toolkit.fluxcd.io/name": "apps"}), json!({}), Some("Flux Kustomization apps"), true)]
#[case(json!({}), json!({"objectset.rio.cattle.io/id": "default-fleet-agent-local"}), Some("Fleet bundle fleet-agent-local"), true)]
#[case(json!({"helm.sh/chart": "api-1"}), json!({"meta.helm.sh/release-name": "api"}), Some("Helm release api (chart api-1)"), false)]
#[case(json!({}), json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"}), Some("kubectl apply"), false)]
#[case::of_many_charts(json!({"app.kubernetes.io/instance": "api"}), json!({}), None, false)]
fn without_managers_labels_tell(
    #[case] labels: Value,
    #[case] annotations: Value,
    #[case] expected: Option<&str>,
    #[case] is_gitops: bool,
) {
    let found = actor(&object(&[], &labels, &annotations), TEMPLATE);
    assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), expected);
    assert_eq!(found.as_ref().is_some_and(Actor::is_gitops), is_gitops);
}

#[test]
fn what_was_written_down_as_the_cause_is_kept_without_secrets() {
    let annotations = json!({"kubernetes.io/change-cause": "kubectl set env deploy/api PASSWORD=hunter2\nagain"});
    let found = actor(&object(&[entry("kubectl-set", "14:02:00")], &json!({}), &annotations), TEMPLATE).unwrap();
    assert_eq!(found.cause.as_deref(), Some("kubectl set env deploy/api PASSWORD=*** again"));
}

#[rstest]
#[case(json!(null))]
#[case(json!({"metadata": []}))]
#[case(json!({"metadata": {"managedFields": {"manager": "helm"}}}))]
#[case(json!({"metadata": {"managedFields": [null, {"manager": 1}, {"manager": "helm", "fieldsV1": []}, {"fieldsV1": {"f:spec": {"f:template": {}}}}]}}))]
fn what_is_not_as_it_should_be_tells_nothing(#[case] object: Value) {
    assert_eq!(actor(&object, TEMPLATE), None);
}
