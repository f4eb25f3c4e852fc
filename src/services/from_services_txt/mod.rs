//! The prototype's `services.txt`, an outline written for people, becomes the catalogue, with what had to be guessed and what to write.

mod entry;
mod keys;
mod table;
mod values;

use std::collections::BTreeMap;

use super::{Catalogue, Lint, Priority, Service};
use keys::{OF_A_SERVICE, Sort, remedy, sort_of};

/// A line of the outline below a heading: how deep it is, its key if it has one, its text.
struct Line<'a> {
    number: usize,
    indent: usize,
    key: Option<&'a str>,
    text: &'a str,
}

#[derive(Default)]
struct Outline {
    services: Vec<Service>,
    lints: Vec<Lint>,
    /// The priority of the section, and its title line.
    section: Option<(Option<Priority>, usize)>,
    in_service: bool,
    /// The keys above the present line, with how deep they are.
    above: Vec<(usize, String)>,
    /// Keys for which the catalogue has no place: where the last is, and how many lines there are.
    unused: BTreeMap<String, (usize, usize)>,
    /// A section without a priority in which something looks like a service was told.
    told_section: Option<usize>,
    /// A row of another table was told.
    told_row: bool,
}

impl Catalogue {
    /// Reads a `services.txt`. It has no mistakes that make it unreadable: what is not understood is said, and left out.
    pub fn from_services_txt(text: &str) -> (Self, Vec<Lint>) {
        let mut outline = Outline::default();
        for (at, raw) in text.lines().enumerate() {
            outline.take(raw, at.saturating_add(1));
        }
        let Outline { services, mut lints, unused, .. } = outline;
        // Behind what is to be mended, of which only the beginning may be shown.
        if let Some(last) = unused.values().map(|(line, _)| *line).max() {
            let keys = unused.iter().map(|(key, (_, lines))| format!("{key} ({lines})")).collect::<Vec<_>>().join(", ");
            let remedy = "nothing is to be mended: the cluster itself says it, or it is for people only";
            lints.push(Lint::new(
                last,
                format!("lines that the catalogue has no place for are left out: {keys}"),
                remedy,
            ));
        }
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
        } else if let Some(item) = text.strip_prefix("- ").map(str::trim) {
            let indent = raw.len().saturating_sub(raw.trim_start().len());
            let (key, text) = match item.split_once(':') {
                // An address has a colon as well.
                Some((key, value)) if value.is_empty() || value.starts_with(' ') => (Some(key.trim()), value.trim()),
                _ => (None, item),
            };
            self.item(&Line { number, indent, key, text }, item);
        } else if text.contains('|') {
            self.row(text, number);
        } else if self.in_service {
            let message = format!("{text:?} is no line of a service, so it is not read");
            self.lints.push(Lint::new(number, message, "write \"- Key: value\", or take it out"));
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
            if self.section.is_none() {
                let message = format!("{title:?} is in no section, so it has no priority and is not read");
                self.lints.push(Lint::new(number, message, "write a title like \"1. Title (P0 - ...)\" above it"));
            }
            return;
        };
        let (name, aliases) = match title.split_once('(').filter(|(name, _)| !name.trim().is_empty()) {
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
            return self.beside_services(line);
        }
        self.above.retain(|(indent, _)| *indent < line.indent);
        let under = self.above.last().map(|(_, key)| key.clone());
        match under.as_deref().map(|key| (key, sort_of(key))) {
            Some((list, Sort::Texts | Sort::Names)) => return self.value(list, whole, line.number),
            Some((key, Sort::Value)) => {
                let message = format!("{key:?} is no list, so {whole:?} is not read");
                let remedy = format!("write it in one line: \"- {key}: ...\"");
                return self.lints.push(Lint::new(line.number, message, remedy));
            }
            Some((key, Sort::Unused)) => return self.leave_out(key, line.number),
            // That was said of the key itself.
            Some((_, Sort::Unknown)) => return,
            Some((_, Sort::Group)) | None => {}
        }
        let Some(key) = line.key else {
            let message = format!("{whole:?} has no key, so it is not read");
            return self.lints.push(Lint::new(line.number, message, "write \"- Key: value\", or take it out"));
        };
        match sort_of(key) {
            Sort::Unknown => {
                let message = format!("{key:?} is no key of a service, so it is not read");
                self.lints.push(Lint::new(line.number, message, remedy(key)));
            }
            Sort::Unused => self.leave_out(key, line.number),
            _ if !line.text.is_empty() => return self.value(key, line.text, line.number),
            Sort::Value | Sort::Texts | Sort::Names | Sort::Group => {}
        }
        self.above.push((line.indent, key.to_owned()));
    }

    /// A line of a section without a priority, or before the first.
    fn beside_services(&mut self, line: &Line<'_>) {
        let Some((None, section)) = self.section else { return };
        if line.key.is_some_and(|key| OF_A_SERVICE.contains(&key)) && self.told_section != Some(section) {
            self.told_section = Some(section);
            let message = "the section has no priority, so nothing of it is read; there are services in it";
            self.lints.push(Lint::new(section, message, "write for example (P2 - ...) at the end of its title"));
        }
    }

    /// Counts a line for which the catalogue has no place.
    fn leave_out(&mut self, key: &str, line: usize) {
        let (last, lines) = self.unused.entry(key.to_owned()).or_default();
        (*last, *lines) = (line, lines.saturating_add(1));
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
