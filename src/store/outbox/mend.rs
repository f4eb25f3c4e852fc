//! When something stands in the way of what must be sent: why it waits, that it may go on, and what goes in its place.

use jiff::Timestamp;
use sqlx::Row;

use super::{DueRow, Origin, OutboxRow, insert};
use crate::{
    alerts::Outgoing,
    cluster::ClusterId,
    incidents::IncidentId,
    store::{Store, StoreError, brief, clean, millis, to_json},
};

impl Store {
    /// Why everything that is for a destination has to wait: it is shown, and nothing is tried.
    pub async fn held(&self, destination: &str, why: &str) -> Result<(), StoreError> {
        self.again("writing down why messages wait", |_| async move {
            sqlx::query("UPDATE outbox SET error = $1 WHERE destination = $2 AND state IN ('pending', 'unknown')")
                .bind(brief(why))
                .bind(&*clean(destination))
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// What stood in the way is gone: everything that waits may be tried now.
    pub async fn hurry(&self, now: Timestamp) -> Result<(), StoreError> {
        self.again("sending at once what waited", |_| async move {
            sqlx::query("UPDATE outbox SET due_ms = $1 WHERE state IN ('pending', 'unknown') AND due_ms > $1")
                .bind(millis(now))
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Forgets the root message of an incident in a room: it is gone.
    pub async fn forget_root(&self, incident: &IncidentId, room: &str) -> Result<(), StoreError> {
        self.again("forgetting a message that is gone", |_| async move {
            sqlx::query("DELETE FROM messages WHERE incident_id = $1 AND channel = $2")
                .bind(&incident.0)
                .bind(&*clean(room))
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Whether the last root message of an incident for a destination was given up.
    pub async fn is_refused(&self, incident: &IncidentId, destination: &str) -> Result<bool, StoreError> {
        self.once("looking whether an incident's message was refused", async {
            let last: Option<String> = sqlx::query_scalar(
                "SELECT state FROM outbox WHERE incident_id = $1 AND destination = $2 AND kind IN ('post', 'edit') \
                 AND state <> 'superseded' ORDER BY id DESC LIMIT 1",
            )
            .bind(&incident.0)
            .bind(&*clean(destination))
            .fetch_optional(&self.pool)
            .await?;
            Ok(last.as_deref() == Some("dead"))
        })
        .await
    }

    /// Puts these messages in the place of a row, behind everything that waits in its lane: a reply whose root message is
    /// gone goes below a new one.
    pub async fn replace(&self, row: &OutboxRow, outgoing: &[Outgoing], now: Timestamp) -> Result<(), StoreError> {
        self.again("putting other messages in the place of one", |_| async move {
            let mut tx = self.begin().await?;
            let gone =
                sqlx::query("UPDATE outbox SET state = 'superseded' WHERE id = $1 AND state IN ('pending', 'unknown')");
            if gone.bind(row.id).execute(&mut *tx).await?.rows_affected() == 1 {
                let origin = Origin { cluster: row.cluster.as_ref(), incident: row.incident.as_ref(), now };
                insert(&mut tx, &origin, outgoing).await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// For which destinations something of an incident waits.
    pub async fn waiting_destinations(&self) -> Result<Vec<(IncidentId, String)>, StoreError> {
        self.once("reading for whom messages wait", async {
            let rows = sqlx::query(
                "SELECT DISTINCT incident_id, destination FROM outbox WHERE state IN ('pending', 'unknown') \
                 AND kind IN ('post', 'edit', 'reply') AND incident_id IS NOT NULL ORDER BY incident_id, destination",
            );
            let rows = rows.fetch_all(&self.pool).await?;
            rows.iter().map(|row| Ok((IncidentId(row.try_get("incident_id")?), row.try_get("destination")?))).collect()
        })
        .await
    }

    /// For which channels something of a cluster waits; answers to people are left out.
    pub async fn waiting_alerts(&self, cluster: &ClusterId) -> Result<Vec<String>, StoreError> {
        self.once("reading which alerts wait", async {
            let channels = sqlx::query_scalar(
                "SELECT DISTINCT destination FROM outbox WHERE state IN ('pending', 'unknown') \
                 AND kind IN ('post', 'edit', 'reply') AND cluster_id = $1 ORDER BY destination",
            );
            Ok(channels.bind(&cluster.0).fetch_all(&self.pool).await?)
        })
        .await
    }

    /// What waits to be posted and is about no single incident (a summary), and where.
    pub async fn waiting_posts(&self) -> Result<Vec<DueRow>, StoreError> {
        self.once("reading which summaries wait", async {
            let rows = sqlx::query(
                "SELECT id, destination FROM outbox WHERE state IN ('pending', 'unknown') AND kind = 'post' \
                 AND incident_id IS NULL ORDER BY id",
            );
            let rows = rows.fetch_all(&self.pool).await?;
            rows.iter()
                .map(|row| Ok(DueRow { id: row.try_get("id")?, destination: row.try_get("destination")? }))
                .collect()
        })
        .await
    }

    /// Whether the same post is there already: sent, or waiting.
    pub async fn is_said(&self, post: &Outgoing) -> Result<bool, StoreError> {
        let body = to_json(post).map_err(|fault| self.tell("looking whether something was said", 1, fault))?;
        self.once("looking whether something was said", async {
            let n: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM outbox WHERE body = $1 AND kind = 'post' AND state IN ('pending', 'unknown', 'sent')",
            )
            .bind(body)
            .fetch_one(&self.pool)
            .await?;
            Ok(n > 0)
        })
        .await
    }

    /// Nothing of an incident waits for that destination any more; these messages go out instead.
    pub async fn readdress(
        &self,
        (incident, from): (&IncidentId, &str),
        cluster: &ClusterId,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.again("sending messages to another channel", |_| async move {
            let mut tx = self.begin().await?;
            sqlx::query(
                "UPDATE outbox SET state = 'superseded' WHERE incident_id = $1 AND destination = $2 \
                 AND kind IN ('post', 'edit', 'reply') AND state IN ('pending', 'unknown')",
            )
            .bind(&incident.0)
            .bind(&*clean(from))
            .execute(&mut *tx)
            .await?;
            insert(&mut tx, &Origin { cluster: Some(cluster), incident: Some(incident), now }, outgoing).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}
