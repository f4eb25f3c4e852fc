//! A probe of a container on both sides comes in; what is different in it comes out, setting by setting.

use serde_json::Value;

use super::{
    Field, Found, Probe,
    pair::Pair,
    text::{self, name, other},
};

/// What a probe can ask.
const ASKS: [&str; 4] = ["httpGet", "tcpSocket", "exec", "grpc"];

/// Compares a probe.
pub(super) fn probe(probe: Probe, pair: Pair<'_>, found: &mut Found) {
    let asks_of = |side: Option<&Value>| ASKS.into_iter().find(|key| side.is_some_and(|v| v.get(key).is_some()));
    if !pair.is_on_both() || !pair.is_of_objects() {
        return found.say(Field::Probe(probe), pair.texts(|v| asks(v).unwrap_or_else(|| text::text(v))));
    }
    let asks_else = asks_of(pair.before) != asks_of(pair.after);
    if asks_else {
        found.say(Field::Probe(probe), pair.texts(|v| asks(v).unwrap_or_else(|| "nothing".to_owned())));
    }
    for (key, child) in pair.fields() {
        match key {
            _ if ASKS.contains(&key) && child.is_on_both() && child.is_of_objects() => {
                for (part, value) in child.fields() {
                    let words = if part == "httpHeaders" { "headers" } else { part };
                    other(words, value, &|words| Field::ProbeSetting(probe, words), found);
                }
            }
            _ if ASKS.contains(&key) && asks_else => {}
            _ => match in_words(key) {
                Some((words, unit)) => {
                    let seconds = |v: &Value| format!("{}{unit}", text::text(v));
                    found.say(Field::ProbeSetting(probe, words.to_owned()), child.texts(seconds));
                }
                None => other(&name(key), child, &|words| Field::ProbeSetting(probe, words), found),
            },
        }
    }
}

fn in_words(key: &str) -> Option<(&'static str, &'static str)> {
    Some(match key {
        "initialDelaySeconds" => ("initial delay", "s"),
        "periodSeconds" => ("period", "s"),
        "timeoutSeconds" => ("timeout", "s"),
        "terminationGracePeriodSeconds" => ("termination grace period", "s"),
        "successThreshold" => ("success threshold", ""),
        "failureThreshold" => ("failure threshold", ""),
        _ => return None,
    })
}

/// What a probe or hook does, in words; None if that is nothing known.
pub(super) fn asks(value: &Value) -> Option<String> {
    let part = |value: &Value, key: &str| value.get(key).map(text::text).unwrap_or_default();
    if let Some(get) = value.get("httpGet") {
        let scheme = if part(get, "scheme") == "HTTPS" { "HTTPS " } else { "" };
        return Some(format!("{scheme}GET {} on {}", part(get, "path"), part(get, "port")));
    }
    if let Some(tcp) = value.get("tcpSocket") {
        return Some(format!("TCP on {}", part(tcp, "port")));
    }
    if let Some(grpc) = value.get("grpc") {
        return Some(format!("gRPC on {}", part(grpc, "port")));
    }
    if let Some(sleep) = value.get("sleep") {
        return Some(format!("sleep {}s", part(sleep, "seconds")));
    }
    value.get("exec").map(|exec| part(exec, "command"))
}
