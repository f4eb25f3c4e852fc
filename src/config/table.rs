//! The configuration in force as a table for people: key, value, where it came from; secrets masked.

use std::{borrow::Cow, fmt::Write as _};

use super::{
    gather::{Found, Raw},
    keys::{KEYS, Key},
    values::Values,
};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Dotted path of the key.
    pub key: Cow<'static, str>,
    /// Its value; of a secret only whether it is set.
    pub value: String,
    /// Where it was written.
    pub place: String,
}

pub(super) fn rows(values: &Values<'_>) -> Vec<Row> {
    let row = |key: &Key| {
        let found = values.found.get(key.path)?;
        Some(Row { key: key.path.into(), value: shown(key, found), place: found.place.to_string() })
    };
    KEYS.iter().filter_map(row).collect()
}

fn shown(key: &Key, found: &Found) -> String {
    let text = match &found.raw {
        Raw::Text(text) => text.trim().to_owned(),
        Raw::Number(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
        Raw::List(items) => items.join(", "),
        Raw::InFile(_) => return "set".to_owned(),
    };
    if text.is_empty() {
        return "not set".to_owned();
    }
    if !key.secret || text.starts_with("sqlite:") {
        return text;
    }
    "set".to_owned()
}

/// Columns with two blanks between them.
pub(super) fn print(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|r| of(r).chars().count()).max().unwrap_or(0).min(60);
    let (keys, values) = (width(|r| &r.key), width(|r| &r.value));
    rows.iter().fold(String::new(), |mut out, row| {
        // Writing to a String cannot fail.
        let _written = writeln!(out, "{:keys$}  {:values$}  {}", row.key, row.value, row.place);
        out
    })
}
