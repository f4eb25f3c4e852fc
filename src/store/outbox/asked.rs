//! What is asked of the outbox: how much waits and why, and which message belongs to which incident.

use jiff::Timestamp;
use sqlx::Row;

use super::super::{Store, StoreError, clean, instant, millis};
use crate::incidents::IncidentId;

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Rows that are not sent yet.
    pub pending: u64,
    /// Rows that could not be sent, for good.
    pub dead: u64,
    /// Of those that are not sent yet: what something stands in the way of.
    pub held_up: u64,
    /// When the oldest unsent row was written.
    pub oldest_pending: Option<Timestamp>,
}

impl Store {
    /// How full the outbox is. Answers that came too late for their asker are not counted: nobody has to mend that.
    pub async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        self.once("counting the outbox", async {
            let rows = sqlx::query(
                "SELECT state, COUNT(*) AS n, COUNT(error) AS failed, MIN(created_ms) AS oldest FROM outbox \
                 WHERE state IN ('pending', 'unknown') OR (state = 'dead' AND kind NOT IN ('respond', 'reply_to')) \
                 GROUP BY state",
            );
            let mut counts = OutboxCounts::default();
            for row in rows.fetch_all(&self.pool).await? {
                let n = u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or_default();
                if row.try_get::<String, _>("state")? == "dead" {
                    counts.dead += n;
                } else {
                    let oldest = instant(row.try_get("oldest")?)?;
                    counts.pending += n;
                    counts.held_up += u64::try_from(row.try_get::<i64, _>("failed")?).unwrap_or_default();
                    counts.oldest_pending = Some(counts.oldest_pending.map_or(oldest, |o| o.min(oldest)));
                }
            }
            Ok(counts)
        })
        .await
    }

    /// Why messages wait, or else why the last one was given up; of several the newest.
    pub async fn outbox_error(&self) -> Result<Option<String>, StoreError> {
        self.once("reading why messages wait", async {
            let error = sqlx::query_scalar(
                "SELECT error FROM outbox WHERE (state IN ('pending', 'unknown') \
                 OR (state = 'dead' AND kind NOT IN ('respond', 'reply_to'))) AND error IS NOT NULL ORDER BY \
                 CASE WHEN state = 'dead' THEN 1 ELSE 0 END, due_ms DESC, id DESC LIMIT 1",
            );
            Ok(error.fetch_optional(&self.pool).await?)
        })
        .await
    }

    /// Why calls of a webhook and of `PagerDuty` wait; of each the newest reason.
    pub async fn call_errors(&self) -> Result<Vec<String>, StoreError> {
        self.once("reading why calls wait", async {
            let errors = sqlx::query_scalar(
                "SELECT o.error FROM outbox o JOIN (SELECT MAX(id) AS id FROM outbox WHERE kind IN ('webhook', 'pagerduty') \
                 AND state IN ('pending', 'unknown') AND error IS NOT NULL GROUP BY kind) newest ON newest.id = o.id ORDER BY o.kind",
            );
            Ok(errors.fetch_all(&self.pool).await?)
        })
        .await
    }

    /// How many messages were given up since an instant; answers are not counted.
    pub async fn dead_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        self.once("counting the messages that were given up", async {
            let n: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM outbox WHERE state = 'dead' AND kind NOT IN ('respond', 'reply_to') \
                 AND sent_ms >= $1",
            )
            .bind(millis(since))
            .fetch_one(&self.pool)
            .await?;
            Ok(u64::try_from(n).unwrap_or_default())
        })
        .await
    }

    /// Timestamp of the root message of an incident in a room.
    pub async fn root_message(&self, incident: &IncidentId, room: &str) -> Result<Option<String>, StoreError> {
        self.once("looking for an incident's message", async {
            let ts = sqlx::query_scalar("SELECT ts FROM messages WHERE incident_id = $1 AND channel = $2");
            Ok(ts.bind(&incident.0).bind(&*clean(room)).fetch_optional(&self.pool).await?)
        })
        .await
    }

    /// The incident whose root message this is.
    pub async fn incident_of_message(&self, channel: &str, ts: &str) -> Result<Option<IncidentId>, StoreError> {
        self.once("looking for a message's incident", async {
            let id = sqlx::query_scalar("SELECT incident_id FROM messages WHERE channel = $1 AND ts = $2");
            let id: Option<String> = id.bind(&*clean(channel)).bind(&*clean(ts)).fetch_optional(&self.pool).await?;
            Ok(id.map(IncidentId))
        })
        .await
    }
}
