//! Tables: what the checks say of webhooks, of aggregated APIs and of autoscalers.
#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{Kind, ObjectRef},
    findings::{ConditionClass, Level, Verdict},
};

fn slice(namespace: &str, service: &str, ready: &[bool]) -> Value {
    let endpoints: Vec<Value> = ready
        .iter()
        .enumerate()
        .map(|(n, ready)| json!({"addresses": [format!("10.0.0.{n}")], "conditions": {"ready": ready}}))
        .collect();
    json!({"kind": "EndpointSlice", "metadata": {"name": format!("{service}-x"), "namespace": namespace,
        "labels": {"kubernetes.io/service-name": service}}, "endpoints": endpoints})
}

// Webhooks.

fn webhook(change: impl FnOnce(&mut Value)) -> Value {
    let mut configuration = json!({"kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "policies", "uid": "w", "creationTimestamp": ago(86_400)},
        "webhooks": [{"name": "check.policies.io", "clientConfig": {"service": {"namespace": "policies", "name": "server"}},
            "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]});
    change(&mut configuration["webhooks"][0]);
    configuration
}

fn policies() -> ObjectRef {
    owner("ValidatingWebhookConfiguration", "policies")
}

#[rstest]
#[case::as_it_is(json!({}), "create or update pods in the whole cluster")]
#[case::everything(json!({"rules": [{"operations": ["*"], "apiGroups": ["*"], "resources": ["*/*"]}]}), "write everything in the whole cluster")]
#[case::everything_of_a_group(json!({"rules": [{"operations": ["DELETE"], "apiGroups": ["cert-manager.io"], "resources": ["*"]}]}), "delete everything of cert-manager.io in the whole cluster")]
#[case::of_some_namespaces(json!({"namespaceSelector": {"matchLabels": {"team": "a"}}}), "create or update pods in the namespaces it selects")]
#[case::of_some_objects(json!({"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}), "create or update pods where it selects the object")]
#[case::by_conditions(json!({"matchConditions": [{"name": "x", "expression": "true"}]}), "create or update pods where it selects the object")]
fn a_webhook_that_fails_closed_without_a_backend_says_what_is_refused(#[case] with: Value, #[case] refused: &str) {
    let configuration = webhook(|hook| {
        for (key, value) in with.as_object().unwrap() {
            hook[key] = value.clone();
        }
    });
    let found = wrong(says("webhook-backend", &policies(), vec![configuration]));
    assert_eq!(
        found.message,
        format!(
            "Service policies/server does not exist, so the API server refuses to {refused} (webhook check.policies.io)"
        )
    );
    assert_eq!(
        (found.class, found.severity, found.reason.as_str()),
        (ConditionClass::WebhookDown, Level::Critical, "ServiceMissing")
    );
    assert_eq!(found.owner, policies());
}

#[test]
fn a_mutating_webhook_whose_endpoints_are_all_unready_is_without_a_backend() {
    let mut configuration = webhook(|_| {});
    configuration["kind"] = json!("MutatingWebhookConfiguration");
    let objects =
        vec![configuration, service("policies", "server", json!([])), slice("policies", "server", &[false, false])];
    let found = wrong(says("webhook-backend", &owner("MutatingWebhookConfiguration", "policies"), objects));
    assert!(found.message.starts_with("Service policies/server has no ready endpoint"), "{}", found.message);
    assert_eq!(found.evidence[0].text, "0 of 2 endpoints ready");
}

#[rstest]
#[case::somebody_answers(webhook(|_| {}), vec![service("policies", "server", json!([])), slice("policies", "server", &[false, true])])]
#[case::fails_open(webhook(|hook| hook["failurePolicy"] = json!("Ignore")), vec![])]
#[case::asked_by_url(webhook(|hook| hook["clientConfig"] = json!({"url": "https://policies.example"})), vec![])]
#[case::asked_about_nothing(webhook(|hook| hook["rules"] = json!([])), vec![])]
#[case::nulls(webhook(|hook| *hook = json!({"name": null, "clientConfig": null, "rules": null, "namespaceSelector": null})), vec![])]
#[case::outside(webhook(|_| {}), vec![json!({"kind": "Service", "metadata": {"name": "server", "namespace": "policies"},
    "spec": {"type": "ExternalName", "externalName": "policies.example"}})])]
fn a_webhook_is_fine(#[case] configuration: Value, #[case] others: Vec<Value>) {
    let objects = std::iter::once(configuration).chain(others).collect();
    assert_eq!(says("webhook-backend", &policies(), objects), Verdict::Healthy);
}

#[test]
fn a_webhook_waits_its_grace_from_the_loss_of_its_backend() {
    let index = index(vec![webhook(|_| {})]);
    let lost = verdict("webhook-backend", &policies(), &index, &changed(&policies(), 20));
    assert_eq!(pending(&lost), SignedDuration::from_secs(40));
    assert!(matches!(verdict("webhook-backend", &policies(), &index, &changed(&policies(), 60)), Verdict::Wrong(_)));
}

#[test]
fn a_backend_that_just_starts_is_waited_for() {
    let mut starting = standalone(pod("server-0", json!({"conditions": [ready(false, 20)]})));
    starting["metadata"]["namespace"] = json!("policies");
    starting["metadata"]["labels"] = json!({"app": "server"});
    let objects = vec![webhook(|_| {}), service("policies", "server", json!([])), starting];
    assert_eq!(pending(&says("webhook-backend", &policies(), objects)), SignedDuration::from_secs(40));
}

#[test]
fn what_many_webhooks_of_one_service_refuse_is_said_once_and_counted() {
    let rule = |resource: &str| json!({"operations": ["CREATE"], "apiGroups": [""], "resources": [resource]});
    let mut configuration = webhook(|hook| {
        hook["rules"] = json!(["pods", "services", "secrets", "nodes", "events", "pods"].map(rule));
    });
    let hook = configuration["webhooks"][0].clone();
    configuration["webhooks"] = json!([hook.clone(), hook]);
    let found = wrong(says("webhook-backend", &policies(), vec![configuration]));
    assert_eq!(
        found.message,
        "Service policies/server does not exist, so the API server refuses to create pods, services, secrets, nodes and 1 more in the whole cluster (webhook check.policies.io)"
    );
}

#[test]
fn a_backend_that_cannot_be_seen_is_not_missing() {
    let unknown = |why: &str| Verdict::Unknown(why.into());
    let objects = || vec![webhook(|_| {}), service("policies", "server", json!([]))];
    assert_eq!(
        blind(Kind::EndpointSlice, "webhook-backend", &policies(), objects()),
        unknown("cannot read endpointslices: forbidden")
    );
    assert_eq!(
        blind(Kind::Service, "webhook-backend", &policies(), objects()),
        unknown("cannot read services: forbidden")
    );
    assert_eq!(dumped("webhook-backend", &policies(), &[webhook(|_| {})]), unknown("no services are in the dump"));
    assert_eq!(dumped("webhook-backend", &policies(), &objects()), unknown("no endpointslices are in the dump"));
    let other = service("policies", "metrics", json!([]));
    assert!(matches!(dumped("webhook-backend", &policies(), &[webhook(|_| {}), other]), Verdict::Wrong(_)));
}

// Aggregated APIs.

fn api(group: &str, condition: Value) -> Value {
    json!({"kind": "APIService", "metadata": {"name": format!("v1.{group}"), "uid": "a"},
        "spec": {"group": group, "version": "v1", "service": {"namespace": "kube-system", "name": "server"}},
        "status": {"conditions": [condition]}})
}

fn away(seconds: i64) -> Value {
    json!({"type": "Available", "status": "False", "reason": "MissingEndpoints", "lastTransitionTime": ago(seconds),
        "message": "endpoints for service/server in \"kube-system\" have no addresses with port name \"https\""})
}

#[test]
fn an_api_that_is_away_says_what_that_means() {
    let found = wrong(says(
        "api-service-unavailable",
        &owner("APIService", "v1.metrics.k8s.io"),
        vec![api("metrics.k8s.io", away(90)), autoscaler("ScalingActive", "FailedGetResourceMetric", 400)],
    ));
    insta::assert_snapshot!(found.message, @r#"the API is not served, so autoscalers and kubectl top see nothing, and no namespace can be deleted: endpoints for service/server in "kube-system" have no addresses with port name "https""#);
    assert_eq!((found.class, found.severity), (ConditionClass::MetricsApiDown, Level::Warning));
    assert!(found.objects.contains(&owner("HorizontalPodAutoscaler", "api")), "{:?}", found.objects);
    let found = wrong(says(
        "api-service-unavailable",
        &owner("APIService", "v1.things.example"),
        vec![api("things.example", away(90))],
    ));
    assert_eq!(
        (found.class, found.severity, found.reason.as_str()),
        (ConditionClass::ApiServiceDown, Level::High, "MissingEndpoints")
    );
    insta::assert_snapshot!(found.message, @r#"the API is not served, so requests for it fail, and no namespace can be deleted: endpoints for service/server in "kube-system" have no addresses with port name "https""#);
}

#[rstest]
#[case::served(json!({"type": "Available", "status": "True"}), true)]
#[case::not_looked_at_yet(json!({"type": "Other", "status": "False"}), false)]
#[case::nobody_knows(json!({"type": "Available", "status": "Unknown"}), false)]
#[case::nulls(json!({"type": "Available", "status": null}), false)]
fn an_api_that_is_not_said_to_be_away_is_no_trouble(#[case] condition: Value, #[case] is_healthy: bool) {
    let says = says("api-service-unavailable", &owner("APIService", "v1.x.example"), vec![api("x.example", condition)]);
    assert_eq!(matches!(says, Verdict::Healthy), is_healthy, "{says:?}");
    assert_eq!(matches!(says, Verdict::Unknown(_)), !is_healthy, "{says:?}");
}

#[test]
fn an_api_waits_its_grace_and_one_of_the_api_server_itself_is_not_judged() {
    let of = owner("APIService", "v1.x.example");
    assert_eq!(
        pending(&says("api-service-unavailable", &of, vec![api("x.example", away(10))])),
        SignedDuration::from_secs(50)
    );
    let mut local = api("x.example", away(900));
    local["spec"]["service"] = Value::Null;
    assert_eq!(says("api-service-unavailable", &of, vec![local]), Verdict::Healthy);
}

// Autoscalers.

fn autoscaler(condition: &str, reason: &str, seconds: i64) -> Value {
    json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "api", "namespace": "shop", "uid": "h", "creationTimestamp": ago(7200)},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "minReplicas": 1, "maxReplicas": 5},
        "status": {"currentReplicas": 1, "desiredReplicas": 0, "conditions": [{"type": condition, "status": "False", "reason": reason,
            "message": "the HPA was unable to compute the replica count: token=abc123 is not accepted", "lastTransitionTime": ago(seconds)}]}})
}

fn scaler() -> ObjectRef {
    owner("HorizontalPodAutoscaler", "api")
}

#[rstest]
#[case("ScalingActive", "FailedGetResourceMetric", "cannot read the metrics it scales by: token=*** is not accepted")]
#[case("ScalingActive", "InvalidSelector", "cannot work out how many replicas are needed: token=*** is not accepted")]
#[case("AbleToScale", "FailedGetScale", "cannot scale Deployment shop/api: token=*** is not accepted")]
fn an_autoscaler_that_cannot_work_says_why(#[case] condition: &str, #[case] reason: &str, #[case] message: &str) {
    let found = wrong(says("autoscaler", &scaler(), vec![autoscaler(condition, reason, 300), deployment(1, 1)]));
    assert_eq!((found.message.as_str(), found.reason.as_str()), (message, reason));
    assert_eq!((found.owner, found.class, found.severity), (scaler(), ConditionClass::ScalingBroken, Level::Warning));
}

#[test]
fn an_autoscaler_waits_its_grace() {
    let objects = vec![autoscaler("ScalingActive", "FailedGetResourceMetric", 200), deployment(1, 1)];
    assert_eq!(pending(&says("autoscaler", &scaler(), objects)), SignedDuration::from_secs(100));
}

#[rstest]
#[case::at_its_limit("ScalingLimited", "TooManyReplicas")]
#[case::at_its_lower_limit("ScalingLimited", "TooFewReplicas")]
#[case::between_two_steps("AbleToScale", "BackoffBoth")]
#[case::of_a_kind_to_come("SomethingNew", "Whatever")]
fn an_autoscaler_is_fine(#[case] condition: &str, #[case] reason: &str) {
    let objects = vec![autoscaler(condition, reason, 86_000), deployment(1, 1)];
    assert_eq!(says("autoscaler", &scaler(), objects), Verdict::Healthy);
}

#[test]
fn an_autoscaler_of_what_is_scaled_to_zero_is_not_wanted() {
    let off = Verdict::NotWanted("what it scales is scaled to zero".into());
    let disabled = vec![autoscaler("ScalingActive", "ScalingDisabled", 900), deployment(1, 1)];
    assert_eq!(says("autoscaler", &scaler(), disabled), off);
    let zero = vec![autoscaler("ScalingActive", "FailedGetResourceMetric", 900), deployment(0, 0)];
    assert_eq!(says("autoscaler", &scaler(), zero), off);
}

#[test]
fn missing_metrics_are_not_held_against_an_autoscaler_where_something_else_is_wrong() {
    let hpa = || autoscaler("ScalingActive", "FailedGetResourceMetric", 900);
    assert_eq!(
        says("autoscaler", &scaler(), vec![hpa(), deployment(0, 2)]),
        Verdict::Unknown("no pod of Deployment shop/api is ready, so there is nothing to measure".into())
    );
    assert_eq!(
        says("autoscaler", &scaler(), vec![hpa(), deployment(2, 2), api("metrics.k8s.io", away(90))]),
        Verdict::Unknown("the metrics API is away: APIService v1.metrics.k8s.io".into())
    );
}

#[test]
fn a_target_that_does_not_exist_is_named_and_one_that_cannot_be_seen_is_not() {
    let mut hpa = autoscaler("ScalingLimited", "", 900);
    let found = wrong(says("autoscaler", &scaler(), vec![hpa.clone()]));
    assert_eq!(
        (found.message.as_str(), found.reason.as_str()),
        ("what it scales does not exist: Deployment shop/api", "TargetMissing")
    );
    assert_eq!(blind(Kind::Deployment, "autoscaler", &scaler(), vec![hpa.clone()]), Verdict::Healthy);
    assert_eq!(dumped("autoscaler", &scaler(), std::slice::from_ref(&hpa)), Verdict::Healthy);
    hpa["spec"]["scaleTargetRef"] = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api"});
    assert_eq!(says("autoscaler", &scaler(), vec![hpa.clone()]), Verdict::Healthy, "that kind is not watched");
    hpa["spec"] = Value::Null;
    hpa["status"] = Value::Null;
    assert_eq!(says("autoscaler", &scaler(), vec![hpa]), Verdict::Healthy, "nothing is said");
}

#[test]
fn the_conditions_of_the_first_version_are_read_from_their_annotation() {
    let mut hpa = autoscaler("ScalingActive", "FailedGetResourceMetric", 900);
    let conditions = hpa["status"].as_object_mut().unwrap().remove("conditions").unwrap();
    hpa["apiVersion"] = json!("autoscaling/v1");
    hpa["metadata"]["annotations"] = json!({"autoscaling.alpha.kubernetes.io/conditions": conditions.to_string()});
    assert_eq!(wrong(dumped("autoscaler", &scaler(), std::slice::from_ref(&hpa))).reason, "FailedGetResourceMetric");
    hpa["metadata"]["annotations"] = json!({"autoscaling.alpha.kubernetes.io/conditions": "broken"});
    assert_eq!(dumped("autoscaler", &scaler(), &[hpa]), Verdict::Healthy);
}
