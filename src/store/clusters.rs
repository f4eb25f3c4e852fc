//! What is known of a cluster as a whole: whether it was ever seen completely, and which rows are its own.

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::cluster::ClusterId;

fn first_picture(cluster: &ClusterId) -> String {
    format!("first picture of {cluster}")
}

impl Store {
    /// The clusters of which anything is stored.
    pub async fn clusters(&self) -> Result<Vec<ClusterId>, StoreError> {
        self.once("reading which clusters were watched", async {
            let ids = sqlx::query_scalar(
                "SELECT cluster_id FROM cycles UNION SELECT cluster_id FROM incidents ORDER BY cluster_id",
            );
            let ids: Vec<String> = ids.fetch_all(&self.pool).await?;
            Ok(ids.into_iter().map(ClusterId).collect())
        })
        .await
    }

    /// Whether the first complete picture of a cluster was dealt with, by this process or an earlier one.
    pub async fn had_first_picture(&self, cluster: &ClusterId) -> Result<bool, StoreError> {
        Ok(self.get(&first_picture(cluster)).await?.is_some())
    }

    /// The first complete picture of a cluster is dealt with.
    pub async fn record_first_picture(&self, cluster: &ClusterId, now: Timestamp) -> Result<(), StoreError> {
        self.again("recording the first picture of a cluster", |_| async move {
            sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
                .bind(first_picture(cluster))
                .bind(now.to_string())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Gives the rows of one cluster to another: it was not known who it is, and now is. An open incident of an owner that has one
    /// there already stays where it is.
    pub async fn adopt(&self, from: &ClusterId, to: &ClusterId) -> Result<(), StoreError> {
        self.again("giving a cluster its real id", |_| async move {
            let mut tx = self.begin().await?;
            for sql in [
                "UPDATE incidents SET cluster_id = $2 WHERE cluster_id = $1 AND NOT (status = 'open' AND EXISTS \
                 (SELECT 1 FROM incidents o WHERE o.cluster_id = $2 AND o.status = 'open' \
                 AND o.owner_kind = incidents.owner_kind AND o.namespace = incidents.namespace \
                 AND o.owner_name = incidents.owner_name))",
                "UPDATE outbox SET cluster_id = $2 WHERE cluster_id = $1",
                "UPDATE cycles SET cluster_id = $2 WHERE cluster_id = $1",
                "UPDATE transitions SET cluster_id = $2 WHERE cluster_id = $1",
                "UPDATE silences SET cluster_id = $2 WHERE cluster_id = $1",
                "UPDATE setting_changes SET cluster_id = $2 WHERE cluster_id = $1",
                "UPDATE readings SET cluster_id = $2 WHERE cluster_id = $1 AND NOT EXISTS (SELECT 1 FROM readings o \
                 WHERE o.cluster_id = $2 AND o.kind = readings.kind AND o.namespace = readings.namespace \
                 AND o.name = readings.name)",
            ] {
                sqlx::query(sql).bind(&from.0).bind(&to.0).execute(&mut *tx).await?;
            }
            // Its first picture is not told twice.
            let sql = "UPDATE settings SET name = $2 WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM settings s WHERE s.name = $2)";
            sqlx::query(sql).bind(first_picture(from)).bind(first_picture(to)).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}
