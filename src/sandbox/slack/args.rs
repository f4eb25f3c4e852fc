//! The arguments of a Web API call: query, form or JSON in, one map out.

use axum::body::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// A text inside a JSON object.
pub(crate) fn text_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Args(pub(crate) Map<String, Value>);

impl Args {
    /// Reads a request; a body that is not what it says it is gives the real error word.
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &Bytes) -> Result<Self, &'static str> {
        let mut args = Map::new();
        let mut add = |pairs: &[u8]| {
            for (key, value) in form_urlencoded::parse(pairs) {
                args.insert(key.into_owned(), Value::String(value.into_owned()));
            }
        };
        add(query.unwrap_or_default().as_bytes());
        if content_type.starts_with("application/json") {
            if !body.is_empty() {
                match serde_json::from_slice(body) {
                    Ok(Value::Object(object)) => args.extend(object),
                    Ok(_) => return Err("json_not_object"),
                    Err(_) => return Err("invalid_json"),
                }
            }
        } else {
            add(body);
        }
        Ok(Self(args))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        match self.0.get(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
            _ => false,
        }
    }

    pub(crate) fn count(&self, key: &str) -> Option<usize> {
        match self.0.get(key)? {
            Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A value that a form carries as JSON text.
    pub(crate) fn json(&self, key: &str) -> Result<Option<Value>, ()> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| ()),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    pub(crate) fn list(&self, key: &str) -> Result<Option<Vec<Value>>, ()> {
        match self.json(key)? {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(()),
        }
    }
}
