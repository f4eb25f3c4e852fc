//! What people should have read and did not: messages that could not be delivered, with the reason.

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use super::outbox_row;
use crate::{
    alerts::Outgoing,
    incidents::IncidentId,
    store::{Fault, Store, StoreError, millis},
};

/// A message that is not delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The channel as it is configured, or who is called.
    pub destination: String,
    /// What it is about; None for a summary.
    pub incident: Option<IncidentId>,
    /// When it was written.
    pub created: Timestamp,
    /// Why it is not delivered.
    pub why: String,
    /// Whether it is not tried any more.
    pub is_dead: bool,
    /// What it says.
    pub outgoing: Outgoing,
}

impl Store {
    /// The oldest messages for people that were given up, or that were written before then and wait for a reason; answers to
    /// single people are left out, they asked again long since.
    pub async fn undelivered(&self, before: Timestamp, most: u32) -> Result<Vec<Letter>, StoreError> {
        self.once("reading what could not be delivered", async {
            let rows = sqlx::query(
                "SELECT id, taken, cluster_id, incident_id, destination, body, state, attempts, created_ms, error FROM outbox \
                 WHERE kind NOT IN ('respond', 'reply_to') AND (state = 'dead' \
                 OR (state IN ('pending', 'unknown') AND error IS NOT NULL AND created_ms <= $1)) ORDER BY id LIMIT $2",
            );
            let rows = rows.bind(millis(before)).bind(i64::from(most)).fetch_all(&self.pool).await?;
            let letter = |row: &AnyRow| -> Result<Option<Letter>, Fault> {
                let is_dead = row.try_get::<String, _>("state")? == "dead";
                let why = row.try_get::<Option<String>, _>("error")?.unwrap_or_default();
                match outbox_row(row.try_get("id")?, row) {
                    Ok(row) => Ok(Some(Letter {
                        destination: row.destination,
                        incident: row.incident,
                        created: row.created,
                        why,
                        is_dead,
                        outgoing: row.outgoing,
                    })),
                    // It was given up because it cannot be read.
                    Err(Fault::Unreadable(_)) => Ok(None),
                    Err(fault) => Err(fault),
                }
            };
            rows.iter().filter_map(|row| letter(row).transpose()).collect()
        })
        .await
    }
}
