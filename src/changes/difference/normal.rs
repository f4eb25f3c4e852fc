//! A pod template as it is written comes in; one without what means nothing, and with what is meant when nothing is written, comes out.

use serde_json::{Map, Value, json};

use super::text;

/// A label or annotation that another controller writes into each revision's template.
pub(super) const NOT_OURS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

/// The parent of the fields of a pod.
const POD: &[&str] = &["pod"];

/// What stands for a value in the tables.
enum Literal {
    Text(&'static str),
    Number(i64),
    True,
}
use Literal::{Number, Text, True};

/// What the API server writes, or what is meant, where nothing is written: by the object it is in. Only what does not depend on
/// anything else, of the API versions that are served today.
const DEFAULTS: [(&[&str], &str, Literal); 24] = [
    (POD, "restartPolicy", Text("Always")),
    (POD, "dnsPolicy", Text("ClusterFirst")),
    (POD, "schedulerName", Text("default-scheduler")),
    (POD, "terminationGracePeriodSeconds", Number(30)),
    (POD, "enableServiceLinks", True),
    (POD, "serviceAccountName", Text("default")),
    (&CONTAINERS, "terminationMessagePath", Text("/dev/termination-log")),
    (&CONTAINERS, "terminationMessagePolicy", Text("File")),
    (&["ports"], "protocol", Text("TCP")),
    (&PROBES, "initialDelaySeconds", Number(0)),
    (&PROBES, "timeoutSeconds", Number(1)),
    (&PROBES, "periodSeconds", Number(10)),
    (&PROBES, "successThreshold", Number(1)),
    (&PROBES, "failureThreshold", Number(3)),
    (&["httpGet"], "path", Text("/")),
    (&["httpGet"], "scheme", Text("HTTP")),
    (&["grpc"], "service", Text("")),
    (&["fieldRef"], "apiVersion", Text("v1")),
    (&["resourceFieldRef"], "divisor", Text("0")),
    (&["configMap", "projected", "downwardAPI"], "defaultMode", Number(420)),
    (&["secret"], "defaultMode", Number(420)),
    (&["hostPath"], "type", Text("")),
    (&["serviceAccountToken"], "expirationSeconds", Number(3600)),
    (&["tolerations"], "operator", Text("Equal")),
];

/// Switches that are off when nothing is written.
const OFF: [(&[&str], &str); 9] = [
    (POD, "hostNetwork"),
    (POD, "hostPID"),
    (POD, "hostIPC"),
    (&CONTAINERS, "stdin"),
    (&CONTAINERS, "stdinOnce"),
    (&CONTAINERS, "tty"),
    (&["volumeMounts", "persistentVolumeClaim"], "readOnly"),
    (&["securityContext"], "privileged"),
    (&["configMapKeyRef", "secretKeyRef", "configMapRef", "secretRef", "configMap", "secret"], "optional"),
];

/// The template as it is meant.
pub(super) fn normal(template: &Value) -> Value {
    let Value::Object(template) = template else {
        return template.clone();
    };
    let fields = template.iter().filter(|(key, _)| *key != "$patch");
    Value::Object(
        fields
            .filter_map(|(key, value)| match key.as_str() {
                "spec" => Some((key.clone(), meant("pod", value)?)),
                "metadata" => Some((key.clone(), metadata(value)?)),
                _ => Some((key.clone(), meant(key, value)?)),
            })
            .collect(),
    )
}

fn metadata(value: &Value) -> Option<Value> {
    let mut value = meant("metadata", value)?;
    if let Some(labels) = value.get_mut("labels").and_then(Value::as_object_mut) {
        labels.retain(|name, _| !NOT_OURS.contains(&name.as_str()));
    }
    Some(value)
}

/// A value as it is meant, by the name of what it is in; None if it means nothing.
fn meant(parent: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) => Some(list.iter().filter_map(|element| meant(parent, element)).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(key, value)| Some((key.clone(), meant(key, value)?)));
            Some(Value::Object(completed(parent, fields.collect())))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

fn completed(parent: &str, mut fields: Map<String, Value>) -> Map<String, Value> {
    if parent == "pod" {
        one_service_account(&mut fields);
    }
    for (_, key, default) in DEFAULTS.iter().filter(|(parents, ..)| parents.contains(&parent)) {
        fields.entry(*key).or_insert_with(|| match default {
            Text(text) => json!(text),
            Number(number) => json!(number),
            True => json!(true),
        });
    }
    fields.retain(|key, value| {
        let is_switch = OFF.iter().any(|(parents, switch)| parents.contains(&parent) && key == switch);
        !(is_switch && *value == Value::Bool(false))
    });
    if CONTAINERS.contains(&parent) && !fields.contains_key("imagePullPolicy") {
        let policy = pull_policy(fields.get("image").map(text::text).unwrap_or_default().as_str());
        fields.insert("imagePullPolicy".to_owned(), json!(policy));
    }
    if parent == "env" && !fields.contains_key("valueFrom") {
        fields.entry("value").or_insert_with(|| json!(""));
    }
    fields
}

/// The old name of the service account says the same as the new one; where it does not, it stays.
fn one_service_account(fields: &mut Map<String, Value>) {
    let Some(old) = fields.remove("serviceAccount") else {
        return;
    };
    let name = fields.entry("serviceAccountName").or_insert_with(|| old.clone());
    if *name != old {
        fields.insert("serviceAccount".to_owned(), old);
    }
}

/// When an image is pulled if nobody said it: always if its tag is the one that moves.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let moves = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if moves { "Always" } else { "IfNotPresent" }
}
