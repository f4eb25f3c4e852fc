//! What somebody wants to hear nothing of, as rows: a silence in with the answer it gets, those that count at an instant out.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, count_up, inbox, millis, outbox, to_json};
use crate::{alerts::Outgoing, cluster::ClusterId, incidents::Silence};

/// Who asked for a change, and when: the envelope is settled in the same transaction. If it was settled before, nothing is written.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The inbox row.
    pub inbox: i64,
    /// The present.
    pub now: Timestamp,
}

impl Store {
    /// The silences of a cluster that count at an instant, the first to end first. One that this version cannot read is left out.
    pub async fn silences(&self, cluster: &ClusterId, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        self.once("reading the silences", async {
            let rows = sqlx::query(
                "SELECT body FROM silences WHERE cluster_id = $1 AND until_ms > $2 AND ended_ms IS NULL ORDER BY until_ms, id",
            );
            let mut all = Vec::new();
            for row in rows.bind(&cluster.0).bind(millis(now)).fetch_all(&self.pool).await? {
                let body: String = row.try_get("body")?;
                match serde_json::from_str(&body) {
                    Ok(silence) => all.push(silence),
                    Err(error) => tracing::warn!(%error, "a stored silence cannot be read and is left out"),
                }
            }
            Ok(all)
        })
        .await
    }

    /// Adds a silence under the next number; `say` gives the answer. None if the envelope was settled before.
    pub async fn add_silence(
        &self,
        cluster: &ClusterId,
        asked: Asked,
        silence: &Silence,
        say: impl Fn(&Silence) -> Vec<Outgoing> + Send + Sync,
    ) -> Result<Option<Silence>, StoreError> {
        let say = &say;
        self.again("writing a silence", |_| async move {
            let mut tx = self.begin().await?;
            let id = count_up(&mut tx, "silences", 1).await?;
            let silence = Silence { id, ..silence.clone() };
            sqlx::query("INSERT INTO silences (id, cluster_id, until_ms, body) VALUES ($1, $2, $3, $4)")
                .bind(id)
                .bind(&cluster.0)
                .bind(millis(silence.until))
                .bind(to_json(&silence)?)
                .execute(&mut *tx)
                .await?;
            let origin = outbox::Origin { cluster: Some(cluster), incident: None, now: asked.now };
            outbox::insert(&mut tx, &origin, &say(&silence)).await?;
            if !inbox::mark_done(&mut tx, asked.inbox, None, asked.now).await? {
                tx.rollback().await?;
                return Ok(None);
            }
            tx.commit().await?;
            Ok(Some(silence))
        })
        .await
    }

    /// Ends a silence before its time; `answer` is what the asker is told. Whether it counted until now.
    pub async fn end_silence(
        &self,
        cluster: &ClusterId,
        asked: Asked,
        id: i64,
        answer: &[Outgoing],
    ) -> Result<bool, StoreError> {
        self.again("ending a silence", |_| async move {
            let mut tx = self.begin().await?;
            let ended = sqlx::query(
                "UPDATE silences SET ended_ms = $1 WHERE id = $2 AND cluster_id = $3 AND until_ms > $1 AND ended_ms IS NULL",
            );
            let ended = ended.bind(millis(asked.now)).bind(id).bind(&cluster.0).execute(&mut *tx).await?;
            let origin = outbox::Origin { cluster: Some(cluster), incident: None, now: asked.now };
            outbox::insert(&mut tx, &origin, answer).await?;
            if !inbox::mark_done(&mut tx, asked.inbox, None, asked.now).await? {
                tx.rollback().await?;
                return Ok(false);
            }
            tx.commit().await?;
            Ok(ended.rows_affected() > 0)
        })
        .await
    }
}
