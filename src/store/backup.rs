//! A copy of the database as it is at one moment, while the bot runs; and whether a file is whole.

use std::path::Path;

use sqlx::{AnyConnection, Connection};

use super::{Dialect, Store, StoreError};

/// How many faults of a damaged file are told.
const TOLD: usize = 3;

impl Store {
    /// Whether a backup is a file that [`Self::backup`] can write; PostgreSQL has tools of its own.
    pub fn is_a_file(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    /// Writes a copy into a file that is not there yet; the bot may go on meanwhile. Only of a database that is a file.
    ///
    /// # Errors
    /// If the file is there already or cannot be written, or if the copy is not whole.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.once("writing a copy of the database", async {
            sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&self.pool).await?;
            Ok(())
        })
        .await?;
        let url = format!("sqlite:{}?mode=ro", to.display());
        let mut copy = AnyConnection::connect(&url).await.map_err(|source| StoreError::Open {
            url: url.as_str().into(),
            remedy: "the copy that was written cannot be read again; see whether its disk is full",
            source,
        })?;
        is_whole(&mut copy, &url.as_str().into()).await?;
        // It was only read.
        drop(copy.close().await);
        Ok(())
    }
}

/// Asks SQLite whether a file is whole. Indices are not held against their tables: that would take as long as reading all of it twice.
pub(super) async fn is_whole(connection: &mut AnyConnection, url: &std::sync::Arc<str>) -> Result<(), StoreError> {
    let broken = |why: String| StoreError::Broken { url: std::sync::Arc::clone(url), why };
    let said: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(3)")
        .fetch_all(connection)
        .await
        .map_err(|error| broken(error.to_string()))?;
    if said == ["ok"] {
        return Ok(());
    }
    Err(broken(said.into_iter().take(TOLD).collect::<Vec<_>>().join("; ")))
}
