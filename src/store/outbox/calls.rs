//! Late calls: once somebody takes care of an incident, or it is over, nobody is called any more who was not called in time.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{AnyConnection, Row};

use super::{Fault, millis};
use crate::{
    alerts::Outgoing,
    incidents::{Incident, IncidentId},
};

/// An event for `PagerDuty`, in the order of its lane.
struct Event {
    id: i64,
    action: String,
    /// It certainly did not arrive, and is not on its way.
    is_unsent: bool,
    /// It may have arrived, and is not on its way.
    is_doubtful: bool,
    /// It was given out since it was last known not to have arrived.
    was_given_out: bool,
}

/// Takes back what was not called yet of an incident that calls nobody any more. `PagerDuty` does not hear either that
/// somebody takes care, or that it is over, if it never heard of it.
pub(in crate::store) async fn drop_calls(
    connection: &mut AnyConnection,
    (incident, now): (&Incident, Timestamp),
    outgoing: Vec<Outgoing>,
) -> Result<Vec<Outgoing>, Fault> {
    let calls = incident.is_open()
        && incident.acknowledged.is_none()
        && incident.silenced.is_none()
        && incident.parent.is_none();
    if calls || incident.telling.ever_called.is_empty() {
        return Ok(outgoing);
    }
    let webhook = sqlx::query(
        "UPDATE outbox SET state = 'superseded' WHERE incident_id = $1 AND kind = 'webhook' \
         AND ((state = 'pending' AND taken = 0) OR (state = 'unknown' AND due_ms > $2))",
    );
    webhook.bind(&incident.id.0).bind(millis(now)).execute(&mut *connection).await?;
    let events = events(connection, &incident.id, now).await?;
    for (at, event) in events.iter().enumerate() {
        let is_late = |event: &Event| event.action == "trigger" && (event.is_unsent || event.is_doubtful);
        // What is called a second time is ended first: that belongs to the call.
        let leads_to_one = event.action == "resolve" && event.is_unsent && events.get(at + 1).is_some_and(is_late);
        if is_late(event) || leads_to_one {
            supersede(connection, event.id).await?;
        }
    }
    // Rows that are sent are tidied away after a time, but what is called a second time is ended first.
    let was_called = events.is_empty() || events.iter().any(|event| event.was_given_out || event.action == "resolve");
    if was_called {
        return Ok(outgoing);
    }
    for event in events.iter().filter(|event| event.is_unsent) {
        supersede(connection, event.id).await?;
    }
    let is_said = |row: &Outgoing| !matches!(row, Outgoing::PagerDuty { event } if action(event) != "trigger");
    Ok(outgoing.into_iter().filter(is_said).collect())
}

async fn events(connection: &mut AnyConnection, incident: &IncidentId, now: Timestamp) -> Result<Vec<Event>, Fault> {
    let rows = sqlx::query(
        "SELECT id, body, state, taken, due_ms FROM outbox WHERE incident_id = $1 AND kind = 'pagerduty' ORDER BY id",
    );
    let rows = rows.bind(&incident.0).fetch_all(connection).await?;
    let event = |row: &sqlx::any::AnyRow| -> Result<Event, Fault> {
        let state: String = row.try_get("state")?;
        let body: String = row.try_get("body")?;
        let was_given_out = row.try_get::<i64, _>("taken")? > 0;
        let action = match serde_json::from_str(&body) {
            Ok(Outgoing::PagerDuty { event }) => action(&event).to_owned(),
            _ => String::new(),
        };
        Ok(Event {
            id: row.try_get("id")?,
            action,
            is_unsent: state == "pending" && !was_given_out,
            is_doubtful: state == "unknown" && row.try_get::<i64, _>("due_ms")? > millis(now),
            was_given_out,
        })
    };
    rows.iter().map(event).collect()
}

fn action(event: &Value) -> &str {
    event["event_action"].as_str().unwrap_or_default()
}

async fn supersede(connection: &mut AnyConnection, id: i64) -> Result<(), Fault> {
    let gone = sqlx::query("UPDATE outbox SET state = 'superseded' WHERE id = $1 AND state IN ('pending', 'unknown')");
    gone.bind(id).execute(connection).await?;
    Ok(())
}
