//! A pretend GitHub: commits, their pull requests and workflow runs, comparisons; `ETag`s, limits and faults as the real one has them.
//!
//! [`Forge::start`] binds a port on loopback; point the bot's address of GitHub's API at [`Forge::base_url`].

mod answers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// A commit as somebody pushes it.
#[derive(Clone, Debug)]
pub struct Push {
    /// The first line of its message.
    pub title: String,
    /// The account that wrote it.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The files it changes, with their patches.
    pub files: Vec<(String, String)>,
}

/// What GitHub answers instead of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The requests of this hour are used up, until then.
    Limited(Timestamp),
    /// So many of 5,000 requests are left, until then.
    Left(u64, Timestamp),
    /// A page of HTML with HTTP 502.
    BadGateway,
    /// No answer at all.
    Silence,
}

#[derive(Clone, Debug)]
struct Commit {
    sha: String,
    push: Push,
    pull: Option<(u64, String)>,
    runs: Vec<(String, Option<&'static str>)>,
}

/// Something that GitHub is told to be deployed.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The branch or tag.
    pub reference: String,
    /// Where to.
    pub environment: String,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What became of it, in GitHub's word: `success`, `failure`, `in_progress`.
    pub state: &'static str,
}

#[derive(Debug, Default)]
struct World {
    /// By repository, the newest last.
    commits: BTreeMap<String, Vec<Commit>>,
    /// By repository: a tag and how many of its commits it has.
    tags: BTreeMap<String, BTreeMap<String, usize>>,
    /// By repository, the newest last.
    deployments: BTreeMap<String, Vec<Deployed>>,
    hidden: BTreeSet<String>,
    trouble: Option<Trouble>,
    requests: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    base: Mutex<String>,
    delay: Duration,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running pretend GitHub; it stops when it is dropped.
#[derive(Debug)]
pub struct Forge {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: DropGuard,
}

impl Forge {
    /// Starts one without repositories, which lets each request wait for so long.
    ///
    /// # Errors
    /// If no port of loopback can be taken.
    pub async fn start(delay: Duration) -> Result<Self> {
        let shared = Arc::new(Shared { world: Mutex::default(), base: Mutex::default(), delay });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        *shared.base.lock().unwrap_or_else(PoisonError::into_inner) = format!("http://{address}");
        let stop = CancellationToken::new();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let until = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
                tracing::warn!(%error, "the pretend GitHub ended");
            }
        });
        Ok(Self { shared, address, _stop: stop.drop_guard() })
    }

    /// The address of its API.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody pushes a commit; its name comes out.
    pub fn push(&self, repo: &str, push: Push) -> String {
        let mut world = self.shared.world();
        let all = world.commits.entry(repo.to_owned()).or_default();
        // Any 40 digits that differ will do.
        let seed = repo.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let number = seed.wrapping_add(all.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sha: String = format!("{number:016x}").repeat(3).chars().take(40).collect();
        all.push(Commit { sha: sha.clone(), push, pull: None, runs: Vec::new() });
        sha
    }

    /// Somebody deploys the newest commit.
    pub fn deploy(&self, repo: &str, deployed: Deployed) {
        self.shared.world().deployments.entry(repo.to_owned()).or_default().push(deployed);
    }

    /// A commit came by that pull request.
    pub fn merged(&self, repo: &str, sha: &str, number: u64, title: &str) {
        self.of(repo, sha, |commit| commit.pull = Some((number, title.to_owned())));
    }

    /// A workflow ran on a commit, and ended so; None: it runs.
    pub fn ran(&self, repo: &str, sha: &str, workflow: &str, conclusion: Option<&'static str>) {
        self.of(repo, sha, |commit| commit.runs.push((workflow.to_owned(), conclusion)));
    }

    /// Tags what a repository has now.
    pub fn tag(&self, repo: &str, tag: &str) {
        let mut world = self.shared.world();
        let count = world.commits.get(repo).map_or(0, Vec::len);
        world.tags.entry(repo.to_owned()).or_default().insert(tag.to_owned(), count);
    }

    /// A repository is private from now on, or no more.
    pub fn hide(&self, repo: &str, is_hidden: bool) {
        let mut world = self.shared.world();
        if is_hidden {
            world.hidden.insert(repo.to_owned());
        } else {
            world.hidden.remove(repo);
        }
    }

    /// From now on every answer is that; None: the truth.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.shared.world().trouble = trouble;
    }

    /// What was asked since this was last read: `GET /repos/acme/api/commits 200`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.world().requests)
    }

    fn of(&self, repo: &str, sha: &str, change: impl FnOnce(&mut Commit)) {
        let mut world = self.shared.world();
        let found = world.commits.get_mut(repo).and_then(|all| all.iter_mut().find(|commit| commit.sha == sha));
        if let Some(commit) = found {
            change(commit);
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    tokio::time::sleep(shared.delay).await;
    let is_silent = shared.world().trouble == Some(Trouble::Silence);
    if is_silent {
        std::future::pending::<()>().await;
    }
    let response = answers::answer(&shared, &request);
    let line = format!("{} {} {}", request.method(), request.uri().path(), response.status().as_u16());
    shared.world().requests.push(line);
    response
}
