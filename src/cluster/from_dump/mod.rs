//! A dump (`kubectl get -o json|yaml`: Lists, single objects, multi-document YAML) becomes facts and a list of what was wrong in it.

mod documents;
mod load;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use load::LoadError;

use super::{ClusterIndex, Fact, History, Kind, Visibility};

/// What a dump holds.
#[derive(Debug, Default)]
pub struct Dump {
    /// The facts of watched kinds.
    pub facts: Vec<Fact>,
    /// What could not be read.
    pub problems: Vec<DumpProblem>,
    /// How many objects are of kinds that are not watched.
    pub ignored: usize,
    newest: Option<Timestamp>,
}

/// Something in a dump that could not be read; the rest still is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DumpProblem {
    /// The file, as it was named.
    pub file: String,
    /// Which document of the file, from 1.
    pub document: usize,
    /// Which item of the document, from 1, if that is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for DumpProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {}", self.file, self.document)?;
        if let Some(item) = self.item {
            write!(f, ", item {item}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Dump {
    /// Reads texts with the names of their files.
    pub fn read(files: &[(impl AsRef<str>, impl AsRef<str>)]) -> Self {
        let mut dump = Self::default();
        for (name, text) in files {
            dump.take_file(name.as_ref(), text.as_ref());
        }
        dump
    }

    /// The newest time in the dump (of all times objects and events report, also those that are not kept): its present. What
    /// lies in the future by nature (`deletionTimestamp`) does not count.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The cluster as the dump tells it, and what happened in it. A dump says what it says: every kind counts as seen, but that
    /// something is not in it proves nothing where nothing of its kind is.
    pub fn into_index(mut self, now: Timestamp) -> (ClusterIndex, History) {
        self.facts.sort_by_key(|fact| Kind::ALL.iter().position(|kind| *kind == fact.kind()));
        let (mut index, mut history) = (ClusterIndex::default(), History::default());
        for kind in Kind::ALL {
            index.sight_mut().set(kind, None, Visibility::Seen(now));
        }
        index.sight_mut().is_an_excerpt();
        for fact in self.facts {
            for transition in index.apply(fact, now).transitions {
                history.record(transition);
            }
        }
        (index, history)
    }

    /// The problem of a dump without a single object that could be judged: that nothing is wrong in it means nothing.
    pub fn holds_nothing(&self, from: &str) -> DumpProblem {
        let file = if from == "-" { "standard input" } else { from };
        let what = match self.ignored {
            0 => "no Kubernetes object is in it".to_owned(),
            1 => "the one object in it is of a kind that is not watched".to_owned(),
            n => format!("all {n} objects in it are of kinds that are not watched"),
        };
        DumpProblem { file: file.to_owned(), document: 1, item: None, what }
    }

    fn take_file(&mut self, file: &str, text: &str) {
        for (at, document) in documents::of(text).into_iter().enumerate() {
            let place = Place { file, document: at + 1, item: None };
            match document {
                Ok(Value::Null) => {}
                Ok(value) => self.take_document(value, &place),
                Err(what) => self.problem(&place, what),
            }
        }
    }

    fn take_document(&mut self, mut value: Value, place: &Place<'_>) {
        let Some(kind) = text_of(&value, "kind") else {
            return if let Value::Array(items) = value {
                self.take_items(items, "", "", place);
            } else {
                self.problem(place, not_an_object(&value));
            };
        };
        let kind = kind.to_owned();
        let api_version = text_of(&value, "apiVersion").unwrap_or_default().to_owned();
        match (kind.strip_suffix("List"), value.get_mut("items").map(Value::take)) {
            (Some(of), Some(Value::Array(items))) => self.take_items(items, of, &api_version, place),
            (Some(_), None | Some(Value::Null)) => {}
            (Some(_), Some(_)) => self.problem(place, format!("{kind}: `items` is not a list")),
            (None, _) => self.take_object(value, (&kind, &api_version), place),
        }
    }

    /// Items of a typed list (`PodList`) do not name their kind: the list does.
    fn take_items(&mut self, items: Vec<Value>, of: &str, api_version: &str, place: &Place<'_>) {
        for (at, item) in items.into_iter().enumerate() {
            let place = Place { item: Some(at + 1), ..*place };
            if !item.is_object() {
                self.problem(&place, not_an_object(&item));
                continue;
            }
            let named = text_of(&item, "kind").filter(|kind| !kind.is_empty()).map(str::to_owned);
            match named.as_deref().or(Some(of).filter(|of| !of.is_empty())) {
                Some(kind) => {
                    let version = text_of(&item, "apiVersion").unwrap_or(api_version).to_owned();
                    self.take_object(item, (kind, &version), &place);
                }
                None => self.problem(&place, not_an_object(&item)),
            }
        }
    }

    fn take_object(&mut self, mut value: Value, (kind, api_version): (&str, &str), place: &Place<'_>) {
        let group = |version: &str| version.rsplit_once('/').map(|(group, _)| group.to_owned());
        let watched = Kind::from_name(kind)
            .filter(|kind| api_version.is_empty() || group(api_version) == group(kind.api_version()));
        let Some(watched) = watched else {
            self.ignored += 1;
            return;
        };
        if watched == Kind::HorizontalPodAutoscaler {
            take_conditions_of_v1(&mut value);
        }
        let newest = documents::newest_time(&value);
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let namespace = value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            return self.problem(place, format!("{kind} without `metadata.name`"));
        }
        let called = if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") };
        drop_nulls(&mut value);
        match fact(watched, value) {
            Ok(fact) => {
                self.facts.push(fact);
                self.newest = self.newest.max(newest);
            }
            Err(error) => self.problem(place, format!("{called}: {error}")),
        }
    }

    fn problem(&mut self, place: &Place<'_>, what: String) {
        let Place { file, document, item } = *place;
        self.problems.push(DumpProblem { file: file.to_owned(), document, item, what });
    }
}

/// Where in a dump something is.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    document: usize,
    item: Option<usize>,
}

/// Takes out every `null`: for the API server it is the same as not being there, also inside a map or a list.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `autoscaling/v1` writes the conditions of an autoscaler into an annotation; they go where later versions have them.
fn take_conditions_of_v1(autoscaler: &mut Value) {
    const ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/conditions";
    let written = autoscaler.pointer("/metadata/annotations").and_then(|all| text_of(all, ANNOTATION));
    let conditions: Option<Vec<Value>> = written.and_then(|text| serde_json::from_str(text).ok());
    let status = autoscaler.get_mut("status").and_then(Value::as_object_mut);
    if let (Some(conditions), Some(status)) = (conditions, status) {
        status.entry("conditions").or_insert(Value::Array(conditions));
    }
}

fn text_of<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

/// Says what was found where a Kubernetes object should be.
fn not_an_object(value: &Value) -> String {
    let found = match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("the text {:?}", text.chars().take(60).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object without `kind`".to_owned(),
    };
    format!("not a Kubernetes object: {found}")
}

fn fact(kind: Kind, value: Value) -> Result<Fact, serde_json::Error> {
    fn of<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
        serde_json::from_value(value)
    }
    let fact = match kind {
        Kind::Namespace => Fact::Namespace(of(value)?),
        Kind::Node => Fact::Node(of(value)?),
        Kind::Pod => Fact::Pod(of(value)?),
        Kind::Deployment => Fact::Deployment(of(value)?),
        Kind::ReplicaSet => Fact::ReplicaSet(of(value)?),
        Kind::StatefulSet => Fact::StatefulSet(of(value)?),
        Kind::DaemonSet => Fact::DaemonSet(of(value)?),
        Kind::Job => Fact::Job(of(value)?),
        Kind::CronJob => Fact::CronJob(of(value)?),
        Kind::PersistentVolumeClaim => Fact::PersistentVolumeClaim(of(value)?),
        Kind::Service => Fact::Service(of(value)?),
        Kind::EndpointSlice => Fact::EndpointSlice(of(value)?),
        Kind::Event => Fact::Event(of(value)?),
        Kind::HorizontalPodAutoscaler => Fact::HorizontalPodAutoscaler(of(value)?),
        Kind::Ingress => Fact::Ingress(of(value)?),
        Kind::IngressClass => Fact::IngressClass(of(value)?),
        Kind::ValidatingWebhookConfiguration => Fact::ValidatingWebhookConfiguration(of(value)?),
        Kind::MutatingWebhookConfiguration => Fact::MutatingWebhookConfiguration(of(value)?),
        Kind::ApiService => Fact::ApiService(of(value)?),
        Kind::PersistentVolume => Fact::PersistentVolume(of(value)?),
        Kind::StorageClass => Fact::StorageClass(of(value)?),
        Kind::Certificate => Fact::Certificate(of(value)?),
        Kind::ConfigMap => Fact::ConfigMap(of(value)?),
        Kind::NetworkPolicy => Fact::NetworkPolicy(of(value)?),
        Kind::PodDisruptionBudget => Fact::PodDisruptionBudget(of(value)?),
    };
    Ok(fact.trimmed())
}
