//! The transitions of each owner, bounded as the history in memory is, so that a restart forgets nothing rules read.

use std::collections::BTreeSet;

use sqlx::Row;

use super::{Fault, Store, StoreError, count_up, millis, to_json};
use crate::cluster::{ClusterId, History, ObjectRef, Transition};

impl Store {
    /// Remembers transitions; each once, the newest 64 of an owner.
    pub async fn record_transitions(&self, cluster: &ClusterId, transitions: &[Transition]) -> Result<(), StoreError> {
        if transitions.is_empty() {
            return Ok(());
        }
        self.again("recording transitions", |_| async move {
            let count = i64::try_from(transitions.len()).unwrap_or(i64::MAX);
            let mut tx = self.begin().await?;
            let mut id = count_up(&mut tx, "transitions", count).await? - count;
            for transition in transitions {
                id += 1;
                sqlx::query(
                    "INSERT INTO transitions (id, cluster_id, owner_kind, namespace, owner_name, at_ms, body) \
                     SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM transitions WHERE \
                     cluster_id = $2 AND owner_kind = $3 AND namespace = $4 AND owner_name = $5 AND at_ms = $6 \
                     AND body = $7)",
                )
                .bind(id)
                .bind(&cluster.0)
                .bind(&*transition.owner.kind)
                .bind(&*transition.owner.namespace)
                .bind(&*transition.owner.name)
                .bind(millis(transition.at))
                .bind(to_json(transition)?)
                .execute(&mut *tx)
                .await?;
            }
            for owner in transitions.iter().map(|t| &t.owner).collect::<BTreeSet<_>>() {
                sqlx::query(
                    "DELETE FROM transitions WHERE cluster_id = $1 AND owner_kind = $2 AND namespace = $3 \
                     AND owner_name = $4 AND id NOT IN (SELECT id FROM transitions WHERE cluster_id = $1 \
                     AND owner_kind = $2 AND namespace = $3 AND owner_name = $4 ORDER BY id DESC LIMIT $5)",
                )
                .bind(&cluster.0)
                .bind(&*owner.kind)
                .bind(&*owner.namespace)
                .bind(&*owner.name)
                .bind(i64::try_from(History::KEPT).unwrap_or(i64::MAX))
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// The history of a cluster. A transition that this version cannot read is left out: rules then know less, not wrong.
    pub async fn load_history(&self, cluster: &ClusterId) -> Result<History, StoreError> {
        self.once("reading the history", async {
            let rows = sqlx::query("SELECT body FROM transitions WHERE cluster_id = $1 ORDER BY id").bind(&cluster.0);
            let mut history = History::default();
            for row in rows.fetch_all(&self.pool).await? {
                let body: String = row.try_get("body")?;
                match serde_json::from_str(&body) {
                    Ok(transition) => history.record(transition),
                    Err(error) => tracing::warn!(%error, "a stored transition cannot be read and is left out"),
                }
            }
            Ok(history)
        })
        .await
    }

    /// Forgets the transitions of an owner that is gone.
    pub async fn forget_transitions(&self, cluster: &ClusterId, owner: &ObjectRef) -> Result<(), StoreError> {
        self.again("forgetting an owner", |_| async move {
            sqlx::query(
                "DELETE FROM transitions WHERE cluster_id = $1 AND owner_kind = $2 AND namespace = $3 AND owner_name = $4",
            )
            .bind(&cluster.0)
            .bind(&*owner.kind)
            .bind(&*owner.namespace)
            .bind(&*owner.name)
            .execute(&self.pool)
            .await?;
            Ok::<(), Fault>(())
        })
        .await
    }
}
