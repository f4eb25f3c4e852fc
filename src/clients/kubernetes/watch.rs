//! A kind is listed, then watched for good: out come lists, changes, signs of life and losses; never a deletion because of an error.

use std::{
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::{mpsc, watch};

use super::{
    ACCEPT, Asked, Kubernetes, ReadError, error,
    frames::{Frame, Frames},
    path, query,
};
use crate::{
    clock::Clock,
    cluster::{Fact, Kind, ObjectKey},
};

/// What is watched: a kind, in one namespace or everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The kind.
    pub kind: Kind,
    /// None means everywhere.
    pub namespace: Option<String>,
}

/// Something seen of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// What it is about.
    pub scope: Scope,
    /// When it came in.
    pub at: Timestamp,
    /// What was seen.
    pub change: Change,
}

/// What a watch has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Everything there is; what is not among it is gone.
    Listed {
        /// Every object.
        facts: Vec<Fact>,
        /// The version of the list.
        resource_version: String,
    },
    /// An object is new or has changed.
    Applied {
        /// Its state.
        fact: Fact,
        /// Its version.
        resource_version: String,
    },
    /// The server said that an object was deleted.
    Deleted {
        /// Which.
        key: ObjectKey,
        /// The version of its deletion.
        resource_version: String,
    },
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The watch is connected: everything up to now is known or on its way.
    Live,
    /// It cannot be seen now, and why; it is tried again for ever. What was known of it is old: it is seen again with the next
    /// list.
    Lost(ReadError),
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long the server keeps a watch open; a little more than this without a frame means that the connection is dead.
    pub watch: Duration,
    /// Servers that send bookmarks do so about once a minute: after the first one, silence for this long means a dead connection.
    pub silence: Duration,
    /// The first pause after a failure; it doubles with each.
    pub first_retry: Duration,
    /// The longest pause.
    pub last_retry: Duration,
    /// The pause after "forbidden", which people have to mend.
    pub forbidden: Duration,
    /// The pause after "not served", which changes when something is installed.
    pub not_served: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            watch: Duration::from_secs(290),
            silence: Duration::from_secs(100),
            first_retry: Duration::from_millis(500),
            last_retry: Duration::from_secs(30),
            forbidden: Duration::from_mins(1),
            not_served: Duration::from_mins(5),
        }
    }
}

/// Lists and watches one scope for as long as somebody listens.
#[derive(Debug)]
pub struct Watcher {
    kubernetes: Kubernetes,
    scope: Scope,
    clock: Clock,
    patience: Patience,
    last_frame: watch::Sender<Option<Timestamp>>,
}

/// How far a scope is known.
#[derive(Default)]
struct Position {
    /// From where to watch; None: list first.
    version: Option<String>,
    /// It was said to be lost and is not seen again.
    lost: bool,
    /// The list after a loss: told when the watch is open too. Where only lists are allowed, the kind stays lost.
    held_back: Option<Change>,
}

/// How one attempt ended.
enum Ended {
    /// The server closed it or it went silent: resume.
    Cut,
    /// The version is too old: list again.
    TooOld,
    /// Failed.
    Failed(ReadError),
    /// Nobody listens any more.
    NobodyListens,
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Self {
        if error == ReadError::Gone { Self::TooOld } else { Self::Failed(error) }
    }
}

impl Watcher {
    /// Prepares a watch; nothing is sent yet.
    pub fn new(kubernetes: Kubernetes, scope: Scope, clock: Clock) -> Self {
        Self { kubernetes, scope, clock, patience: Patience::default(), last_frame: watch::Sender::new(None) }
    }

    /// Other waiting times.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// When the last sign of life came: an answer to a list, or a frame of the watch.
    pub fn last_frame(&self) -> watch::Receiver<Option<Timestamp>> {
        self.last_frame.subscribe()
    }

    /// Lists, watches, resumes, begins again; ends when the receiver is gone.
    pub async fn run(self, out: mpsc::Sender<Watched>) {
        let mut position = Position::default();
        let mut failures: u32 = 0;
        loop {
            let mut progress = false;
            let ended = match position.version {
                None => self.list(&mut position, &out).await,
                Some(_) => self.watch(&mut position, &mut progress, &out).await,
            };
            if progress {
                failures = 0;
            }
            let pause = match ended {
                Ok(()) => continue,
                Err(Ended::NobodyListens) => return,
                // Closed after its time: go on at once. Closed without a word: like a failure, or this would spin.
                Err(Ended::Cut) if progress => Duration::ZERO,
                Err(Ended::Cut) => self.pause(failures),
                Err(Ended::TooOld) => {
                    position.version = None;
                    if progress { Duration::ZERO } else { self.pause(failures) }
                }
                Err(Ended::Failed(why)) => {
                    let pause = match &why {
                        ReadError::Forbidden { .. } => self.patience.forbidden,
                        ReadError::NotServed { .. } => self.patience.not_served,
                        ReadError::Unauthorized { .. }
                        | ReadError::Unreachable { .. }
                        | ReadError::Tls { .. }
                        | ReadError::TimedOut { .. }
                        | ReadError::Gone
                        | ReadError::Garbage { .. }
                        | ReadError::Failed { .. } => self.pause(failures),
                    };
                    // A list once more: what is resumed would be judged by what was there before the loss.
                    position = Position { lost: true, ..Position::default() };
                    if self.say(&out, Change::Lost(why)).await.is_err() {
                        return;
                    }
                    pause
                }
            };
            failures = failures.saturating_add(1);
            tokio::select! {
                () = out.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn list(&self, position: &mut Position, out: &mpsc::Sender<Watched>) -> Result<(), Ended> {
        let listed = self.kubernetes.list(self.scope.kind, self.scope.namespace.as_deref()).await?;
        self.heard();
        position.version = Some(listed.resource_version.clone());
        let listed = Change::Listed { facts: listed.facts, resource_version: listed.resource_version };
        if position.lost {
            position.held_back = Some(listed);
            return Ok(());
        }
        self.say(out, listed).await
    }

    async fn watch(
        &self,
        position: &mut Position,
        progress: &mut bool,
        out: &mpsc::Sender<Watched>,
    ) -> Result<(), Ended> {
        let kind = self.scope.kind;
        // Not all watches end in the same second.
        let time = self.patience.watch.mul_f64(0.9 + 0.1 * chance());
        let query = query(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", position.version.as_deref().unwrap_or_default()),
            ("timeoutSeconds", &time.as_secs().max(1).to_string()),
        ]);
        let uri = format!("{}?{query}", path(kind, self.scope.namespace.as_deref()));
        let (encoding, mut body) = self.kubernetes.open(&uri, self.asked()).await?;
        self.heard();
        if let Some(listed) = position.held_back.take() {
            self.say(out, listed).await?;
        }
        position.lost = false;
        self.say(out, Change::Live).await?;

        let opened = tokio::time::Instant::now();
        let mut frames = Frames::new(kind, encoding);
        let mut silence = time + Duration::from_secs(10);
        loop {
            let chunk = tokio::select! {
                () = out.closed() => return Err(Ended::NobodyListens),
                chunk = tokio::time::timeout(silence, body.frame()) => chunk,
            };
            // Closed, cut, or silent: the last version is known, so nothing is missed by resuming.
            let Ok(Some(Ok(chunk))) = chunk else {
                // A quiet kind sends nothing for minutes; that is no failure.
                *progress |= opened.elapsed() >= self.patience.last_retry;
                return Err(Ended::Cut);
            };
            let Ok(data) = chunk.into_data() else { continue };
            self.heard();
            frames.push(&data);
            while let Some(frame) = frames.next().map_err(|what| Ended::Failed(self.kubernetes.garbage(what)))? {
                let change = match frame {
                    Frame::Error(410, _) => return Err(Ended::TooOld),
                    Frame::Error(code, said) => {
                        let status = u16::try_from(code).unwrap_or(500);
                        return Err(Ended::Failed(ReadError::Failed { status, said: error::capped(&said) }));
                    }
                    Frame::Applied(fact) => {
                        Change::Applied { resource_version: fact.meta().resource_version.to_string(), fact }
                    }
                    Frame::Deleted(fact) => {
                        Change::Deleted { key: fact.key(), resource_version: fact.meta().resource_version.to_string() }
                    }
                    Frame::Bookmark(version) => {
                        silence = silence.min(self.patience.silence);
                        Change::Bookmark(version)
                    }
                };
                *progress = true;
                let newest = match &change {
                    Change::Applied { resource_version: v, .. }
                    | Change::Deleted { resource_version: v, .. }
                    | Change::Bookmark(v) => Some(v.clone()),
                    Change::Listed { .. } | Change::Live | Change::Lost(_) => None,
                };
                // Said first, remembered then: what was not handed over is sent again.
                self.say(out, change).await?;
                if let Some(newest) = newest.filter(|v| !v.is_empty()) {
                    position.version = Some(newest);
                }
            }
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked { verb: "watch", kind: self.scope.kind, subresource: "", namespace: self.scope.namespace.as_deref() }
    }

    fn heard(&self) {
        self.last_frame.send_replace(Some(self.clock.now()));
    }

    async fn say(&self, out: &mpsc::Sender<Watched>, change: Change) -> Result<(), Ended> {
        let watched = Watched { scope: self.scope.clone(), at: self.clock.now(), change };
        out.send(watched).await.map_err(|_| Ended::NobodyListens)
    }

    /// Doubles with each failure; half of it is chance, so that all kinds do not come back in the same instant.
    fn pause(&self, failures: u32) -> Duration {
        let longest =
            self.patience.first_retry.saturating_mul(2_u32.saturating_pow(failures)).min(self.patience.last_retry);
        longest.mul_f64(0.5 + 0.5 * chance())
    }
}

impl Kubernetes {
    /// Opens a stream: only its head has to come within the time-out.
    async fn open(&self, uri: &str, asked: Asked<'_>) -> Result<(super::Encoding, Body), ReadError> {
        self.within(async {
            let response = self.send(uri, ACCEPT).await?;
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            Ok((self.encoding_of(&response)?, response.into_body()))
        })
        .await
    }
}

/// Something between 0 and 1, good enough to spread retries.
fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
