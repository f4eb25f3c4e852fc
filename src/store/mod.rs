//! What must survive a restart: stage values in, rows of SQLite or PostgreSQL out, and back; the only code that knows SQL.

mod backup;
mod clusters;
mod cycles;
mod error;
mod history;
mod inbox;
mod incidents;
mod leases;
mod outbox;
mod readings;
mod silences;
#[cfg(any(test, feature = "sandbox"))]
pub mod testing;

use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{
    Any, AnyConnection, Connection, SqlStr,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use url::Url;

use error::{Fault, brief, clean, masked};

pub use cycles::{Cycle, Pruned, Retention};
pub use error::StoreError;
pub use inbox::InboxRow;
pub use incidents::{TransitionRequest, Transitioned, UpdateRequest};
pub use leases::Lease;
pub use outbox::{DueRow, Letter, Marked, OutboxCounts, OutboxRow, OutboxState};
pub use readings::Kept;
pub use silences::Asked;

#[expect(clippy::disallowed_types, reason = "this is the module that knows SQL")]
type Pool = sqlx::AnyPool;

/// How long a connection may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a transaction is tried when others write to the same rows.
const TRIES: u32 = 6;

/// Which database it is; only locking and the clock differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// The database. Cheap to clone; every method is one transaction.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    dialect: Dialect,
    url: Arc<str>,
}

impl Store {
    /// Whether several processes, on several machines, may use it at once.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// The folder of the SQLite file; None for a database that is no file.
    pub fn folder(&self) -> Option<PathBuf> {
        if self.dialect != Dialect::Sqlite || self.url.contains(":memory:") {
            return None;
        }
        let options = SqliteConnectOptions::from_str(&self.url).ok()?;
        let folder = options.get_filename().parent()?;
        // A bare file name is in the present folder.
        Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
    }

    /// Connects to a database that was used before: a SQLite file that is not there is not created.
    ///
    /// # Errors
    /// If there is no such file, or as [`Self::open`].
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let is_file = url.starts_with("sqlite:") && !url.contains(":memory:") && !url.contains("mode=memory");
        if let Some(options) = SqliteConnectOptions::from_str(url).ok().filter(|_| is_file) {
            let file = options.get_filename();
            if !file.as_os_str().is_empty() && !file.exists() {
                // Where a path leads that is relative depends on where this was started.
                let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
                return Err(StoreError::Missing { url: masked(url), file });
            }
        }
        Self::open(url).await
    }

    /// Connects and brings the tables up to date. `sqlite:PATH`, `sqlite://PATH` (file and folder are created),
    /// `sqlite::memory:`, or `postgres://`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let shown = masked(url);
        let address = |why: String| StoreError::Address { url: Arc::clone(&shown), why };
        let (dialect, remedy) = match url.split(':').next() {
            Some("sqlite") => {
                (Dialect::Sqlite, "the file must be a SQLite database that this user may write, on a local disk")
            }
            Some("postgres" | "postgresql") => {
                (Dialect::Postgres, "check host, port, user, password and the database's name, and that it runs")
            }
            _ => return Err(address("it is neither SQLite nor PostgreSQL".into())),
        };
        let mut parsed = Url::parse(url).map_err(|e| address(e.to_string()))?;
        let mut connections = 5;
        if dialect == Dialect::Sqlite {
            let options = SqliteConnectOptions::from_str(url).map_err(|e| address(e.to_string()))?;
            let file = options.get_filename();
            if file.as_os_str().is_empty() {
                return Err(address("it names no file".into()));
            }
            if url.contains(":memory:") || url.contains("mode=memory") {
                // Each connection would have a database of its own.
                connections = 1;
            } else {
                if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                        url: Arc::clone(&shown),
                        folder: folder.display().to_string(),
                        source,
                    })?;
                }
                if !parsed.query_pairs().any(|(k, _)| k == "mode") {
                    parsed.query_pairs_mut().append_pair("mode", "rwc");
                }
            }
        }
        let options = AnyConnectOptions::from_str(parsed.as_str()).map_err(|e| address(e.to_string()))?;
        let open = |source| StoreError::Open { url: Arc::clone(&shown), remedy, source };
        if connections > 1 {
            // One connection by hand first: it fails with the reason, where the pool would only say that it took too long.
            let mut first = tokio::time::timeout(PATIENCE, AnyConnection::connect_with(&options))
                .await
                .map_err(|_| open(sqlx::Error::PoolTimedOut))?
                .map_err(open)?;
            if dialect == Dialect::Sqlite {
                // Who opens it at the same moment is in the way, and here SQLite does not wait for others by itself.
                let mut tries = 0_u32;
                while let Err(error) = sqlx::query("PRAGMA journal_mode = WAL").fetch_all(&mut first).await {
                    tries = tries.saturating_add(1);
                    if tries > 100 || !error::is_locked(&error) {
                        return Err(open(error));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                backup::is_whole(&mut first, &shown).await?;
            }
            first.close().await.map_err(open)?;
        }
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .idle_timeout((connections > 1).then_some(Duration::from_mins(10)))
            .max_lifetime((connections > 1).then_some(Duration::from_mins(30)))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let settings: &[&'static str] = match dialect {
                        Dialect::Sqlite => &[
                            "PRAGMA synchronous = NORMAL",
                            "PRAGMA busy_timeout = 5000",
                            "PRAGMA foreign_keys = ON",
                            // KiB of pages for each connection; beyond that the system's cache of the file serves as well.
                            "PRAGMA cache_size = -256",
                        ],
                        // A replica that freezes in the middle of a transaction must not hold up who takes over, so it is
                        // aborted before its leases expire. No transaction of ours waits for anything but the database.
                        Dialect::Postgres => &["SET idle_in_transaction_session_timeout = 5000"],
                    };
                    for setting in settings {
                        sqlx::query(*setting).fetch_all(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(open)?;
        let store = Self { pool, dialect, url: shown };
        // SQLite has no lock around migrations: who starts at the same time as others may find a table that was not there
        // a moment ago, and more of it done at the next look: each look that fails is one at which another was quicker.
        let all = migrations();
        let mut looks =
            if dialect == Dialect::Sqlite { all.iter().count().saturating_add(1).saturating_mul(4) } else { 1 };
        while let Err(source) = all.run(&store.pool).await {
            looks -= 1;
            if looks == 0 {
                return Err(StoreError::Migrate { url: store.url, source });
            }
        }
        Ok(store)
    }

    /// Waits for what is in flight and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.once("asking the database whether it is there", async {
            sqlx::query("SELECT 1").fetch_one(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// The value stored under a name.
    pub async fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.once("reading a setting", async {
            let name = clean(name);
            let value = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(&*name);
            Ok(value.fetch_optional(&self.pool).await?)
        })
        .await
    }

    /// Stores a value under a name, in place of what was there.
    pub async fn put(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.again("writing a setting", |_| async move { put(&mut *self.pool.acquire().await?, name, value).await })
            .await
    }

    /// A transaction that will write. SQLite locks at once, so that what was read cannot have changed.
    async fn begin(&self) -> Result<sqlx::Transaction<'static, Any>, Fault> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => self.pool.begin().await?,
        })
    }

    /// Does a piece of work, and says what it was if it fails.
    async fn once<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        work.await.map_err(|fault| self.tell(doing, 1, fault))
    }

    /// Does a piece of work again when somebody else wrote in between; it is told which try this is.
    async fn again<T, F>(&self, doing: &'static str, work: impl Fn(u32) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut tries = 1;
        loop {
            match work(tries).await {
                Err(Fault::Clash) if tries < TRIES => tries += 1,
                done => return done.map_err(|fault| self.tell(doing, tries, fault)),
            }
        }
    }

    fn tell(&self, doing: &'static str, tries: u32, fault: Fault) -> StoreError {
        let url = Arc::clone(&self.url);
        match fault {
            Fault::Sql(source) => StoreError::Query { doing, url, source },
            Fault::Unreadable(why) => StoreError::Unreadable { doing, url, why },
            Fault::Fenced { held, stored } => StoreError::Fenced { doing, held, stored },
            Fault::Clash => StoreError::Contended { doing, url, tries },
        }
    }
}

/// Every change of the tables, in order. A published one is never changed, a new one is added.
fn migrations() -> Migrator {
    let all = [
        ("first", include_str!("migrations/0001_first.sql")),
        ("silences", include_str!("migrations/0002_silences.sql")),
        ("addressed", include_str!("migrations/0003_addressed.sql")),
        ("after_change", include_str!("migrations/0004_after_change.sql")),
        ("readings", include_str!("migrations/0005_readings.sql")),
    ];
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(text), false)
    };
    Migrator::with_migrations((1..).zip(all).map(migration).collect())
}

/// Stores a value under a name.
async fn put(connection: &mut AnyConnection, name: &str, value: &str) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(&*clean(name))
    .bind(&*clean(value))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the next `count` numbers of a counter; returns the last. Held until the transaction ends, so numbers of rows
/// appear in order.
async fn count_up(connection: &mut AnyConnection, name: &str, count: i64) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar(
        "INSERT INTO counters (name, n) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET n = counters.n + excluded.n RETURNING n",
    )
    .bind(name)
    .bind(count)
    .fetch_one(connection)
    .await?)
}

/// An instant as it is stored.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A stored instant.
fn instant(millis: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(millis).map_err(|e| Fault::Unreadable(format!("time {millis}: {e}")))
}

/// A value as JSON.
fn to_json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|e| Fault::Unreadable(e.to_string()))
}

#[cfg(test)]
mod tests;
