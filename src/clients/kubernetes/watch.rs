//! A kind is listed, then watched for good: out come lists, changes, signs of life and losses; never a deletion because of an error.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};

use super::{
    ACCEPT, ACCEPT_METADATA, Asked, Change, Kubernetes, Patience, ReadError, Reason, Scope, Watched, error,
    frames::{Frame, Frames},
    pages, path,
    position::{Ended, Position, chance},
    query,
};
use crate::{clock::Clock, cluster::Fact};

/// Objects of a streamed list that are handed over together: few enough that a question is answered in between, and that what
/// waits to be taken in is small; enough that the loop does not begin anew for each.
///
/// Everything is listed by a stream where the server offers it (Kubernetes 1.32, 1.34 and later): it comes from the server's cache
/// in one answer without a round trip per page, is as fresh as a list from etcd, costs the server no copy of the whole list, and
/// only one object has to be whole before it is decoded. Pages are the way for all others, see `pages`.
const PIECE: usize = 100;

/// Lists and watches one scope for as long as somebody listens.
#[derive(Debug)]
pub struct Watcher {
    kubernetes: Kubernetes,
    scope: Scope,
    clock: Clock,
    patience: Patience,
    last_frame: watch::Sender<Option<Timestamp>>,
    anew: Arc<Notify>,
}

/// A hold on a watch that runs.
#[derive(Clone, Debug)]
pub struct WatchHandle {
    last_frame: watch::Receiver<Option<Timestamp>>,
    anew: Arc<Notify>,
}

impl WatchHandle {
    /// When the last sign of life came: an answer, or a frame of the watch.
    pub fn last_frame(&self) -> Option<Timestamp> {
        *self.last_frame.borrow()
    }

    /// Makes it list everything once more, because what is known of it is wrong.
    pub fn list_anew(&self) {
        self.anew.notify_one();
    }
}

/// A watch that is open.
struct Stream {
    frames: Frames,
    body: Body,
    /// How long the server keeps it open.
    time: Duration,
}

impl Watcher {
    /// Prepares a watch; nothing is sent yet.
    pub fn new(kubernetes: Kubernetes, scope: Scope, clock: Clock) -> Self {
        let (patience, anew) = (Patience::default(), Arc::default());
        Self { kubernetes, scope, clock, patience, last_frame: watch::Sender::new(None), anew }
    }

    /// Other waiting times.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// A hold on it, for when it runs.
    pub fn handle(&self) -> WatchHandle {
        WatchHandle { last_frame: self.last_frame.subscribe(), anew: Arc::clone(&self.anew) }
    }

    /// Lists, watches, resumes, begins again; ends when the receiver is gone.
    pub async fn run(self, out: mpsc::Sender<Watched>) {
        let mut position = Position::default();
        let mut failures: u32 = 0;
        loop {
            let mut progress = false;
            let ended = tokio::select! {
                ended = self.attempt(&mut position, &mut progress, &out) => ended,
                () = self.anew.notified() => Err(Ended::Anew),
            };
            if progress {
                failures = 0;
            }
            let pause = match ended {
                Ok(()) => continue,
                Err(Ended::NobodyListens) => return,
                // Closed after its time: go on at once. Closed without a word: like a failure, or this would spin.
                Err(Ended::Cut) if progress => Duration::ZERO,
                Err(Ended::Cut | Ended::NotStreamed) => self.pause(failures),
                Err(Ended::TooOld) => {
                    position.lists_because(Reason::Expired);
                    if progress { Duration::ZERO } else { self.pause(failures) }
                }
                Err(Ended::Anew) => {
                    position.lists_because(Reason::Drift);
                    Duration::ZERO
                }
                // What was known is as good as a moment ago; if it lasts, silence is what it is.
                Err(Ended::Failed(why @ ReadError::Busy { .. })) if position.is_seen() => {
                    self.pause_after(&why, failures)
                }
                Err(Ended::Failed(why)) => {
                    let pause = self.pause_after(&why, failures);
                    // After a silence it was lost before anybody knew.
                    let at = position.silent_since.unwrap_or_else(|| self.clock.now());
                    position.loses_sight();
                    if self.say_at(at, &out, Change::Lost(why)).await.is_err() {
                        return;
                    }
                    pause
                }
            };
            failures = failures.saturating_add(1);
            tokio::select! {
                () = out.closed() => return,
                () = tokio::time::sleep(pause) => position.silent += pause,
            }
        }
    }

    /// One list, or one watch until it ends, or both in one stream. It is well only after a list in pages: then comes the watch.
    async fn attempt(
        &self,
        position: &mut Position,
        progress: &mut bool,
        out: &mpsc::Sender<Watched>,
    ) -> Result<(), Ended> {
        if let Some(version) = position.version.clone() {
            self.check_silence(position)?;
            let stream = self.open(&[("resourceVersion", &version)]).await?;
            // Somebody answers: what goes wrong now begins now, unless nothing is told again.
            position.silent_since = None;
            if !position.has_bookmarks {
                self.heard(position);
            }
            if let Some(resource_version) = position.held_back.take() {
                self.say(out, Change::Listed { resource_version }).await?;
            }
            position.lost = false;
            self.say(out, Change::Live).await?;
            return self.follow(stream, position, progress, None, out).await;
        }
        let mut was_silent = false;
        if self.kubernetes.streams_lists() {
            match self.open(&[("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]).await {
                Ok(stream) => {
                    self.say(out, Change::Begin(position.why)).await?;
                    match self.follow(stream, position, progress, Some(Vec::new()), out).await {
                        Err(Ended::NotStreamed) => was_silent = true,
                        ended => return ended,
                    }
                }
                Err(ReadError::Failed { status: 400 | 422, .. }) => self.kubernetes.streams_no_lists(),
                Err(error) => return Err(error.into()),
            }
        }
        self.list(position, out).await?;
        if was_silent {
            // The server is well, so it is streaming that it does not do.
            self.kubernetes.streams_no_lists();
        }
        Ok(())
    }

    /// The list in pages.
    async fn list(&self, position: &mut Position, out: &mpsc::Sender<Watched>) -> Result<(), Ended> {
        let mut pages = self.kubernetes.pages(self.scope.kind, self.scope.namespace.as_deref(), pages::FACTS);
        let mut why = position.why;
        loop {
            let page = pages.next().await?;
            self.heard(position);
            if page.is_first {
                self.say(out, Change::Begin(why)).await?;
                why = Reason::Expired;
            }
            if !page.items.is_empty() {
                self.say(out, Change::Page(page.items)).await?;
            }
            if page.is_last {
                position.version = Some(page.resource_version.clone());
                if position.lost {
                    position.held_back = Some(page.resource_version);
                    return Ok(());
                }
                return self.say(out, Change::Listed { resource_version: page.resource_version }).await;
            }
        }
    }

    /// Opens a stream of the scope.
    async fn open(&self, from: &[(&str, &str)]) -> Result<Stream, ReadError> {
        // Not all watches end in the same second.
        let time = self.patience.watch.mul_f64(0.9 + 0.1 * chance());
        let seconds = time.as_secs().max(1).to_string();
        let mut asked = vec![("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", &seconds)];
        asked.extend(from);
        let uri = format!("{}?{}", path(self.scope.kind, self.scope.namespace.as_deref()), query(&asked));
        let accept = if self.scope.kind.is_for_changes() { ACCEPT_METADATA } else { ACCEPT };
        let (encoding, body) = self.kubernetes.open(&uri, accept, self.asked()).await?;
        Ok(Stream { frames: Frames::new(self.scope.kind, encoding), body, time })
    }

    /// Follows a stream to its end; with `list` it begins with everything there is, which is told in pieces.
    async fn follow(
        &self,
        stream: Stream,
        position: &mut Position,
        progress: &mut bool,
        mut list: Option<Vec<Fact>>,
        out: &mpsc::Sender<Watched>,
    ) -> Result<(), Ended> {
        let Stream { mut frames, mut body, time } = stream;
        let opened = Instant::now();
        loop {
            let silence = match list {
                Some(_) => self.kubernetes.patience,
                None if position.has_bookmarks => self.patience.silence,
                None => time + Duration::from_secs(10),
            };
            let silence = silence.min(self.patience.stale.saturating_sub(position.silent));
            let waiting = Instant::now();
            let chunk = tokio::select! {
                () = out.closed() => return Err(Ended::NobodyListens),
                chunk = tokio::time::timeout(silence, body.frame()) => chunk,
            };
            let data = match chunk {
                Ok(Some(Ok(chunk))) => chunk.into_data(),
                Ok(Some(Err(error))) if list.is_some() => {
                    return Err(error::connection(self.kubernetes.server(), &error).into());
                }
                // Closed in peace or silent in the middle of a list.
                _ if list.is_some() => return Err(Ended::NotStreamed),
                // Closed, cut, or silent: the last version is known, so nothing is missed by resuming.
                ended => {
                    if ended.is_err() {
                        position.silent_since = self.last_frame.borrow().or(position.silent_since);
                    }
                    // A quiet kind sends nothing for minutes; that is no failure.
                    *progress |= opened.elapsed() >= self.patience.last_retry;
                    position.silent += waiting.elapsed();
                    return Err(Ended::Cut);
                }
            };
            let Ok(data) = data else { continue };
            self.heard(position);
            frames.push(&data);
            while let Some(frame) = frames.next().map_err(|what| Ended::Failed(self.kubernetes.garbage(what)))? {
                self.take(frame, position, &mut list, out).await?;
                *progress |= list.is_none();
            }
        }
    }

    /// Tells of one frame. Said first, remembered then: what was not handed over is sent again.
    async fn take(
        &self,
        frame: Frame,
        position: &mut Position,
        list: &mut Option<Vec<Fact>>,
        out: &mpsc::Sender<Watched>,
    ) -> Result<(), Ended> {
        let newest = match frame {
            Frame::Error(410, _) => return Err(Ended::TooOld),
            Frame::Error(code, said) => {
                let status = u16::try_from(code).unwrap_or(500);
                return Err(Ended::Failed(ReadError::Failed { status, said: error::capped(&said) }));
            }
            Frame::Applied(fact) => {
                if let Some(piece) = list {
                    piece.push(fact);
                    if piece.len() >= PIECE {
                        self.say(out, Change::Page(std::mem::take(piece))).await?;
                    }
                    return Ok(());
                }
                let version = fact.meta().resource_version.as_str().to_owned();
                self.say(out, Change::Applied { resource_version: version.clone(), fact }).await?;
                version
            }
            Frame::Deleted(fact) => {
                let version = fact.meta().resource_version.as_str().to_owned();
                if let Some(piece) = list {
                    // It may be among those that wait.
                    self.say(out, Change::Page(std::mem::take(piece))).await?;
                }
                self.say(out, Change::Deleted { key: fact.key(), resource_version: version.clone() }).await?;
                if list.is_some() {
                    return Ok(());
                }
                version
            }
            Frame::Bookmark { version, ends_list } => match list.take() {
                Some(_) if !ends_list => return Err(Ended::NotStreamed),
                Some(piece) => {
                    if !piece.is_empty() {
                        self.say(out, Change::Page(piece)).await?;
                    }
                    self.say(out, Change::Listed { resource_version: version.clone() }).await?;
                    position.lost = false;
                    self.say(out, Change::Live).await?;
                    version
                }
                None => {
                    position.has_bookmarks = true;
                    self.say(out, Change::Bookmark(version.clone())).await?;
                    version
                }
            },
        };
        if !newest.is_empty() {
            position.version = Some(newest);
        }
        Ok(())
    }

    /// Fails if nothing was heard for too long, however often it was tried.
    fn check_silence(&self, position: &Position) -> Result<(), Ended> {
        if position.silent < self.patience.stale {
            return Ok(());
        }
        let resource = self.scope.kind.plural();
        Err(Ended::Failed(ReadError::Silent { resource, after: self.patience.stale }))
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            verb: "watch",
            kind: self.scope.kind,
            resource: "",
            subresource: "",
            namespace: self.scope.namespace.as_deref(),
        }
    }

    fn heard(&self, position: &mut Position) {
        (position.silent, position.silent_since) = (Duration::ZERO, None);
        self.last_frame.send_replace(Some(self.clock.now()));
    }

    async fn say(&self, out: &mpsc::Sender<Watched>, change: Change) -> Result<(), Ended> {
        self.say_at(self.clock.now(), out, change).await
    }

    async fn say_at(&self, at: Timestamp, out: &mpsc::Sender<Watched>, change: Change) -> Result<(), Ended> {
        let watched = Watched { scope: self.scope.clone(), at, received: Instant::now(), change };
        out.send(watched).await.map_err(|_| Ended::NobodyListens)
    }

    pub(super) fn pause_after(&self, why: &ReadError, failures: u32) -> Duration {
        match why {
            ReadError::Forbidden { .. } => self.patience.forbidden,
            ReadError::NotServed { .. } => self.patience.not_served,
            ReadError::Busy { wait, .. } => self.pause(failures).max(*wait).min(self.patience.busy),
            ReadError::Unauthorized { .. }
            | ReadError::Unreachable { .. }
            | ReadError::Tls { .. }
            | ReadError::TimedOut { .. }
            | ReadError::Silent { .. }
            | ReadError::Gone
            | ReadError::Garbage { .. }
            | ReadError::Failed { .. } => self.pause(failures),
        }
    }

    /// Doubles with each failure; half of it is chance, so that thirteen kinds do not come back in the same instant.
    fn pause(&self, failures: u32) -> Duration {
        let longest =
            self.patience.first_retry.saturating_mul(2_u32.saturating_pow(failures)).min(self.patience.last_retry);
        longest.mul_f64(0.5 + 0.5 * chance())
    }
}

impl Kubernetes {
    /// Opens a stream: only its head has to come within the time-out.
    async fn open(&self, uri: &str, accept: &str, asked: Asked<'_>) -> Result<(super::Encoding, Body), ReadError> {
        self.within(async {
            let response = self.send(uri, accept).await?;
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            Ok((self.encoding_of(&response)?, response.into_body()))
        })
        .await
    }
}
