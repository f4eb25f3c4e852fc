//! Everything that can happen to the bot: timers, watches and Slack only send these; one loop handles them one at a time.

use jiff::Timestamp;

use crate::{
    clients::kubernetes::{Listed, ReadError, Watched},
    cluster::{ClusterId, Kind},
    conversation::{Said, permissions::Person},
    process::Measurements,
};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A watch of a cluster has something to say of a kind.
    Cluster {
        /// Which cluster.
        cluster: ClusterId,
        /// What.
        watched: Box<Watched>,
    },
    /// The scheduled monitoring pass is due.
    Pass {
        /// When it was due.
        at: Timestamp,
    },
    /// The fresh lists of a pass, or of an analysis, have arrived.
    Listed {
        /// Which look they belong to.
        look: LookId,
        /// Per kind: the objects, or why they could not be read.
        lists: Lists,
    },
    /// A person said something; the envelope is row `inbox` of the store.
    Said {
        /// The row to settle with the answer.
        inbox: i64,
        /// What was said.
        said: Said,
        /// Who said it, if Slack could be asked.
        person: Option<Person>,
    },
    /// Something may be due by time alone.
    Due,
    /// The cluster said who it is, after it could not be asked.
    Identified {
        /// Who.
        cluster: ClusterId,
    },
    /// The right to write had run out and was taken anew: what is stored may have changed meanwhile.
    LeaseAnew,
    /// It is time to measure how full things are.
    Measure,
    /// What was measured.
    Measured(Measurements),
    /// It is time to forget what is gone.
    Tidy,
}

/// What a set of fresh lists is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookId {
    /// The monitoring pass that was due then.
    Pass(Timestamp),
    /// `/k8s analyze <namespace>`, answered at this address.
    Analysis {
        /// The namespace.
        namespace: String,
        /// Where the answer goes.
        response_url: String,
        /// When it was asked for.
        asked_at: Timestamp,
    },
}

/// Fresh lists: per kind the objects, or why they could not be read.
pub type Lists = Vec<(Kind, Result<Listed, ReadError>)>;
