//! What was last read of objects beside the workloads, and what was found to be different, so that a restart forgets neither.

use jiff::Timestamp;
use sqlx::Row;

use super::{Fault, Store, StoreError, clean, count_up, instant, millis, to_json};
use crate::{
    changes::{Reading, SettingChange},
    cluster::{ClusterId, ObjectRef},
};

/// What was read of an object, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What.
    pub reading: Reading,
    /// When.
    pub at: Timestamp,
}

/// Under this name the store has what makes its hashes of settings its own.
const SALT: &str = "salt of readings";

impl Store {
    /// The secret of this store with which settings are hashed; `fresh` if it has none yet.
    pub async fn salt(&self, fresh: &str) -> Result<String, StoreError> {
        self.again("reading the salt of readings", |_| async move {
            let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
            sqlx::query(sql).bind(SALT).bind(fresh).execute(&self.pool).await?;
            let value = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(SALT);
            Ok(value.fetch_one(&self.pool).await?)
        })
        .await
    }

    /// The objects of a cluster that were read, in which version and when.
    pub async fn objects_read(&self, cluster: &ClusterId) -> Result<Vec<(ObjectRef, String, Timestamp)>, StoreError> {
        self.once("reading which settings are known", async {
            let rows =
                sqlx::query("SELECT kind, namespace, name, version, read_ms FROM readings WHERE cluster_id = $1");
            let rows = rows.bind(&cluster.0).fetch_all(&self.pool).await?;
            rows.iter()
                .map(|row| {
                    let text = |column: &str| row.try_get::<String, _>(column);
                    let of = ObjectRef {
                        kind: text("kind")?.into(),
                        namespace: text("namespace")?.into(),
                        name: text("name")?.into(),
                    };
                    Ok((of, text("version")?, instant(row.try_get("read_ms")?)?))
                })
                .collect()
        })
        .await
    }

    /// What was last read of an object. What this version cannot read counts as never read.
    pub async fn last_reading(&self, cluster: &ClusterId, of: &ObjectRef) -> Result<Option<Kept>, StoreError> {
        self.once("reading what is known of a setting", async {
            let row = sqlx::query(
                "SELECT read_ms, body FROM readings WHERE cluster_id = $1 AND kind = $2 AND namespace = $3 AND name = $4",
            );
            let row = row.bind(&cluster.0).bind(&*of.kind).bind(&*of.namespace).bind(&*of.name);
            let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
            let (at, body) = (instant(row.try_get("read_ms")?)?, row.try_get::<String, _>("body")?);
            Ok(serde_json::from_str(&body).ok().map(|reading| Kept { reading, at }))
        })
        .await
    }

    /// Remembers what was read of an object (None: it is gone) in which version, and what was found to be different.
    pub async fn record_reading(
        &self,
        cluster: &ClusterId,
        of: &ObjectRef,
        read: Option<(&str, &Kept)>,
        change: Option<&SettingChange>,
    ) -> Result<(), StoreError> {
        self.again("remembering a setting", |_| async move {
            let mut tx = self.begin().await?;
            match read {
                Some((version, kept)) => {
                    sqlx::query(
                        "INSERT INTO readings (cluster_id, kind, namespace, name, version, read_ms, body) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (cluster_id, kind, namespace, name) DO UPDATE \
                         SET version = excluded.version, read_ms = excluded.read_ms, body = excluded.body",
                    )
                    .bind(&cluster.0)
                    .bind(&*of.kind)
                    .bind(&*of.namespace)
                    .bind(&*of.name)
                    .bind(&*clean(version))
                    .bind(millis(kept.at))
                    .bind(&*clean(&to_json(&kept.reading)?))
                    .execute(&mut *tx)
                    .await?;
                }
                None => forget(&mut tx, cluster, of).await?,
            }
            if let Some(change) = change {
                let id = count_up(&mut tx, "setting_changes", 1).await?;
                sqlx::query("INSERT INTO setting_changes (id, cluster_id, at_ms, body) VALUES ($1, $2, $3, $4)")
                    .bind(id)
                    .bind(&cluster.0)
                    .bind(millis(change.at))
                    .bind(&*clean(&to_json(change)?))
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Forgets what was read of an object that nobody uses any more.
    pub async fn forget_reading(&self, cluster: &ClusterId, of: &ObjectRef) -> Result<(), StoreError> {
        self.again(
            "forgetting a setting",
            |_| async move { forget(&mut *self.pool.acquire().await?, cluster, of).await },
        )
        .await
    }

    /// What was found to be different since an instant, the oldest first, the newest so many.
    pub async fn setting_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
        count: u32,
    ) -> Result<Vec<SettingChange>, StoreError> {
        self.once("reading the changes of settings", async {
            let rows = sqlx::query(
                "SELECT body FROM setting_changes WHERE cluster_id = $1 AND at_ms >= $2 ORDER BY at_ms DESC, id DESC LIMIT $3",
            );
            let rows = rows.bind(&cluster.0).bind(millis(since)).bind(i64::from(count)).fetch_all(&self.pool).await?;
            let mut all = Vec::with_capacity(rows.len());
            for row in rows.iter().rev() {
                match serde_json::from_str(row.try_get::<&str, _>("body")?) {
                    Ok(change) => all.push(change),
                    Err(error) => tracing::warn!(%error, "a stored change cannot be read and is left out"),
                }
            }
            Ok(all)
        })
        .await
    }
}

async fn forget(connection: &mut sqlx::AnyConnection, cluster: &ClusterId, of: &ObjectRef) -> Result<(), Fault> {
    sqlx::query("DELETE FROM readings WHERE cluster_id = $1 AND kind = $2 AND namespace = $3 AND name = $4")
        .bind(&cluster.0)
        .bind(&*of.kind)
        .bind(&*of.namespace)
        .bind(&*of.name)
        .execute(connection)
        .await?;
    Ok(())
}
