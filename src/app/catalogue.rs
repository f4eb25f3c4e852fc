//! The file of the catalogue of services, looked at again and again: one that can be read goes in force, one that cannot is said.

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::App;
use crate::{
    config::read_catalogue,
    event::Event,
    services::{Catalogue, Lint},
};

/// How often. A `ConfigMap` takes about a minute to arrive anyway.
const EVERY: SignedDuration = SignedDuration::from_secs(10);
/// How many mistakes are told; whoever mends the first three sees the rest.
const TOLD: usize = 3;

/// What is in force of the catalogue, and what is wrong with its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueFile {
    /// How many services are in force.
    pub services: usize,
    /// Why the file as it is now is not in force.
    pub broken: Option<String>,
    /// What a person should mend in what is in force.
    pub lints: Vec<String>,
}

/// Looks at the file until the bot stops.
pub(super) async fn run(app: Arc<App>) {
    let Some(file) = app.config.services_file.clone() else { return };
    // What was read at the start; the first look tells what is wrong with it.
    let mut last: Option<Result<String, String>> = None;
    loop {
        let read = tokio::fs::read_to_string(&file).await.map_err(|error| error.to_string());
        if last.as_ref() != Some(&read) {
            let is_first = last.is_none();
            arrived(&app, &file, &read, is_first).await;
            last = Some(read);
        }
        let next = app.clock.now().checked_add(EVERY).unwrap_or(Timestamp::MAX);
        app.pulse.send_modify(|pulse| pulse.next_catalogue = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(next) => {}
        }
    }
}

async fn arrived(app: &App, file: &Path, read: &Result<String, String>, is_first: bool) {
    let in_force = app.catalogue.borrow().services;
    let file_name = file.display();
    let broken = match read {
        Err(why) => Some(format!("{file_name} cannot be read: {why}")),
        Ok(text) => match read_catalogue(file, text) {
            Ok((catalogue, lints)) => {
                let state =
                    CatalogueFile { services: catalogue.services.len(), broken: None, lints: told(file, &lints) };
                app.catalogue.send_replace(state);
                // What was read at the start is in force already, unless it could not be read then.
                if !is_first || *app.priorities.borrow().catalogue() != catalogue {
                    tracing::info!(file = %file_name, services = catalogue.services.len(), "the catalogue of services was read anew");
                    let priorities = Arc::new(app.config.priorities.clone().with_catalogue(catalogue));
                    app.priorities.send_replace(priorities);
                    for site in app.sites().into_iter().filter(|site| site.right().is_held()) {
                        site.send(Event::Catalogue).await;
                    }
                }
                None
            }
            Err(mistakes) => Some(told(file, &mistakes).join("; ")),
        },
    };
    if let Some(why) = broken {
        let kept = match in_force {
            0 => "no service is in force".to_owned(),
            1 => "the one service that was read before stays in force".to_owned(),
            n => format!("the {n} services that were read before stay in force"),
        };
        tracing::warn!(file = %file_name, %why, "the catalogue of services cannot be used: {kept}");
        app.catalogue.send_modify(|state| state.broken = Some(format!("{why}; {kept}")));
    }
}

/// The first of them, with their places.
fn told(file: &Path, lints: &[Lint]) -> Vec<String> {
    let one = |lint: &Lint| {
        let line = if lint.line > 0 { format!(":{}", lint.line) } else { String::new() };
        format!("{}{line}: {}; {}", file.display(), lint.message, lint.remedy)
    };
    let mut told: Vec<String> = lints.iter().take(TOLD).map(one).collect();
    if lints.len() > TOLD {
        told.push(format!("and {} more", lints.len() - TOLD));
    }
    told
}

/// What is in force at the start.
pub(super) fn at_start(catalogue: &Catalogue) -> CatalogueFile {
    CatalogueFile { services: catalogue.services.len(), ..CatalogueFile::default() }
}
