//! The state of the pretend cluster: objects as JSON, each change with its version, lists and changes since a version; no network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::cluster::{Kind, ObjectKey};

/// What a watch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeType {
    Added,
    Modified,
    Deleted,
}

impl ChangeType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// A change of an object, at its version.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) version: u64,
    pub(super) change: ChangeType,
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) object: Value,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    pub(super) version: u64,
    pub(super) next: Option<String>,
    pub(super) remaining: usize,
}

/// A version that is too old.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooOld;

/// Why the rest of a list cannot be given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoPage {
    /// The list is too old.
    TooOld,
    /// No list was ever given that token.
    NoToken,
}

/// Everything in the cluster.
#[derive(Debug, Default)]
pub(super) struct World {
    objects: BTreeMap<ObjectKey, Value>,
    version: u64,
    latest: BTreeMap<Kind, u64>,
    log: VecDeque<Logged>,
    /// Changes up to this version are forgotten.
    compacted: u64,
    /// What the rest of each list begun will show, whatever happens meanwhile: rest and version by token.
    begun: BTreeMap<u64, (Vec<Value>, u64)>,
    tokens: u64,
    pub(super) logs: BTreeMap<(String, String, bool), String>,
    pub(super) not_served: BTreeSet<Kind>,
    /// The `ControllerRevision`s by namespace and name: they are read, and never watched.
    revisions: BTreeMap<(String, String), Value>,
    /// Objects of Argo CD, Flux and K3s's Helm by their paths: they are read, and never watched.
    pub(super) kept: BTreeMap<String, Value>,
}

impl World {
    /// Puts an object in, or its newer state; None if it is of no watched kind or has no name. Nothing is done if it is the same.
    pub(super) fn apply(&mut self, mut object: Value) -> Option<u64> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("/kind") == "ControllerRevision" {
            let key = (text("/metadata/namespace"), text("/metadata/name"));
            self.revisions.insert(key, object);
            return Some(self.version);
        }
        if let Some(path) = path_of_kept(&object) {
            self.kept.insert(path, object);
            return Some(self.version);
        }
        let named = text("/kind");
        let kind = Kind::ALL.into_iter().chain(Kind::CHANGED).find(|kind| kind.name() == named)?;
        let namespace = if kind.is_namespaced() { text("/metadata/namespace") } else { String::new() };
        let key = ObjectKey { kind, namespace: namespace.into(), name: text("/metadata/name").into() };
        if key.name.is_empty() {
            return None;
        }
        let before = self.objects.get(&key);
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata.remove("resourceVersion");
        let known_uid = before.and_then(|b| b.pointer("/metadata/uid")).cloned();
        metadata.entry("uid").or_insert_with(|| known_uid.unwrap_or_else(|| json!(uid(&key, self.version))));
        if let Some(before) = before {
            let mut same = before.clone();
            if let Some(m) = same.get_mut("metadata").and_then(Value::as_object_mut) {
                m.remove("resourceVersion");
            }
            if same == object {
                return Some(self.version);
            }
        }
        let change = if before.is_some() { ChangeType::Modified } else { ChangeType::Added };
        Some(self.record(change, key, object))
    }

    /// The `ControllerRevision`s of a namespace.
    pub(super) fn revisions(&self, namespace: &str) -> Vec<&Value> {
        self.revisions.iter().filter(|((of, _), _)| of == namespace).map(|(_, revision)| revision).collect()
    }

    /// Takes an object out; None if it is not there.
    pub(super) fn delete(&mut self, key: &ObjectKey) -> Option<u64> {
        let object = self.objects.remove(key)?;
        Some(self.record(ChangeType::Deleted, key.clone(), object))
    }

    /// Takes an object out without a word to any watch; the version moves on. Whether it was there.
    pub(super) fn lose(&mut self, key: &ObjectKey) -> bool {
        self.version += 1;
        self.objects.remove(key).is_some()
    }

    fn record(&mut self, change: ChangeType, key: ObjectKey, mut object: Value) -> u64 {
        self.version += 1;
        let version = self.version;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), json!(version.to_string()));
        }
        let logged =
            Logged { version, change, kind: key.kind, namespace: key.namespace.to_string(), object: object.clone() };
        self.log.push_back(logged);
        self.latest.insert(key.kind, version);
        if change != ChangeType::Deleted {
            self.objects.insert(key, object);
        }
        version
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The version of the last change of a kind.
    pub(super) fn latest(&self, kind: Kind) -> u64 {
        self.latest.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key)
    }

    pub(super) fn all(&self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.objects.iter().filter(move |(k, _)| k.kind == kind && namespace.is_none_or(|ns| k.namespace == ns))
    }

    /// A page of a list; the pages of one list show one instant.
    pub(super) fn list(
        &mut self,
        kind: Kind,
        namespace: Option<&str>,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page, NoPage> {
        let (mut items, version) = match token {
            None => (self.all(kind, namespace).map(|(_, v)| v.clone()).collect(), self.version),
            Some(token) => {
                let token: u64 = token.parse().map_err(|_| NoPage::NoToken)?;
                self.begun.remove(&token).ok_or(NoPage::TooOld)?
            }
        };
        let rest = items.split_off(limit.min(items.len()));
        let remaining = rest.len();
        let next = (remaining > 0).then(|| {
            self.tokens += 1;
            self.begun.insert(self.tokens, (rest, version));
            self.tokens.to_string()
        });
        Ok(Page { items, version, next, remaining })
    }

    /// The changes of a kind after a version.
    pub(super) fn since(&self, kind: Kind, namespace: Option<&str>, version: u64) -> Result<Vec<Logged>, TooOld> {
        if version < self.compacted {
            return Err(TooOld);
        }
        let of = |l: &&Logged| l.version > version && l.kind == kind && namespace.is_none_or(|ns| l.namespace == ns);
        Ok(self.log.iter().filter(of).cloned().collect())
    }

    /// Forgets the changes so far and every list begun, as etcd does every five minutes.
    pub(super) fn compact(&mut self) {
        self.log.clear();
        self.compacted = self.version;
        self.begun.clear();
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }
}

/// The path of an object that is served without being a kind that is watched; None of all others.
fn path_of_kept(object: &Value) -> Option<String> {
    const GROUPS: [&str; 5] = [
        "argoproj.io",
        "kustomize.toolkit.fluxcd.io",
        "helm.toolkit.fluxcd.io",
        "source.toolkit.fluxcd.io",
        "helm.cattle.io",
    ];
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let version = text("/apiVersion")?;
    GROUPS.contains(&version.split('/').next()?).then_some(())?;
    let kind = text("/kind")?.to_ascii_lowercase();
    let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
    let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
    Some(format!("/apis/{version}/namespaces/{namespace}/{plural}/{name}"))
}

/// An id made of the key, so that a test sees the same one each time, and of the version, so that a new object has a new one.
pub(super) fn uid(key: &ObjectKey, version: u64) -> String {
    let fnv = |seed: u64| {
        let bytes = key.kind.name().bytes().chain(key.namespace.bytes()).chain(key.name.bytes());
        bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (a, b) = (fnv(0xcbf2_9ce4_8422_2325), fnv(version | 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}
