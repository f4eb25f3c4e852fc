//! Objects beside the workloads are read when a watch says that they changed, compared with what was read before, and the change noted.

mod grip;
mod known;

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub(super) use grip::{explain, of};
pub(super) use known::Settings;
use known::version;

use super::{Mind, incidents};
use crate::{
    app::Site,
    changes::{Read, SettingChange, change, reading},
    clients::kubernetes::ReadError,
    cluster::{Fact, Kind, ObjectKey, ObjectRef, facts::Pod},
    event::Event,
    incidents::later,
    store::{Kept, StoreError},
};

/// What cannot be read is tried again so much later.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// What was read of an object.
#[derive(Debug)]
pub struct SettingRead {
    key: ObjectKey,
    version: String,
    read: Result<Option<Value>, ReadError>,
}

/// Reads what is to be read, once everything was seen; nobody waits for it.
pub(super) fn begin(app: &Arc<Site>, mind: &mut Mind) {
    if !mind.complete || mind.settings.wanted.is_empty() {
        return;
    }
    let now = app.clock.now();
    let settings = &mut mind.settings;
    let is_due = |key: &ObjectKey, at: Timestamp| at <= now && !settings.running.contains(key);
    let due: Vec<ObjectKey> =
        settings.wanted.iter().filter(|(key, at)| is_due(key, **at)).map(|(key, _)| key.clone()).collect();
    for key in due {
        settings.wanted.remove(&key);
        settings.running.insert(key.clone());
        app.pulse.send_modify(|pulse| pulse.looks += 1);
        let version = mind.index.get(&key).and_then(version).unwrap_or_default();
        let (site, places) = (Arc::clone(app), Arc::clone(&settings.places));
        app.spawn(async move {
            let read = async {
                // It is never closed.
                let _place = places.acquire().await.ok();
                site.kubernetes.object(&key).await
            };
            let Some(read) = site.stop.run_until_cancelled(read).await else { return };
            site.send(Event::SettingRead(Box::new(SettingRead { key, version, read }))).await;
        });
    }
}

/// What was read is compared with what was read before; what is wrong in its namespace is held against the change.
pub(super) async fn arrived(app: &Site, mind: &mut Mind, read: SettingRead) {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let SettingRead { key, version: read_as, read } = read;
    let now = app.clock.now();
    mind.settings.running.remove(&key);
    let taken_in = match read {
        Ok(object) => take_in(app, mind, &key, &read_as, object.as_ref()).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let change = match taken_in {
        Ok(change) => change,
        Err(why) => {
            tracing::debug!(%why, kind = %key.kind, "what was changed cannot be told yet");
            mind.settings.wanted.insert(key, later(now, AGAIN));
            return;
        }
    };
    // It may have changed while it was read.
    if mind.index.get(&key).is_some_and(|fact| version(fact).is_some_and(|version| version != read_as)) {
        mind.settings.want(key.clone());
    }
    let Some(change) = change else { return };
    tracing::info!(cluster = %mind.name, object = %change.object, what = change.what.join(", "), "a setting was changed");
    mind.settings.keep(change, now);
    let concerned = mind.open.keys().filter(|owner| owner.namespace == key.namespace).cloned().collect();
    incidents::consider(app, mind, concerned).await;
}

async fn take_in(
    app: &Site,
    mind: &mut Mind,
    key: &ObjectKey,
    version: &str,
    object: Option<&Value>,
) -> Result<Option<SettingChange>, StoreError> {
    let now = app.clock.now();
    let of = ObjectRef::from(key.clone());
    let before = app.store.last_reading(&mind.cluster, &of).await?;
    let settings = &mut mind.settings;
    let after = object.and_then(|object| Some((object, reading(&of, object, &|text| settings.hash(text))?)));
    let read = Read { now, before: before.as_ref().map(|it| it.at) };
    let found = change(&of, before.as_ref().map(|it| &it.reading), after.as_ref().map(|(o, r)| (*o, r)), read);
    let kept = after.map(|(_, reading)| Kept { reading, at: now });
    app.store.record_reading(&mind.cluster, &of, kept.as_ref().map(|kept| (version, kept)), found.as_ref()).await?;
    settings.known.insert(key.clone(), kept.map(|_| (version.to_owned(), now)));
    Ok(found)
}

/// Forgets what no pod names any more, and what is gone.
pub(super) async fn forget_what_is_gone(app: &Site, mind: &mut Mind) -> Result<(), StoreError> {
    if !mind.complete {
        return Ok(());
    }
    let pods = mind.index.all(Kind::Pod).filter_map(|fact| if let Fact::Pod(pod) = fact { Some(pod) } else { None });
    let named = |pod: &Pod| {
        let namespace = pod.meta().namespace.clone();
        let names: Vec<_> = pod.configs().map(|it| (namespace.clone(), it.name.to_owned())).collect();
        names
    };
    let named: BTreeSet<_> = pods.flat_map(|pod| named(pod)).collect();
    let is_named = |key: &ObjectKey| named.contains(&(key.namespace.clone(), key.name.to_string()));
    let is_used =
        |key: &ObjectKey| if key.kind == Kind::ConfigMap { is_named(key) } else { mind.index.get(key).is_some() };
    let sight = mind.index.sight();
    let is_seen = |key: &ObjectKey| {
        sight.blind(key.kind, &key.namespace).is_none() && sight.blind(Kind::Pod, &key.namespace).is_none()
    };
    let gone: Vec<ObjectKey> =
        mind.settings.known.keys().filter(|key| is_seen(key) && !is_used(key)).cloned().collect();
    for key in gone {
        if !mind.settings.running.contains(&key) && !mind.settings.wanted.contains_key(&key) {
            app.store.forget_reading(&mind.cluster, &key.clone().into()).await?;
            mind.settings.known.remove(&key);
        }
    }
    Ok(())
}
