//! A change beside the workloads comes in; the way back comes out in words that are true: values of a `ConfigMap` are not known here.

use super::{Became, SettingChange};

/// The way back.
pub(super) fn undo(change: &SettingChange) -> String {
    if let Some(keeper) = change.kept_by.as_ref().filter(|it| it.is_gitops()) {
        let was_by_hand = change.by.as_ref().is_some_and(|by| by.tool != keeper.tool);
        return if was_by_hand {
            format!("sync {keeper}: in Git it is as it was")
        } else {
            format!("revert the change in Git: {keeper} puts in place what is there")
        };
    }
    let object = &change.object;
    let is_config = &*object.kind == "ConfigMap";
    let names: Vec<&str> = change.names.iter().take(3).map(String::as_str).collect();
    let more = if change.names.len() > names.len() { " and the others" } else { "" };
    match change.became {
        Became::New => {
            format!("kubectl -n {} delete {}/{}", object.namespace, object.kind.to_ascii_lowercase(), object.name)
        }
        Became::Gone => format!("make {object} again as it was; what was in it is not kept here"),
        Became::Different if is_config => {
            format!("put {}{more} back in {object} as before; values are not kept here", names.join(", "))
        }
        Became::Different if change.before.is_empty() => format!("set {object} back as before"),
        Became::Different => {
            let before: Vec<&str> = change.before.iter().take(3).map(String::as_str).collect();
            format!("set {object} back: {}", before.join(", "))
        }
    }
}
