//! A text becomes documents: JSON values one after the other, or YAML between `---` lines, so that one broken document spoils no other.

use jiff::Timestamp;
use serde_json::Value;

/// The documents of a text; of a broken one, what is wrong with it.
pub(super) fn of(text: &str) -> Vec<Result<Value, String>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '[']) {
        let json = json(text);
        // YAML may begin with a brace as well; what is no JSON from its first document on may be that.
        if !matches!(json.first(), Some(Err(_))) {
            return json;
        }
        let yaml = yaml(text);
        return if yaml.iter().all(Result::is_ok) { yaml } else { json };
    }
    yaml(text)
}

fn json(text: &str) -> Vec<Result<Value, String>> {
    // Where one JSON document breaks off nobody knows where the next begins: the stream ends with its error.
    serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .map(|document| document.map_err(|error| format!("not valid JSON: {error}")))
        .collect()
}

fn yaml(text: &str) -> Vec<Result<Value, String>> {
    split(text).into_iter().map(|(first_line, document)| one_yaml(document, first_line)).collect()
}

/// Splits at the lines that begin a document. Inside a document text at the left edge is a key or a list, never `---`.
fn split(text: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut from, mut first_line, mut at) = (Vec::new(), 0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end();
        if bare == "---" || bare == "..." || line.starts_with("--- ") {
            parts.push((first_line, text.get(from..at).unwrap_or_default()));
            // What follows the dashes on their line is a comment (`--- # pods`).
            from = at + line.len();
            first_line = number + 2;
        }
        at += line.len();
    }
    parts.push((first_line, text.get(from..).unwrap_or_default()));
    parts.retain(|(_, part)| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')));
    parts
}

fn one_yaml(text: &str, first_line: usize) -> Result<Value, String> {
    // The limits grow with what was given: a dump of ten thousand pods is no attack, a small text with many nodes is.
    let size = text.len().max(1 << 20);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: size,
            max_nodes: size,
            max_total_scalar_bytes: size,
            max_total_comment_bytes: size,
            max_depth: 100,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let mut said = error.to_string();
        if let Some(location) = error.location() {
            // It counts from the document's first line; people look for it in the file.
            let (line, column) = (location.line(), location.column());
            let in_file = line + u64::try_from(first_line).unwrap_or(1) - 1;
            said = said.replace(&format!("line {line}, column {column}"), &format!("line {in_file}, column {column}"));
        }
        format!("not valid YAML: {said}")
    })
}

/// The newest time that an object reports of itself: in its metadata, its status, or anywhere in an Event.
pub(super) fn newest_time(object: &Value) -> Option<Timestamp> {
    let is_event = object.get("kind").and_then(Value::as_str) == Some("Event");
    let own = |field: &str| matches!(field, "metadata" | "status") || is_event || field.ends_with("Timestamp");
    let fields = object.as_object()?.iter().filter(|(field, _)| own(field));
    fields.filter_map(|(field, value)| newest_in(field, value)).max()
}

fn newest_in(field: &str, value: &Value) -> Option<Timestamp> {
    match value {
        // Their texts are anybody's.
        _ if matches!(field, "annotations" | "labels") => None,
        // When it is to be gone, which is in the future while it is waited for.
        _ if field == "deletionTimestamp" => None,
        Value::Object(fields) => fields.iter().filter_map(|(field, value)| newest_in(field, value)).max(),
        Value::Array(items) => items.iter().filter_map(|item| newest_in("", item)).max(),
        Value::String(text)
            if field == "time" || field.ends_with("Time") || field.ends_with("Timestamp") || field.ends_with("At") =>
        {
            text.parse().ok()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
