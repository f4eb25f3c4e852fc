//! An empty store for a test or a demo, gone when its guard is dropped; and something to put into it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use super::{Store, StoreError};
use crate::{
    cluster::{ClusterId, ObjectRef},
    findings::Impact,
    incidents::{Hits, Incident, IncidentId, Severity, Status, Telling},
};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Removes the store when it is dropped.
#[derive(Debug)]
pub struct Guard {
    url: String,
    what: Temporary,
}

#[derive(Debug)]
enum Temporary {
    Folder(PathBuf),
    Schema { server: String, name: String },
}

impl Guard {
    /// The address of the store, to open it once more.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on the database fails when a row of the table changes so that a condition holds (`NEW.state = 'sent'`).
    pub async fn fails_when(&self, table: &str, condition: &str) -> Result<(), StoreError> {
        let sql = match self.what {
            Temporary::Folder(_) => format!(
                "CREATE TRIGGER failing BEFORE UPDATE ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            ),
            Temporary::Schema { .. } => format!(
                "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE EXCEPTION 'the disk is full'; END$$; \
                 CREATE TRIGGER failing BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION fail()"
            ),
        };
        self.change(sql).await
    }

    /// The database works again.
    pub async fn works_again(&self, table: &str) -> Result<(), StoreError> {
        self.change(match self.what {
            Temporary::Folder(_) => "DROP TRIGGER failing".to_owned(),
            Temporary::Schema { .. } => format!("DROP TRIGGER failing ON {table}"),
        })
        .await
    }

    /// The database works again, if it was made to fail.
    pub async fn works_again_if_it_fails(&self, table: &str) -> Result<(), StoreError> {
        self.change(match self.what {
            Temporary::Folder(_) => "DROP TRIGGER IF EXISTS failing".to_owned(),
            Temporary::Schema { .. } => format!("DROP TRIGGER IF EXISTS failing ON {table}"),
        })
        .await
    }

    async fn change(&self, sql: String) -> Result<(), StoreError> {
        let doing = "making the database fail for a test";
        run(&self.url, sql).await.map_err(|source| StoreError::Query { doing, url: super::masked(&self.url), source })
    }
}

/// An empty store: a schema of its own on the PostgreSQL named by `K8S_MONITOR_TEST_DATABASE_URL`, else a SQLite file in a
/// folder of its own.
pub async fn fresh() -> Result<(Store, Guard), StoreError> {
    let guard = empty().await?;
    Ok((Store::open(&guard.url).await?, guard))
}

/// The place for a store, with nothing in it.
pub async fn empty() -> Result<Guard, StoreError> {
    Ok(match server() {
        Some(server) => {
            let name = unique();
            run(&server, format!("CREATE SCHEMA {name}")).await.map_err(|source| StoreError::Open {
                url: super::masked(&server),
                remedy: "K8S_MONITOR_TEST_DATABASE_URL must name a PostgreSQL database whose user may create schemas",
                source,
            })?;
            let joint = if server.contains('?') { '&' } else { '?' };
            let url = format!("{server}{joint}options[search_path]={name}");
            Guard { url, what: Temporary::Schema { server, name } }
        }
        None => sqlite(),
    })
}

/// A SQLite file in a folder of its own, whatever the environment says.
pub async fn fresh_sqlite() -> Result<(Store, Guard), StoreError> {
    let guard = sqlite();
    Ok((Store::open(&guard.url).await?, guard))
}

fn sqlite() -> Guard {
    let folder = std::env::temp_dir().join(unique());
    Guard { url: format!("sqlite:{}/store.db", folder.display()), what: Temporary::Folder(folder) }
}

fn unique() -> String {
    // Process ids come again: the name of a hasher's random keys does not.
    let random = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0_u8);
    format!("k8s_monitor_{}_{}_{random:x}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "which database the tests use is not configuration of the bot")]
fn server() -> Option<String> {
    std::env::var("K8S_MONITOR_TEST_DATABASE_URL").ok().filter(|url| url.starts_with("postgres"))
}

async fn run(server: &str, sql: String) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(server).await?;
    // The name in it was made here.
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What cannot be removed is left: a folder of temporary files, or a schema of a test database.
        match &self.what {
            Temporary::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Temporary::Schema { server, name } => {
                let (server, sql) = (server.clone(), format!("SET lock_timeout = 2000; DROP SCHEMA {name} CASCADE"));
                let removed = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.map(|r| r.block_on(run(&server, sql)))
                });
                drop(removed.join());
            }
        }
    }
}

/// An open incident as the pure step would make it, with nothing found.
pub fn an_incident(cluster: ClusterId, owner: ObjectRef, now: Timestamp) -> Incident {
    Incident {
        id: IncidentId(String::new()),
        cluster,
        owner,
        parent: None,
        symptom_of: None,
        hits: Hits::default(),
        status: Status::Open,
        severity: Severity::Sev2,
        why: String::new(),
        worst: Severity::Sev2,
        peak: Severity::Sev2,
        outage: None,
        log: None,
        stake: Arc::default(),
        beside: Vec::new(),
        raise: None,
        changed: None,
        findings: BTreeMap::new(),
        impact: Impact::default(),
        since: now,
        opened_at: now,
        updated_at: now,
        healthy_since: None,
        unseen_since: None,
        frozen: None,
        reopened: 0,
        before: None,
        acknowledged: None,
        telling: Telling::default(),
        silenced: None,
        resolution: None,
        members: Vec::new(),
        version: 0,
    }
}
