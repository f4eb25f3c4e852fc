//! The prototype's `services.txt`, an outline written for people, becomes the catalogue, with what had to be guessed and what to write.

mod values;

use super::{Catalogue, KnownIssue, Lint, Priority, Service};
use values::{duration, known_issue, names, number, without_remark};

/// A line of the outline below a heading: how deep it is, its key if it has one, its text.
struct Line<'a> {
    number: usize,
    indent: usize,
    key: Option<&'a str>,
    text: &'a str,
}

/// The keys whose value, or what is listed below them, is text as it stands.
const LISTS: [&str; 3] = ["Known Issues", "Quirks", "Quirk"];
/// The keys whose list is of names of services.
const NAMES: [&str; 3] = ["Dependencies", "Dependents", "Used By"];

#[derive(Default)]
struct Outline {
    services: Vec<Service>,
    lints: Vec<Lint>,
    /// The priority of the section, and its title line.
    section: Option<(Option<Priority>, usize)>,
    in_service: bool,
    /// The keys above the present line, with how deep they are.
    above: Vec<(usize, String)>,
}

impl Catalogue {
    /// Reads a `services.txt`. It has no mistakes that make it unreadable: what is not understood is said, and left out.
    pub fn from_services_txt(text: &str) -> (Self, Vec<Lint>) {
        let mut outline = Outline::default();
        for (at, raw) in text.lines().enumerate() {
            outline.take(raw, at.saturating_add(1));
        }
        let Outline { services, mut lints, .. } = outline;
        if services.is_empty() {
            let remedy =
                "its sections need titles like \"1. Title (P0 - ...)\", its services headings like \"1.1 name\"";
            lints.push(Lint::new(0, "lists no service", remedy));
        }
        lints.sort();
        (Self { services }, lints)
    }
}

impl Outline {
    fn take(&mut self, raw: &str, number: usize) {
        let text = raw.trim();
        if text.is_empty() || text.chars().all(|c| c == '-') {
            return;
        }
        if let Some((numbers, title)) = heading(text) {
            self.above.clear();
            match numbers.strip_suffix('.') {
                Some(_) => self.section(title, number),
                None => self.service(title.trim(), number),
            }
        } else if text.contains('|') {
            self.row(text, number);
        } else if let Some(item) = text.strip_prefix("- ").map(str::trim) {
            let indent = raw.len().saturating_sub(raw.trim_start().len());
            let (key, text) = match item.split_once(':') {
                // An address has a colon as well.
                Some((key, value)) if value.is_empty() || value.starts_with(' ') => (Some(key.trim()), value.trim()),
                _ => (None, item),
            };
            self.item(&Line { number, indent, key, text }, item);
        }
    }

    fn section(&mut self, title: &str, number: usize) {
        self.in_service = false;
        let tier = title.rsplit_once('(').map_or("", |(_, tier)| tier.trim_end_matches(')'));
        let first = tier.get(..2).and_then(Priority::named);
        let is_range = tier.get(2..3) == Some("-") && tier.get(3..5).and_then(Priority::named).is_some();
        if is_range && let Some(first) = first {
            let message = format!("the section says {tier}: all of it is read as {first}");
            self.lints.push(Lint::new(number, message, "give each service a priority of its own in services.toml"));
        } else if first.is_none() && tier.starts_with('P') {
            let message = format!("{tier:?} is no priority, so its services have none");
            self.lints.push(Lint::new(number, message, "write for example (P1 - Infrastructure)"));
        }
        self.section = Some((first, number));
    }

    fn service(&mut self, title: &str, number: usize) {
        let Some((Some(priority), _)) = self.section else {
            // Sections without a priority tell of patterns, not of services.
            self.in_service = false;
            return;
        };
        let (name, aliases) = match title.split_once('(') {
            None => (title, Vec::new()),
            Some((name, rest)) => {
                let alias = rest.split(')').next().unwrap_or_default().split(',').map(str::trim);
                (name.trim(), alias.filter(|a| !a.is_empty() && !a.contains(' ')).map(str::to_owned).collect())
            }
        };
        if name.contains(char::is_whitespace) {
            let message =
                format!("{name:?} is not the name of a workload, so it is matched by its aliases and its namespace");
            self.lints.push(Lint::new(number, message, "write the workload's name, or list it in services.toml"));
        }
        self.services.push(Service {
            name: name.to_owned(),
            aliases,
            priority: Some(priority),
            line: number,
            ..Service::default()
        });
        self.in_service = true;
    }

    fn item(&mut self, line: &Line<'_>, whole: &str) {
        if !self.in_service {
            return;
        }
        self.above.retain(|(indent, _)| *indent < line.indent);
        let under = self.above.last().map(|(_, key)| key.clone());
        if let Some(list) = under.filter(|key| LISTS.contains(&key.as_str()) || NAMES.contains(&key.as_str())) {
            return self.value(&list, whole, line.number);
        }
        let Some(key) = line.key else { return };
        if line.text.is_empty() {
            self.above.push((line.indent, key.to_owned()));
        } else {
            self.value(key, line.text, line.number);
        }
    }

    fn value(&mut self, key: &str, text: &str, line: usize) {
        let Some(service) = self.services.last_mut() else { return };
        let mut say = |message: String, remedy: &str| self.lints.push(Lint::new(line, message, remedy));
        match key {
            "Purpose" => text.clone_into(&mut service.purpose),
            "Namespace" => service.namespace = Some(without_remark(text).to_owned()),
            "Dependencies" => service.dependencies.extend(names(text)),
            "Dependents" | "Used By" => {
                let (all, some): (Vec<_>, Vec<_>) = names(text).partition(|n| n.split(' ').next() == Some("ALL"));
                if !all.is_empty() {
                    let message = format!("{:?} names no service, so it counts for nothing", all.join(", "));
                    say(message, "list the services in services.toml; everything needs cluster DNS in any case");
                }
                service.dependents.extend(some);
            }
            "Max Downtime" => match duration(text) {
                Some((time, None)) => service.max_downtime = Some(time),
                Some((time, Some(guess))) => {
                    service.max_downtime = Some(time);
                    say(format!("max downtime {text:?} is read as {guess}"), "write one time: max_downtime = \"15m\"");
                }
                None => {
                    let message = format!("max downtime {text:?} is no time, so that of its priority holds");
                    say(message, "write one time: max_downtime = \"24h\"");
                }
            },
            "Known Issues" | "Quirks" | "Quirk" => {
                let issue: KnownIssue = known_issue(text);
                if issue.checks.is_empty() && key == "Known Issues" {
                    let message = format!("known issue {:?}: its words tell no check", issue.text);
                    say(message, "name its checks in services.toml: checks = [\"not-ready\"], within = \"6m\"");
                }
                service.known_issues.push(issue);
            }
            "Health Check" => text.clone_into(&mut service.health_check),
            "Replicas" => match number(text) {
                Some(replicas) => service.replicas = Some(replicas),
                None => say(format!("replicas {text:?} is no number"), "write for example 2"),
            },
            "Ingress" => service.ingress.push(without_remark(text).to_owned()),
            "Repo" => without_remark(text).clone_into(&mut service.repository),
            "Manifests" | "Chart" if without_remark(text).contains('/') => {
                service.paths.push(without_remark(text).to_owned());
            }
            "ArgoCD App" => {
                service.paths.extend(Some(without_remark(text)).filter(|path| path.contains('/')).map(str::to_owned));
                if let Some((_, name)) = text.split_once("app name:") {
                    add_alias(service, name.trim().trim_end_matches(')'));
                }
            }
            _ => {}
        }
    }

    /// A row of a table `Service | ArgoCD App Name | ArgoCD App File | Namespace`: it knows more names of a service.
    fn row(&mut self, text: &str, number: usize) {
        let cells: Vec<&str> = text.trim_matches('|').split('|').map(str::trim).collect();
        let [name, application, file, namespace] = cells.as_slice() else { return };
        let is_rule = |cell: &str| cell.chars().all(|c| "-: ".contains(c));
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

fn add_alias(service: &mut Service, name: &str) {
    if !name.is_empty() && !name.contains(' ') && !service.is_called(name) {
        service.aliases.push(name.to_owned());
    }
}

/// `1. Title` or `1.2 name`.
fn heading(text: &str) -> Option<(&str, &str)> {
    let (numbers, title) = text.split_once(' ')?;
    let is_number = numbers.starts_with(|c: char| c.is_ascii_digit())
        && numbers.contains('.')
        && numbers.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_number.then_some((numbers, title))
}

#[cfg(test)]
mod tests;
