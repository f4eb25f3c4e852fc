//! An object as the API server gives it comes in; what is kept of it to compare it with later comes out, without any value of a `ConfigMap`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::cluster::ObjectRef;

/// The settings of an object by their names: the value in words, or behind `#` only whether it is the same.
pub(super) type Values = BTreeMap<String, String>;

/// What a policy says nothing of.
pub(super) const NOT_RESTRICTED: &str = "not restricted";
/// So many settings of an object are compared.
const MOST: usize = 500;

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reading {
    /// Its settings.
    pub(super) values: Values,
    /// Whom it means.
    pub(super) reach: Reach,
}

/// Whom an object means, within its namespace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The pods that name it.
    Naming,
    /// The pods that this label selector selects.
    Selected(Value),
    /// What it scales.
    Target(ObjectRef),
    /// The pods behind these Services.
    Behind(BTreeSet<String>),
}

/// Whether a value is kept as a hash only.
pub(super) fn is_hidden(value: &str) -> bool {
    value.starts_with('#')
}

/// What is kept of an object of that kind; None of other kinds. `hash` makes of a text one from which it cannot be found again.
pub fn reading(of: &ObjectRef, object: &Value, hash: &dyn Fn(&str) -> String) -> Option<Reading> {
    let hidden = |value: &Value| format!("#{}", hash(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let (mut values, reach) = match &*of.kind {
        "ConfigMap" => {
            let all = fields(object, "data").chain(fields(object, "binaryData"));
            (all.map(|(key, value)| (key.clone(), hidden(value))).collect(), Reach::Naming)
        }
        "HorizontalPodAutoscaler" => autoscaler(of, spec, &hidden),
        "Ingress" => ingress(spec),
        "NetworkPolicy" => {
            let selector = spec.get("podSelector").cloned().unwrap_or_default();
            let mut values = Values::from([("selected pods".to_owned(), selected(&selector))]);
            for (name, kind, field) in [("traffic in", "Ingress", "ingress"), ("traffic out", "Egress", "egress")] {
                let rules = spec.get(field).filter(|rules| rules.as_array().is_some_and(|rules| !rules.is_empty()));
                let types = spec.get("policyTypes").and_then(Value::as_array);
                let is_meant = match types {
                    Some(types) => types.iter().any(|it| it == kind),
                    None => kind == "Ingress" || rules.is_some(),
                };
                let value = match rules {
                    _ if !is_meant => NOT_RESTRICTED.to_owned(),
                    None => "none at all".to_owned(),
                    Some(rules) => hidden(rules),
                };
                values.insert(name.to_owned(), value);
            }
            (values, Reach::Selected(selector))
        }
        "PodDisruptionBudget" => {
            let selector = spec.get("selector").cloned().unwrap_or_default();
            let mut values = Values::from([("selected pods".to_owned(), selected(&selector))]);
            for (name, field) in [("min available", "minAvailable"), ("max unavailable", "maxUnavailable")] {
                values.extend(spec.get(field).map(|value| (name.to_owned(), plain(value))));
            }
            (values, Reach::Selected(selector))
        }
        _ => return None,
    };
    while values.len() > MOST {
        values.pop_last();
    }
    Some(Reading { values, reach })
}

fn fields<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    object.get(name).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn list<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `app=api, tier in (web)`, or `all`.
fn selected(selector: &Value) -> String {
    let labels = fields(selector, "matchLabels").map(|(name, value)| format!("{name}={}", plain(value)));
    let more = list(selector, "matchExpressions").map(|it| {
        let values: Vec<String> = list(it, "values").map(plain).collect();
        let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(" ")) };
        format!("{} {}{values}", text(it, "/key"), text(it, "/operator"))
    });
    let all: Vec<String> = labels.chain(more).collect();
    if all.is_empty() { "all".to_owned() } else { all.join(", ") }
}

fn autoscaler(of: &ObjectRef, spec: &Value, hidden: &dyn Fn(&Value) -> String) -> (Values, Reach) {
    let replicas = |field: &str| spec.get(field).map_or_else(|| "1".to_owned(), plain);
    let (kind, name) = (text(spec, "/scaleTargetRef/kind"), text(spec, "/scaleTargetRef/name"));
    let mut values = Values::from([
        ("min replicas".to_owned(), replicas("minReplicas")),
        ("max replicas".to_owned(), replicas("maxReplicas")),
        ("target".to_owned(), format!("{kind} {name}")),
    ]);
    for metric in list(spec, "metrics") {
        let use_of = text(metric, "/resource/name");
        match metric.pointer("/resource/target/averageUtilization") {
            Some(percent) => values.insert(format!("target of {use_of}"), format!("{percent} %")),
            None => values.insert(format!("metric of type {}", text(metric, "/type")), hidden(metric)),
        };
    }
    if let Some(behaviour) = spec.get("behavior") {
        values.insert("behaviour".to_owned(), hidden(behaviour));
    }
    let target = ObjectRef { kind: kind.to_owned().into(), namespace: of.namespace.clone(), name: name.into() };
    (values, Reach::Target(target))
}

fn ingress(spec: &Value) -> (Values, Reach) {
    let mut values = Values::new();
    let mut services = BTreeSet::new();
    let mut leads = |from: String, backend: &Value| {
        let service = text(backend, "/service/name");
        let port = backend.pointer("/service/port");
        let port = port.and_then(|port| port.get("name").or_else(|| port.get("number"))).map(plain).unwrap_or_default();
        services.insert(service.to_owned());
        values.insert(from, format!("{service}:{port}"));
    };
    if let Some(backend) = spec.get("defaultBackend") {
        leads("everything else".to_owned(), backend);
    }
    for rule in list(spec, "rules") {
        let host = Some(text(rule, "/host")).filter(|host| !host.is_empty()).unwrap_or("any host");
        for path in rule.get("http").into_iter().flat_map(|http| list(http, "paths")) {
            leads(format!("{host}{}", text(path, "/path")), path.get("backend").unwrap_or(&Value::Null));
        }
    }
    if let Some(class) = spec.get("ingressClassName") {
        values.insert("class".to_owned(), plain(class));
    }
    for tls in list(spec, "tls") {
        let hosts: Vec<String> = list(tls, "hosts").map(plain).collect();
        values.insert(format!("certificate of {}", hosts.join(" ")), format!("in {}", text(tls, "/secretName")));
    }
    (values, Reach::Behind(services))
}
