//! Two sides of a comparison: the same place of two JSON objects comes in, what is there on either side comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::cluster::facts::number;

/// What is in the same place on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    /// The name of the place; an element of a list has that of the list.
    key: &'a str,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(before: &'a Value, after: &'a Value) -> Self {
        let there = |value: &'a Value| Some(value).filter(|v| !v.is_null());
        Self { key: "", before: there(before), after: there(after) }
    }

    /// A field of both sides.
    pub(super) fn get(self, key: &'a str) -> Self {
        Self { key, before: self.before.and_then(|v| v.get(key)), after: self.after.and_then(|v| v.get(key)) }
    }

    fn sides(self) -> impl Iterator<Item = &'a Value> {
        [self.after, self.before].into_iter().flatten()
    }

    /// The first that a side says, the newer one first.
    pub(super) fn find<T>(self, of: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.sides().find_map(of)
    }

    /// Whether it is there on both sides.
    pub(super) fn is_on_both(self) -> bool {
        self.before.is_some() && self.after.is_some()
    }

    /// Whether nothing but objects is there.
    pub(super) fn is_of_objects(self) -> bool {
        self.sides().all(Value::is_object)
    }

    /// Whether nothing but lists is there.
    pub(super) fn is_of_lists(self) -> bool {
        self.sides().all(Value::is_array)
    }

    /// Whether both sides mean the same.
    pub(super) fn is_same(self) -> bool {
        let meaning = |side: Option<&Value>| side.map(|v| meaning(self.key, v));
        meaning(self.before) == meaning(self.after)
    }

    /// The fields that differ, by name.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, Self)> {
        let keys: BTreeSet<&str> =
            self.sides().filter_map(Value::as_object).flat_map(Map::keys).map(String::as_str).collect();
        keys.into_iter().map(move |key| (key, self.get(key))).filter(|(_, pair)| !pair.is_same())
    }

    /// The quantities that differ in their amount, by name.
    pub(super) fn quantities(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.fields().filter(|(_, pair)| pair.before.map(quantity) != pair.after.map(quantity))
    }

    /// The elements of both lists that have the same key, in the order of the newer one, then those that are gone. The second of the
    /// same key is held against the second.
    pub(super) fn by_key(self, key: fn(&Value) -> Option<String>) -> Vec<(String, Self)> {
        let of = |side: Option<&'a Value>| {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            let mut keyed = Vec::new();
            for element in elements(side) {
                let key = key(element).unwrap_or_else(|| meaning("", element).to_string());
                let nth = seen.entry(key.clone()).or_default();
                keyed.push(((key, *nth), element));
                *nth = nth.saturating_add(1);
            }
            keyed
        };
        let (before, after) = (of(self.before), of(self.after));
        let mut old: BTreeMap<(String, usize), &Value> = before.iter().cloned().collect();
        let mut all = Vec::new();
        for (id, element) in after {
            let before = old.remove(&id);
            all.push((id.0, Self { key: self.key, before, after: Some(element) }));
        }
        let gone = before.into_iter().filter(|(id, _)| old.contains_key(id));
        all.extend(gone.map(|(id, element)| (id.0, Self { key: self.key, before: Some(element), after: None })));
        all
    }

    /// What is only in the older list, and only in the newer one; a value that is no list counts as a list of one.
    pub(super) fn as_sets(self) -> (Vec<&'a Value>, Vec<&'a Value>) {
        let mut gone: Vec<(Value, &Value)> = elements(self.before).map(|e| (meaning(self.key, e), e)).collect();
        let mut new = Vec::new();
        for element in elements(self.after) {
            let means = meaning(self.key, element);
            match gone.iter().position(|(other, _)| *other == means) {
                Some(at) => drop(gone.remove(at)),
                None => new.push(element),
            }
        }
        (gone.into_iter().map(|(_, element)| element).collect(), new)
    }

    /// Both sides in words.
    pub(super) fn texts(self, of: impl Fn(&'a Value) -> String) -> (Option<String>, Option<String>) {
        (self.before.map(&of), self.after.map(&of))
    }
}

fn elements(side: Option<&Value>) -> std::slice::Iter<'_, Value> {
    match side {
        Some(Value::Array(list)) => list.iter(),
        Some(other) => std::slice::from_ref(other).iter(),
        None => [].iter(),
    }
}

/// What a value means, to be compared: the order of a list counts only where it is one of words or of steps, and how a quantity is
/// written does not.
fn meaning(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_quantities = matches!(key, "limits" | "requests" | "overhead");
            let of = |name: &String, value: &Value| {
                if is_quantities { quantity(value) } else { meaning(name, value) }
            };
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), of(name, value))).collect())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|element| meaning(key, element)).collect();
            if !matches!(key, "command" | "args" | "initContainers") {
                list.sort_by_cached_key(Value::to_string);
            }
            Value::Array(list)
        }
        Value::String(_) | Value::Number(_) if matches!(key, "sizeLimit" | "divisor") => quantity(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The amount that is written, in 15 digits; the value itself if that is none.
fn quantity(value: &Value) -> Value {
    let amount = match value {
        Value::String(text) => number(text),
        Value::Number(n) => n.as_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    amount
        .filter(|amount| amount.is_finite())
        .map_or_else(|| value.clone(), |amount| Value::String(format!("amount {amount:.14e}")))
}
