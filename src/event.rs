//! Everything that can happen to the bot: timers, watches and Slack only send these; one loop handles them one at a time.

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    clients::kubernetes::{Listed, ObjectVersion, Page, ReadError, Scope, Watched},
    cluster::{ClusterId, Kind},
    conversation::{Said, permissions::Person, standing::ClusterStanding},
    process::{Begun, LogRead, Measurements, RolloutsRead, SettingRead},
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
        /// The place it takes up among what waits to be taken in, if it is large.
        place: Option<OwnedSemaphorePermit>,
    },
    /// The scheduled monitoring pass is due.
    Pass {
        /// When it was due.
        at: Timestamp,
    },
    /// The running pass has read what there is of a kind, or a part of it.
    Versions {
        /// What was read.
        scope: Scope,
        /// The objects and their versions.
        page: Page<ObjectVersion>,
        /// The place it takes up among what waits to be taken in.
        place: OwnedSemaphorePermit,
    },
    /// The running pass has read everything it could.
    PassRead {
        /// Why something could not be read.
        errors: Vec<String>,
    },
    /// The fresh lists of `/k8s analyze <namespace>` have arrived.
    Analysed {
        /// Who is to be answered.
        analysis: Analysis,
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
    /// Somebody wants to know how the cluster stands.
    Tell(oneshot::Sender<ClusterStanding>),
    /// Something may be due by time alone.
    Due,
    /// The cluster said who it is, after it could not be asked.
    Identified {
        /// Who.
        cluster: ClusterId,
    },
    /// The right to write had run out and was taken anew: what is stored may have changed meanwhile.
    LeaseAnew,
    /// The catalogue of services was read anew.
    Catalogue,
    /// It is time to measure how full things are.
    Measure,
    /// What was measured.
    Measured(Measurements),
    /// A log that may say why something is wrong was read.
    LogRead(LogRead),
    /// What was rolled out to a workload that something is wrong with was read.
    RolloutsRead(RolloutsRead),
    /// A rollout of something that matters began; None if it cannot be read which.
    RolloutBegun(Option<Box<Begun>>),
    /// An object beside the workloads that changed was read.
    SettingRead(Box<SettingRead>),
    /// It is time to forget what is gone.
    Tidy,
}

/// An analysis that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The namespace.
    pub namespace: String,
    /// Where the answer goes.
    pub response_url: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

/// Fresh lists: per kind the objects, or why they could not be read.
pub type Lists = Vec<(Kind, Result<Listed, ReadError>)>;
