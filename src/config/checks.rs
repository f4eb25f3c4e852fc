//! `[checks.<name>]`, `[ignore]` and `[only]` become the settings of the checks; what names nothing is a problem with the nearest name.

use super::{
    gather::{OfCheck, Raw},
    problem::Problem,
    table::Row,
    values::Values,
};
use crate::{
    findings::{Check, LeaveAlone, Settings, checks},
    services::Pattern,
};

/// Reads all three sections.
pub(super) fn read(values: &mut Values<'_>) -> Settings {
    let mut settings = Settings::default();
    for written in std::mem::take(&mut values.of_checks) {
        if let Err((message, remedy)) = apply(&mut settings, &written) {
            let key = written.path();
            values.problems.push(Problem { key, place: Some(written.place), message, remedy });
        } else {
            values.of_checks.push(written);
        }
    }
    settings.leave_alone = LeaveAlone {
        namespaces: patterns(values, "ignore.namespaces", "Namespace "),
        owners: patterns(values, "ignore.owners", ""),
        only_namespaces: patterns(values, "only.namespaces", "Namespace "),
        only_owners: patterns(values, "only.owners", ""),
    };
    settings
}

/// What is wrong, and how to mend it.
type Mistake = (String, String);

fn apply(settings: &mut Settings, written: &OfCheck) -> Result<(), Mistake> {
    let Some(check) = checks::ALL.iter().find(|check| check.name() == written.check) else {
        let names: Vec<&str> = checks::ALL.iter().map(|check| check.name()).collect();
        return Err((
            "is not a check".to_owned(),
            did_you_mean(&written.check, &names, "`k8s-monitor checks` lists them"),
        ));
    };
    if written.name == "enabled" {
        return match written.raw {
            Raw::Flag(true) => Ok(()),
            Raw::Flag(false) => {
                settings.switch_off(check.name());
                Ok(())
            }
            Raw::Text(_) | Raw::Number(_) | Raw::List(_) | Raw::InFile(_) => {
                Err(("is neither true nor false".to_owned(), "write true or false".to_owned()))
            }
        };
    }
    let Some(parameter) = check.parameters().iter().find(|parameter| parameter.name == written.name) else {
        return Err((format!("is not a parameter of {}", check.name()), nearest_parameter(*check, &written.name)));
    };
    let text = match &written.raw {
        Raw::Text(text) => text.clone(),
        Raw::Number(number) => number.to_string(),
        Raw::Flag(_) | Raw::List(_) | Raw::InFile(_) => String::new(),
    };
    let value = parameter.read(&text).map_err(|why| (why, format!("write for example {parameter}")))?;
    settings.set(parameter, value);
    Ok(())
}

fn nearest_parameter(check: &dyn Check, written: &str) -> String {
    let names: Vec<&str> = check.parameters().iter().map(|p| p.name).chain(["enabled"]).collect();
    did_you_mean(written, &names, &format!("it has {}", names.join(", ")))
}

fn did_you_mean(written: &str, names: &[&str], otherwise: &str) -> String {
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&written.to_lowercase(), name);
    let best = names.iter().map(|name| (likeness(name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best.filter(|(likeness, _)| *likeness >= 0.5) {
        Some((_, name)) => format!("did you mean {name}?"),
        None => otherwise.to_owned(),
    }
}

fn patterns(values: &mut Values<'_>, key: &str, kind: &str) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for line in values.list(key) {
        match Pattern::parse(&format!("{kind}{line}")) {
            Ok(pattern) => patterns.push(pattern),
            Err((problem, remedy)) => values.problem(key, format!("{line:?}: {problem}"), remedy),
        }
    }
    patterns
}

/// The lines of the table of the configuration: every parameter, and the checks that are switched off.
pub(super) fn rows(values: &Values<'_>, settings: &Settings) -> Vec<Row> {
    let place = |check: &str, name: &str| {
        let written = values.of_checks.iter().rfind(|w| w.check == check && w.name == name);
        written.map_or_else(|| "default".to_owned(), |w| w.place.to_string())
    };
    let mut rows = Vec::new();
    for check in checks::ALL {
        let name = check.name();
        if !settings.is_on(name) {
            let key = format!("checks.{name}.enabled");
            rows.push(Row { key: key.into(), value: "false".to_owned(), place: place(name, "enabled") });
        }
        for parameter in check.parameters() {
            let key = format!("checks.{name}.{}", parameter.name);
            let value = parameter.show(settings.of(parameter));
            rows.push(Row { key: key.into(), value, place: place(name, parameter.name) });
        }
    }
    rows
}
