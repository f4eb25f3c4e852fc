//! Tables: what the checks say of objects that are no workloads, by what these name and by what they say of themselves.

#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{ClusterIndex, Dump, History, Kind, ObjectRef, Transition, TransitionKind, Visibility},
    findings::{ConditionClass, Level, Look, Settings, Verdict, judge},
};

fn service(namespace: &str, name: &str, ports: Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": ports}})
}

fn slice(namespace: &str, service: &str, ready: &[bool]) -> Value {
    let endpoints: Vec<Value> = ready
        .iter()
        .enumerate()
        .map(|(n, ready)| json!({"addresses": [format!("10.0.0.{n}")], "conditions": {"ready": ready}}))
        .collect();
    json!({"kind": "EndpointSlice", "metadata": {"name": format!("{service}-x"), "namespace": namespace,
        "labels": {"kubernetes.io/service-name": service}}, "endpoints": endpoints})
}

/// What a check says of an owner in an index, with what happened before.
fn verdict(check: &str, of: &ObjectRef, index: &ClusterIndex, history: &History) -> Verdict {
    let look = Look { index, history, now: now(), no_grace: false, settings: &Settings::DEFAULT, known: None };
    judge(of, &look).into_iter().find(|j| j.check == check).unwrap().verdict
}

/// The same objects as a dump of which nothing else is known.
fn dumped(check: &str, of: &ObjectRef, objects: &[Value]) -> Verdict {
    let dump = Dump::read(&[("dump", json!({"kind": "List", "items": objects}).to_string())]);
    assert_eq!(dump.problems, []);
    let (index, history) = dump.into_index(now());
    verdict(check, of, &index, &history)
}

fn blind(kind: Kind, check: &str, of: &ObjectRef, objects: Vec<Value>) -> Verdict {
    let mut index = index(objects);
    index.sight_mut().set(kind, None, Visibility::Blind { since: now(), why: "forbidden".into() });
    verdict(check, of, &index, &History::default())
}

fn changed(of: &ObjectRef, seconds: i64) -> History {
    let mut history = History::default();
    history.record(Transition {
        owner: of.clone(),
        at: now() - SignedDuration::from_secs(seconds),
        kind: TransitionKind::ReferenceChanged("Service shop/api".into()),
    });
    history
}

fn pending(verdict: &Verdict) -> SignedDuration {
    let Verdict::Pending(_, due) = verdict else { panic!("expected it to be within its grace, got {verdict:?}") };
    due.duration_since(now())
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

// Ingresses.

fn ingress(service: Value) -> Value {
    json!({"kind": "Ingress", "metadata": {"name": "web", "namespace": "shop", "uid": "i", "creationTimestamp": ago(86_400)},
        "spec": {"rules": [{"host": "shop.example", "http": {"paths": [
            {"path": "/api", "pathType": "Prefix", "backend": {"service": service}}]}}]},
        "status": {"loadBalancer": {}}})
}

fn web() -> ObjectRef {
    owner("Ingress", "web")
}

fn to(port: Value) -> Value {
    json!({"name": "api", "port": port})
}

fn api_service() -> Value {
    service("shop", "api", json!([{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81}]))
}

#[rstest]
#[case::no_service(to(json!({"number": 80})), vec![], "ServiceMissing", "Service `api`, to which it sends shop.example/api, does not exist in namespace shop")]
#[case::no_such_number(to(json!({"number": 8080})), vec![api_service()], "PortMissing", "Service `api`, to which it sends shop.example/api, has no port 8080")]
#[case::no_such_name(to(json!({"name": "web"})), vec![api_service()], "PortMissing", "Service `api`, to which it sends shop.example/api, has no port `web`")]
fn an_ingress_leads_nowhere(
    #[case] backend: Value,
    #[case] others: Vec<Value>,
    #[case] reason: &str,
    #[case] message: &str,
) {
    let objects = std::iter::once(ingress(backend)).chain(others).collect();
    let found = wrong(says("ingress-backend", &web(), objects));
    assert_eq!((found.reason.as_str(), found.message.as_str()), (reason, message));
    assert_eq!((found.owner, found.class, found.severity), (web(), ConditionClass::IngressBroken, Level::High));
}

#[rstest]
#[case::by_number(to(json!({"number": 81})))]
#[case::by_name(to(json!({"name": "http"})))]
#[case::without_a_port(to(Value::Null))]
#[case::an_instruction_to_a_controller(json!({"name": "redirect", "port": {"name": "use-annotation"}}))]
#[case::a_resource_instead(Value::Null)]
#[case::without_a_name(json!({"name": "", "port": {"number": 1}}))]
fn an_ingress_is_fine(#[case] backend: Value) {
    assert_eq!(says("ingress-backend", &web(), vec![ingress(backend), api_service()]), Verdict::Healthy);
}

#[test]
fn the_default_backend_counts_and_the_rest_is_counted() {
    let mut two = ingress(to(json!({"number": 80})));
    two["spec"]["defaultBackend"] = json!({"service": {"name": "gone", "port": {"number": 80}}});
    let found = wrong(says("ingress-backend", &web(), vec![two]));
    assert_eq!(
        found.message,
        "Service `gone`, to which it sends everything, does not exist in namespace shop; and 1 more of its routes lead nowhere"
    );
    assert_eq!(found.evidence.len(), 1, "the same words are said once");
}

#[test]
fn an_ingress_waits_its_grace_from_its_creation_and_from_the_last_change() {
    let mut young = ingress(to(json!({"number": 80})));
    young["metadata"]["creationTimestamp"] = json!(ago(30));
    assert_eq!(pending(&says("ingress-backend", &web(), vec![young])), SignedDuration::from_secs(90));
    let index = index(vec![ingress(to(json!({"number": 80})))]);
    assert_eq!(
        pending(&verdict("ingress-backend", &web(), &index, &changed(&web(), 20))),
        SignedDuration::from_secs(100)
    );
}

#[test]
fn a_service_that_was_not_dumped_is_not_missing() {
    let lone = ingress(to(json!({"number": 80})));
    assert_eq!(
        dumped("ingress-backend", &web(), std::slice::from_ref(&lone)),
        Verdict::Unknown("no services are in the dump".into())
    );
    let other = service("shop", "db", json!([]));
    assert_eq!(wrong(dumped("ingress-backend", &web(), &[lone, other])).reason, "ServiceMissing");
}

fn class(name: &str) -> Value {
    json!({"kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": "traefik.io/ingress-controller"}})
}

fn of_class(name: &str) -> Value {
    let mut ingress = ingress(to(json!({"number": 80})));
    ingress["spec"]["ingressClassName"] = json!(name);
    ingress
}

#[test]
fn a_class_that_does_not_exist_is_named_with_those_there_are() {
    let found = wrong(says("ingress-backend", &web(), vec![of_class("nginx"), api_service(), class("traefik")]));
    assert_eq!(found.message, "class `nginx` does not exist, so no controller serves it (there is traefik)");
    let found = wrong(says("ingress-backend", &web(), vec![of_class("nginx"), api_service()]));
    assert_eq!(found.message, "class `nginx` does not exist, so no controller serves it (there is no class at all)");
    let forbidden = blind(Kind::IngressClass, "ingress-backend", &web(), vec![of_class("nginx"), api_service()]);
    assert_eq!(forbidden, Verdict::Unknown("cannot read ingressclasses: forbidden".into()));
}

#[rstest]
#[case::there(of_class("traefik"))]
#[case::of_gke(of_class("gce-internal"))]
#[case::none_named(ingress(to(json!({"number": 80}))))]
fn a_class_is_fine(#[case] ingress: Value) {
    assert_eq!(says("ingress-backend", &web(), vec![ingress, api_service(), class("traefik")]), Verdict::Healthy);
}

#[test]
fn a_class_named_by_the_older_annotation_needs_no_object() {
    let mut older = of_class("");
    older["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "nginx"});
    assert_eq!(says("ingress-backend", &web(), vec![older, api_service()]), Verdict::Healthy);
}

#[test]
fn in_a_dump_without_classes_an_ingress_that_got_no_address_is_served_by_nobody() {
    let found = wrong(dumped("ingress-backend", &web(), &[of_class("nginx"), api_service()]));
    assert_eq!(
        found.message,
        "no controller has taken it: it has no address, nor has any other of class `nginx`; no ingressclasses are in the dump"
    );
    let unknown = Verdict::Unknown("no ingressclasses are in the dump".into());
    let mut other = of_class("nginx");
    other["metadata"]["name"] = json!("other");
    other["status"]["loadBalancer"] = json!({"ingress": [{"ip": "10.0.0.1"}]});
    assert_eq!(dumped("ingress-backend", &web(), &[of_class("nginx"), other, api_service()]), unknown);
    let mut written = of_class("nginx");
    written["metadata"].as_object_mut().unwrap().remove("creationTimestamp");
    assert_eq!(dumped("ingress-backend", &web(), &[written, api_service()]), unknown, "it is a manifest");
}

// Certificates.

fn certificate(ready: &str, since: i64, not_after: Option<SignedDuration>, failed: bool) -> Value {
    let not_after = not_after.map(|left| (now() + left).to_string());
    let mut all =
        vec![json!({"type": "Ready", "status": ready, "reason": "DoesNotExist", "lastTransitionTime": ago(since),
        "message": "Issuing certificate as Secret does not exist"})];
    all.extend(failed.then(|| {
        json!({"type": "Issuing", "status": "False", "reason": "Failed", "lastTransitionTime": ago(since),
        "message": "The certificate request has failed to complete: 429 rateLimited."})
    }));
    json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop", "uid": "c", "creationTimestamp": ago(86_400)},
        "spec": {"secretName": "tls", "dnsNames": ["shop.example", "www.shop.example"]},
        "status": {"conditions": all, "notAfter": not_after, "lastFailureTime": failed.then(|| ago(since))}})
}

const HOURS: fn(i64) -> SignedDuration = SignedDuration::from_hours;

#[rstest]
#[case::never_issued(
    certificate("False", 900, None, false),
    "NotIssued",
    ConditionClass::CertificateNotReady,
    Level::High
)]
#[case::renewal_fails(
    certificate("True", 900, Some(HOURS(300)), true),
    "RenewalFailing",
    ConditionClass::CertificateNotReady,
    Level::Warning
)]
#[case::less_than_a_week(
    certificate("True", 900, Some(HOURS(100)), true),
    "RenewalFailing",
    ConditionClass::CertificateNotReady,
    Level::High
)]
#[case::less_than_a_day(
    certificate("False", 900, Some(HOURS(10)), true),
    "RenewalFailing",
    ConditionClass::CertificateExpires,
    Level::Critical
)]
#[case::expired(certificate("False", 30, Some(HOURS(-1)), false), "Expired", ConditionClass::CertificateExpired, Level::Critical)]
#[case::expired_and_nobody_says_so(certificate("True", 86_400, Some(HOURS(-1)), false), "Expired", ConditionClass::CertificateExpired, Level::Critical)]
fn a_certificate_is_as_bad_as_what_is_left_of_it(
    #[case] certificate: Value,
    #[case] reason: &str,
    #[case] class: ConditionClass,
    #[case] level: Level,
) {
    let found = wrong(says("certificate", &owner("Certificate", "tls"), vec![certificate]));
    assert_eq!((found.reason.as_str(), found.class, found.severity), (reason, class, level));
}

#[test]
fn a_certificate_says_for_whom_until_when_and_why() {
    let of = owner("Certificate", "tls");
    let found = wrong(says("certificate", &of, vec![certificate("True", 900, Some(HOURS(100)), true)]));
    insta::assert_snapshot!(found.message, @"the certificate of shop.example is valid until 2026-03-05 16:00 UTC only, and its renewal is failing: The certificate request has failed to complete: 429 rateLimited");
    let found = wrong(says("certificate", &of, vec![certificate("False", 900, None, false)]));
    insta::assert_snapshot!(found.message, @"the certificate of shop.example is not issued: Issuing certificate as Secret does not exist");
    let young = says("certificate", &of, vec![certificate("False", 300, None, false)]);
    assert_eq!(pending(&young), SignedDuration::from_mins(10));
}

#[rstest]
#[case::valid(certificate("True", 86_400, Some(HOURS(1000)), false))]
#[case::of_short_life(certificate("True", 600, Some(HOURS(1)), false))]
#[case::new(json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop"}}))]
#[case::nulls(json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop"}, "spec": null,
    "status": {"conditions": null, "notAfter": null, "lastFailureTime": null}}))]
fn a_certificate_is_fine(#[case] certificate: Value) {
    assert_eq!(says("certificate", &owner("Certificate", "tls"), vec![certificate]), Verdict::Healthy);
}

fn k3s(version: &str) -> Value {
    json!({"kind": "Node", "metadata": {"name": "n1", "uid": "uid-n1"}, "status": {"nodeInfo": {"kubeletVersion": version},
        "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn of_node(reason: &str, message: &str, seconds: i64) -> Value {
    json!({"kind": "Event", "metadata": {"name": reason, "namespace": "default"}, "type": "Warning", "reason": reason,
        "message": message, "involvedObject": {"kind": "Node", "name": "n1", "uid": "n1"}, "count": 2,
        "firstTimestamp": ago(seconds + 1800), "lastTimestamp": ago(seconds)})
}

const ENDS: &str = "Node certificates require attention - restart k3s on this node to trigger automatic rotation: k3s-server/client-admin.crt: certificate CN=system:admin,O=system:masters will expire within 90 days at ";

#[rstest]
#[case::in_weeks("2026-04-20T10:00:00Z", ConditionClass::CertificateNotReady)]
#[case::tomorrow("2026-03-02T10:00:00Z", ConditionClass::CertificateExpires)]
#[case::yesterday("2026-02-28T10:00:00Z", ConditionClass::CertificateExpired)]
fn k3s_warns_of_its_own_certificates(#[case] end: &str, #[case] class: ConditionClass) {
    let objects = vec![k3s("v1.34.1+k3s1"), of_node("CertificateExpirationWarning", &format!("{ENDS}{end}"), 600)];
    let found = wrong(says("certificate", &owner("Node", "n1"), objects));
    assert_eq!(found.class, class);
    assert!(found.severity <= Level::High);
    assert!(
        found
            .message
            .starts_with("certificates of this node have expired or are near their end: k3s-server/client-admin.crt")
    );
    assert!(found.recommendation.contains("systemctl restart k3s"));
}

#[test]
fn what_k3s_said_long_ago_or_took_back_and_what_others_say_is_no_warning() {
    let of = owner("Node", "n1");
    let warning = |seconds| of_node("CertificateExpirationWarning", ENDS, seconds);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), warning(4000)]), Verdict::Healthy);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1"), warning(60)]), Verdict::Healthy);
    let fine = of_node("CertificateExpirationOK", "all are OK", 30);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), warning(60), fine]), Verdict::Healthy);
    assert_eq!(
        blind(Kind::Event, "certificate", &of, vec![k3s("v1.34.1+k3s1")]),
        Verdict::Unknown("cannot read events: forbidden".into())
    );
    let authority =
        of_node("CACertificateExpirationWarning", "Certificate Authority certificates require attention - plan: x", 60);
    let found = wrong(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), authority]));
    assert_eq!((found.class, found.severity), (ConditionClass::CertificateNotReady, Level::Warning));
}

// Volumes.

#[test]
fn a_claim_that_has_lost_its_volume_is_told_though_nobody_waits_for_it() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "creationTimestamp": ago(600)},
        "spec": {"storageClassName": "fast"}, "status": {"phase": "Lost"}});
    let found = wrong(says("claim-pending", &owner("PersistentVolumeClaim", "data"), vec![claim]));
    assert_eq!(
        (found.class, found.message.as_str()),
        (ConditionClass::Volume, "claim `data` is not bound: its volume is lost")
    );
}

fn volume(phase: &str, seconds: i64) -> Value {
    json!({"kind": "PersistentVolume", "metadata": {"name": "pvc-1", "uid": "v", "creationTimestamp": ago(86_400)},
        "spec": {"claimRef": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"}},
        "status": {"phase": phase, "reason": "VolumeFailedDelete", "message": "rpc error: disk is attached", "lastPhaseTransitionTime": ago(seconds)}})
}

#[test]
fn a_volume_that_could_not_be_taken_back_is_told_after_its_grace() {
    let of = owner("PersistentVolume", "pvc-1");
    let found = wrong(says("volume-failed", &of, vec![volume("Failed", 300)]));
    assert_eq!(found.message, "the volume of claim shop/data could not be taken back: rpc error: disk is attached");
    assert_eq!((found.class, found.severity), (ConditionClass::VolumeFailed, Level::Warning));
    assert_eq!(pending(&says("volume-failed", &of, vec![volume("Failed", 60)])), SignedDuration::from_mins(4));
    for phase in ["Bound", "Available", "Released", "Pending"] {
        assert_eq!(says("volume-failed", &of, vec![volume(phase, 86_000)]), Verdict::Healthy, "{phase}");
    }
    let bare = json!({"kind": "PersistentVolume", "metadata": {"name": "pvc-1"}, "spec": null, "status": null});
    assert_eq!(says("volume-failed", &of, vec![bare]), Verdict::Healthy);
}
