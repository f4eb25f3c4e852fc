//! The store on the database that `K8S_MONITOR_TEST_DATABASE_URL` names, else on SQLite.

mod calls;
mod inbox_and_leases;
mod incidents;
mod outbox;
mod readings;
mod rest;

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    alerts::{Message, Outgoing, Word},
    cluster::{ClusterId, ObjectRef},
    incidents::{Incident, IncidentId, Resolution, Severity, Status},
};

fn at(minutes: i64) -> Timestamp {
    "2026-11-24T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn cluster() -> ClusterId {
    ClusterId("c1".into())
}

fn owner(name: &str) -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: name.into() }
}

/// An open incident as the pure step would make it.
fn wrong(name: &str, now: Timestamp) -> Incident {
    testing::an_incident(cluster(), owner(name), now)
}

fn request(name: &str, fence: i64, now: Timestamp) -> TransitionRequest {
    TransitionRequest { cluster: cluster(), owner: owner(name), fence, now }
}

fn message(text: &str) -> Message {
    Message { text: text.into(), blocks: Vec::new(), colour: None }
}

fn post(text: &str) -> Outgoing {
    Outgoing::Post { channel: "C1".into(), message: message(text) }
}

fn edit(text: &str) -> Outgoing {
    Outgoing::Edit { channel: "C1".into(), message: message(text) }
}

fn reply(text: &str) -> Outgoing {
    Outgoing::Reply { channel: "C1".into(), message: message(text), broadcast: false, word: Word::News }
}

fn silent(_: Option<&Incident>, _: &Incident) -> Vec<Outgoing> {
    Vec::new()
}

/// Opens an incident of that owner.
async fn opened(store: &Store, name: &str, now: Timestamp) -> Incident {
    let done = store.transition(request(name, 1, now), |_, _| Some(wrong(name, now)), silent).await.unwrap();
    done.after.unwrap()
}

/// Resolves the open incident of that owner.
async fn resolved(store: &Store, name: &str, now: Timestamp) -> Incident {
    let step = |open: Option<&Incident>, _: Option<&Incident>| {
        let mut incident = open?.clone();
        incident.status = Status::Resolved;
        incident.updated_at = now;
        incident.resolution = Some(Resolution { at: now, reason: "2 of 2 ready for 5 min".into(), by: None });
        Some(incident)
    };
    store.transition(request(name, 1, now), step, silent).await.unwrap().after.unwrap()
}

/// Everything that is due, given out.
async fn taken(store: &Store, now: Timestamp) -> Vec<OutboxRow> {
    let mut rows = Vec::new();
    for row in store.due(now, 100).await.unwrap() {
        rows.extend(store.take(row.id, now).await.unwrap());
    }
    rows
}

/// What is due, given out, as its text.
async fn due(store: &Store, now: Timestamp) -> Vec<(i64, String)> {
    let text = |outgoing: Outgoing| match outgoing {
        Outgoing::Post { message, .. } => format!("post {}", message.text),
        Outgoing::Edit { message, .. } => format!("edit {}", message.text),
        Outgoing::Reply { message, .. } => format!("reply {}", message.text),
        Outgoing::ReplyTo { message, .. } => format!("reply to {}", message.text),
        Outgoing::Respond { message, .. } => format!("respond {}", message.text),
        Outgoing::Webhook { body } => format!("call {body}"),
        Outgoing::PagerDuty { event } => format!("page {event}"),
    };
    taken(store, now).await.into_iter().map(|row| (row.id, text(row.outgoing))).collect()
}

fn texts(rows: &[(i64, String)]) -> Vec<&str> {
    rows.iter().map(|(_, text)| text.as_str()).collect()
}
