//! What was wrong before the bot: said in one summary if it is much.

use jiff::tz::TimeZone;

use super::{Mind, incidents};
use crate::{
    alerts::{
        Outgoing,
        message::{self, Times},
    },
    app::App,
    cluster::ClusterId,
    findings,
    incidents::{Incident, Severity},
    store::StoreError,
};

/// More incidents than this that were already there are one summary.
const ONE_BY_ONE: usize = 3;

/// How far the first complete picture of a cluster was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// There was none yet.
    Outstanding,
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

    /// What becomes of an incident that is opened now: whether only the summary speaks of it. A SEV-1 is never only there.
    pub(super) fn is_only_in_summary(self, opened: &Incident) -> bool {
        self == Self::InSummary && opened.severity == Severity::Sev2
    }
}

/// Judges everything. The first time that all of a cluster is seen, what is wrong was there before.
pub(super) async fn judge_everything(app: &App, mind: &mut Mind) {
    let is_first = mind.first_look == FirstLook::Outstanding && mind.blind().is_none();
    if is_first && incidents::would_open(app, mind).filter(|i| i.severity.is_said()).count() > ONE_BY_ONE {
        mind.first_look = FirstLook::InSummary;
    }
    incidents::judge_all_owners(app, mind).await;
    if is_first {
        mind.first_look = FirstLook::Unsaid;
    }
    if mind.first_look == FirstLook::Unsaid
        && let Err(error) = summarise(app, mind).await
    {
        tracing::error!(%error, "the summary of what was already wrong is not written yet");
    }
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
