//! Volumes and mounts of both sides come in; which differ comes out, each by what it holds.

use serde_json::Value;

use super::{
    Field, Found,
    container::named,
    pair::Pair,
    text::{name, text},
};

/// Sources that are no storage: settings, and what lives and dies with the pod.
const OWN: [&str; 6] = ["configMap", "secret", "projected", "downwardAPI", "emptyDir", "image"];

/// Compares volumes by name.
pub(super) fn volumes(pair: Pair<'_>, found: &mut Found) {
    for (of, each) in pair.by_key(named) {
        if each.is_same() {
            continue;
        }
        let is_own = |side: Option<&Value>| side.is_none_or(|v| OWN.iter().any(|source| v.get(source).is_some()));
        let field = if is_own(each.before) && is_own(each.after) { Field::Volume } else { Field::Storage };
        let (from, to) = each.texts(holds);
        // The same source, used in another way.
        let texts = if from == to { each.texts(text) } else { (from, to) };
        found.say(field(name(&of)), texts);
    }
}

/// Compares mounts by where they are.
pub(super) fn mounts(pair: Pair<'_>, found: &mut Found) {
    let path = |mount: &Value| Some(mount.get("mountPath")?.as_str()?.to_owned());
    for (of, each) in pair.by_key(path) {
        if !each.is_same() {
            let (from, to) = each.texts(mounted);
            let texts = if from == to { each.texts(text) } else { (from, to) };
            found.say(Field::Mount(name(&of)), texts);
        }
    }
}

fn part(value: &Value, path: &[&str]) -> Option<String> {
    path.iter().try_fold(value, |value, key| value.get(key)).map(text)
}

/// What a volume holds, in words.
fn holds(volume: &Value) -> String {
    let of = |source: &str, key: &str| part(volume, &[source, key]);
    if let Some(projected) = volume.get("projected") {
        let sources = projected.get("sources").and_then(Value::as_array).into_iter().flatten();
        return sources.map(projects).collect::<Vec<_>>().join(" and ");
    }
    let known = [
        ("configMap", "name", "ConfigMap"),
        ("secret", "secretName", "Secret"),
        ("persistentVolumeClaim", "claimName", "claim"),
        ("hostPath", "path", "host path"),
        ("csi", "driver", "CSI driver"),
        ("image", "reference", "image"),
    ];
    if let Some(words) = known.into_iter().find_map(|(source, key, word)| Some(format!("{word} {}", of(source, key)?)))
    {
        return words;
    }
    if let Some((server, path)) = of("nfs", "server").zip(of("nfs", "path")) {
        return format!("NFS {server}:{path}");
    }
    if volume.get("emptyDir").is_some() {
        let medium = of("emptyDir", "medium").filter(|m| !m.is_empty()).map(|m| format!(" in {}", m.to_lowercase()));
        let limit = of("emptyDir", "sizeLimit").map(|limit| format!(" up to {limit}"));
        return format!("emptyDir{}{}", medium.unwrap_or_default(), limit.unwrap_or_default());
    }
    let mut rest = volume.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("name");
    }
    text(&rest)
}

fn projects(source: &Value) -> String {
    if let Some(name) = part(source, &["configMap", "name"]) {
        return format!("ConfigMap {name}");
    }
    if let Some(name) = part(source, &["secret", "name"]) {
        return format!("Secret {name}");
    }
    match source.as_object().and_then(|fields| fields.keys().next()) {
        Some(kind) => kind.clone(),
        None => text(source),
    }
}

/// What is mounted, and how.
fn mounted(mount: &Value) -> String {
    let of = |key: &str| part(mount, &[key]);
    let path = of("subPath").or_else(|| of("subPathExpr")).map(|path| format!("/{path}")).unwrap_or_default();
    let read_only = if of("readOnly").as_deref() == Some("true") { ", read-only" } else { "" };
    format!("volume {}{path}{read_only}", of("name").unwrap_or_default())
}
