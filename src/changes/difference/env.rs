//! The environment of a container on both sides comes in; which variables differ comes out, secret values hidden.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Field, Found,
    container::named,
    pair::Pair,
    text::{name, setting, text},
};
use crate::findings::{MASK, is_secret};

/// Compares variables by name.
pub(super) fn env(pair: Pair<'_>, found: &mut Found) {
    let all = pair.by_key(named);
    // A secret stays one under another name.
    let secrets: BTreeSet<&str> = all
        .iter()
        .flat_map(|(of, each)| [each.before, each.after].into_iter().flatten().map(move |entry| (of, entry)))
        .filter_map(|(of, entry)| entry.get("value")?.as_str().filter(|value| is_secret(of, value)))
        .collect();
    for (of, each) in all {
        if each.is_same() {
            continue;
        }
        let written = |value: &Value| match value.as_str() {
            Some(value) if secrets.contains(value) => MASK.to_owned(),
            _ => setting(&of, value),
        };
        let value =
            |entry: &Value| source(entry).unwrap_or_else(|| entry.get("value").map_or_else(|| text(entry), written));
        let now_comes_from =
            each.after.is_some_and(|e| source(e).is_some()) && each.before.is_some_and(|e| source(e).is_none());
        let field = if now_comes_from { Field::EnvSource } else { Field::Env };
        found.say(field(name(&of)), each.texts(value));
    }
}

/// Compares the sources of whole sets of variables.
pub(super) fn env_from(pair: Pair<'_>, found: &mut Found) {
    let (gone, new) = pair.as_sets();
    let texts = |list: Vec<&Value>| list.into_iter().map(whole).collect();
    found.say_each(&Field::EnvFrom, texts(gone), texts(new));
}

/// Where a variable's value comes from; None if it is written there.
fn source(entry: &Value) -> Option<String> {
    let from = entry.get("valueFrom")?;
    let of = |key: &str| from.get(key).filter(|v| v.is_object());
    let part = |value: &Value, key: &str| value.get(key).map(text).unwrap_or_default();
    let keyed = |kind: &str, value: &Value| {
        let optional = if value.get("optional").is_some() { ", if it is there" } else { "" };
        format!("{kind} {} key {}{optional}", part(value, "name"), part(value, "key"))
    };
    Some(if let Some(value) = of("configMapKeyRef") {
        keyed("ConfigMap", value)
    } else if let Some(value) = of("secretKeyRef") {
        keyed("Secret", value)
    } else if let Some(value) = of("fieldRef") {
        format!("field {}", part(value, "fieldPath"))
    } else if let Some(value) = of("resourceFieldRef") {
        format!("resource {}", part(value, "resource"))
    } else {
        text(from)
    })
}

fn whole(entry: &Value) -> String {
    let part = |value: &Value, key: &str| value.get(key).map(text);
    let reference = [("configMapRef", "ConfigMap"), ("secretRef", "Secret")]
        .into_iter()
        .find_map(|(key, kind)| Some((kind, entry.get(key).filter(|v| v.is_object())?)));
    let Some((kind, value)) = reference else {
        return text(entry);
    };
    let prefix = part(entry, "prefix").map(|p| format!(" with prefix {p}")).unwrap_or_default();
    let optional = if value.get("optional").is_some() { ", if it is there" } else { "" };
    format!("{kind} {}{prefix}{optional}", part(value, "name").unwrap_or_default())
}
