//! What can go wrong with the database, in words: what was being done, where, and what to do.

use std::sync::Arc;

use url::Url;

/// The database said no, or could not be asked. Addresses are shown without their password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is not one of a database this can use.
    #[error(
        "the database address `{url}` cannot be used: {why}; write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`"
    )]
    Address {
        /// The address.
        url: Arc<str>,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such file, and it is not to be created.
    #[error(
        "there is no database {file:?} (`{url}`); start this where the bot is started, or set DATABASE_URL to the file of the bot"
    )]
    Missing {
        /// The address.
        url: Arc<str>,
        /// The file, from the root.
        file: std::path::PathBuf,
    },
    /// The folder of the SQLite file could not be made.
    #[error("the folder `{folder}` of the database `{url}` cannot be created; create it, or make its parent writable")]
    Folder {
        /// The address.
        url: Arc<str>,
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// No connection.
    #[error("the database `{url}` cannot be opened ({source}); {remedy}")]
    Open {
        /// The address.
        url: Arc<str>,
        /// What to look at.
        remedy: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// The file is damaged.
    #[error(
        "the database `{url}` is damaged ({why}); stop the bot, keep the file, and put a backup in its place (`k8s-monitor backup` writes them), or \
         move it away to begin anew: what is open is then told once more"
    )]
    Broken {
        /// The address.
        url: Arc<str>,
        /// What SQLite says of it.
        why: String,
    },
    /// The tables could not be brought up to date.
    #[error(
        "the tables of the database `{url}` cannot be brought up to date ({source}); \
         its user needs the right to create tables, and a newer version of this program must not have changed them"
    )]
    Migrate {
        /// The address.
        url: Arc<str>,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("{doing}: the database `{url}` failed ({source}); is it reachable, writable, and its disk not full?")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// The address.
        url: Arc<str>,
        /// Why.
        source: sqlx::Error,
    },
    /// A row holds something this version cannot read.
    #[error(
        "{doing}: a row of the database `{url}` cannot be read ({why}); was it written by another version of this program?"
    )]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// The address.
        url: Arc<str>,
        /// Which row, and what is wrong with it.
        why: String,
    },
    /// Another instance has taken over: this one must not write any more.
    #[error(
        "{doing}: another instance has taken over (this one writes with number {held}, the row has {stored}); nothing was written"
    )]
    Fenced {
        /// What was being done.
        doing: &'static str,
        /// The writer's fencing number.
        held: i64,
        /// The row's.
        stored: i64,
    },
    /// Others wrote the same rows again and again.
    #[error(
        "{doing}: others wrote to the same rows of the database `{url}` {tries} times in a row; nothing was written, try again"
    )]
    Contended {
        /// What was being done.
        doing: &'static str,
        /// The address.
        url: Arc<str>,
        /// How often it was tried.
        tries: u32,
    },
}

impl StoreError {
    /// Whether another instance has taken over.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }
}

/// What a piece of work inside this module fails with, before it is known what was being done.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(sqlx::Error),
    Unreadable(String),
    Fenced {
        held: i64,
        stored: i64,
    },
    /// Somebody else wrote in between; the whole piece of work may be done again.
    Clash,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(told) = &error {
            let code = told.code().unwrap_or_default();
            // PostgreSQL: serialization failure, deadlock, a transaction that it ended because nothing came for too long. SQLite:
            // busy, locked, with their extended codes.
            if told.is_unique_violation()
                || matches!(code.as_ref(), "40001" | "40P01" | "25P03" | "5" | "6" | "261" | "262" | "517")
            {
                return Self::Clash;
            }
        }
        Self::Sql(error)
    }
}

/// Whether SQLite says that somebody else has the database locked.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(code.as_ref(), "5" | "261" | "517"))
}

/// The address as it may be shown.
pub(super) fn masked(url: &str) -> Arc<str> {
    let Ok(mut url) = Url::parse(url) else {
        // Whatever it is, what stands before an `@` may be a password.
        return url.rsplit_once('@').map_or(url, |(_, rest)| rest).into();
    };
    // Setting fails only for addresses that cannot have a password.
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".into();
    }
    if url.query().is_some_and(|q| q.contains("password")) {
        url.set_query(Some("***"));
    }
    url.as_str().into()
}

/// Text from outside as a column takes it: PostgreSQL refuses NUL.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// What went wrong, as a row keeps it: enough to understand, never a whole page.
pub(super) fn brief(error: &str) -> String {
    clean(error).chars().take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("postgres://bot:hunter2@db:5432/k8s", "postgres://bot:***@db:5432/k8s")]
    #[case("postgres://db/k8s?user=bot&password=hunter2", "postgres://db/k8s?***")]
    #[case("postgres://bot:hun ter@[db/k8s", "[db/k8s")]
    #[case("sqlite:data/k8s-monitor.db", "sqlite:data/k8s-monitor.db")]
    fn an_address_is_shown_without_its_password(#[case] url: &str, #[case] shown: &str) {
        assert_eq!(&*masked(url), shown);
    }
}
