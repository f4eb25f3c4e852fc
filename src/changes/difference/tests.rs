//! Two templates come in; the whole text of their differences is held against what people should read.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Difference, Probe, Touches, differences};

/// A template as the API server gives it, with some fields of its container and of its pod set.
fn template(container: &Value, pod: &Value) -> Value {
    let mut api = json!({
        "name": "api", "image": "ghcr.io/shop/api:5.7.0", "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "env": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "DEPLOY_ENV", "value": "prod"}],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "readinessProbe": {
            "httpGet": {"path": "/health", "port": "http", "scheme": "HTTP"},
            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/api"}, {"name": "data", "mountPath": "/data"}]
    });
    set(&mut api, container);
    let mut spec = json!({
        "containers": [api],
        "volumes": [
            {"name": "config", "configMap": {"name": "a", "defaultMode": 420}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        ],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "securityContext": {}, "schedulerName": "default-scheduler"
    });
    set(&mut spec, pod);
    json!({"metadata": {"creationTimestamp": null, "labels": {"app": "api"}}, "spec": spec})
}

/// Sets fields; null removes them.
fn set(object: &mut Value, fields: &Value) {
    for (key, value) in fields.as_object().unwrap() {
        let object = object.as_object_mut().unwrap();
        if value.is_null() {
            object.remove(key)
        } else {
            object.insert(key.clone(), value.clone())
        };
    }
}

fn said(before: &Value, after: &Value) -> Vec<String> {
    differences(before, after).iter().map(ToString::to_string).collect()
}

#[rstest]
#[case(json!({"image": "ghcr.io/shop/api:5.8.0"}), &["image api:5.7.0 → 5.8.0"])]
#[case(json!({"image": "quay.io/shop/api:5.7.0"}), &["image ghcr.io/shop/api:5.7.0 → quay.io/shop/api:5.7.0"])]
#[case(
    json!({"image": "ghcr.io/shop/api@sha256:9f3c2ab19c77aa01d5e8f1b0b5b1c0e7b8d2f9c1a7e643ed62bb3af55e48f1b0"}),
    &["image api:5.7.0 → @9f3c2ab19c77"]
)]
#[case(json!({"image": "ghcr.io/shop/api"}), &["image api:5.7.0 → api"])]
#[case(json!({"imagePullPolicy": "Always"}), &["pull policy IfNotPresent → Always"])]
#[case(
    json!({"resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "4", "memory": "256Mi"}}}),
    &["memory limit 512Mi → 256Mi", "CPU request 100m → 4"]
)]
#[case(
    json!({"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}}),
    &[
        "CPU limit 1 added", "memory limit 512Mi removed", "nvidia.com/gpu limit 1 added",
        "CPU request 100m removed", "memory request 256Mi removed",
    ]
)]
#[case(json!({"resources": {"limits": {"memory": "0.5Gi"}, "requests": {"cpu": "0.1", "memory": "262144Ki"}}}), &[])]
#[case(json!({"env": [{"name": "LOG_LEVEL", "value": "info"}]}), &["env LOG_LEVEL debug → info", "env DEPLOY_ENV removed"])]
#[case(json!({"env": [{"name": "DEPLOY_ENV", "value": "prod"}, {"name": "LOG_LEVEL", "value": "debug"}]}), &[])]
#[case(
    json!({"env": [
        {"name": "DEPLOY_ENV", "value": ""}, {"name": "PORT", "value": "80"}, {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "LOG_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}}
    ]}),
    &[
        "env DEPLOY_ENV prod → \"\"", "env PORT added: 80", "env DB_PASSWORD added",
        "env LOG_LEVEL now comes from ConfigMap settings key level",
    ]
)]
#[case(json!({"envFrom": [{"secretRef": {"name": "db"}, "prefix": "DB_"}]}), &["env from Secret db with prefix DB_ added"])]
#[case(
    json!({"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5}}),
    &["readiness path /health → /ready", "readiness port http → 8080", "readiness period 10s → 5s"]
)]
#[case(json!({"readinessProbe": {"tcpSocket": {"port": "http"}}}), &["readiness probe GET /health on http → TCP on http"])]
#[case(json!({"readinessProbe": null}), &["readiness probe removed"])]
#[case(json!({"livenessProbe": {"exec": {"command": ["cat", "/up"]}}}), &["liveness probe added: cat /up"])]
#[case(json!({"command": ["python", "main.py"]}), &["command added: python main.py"])]
#[case(json!({"ports": [{"name": "http", "containerPort": 9090}]}), &["port http 8080 → 9090"])]
#[case(
    json!({"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP", "hostPort": 53}]}),
    &["port 53/UDP on the node's port 53 added"]
)]
#[case(json!({"volumeMounts": [{"name": "config", "mountPath": "/etc/api", "readOnly": true}]}), &["mount /etc/api: volume config → config, read-only", "mount /data removed"])]
#[case(json!({"lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}}}), &["preStop hook added: sleep 5"])]
#[case(
    json!({"securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}, "privileged": false}}),
    &["security: capabilities drop=ALL", "security: runs as user 1000"]
)]
#[case(json!({"tty": true, "stdin": false}), &["tty true"])]
#[case(json!({"somethingNew": {"deep": [1, 2]}}), &["somethingNew deep=1 2"])]
fn a_changed_container_is_told_in_words(#[case] container: Value, #[case] expected: &[&str]) {
    let none = json!({});
    assert_eq!(said(&template(&none, &none), &template(&container, &none)), expected);
}

#[rstest]
#[case(json!({"hostNetwork": true}), &["hostNetwork true"])]
#[case(json!({"dnsPolicy": "Default"}), &["dnsPolicy ClusterFirst → Default"])]
#[case(json!({"dnsPolicy": null, "restartPolicy": null, "schedulerName": null, "securityContext": null}), &[])]
#[case(json!({"serviceAccountName": "api", "serviceAccount": "api"}), &["service account default → api"])]
#[case(json!({"serviceAccountName": "default"}), &[])]
#[case(json!({"imagePullSecrets": [{"name": "regcred"}]}), &["pull secret regcred added"])]
#[case(json!({"nodeSelector": {"disk": "ssd"}}), &["node selector disk=ssd added"])]
#[case(
    json!({"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}, {"operator": "Exists"}]}),
    &["toleration dedicated=gpu:NoSchedule added", "toleration every taint added"]
)]
#[case(json!({"affinity": {"podAntiAffinity": {"x": 1}}}), &["pod anti-affinity added"])]
#[case(
    json!({"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]}),
    &["topology spread over zone by at most 1 added"]
)]
#[case(json!({"priorityClassName": "low"}), &["priority class low"])]
#[case(json!({"securityContext": {"runAsUser": 0}}), &["security: runs as user 0"])]
#[case(
    json!({"volumes": [
        {"name": "data", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}}, {"name": "config", "configMap": {"name": "b"}}
    ]}),
    &["volume data: claim data → emptyDir in memory up to 1Gi", "volume config: ConfigMap a → b"]
)]
#[case(json!({"initContainers": [{"name": "migrate", "image": "ghcr.io/shop/migrate:1"}]}), &["init container migrate added: image ghcr.io/shop/migrate:1"])]
#[case(
    json!({"terminationGracePeriodSeconds": 5, "automountServiceAccountToken": false, "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}]}),
    &["automountServiceAccountToken false", "hostAliases hostnames=db, ip=10.0.0.1", "terminationGracePeriodSeconds 30 → 5"]
)]
fn a_changed_pod_is_told_in_words(#[case] pod: Value, #[case] expected: &[&str]) {
    let none = json!({});
    assert_eq!(said(&template(&none, &none), &template(&none, &pod)), expected);
}

#[rstest]
#[case(json!({"env": [{"name": "DB_PASSWORD", "value": "a"}]}), json!({"env": [{"name": "DB_PASSWORD", "value": "b"}]}), &["env DB_PASSWORD changed"])]
#[case(
    json!({"env": [{"name": "DB", "value": "postgres://app:one@db/x"}]}),
    json!({"env": [{"name": "DB", "value": "postgres://app:two@db/x"}]}),
    &["env DB changed"]
)]
#[case(
    json!({"env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "a", "key": "url"}}}]}),
    json!({"env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "b", "key": "url"}}}]}),
    &["env DB Secret a key url → b key url"]
)]
#[case(
    json!({"env": [{"name": "JAVA_OPTS", "value": "-Xms256m -Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=200 -Dspring.profiles.active=prod -Dfile.encoding=UTF-8"}]}),
    json!({"env": [{"name": "JAVA_OPTS", "value": "-Xms256m -Xmx384m -XX:+UseG1GC -XX:MaxGCPauseMillis=200 -Dspring.profiles.active=prod -Dfile.encoding=UTF-8"}]}),
    &["env JAVA_OPTS … -Xmx512m … → … -Xmx384m …"]
)]
#[case(json!({"command": ["python", "app.py"]}), json!({"command": ["python", "main.py"]}), &["command changed: python app.py → python main.py"])]
#[case(json!({"command": ["a", "b"]}), json!({"command": ["b", "a"]}), &["command changed: a b → b a"])]
#[case(json!({"args": ["--port=1", "--log", "debug"]}), json!({"args": ["--port=1", "--log", "info"]}), &["arguments changed: --log debug → --log info"])]
#[case(json!({"args": ["--port=1", "--log"]}), json!({"args": ["--port=1"]}), &["arguments removed: --log"])]
#[case(json!({"args": ["--token", "one"]}), json!({"args": ["--token", "two"]}), &["arguments changed"])]
#[case(json!({"livenessProbe": {"tcpSocket": {"port": 1}, "initialDelaySeconds": 30}}), json!({"livenessProbe": {"tcpSocket": {"port": 1}}}), &["liveness initial delay 30s → 0s"])]
#[case(json!({"ports": [{"containerPort": 8080}]}), json!({"ports": [{"containerPort": 9090}]}), &["port 8080 → 9090"])]
#[case(json!({"securityContext": {"runAsUser": 0}}), json!({"securityContext": {"runAsUser": 1000}}), &["security: runs as user 0 → 1000"])]
#[case(json!({"envFrom": [{"configMapRef": {"name": "a"}}]}), json!({"envFrom": [{"configMapRef": {"name": "b"}}]}), &["env from ConfigMap a → b"])]
#[case(json!({"image": "nginx", "imagePullPolicy": null}), json!({"image": "nginx", "imagePullPolicy": "Always"}), &[])]
#[case(json!({"image": "nginx:1", "imagePullPolicy": null}), json!({"image": "docker.io/library/nginx:2"}), &["image nginx:1 → 2"])]
fn two_versions_of_a_container_are_told_apart(#[case] before: Value, #[case] after: Value, #[case] expected: &[&str]) {
    let none = json!({});
    assert_eq!(said(&template(&before, &none), &template(&after, &none)), expected);
}

#[test]
fn a_secret_stays_one_under_another_name() {
    let of = |name: &str| template(&json!({"env": [{"name": name, "value": "hunter2"}]}), &json!({}));
    assert_eq!(said(&of("DB_PASSWORD"), &of("DB_LOGIN")), ["env DB_LOGIN added", "env DB_PASSWORD removed"]);
}

#[test]
fn of_several_containers_each_is_named() {
    let pod = |envoy: &str, memory: &str| {
        let resources = json!({"limits": {"memory": memory}});
        json!({"spec": {
            "initContainers": [
                {"name": "migrate", "image": "migrate:1", "resources": resources},
                {"name": "logs", "image": "logs:1", "restartPolicy": "Always"},
            ],
            "containers": [
                {"name": "api", "image": "api:1", "resources": resources},
                {"name": "envoy", "image": format!("envoy:{envoy}"), "args": [memory]},
            ],
        }})
    };
    let mut after = pod("1.31", "256Mi");
    after["spec"]["initContainers"].as_array_mut().unwrap().reverse();
    after["spec"]["containers"][0]["tty"] = json!(true);
    assert_eq!(
        said(&pod("1.30", "512Mi"), &after),
        [
            "image of sidecar envoy: envoy:1.30 → 1.31",
            "memory limit of api: 512Mi → 256Mi",
            "memory limit of init container migrate: 512Mi → 256Mi",
            "arguments of sidecar envoy changed: 512Mi → 256Mi",
            "init containers run in another order: migrate, logs → logs, migrate",
            "tty true of api",
        ]
    );
}

#[test]
fn metadata_is_told_and_what_controllers_write_there_is_not() {
    let of = |labels: &Value, annotations: &Value| json!({"metadata": {"labels": labels, "annotations": annotations}, "spec": {}});
    let before = of(
        &json!({"app": "api", "tier": "web", "pod-template-hash": "a", "controller-revision-hash": "a"}),
        &json!({"checksum/config": "0a", "prometheus.io/port": "8080", "team": "shop"}),
    );
    let after = of(
        &json!({"app": "api-v2", "pod-template-hash": "b"}),
        &json!({"checksum/config": "0b", "prometheus.io/port": "9090", "kubectl.kubernetes.io/restartedAt": "2026-11-24T14:02:00Z"}),
    );
    assert_eq!(
        said(&before, &after),
        [
            "label app: api → api-v2",
            "label tier removed",
            "annotation checksum/config changed",
            "annotation prometheus.io/port 8080 → 9090",
            "annotation team removed",
            "restarted by hand (kubectl rollout restart)",
        ]
    );
}

#[test]
fn a_revision_of_a_stateful_set_is_a_template_like_others() {
    let none = json!({});
    let mut revision = template(&none, &none);
    revision["$patch"] = json!("replace");
    assert_eq!(differences(&revision, &template(&none, &none)), []);
}

#[rstest]
#[case(json!({"image": "api:2"}), Touches::Image)]
#[case(json!({"resources": {"limits": {"memory": "1Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}}}), Touches::MemoryLimit)]
#[case(json!({"resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "4", "memory": "256Mi"}}}), Touches::Requests)]
#[case(json!({"readinessProbe": null}), Touches::Probe(Probe::Readiness))]
#[case(json!({"env": []}), Touches::Configuration)]
#[case(json!({"ports": []}), Touches::Ports)]
#[case(json!({"securityContext": {"runAsUser": 1}}), Touches::Security)]
#[case(json!({"tty": true}), Touches::Other)]
fn what_it_touches_is_what_it_could_explain(#[case] container: Value, #[case] touches: Touches) {
    let none = json!({});
    let found = differences(&template(&none, &none), &template(&container, &none));
    assert_eq!(found.first().map(Difference::touches), Some(touches));
}

#[test]
fn a_difference_is_stored_and_read_back() {
    let (none, changed) = (json!({}), json!({"image": "api:2", "livenessProbe": {"tcpSocket": {"port": 1}}}));
    let found = differences(&template(&none, &none), &template(&changed, &none));
    let stored = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Difference>>(&stored).unwrap(), found);
}
