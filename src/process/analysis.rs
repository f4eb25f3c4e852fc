//! `/k8s analyze`: every kind of a namespace is read now, with a word if that takes long; the fresh lists become the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};

use super::{Mind, people};
use crate::{
    alerts::{Message, Outgoing},
    app::Site,
    clients::kubernetes::ReadError,
    cluster::{ClusterId, ClusterIndex, Fact, Kind, ObjectRef, Visibility},
    conversation::{
        commands::analyze::{self, Analysis},
        standing::Blind,
    },
    event::{self, Event, Lists},
    findings::{self, Look, Verdict},
    store::StoreError,
};

/// After this people hear what is still being read.
const LONG: SignedDuration = SignedDuration::from_secs(2);

/// Who is to be answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) cluster: ClusterId,
    pub(super) namespace: String,
    pub(super) response_url: String,
    pub(super) at: Timestamp,
}

/// Reads the namespace in a task of its own; the lists come back as an event.
pub(super) fn begin(app: &Arc<Site>, asked: Asked) {
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let app_of_task = Arc::clone(app);
    app.spawn(async move {
        let lists = tokio::select! {
            lists = read(&app_of_task, &asked) => lists,
            () = app_of_task.stop.cancelled() => return,
        };
        let Asked { namespace, response_url, at: asked_at, .. } = asked;
        let analysis = event::Analysis { namespace, response_url, asked_at };
        app_of_task.send(Event::Analysed { analysis, lists }).await;
    });
}

/// Takes the fresh lists in and answers.
pub(super) async fn arrived(
    app: &Site,
    mind: &Mind,
    analysis: event::Analysis,
    lists: Lists,
) -> Result<(), StoreError> {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let event::Analysis { namespace, response_url, asked_at } = analysis;
    let message = answer(app, mind, &namespace, asked_at, lists);
    let outgoing = Outgoing::Respond { response_url, message: people::named(app, message) };
    app.store.enqueue(&mind.cluster, None, &[outgoing], app.clock.now()).await?;
    app.outbox_wake.wake();
    Ok(())
}

/// Every kind at once. Where nobody answers, what is left is not waited for.
async fn read(app: &Site, asked: &Asked) -> Lists {
    let mut reading: FuturesUnordered<_> = Kind::ALL
        .into_iter()
        .map(|kind| async move {
            let scope = Some(asked.namespace.as_str()).filter(|_| kind.is_namespaced());
            (kind, app.kubernetes.list(kind, scope).await)
        })
        .collect();
    let mut lists: Lists = Vec::with_capacity(Kind::ALL.len());
    let long = app.clock.sleep_until(asked.at.saturating_add(LONG).unwrap_or(Timestamp::MAX));
    tokio::pin!(long);
    let mut takes_long = false;
    loop {
        let left =
            || Kind::ALL.into_iter().filter(|kind| lists.iter().all(|(read, _)| read != kind)).collect::<Vec<_>>();
        tokio::select! {
            list = reading.next() => match list {
                Some((kind, Err(error))) if nobody_answers(&error) => {
                    lists.extend(left().into_iter().filter(|other| *other != kind).map(|kind| (kind, Err(error.clone()))).collect::<Vec<_>>());
                    lists.push((kind, Err(error)));
                    break;
                }
                Some(list) => lists.push(list),
                None => break,
            },
            () = &mut long, if !takes_long => {
                takes_long = true;
                say(app, asked, analyze::progress(&asked.namespace, &left())).await;
            }
        }
    }
    lists.sort_by_key(|(kind, _)| *kind);
    lists
}

/// A word on the way. If it cannot be stored, the result still comes.
async fn say(app: &Site, asked: &Asked, message: Message) {
    let outgoing = Outgoing::Respond { response_url: asked.response_url.clone(), message };
    match app.store.enqueue(&asked.cluster, None, &[outgoing], app.clock.now()).await {
        Ok(_) => app.outbox_wake.wake(),
        Err(error) => tracing::warn!(%error, "the progress of an analysis could not be said"),
    }
}

/// Whether the server itself is the trouble, not one kind.
fn nobody_answers(error: &ReadError) -> bool {
    match error {
        ReadError::Unreachable { .. }
        | ReadError::Tls { .. }
        | ReadError::TimedOut { .. }
        | ReadError::Unauthorized { .. } => true,
        ReadError::Forbidden { .. }
        | ReadError::NotServed { .. }
        | ReadError::Busy { .. }
        | ReadError::Silent { .. }
        | ReadError::Gone
        | ReadError::Garbage { .. }
        | ReadError::Failed { .. } => false,
    }
}

/// The answer from the fresh lists alone, so that what it says is what is there now.
fn answer(app: &Site, mind: &Mind, namespace: &str, asked_at: Timestamp, lists: Lists) -> Message {
    let now = app.clock.now();
    let mut index = ClusterIndex::default();
    index.sight_mut().watch_only(app.config.cluster.namespaces.iter().cloned());
    index.measured_like(&mind.index);
    for (kind, list) in lists {
        let visibility = match list {
            Ok(listed) => {
                index.replace(kind, None, listed.facts, now);
                Visibility::Seen(now)
            }
            Err(ReadError::NotServed { .. }) => Visibility::NotApplicable,
            Err(error) if nobody_answers(&error) => return analyze::failed(namespace, &error.to_string()),
            Err(error) => Visibility::Blind { since: now, why: error.to_string() },
        };
        // As it was asked for, where that is all there is to see.
        let scoped = !app.config.cluster.namespaces.is_empty() && kind.is_namespaced();
        index.sight_mut().set(kind, scoped.then_some(namespace), visibility);
    }
    let look = Look {
        index: &index,
        history: &mind.history,
        now,
        no_grace: false,
        settings: &app.config.settings,
        known: None,
    };
    // A node that is down takes down what runs on it, so it belongs to the answer.
    let nodes: BTreeSet<&str> = index
        .all_in(Kind::Pod, namespace)
        .filter_map(|fact| if let Fact::Pod(pod) = fact { Some(pod.node_name()) } else { None })
        .collect();
    let is_meant = |owner: &ObjectRef| {
        owner.namespace == namespace
            || (owner.watched_kind() == Some(Kind::Namespace) && owner.name == namespace)
            || (owner.watched_kind() == Some(Kind::Node) && nodes.contains(owner.name.as_str()))
    };
    let (mut wrong, mut pending) = (Vec::new(), Vec::new());
    let mut unknown: BTreeMap<String, BTreeSet<ObjectRef>> = BTreeMap::new();
    for judgement in index.owners().filter(is_meant).flat_map(|owner| findings::judge(&owner, &look)) {
        match judgement.verdict {
            Verdict::Wrong(finding) => wrong.push(Arc::unwrap_or_clone(finding)),
            Verdict::Pending(finding, due) => pending.push((Arc::unwrap_or_clone(finding), due)),
            // Why things are not measured the status says, once.
            Verdict::Unknown(_) if findings::is_measured(judgement.check) => {}
            Verdict::Unknown(why) => {
                unknown.entry(why).or_default().insert(judgement.owner);
            }
            Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Symptom(_) => {}
        }
    }
    let mut ignored: BTreeMap<String, BTreeSet<ObjectRef>> = BTreeMap::new();
    for owner in index.owners().filter(is_meant) {
        if let Some(why) = findings::ignored_of(&owner, &look) {
            ignored.entry(why).or_default().insert(owner);
        }
    }
    let incidents: Vec<_> = mind.open.values().filter(|i| is_meant(&i.owner)).cloned().collect();
    let looked_at = Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_namespaced())
        .map(|kind| (kind, index.all_in(kind, namespace).count()))
        .collect();
    analyze::result(&Analysis {
        namespace,
        findings: &wrong,
        pending: &pending,
        unknown: &unknown,
        ignored: &ignored,
        incidents: &incidents,
        blind: &Blind::all_of(index.sight()),
        looked_at: &looked_at,
        took: now.duration_since(asked_at),
        now: app.present(now),
    })
}
