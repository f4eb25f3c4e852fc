//! What is said of a change, and how well it explains what is wrong, as tables; whose ConfigMap is named in what a kubelet says.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::cluster::ObjectRef;

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn object(kind: &'static str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: "shop".into(), name: name.into() }
}

fn read(of: &ObjectRef, object: &Value) -> Reading {
    reading(of, object, &|text| format!("{:x}", text.len() * 7919)).unwrap()
}

fn with_meta(mut object: Value) -> Value {
    object["metadata"] = json!({"creationTimestamp": "2026-11-24T13:58:00Z", "managedFields": [
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-24T13:58:00Z",
         "fieldsV1": {"f:spec": {}, "f:data": {}, "f:binaryData": {}}},
    ]});
    object
}

fn told(of: &ObjectRef, before: Option<Value>, after: Option<Value>) -> Option<SettingChange> {
    let (before, after) = (before.map(|it| read(of, &it)), after.map(with_meta));
    let after = after.as_ref().map(|it| (it, read(of, it)));
    let when = Read { now: at("14:00:00"), before: before.as_ref().map(|_| at("12:00:00")) };
    change(of, before.as_ref(), after.as_ref().map(|(object, reading)| (*object, reading)), when)
}

fn hpa(min: i32, max: i32, cpu: i32) -> Value {
    json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}, "minReplicas": min, "maxReplicas": max,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": cpu}}}]}})
}

fn ingress(host: &str, service: &str) -> Value {
    json!({"spec": {"ingressClassName": "traefik", "rules": [{"host": host, "http": {"paths": [
        {"path": "/", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}})
}

#[expect(clippy::needless_pass_by_value, reason = "it is said as json!")]
fn config(data: Value) -> Value {
    json!({"data": data})
}

#[rstest]
#[case("ConfigMap", config(json!({"HOST": "db", "PORT": "5432"})), config(json!({"HOST": "db-new", "USER": "x"})),
    "key HOST changed, key PORT removed, key USER added")]
#[case("ConfigMap", config(json!({"HOST": "db"})), config(json!({"HOST": "db"})), "nothing")]
#[case::the_same_key_moved_to_bytes("ConfigMap", config(json!({"A": "x"})), json!({"binaryData": {"A": "eHh4"}}), "key A changed")]
#[case(
    "HorizontalPodAutoscaler",
    hpa(2, 10, 80),
    hpa(1, 2, 50),
    "max replicas 10 → 2, min replicas 2 → 1, target of cpu 80 % → 50 %"
)]
#[case("Ingress", ingress("shop.example", "api"), ingress("shop.example", "apii"), "shop.example/ api:80 → apii:80")]
#[case("Ingress", ingress("shop.example", "api"), ingress("", "api"), "any host/: api:80, shop.example/ removed")]
#[case(
    "NetworkPolicy",
    json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}}),
    json!({"spec": {"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Ingress", "Egress"]}}),
    "selected pods all → app=api, traffic in by rules → none at all, traffic out not restricted → none at all"
)]
#[case(
    "PodDisruptionBudget",
    json!({"spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "api"}}}}),
    json!({"spec": {"maxUnavailable": "50%", "selector": {"matchLabels": {"app": "api"}}}}),
    "max unavailable: 50%, min available removed"
)]
fn what_is_different_is_said_in_words(
    #[case] kind: &'static str,
    #[case] before: Value,
    #[case] after: Value,
    #[case] expected: &str,
) {
    let found = told(&object(kind, "it"), Some(before), Some(after));
    assert_eq!(found.as_ref().map_or("nothing".to_owned(), |it| it.what.join(", ")), expected);
    if let Some(found) = found {
        assert_eq!((found.at, found.by.map(|by| by.to_string()).as_deref()), (at("13:58:00"), Some("kubectl edit")));
    }
}

#[test]
fn no_value_of_a_config_map_is_kept_or_told() {
    let of = object("ConfigMap", "api-config");
    let secret = json!({"data": {"token": "correct-horse-battery-staple"}});
    let kept = serde_json::to_string(&read(&of, &secret)).unwrap();
    assert!(!kept.contains("horse"), "{kept}");
    let found = told(&of, Some(config(json!({"token": "battery"}))), Some(secret)).unwrap();
    let told = serde_json::to_string(&found).unwrap();
    assert!(!told.contains("horse") && !told.contains("battery"), "{told}");
}

#[test]
fn what_is_new_or_gone_is_said_with_what_it_does_unless_nothing_could_have_read_it() {
    let policy = json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    let of = object("NetworkPolicy", "deny-all");
    let made = told(&of, None, Some(policy.clone())).unwrap();
    assert_eq!(made.what.join(", "), "it is new, selected pods: all, traffic in: none at all");
    assert_eq!((made.became, made.at), (Became::New, at("13:58:00")));
    let gone = told(&of, Some(policy), None).unwrap();
    assert_eq!((gone.what.join(", ").as_str(), gone.became, gone.at), ("it was deleted", Became::Gone, at("14:00:00")));
    let data = json!({"data": {"HOST": "db"}});
    let config = object("ConfigMap", "api-config");
    assert_eq!(told(&config, None, Some(data.clone())), None);
    let gone = told(&config, Some(data), None).unwrap();
    assert_eq!((gone.what, gone.names), (vec!["it was deleted".to_owned()], vec!["HOST".to_owned()]));
}

#[test]
fn a_manager_that_wrote_before_the_last_reading_tells_nothing_of_when() {
    let of = object("ConfigMap", "api-config");
    let (before, after) = (read(&of, &config(json!({"A": "x"}))), with_meta(config(json!({"A": "xyz"}))));
    let reading = read(&of, &after);
    let when = |before| Read { now: at("14:10:00"), before: Some(before) };
    let at_of = |when| change(&of, Some(&before), Some((&after, &reading)), when).unwrap().at;
    assert_eq!(at_of(when(at("13:00:00"))), at("13:58:00"));
    assert_eq!(at_of(when(at("14:05:00"))), at("14:10:00"));
}

#[rstest]
#[case("couldn't find key HOST in ConfigMap shop/api-config", true)]
#[case("couldn't find key HOST in ConfigMap shop/other-config", false)]
#[case("couldn't find key HOSTS in ConfigMap shop/api-config", false)]
#[case("couldn't find key HOST in Secret shop/api-secret", false)]
#[case::it_is_there(r#"configmap "api-config" not found"#, false)]
fn what_is_missing_is_named(#[case] text: &str, #[case] expected: bool) {
    let of = object("ConfigMap", "api-config");
    let found = told(&of, Some(config(json!({"HOST": "db"}))), Some(config(json!({})))).unwrap();
    assert_eq!(found.is_named_in(text), expected);
    let gone = told(&of, Some(config(json!({"HOST": "db"}))), None).unwrap();
    assert!(
        gone.is_named_in(r#"configmap "api-config" not found"#) && !gone.is_named_in(r#"configmap "api" not found"#)
    );
}

#[test]
fn the_way_back_says_what_is_true() {
    let way = |found: Option<SettingChange>| super::undo::undo(&found.unwrap());
    let (config_map, scaler) = (object("ConfigMap", "api-config"), object("HorizontalPodAutoscaler", "api"));
    let policy = json!({"spec": {"podSelector": {}}});
    let removed = told(&config_map, Some(config(json!({"HOST": "db"}))), Some(config(json!({}))));
    let mut kept = told(&scaler, Some(hpa(2, 10, 80)), Some(hpa(2, 2, 80)));
    kept.as_mut().unwrap().kept_by =
        Some(Actor { tool: crate::changes::Tool::ArgoCd, of: None, at: None, cause: None });
    insta::assert_snapshot!([
        way(removed),
        way(told(&config_map, Some(config(json!({"HOST": "db"}))), None)),
        way(told(&scaler, Some(hpa(2, 10, 80)), Some(hpa(2, 2, 80)))),
        way(told(&object("NetworkPolicy", "deny-all"), None, Some(policy))),
        way(kept),
    ].join("\n"), @"
    put HOST back in ConfigMap shop/api-config as before; values are not kept here
    make ConfigMap shop/api-config again as it was; what was in it is not kept here
    set HorizontalPodAutoscaler shop/api back: max replicas 10
    kubectl -n shop delete networkpolicy/deny-all
    sync Argo CD application: in Git it is as it was
    ");
}
