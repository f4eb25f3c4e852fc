//! A row of the table of applications: it knows more names of a service, and where its files are.

use super::{Lint, Outline};
use crate::services::Service;

impl Outline {
    /// A row of a table `Service | ArgoCD App Name | ArgoCD App File | Namespace`: it knows more names of a service.
    pub(super) fn row(&mut self, text: &str, number: usize) {
        let cells: Vec<&str> = text.trim_matches('|').split('|').map(str::trim).collect();
        let is_rule = |cell: &str| cell.chars().all(|c| "-: ".contains(c));
        let [name, application, file, namespace] = cells.as_slice() else {
            if !self.told_row {
                self.told_row = true;
                let message =
                    format!("{text:?} is no row of the table of services, so it is not read, nor are others like it");
                let remedy =
                    "nothing is to be mended, unless it is: Service | ArgoCD App Name | ArgoCD App File | Namespace";
                self.lints.push(Lint::new(number, message, remedy));
            }
            return;
        };
        if name.eq_ignore_ascii_case("service") || cells.iter().all(|cell| is_rule(cell)) {
            return;
        }
        let Some(service) = self.services.iter_mut().find(|s| s.is_called(name) || s.is_called(application)) else {
            let message = format!("the table names {name:?}, which has no heading");
            return self.lints.push(Lint::new(number, message, "call it as its heading does, or take it out"));
        };
        add_alias(service, name);
        add_alias(service, application);
        match &service.namespace {
            None if namespace.is_empty() => {}
            None => service.namespace = Some((*namespace).to_owned()),
            Some(own) if own != namespace => {
                let message =
                    format!("{:?} is in {own:?} by its entry and in {namespace:?} by the table", service.name);
                self.lints.push(Lint::new(number, message, "the entry counts; mend the other"));
            }
            Some(_) => {}
        }
        if file.contains('/') && !service.paths.iter().any(|path| path == file) {
            service.paths.push((*file).to_owned());
        }
    }
}

pub(super) fn add_alias(service: &mut Service, name: &str) {
    if !name.is_empty() && !name.contains(' ') && !service.is_called(name) {
        service.aliases.push(name.to_owned());
    }
}
