//! What was wrong before the bot: told in one digest if it is much.

use jiff::{SignedDuration, Timestamp};

use super::{
    Mind,
    incidents::{self, Round},
};
use crate::{app::Site, cluster::ClusterId, findings, store::StoreError};

/// More incidents than this that were already there are one digest.
const ONE_BY_ONE: usize = 3;
/// How long the first look waits for what cannot be seen, once something is seen; a right that is missing stays missing.
const THE_REST_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How far the first picture of a cluster was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// There was none yet.
    Outstanding,
    /// A part of it was judged, for the first time then; the rest cannot be seen.
    Partial(Timestamp),
    /// It is being judged, and what was there is little.
    OneByOne,
    /// It is being judged, and what was there is much: a digest.
    InDigest,
    /// It was judged; that is not written yet.
    Unsaid,
    /// Long ago.
    Done,
}

impl FirstLook {
    pub(super) async fn load(app: &Site, cluster: &ClusterId) -> Result<Self, StoreError> {
        Ok(if app.store.had_first_picture(cluster).await? { Self::Done } else { Self::Outstanding })
    }

    /// What is read anew goes before what was known, unless a look has begun that is not at its end.
    pub(super) fn or_stored(self, stored: Self) -> Self {
        match (self, stored) {
            (Self::Partial(_) | Self::Unsaid, Self::Outstanding) => self,
            (_, stored) => stored,
        }
    }

    /// Whether the first picture is being judged.
    pub(super) fn is_going_on(self) -> bool {
        matches!(self, Self::OneByOne | Self::InDigest)
    }
}

/// Judges everything. What is wrong the first time that something of a cluster is seen was there before; so is what shows when
/// the rest is seen soon after. Says how much the checks found wrong.
pub(super) async fn judge_everything(app: &Site, mind: &mut Mind) -> usize {
    let now = app.clock.now();
    let begun = match mind.first_look {
        FirstLook::Outstanding => sees_something(mind).then_some(now),
        FirstLook::Partial(begun) => Some(begun),
        FirstLook::OneByOne | FirstLook::InDigest | FirstLook::Unsaid | FirstLook::Done => None,
    };
    let round = incidents::look_at_all(app, mind);
    let findings = round.findings();
    if begun.is_some() {
        let is_much = were_there(app, mind, &round) > ONE_BY_ONE;
        mind.first_look = if is_much { FirstLook::InDigest } else { FirstLook::OneByOne };
    }
    incidents::settle(app, mind, round).await;
    if let Some(begun) = begun {
        let until = begun.saturating_add(THE_REST_WITHIN).unwrap_or(Timestamp::MAX);
        if mind.blind().is_none() || until <= now {
            mind.first_look = FirstLook::Unsaid;
        } else {
            mind.first_look = FirstLook::Partial(begun);
            let due = mind.due.entry(findings::sight_owner(&mind.name)).or_insert(until);
            *due = until.min(*due);
        }
    }
    if mind.first_look == FirstLook::Unsaid {
        match app.store.record_first_picture(&mind.cluster, now).await {
            Ok(()) => mind.first_look = FirstLook::Done,
            Err(error) => tracing::error!(%error, "that the cluster was seen for the first time is not written yet"),
        }
    }
    findings
}

/// Whether anything at all can be judged: without an API server nothing is known of what was there.
fn sees_something(mind: &Mind) -> bool {
    !mind.index.sight().sees_nothing()
}

/// How many incidents the digest would name: those it has, and those that are new.
fn were_there(app: &Site, mind: &Mind, round: &Round) -> usize {
    let told = mind.open.values().filter(|incident| incident.is_in_digest()).count();
    told.saturating_add(round.would_tell(app, mind).len())
}
