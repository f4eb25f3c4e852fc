//! Whatever is written in a template: nothing panics, the same is no difference, and nothing that changes goes unsaid.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{differences, normal::NOT_OURS};

/// Names with a meaning in a template, and some without.
const KEYS: [&str; 64] = [
    "$patch",
    "affinity",
    "annotations",
    "args",
    "automountServiceAccountToken",
    "claimName",
    "command",
    "configMap",
    "configMapKeyRef",
    "containerPort",
    "containers",
    "cpu",
    "defaultMode",
    "divisor",
    "dnsPolicy",
    "effect",
    "emptyDir",
    "env",
    "envFrom",
    "exec",
    "fieldRef",
    "hostNetwork",
    "hostPort",
    "httpGet",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "initContainers",
    "initialDelaySeconds",
    "key",
    "labels",
    "lifecycle",
    "limits",
    "livenessProbe",
    "memory",
    "metadata",
    "mountPath",
    "name",
    "nodeSelector",
    "operator",
    "path",
    "persistentVolumeClaim",
    "port",
    "ports",
    "preStop",
    "privileged",
    "projected",
    "readOnly",
    "readinessProbe",
    "requests",
    "resources",
    "restartPolicy",
    "runAsUser",
    "secretKeyRef",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "sizeLimit",
    "sources",
    "spec",
    "tolerations",
    "value",
    "valueFrom",
    "volumes",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just("1Gi"), Just("1000m"), Just("Always"), Just("api:1@sha256:0"), Just("a"), Just("")]
            .prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ]
}

/// JSON that has names of a template in any places.
fn anything() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(7, 120, 8, |inner| {
        let key = prop_oneof![8 => proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => ".{0,12}"];
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => proptest::collection::vec((key, inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A template that has everything in its place.
fn full() -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": "ghcr.io/shop/api:1", "imagePullPolicy": "Always", "workingDir": "/srv", "tty": true,
            "command": ["run", "fast"], "args": ["--level", "debug", "--token=abc", "last"], "terminationMessagePolicy": "File",
            "resources": {"limits": {"memory": "512Mi", "nvidia.com/gpu": "1"}, "requests": {"cpu": "100m"}, "claims": [{"name": "gpu"}]},
            "env": [
                {"name": "LOG", "value": "debug"}, {"name": "LOG", "value": "again"}, {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a", "optional": true}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "b"}}},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v2"}}},
                {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m", "containerName": "x"}}},
            ],
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "all"}}, {"secretRef": {"name": "s", "optional": true}}],
            "ports": [{"name": "http", "containerPort": 80, "hostPort": 81, "hostIP": "10.0.0.1"}, {"containerPort": 53, "protocol": "UDP"}],
            "startupProbe": {"grpc": {"port": 1, "service": "x"}, "failureThreshold": 30},
            "readinessProbe": {
                "httpGet": {"path": "/", "port": "http", "scheme": "HTTPS", "host": "h", "httpHeaders": [{"name": "Authorization", "value": "x"}]},
                "periodSeconds": 5, "terminationGracePeriodSeconds": 7,
            },
            "livenessProbe": {"exec": {"command": ["a", "b"]}, "initialDelaySeconds": 4},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}, "postStart": {"httpGet": {"path": "/x", "port": 1}}, "stopSignal": "SIGINT"},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/x", "subPath": "y", "readOnly": true, "mountPropagation": "None"}],
            "volumeDevices": [{"name": "disk", "devicePath": "/dev/x"}],
            "securityContext": {"runAsUser": 1, "privileged": true, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}},
        })
    };
    json!({
        "metadata": {"labels": {"app": "api"}, "annotations": {"checksum/config": "0a", "team": "shop", "kubectl.kubernetes.io/restartedAt": "x"}, "name": "n"},
        "spec": {
            "initContainers": [container("first"), container("second")],
            "containers": [container("api"), container("envoy")],
            "volumes": [
                {"name": "config", "configMap": {"name": "a", "defaultMode": 256, "items": [{"key": "k", "path": "p", "mode": 1}]}},
                {"name": "secret", "secret": {"secretName": "s", "optional": true}},
                {"name": "claim", "persistentVolumeClaim": {"claimName": "data", "readOnly": true}},
                {"name": "own", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                {"name": "node", "hostPath": {"path": "/x", "type": "Directory"}},
                {"name": "nfs", "nfs": {"server": "s", "path": "/p", "readOnly": true}},
                {"name": "csi", "csi": {"driver": "d", "volumeAttributes": {"a": "b"}}},
                {"name": "all", "projected": {"defaultMode": 1, "sources": [{"configMap": {"name": "a", "items": [{"key": "k", "path": "p"}]}}, {"serviceAccountToken": {"path": "t", "expirationSeconds": 60}}]}},
                {"name": "new", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}}}},
            ],
            "serviceAccountName": "api", "automountServiceAccountToken": true, "imagePullSecrets": [{"name": "regcred"}],
            "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5, "value": "v"}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "In", "values": ["a", "b"]}]}]}}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "api"}}}],
            "priorityClassName": "high", "runtimeClassName": "kata", "nodeName": "n", "overhead": {"cpu": "1"}, "schedulerName": "s",
            "hostNetwork": true, "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}], "dnsPolicy": "Default", "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
            "securityContext": {"fsGroup": 1, "sysctls": [{"name": "a", "value": "b"}]}, "resources": {"limits": {"cpu": "2"}}, "readinessGates": [{"conditionType": "x"}],
            "terminationGracePeriodSeconds": 5, "somethingNew": {"deep": [{"er": 1}]},
        }
    })
}

/// The paths of all leaves.
fn leaves(path: &str, value: &Value, out: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(&format!("{path}/{}", escaped(key)), value, out);
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                leaves(&format!("{path}/{at}"), value, out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(path.to_owned()),
    }
}

fn is_told(path: &str) -> bool {
    !NOT_OURS.iter().any(|label| path.ends_with(label))
}

#[test]
fn no_leaf_of_a_template_changes_unsaid() {
    let before = full();
    let mut paths = Vec::new();
    leaves("", &before, &mut paths);
    assert!(paths.len() > 200, "{}", paths.len());
    for path in paths.iter().filter(|path| is_told(path)) {
        let mut after = before.clone();
        let leaf = after.pointer_mut(path).unwrap();
        *leaf = match leaf {
            Value::Bool(is) => json!(!*is),
            Value::Number(_) => json!(77),
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => json!("other"),
        };
        let found = differences(&before, &after);
        assert!(!found.is_empty(), "{path} goes unsaid");
        let text = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        assert!(!text.contains("hunter2") && !text.contains("abc"), "{path}: {text}");
        assert_eq!(differences(&after, &after), [], "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn the_same_is_no_difference_and_nothing_panics(a in anything(), b in anything(), leaf in any::<usize>()) {
        prop_assert_eq!(differences(&a, &a), []);
        let anywhere = |value: &Value| json!({"metadata": value, "spec": {"containers": [value], "volumes": [value], "x": value}});
        for (before, after) in [(&a, &b), (&b, &a), (&anywhere(&a), &anywhere(&b)), (&full(), &anywhere(&b))] {
            for difference in differences(before, after) {
                let text = difference.to_string();
                prop_assert!(!text.is_empty() && text.chars().count() < 1500 && !text.contains(char::is_control), "{}", text);
            }
        }

        // Whatever leaf is replaced by whatever else.
        let before = full();
        let mut paths = Vec::new();
        leaves("", &before, &mut paths);
        let path = &paths[leaf % paths.len()];
        let mut after = before.clone();
        *after.pointer_mut(path).unwrap() = json!({"other": [b, "than before"]});
        prop_assert!(!differences(&before, &after).is_empty(), "{} goes unsaid", path);
    }
}
