//! The lists of the configuration and the catalogue of services, in either format, become the priorities in force.

use std::{collections::BTreeMap, path::Path};

use super::{
    problem::{Place, Problem},
    values::Values,
};
use crate::{
    findings::checks,
    incidents::Priority,
    services::{Catalogue, Lint, Priorities},
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
            let (catalogue, to_mend) =
                read_catalogue(path, text).unwrap_or_else(|mistakes| (Catalogue::default(), mistakes));
            let warning = |Lint { line, message, remedy }| {
                let place = Some(Place::File { path: path.display().to_string(), line });
                Problem { key: "services.file".to_owned(), place, message, remedy }
            };
            // A cluster that is watched without it is better than one that is not watched.
            values.warnings.extend(to_mend.into_iter().map(warning));
            priorities.with_catalogue(catalogue)
        }
        Some(Err(why)) => {
            let message = format!("{} cannot be read: {why}", path.display());
            values.warn("services.file", message, "mend the path, or write the lists of [priorities]");
            priorities
        }
        None => priorities,
    }
}

/// The catalogue of a file, by its name: `services.toml`, or the prototype's `services.txt`; and what a person should mend.
///
/// # Errors
/// Every mistake, if it cannot be used: it is no TOML of services, or lists none.
pub fn read_catalogue(path: &Path, text: &str) -> Result<(Catalogue, Vec<Lint>), Vec<Lint>> {
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let (catalogue, mut lints) = if is_toml {
        let checks: Vec<&str> = checks::ALL.iter().map(|check| check.name()).collect();
        (Catalogue::from_toml(text, &checks)?, Vec::new())
    } else {
        Catalogue::from_services_txt(text)
    };
    lints.extend(catalogue.lint());
    lints.sort();
    if catalogue.services.is_empty() {
        // A file that is being written is empty for a moment.
        lints.push(Lint::new(0, "it lists no service", "list one, or leave services.file empty"));
        return Err(lints);
    }
    Ok((catalogue, lints))
}
