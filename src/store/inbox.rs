//! What came from Slack: stored once by its unique id before it is acknowledged, settled together with its answers.

use jiff::Timestamp;
use sqlx::{AnyConnection, Row};

use super::{Fault, Store, StoreError, brief, clean, count_up, instant, millis, outbox};
use crate::alerts::Outgoing;

/// Something that came and is not settled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Its number; older ones have smaller ones.
    pub id: i64,
    /// The id by which a redelivery is known.
    pub unique_id: String,
    /// What it is (`slash_command`, `interaction`, `event`).
    pub kind: String,
    /// What it says, as it came.
    pub body: String,
    /// When it came.
    pub received: Timestamp,
    /// The name of the cluster whose it is; empty: that was not decided, or it is of no single one.
    pub cluster: String,
}

impl Store {
    /// Stores what came and gives its number; None if it came before.
    pub async fn receive(
        &self,
        unique_id: &str,
        kind: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        self.again("storing what came from Slack", |_| async move {
            let mut tx = self.begin().await?;
            let id = count_up(&mut tx, "inbox", 1).await?;
            let stored = sqlx::query(
                "INSERT INTO inbox (id, unique_id, kind, body, received_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (unique_id) DO NOTHING",
            )
            .bind(id)
            .bind(&*clean(unique_id))
            .bind(&*clean(kind))
            .bind(&*clean(body))
            .bind(millis(now))
            .execute(&mut *tx)
            .await?;
            if stored.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(None);
            }
            tx.commit().await?;
            Ok(Some(id))
        })
        .await
    }

    /// What is not settled, oldest first.
    pub async fn inbox_open(&self) -> Result<Vec<InboxRow>, StoreError> {
        self.once("reading what came from Slack", async {
            let rows = sqlx::query(
                "SELECT id, unique_id, kind, body, received_ms, cluster FROM inbox WHERE done_ms IS NULL ORDER BY id",
            );
            let rows = rows.fetch_all(&self.pool).await?;
            rows.iter()
                .map(|row| {
                    Ok(InboxRow {
                        id: row.try_get("id")?,
                        unique_id: row.try_get("unique_id")?,
                        kind: row.try_get("kind")?,
                        body: row.try_get("body")?,
                        received: instant(row.try_get("received_ms")?)?,
                        cluster: row.try_get("cluster")?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Leaves it to the process that watches that cluster.
    pub async fn address(&self, id: i64, cluster: &str) -> Result<(), StoreError> {
        self.again("leaving what came from Slack to another process", |_| async move {
            sqlx::query("UPDATE inbox SET cluster = $1 WHERE id = $2")
                .bind(&*clean(cluster))
                .bind(id)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Marks it done, with what went wrong if something did, and puts the answers into the outbox. Does nothing, and says
    /// false, if it was settled before: nobody is answered twice. The answers belong to no incident (`ReplyTo`, `Respond`).
    pub async fn settle(
        &self,
        id: i64,
        error: Option<&str>,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.again("settling what came from Slack", |_| async move {
            let mut tx = self.begin().await?;
            let first = mark_done(&mut tx, id, error, now).await?;
            if first {
                let origin = outbox::Origin { cluster: None, incident: None, now };
                outbox::insert(&mut tx, &origin, outgoing).await?;
            }
            tx.commit().await?;
            Ok(first)
        })
        .await
    }
}

/// Marks an inbox row done; false if it was before.
pub(super) async fn mark_done(
    connection: &mut AnyConnection,
    id: i64,
    error: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    // What people wrote is not kept longer than it is needed.
    let done = sqlx::query("UPDATE inbox SET done_ms = $1, error = $2, body = '' WHERE id = $3 AND done_ms IS NULL")
        .bind(millis(now))
        .bind(error.map(brief))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
