//! The monitoring passes that were made, and the tidying of old rows.

use std::collections::BTreeMap;

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
    /// How the cluster was found, in a word: `complete`, `partial` (something could not be listed), `blind` (a required kind
    /// cannot be seen) or `starting` (not everything was seen once).
    pub status: String,
    /// How many findings there were.
    pub findings: u32,
    /// How many alerts were posted since the pass before.
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
    pub silences: u64,
    pub setting_changes: u64,
    pub incidents: u64,
}

/// How long what came from Slack is kept after it was answered: nothing is delivered again after that.
const SETTLED_IS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long what was sent, or can never be, is kept.
const SENT_IS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long the transitions of owners are kept; rules look back a day at most.
const TRANSITIONS_ARE_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a silence is kept after its end.
const SILENCES_ARE_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a change beside the workloads is kept: it explains nothing after a day.
const SETTING_CHANGES_ARE_KEPT: SignedDuration = SignedDuration::from_hours(2 * 24);

/// How long is kept what people may want to look back on, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// An incident with everything of its, after it was resolved.
    pub incidents: u16,
    /// A monitoring pass.
    pub passes: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { incidents: 365, passes: 30 }
    }
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

    /// How many monitoring passes of a cluster ended how since an instant.
    pub async fn passes_since(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.once("counting the monitoring passes", async {
            let rows = sqlx::query(
                "SELECT status, COUNT(*) AS n FROM cycles WHERE cluster_id = $1 AND finished_ms >= $2 GROUP BY status",
            );
            let rows = rows.bind(&cluster.0).bind(millis(since)).fetch_all(&self.pool).await?;
            rows.iter()
                .map(|row| Ok((row.try_get("status")?, u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or_default())))
                .collect()
        })
        .await
    }

    /// Tidies away what nobody asks for any more. Open incidents stay with everything of theirs.
    pub async fn prune(&self, now: Timestamp, kept: Retention) -> Result<Pruned, StoreError> {
        let days = |days: u16| SignedDuration::from_hours(24 * i64::from(days));
        let (incidents_are_kept, passes_are_kept) = (days(kept.incidents), days(kept.passes));
        let before = |kept: SignedDuration| millis(now).saturating_sub(kept.as_secs() * 1000);
        self.again("tidying old rows", |_| async move {
            let mut tx = self.begin().await?;
            let mut delete = async |sql: &'static str, kept: SignedDuration| {
                Ok::<u64, super::Fault>(sqlx::query(sql).bind(before(kept)).execute(&mut *tx).await?.rows_affected())
            };
            let mut pruned = Pruned {
                outbox: delete(
                    "DELETE FROM outbox WHERE created_ms < $1 AND state IN ('sent', 'superseded', 'dead') \
                     AND (sent_ms IS NULL OR sent_ms < $1) AND NOT (kind = 'post' AND COALESCE(incident_id, '') IN \
                     (SELECT id FROM incidents WHERE status = 'open'))",
                    SENT_IS_KEPT,
                )
                .await?,
                inbox: delete("DELETE FROM inbox WHERE done_ms < $1", SETTLED_IS_KEPT).await?,
                cycles: delete("DELETE FROM cycles WHERE finished_ms < $1", passes_are_kept).await?,
                transitions: delete("DELETE FROM transitions WHERE at_ms < $1", TRANSITIONS_ARE_KEPT).await?,
                silences: delete("DELETE FROM silences WHERE until_ms < $1", SILENCES_ARE_KEPT).await?,
                setting_changes: delete("DELETE FROM setting_changes WHERE at_ms < $1", SETTING_CHANGES_ARE_KEPT)
                    .await?,
                incidents: 0,
            };
            // What belongs to an incident goes before it.
            for sql in [
                "DELETE FROM outbox WHERE incident_id IN \
                 (SELECT id FROM incidents WHERE status = 'resolved' AND resolved_ms < $1)",
                "DELETE FROM messages WHERE incident_id IN \
                 (SELECT id FROM incidents WHERE status = 'resolved' AND resolved_ms < $1)",
            ] {
                delete(sql, incidents_are_kept).await?;
            }
            let incidents = "DELETE FROM incidents WHERE status = 'resolved' AND resolved_ms < $1";
            pruned.incidents = delete(incidents, incidents_are_kept).await?;
            tx.commit().await?;
            Ok(pruned)
        })
        .await
    }
}
