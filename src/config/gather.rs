//! From texts to one raw value per key, each with its place: flags go before the environment, `.env`, the file, the defaults.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{
    keys::{
        EMPTY_HAS_A_MEANING, FILE_VARIABLE, GONE, HOURS, KEYS, Key, by_path, canonical, nearest_path, nearest_section,
        nearest_variable,
    },
    problem::{Place, Problem, Warning},
    sources::{Sources, Text},
};

/// The defaults, compiled in.
pub(super) const DEFAULTS: &str = include_str!("default.toml");

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<String>),
    /// The value is the content of the file with this path.
    InFile(String),
}

impl Raw {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::InFile(text) => text.trim().is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Number(_) | Self::Flag(_) => false,
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub raw: Raw,
    pub place: Place,
}

/// A line of `[checks.<check>]`, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OfCheck {
    pub check: String,
    pub name: String,
    pub raw: Raw,
    pub place: Place,
}

impl OfCheck {
    /// Its dotted path in the file.
    pub(super) fn path(&self) -> String {
        format!("checks.{}.{}", self.check, self.name)
    }
}

/// One raw value for every key, and what was wrong with the texts.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub found: BTreeMap<&'static str, Found>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
    /// What is written of single checks, which have keys of their own.
    pub of_checks: Vec<OfCheck>,
}

impl Gathered {
    /// The files whose text is needed.
    pub(super) fn named_files(&self) -> Vec<String> {
        let of_secrets = self.found.values().filter_map(|f| match &f.raw {
            Raw::InFile(path) => Some(path.clone()),
            Raw::Text(_) | Raw::Number(_) | Raw::Flag(_) | Raw::List(_) => None,
        });
        let catalogue = match self.found.get("services.file") {
            Some(Found { raw: Raw::Text(path), .. }) if !path.is_empty() => Some(path.clone()),
            _ => None,
        };
        of_secrets.chain(catalogue).collect()
    }

    fn problem(&mut self, key: &str, place: Option<Place>, message: impl Into<String>, remedy: impl Into<String>) {
        let (message, remedy) = (message.into(), remedy.into());
        self.problems.push(Problem { key: key.to_owned(), place, message, remedy });
    }

    fn warn(&mut self, key: &str, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        let (message, remedy) = (message.into(), remedy.into());
        self.warnings.push(Problem { key: key.to_owned(), place: Some(place), message, remedy });
    }
}

/// Gathers every text into one raw value per key.
pub(super) fn gather(sources: &Sources) -> Gathered {
    let mut all = Gathered { problems: sources.problems.clone(), ..Gathered::default() };
    let defaults = Text { path: "default.toml".to_owned(), text: DEFAULTS.to_owned() };
    for (key, found) in from_toml(&defaults, &mut all) {
        all.found.insert(key, Found { place: Place::Default, ..found });
    }
    let in_file = sources.file.as_ref().map(|file| from_toml(file, &mut all)).unwrap_or_default();
    let in_file_interval = in_file.contains_key("monitoring.interval_minutes");
    all.found.extend(in_file);

    let variables = variables(sources, &mut all);
    judge_other_variables(&variables, in_file_interval, &mut all);
    for key in &KEYS {
        if let Some(found) = from_variables(key, &variables, &mut all) {
            all.found.insert(key.path, found);
        }
    }
    for (key, (flag, value)) in &sources.flags {
        let found = Found { raw: Raw::Text(value.clone()), place: Place::Flag { flag: flag.clone() } };
        all.found.insert(key, found);
    }
    all
}

type Variables = BTreeMap<String, (String, Place)>;

/// The environment over `.env`; empty values count as not set.
fn variables(sources: &Sources, all: &mut Gathered) -> Variables {
    let mut variables = Variables::new();
    if let Some(Text { path, text }) = &sources.dotenv {
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            match item {
                Ok((name, value)) => {
                    let place = Place::Dotenv { path: path.clone(), line: line_of_variable(text, &name) };
                    add(&mut variables, &name, (value, place), all);
                }
                Err(dotenvy::Error::LineParse(line, _)) => {
                    let number = 1 + text.lines().position(|l| l == line).unwrap_or(0);
                    let place = Place::Dotenv { path: path.clone(), line: number };
                    // The line itself is not repeated: it may hold a secret.
                    all.problem(path, Some(place), "is not NAME=value", "put values with blanks or # in single quotes");
                }
                Err(why) => all.problem(path, None, why.to_string(), "mend or remove the file"),
            }
        }
    }
    let mut environment = Variables::new();
    for (name, value) in &sources.env {
        // An empty variable does not hide a line of `.env`: compose files pass `NAME=` for what is not set.
        if !value.trim().is_empty() {
            let place = Place::Environment { variable: name.clone() };
            add(&mut environment, name, (value.clone(), place), all);
        }
    }
    variables.extend(environment);
    variables.retain(|_, (value, _)| !value.trim().is_empty());
    variables
}

/// Adds a variable under its documented name. The first of several spellings counts; large letters come first in the environment.
fn add(variables: &mut Variables, name: &str, found: (String, Place), all: &mut Gathered) {
    let known = canonical(name).unwrap_or_else(|| name.to_owned());
    if known != name && !found.0.trim().is_empty() {
        let (message, remedy) = if variables.contains_key(&known) {
            (format!("is ignored because {known} is set"), "remove it")
        } else {
            (format!("is read as {known}"), "write it in capitals")
        };
        all.warn(name, found.1.clone(), message, remedy);
    }
    variables.entry(known).or_insert(found);
}

fn line_of_variable(text: &str, name: &str) -> usize {
    let is_it = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    1 + text.lines().position(is_it).unwrap_or(0)
}

/// The prototype's variables and slips of the pen: warned about, never ignored silently, never a reason not to start.
fn judge_other_variables(variables: &Variables, in_file_interval: bool, all: &mut Gathered) {
    for (name, remedy) in GONE {
        if let Some((_, place)) = variables.get(name) {
            all.warn(name, place.clone(), "is not used any more", remedy);
        }
    }
    if let Some((value, place)) = variables.get(HOURS) {
        let minutes = "MONITORING_INTERVAL_MINUTES";
        let asked = value.trim().parse::<i64>().ok().filter(|hours| *hours >= 1);
        let hours = asked.map(|hours| hours.min(24));
        if in_file_interval || variables.contains_key(minutes) {
            all.warn(HOURS, place.clone(), "is ignored because the interval is given in minutes", "remove it");
        } else if let Some(hours) = hours {
            let remedy = format!("better write {minutes}={}", hours * 60);
            let most = if asked > Some(hours) { ", which is the most" } else { "" };
            all.warn(HOURS, place.clone(), format!("is honoured: a pass every {} minutes{most}", hours * 60), remedy);
            let found = Found { raw: Raw::Number(hours * 60), place: place.clone() };
            all.found.insert("monitoring.interval_minutes", found);
        } else {
            let remedy = format!("write {minutes}, 1 to 1440");
            all.warn(HOURS, place.clone(), "is ignored: it is not a number of hours from 1 to 24", remedy);
        }
    }
    for (name, (_, place)) in variables {
        let known = name == FILE_VARIABLE || name == HOURS || GONE.iter().any(|(gone, _)| gone == name);
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        if known || KEYS.iter().any(|k| k.variable == Some(name) || (k.secret && k.variable == Some(plain))) {
            continue;
        }
        if let Some(nearest) = nearest_variable(name) {
            all.warn(name, place.clone(), "is not a variable of k8s-monitor", format!("did you mean {nearest}?"));
        }
    }
}

/// The value of a key from its variable, or for a secret from the file that `<VARIABLE>_FILE` names.
fn from_variables(key: &Key, variables: &Variables, all: &mut Gathered) -> Option<Found> {
    let variable = key.variable?;
    let file_variable = format!("{variable}_FILE");
    let plain = variables.get(variable);
    let in_file = variables.get(&file_variable).filter(|_| key.secret);
    match (plain, in_file) {
        (Some(_), Some((_, place))) => {
            let message = format!("{variable} and {file_variable} are both set");
            all.problem(key.path, Some(place.clone()), message, "remove one of them");
            None
        }
        (None, Some((path, place))) => Some(Found { raw: Raw::InFile(path.trim().to_owned()), place: place.clone() }),
        (Some((value, place)), None) => Some(Found { raw: Raw::Text(value.clone()), place: place.clone() }),
        (None, None) => None,
    }
}

/// The keys written in a TOML text; unknown ones and syntax errors become problems.
fn from_toml(file: &Text, all: &mut Gathered) -> BTreeMap<&'static str, Found> {
    let before = std::mem::take(&mut all.problems);
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let place = |at: usize| Place::File { path: file.path.clone(), line: line_at(&file.text, at) };
    for error in errors {
        let at = error.span().map_or(0, |s| s.start);
        all.problem(&file.path, Some(place(at)), error.message().to_owned(), "write TOML: key = \"value\"");
    }
    let mut found = BTreeMap::new();
    let mut tables = vec![(String::new(), table.into_inner())];
    while let Some((prefix, table)) = tables.pop() {
        for (name, value) in table {
            let path =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            let place = place(name.span().start);
            let secret_file = path.strip_suffix("_file").and_then(by_path).filter(|k| k.secret);
            match (by_path(&path).or(secret_file), value.into_inner()) {
                (None, DeValue::Table(inner)) if path == CHECKS => of_checks(inner, file, all),
                (None, DeValue::Table(inner)) if is_section(&path) => tables.push((path, inner)),
                (None, DeValue::Table(_)) => {
                    all.problem(&path, Some(place), "is not a section of k8s-monitor", did_you_mean_section(&path));
                }
                (None, _) => all.problem(&path, Some(place), "is not a key of k8s-monitor", did_you_mean(&path)),
                (Some(key), value) => match raw(value) {
                    None => all.problem(
                        &path,
                        Some(place),
                        "has a value of the wrong type",
                        "write text, a number, true or false, or a list of texts",
                    ),
                    Some(raw) if raw.is_empty() => {
                        // Empty means "not set" where nothing else is said; the defaults, which come first, need the value itself.
                        if !all.found.contains_key(key.path) || EMPTY_HAS_A_MEANING.contains(&key.path) {
                            found.insert(key.path, Found { raw, place });
                        }
                    }
                    Some(_) if found.contains_key(key.path) => {
                        let message = "is written both as a value and as a file";
                        all.problem(key.path, Some(place), message, "remove one of them");
                    }
                    Some(Raw::Text(file)) if secret_file.is_some() => {
                        found.insert(key.path, Found { raw: Raw::InFile(file), place });
                    }
                    Some(_) if secret_file.is_some() => {
                        all.problem(&path, Some(place), "is not a path", "write the path of a file in quotes");
                    }
                    Some(raw) => {
                        found.insert(key.path, Found { raw, place });
                    }
                },
            }
        }
    }
    // A table is sorted by name; a person reads from top to bottom.
    all.problems.sort_by_key(|p| match p.place {
        Some(Place::File { line, .. }) => line,
        _ => 0,
    });
    all.problems.splice(..0, before);
    found
}

/// The section of the checks; its keys are declared by the checks themselves.
const CHECKS: &str = "checks";

/// The lines of all `[checks.<check>]` of a file.
fn of_checks(table: DeTable<'_>, file: &Text, all: &mut Gathered) {
    let place = |at: usize| Place::File { path: file.path.clone(), line: line_at(&file.text, at) };
    for (check, value) in table {
        let path = format!("{CHECKS}.{}", check.get_ref());
        let DeValue::Table(inner) = value.into_inner() else {
            let remedy = format!("write [{CHECKS}.NAME], and below it what is to be set");
            all.problem(&path, Some(place(check.span().start)), "is no section", remedy);
            continue;
        };
        for (name, value) in inner {
            let place = place(name.span().start);
            let Some(raw) = raw(value.into_inner()) else {
                let path = format!("{path}.{}", name.get_ref());
                all.problem(&path, Some(place), "has a value of the wrong type", "write text, a number, true or false");
                continue;
            };
            let (check, name) = (check.get_ref().to_string(), name.get_ref().to_string());
            all.of_checks.push(OfCheck { check, name, raw, place });
        }
    }
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|k| k.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn did_you_mean(path: &str) -> String {
    match nearest_path(path) {
        // In TOML everything below a [section] belongs to that.
        Some(nearest) if !nearest.contains('.') => {
            format!("did you mean {nearest}? It stands above the first [section]")
        }
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "remove it; `k8s-monitor config` lists every key".to_owned(),
    }
}

fn did_you_mean_section(written: &str) -> String {
    match nearest_section(written) {
        Some(nearest) => format!("did you mean [{nearest}]?"),
        None => did_you_mean(written),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

fn raw(value: DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::String(text) => Some(Raw::Text(text.into_owned())),
        DeValue::Boolean(flag) => Some(Raw::Flag(flag)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Raw::Number),
        DeValue::Array(items) => {
            let texts = items.into_iter().map(|i| i.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(Raw::List)
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
