//! What a watch has to say, and how long it waits for what.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::ReadError;
use crate::cluster::{Fact, Kind, ObjectKey};

/// What is watched: a kind, in one namespace or everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The kind.
    pub kind: Kind,
    /// None means everywhere.
    pub namespace: Option<String>,
}

impl Scope {
    /// Everything that is watched: each kind everywhere, or in each of these namespaces if there are any; what lives in none always
    /// everywhere.
    pub fn all(namespaces: &[String]) -> Vec<Self> {
        let of = |kind: Kind| match namespaces {
            [_, ..] if kind.is_namespaced() => {
                namespaces.iter().map(|namespace| Self { kind, namespace: Some(namespace.clone()) }).collect()
            }
            _ => vec![Self { kind, namespace: None }],
        };
        Kind::ALL.into_iter().flat_map(of).collect()
    }

    /// What is watched for its changes alone, in the same places.
    pub fn for_changes(namespaces: &[String]) -> Vec<Self> {
        let places: Vec<_> = match namespaces {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        let of = |kind| places.iter().map(move |namespace| Self { kind, namespace: namespace.clone() });
        Kind::CHANGED.into_iter().flat_map(of).collect()
    }
}

/// Something seen of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// What it is about.
    pub scope: Scope,
    /// When it came in; of a loss after a silence: when the silence began.
    pub at: Timestamp,
    /// The same by a clock that only goes forward.
    pub received: Instant,
    /// What was seen.
    pub change: Change,
}

/// What a watch has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A list begins: everything there is comes in pieces. One that had begun before and has not ended is void.
    Begin(Reason),
    /// A piece of the list that has begun, at most 500 objects.
    Page(Vec<Fact>),
    /// The list is at its end: what it did not name, and what was not applied since it began, is gone.
    Listed {
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
    /// It cannot be seen now, and why; it is tried again for ever. A list that has begun is void. What was known is old: it is
    /// seen again at the end of the next list.
    Lost(ReadError),
}

/// Why everything is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reason {
    /// For the first time.
    #[default]
    Start,
    /// The version to go on from is too old, or the list before expired.
    Expired,
    /// It could not be seen for a while.
    Lost,
    /// What was known turned out to be wrong.
    Drift,
}

impl Reason {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Drift => "drift",
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long the server keeps a watch open; a little more than this without a frame means that the connection is dead.
    pub watch: Duration,
    /// Servers that send bookmarks do so about once a minute: after the first one, silence for this long means a dead connection.
    pub silence: Duration,
    /// Nothing heard for this long: it is not seen any more. Longer than a watch without bookmarks is kept open.
    pub stale: Duration,
    /// The first pause after a failure; it doubles with each.
    pub first_retry: Duration,
    /// The longest pause.
    pub last_retry: Duration,
    /// The pause after "forbidden", which people have to mend.
    pub forbidden: Duration,
    /// The pause after "not served", which changes when something is installed.
    pub not_served: Duration,
    /// The longest that a busy server is left alone, whatever it asks for.
    pub busy: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            watch: Duration::from_secs(200),
            silence: Duration::from_secs(100),
            stale: Duration::from_mins(4),
            first_retry: Duration::from_millis(500),
            last_retry: Duration::from_secs(30),
            forbidden: Duration::from_mins(1),
            not_served: Duration::from_mins(5),
            busy: Duration::from_mins(2),
        }
    }
}
