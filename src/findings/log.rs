//! Which log tells of a finding, and what of it is kept: the text of an application goes in, a few harmless lines come out.

use super::redact::{cap, redact};

/// How many lines are asked for and kept.
pub const LINES: u32 = 20;
/// How many bytes of them are kept.
const KEPT: usize = 4 << 10;
/// The longest line, in characters.
const LINE: usize = 200;
/// How many lines people are shown, and of how many characters together.
const SHOWN_LINES: usize = 6;
const SHOWN: usize = 600;
/// More of a line is not looked at: what is shown of it is at its beginning.
const LOOKED_AT: usize = 4 << 10;
/// Stands for a key or a certificate.
const PEM: &str = "*** (a key or certificate)";

/// Which log may explain a finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogOf {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The run before the last restart is the one that failed, not the present one.
    #[serde(default)]
    pub previous: bool,
}

/// The last lines of a log as they were read: untrusted text, redacted and capped. Evidence and nothing else: nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLines {
    /// Whose they are.
    pub of: LogOf,
    /// The lines, oldest first; never empty.
    pub lines: Vec<String>,
}

impl LogLines {
    /// What is kept of a log; None if nothing is left of it.
    pub fn kept(of: LogOf, raw: &str) -> Option<Self> {
        let lines = kept(raw);
        (!lines.is_empty()).then_some(Self { of, lines })
    }

    /// `log of shop/api-1 app (previous run):`; untrusted like the lines.
    pub fn title(&self) -> String {
        let LogOf { namespace, pod, container, previous } = &self.of;
        format!("log of {namespace}/{pod} {container}{}:", if *previous { " (previous run)" } else { "" })
    }

    /// The last of them, as many as people are shown.
    pub fn shown(&self) -> impl Iterator<Item = &str> {
        last(&self.lines, SHOWN_LINES, SHOWN, |line| line.chars().count())
    }
}

/// The last lines of a log, without secrets, colours and characters that steer; at most 20 of 200 characters, 4 KiB together.
fn kept(raw: &str) -> Vec<String> {
    let lines: Vec<String> =
        without_keys(raw).map(|line| cap(&redact(&plain(line)), LINE)).filter(|line| !line.is_empty()).collect();
    last(&lines, usize::try_from(LINES).unwrap_or(usize::MAX), KEPT, str::len).map(str::to_owned).collect()
}

/// The last lines, at most so many, and so much by a measure.
fn last(lines: &[String], most: usize, size: usize, of: impl Fn(&str) -> usize) -> impl Iterator<Item = &str> {
    let mut left = size;
    let fits = lines.iter().rev().take(most).take_while(|line| {
        let fits = left.checked_sub(of(line));
        left = fits.unwrap_or(0);
        fits.is_some()
    });
    let from = lines.len().saturating_sub(fits.count());
    lines.get(from..).unwrap_or_default().iter().map(String::as_str)
}

/// The lines of a log with one word for each block of a key, also for one whose beginning was cut off.
fn without_keys(raw: &str) -> impl Iterator<Item = &str> {
    const BEGINS: &str = "-----BEGIN ";
    const ENDS: &str = "-----END ";
    let mut kept: Vec<&str> = Vec::new();
    let mut in_key = false;
    for line in raw.lines() {
        let begins = line.rfind(BEGINS);
        let ends = line.rfind(ENDS);
        if let Some(at) = begins {
            kept.push(line.get(..at).unwrap_or_default());
            kept.push(PEM);
        } else if ends.is_some() && !in_key {
            while kept.last().is_some_and(|line| !line.trim().is_empty() && !line.trim().contains(char::is_whitespace))
            {
                kept.pop();
            }
            kept.push(PEM);
        } else if !in_key {
            kept.push(line);
        }
        in_key = match (begins, ends) {
            (Some(begins), Some(ends)) => begins > ends,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => in_key,
        };
    }
    kept.into_iter()
}

/// A line without colours and other commands to a terminal, and without characters that are not seen or turn the direction of writing.
fn plain(line: &str) -> String {
    let end = line.char_indices().map(|(at, c)| at.saturating_add(c.len_utf8())).take_while(|end| *end <= LOOKED_AT);
    let mut rest = line.get(..end.last().unwrap_or(0)).unwrap_or_default().chars().peekable();
    let mut plain = String::new();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            match rest.next() {
                // A command with parameters ends with a letter or one of a few signs.
                Some('[') => drop(rest.by_ref().find(|c| matches!(c, '@'..='~'))),
                // A title or a link ends with a bell, or with another escape.
                Some(']' | 'P' | '^' | '_') => {
                    while rest.next().is_some_and(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}')) {}
                    rest.next_if_eq(&'\\');
                }
                _ => {}
            }
        } else if !is_hidden(c) {
            plain.push(c);
        }
    }
    plain
}

/// Not seen, or turns the direction of writing.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
