//! The lists of the configuration and the prototype's catalogue become the priorities in force.

use std::{collections::BTreeMap, path::Path};

use super::{services_txt, values::Values};
use crate::{
    incidents::Priority,
    services::{Pattern, Priorities},
};

const LEVELS: [(Priority, &str); 4] = [
    (Priority::P0, "priorities.P0"),
    (Priority::P1, "priorities.P1"),
    (Priority::P2, "priorities.P2"),
    (Priority::P3, "priorities.P3"),
];

pub(super) fn read(
    values: &mut Values<'_>,
    catalogue: Option<&Path>,
    files: &BTreeMap<String, Result<String, String>>,
) -> Priorities {
    let lists = LEVELS.map(|(priority, key)| (priority, values.list(key))).into();
    let priorities = Priorities::new(&lists).unwrap_or_else(|wrong| {
        for line in wrong {
            let key =
                LEVELS.iter().find(|(priority, _)| *priority == line.priority).map_or("priorities", |(_, key)| key);
            values.problem(key, format!("{:?}: {}", line.pattern, line.problem), line.remedy);
        }
        Priorities::default()
    });
    let Some(path) = catalogue else { return priorities };
    match files.get(&path.display().to_string()) {
        Some(Ok(text)) => {
            let services = services_txt::priorities(text);
            if services.is_empty() {
                let remedy =
                    "its sections need titles like \"1. Title (P0 - ...)\", its services headings like \"1.1 name\"";
                values.warn("services.file", "lists no service", remedy);
            }
            let named = |(name, priority): (String, Priority)| Some((Pattern::parse(&name).ok()?, priority));
            priorities.with_catalogue(services.into_iter().filter_map(named).collect())
        }
        Some(Err(why)) => {
            let message = format!("{} cannot be read: {why}", path.display());
            values.warn("services.file", message, "mend the path, or write the lists of [priorities]");
            priorities
        }
        None => priorities,
    }
}
