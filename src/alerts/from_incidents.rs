//! What must be said about an incident's change of state, and the rows that say it in the configured channels.

use super::{
    Outgoing, Word,
    calls::calls,
    message::{Times, note, root},
};
use crate::incidents::{Incident, Severity, escalation::Call};

/// What must be said of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// Its message is posted, once and for good.
    Root,
    /// Its message is edited in place; that notifies nobody.
    Edit,
    /// Something is said in its thread.
    Note(Note),
}

/// What is said in the thread of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It is worse than anything announced since it opened.
    Worse,
    /// More are hit than were announced since it opened.
    Wider,
    /// It is still wrong, and nobody takes care of it.
    Still,
    /// Something shown has changed.
    Changed,
    /// It was resolved, and is back.
    Reopened,
    /// Somebody takes care of it.
    Acknowledged,
    /// Nobody takes care of it any more.
    Unacknowledged,
    /// Who takes care of it is reminded that it is still wrong.
    Reminder,
    /// Somebody wants to hear nothing of it for a time.
    Silenced,
    /// That time is over, and it is still wrong.
    SilenceOver,
    /// It is over.
    Resolved,
    /// It was found to be a symptom of another, which tells of it from now on.
    Absorbed,
    /// What it was a symptom of is over, and it is still wrong.
    Released,
}

/// Where alerts go, by severity: channels as they are configured, so that nothing that must be said depends on whether Slack
/// can be asked for their ids. An incident is said in the channels of the worst severity it had, and of those below: so it
/// stays in the channel where it began when it becomes worse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// Channels of SEV-1.
    pub sev1: Vec<String>,
    /// Channels of SEV-2.
    pub sev2: Vec<String>,
    /// Channels of SEV-3, which is told in business hours.
    pub sev3: Vec<String>,
    /// Channels that are called while nobody acknowledges.
    pub of_escalation: Vec<String>,
}

impl Channels {
    /// The same channel for everything.
    pub fn one(channel: &str) -> Self {
        let one = vec![channel.to_owned()];
        Self { sev1: one.clone(), sev2: one.clone(), sev3: one, of_escalation: Vec::new() }
    }

    /// The channels in which an incident of that worst severity is said, each once.
    pub fn of(&self, worst: Severity) -> Vec<String> {
        let lists: &[&Vec<String>] = match worst {
            Severity::Sev1 => &[&self.sev1, &self.sev2],
            Severity::Sev2 => &[&self.sev2],
            Severity::Sev3 | Severity::Sev4 => &[],
        };
        let mut channels = Vec::new();
        for channel in lists.iter().copied().flatten() {
            if !channels.contains(channel) {
                channels.push(channel.clone());
            }
        }
        channels
    }
}

/// Decides what must be said when an incident changed from `previous` to `now`. The truth table is in the tests.
pub fn needs_update(previous: Option<&Incident>, now: &Incident) -> Vec<Alert> {
    let Some(previous) = previous.filter(|p| p.worst.is_said()) else {
        // Never said before, or in a digest only.
        let is_told = now.is_open() && now.severity.is_said() && now.symptom_of.is_none() && now.silenced.is_none();
        // Whoever acknowledged it there did so before it was this bad.
        let was_taken = previous.is_some_and(|p| p.is_open() && p.acknowledged.is_some()) && now.acknowledged.is_none();
        return match (is_told, was_taken) {
            (true, true) => vec![Alert::Root, Alert::Note(Note::Unacknowledged)],
            (true, false) => vec![Alert::Root],
            (false, _) => Vec::new(),
        };
    };
    let mut notes = Vec::new();
    if let Some(alerts) = of_a_symptom(previous, now) {
        return alerts;
    }
    notes.extend(news(previous, now));
    if now.silenced.is_some() && previous.silenced.is_none() {
        notes.push(Note::Silenced);
    }
    if now.acknowledged.is_some() && now.acknowledged != previous.acknowledged {
        notes.push(Note::Acknowledged);
    } else if now.acknowledged.is_none() && previous.acknowledged.is_some() && notes.is_empty() {
        notes.push(Note::Unacknowledged);
    }
    if previous.is_open() && !now.is_open() {
        notes.push(Note::Resolved);
    }
    if notes.is_empty() && now.looks_like(previous) {
        return Vec::new();
    }
    std::iter::once(Alert::Edit).chain(notes.into_iter().map(Alert::Note)).collect()
}

/// The one thing that is new about an incident that has a message, the most important first.
fn news(previous: &Incident, now: &Incident) -> Option<Note> {
    let (told, before) = (&now.telling, &previous.telling);
    let is_heard = now.is_open() && now.severity.is_said() && now.silenced.is_none();
    if now.reopened > previous.reopened {
        return Some(Note::Reopened);
    }
    if !is_heard {
        return None;
    }
    if now.severity < previous.peak && now.healthy_since.is_none() {
        Some(Note::Worse)
    } else if told.heard_again > before.heard_again {
        Some(Note::SilenceOver)
    } else if told.widened > before.widened {
        Some(Note::Wider)
    } else if told.repeats > before.repeats {
        Some(Note::Still)
    } else if told.reminders > before.reminders {
        Some(Note::Reminder)
    } else if told.changes > before.changes {
        Some(Note::Changed)
    } else {
        None
    }
}

/// What must be said of an incident that is, or was, a symptom of another. Its message shows where it belongs, and its end;
/// everything else is told by the other.
fn of_a_symptom(previous: &Incident, now: &Incident) -> Option<Vec<Alert>> {
    if !previous.is_open() {
        return None;
    }
    match (&previous.parent, &now.parent) {
        (None, Some(_)) => Some(vec![Alert::Edit, Alert::Note(Note::Absorbed)]),
        (Some(_), None) if now.is_open() => Some(vec![Alert::Edit, Alert::Note(Note::Released)]),
        (Some(before), Some(after))
            if now.is_open() && before == after && previous.acknowledged == now.acknowledged =>
        {
            Some(Vec::new())
        }
        (Some(_), _) => Some(vec![Alert::Edit]),
        (None, None) => None,
    }
}

/// The rows of the outbox that say it.
pub fn say(previous: Option<&Incident>, now: &Incident, channels: &Channels, times: &Times<'_>) -> Vec<Outgoing> {
    let alerts = needs_update(previous, now);
    let before = previous.map(|p| rooms(p, channels)).unwrap_or_default();
    let own = channels.of(now.worst);
    let mut rows = Vec::new();
    let calls = || calls(previous, now, &own, times);
    if alerts.is_empty() {
        return calls();
    }
    for channel in rooms(now, channels) {
        // Who is called now is called below.
        if !before.contains(&channel) && !own.contains(&channel) {
            continue;
        }
        if !before.contains(&channel) {
            // New to this channel: the message as it is now says everything.
            rows.push(Outgoing::Post { channel: channel.clone(), message: root(now, times) });
            if alerts.contains(&Alert::Root) && alerts.contains(&Alert::Note(Note::Unacknowledged)) {
                let message = note(Note::Unacknowledged, previous, now, times);
                rows.push(Outgoing::Reply { channel, message, broadcast: false, word: Word::News });
            }
            continue;
        }
        for alert in &alerts {
            let channel = channel.clone();
            rows.push(match alert {
                Alert::Root | Alert::Edit => Outgoing::Edit { channel, message: root(now, times) },
                Alert::Note(what) => Outgoing::Reply {
                    channel,
                    message: note(*what, previous, now, times),
                    // Coming back is only loud if it is bad.
                    broadcast: match what {
                        Note::Worse | Note::Wider | Note::Still | Note::SilenceOver => true,
                        Note::Reopened | Note::Released => {
                            now.severity.is_said() && now.silenced.is_none() && now.acknowledged.is_none()
                        }
                        Note::Changed
                        | Note::Acknowledged
                        | Note::Unacknowledged
                        | Note::Reminder
                        | Note::Silenced
                        | Note::Resolved
                        | Note::Absorbed => false,
                    },
                    word: match what {
                        Note::Acknowledged | Note::Silenced | Note::Resolved | Note::Absorbed => Word::Last,
                        Note::Worse
                        | Note::Wider
                        | Note::Still
                        | Note::Changed
                        | Note::Reopened
                        | Note::Unacknowledged
                        | Note::Reminder
                        | Note::SilenceOver
                        | Note::Released => Word::News,
                    },
                },
            });
        }
    }
    rows.extend(calls());
    rows
}

/// Where an incident is told: in the channels of its severity, and in those that were called.
fn rooms(incident: &Incident, channels: &Channels) -> Vec<String> {
    let mut rooms = channels.of(incident.worst);
    for call in &incident.telling.ever_called {
        // One that is not in the chain any more is not kept up to date: nobody may know where it is.
        if let Call::Channel(channel) = call
            && channels.of_escalation.contains(channel)
            && !rooms.contains(channel)
        {
            rooms.push(channel.clone());
        }
    }
    rooms
}

#[cfg(test)]
#[path = "from_incidents_tests.rs"]
mod tests;
