//! When people hear of an incident again: what was told and when in, what is to be told now and when next out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    Incident, MemberState, Severity,
    escalation::{Call, Habits},
    later,
};
use crate::findings::ConditionClass;

/// How long it is silent after it was last told aloud, before it is repeated: 3 h, 6 h, 12 h, then once a day.
pub(super) const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(24),
];
/// What joins so soon after an incident was told is company, not news.
const COMPANY_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// How many names of those hit are remembered as announced.
const MOST_ANNOUNCED: usize = 300;

/// How often the thread says that something shown has changed.
fn brief_pause(severity: Severity) -> SignedDuration {
    match severity {
        Severity::Sev1 => SignedDuration::from_mins(15),
        Severity::Sev2 | Severity::Sev3 | Severity::Sev4 => SignedDuration::from_mins(30),
    }
}

/// The facts of which a change is worth a line in the thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Shown {
    pub severity: Option<Severity>,
    pub class: Option<ConditionClass>,
    pub reason: String,
    pub ready: Option<i32>,
    pub desired: Option<i32>,
    pub hit: usize,
}

impl Shown {
    fn of(incident: &Incident) -> Self {
        let headline = incident.headline();
        Self {
            severity: Some(incident.severity),
            class: headline.map(|finding| finding.class),
            reason: headline.map(|finding| finding.reason.clone()).unwrap_or_default(),
            ready: incident.impact.ready,
            desired: incident.impact.desired,
            hit: incident.hits.all,
        }
    }
}

/// What was told of an incident since it opened, apart from its message, which is always as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Telling {
    /// When everything was last told aloud: the message itself, that it is worse or back, a repetition. None: never yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aloud_at: Option<Timestamp>,
    /// How often it was repeated since it was last news.
    #[serde(default)]
    pub repeats: u32,
    /// How often it was told that more are hit.
    #[serde(default)]
    pub widened: u32,
    /// Who was announced as hit, and is worth being told of at once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub announced: BTreeSet<String>,
    /// A silence is over, and that it is still wrong is to be told as soon as it is seen to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owed: bool,
    /// How often that was told.
    #[serde(default)]
    pub heard_again: u32,
    /// How often the thread said that something shown has changed.
    #[serde(default)]
    pub changes: u32,
    /// What people heard last.
    #[serde(default)]
    pub shown: Shown,
    /// When the thread last said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_at: Option<Timestamp>,
    /// How bad it was when it was last acknowledged; not known of what was acknowledged before this was taken down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_as: Option<Severity>,
    /// How often who acknowledged it was reminded.
    #[serde(default)]
    pub reminders: u32,
    /// Since when it is news that nobody takes care of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news_at: Option<Timestamp>,
    /// Who was called since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub called: BTreeSet<Call>,
    /// Who was ever called: a channel stays up to date, and who was paged is told when it is over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ever_called: BTreeSet<Call>,
}

impl Telling {
    /// It is told aloud now, as news; the pauses begin anew.
    fn news(&self, incident: &Incident, now: Timestamp) -> Self {
        // Who is hit now is remembered before who was.
        let mut announced = hit(incident);
        let room = MOST_ANNOUNCED.saturating_sub(announced.len());
        let known: Vec<String> = self.announced.difference(&announced).take(room).cloned().collect();
        announced.extend(known);
        Self {
            aloud_at: Some(now),
            repeats: 0,
            announced,
            shown: Shown::of(incident),
            shown_at: Some(now),
            reminders: 0,
            owed: false,
            news_at: Some(now),
            called: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// Nobody takes care of it any more: the pauses begin anew, and so does who is called.
    pub(super) fn anew(&self, now: Timestamp) -> Self {
        let (aloud_at, news_at) = (self.aloud_at.map(|_| now), self.news_at.map(|_| now));
        Self { aloud_at, news_at, repeats: 0, reminders: 0, called: BTreeSet::new(), ..self.clone() }
    }

    /// When it is repeated next, if nobody takes care of it.
    fn repeats_at(&self) -> Option<Timestamp> {
        let last = PAUSES.len() - 1;
        let pause = PAUSES.get(usize::try_from(self.repeats).unwrap_or(last).min(last))?;
        Some(later(self.aloud_at?, *pause))
    }

    /// When the thread may say next that something has changed.
    fn brief_at(&self, severity: Severity) -> Option<Timestamp> {
        Some(later(self.shown_at.max(self.aloud_at)?, brief_pause(severity)))
    }
}

/// Those hit whom people want to hear of at once: what is said for itself, Services without an endpoint, and what a digest tells of.
fn hit(incident: &Incident) -> BTreeSet<String> {
    let loud = incident.hits.named.iter().filter(|hit| hit.severity.is_said() && hit.impact.is_unserved());
    let owners = loud.map(|hit| hit.owner.to_string());
    let empty = incident.impact.services.iter().filter(|service| service.ready_endpoints == 0);
    let services = empty.map(|service| format!("Service {}/{}", service.namespace, service.name));
    let open = incident.members.iter().filter(|member| member.state == MemberState::Open && member.severity.is_said());
    owners.chain(services).chain(open.map(|member| member.owner.to_string())).collect()
}

/// Whether people hear of an incident by itself at present.
fn is_heard(incident: &Incident) -> bool {
    incident.is_open()
        && incident.worst.is_said()
        && incident.severity.is_said()
        && incident.symptom_of.is_none()
        && incident.parent.is_none()
        && incident.silenced.is_none()
}

/// Whether it is wrong as far as can be seen: nobody is called again for what recovers or cannot be judged.
fn is_wrong(incident: &Incident) -> bool {
    incident.healthy_since.is_none() && incident.unseen_since.is_none()
}

/// Takes down what is told of the change from `before` to `after` at `now`. What is worse takes an acknowledgement away: whoever
/// gave it did not know of this.
pub(super) fn tell(before: Option<&Incident>, after: &mut Incident, habits: Habits<'_>, now: Timestamp) {
    repeat(before, after, habits.reminds_after, now);
    if !is_heard(after) || !is_wrong(after) || after.acknowledged.is_some() {
        return;
    }
    let due: Vec<Call> = calls(after, habits).filter(|(at, _)| *at <= now).map(|(_, call)| call).collect();
    after.telling.ever_called.extend(due.iter().cloned());
    after.telling.called.extend(due);
}

/// The calls that are to come, with their times.
fn calls(incident: &Incident, habits: Habits<'_>) -> impl Iterator<Item = (Timestamp, Call)> {
    let Telling { news_at, called, .. } = &incident.telling;
    let steps = habits.escalation.iter().filter(|step| step.is_for(incident.severity));
    // Without anybody responsible there is nobody to mention.
    let is_there = |call: &Call| *call != Call::Owner || incident.stake.contact.is_some();
    let to_come = steps.filter(move |step| is_there(&step.call) && !called.contains(&step.call));
    to_come.filter_map(move |step| Some((later((*news_at)?, step.after), step.call.clone())))
}

/// Whether it is worse than whoever acknowledged it knew.
fn is_worse_than_acknowledged(before: Option<&Incident>, after: &Incident) -> bool {
    let known = after.telling.acknowledged_as.or_else(|| before.map(|before| before.severity));
    after.acknowledged.is_some() && known.is_some_and(|known| after.severity < known)
}

/// Takes down what is told again.
fn repeat(before: Option<&Incident>, after: &mut Incident, reminds_after: Option<SignedDuration>, now: Timestamp) {
    if before.is_some_and(|before| before.silenced.is_some()) && after.silenced.is_none() {
        // Whoever takes care of it knows.
        after.telling.owed = after.telling.aloud_at.is_some() && after.acknowledged.is_none();
    }
    // A digest tells of what nobody takes care of.
    if after.is_in_digest() && is_worse_than_acknowledged(before, after) {
        take_back(after, now);
    }
    if !is_heard(after) {
        return;
    }
    let is_more_than_acknowledged = is_worse_than_acknowledged(before, after);
    let before =
        before.filter(|before| before.is_open() && before.worst.is_said() && before.telling.aloud_at.is_some());
    let Some(before) = before else {
        after.telling = after.telling.news(after, now);
        // It was acknowledged where a digest or a warning told of it.
        if is_more_than_acknowledged {
            take_back(after, now);
        }
        return;
    };
    let is_released = before.parent.is_some() && after.acknowledged.is_none();
    // While it recovers it is not worse than it was, whatever was not told of it.
    let is_worse = after.severity < before.peak && after.healthy_since.is_none();
    if is_worse || is_released {
        after.telling = after.telling.news(after, now);
        if is_worse {
            take_back(after, now);
        }
        return;
    }
    if !is_wrong(after) {
        return;
    }
    if after.telling.owed {
        after.telling = after.telling.news(after, now);
        after.telling.heard_again = after.telling.heard_again.saturating_add(1);
        return;
    }
    let new: BTreeSet<String> = hit(after).difference(&after.telling.announced).cloned().collect();
    let aloud_at = after.telling.aloud_at.unwrap_or(now);
    if now < later(aloud_at, COMPANY_WITHIN) {
        after.telling.announced.extend(new);
        after.telling.shown = Shown::of(after);
    } else if !new.is_empty() && now >= later(aloud_at, brief_pause(after.severity)) {
        after.telling = after.telling.news(after, now);
        after.telling.widened = after.telling.widened.saturating_add(1);
        take_back(after, now);
    } else if let Some(acknowledged) = &after.acknowledged {
        let reminder = reminds_after.map(|every| (every, reminder_at(acknowledged.at, every, after.telling.reminders)));
        if let Some((every, _)) = reminder.filter(|(_, at)| *at <= now) {
            // Those that were missed meanwhile are one.
            let times = now.duration_since(acknowledged.at).as_secs() / every.as_secs().max(1);
            after.telling.reminders = u32::try_from(times).unwrap_or(u32::MAX);
        }
    } else if after.telling.repeats_at().is_some_and(|at| at <= now) {
        let repeats = after.telling.repeats.saturating_add(1);
        // Who was called is not called again for a repetition.
        let Telling { called, news_at, .. } = after.telling.clone();
        after.telling = Telling { repeats, news_at, called, ..after.telling.news(after, now) };
    } else if Shown::of(after) != after.telling.shown
        && after.telling.brief_at(after.severity).is_some_and(|at| at <= now)
    {
        after.telling.shown = Shown::of(after);
        after.telling.shown_at = Some(now);
        after.telling.changes = after.telling.changes.saturating_add(1);
    }
}

/// Nobody takes care of it any more, because it is worse than what was acknowledged.
fn take_back(after: &mut Incident, now: Timestamp) {
    if after.acknowledged.as_ref().is_some_and(|acknowledged| acknowledged.at < now) {
        after.acknowledged = None;
    }
}

/// When people may hear of it again by time alone.
pub(super) fn due(incident: &Incident, habits: Habits<'_>) -> Option<Timestamp> {
    if !is_heard(incident) || !is_wrong(incident) {
        return None;
    }
    let telling = &incident.telling;
    let is_new = hit(incident).difference(&telling.announced).next().is_some();
    let widens = telling.aloud_at.filter(|_| is_new).map(|at| later(at, brief_pause(incident.severity)));
    let again = if let Some(acknowledged) = &incident.acknowledged {
        habits.reminds_after.map(|every| reminder_at(acknowledged.at, every, telling.reminders))
    } else {
        let changed = Shown::of(incident) != telling.shown;
        let brief = telling.brief_at(incident.severity).filter(|_| changed);
        let call = calls(incident, habits).map(|(at, _)| at).min();
        telling.repeats_at().into_iter().chain(brief).chain(call).min()
    };
    widens.into_iter().chain(again).min()
}

/// When who acknowledged it is reminded next.
fn reminder_at(acknowledged: Timestamp, every: SignedDuration, reminded: u32) -> Timestamp {
    let times = i32::try_from(reminded).unwrap_or(i32::MAX).saturating_add(1);
    every.checked_mul(times).map_or(Timestamp::MAX, |after| later(acknowledged, after))
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
