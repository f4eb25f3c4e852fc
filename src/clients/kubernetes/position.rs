//! How far a watch has come, and how one attempt of it ended.

use std::{
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use jiff::Timestamp;

use super::{ReadError, Reason};

/// How far a scope is known.
#[derive(Default)]
pub(super) struct Position {
    /// From where to watch; None: list first.
    pub(super) version: Option<String>,
    /// Why the next list is made.
    pub(super) why: Reason,
    /// It was said to be lost and is not seen again.
    pub(super) lost: bool,
    /// The version of a list after a loss: its end is told when the watch is open too. Where only lists are allowed, the kind
    /// stays lost.
    pub(super) held_back: Option<String>,
    /// This server sends bookmarks: that a watch opens is no sign of life, bookmarks are.
    pub(super) has_bookmarks: bool,
    /// How long it was listened in vain.
    pub(super) silent: Duration,
    /// Since when, if it was listened in vain until the end and nobody closed the connection: it may be dead since then.
    pub(super) silent_since: Option<Timestamp>,
}

/// How one attempt ended.
pub(super) enum Ended {
    /// The server closed it or it went silent: resume.
    Cut,
    /// The version is too old: list again.
    TooOld,
    /// The server did not send the list as a stream, though it took the request.
    NotStreamed,
    /// Somebody wants a fresh list.
    Anew,
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

impl Position {
    pub(super) fn is_seen(&self) -> bool {
        self.version.is_some() && !self.lost
    }

    pub(super) fn lists_because(&mut self, why: Reason) {
        self.version = None;
        self.held_back = None;
        self.why = if self.lost { Reason::Lost } else { why };
    }

    /// A list once more: what is resumed would be judged by what was there before the loss.
    pub(super) fn loses_sight(&mut self) {
        *self = Self { lost: true, why: Reason::Lost, has_bookmarks: self.has_bookmarks, ..Self::default() };
    }
}

/// Something between 0 and 1, good enough to spread retries.
pub(super) fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
