//! What somebody said goes to the cluster that is meant; where several are watched and none is meant, it is answered here for all of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::{changes, people, standing};
use crate::{
    alerts::Message,
    app::{App, Site, identity, lease},
    conversation::{
        Answer, Said, Standing,
        commands::{self, Query},
        from_slack::What,
        of_clusters::{Whose, of_cluster, together, which, whose, without_cluster},
        permissions::{Action, Person, Scope, may},
        reply,
        standing::ClusterStanding,
    },
    event::Event,
    incidents::IncidentId,
    store::StoreError,
};

/// How long a loop may take to say how its cluster stands: longer than any event takes, and shorter than people wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something somebody said, as a row of the inbox.
#[derive(Debug)]
pub struct Arrived {
    /// The row.
    pub inbox: i64,
    /// What was said.
    pub said: Said,
    /// Who said it, if Slack could be asked.
    pub person: Option<Person>,
}

/// The clusters whose loops have so much to do that they take nothing more at present.
pub type Busy = BTreeSet<String>;

/// Hands over what was left to a cluster, or decides whose it is. False if the loop of that cluster is busy, which is noted: it
/// has to be tried again, and what comes after it for the same cluster, too.
pub async fn arrived(app: &Arc<App>, cluster: &str, it: Arrived, busy: &mut Busy) -> Result<bool, StoreError> {
    // One that is not configured any more was no decision.
    if app.cluster_names.iter().any(|name| name == cluster) {
        return hand_over(app, cluster, it, busy).await;
    }
    if let [only] = app.sites().as_slice()
        && only.right().is_held()
    {
        return hand_over(app, &only.name, it, busy).await;
    }
    let of_message = |channel: String, ts: String| async move { app.store.incident_of_message(&channel, &ts).await };
    match &it.said.what {
        What::Button { value, .. } => {
            let name = of_incident(app, value).await?;
            hand_over(app, &name, it, busy).await
        }
        What::Message { channel, ts, thread_ts, .. } | What::Mention { channel, ts, thread_ts, .. } => {
            let root = thread_ts.as_ref().unwrap_or(ts).clone();
            match (of_message(channel.clone(), root).await?, &it.said.what) {
                (Some(incident), _) => {
                    let name = of_incident(app, &incident.0).await?;
                    hand_over(app, &name, it, busy).await
                }
                (None, What::Mention { text, .. }) => Box::pin(answer(app, &text.clone(), it, busy)).await,
                // What is no question of a cluster is answered alike by all.
                (None, _) => hand_over(app, &first(app), it, busy).await,
            }
        }
        What::Ignored(_) => hand_over(app, &first(app), it, busy).await,
        What::Command { text, .. } => Box::pin(answer(app, &text.clone(), it, busy)).await,
    }
}

/// To the loop that watches the cluster: in this process, or in whichever does.
async fn hand_over(app: &App, cluster: &str, it: Arrived, busy: &mut Busy) -> Result<bool, StoreError> {
    match app.sites().into_iter().find(|site| site.name == cluster) {
        Some(site) if site.right().is_held() => {
            let Arrived { inbox, said, person } = it;
            // Waiting here would keep what is meant for other clusters.
            let is_taken = !busy.contains(cluster) && site.offer(Event::Said { inbox, said, person });
            if !is_taken {
                busy.insert(cluster.to_owned());
            }
            Ok(is_taken)
        }
        // It is left there until somebody watches that cluster; what was addressed twice is settled once.
        Some(_) | None => app.store.address(it.inbox, cluster).await.map(|()| true),
    }
}

fn first(app: &App) -> String {
    app.cluster_names.first().cloned().unwrap_or_default()
}

/// The cluster of an incident; the first one says of an incident nobody knows that it does not.
async fn of_incident(app: &App, typed: &str) -> Result<String, StoreError> {
    let incident = match app.store.incident(&IncidentId(typed.to_owned())).await? {
        Some(incident) => Some(incident),
        None => app.store.find_incident(typed).await?,
    };
    let name = match incident {
        Some(incident) => app.name_of(&incident.cluster).await?,
        None => first(app),
    };
    Ok(if app.cluster_names.contains(&name) { name } else { first(app) })
}

/// Answers a command for all clusters, or hands it to the one that is meant.
async fn answer(app: &Arc<App>, typed: &str, it: Arrived, busy: &mut Busy) -> Result<bool, StoreError> {
    let (text, named) = match without_cluster(typed, &app.cluster_names) {
        Ok(parts) => parts,
        Err(message) => return say(app, &it, message).await,
    };
    let standing = standing::bot(app, gather(app, named.as_deref()).await?).await?;
    let answer = commands::answer(&text, &standing);
    if let (Answer::Say(message), Some(named)) = (&answer, &named) {
        let is_named = message.text.contains(named.as_str());
        let message = if is_named { message.clone() } else { of_cluster(named, message.clone()) };
        return say(app, &it, message).await;
    }
    let cluster = match (named, whose(&answer, &standing)) {
        _ if matches!(answer, Answer::Say(_)) => None,
        (Some(named), _) | (None, Whose::Of(named)) => Some(named),
        (None, Whose::OfIncident(incident)) => Some(of_incident(app, incident).await?),
        (None, Whose::Which(several)) if matches!(it.said.what, What::Command { .. }) => {
            return say(app, &it, which(&text, &several)).await;
        }
        (None, Whose::All | Whose::Which(_)) => None,
    };
    if let Some(cluster) = cluster {
        return hand_over(app, &cluster, it, busy).await;
    }
    let message = match answer {
        Answer::Say(message) => message,
        Answer::Ask(query) => past(app, &standing, &query).await?,
        Answer::Change(_) | Answer::Analyze { .. } | Answer::Changes { .. } => people::only_as_a_command(),
    };
    say(app, &it, message).await
}

/// What the store tells of each cluster, under its name.
async fn past(app: &App, standing: &Standing, query: &Query) -> Result<Message, StoreError> {
    let now = app.clock.now();
    let mut answers = Vec::new();
    for cluster in &standing.clusters {
        let id = match &cluster.id {
            Some(id) => Some(id.clone()),
            None => identity::known(&app.store, &cluster.name).await?,
        };
        let told = match (id, query) {
            (None, _) => reply::line("Nothing is known of it yet."),
            (Some(id), Query::Incidents { days }) => changes::incidents(app, id, *days).await?,
            (Some(id), Query::History { of, days }) => {
                changes::history(&app.store, &id, (of.as_deref(), *days), app.present(now)).await?
            }
            // Those are of one cluster.
            (Some(_), Query::Show { .. } | Query::Services) => people::only_as_a_command(),
        };
        answers.push((cluster.name.clone(), told));
    }
    Ok(together(&answers))
}

/// Says it, if the asker may hear it.
async fn say(app: &App, it: &Arrived, message: Message) -> Result<bool, StoreError> {
    let Some(back) = people::Back::of(&it.said.what) else { return Ok(true) };
    let policy = app.people.borrow().clone();
    let message = match &it.person {
        None => reply::could_not_check("no answer to users.info"),
        Some(person) => match may(&it.said.asker, Action::Read, &Scope::Everything, &policy, person) {
            Ok(()) => message,
            Err(refusal) => reply::refused(&refusal),
        },
    };
    app.store.settle(it.inbox, None, &[back.outgoing(message)], app.clock.now()).await?;
    app.outbox_wake.wake();
    Ok(true)
}

/// How every cluster stands, or only one: the loops of this process are asked, what others watch is read.
async fn gather(app: &App, only: Option<&str>) -> Result<Vec<ClusterStanding>, StoreError> {
    let meant = app.sites().into_iter().filter(|site| only.is_none_or(|only| site.name == only));
    let asked = meant.map(|site| async move {
        if !site.right().is_held() {
            return elsewhere(&site).await;
        }
        match ask(&site).await {
            Some(standing) => Ok(standing),
            None => stored(&site, "the loop that watches it is busy").await,
        }
    });
    join_all(asked).await.into_iter().collect()
}

/// Asks the loop of this process that watches a cluster; None if it does not answer in time.
async fn ask(site: &Site) -> Option<ClusterStanding> {
    let (sender, receiver) = oneshot::channel();
    let asked = async {
        site.send(Event::Tell(sender)).await;
        receiver.await.ok()
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

/// How a cluster stands that another process watches, as that wrote it down.
async fn elsewhere(site: &Site) -> Result<ClusterStanding, StoreError> {
    let Some(holder) = site.right().holder(&site.store).await? else {
        return stored(site, "no process watches it at present").await;
    };
    let process = format!("process {}", lease::clusters_and_process(&holder).1);
    let written = site.store.get(&key(&site.name)).await?;
    let written = written.and_then(|text| serde_json::from_str::<Written>(&text).ok());
    // One that was written by its predecessor says nothing of now, and an old one little.
    let oldest = site.clock.now().checked_sub(HEARD_WITHIN).unwrap_or_default();
    match written.filter(|written| written.by == holder) {
        Some(Written { mut standing, at, .. }) if at >= oldest => {
            with_rows(site, &mut standing).await?;
            Ok(ClusterStanding { elsewhere: Some(process), ..standing })
        }
        Some(_) => stored(site, &format!("{process} watches it and is not heard")).await,
        None => stored(site, &format!("{process} has just begun to watch it")).await,
    }
}

/// What the store knows of a cluster of which nobody can be asked.
async fn stored(site: &Site, why: &str) -> Result<ClusterStanding, StoreError> {
    let id = identity::known(&site.store, &site.name).await?;
    let mut standing =
        ClusterStanding { name: site.name.clone(), unwatched: Some(why.to_owned()), id, ..ClusterStanding::default() };
    with_rows(site, &mut standing).await?;
    Ok(standing)
}

async fn with_rows(app: &App, standing: &mut ClusterStanding) -> Result<(), StoreError> {
    let Some(id) = &standing.id else { return Ok(()) };
    standing.incidents = app.store.open_incidents(id).await?;
    standing.silences = app.store.silences(id, app.clock.now()).await?;
    standing.cycles = standing::cycles(app, id).await?;
    Ok(())
}

/// How a cluster stands, for the process that answers.
#[derive(serde::Serialize, serde::Deserialize)]
struct Written {
    by: String,
    at: Timestamp,
    standing: ClusterStanding,
}

fn key(name: &str) -> String {
    format!("standing of {name}")
}

/// How often it is written, and after what time the one who should is not heard: the clocks of two machines may differ.
const WRITTEN_EVERY: SignedDuration = SignedDuration::from_secs(5);
const HEARD_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// Writes down how a cluster stands, again and again while another process answers.
pub async fn write_down(site: Arc<Site>) {
    loop {
        let next = site.clock.now().saturating_add(WRITTEN_EVERY).unwrap_or_default();
        tokio::select! {
            () = site.stop.cancelled() => return,
            () = site.clock.sleep_until(next) => {}
        }
        if site.app().right().is_held() {
            continue;
        }
        let Some(standing) = ask(&site).await else { continue };
        let written = Written { by: site.right().lease().holder, at: site.clock.now(), standing };
        let text = serde_json::to_string(&written).unwrap_or_default();
        if let Err(error) = site.store.put(&key(&site.name), &text).await {
            tracing::debug!(%error, "how the cluster stands could not be written down");
        }
    }
}
