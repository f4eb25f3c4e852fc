//! What goes wrong: Slack's answers, a database that is locked or full; and how often it did.

use std::{fmt, time::Duration};

use anyhow::Result;
use k8s_monitor::{
    sandbox::slack::{Fault, Workspace},
    store::testing::Guard,
};
use sqlx::{AnyConnection, Connection as _};
use tokio::time::sleep;

use crate::chance::Chance;

/// The calls that make something visible, and the one that looks for it.
const METHODS: [&str; 3] = ["chat.postMessage", "chat.update", "conversations.history"];

/// How often what happened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) starts: usize,
    pub(crate) kills: usize,
    pub(crate) pauses: usize,
    pub(crate) gave_way: usize,
    pub(crate) changes: usize,
    pub(crate) of_slack: usize,
    pub(crate) locked: usize,
    pub(crate) full: usize,
    /// Messages that were posted twice, the second of which was deleted.
    pub(crate) doubles: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { starts, kills, pauses, gave_way, changes, of_slack, locked, full, doubles } = self;
        write!(
            f,
            "{starts} starts, {kills} kills, {pauses} pauses ({gave_way} gave way to another), {changes} changes of workloads, {of_slack} faults of Slack, database locked {locked} times and full {full} times; {doubles} doubles were deleted"
        )
    }
}

/// What a process that was killed or paused has a right to expires now.
pub(crate) async fn expire_leases(url: &str, process: u32) -> Result<()> {
    let mut connection = AnyConnection::connect(url).await?;
    let expire = sqlx::query("UPDATE leases SET expires_ms = 0 WHERE holder LIKE $1");
    expire.bind(format!("%: process {process} on %")).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// One of the next calls is answered by something else than the truth.
pub(crate) fn of_slack(chance: &mut Chance, workspace: &Workspace, counts: &mut Counts) {
    let fault = match chance.between(0, 6) {
        0 => Fault::RateLimited(1),
        1 => Fault::Unavailable,
        2 => Fault::CutBefore,
        3 | 4 => Fault::CutAfter,
        5 => Fault::Hang,
        _ => Fault::Refused("internal_error".to_owned()),
    };
    let method = METHODS.get(usize::try_from(chance.between(0, 2)).unwrap_or(0)).copied().unwrap_or("chat.postMessage");
    workspace.fail_next(method, fault);
    counts.of_slack += 1;
}

/// What was ordered and did not happen yet does not happen any more.
pub(crate) fn no_more(workspace: &Workspace) {
    for method in METHODS {
        workspace.fail_no_more(method);
    }
}

/// Somebody else holds the database for a moment.
pub(crate) async fn of_a_locked_database(chance: &mut Chance, url: &str, counts: &mut Counts) -> Result<()> {
    let mut connection = AnyConnection::connect(url).await?;
    let statements: &[&'static str] = if url.starts_with("sqlite") {
        &["PRAGMA busy_timeout = 2000", "BEGIN EXCLUSIVE"]
    } else {
        &["SET lock_timeout = 3000", "BEGIN", "LOCK TABLE incidents, outbox IN ACCESS EXCLUSIVE MODE"]
    };
    let mut is_held = true;
    for statement in statements {
        is_held &= sqlx::query(*statement).execute(&mut connection).await.is_ok();
    }
    if is_held {
        counts.locked += 1;
        sleep(Duration::from_millis(chance.between(50, 800))).await;
        sqlx::query("ROLLBACK").execute(&mut connection).await?;
    }
    drop(connection.close().await);
    Ok(())
}

/// For a moment nothing can be marked as sent.
pub(crate) async fn of_a_full_disk(chance: &mut Chance, database: &Guard, counts: &mut Counts) -> Result<()> {
    // The bot may hold it just now: then it is not full this time.
    if database.fails_when("outbox", "NEW.state = 'sent'").await.is_err() {
        return Ok(());
    }
    counts.full += 1;
    sleep(Duration::from_millis(chance.between(50, 800))).await;
    Ok(database.works_again_if_it_fails("outbox").await?)
}
