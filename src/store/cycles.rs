//! The monitoring passes that were made, and the tidying of old rows.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::{Store, StoreError, brief, clean, count_up, instant, millis};
use crate::cluster::ClusterId;

/// One monitoring pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The cluster.
    pub cluster: ClusterId,
    /// When it began.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Timestamp,
    /// How the cluster was found, in a word.
    pub status: String,
    /// How many findings there were.
    pub findings: u32,
    /// How many alerts it caused.
    pub alerts: u32,
    /// How many incidents were open at its end.
    pub incidents_open: u32,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// How many rows were tidied away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they count")]
pub struct Pruned {
    pub outbox: u64,
    pub inbox: u64,
    pub cycles: u64,
    pub transitions: u64,
}

impl Store {
    /// Remembers a monitoring pass.
    pub async fn record_cycle(&self, cycle: &Cycle) -> Result<(), StoreError> {
        self.again("recording a monitoring pass", |_| async move {
            let mut tx = self.begin().await?;
            let id = count_up(&mut tx, "cycles", 1).await?;
            sqlx::query(
                "INSERT INTO cycles (id, cluster_id, started_ms, finished_ms, status, findings, alerts, incidents_open, \
                 error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(id)
            .bind(&cycle.cluster.0)
            .bind(millis(cycle.started))
            .bind(millis(cycle.finished))
            .bind(&*clean(&cycle.status))
            .bind(i64::from(cycle.findings))
            .bind(i64::from(cycle.alerts))
            .bind(i64::from(cycle.incidents_open))
            .bind(cycle.error.as_deref().map(brief))
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// The last monitoring passes of a cluster, newest first.
    pub async fn last_cycles(&self, cluster: &ClusterId, count: u32) -> Result<Vec<Cycle>, StoreError> {
        self.once("reading the last monitoring passes", async {
            let rows = sqlx::query(
                "SELECT started_ms, finished_ms, status, findings, alerts, incidents_open, error FROM cycles \
                 WHERE cluster_id = $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(&cluster.0)
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await?;
            let number = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
            rows.iter()
                .map(|row| {
                    Ok(Cycle {
                        cluster: cluster.clone(),
                        started: instant(row.try_get("started_ms")?)?,
                        finished: instant(row.try_get("finished_ms")?)?,
                        status: row.try_get("status")?,
                        findings: number(row.try_get("findings")?),
                        alerts: number(row.try_get("alerts")?),
                        incidents_open: number(row.try_get("incidents_open")?),
                        error: row.try_get("error")?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Tidies away what nobody asks for any more: sent, superseded and settled rows and passes after a week, rows that
    /// could not be sent and transitions after 30 days. Incidents stay.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        let before = |days: i64| millis(now).saturating_sub(SignedDuration::from_hours(24 * days).as_secs() * 1000);
        let (week, month) = (before(7), before(30));
        self.again("tidying old rows", |_| async move {
            let delete = async |sql: &'static str, before: i64| {
                Ok::<u64, super::Fault>(sqlx::query(sql).bind(before).execute(&self.pool).await?.rows_affected())
            };
            Ok(Pruned {
                outbox: delete(
                    "DELETE FROM outbox WHERE created_ms < $1 AND state IN ('sent', 'superseded') \
                     AND (sent_ms IS NULL OR sent_ms < $1)",
                    week,
                )
                .await?
                    + delete("DELETE FROM outbox WHERE created_ms < $1 AND state = 'dead'", month).await?,
                inbox: delete("DELETE FROM inbox WHERE done_ms < $1", week).await?,
                cycles: delete("DELETE FROM cycles WHERE finished_ms < $1", week).await?,
                transitions: delete("DELETE FROM transitions WHERE at_ms < $1", month).await?,
            })
        })
        .await
    }
}
