//! Two pod templates come in; the differences of the pod and its metadata come out, and those of its containers.

use serde_json::Value;

use super::{
    Field, Found,
    container::{containers, resources},
    pair::Pair,
    scheduling,
    text::{self, name, other, setting},
    volume,
};

/// Annotations that are set to start the pods anew, and by what.
const RESTARTS: [(&str, &str); 2] =
    [("kubectl.kubernetes.io/restartedAt", "kubectl rollout restart"), ("cattle.io/timestamp", "Rancher")];

/// Longest value of an annotation that is shown, in characters.
const LONGEST_ANNOTATION: usize = 40;

/// Compares two templates.
pub(super) fn template(pair: Pair<'_>, found: &mut Found) {
    if !pair.is_of_objects() {
        return other("template", pair, &Field::Other, found);
    }
    for (key, child) in pair.fields() {
        match key {
            "metadata" if child.is_of_objects() => metadata(child, found),
            "spec" if child.is_of_objects() => pod(child, pair, found),
            _ => other(key, child, &Field::Other, found),
        }
    }
}

fn metadata(pair: Pair<'_>, found: &mut Found) {
    for (key, child) in pair.fields() {
        match key {
            "labels" if child.is_of_objects() => {
                for (label, value) in child.fields() {
                    found.say(Field::Label(name(label)), value.texts(|v| setting(label, v)));
                }
            }
            "annotations" if child.is_of_objects() => {
                for (annotation, value) in child.fields() {
                    note(annotation, value, found);
                }
            }
            _ => other(&format!("metadata.{key}"), child, &Field::Other, found),
        }
    }
}

/// One annotation. What is long or a sum of something says nothing by its value.
fn note(annotation: &str, pair: Pair<'_>, found: &mut Found) {
    let restart = RESTARTS.iter().find(|(key, _)| *key == annotation && pair.after.is_some());
    if let Some((_, by)) = restart {
        return found.say(Field::Restart((*by).to_owned()), pair.texts(text::text));
    }
    let shown = |value: &Value| {
        let text = setting(annotation, value);
        let is_sum = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let says_nothing = is_sum || text.chars().count() > LONGEST_ANNOTATION || annotation.contains("checksum");
        if says_nothing { String::new() } else { text }
    };
    let (from, to) = pair.texts(shown);
    let hides = [&from, &to].into_iter().flatten().any(String::is_empty);
    let or_nothing = |text: Option<String>| text.map(|t| if hides { String::new() } else { t });
    found.say(Field::Annotation(name(annotation)), (or_nothing(from), or_nothing(to)));
}

fn pod(pair: Pair<'_>, whole: Pair<'_>, found: &mut Found) {
    for (key, child) in pair.fields() {
        match key {
            "containers" | "initContainers" | "ephemeralContainers" if child.is_of_lists() => {
                containers(key, child, whole, found);
            }
            "volumes" if child.is_of_lists() => volume::volumes(child, found),
            "imagePullSecrets" if child.is_of_lists() => {
                let named = |v: &Value| v.get("name").map_or_else(|| text::text(v), text::text);
                let (gone, new) = child.as_sets();
                let texts = |values: Vec<&Value>| values.into_iter().map(named).collect();
                found.say_each(&Field::PullSecret, texts(gone), texts(new));
            }
            "resources" if child.is_of_objects() => resources(child, found),
            "serviceAccountName" => found.say(Field::ServiceAccount, child.texts(text::text)),
            "securityContext" if child.is_of_objects() => security(child, found),
            _ if scheduling::is_scheduling(key) => scheduling::scheduling(key, child, found),
            _ => other(key, child, &Field::Other, found),
        }
    }
}

/// As whom a pod or container runs, and what it may do.
pub(super) fn security(pair: Pair<'_>, found: &mut Found) {
    for (key, child) in pair.fields() {
        let words = match key {
            "runAsUser" => "runs as user",
            "runAsGroup" => "runs as group",
            "runAsNonRoot" => "must not be root",
            "fsGroup" => "files belong to group",
            "readOnlyRootFilesystem" => "read-only root file system",
            "allowPrivilegeEscalation" => "privilege escalation",
            other => other,
        };
        other(words, child, &Field::Security, found);
    }
}
