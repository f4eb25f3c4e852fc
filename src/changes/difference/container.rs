//! The containers of two templates come in; which came and went, and what is different in those that stayed, comes out.

use serde_json::Value;

use super::{
    Container, Field, Found, Probe, Role, env,
    pair::Pair,
    probe,
    template::security,
    text::{self, in_common, name, other, setting, words},
    volume,
};

/// Names the main container of a pod.
const MAIN: &str = "kubectl.kubernetes.io/default-container";

/// The name of an element of a list.
pub(super) fn named(value: &Value) -> Option<String> {
    Some(value.get("name")?.as_str()?.to_owned())
}

/// Compares the containers of one list, by name.
pub(super) fn containers(list: &str, pair: Pair<'_>, template: Pair<'_>, found: &mut Found) {
    let main = main_of(template);
    let all = pair.by_key(named);
    let names: std::collections::BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
    if list == "initContainers" {
        order(&all, pair, found);
    }
    for (of, each) in &all {
        let is_sidecar = each.find(|v| v.get("restartPolicy")).is_some_and(|policy| policy == "Always");
        let role = match list {
            "initContainers" if !is_sidecar => Role::Init,
            "containers" if names.len() == 1 => Role::Only,
            "containers" if main.as_ref() == Some(of) => Role::Main,
            _ => Role::Sidecar,
        };
        found.container = Some(Container { name: name(of), role });
        if each.is_on_both() {
            container(*each, found);
        } else {
            found.say(Field::Container, each.texts(|v| v.get("image").map(text::text).unwrap_or_default()));
        }
    }
    found.container = None;
}

fn main_of(template: Pair<'_>) -> Option<String> {
    let annotated = template.get("metadata").get("annotations").get(MAIN).find(|v| v.as_str().map(str::to_owned));
    annotated.or_else(|| template.get("spec").get("containers").find(|v| named(v.as_array()?.first()?)))
}

/// Says if those that were there before run in another order.
fn order(all: &[(String, Pair<'_>)], pair: Pair<'_>, found: &mut Found) {
    let stayed = |list: Option<&Value>| -> Vec<String> {
        let names = list.and_then(Value::as_array).into_iter().flatten().filter_map(named);
        names.filter(|n| all.iter().any(|(name, each)| name == n && each.is_on_both())).collect()
    };
    let (before, after) = (stayed(pair.before), stayed(pair.after));
    if before != after {
        found.say(Field::InitOrder, (Some(before.join(", ")), Some(after.join(", "))));
    }
}

fn container(pair: Pair<'_>, found: &mut Found) {
    if !pair.is_of_objects() {
        return other("container", pair, &Field::Other, found);
    }
    for (key, child) in pair.fields() {
        match key {
            "image" => found.say(Field::Image, child.texts(text::text)),
            "imagePullPolicy" => found.say(Field::PullPolicy, child.texts(text::text)),
            "resources" if child.is_of_objects() => resources(child, found),
            "startupProbe" => probe::probe(Probe::Startup, child, found),
            "readinessProbe" => probe::probe(Probe::Readiness, child, found),
            "livenessProbe" => probe::probe(Probe::Liveness, child, found),
            "env" if child.is_of_lists() => env::env(child, found),
            "envFrom" if child.is_of_lists() => env::env_from(child, found),
            "command" => found.say(Field::Command, child.texts(text::text)),
            "args" => arguments(child, found),
            "workingDir" => found.say(Field::WorkingDirectory, child.texts(text::text)),
            "lifecycle" if child.is_of_objects() => hooks(child, found),
            "ports" if child.is_of_lists() => ports(child, found),
            "volumeMounts" if child.is_of_lists() => volume::mounts(child, found),
            "securityContext" if child.is_of_objects() => security(child, found),
            _ => other(key, child, &Field::Other, found),
        }
    }
}

/// Limits and requests of a container or pod.
pub(super) fn resources(pair: Pair<'_>, found: &mut Found) {
    for (key, child) in pair.fields() {
        let field: fn(String) -> Field = match key {
            "limits" if child.is_of_objects() => Field::Limit,
            "requests" if child.is_of_objects() => Field::Request,
            _ => {
                other(&format!("resources.{key}"), child, &Field::Other, found);
                continue;
            }
        };
        for (resource, amount) in child.quantities() {
            found.say(field(name(resource)), amount.texts(text::text));
        }
    }
}

/// Of the arguments those that differ: most are dozens, of which one is changed.
fn arguments(pair: Pair<'_>, found: &mut Found) {
    let (Some(Value::Array(old)), Some(Value::Array(new))) = (pair.before, pair.after) else {
        return found.say(Field::Arguments, pair.texts(text::text));
    };
    let (mut head, tail) = in_common(old, new);
    let is_flag = |at: Option<usize>| {
        let word = at.and_then(|at| old.get(at)).and_then(Value::as_str).unwrap_or_default();
        word.starts_with('-') && !word.contains('=')
    };
    // A value says little without the flag before it.
    if is_flag(head.checked_sub(1)) && !is_flag(Some(head)) {
        head = head.saturating_sub(1);
    }
    let differ = |list: &[Value]| {
        let end = list.len().saturating_sub(tail);
        Some(words(list).get(head..end)?.join(" ")).filter(|_| end > head)
    };
    found.say(Field::Arguments, (differ(old), differ(new)));
}

fn hooks(pair: Pair<'_>, found: &mut Found) {
    for (hook, child) in pair.fields() {
        found.say(Field::Hook(name(hook)), child.texts(|v| probe::asks(v).unwrap_or_else(|| setting(hook, v))));
    }
}

/// Ports by their name; of those without one, what went and what came.
fn ports(pair: Pair<'_>, found: &mut Found) {
    let (gone, new) = pair.as_sets();
    let unnamed = |list: Vec<&Value>| list.into_iter().filter(|p| named(p).is_none()).map(port).collect();
    found.say_each(&Field::Port(String::new()), unnamed(gone), unnamed(new));
    for (of, each) in pair.by_key(named) {
        if each.find(named).is_some() && !each.is_same() {
            found.say(Field::Port(name(&of)), each.texts(port));
        }
    }
}

fn port(value: &Value) -> String {
    let of = |key: &str| value.get(key).map(text::text);
    let Some(number) = of("containerPort") else {
        return text::text(value);
    };
    let protocol = of("protocol").filter(|p| p != "TCP").map(|p| format!("/{p}")).unwrap_or_default();
    let ip = of("hostIP").map(|ip| format!("{ip}:")).unwrap_or_default();
    let host = of("hostPort").map(|port| format!(" on the node's port {ip}{port}")).unwrap_or_default();
    format!("{number}{protocol}{host}")
}
