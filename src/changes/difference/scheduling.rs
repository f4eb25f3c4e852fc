//! What decides where pods run comes in, of both sides; what is different in it comes out.

use serde_json::Value;

use super::{
    Field, Found,
    pair::Pair,
    text::{name, other, setting, text},
};

/// Fields of a pod that decide where and when it runs, and how they are told.
const SCHEDULING: [(&str, &str); 11] = [
    ("nodeSelector", ""),
    ("tolerations", ""),
    ("affinity", "affinity"),
    ("topologySpreadConstraints", ""),
    ("priorityClassName", "priority class"),
    ("priority", "priority"),
    ("schedulerName", "scheduler"),
    ("runtimeClassName", "runtime class"),
    ("nodeName", "node"),
    ("schedulingGates", "scheduling gate"),
    ("overhead", "overhead"),
];

/// Whether a field of a pod is compared here.
pub(super) fn is_scheduling(key: &str) -> bool {
    SCHEDULING.iter().any(|(field, _)| *field == key)
}

/// Compares a field of a pod.
pub(super) fn scheduling(key: &str, pair: Pair<'_>, found: &mut Found) {
    match key {
        "nodeSelector" if pair.is_of_objects() => {
            for (label, value) in pair.fields() {
                found.say(Field::NodeSelector(name(label)), value.texts(|v| setting(label, v)));
            }
        }
        "tolerations" if pair.is_of_lists() => each(&Field::Toleration, pair, toleration, found),
        "topologySpreadConstraints" if pair.is_of_lists() => each(&Field::Spread, pair, spread, found),
        "affinity" if pair.is_of_objects() => {
            for (sort, value) in pair.fields() {
                let words = match sort {
                    "nodeAffinity" => "node affinity",
                    "podAffinity" => "pod affinity",
                    "podAntiAffinity" => "pod anti-affinity",
                    other => other,
                };
                found.say(Field::Affinity(name(words)), value.texts(text));
            }
        }
        _ => {
            let words = SCHEDULING.iter().find(|(field, _)| *field == key).map_or("", |(_, words)| words);
            let words = if words.is_empty() { key } else { words };
            other(words, pair, &Field::Scheduling, found);
        }
    }
}

fn each(field: &Field, pair: Pair<'_>, words: fn(&Value) -> String, found: &mut Found) {
    let (gone, new) = pair.as_sets();
    let texts = |list: Vec<&Value>| list.into_iter().map(words).collect();
    found.say_each(field, texts(gone), texts(new));
}

/// A toleration as people write taints: `dedicated=gpu:NoSchedule`.
fn toleration(value: &Value) -> String {
    let of = |key: &str| value.get(key).map(text).filter(|text| !text.is_empty());
    let (key, wanted) = (of("key"), of("value"));
    let taint = match (key, wanted) {
        (None, _) => "every taint".to_owned(),
        (Some(key), Some(wanted)) => format!("{key}={wanted}"),
        (Some(key), None) => key,
    };
    let effect = of("effect").map(|effect| format!(":{effect}")).unwrap_or_default();
    let seconds = of("tolerationSeconds").map(|s| format!(" for {s}s")).unwrap_or_default();
    format!("{taint}{effect}{seconds}")
}

fn spread(value: &Value) -> String {
    let of = |key: &str| value.get(key).map(text).unwrap_or_default();
    let hard = if of("whenUnsatisfiable") == "ScheduleAnyway" { ", if possible" } else { "" };
    format!("over {} by at most {}{hard}", of("topologyKey"), of("maxSkew"))
}
