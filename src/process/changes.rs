//! What people want changed, and what they ask the store: incidents and silences change with their answer in one transaction.

use jiff::{SignedDuration, Timestamp};

use super::{Mind, incidents::consider};
use crate::{
    alerts::{self, Message, Outgoing, message::headline},
    app::{App, Site},
    clock::Now,
    cluster::ClusterId,
    conversation::{
        commands::{self, Change, Query},
        reply,
    },
    incidents::{Incident, IncidentId, Silence, Silenced, later},
    services::Fit,
    store::{Asked, Store, StoreError, UpdateRequest},
};

/// How many incidents of the past are looked at.
const MOST_OF_THE_PAST: u32 = 5000;

/// Who wants it, and how the answer goes back.
pub(super) struct By<'a> {
    /// The row of the inbox that the answer settles.
    pub(super) inbox: i64,
    /// The user's id in Slack.
    pub(super) person: &'a str,
    /// Makes a row of an answer.
    pub(super) back: &'a (dyn Fn(Message) -> Outgoing + Sync),
}

impl By<'_> {
    /// The answer, and nothing else.
    async fn answer(&self, app: &Site, message: Message) -> Result<(), StoreError> {
        app.store.settle(self.inbox, None, &[(self.back)(message)], app.clock.now()).await?;
        app.outbox_wake.wake();
        Ok(())
    }
}

/// Changes it.
pub(super) async fn change(app: &Site, mind: &mut Mind, change: Change, by: &By<'_>) -> Result<(), StoreError> {
    match change {
        Change::Acknowledge { incident, note } => {
            let done = |after: &Incident, now: Now<'_>| {
                after.acknowledged.as_ref().map(|by| reply::acknowledged(after, by, now))
            };
            let step = |it: &Incident, now| it.acknowledge(by.person, &note, now);
            Box::pin(of_incident(app, mind, &incident, by, (&step, &done, reply::nothing_changed))).await
        }
        Change::Unacknowledge { incident } => {
            let step = |it: &Incident, now| it.unacknowledge(now);
            let done = |after: &Incident, now: Now<'_>| Some(reply::unacknowledged(after, now));
            Box::pin(of_incident(app, mind, &incident, by, (&step, &done, reply::nothing_changed))).await
        }
        Change::Resolve { incident, note } => {
            let step = |it: &Incident, now| it.resolve(by.person, &note, now);
            let done = |after: &Incident, now: Now<'_>| Some(reply::resolved(after, now));
            Box::pin(of_incident(app, mind, &incident, by, (&step, &done, reply::not_closed))).await
        }
        Change::Silence { of, time, reason } => {
            let now = app.clock.now();
            let until = later(now, time);
            let reason = crate::findings::redact(&reason);
            let silence = Silence { id: 0, of, by: by.person.to_owned(), reason, at: now, until };
            Box::pin(silence_it(app, mind, silence, by)).await
        }
        Change::Unsilence { id } => unsilence(app, mind, id, by).await,
    }
}

/// What an incident becomes, what the asker is told of it, and what if nothing changes.
type Work<'a> = (
    &'a (dyn Fn(&Incident, Timestamp) -> Option<Incident> + Sync),
    &'a (dyn Fn(&Incident, Now<'_>) -> Option<Message> + Sync),
    fn(&Incident, Now<'_>) -> Message,
);

/// Changes one incident: its message and thread say so, and the asker is told. Where nothing changes the asker is told why.
async fn of_incident(
    app: &Site,
    mind: &mut Mind,
    typed: &str,
    by: &By<'_>,
    (step, done, refused): Work<'_>,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(incident) = app.store.find_incident(typed).await? else {
        return by.answer(app, reply::unknown_incident(typed, &mind.standing(app).await?)).await;
    };
    if let Some(other) = other_cluster(app, mind, &incident).await? {
        return by.answer(app, reply::of_another_cluster(&incident, &other)).await;
    }
    if step(&incident, now).is_none() {
        return by.answer(app, refused(&incident, app.present(now))).await;
    }
    let channels = app.channels.clone();
    let request =
        UpdateRequest { id: IncidentId(incident.id.0.clone()), fence: app.fence(), now, inbox: Some(by.inbox) };
    let written = app
        .store
        .update_incident(
            request,
            |incident: &Incident| step(incident, now),
            |before, after| {
                let mut rows = alerts::say(before, after, &channels, &app.times(now));
                rows.extend(done(after, app.present(now)).map(by.back));
                rows
            },
        )
        .await?;
    app.outbox_wake.wake();
    if let Some(after) = written.after.filter(|it| it.cluster == mind.cluster) {
        let owner = after.owner.clone();
        if after.is_open() {
            mind.open.insert(owner.clone(), after);
        } else {
            mind.open.remove(&owner);
            mind.over_by_hand.insert(owner.clone(), after);
        }
        consider(app, mind, [owner].into()).await;
    }
    Ok(())
}

/// The name of the cluster whose loop may write of that incident, if that is another.
async fn other_cluster(app: &Site, mind: &Mind, incident: &Incident) -> Result<Option<String>, StoreError> {
    if incident.cluster == mind.cluster {
        return Ok(None);
    }
    // Of one that is not watched any more nobody else writes.
    let name = app.name_of(&incident.cluster).await?;
    Ok(Some(name).filter(|name| *name != app.name && app.cluster_names.contains(name)))
}

async fn silence_it(app: &Site, mind: &mut Mind, silence: Silence, by: &By<'_>) -> Result<(), StoreError> {
    let now = silence.at;
    if let Silenced::Incident(id) = &silence.of
        && let Some(incident) = app.store.incident(id).await?
        && let Some(other) = other_cluster(app, mind, &incident).await?
    {
        return by.answer(app, reply::of_another_cluster(&incident, &other)).await;
    }
    let asked = Asked { inbox: by.inbox, now };
    let covered: Vec<Incident> = mind.open.values().filter(|it| silence.covers(it, now)).cloned().collect();
    let say = |silence: &Silence| {
        let named: Vec<String> = covered.iter().map(|it| format!("{} {}", it.id, headline(it))).collect();
        vec![(by.back)(reply::silenced(silence, &named, app.present(now)))]
    };
    if let Some(silence) = app.store.add_silence(&mind.cluster, asked, &silence, say).await? {
        mind.silences.push(silence);
    }
    app.outbox_wake.wake();
    consider(app, mind, covered.into_iter().map(|it| it.owner).collect()).await;
    Ok(())
}

async fn unsilence(app: &Site, mind: &mut Mind, id: i64, by: &By<'_>) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(silence) = mind.silences.iter().find(|silence| silence.id == id).cloned() else {
        return by.answer(app, reply::no_such_silence(id)).await;
    };
    let answer = (by.back)(reply::unsilenced(&silence, app.present(now)));
    app.store.end_silence(&mind.cluster, Asked { inbox: by.inbox, now }, id, &[answer]).await?;
    app.outbox_wake.wake();
    mind.silences.retain(|silence| silence.id != id);
    let heard = mind.open.values().filter(|it| it.silenced.as_ref().is_some_and(|silence| silence.id == id));
    let heard = heard.map(|it| it.owner.clone()).collect();
    consider(app, mind, heard).await;
    Ok(())
}

/// The incidents of a cluster in the last days.
pub(super) async fn incidents(app: &App, cluster: ClusterId, days: u16) -> Result<Message, StoreError> {
    let now = app.clock.now();
    // One more than is listed of what belongs to no digest; those are few.
    let recent = app.store.recent_incidents(&cluster, days_before(now, days), 500).await?;
    Ok(commands::incidents::listed(&recent, Some(days), app.present(now)))
}

/// How often something was wrong in a cluster in the last days, or with what is meant in it.
///
/// # Errors
/// If the store cannot be read.
pub async fn history(
    store: &Store,
    cluster: &ClusterId,
    (of, days): (Option<&str>, u16),
    now: Now<'_>,
) -> Result<Message, StoreError> {
    let since = days_before(now.at, days);
    let recent = store.recent_incidents(cluster, since, MOST_OF_THE_PAST).await?;
    let passes = store.passes_since(cluster, since).await?;
    Ok(commands::history::told(&recent, &passes, (of, days), now))
}

fn days_before(now: Timestamp, days: u16) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

/// What the store and the catalogue tell.
pub(super) async fn ask(app: &Site, mind: &Mind, query: Query, by: &By<'_>) -> Result<(), StoreError> {
    let now = app.clock.now();
    let message = match query {
        Query::Show { incident } => match app.store.find_incident(&incident).await? {
            Some(found) => commands::show::shown(&found, &app.config.policy, app.present(now)),
            None => reply::unknown_incident(&incident, &mind.standing(app).await?),
        },
        Query::Incidents { days } => incidents(app, mind.cluster.clone(), days).await?,
        Query::History { of, days } => {
            history(&app.store, &mind.cluster, (of.as_deref(), days), app.present(now)).await?
        }
        Query::Services => commands::services::listed(&mind.priorities, &Fit::of(&mind.priorities, &mind.index)),
    };
    by.answer(app, message).await
}
