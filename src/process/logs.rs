//! The log of the container that is at fault: its last lines are read in a task of their own, and come back as evidence.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::Mind;
use crate::{
    alerts,
    app::Site,
    clients::kubernetes::{LogRequest, ReadError},
    cluster::ObjectRef,
    event::Event,
    findings::{ConditionClass, LOG_LINES, LogLines, LogOf},
    incidents::{Incident, IncidentId, Severity},
    store::{StoreError, TransitionRequest},
};

/// The log of another container of the same incident is read after this.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// So many are read at once: each may take a quarter of a megabyte, and the API server has other things to do.
const AT_ONCE: usize = 4;

/// Which logs were asked for, and which are to be. It can be found anew from the open incidents.
#[derive(Debug)]
pub(super) struct Logs {
    asked: BTreeMap<ObjectRef, Asked>,
    wanted: Vec<Wanted>,
    places: Arc<Semaphore>,
}

/// What was asked for last for an owner's incident, and how bad it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    incident: IncidentId,
    class: ConditionClass,
    of: LogOf,
    reopened: u32,
    peak: Severity,
    at: Timestamp,
}

#[derive(Debug)]
struct Wanted {
    owner: ObjectRef,
    incident: IncidentId,
    of: LogOf,
}

/// The last lines of a log, or nothing: there is none, or it may not be read.
#[derive(Debug)]
pub struct LogRead {
    owner: ObjectRef,
    incident: IncidentId,
    lines: Option<LogLines>,
}

impl Asked {
    fn of(incident: &Incident, at: Timestamp) -> Option<Self> {
        let (class, of) = incident.wants_log()?;
        Some(Self {
            incident: incident.id.clone(),
            class,
            of: of.clone(),
            reopened: incident.reopened,
            peak: incident.peak,
            at,
        })
    }

    /// Whether it is worse than when the log was read, or another incident.
    fn is_outdone_by(&self, now: &Self) -> bool {
        self.incident != now.incident || now.reopened > self.reopened || now.peak < self.peak
    }

    /// Whether it is about the same container, whichever run of it.
    fn is_of_the_same(&self, now: &Self) -> bool {
        let (a, b) = (&self.of, &now.of);
        self.class == now.class && (&a.namespace, &a.pod, &a.container) == (&b.namespace, &b.pod, &b.container)
    }
}

impl Logs {
    /// What was read before a restart is not read again.
    pub(super) fn remembered<'a>(open: impl Iterator<Item = &'a Incident>, now: Timestamp) -> Self {
        let read = open.filter(|incident| incident.log.is_some());
        let asked = read.filter_map(|incident| Some((incident.owner.clone(), Asked::of(incident, now)?))).collect();
        Self { asked, wanted: Vec::new(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Notes that the log of an incident is to be read: when people hear of it, when it is worse, and when it shows at another
    /// container. If that has to wait, says until when.
    pub(super) fn consider(
        &mut self,
        owner: &ObjectRef,
        incident: Option<&Incident>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let Some(incident) = incident else {
            self.asked.remove(owner);
            return None;
        };
        let is_told = incident.severity.is_said() && incident.symptom_of.is_none() && incident.healthy_since.is_none();
        let new = Asked::of(incident, now).filter(|_| is_told)?;
        if let Some(asked) = self.asked.get(owner).filter(|asked| !asked.is_outdone_by(&new)) {
            if asked.is_of_the_same(&new) {
                return None;
            }
            let again = asked.at.checked_add(AGAIN_AFTER).unwrap_or(Timestamp::MAX);
            if again > now {
                return Some(again);
            }
        }
        self.wanted.push(Wanted { owner: owner.clone(), incident: incident.id.clone(), of: new.of.clone() });
        self.asked.insert(owner.clone(), new);
        None
    }
}

/// Reads the logs that are to be read; nobody waits for them.
pub(super) fn begin(app: &Arc<Site>, mind: &mut Mind) {
    for Wanted { owner, incident, of } in std::mem::take(&mut mind.logs.wanted) {
        app.pulse.send_modify(|pulse| pulse.looks += 1);
        let (app_of_task, places) = (Arc::clone(app), Arc::clone(&mind.logs.places));
        app.spawn(async move {
            let read = async {
                // It is never closed.
                let _place = places.acquire().await.ok();
                read(&app_of_task, of).await
            };
            let Some(lines) = app_of_task.stop.run_until_cancelled(read).await else { return };
            app_of_task.send(Event::LogRead(LogRead { owner, incident, lines })).await;
        });
    }
}

/// The log of the run that is at fault; if that is gone (the node keeps one only, and not for long), of the one that goes on.
async fn read(app: &Site, of: LogOf) -> Option<LogLines> {
    let read = match read_one(app, &of).await {
        Ok(None) if of.previous => read_one(app, &LogOf { previous: false, ..of.clone() }).await,
        read => read,
    };
    let LogOf { namespace, pod, container, .. } = &of;
    match read {
        Ok(None) => tracing::debug!(namespace, pod, container, "there is no log"),
        Err(ref error) => tracing::debug!(%error, namespace, pod, container, "a log could not be read"),
        Ok(Some(_)) => {}
    }
    read.ok().flatten()
}

async fn read_one(app: &Site, of: &LogOf) -> Result<Option<LogLines>, ReadError> {
    let LogOf { namespace, pod, container, previous } = of;
    let request = LogRequest { namespace, pod, container, previous: *previous, tail: LOG_LINES };
    let raw = app.kubernetes.logs(&request).await?;
    Ok(raw.and_then(|raw| LogLines::kept(of.clone(), &raw)))
}

/// The lines become part of the incident, with the edit that shows them.
pub(super) async fn arrived(app: &Site, mind: &mut Mind, read: LogRead) -> Result<(), StoreError> {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let LogRead { owner, incident, lines } = read;
    let Some(lines) = lines else { return Ok(()) };
    let now = app.clock.now();
    let request = TransitionRequest { cluster: mind.cluster.clone(), owner: owner.clone(), fence: app.fence(), now };
    let step = |open: Option<&Incident>, _: Option<&Incident>| {
        open.filter(|open| open.id == incident).and_then(|open| open.with_log(&lines, now))
    };
    let say = |before: Option<&Incident>, after: &Incident| alerts::say(before, after, &app.channels, &app.times(now));
    let done = match app.store.transition(request, step, say).await {
        Ok(done) => done,
        Err(error) => {
            // It is read again when something happens to that owner.
            mind.logs.asked.remove(&owner);
            return Err(error);
        }
    };
    if let Some(after) = done.after.filter(|after| after.is_open() && mind.open.contains_key(&owner)) {
        mind.open.insert(owner, after);
    }
    if done.rows > 0 {
        app.outbox_wake.wake();
    }
    Ok(())
}
