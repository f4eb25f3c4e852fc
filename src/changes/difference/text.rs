//! Values of a template come in; short texts without secrets come out, those of both sides cut to where they differ.

use serde_json::Value;

use super::{Field, Found, pair::Pair};
use crate::findings::{MASK, cap, is_secret, mask, redact};

/// Longest text of a value, in characters.
const LONGEST: usize = 80;

/// A name as it may be shown.
pub(super) fn name(name: &str) -> String {
    redact(name)
}

/// A value in words: what is written, of an object its fields, of a list its elements.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(is) => is.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) => words(list).join(" "),
        Value::Object(_) => {
            let mut out = Vec::new();
            flatten("", value, &mut out);
            out.join(", ")
        }
    }
}

/// The value of a setting in words; masked if the name or the value says that it is a secret.
pub(super) fn setting(name: &str, value: &Value) -> String {
    let text = text(value);
    if is_secret(name, &text) { MASK.to_owned() } else { text }
}

fn flatten(path: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                flatten(&within(path, key), value, out);
            }
        }
        Value::Object(_) => out.push(path.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            out.push(format!("{path}={}", setting(path, value)));
        }
    }
}

fn within(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The words of a command or the elements of a list; what follows `--password` is masked.
pub(super) fn words(list: &[Value]) -> Vec<String> {
    let mut out = Vec::with_capacity(list.len());
    let mut flag = String::new();
    for value in list {
        let word = text(value);
        let shown = match word.split_once('=') {
            Some((name, value)) if word.starts_with('-') && is_secret(name, value) => format!("{name}={MASK}"),
            _ if !flag.is_empty() && !word.starts_with('-') && is_secret(&flag, &word) => MASK.to_owned(),
            _ => word.clone(),
        };
        out.push(shown);
        flag = if word.starts_with('-') && !word.contains('=') { word } else { String::new() };
    }
    out
}

/// Anything that has no words of its own: by its path, as deep as both sides are objects.
pub(super) fn other(path: &str, pair: Pair<'_>, field: &dyn Fn(String) -> Field, found: &mut Found) {
    if pair.is_same() {
        return;
    }
    let last = path.rsplit('.').next().unwrap_or(path);
    let is_words = matches!(last, "command" | "args");
    if pair.is_on_both() && pair.is_of_objects() {
        for (key, child) in pair.fields() {
            other(&within(path, key), child, field, found);
        }
    } else if pair.is_on_both() && pair.is_of_lists() && !is_words {
        let (gone, new) = pair.as_sets();
        let texts = |values: Vec<&Value>| values.into_iter().map(|value| setting(last, value)).collect();
        found.say_each(&field(name(path)), texts(gone), texts(new));
    } else {
        found.say(field(name(path)), pair.texts(|value| setting(last, value)));
    }
}

/// What was there and what is there, as it may be shown: without secrets, and where both are long, around what differs.
pub(super) fn shown(from: Option<String>, to: Option<String>) -> (Option<String>, Option<String>) {
    match (from.map(|f| mask(&f)), to.map(|t| mask(&t))) {
        (Some(from), Some(to)) => {
            let (from, to) = around_difference(from, to);
            (Some(cap(&from, LONGEST)), Some(cap(&to, LONGEST)))
        }
        (from, to) => (from.map(|f| cap(&f, LONGEST)), to.map(|t| cap(&t, LONGEST))),
    }
}

/// Two long texts, without the words they begin and end with in common.
fn around_difference(from: String, to: String) -> (String, String) {
    if from == to || from.chars().count().max(to.chars().count()) <= LONGEST {
        return (from, to);
    }
    let split =
        |text: &str| text.split_inclusive([' ', ',', ';', ':', '&', '|']).map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (split(&from), split(&to));
    let (mut head, tail) = in_common(&old, &new);
    if head.saturating_add(tail) >= old.len().min(new.len()) {
        // Nothing but a gap would be left of one of them.
        head = head.saturating_sub(1);
    }
    let middle = |words: &[String]| {
        let end = words.len().saturating_sub(tail);
        let middle = words.get(head.min(end)..end).unwrap_or_default().concat();
        let before = if head > 0 { "… " } else { "" };
        let after = if tail > 0 { " …" } else { "" };
        format!("{before}{}{after}", middle.trim_end())
    };
    (middle(&old), middle(&new))
}

/// How many elements two lists begin with in common, and how many of the rest they end with.
pub(super) fn in_common<T: PartialEq>(a: &[T], b: &[T]) -> (usize, usize) {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()).saturating_sub(head);
    let tail = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    (head, tail)
}
