//! `backup FILE`: a copy of the SQLite database, while the bot runs; what to do for PostgreSQL instead.

use std::{path::Path, process::ExitCode};

use anyhow::bail;

use super::{Options, load, say, stored};
use crate::config::Purpose;

/// Exit code 0 once the copy is written and was read again.
pub(super) async fn run(to: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    if to.exists() {
        bail!("{} is there already; name another file, or move it away", to.display());
    }
    if let Some(cluster) = &options.cluster {
        bail!("a backup is of the whole database, not only of the cluster {cluster:?}; leave --cluster out");
    }
    let store = stored::open(&config).await?;
    let done = if store.is_a_file() { Some(store.backup(to).await) } else { None };
    store.close().await;
    match done {
        Some(done) => done?,
        None => bail!(
            "DATABASE_URL is PostgreSQL, which is backed up by its own tools: pg_dump --format=custom --file={} DATABASE_URL",
            to.display()
        ),
    }
    let size = std::fs::metadata(to).map(|file| file.len()).unwrap_or_default();
    say(&format!(
        "{} is a whole copy of the database ({} KiB). To go back: stop the bot, put it in the place of the database's file, and remove that file's -wal and -shm.",
        to.display(),
        size / 1024
    ));
    Ok(ExitCode::SUCCESS)
}
