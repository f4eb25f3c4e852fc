//! GitHub's REST API: a repository and a question in, our values out; cached by `ETag`, within GitHub's limits, never waiting.
//!
//! octocrab carries the requests. Its typed calls are not used: they do not tell what an answer says of the limits and whether it was a
//! 304, and their types want fields that older Enterprise servers do not send. So the questions and the types are here.

mod app;
mod asking;
mod cache;
mod connection;
mod deliveries;
mod error;
mod limits;
mod moved;
mod outcomes;
mod patch;
mod questions;
mod refusal;
mod wire;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Mutex;

pub use app::App;
pub use cache::CacheBound;
pub use error::{Credentials, GitHubError, Needs};
pub use limits::{Budget, Importance, Limit};
pub use outcomes::Outcome;

use crate::{changes::deployed::RepoName, clock::Clock};

/// No request waits longer than this.
const TIME_OUT: Duration = Duration::from_secs(10);

/// With what the bot proves who it is.
#[derive(Debug)]
pub enum Auth {
    /// With nothing: public repositories only, 60 requests an hour.
    None,
    /// With a token of a person or a machine account, fine-grained or classic.
    Token(SecretString),
    /// As an installation of a GitHub App.
    App(Box<App>),
}

/// GitHub's API. Cheap to clone; the clones share cache and limits.
#[derive(Clone)]
pub struct GitHub {
    inner: Arc<Inner>,
}

/// What the clones share.
struct Inner {
    connection: connection::Connection,
    auth: Auth,
    installation: Mutex<Option<app::InstallationToken>>,
    cache: cache::Cache,
    limits: limits::Limits,
    moved: moved::Moved,
    counters: Counters,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    unchanged: AtomicU64,
    outcomes: outcomes::Outcomes,
}

/// How often GitHub was asked since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Requests that left, with those that followed a redirect or fetched a token.
    pub sent: u64,
    /// Those of them that GitHub answered by 304: they cost nothing of the limit.
    pub unchanged: u64,
}

/// Why and when something is asked.
#[derive(Clone, Copy, Debug)]
struct Asking {
    importance: Importance,
    now: Timestamp,
}

impl GitHub {
    /// A client for the API at `api_url` (`https://api.github.com`, for Enterprise `https://HOST/api/v3`). Nothing is sent yet. Must be
    /// called within the runtime that it is used in.
    ///
    /// # Errors
    /// [`GitHubError::Setup`] if that is no such address, no TLS client can be made, or there is no runtime.
    pub fn new(api_url: &str, auth: Auth, cache: CacheBound, clock: Clock) -> Result<Self, GitHubError> {
        Self::with_patience(api_url, auth, cache, clock, TIME_OUT)
    }

    fn with_patience(
        api_url: &str,
        auth: Auth,
        cache: CacheBound,
        clock: Clock,
        patience: Duration,
    ) -> Result<Self, GitHubError> {
        let inner = Inner {
            connection: connection::Connection::new(api_url, patience)?,
            auth,
            installation: Mutex::default(),
            cache: cache::Cache::new(cache),
            limits: limits::Limits::default(),
            moved: moved::Moved::default(),
            counters: Counters::default(),
            clock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How often GitHub was asked.
    pub fn requests(&self) -> Requests {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Requests { sent: count(&self.inner.counters.sent), unchanged: count(&self.inner.counters.unchanged) }
    }

    /// How often questions ended in each way since the start.
    pub fn outcomes(&self) -> Vec<(Outcome, u64)> {
        self.inner.counters.outcomes.all()
    }

    /// What may still be asked within the hour, if GitHub said so.
    pub fn budget(&self) -> Option<Budget> {
        self.inner.limits.budget(self.inner.clock.now())
    }

    /// How much is kept of answers.
    pub fn cached(&self) -> CacheBound {
        self.inner.cache.size()
    }

    /// Repositories that have another name on GitHub now; they are found by the old one still.
    pub fn renamed(&self) -> Vec<RepoName> {
        self.inner.moved.all()
    }

    fn asking(&self, importance: Importance) -> Asking {
        Asking { importance, now: self.inner.clock.now() }
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("connection", &self.inner.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
