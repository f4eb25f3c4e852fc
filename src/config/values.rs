//! From raw values to typed ones: every getter takes a key, and what is wrong is collected.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use super::{
    gather::{Found, Gathered, OfCheck, Raw},
    problem::{Place, Problem, Warning},
};
use crate::incidents::in_words;

/// The raw values and the problems found so far. A value that is wrong reads as the type's default; nobody sees it, because
/// a configuration with problems is refused.
pub(super) struct Values<'a> {
    pub found: BTreeMap<&'static str, Found>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
    /// What is written of single checks.
    pub of_checks: Vec<OfCheck>,
    files: &'a BTreeMap<String, Result<String, String>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(all: Gathered, files: &'a BTreeMap<String, Result<String, String>>) -> Self {
        Self { found: all.found, problems: all.problems, warnings: all.warnings, of_checks: all.of_checks, files }
    }

    pub(super) fn place(&self, key: &str) -> Option<Place> {
        self.found.get(key).map(|f| f.place.clone())
    }

    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let place = self.place(key).filter(|p| *p != Place::Default);
        self.problems.push(Problem { key: key.to_owned(), place, message: message.into(), remedy: remedy.into() });
    }

    pub(super) fn warn(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let place = self.place(key).filter(|p| *p != Place::Default);
        self.warnings.push(Problem { key: key.to_owned(), place, message: message.into(), remedy: remedy.into() });
    }

    /// Text; None if it is empty.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let text = match self.found.get(key).map(|f| f.raw.clone())? {
            Raw::Text(text) => text,
            Raw::InFile(path) => self.content(key, &path)?,
            Raw::Number(_) | Raw::Flag(_) | Raw::List(_) => {
                self.problem(key, "is not text", "write it in quotes");
                return None;
            }
        };
        Some(text.trim().to_owned()).filter(|t| !t.is_empty())
    }

    fn content(&mut self, key: &str, path: &str) -> Option<String> {
        let named = self.place(key)?;
        let remedy = "write the secret into that file, or name another";
        match self.files.get(path) {
            Some(Ok(text)) if !text.trim().is_empty() => {
                let place = Place::SecretFile { path: path.to_owned(), named: Box::new(named) };
                if let Some(found) = self.found.get_mut(key) {
                    found.place = place;
                }
                return Some(text.clone());
            }
            Some(Ok(_)) => self.problem(key, format!("{path} is empty"), remedy),
            Some(Err(why)) => self.problem(key, format!("{path} cannot be read: {why}"), remedy),
            None => self.problem(key, format!("{path} cannot be read: there is no such file"), remedy),
        }
        None
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    /// A whole number; one beyond the bounds counts as the nearest within, which is said.
    pub(super) fn number(&mut self, key: &str, from: u16, to: u16) -> u16 {
        let number = match self.found.get(key).map(|f| f.raw.clone()) {
            Some(Raw::Number(number)) => Some(number),
            Some(Raw::Text(text)) => text.trim().parse().ok(),
            Some(Raw::Flag(_) | Raw::List(_) | Raw::InFile(_)) | None => None,
        };
        let Some(number) = number else {
            self.problem(key, "is not a whole number", format!("write one from {from} to {to}"));
            return from;
        };
        let nearest = number.clamp(from.into(), to.into());
        if nearest != number {
            self.warn(key, format!("{number} counts as {nearest}"), format!("write a number from {from} to {to}"));
        }
        u16::try_from(nearest).unwrap_or(from)
    }

    /// A short time, `10s`; one beyond the longest counts as that, which is said.
    pub(super) fn seconds(&mut self, key: &str, longest: u16) -> SignedDuration {
        let written = match self.found.get(key).map(|f| f.raw.clone()) {
            Some(Raw::Number(number)) => u64::try_from(number).ok(),
            Some(Raw::Text(text)) => {
                let text = text.trim();
                text.strip_suffix('s').unwrap_or(text).trim().parse().ok()
            }
            Some(Raw::Flag(_) | Raw::List(_) | Raw::InFile(_)) | None => None,
        };
        let Some(written) = written else {
            self.problem(key, "is not a number of seconds", format!("write one from \"0s\" to \"{longest}s\""));
            return SignedDuration::ZERO;
        };
        let nearest = u16::try_from(written).unwrap_or(u16::MAX).min(longest);
        if u64::from(nearest) != written {
            let remedy = format!("write a number from \"0s\" to \"{longest}s\"");
            self.warn(key, format!("{written}s counts as {nearest}s"), remedy);
        }
        SignedDuration::from_secs(nearest.into())
    }

    /// A time, `90s`, `5m`, `12h`; one beyond the bounds (in seconds) counts as the nearest within, which is said.
    pub(super) fn duration(&mut self, key: &str, (from, to): (i64, i64)) -> SignedDuration {
        let (from, to) = (SignedDuration::from_secs(from), SignedDuration::from_secs(to));
        let written = match self.found.get(key).map(|f| f.raw.clone()) {
            Some(Raw::Text(text)) => text.trim().parse::<SignedDuration>().ok(),
            Some(Raw::Number(_) | Raw::Flag(_) | Raw::List(_) | Raw::InFile(_)) | None => None,
        };
        let Some(written) = written else {
            self.problem(key, "is no time", "write for example \"90s\", \"5m\", \"12h\"");
            return from;
        };
        let nearest = written.clamp(from, to);
        if nearest != written {
            let remedy = format!("write a time from {} to {}", in_words(from), in_words(to));
            self.warn(key, format!("{} counts as {}", in_words(written), in_words(nearest)), remedy);
        }
        nearest
    }

    pub(super) fn yes_or_no(&mut self, key: &str) -> bool {
        let written = match self.found.get(key).map(|f| &f.raw) {
            Some(Raw::Flag(flag)) => return *flag,
            Some(Raw::Text(text)) => text.trim().to_lowercase(),
            Some(Raw::Number(_) | Raw::List(_) | Raw::InFile(_)) | None => String::new(),
        };
        match written.as_str() {
            "true" | "t" | "1" | "yes" | "y" | "on" => true,
            "false" | "f" | "0" | "no" | "n" | "off" => false,
            _ => {
                self.problem(key, "is neither true nor false", "write true or false");
                false
            }
        }
    }

    /// Texts from a list, or from one text with commas.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let items = match self.found.get(key).map(|f| f.raw.clone()) {
            Some(Raw::List(items)) => items,
            Some(Raw::Text(text)) => text.split(',').map(str::to_owned).collect(),
            Some(Raw::Number(_) | Raw::Flag(_) | Raw::InFile(_)) => {
                self.problem(key, "is not a list", "write [\"one\", \"two\"]");
                Vec::new()
            }
            None => Vec::new(),
        };
        items.iter().map(|i| i.trim().to_owned()).filter(|i| !i.is_empty()).collect()
    }

    /// An http(s) address without a slash at its end, as clients append `/method`.
    pub(super) fn address(&mut self, key: &str) -> String {
        let text = self.text(key).unwrap_or_default();
        let good = Url::parse(&text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        if !good {
            self.problem(key, format!("{text:?} is not an address"), "write https://host/path");
        }
        text.trim_end_matches('/').to_owned()
    }

    /// An address to listen on; None if it is empty or `off`.
    pub(super) fn socket(&mut self, key: &str) -> Option<SocketAddr> {
        let text = self.text(key).filter(|text| !text.eq_ignore_ascii_case("off"))?;
        let whole =
            if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.replace("localhost:", "127.0.0.1:") };
        let parsed = whole.parse().ok();
        if parsed.is_none() {
            self.problem(
                key,
                format!("{text:?} is not an address to listen on"),
                "write 127.0.0.1:8080 or 0.0.0.0:8080",
            );
        }
        parsed
    }

    /// One word of a list.
    pub(super) fn choice<T: Copy + Default>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let Some(text) = self.text(key) else { return T::default() };
        if let Some((_, value)) = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return *value;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.problem(key, format!("{text:?} is not known"), format!("write one of {}", words.join(", ")));
        T::default()
    }
}
