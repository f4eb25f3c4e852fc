//! Which objects beside the workloads are known and in which version, which are to be read, and what changed lately.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use ring::{hmac, rand};
use tokio::sync::Semaphore;

use crate::{
    app::Site,
    changes::SettingChange,
    cluster::{ClusterId, ClusterIndex, Fact, Kind, ObjectKey, ObjectRef, facts::Pod},
    incidents::{CHANGES_WITHIN, later},
    store::StoreError,
};

/// So many are read at once.
const AT_ONCE: usize = 4;
/// What changes all the time is read so often.
const EVERY: SignedDuration = SignedDuration::from_secs(30);
/// So many changes of a cluster are kept.
const MOST: usize = 200;
/// Of a hash so many bytes are kept: enough that two values of one key are hardly ever taken for the same.
const HASH_BYTES: usize = 8;

/// What is known of the settings of a cluster. Beside the newest changes only names and versions are in memory; what was read is in the
/// store: it is needed when something changes, and not before.
#[derive(Debug)]
pub(in crate::process) struct Settings {
    /// What is read when it changes: what was read of it in which version, and when; None: not yet.
    pub(super) known: BTreeMap<ObjectKey, Option<(String, Timestamp)>>,
    /// What is to be read, and not before when.
    pub(super) wanted: BTreeMap<ObjectKey, Timestamp>,
    /// What is being read.
    pub(super) running: BTreeSet<ObjectKey>,
    /// What changed, the oldest first.
    pub(in crate::process) changes: Vec<SettingChange>,
    pub(super) places: Arc<Semaphore>,
    /// Values are hashed with a key that only this store has, so that nobody who sees a hash can look it up. It is in the same database:
    /// whoever has that can still try out short values, which is why the hash is kept nowhere else and told to nobody.
    key: hmac::Key,
}

impl Settings {
    /// Reads what the store knows.
    pub(in crate::process) async fn load(app: &Site, cluster: &ClusterId) -> Result<Self, StoreError> {
        let fresh = rand::generate::<[u8; 32]>(&rand::SystemRandom::new()).map(rand::Random::expose);
        // Without chance there is no connection to anything either.
        let salt = app.store.salt(&hex(&fresh.unwrap_or_default())).await?;
        let since = later(app.clock.now(), -CHANGES_WITHIN);
        let changes = app.store.setting_changes(cluster, since, u32::try_from(MOST).unwrap_or(u32::MAX)).await?;
        let known = app.store.objects_read(cluster).await?.into_iter().filter_map(|(of, version, at)| {
            let kind = watched().find(|kind| kind.name() == of.kind)?;
            Some((ObjectKey { kind, namespace: of.namespace, name: of.name }, Some((version, at))))
        });
        Ok(Self {
            known: known.collect(),
            wanted: BTreeMap::new(),
            running: BTreeSet::new(),
            changes,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            key: hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()),
        })
    }

    /// Reads the changes anew: another instance may have written meanwhile.
    pub(in crate::process) async fn reload(&mut self, app: &Site, cluster: &ClusterId) -> Result<(), StoreError> {
        let since = later(app.clock.now(), -CHANGES_WITHIN);
        self.changes = app.store.setting_changes(cluster, since, u32::try_from(MOST).unwrap_or(u32::MAX)).await?;
        Ok(())
    }

    pub(super) fn hash(&self, text: &str) -> String {
        let tag = hmac::sign(&self.key, text.as_bytes());
        hex(tag.as_ref().get(..HASH_BYTES).unwrap_or_default())
    }

    pub(super) fn want(&mut self, key: ObjectKey) {
        let at = self.known.get(&key).and_then(Option::as_ref).map_or(Timestamp::MIN, |(_, at)| later(*at, EVERY));
        self.wanted.entry(key).or_insert(at);
    }

    /// Whether an object is known to have changed, and not yet how.
    pub(super) fn is_newer_than_read(&self, object: &ObjectRef) -> bool {
        self.wanted.keys().chain(&self.running).any(|key| ObjectRef::from(key.clone()) == *object)
    }

    /// An object is as this says: if that is not the version that was read, it is to be read.
    pub(in crate::process) fn noticed(&mut self, fact: &Fact, index: &ClusterIndex) {
        if let Fact::Pod(pod) = fact {
            return self.noticed_pod(pod, index);
        }
        let Some(version) = version(fact) else { return };
        let key = fact.key();
        match self.known.get(&key) {
            Some(Some((known, _))) if *known == version => {}
            // Of thousands of them only those are read that a pod names.
            None if key.kind == Kind::ConfigMap => {}
            Some(_) => self.want(key),
            None => {
                self.known.insert(key.clone(), None);
                self.want(key);
            }
        }
    }

    fn noticed_pod(&mut self, pod: &Pod, index: &ClusterIndex) {
        for used in pod.configs() {
            let namespace = pod.meta().namespace.clone();
            let key = ObjectKey { kind: Kind::ConfigMap, namespace, name: used.name.into() };
            if !self.known.contains_key(&key) {
                self.known.insert(key.clone(), None);
                if index.get(&key).is_some() {
                    self.want(key);
                }
            }
        }
    }

    /// An object was deleted.
    pub(in crate::process) fn deleted(&mut self, key: &ObjectKey) {
        if matches!(self.known.get(key), Some(Some(_))) {
            self.want(key.clone());
        }
    }

    /// A list of a kind is at its end: what is not held any more was deleted.
    pub(in crate::process) fn listed(&mut self, kind: Kind, namespace: Option<&str>, index: &ClusterIndex) {
        let is_gone = |key: &&ObjectKey| {
            key.kind == kind && namespace.is_none_or(|it| key.namespace == it) && index.get(key).is_none()
        };
        let gone: Vec<ObjectKey> = self.known.keys().filter(is_gone).cloned().collect();
        for key in gone {
            self.deleted(&key);
        }
    }

    /// Keeps a change as long as it may explain anything.
    pub(super) fn keep(&mut self, change: SettingChange, now: Timestamp) {
        let since = later(now, -CHANGES_WITHIN);
        self.changes.retain(|it| it.at >= since);
        let place = self.changes.partition_point(|it| it.at <= change.at);
        self.changes.insert(place, change);
        let too_many = self.changes.len().saturating_sub(MOST);
        self.changes.drain(..too_many);
    }
}

/// The kinds whose objects are read when they change.
fn watched() -> impl Iterator<Item = Kind> {
    Kind::CHANGED.into_iter().chain([Kind::HorizontalPodAutoscaler, Kind::Ingress])
}

/// What changes when somebody changes an object, and not with its status; None of kinds that are not read.
pub(super) fn version(fact: &Fact) -> Option<String> {
    let meta = fact.meta();
    let hash = |what: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        meta.uid.hash(&mut hasher);
        what(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    // The status of an autoscaler is written every few seconds, and it has no number of its own.
    if let Fact::HorizontalPodAutoscaler(it) = fact {
        Some(hash(&|hasher| it.spec.hash(hasher)))
    } else if let Fact::Ingress(it) = fact {
        Some(hash(&|hasher| it.spec.hash(hasher)))
    } else if let Fact::ConfigMap(_) = fact {
        Some(meta.resource_version.to_string())
    } else {
        fact.kind().is_for_changes().then(|| hash(&|hasher| meta.generation.hash(hasher)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}
