//! The tags of the protobuf: what the types of Kubernetes itself (1.37) wrote is read as what its JSON says.

use prost::Message;
use serde_json::Value;

use super::*;

/// One object a line, as JSON and in protobuf (in hexadecimal digits, without the envelope).
const WRITTEN: &str = include_str!("../../../tests/data/protobuf.jsonl");

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Both readings of the object of that kind are the same, and nothing of what it keeps is left empty.
fn same<T: SlimMessage + PartialEq + serde::de::DeserializeOwned + std::fmt::Debug>(kind: &str) {
    let lines = WRITTEN.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.into_iter().find(|line| line["object"]["kind"] == kind).unwrap();
    let from_json: T = serde_json::from_value(line["object"].clone()).unwrap();
    let from_protobuf = decoded::<T>(&line);
    assert_eq!(from_protobuf, from_json);
    let kept = format!("{from_json:?}");
    for left in
        ["spec: None", "status: None", "webhooks: []", "rule: None", "value: None", "selector: None", "service: None"]
    {
        assert!(!kept.contains(left), "{kind}: {left} in {kept}");
    }
}

fn decoded<T: SlimMessage>(line: &Value) -> T {
    T::slim(T::Wire::decode(bytes(line["protobuf"].as_str().unwrap()).as_slice()).unwrap())
}

#[test]
fn protobuf_and_json_say_the_same() {
    same::<HorizontalPodAutoscaler>("HorizontalPodAutoscaler");
    same::<IngressClass>("IngressClass");
    same::<ValidatingWebhookConfiguration>("ValidatingWebhookConfiguration");
    same::<MutatingWebhookConfiguration>("MutatingWebhookConfiguration");
    same::<ApiService>("APIService");
    same::<PersistentVolume>("PersistentVolume");
    same::<StorageClass>("StorageClass");
    same::<Service>("Service");
}

#[test]
fn the_rules_of_an_ingress_are_the_same_in_both() {
    let line: Value = WRITTEN
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .find(|l: &Value| l["object"]["kind"] == "Ingress")
        .unwrap();
    let written = decoded::<Ingress>(&line);
    let read: Ingress = serde_json::from_value(line["object"].clone()).unwrap();
    let routes = |ingress: &Ingress| {
        let routes =
            ingress.routes().map(|r| format!("{}{} -> {} {:?}", r.host, r.path, r.service.name, r.service.port));
        routes.collect::<Vec<_>>()
    };
    insta::assert_snapshot!(routes(&read).join("\n"), @r#"
     -> fallback Some(IngressPort { name: "", number: 81 })
    shop.example/api -> api Some(IngressPort { name: "http", number: 0 })
    "#);
    assert_eq!(routes(&written), routes(&read));
    assert!(written.has_address() && read.has_address());
    assert_eq!((written.class(), read.class()), ("traefik", "traefik"));
    assert_eq!(written, read);
}
