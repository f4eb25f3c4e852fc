//! What was wrong before the bot: said in one summary if it is much.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Mind,
    incidents::{self, Round},
};
use crate::{
    alerts::{
        Outgoing,
        message::{self, Times},
    },
    app::App,
    cluster::{ClusterId, Kind},
    findings,
    incidents::{Incident, Severity},
    store::StoreError,
};

/// More incidents than this that were already there are one summary.
const ONE_BY_ONE: usize = 3;
/// How long the summary waits for what cannot be seen, once something is seen; a right that is missing stays missing.
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
    /// It is being judged, and what was there is much: a summary.
    InSummary,
    /// It was judged; the summary is not written yet.
    Unsaid,
    /// Long ago.
    Done,
}

impl FirstLook {
    pub(super) async fn load(app: &App, cluster: &ClusterId) -> Result<Self, StoreError> {
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
        matches!(self, Self::OneByOne | Self::InSummary)
    }

    /// What becomes of an incident that is opened now: whether only the summary speaks of it. A SEV-1 is never only there.
    pub(super) fn is_only_in_summary(self, opened: &Incident) -> bool {
        self == Self::InSummary && opened.severity == Severity::Sev2 && opened.owner.kind != findings::CLUSTER
    }
}

/// Judges everything. What is wrong the first time that something of a cluster is seen was there before; so is what shows when
/// the rest is seen soon after.
pub(super) async fn judge_everything(app: &App, mind: &mut Mind) {
    let now = app.clock.now();
    let begun = match mind.first_look {
        FirstLook::Outstanding => sees_something(mind).then_some(now),
        FirstLook::Partial(begun) => Some(begun),
        FirstLook::OneByOne | FirstLook::InSummary | FirstLook::Unsaid | FirstLook::Done => None,
    };
    let round = incidents::look_at_all(app, mind);
    if begun.is_some() {
        let is_much = were_there(app, mind, &round) > ONE_BY_ONE;
        mind.first_look = if is_much { FirstLook::InSummary } else { FirstLook::OneByOne };
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
    if mind.first_look == FirstLook::Unsaid
        && let Err(error) = summarise(app, mind).await
    {
        tracing::error!(%error, "the summary of what was already wrong is not written yet");
    }
}

/// Ends a look that has begun, before it is known that this cluster was seen long ago: what waits for the summary is said.
pub(super) async fn end_before(app: &App, mind: &mut Mind, identified: &ClusterId) -> Result<(), StoreError> {
    let has_begun = matches!(mind.first_look, FirstLook::Partial(_) | FirstLook::Unsaid);
    if has_begun && app.store.had_first_picture(identified).await? {
        summarise(app, mind).await?;
    }
    Ok(())
}

/// Whether anything at all can be judged: without an API server nothing is known of what was there.
fn sees_something(mind: &Mind) -> bool {
    let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
    mind.blind().is_none_or(|(kinds, _)| kinds.len() < required)
}

/// How many incidents the summary would name: those it waits with, and those that are opened now.
fn were_there(app: &App, mind: &Mind, round: &Round) -> usize {
    let waiting = mind.open.values().filter(|incident| incident.in_summary).count();
    waiting.saturating_add(round.would_open(app, mind).filter(|i| i.severity.is_said()).count())
}

/// Writes the summary, if there is something in it and somewhere to say it; after that the first picture is history.
async fn summarise(app: &App, mind: &mut Mind) -> Result<(), StoreError> {
    let now = app.clock.now();
    let channels = app.channels.clone();
    let said: Vec<&Incident> =
        mind.open.values().filter(|i| i.worst.is_said() && i.owner.kind != findings::CLUSTER).collect();
    let is_much = said.iter().any(|incident| incident.in_summary);
    let mut rows = Vec::new();
    for channel in channels.of(Severity::Sev1).into_iter().filter(|_| is_much) {
        let here: Vec<&Incident> = said.iter().copied().filter(|i| channels.of(i.worst).contains(&channel)).collect();
        if here.iter().any(|incident| incident.in_summary) {
            let message = message::already_there(&mind.name, &here, &Times { now, zone: &TimeZone::UTC });
            rows.push(Outgoing::Post { channel, message });
        }
    }
    app.store.record_first_picture(&mind.cluster, &rows, now).await?;
    mind.first_look = FirstLook::Done;
    mind.said += rows.len();
    app.outbox_wake.wake();
    Ok(())
}
