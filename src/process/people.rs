//! What people say: the gate first, then the command, button or question; the answer and the settled envelope are one transaction.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Mind, looks};
use crate::{
    alerts::{self, Message, Outgoing, message::Times},
    app::App,
    conversation::{
        Answer, Said, commands,
        from_slack::{What, is_direct},
        permissions::{Action, Person, Scope, may, may_ask_elsewhere},
        reply, thread,
    },
    event::LookId,
    incidents::{Incident, IncidentId},
    store::{StoreError, UpdateRequest},
};

/// Where an answer goes.
enum Back {
    /// To the asker alone.
    Asker { response_url: String },
    /// Into the thread.
    Thread { channel: String, ts: String },
}

impl Back {
    fn outgoing(&self, message: Message) -> Outgoing {
        match self {
            Self::Asker { response_url } => {
                Outgoing::Respond { response_url: response_url.clone(), message, replace: false }
            }
            Self::Thread { channel, ts } => {
                Outgoing::ReplyTo { channel: channel.clone(), thread_ts: ts.clone(), message }
            }
        }
    }
}

/// Answers what somebody said.
pub(super) async fn said(
    app: &Arc<App>,
    mind: &mut Mind,
    inbox: i64,
    said: Said,
    person: Option<Person>,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let settle = async |outgoing: &[Outgoing]| -> Result<(), StoreError> {
        app.store.settle(inbox, None, outgoing, now).await?;
        app.outbox_wake.wake();
        Ok(())
    };
    let Said { asker, what } = said;
    let (back, action) = match &what {
        What::Ignored(_) => return settle(&[]).await,
        What::Command { text, response_url } => {
            let word = text.split_whitespace().next().unwrap_or_default();
            let action = match commands::find(word).map(|command| command.word) {
                Some("analyze") => Action::Analyze,
                Some("ack") => Action::Acknowledge,
                _ => Action::Read,
            };
            (Back::Asker { response_url: response_url.clone() }, action)
        }
        What::Button { response_url, .. } => (Back::Asker { response_url: response_url.clone() }, Action::Acknowledge),
        What::Message { channel, ts, thread_ts, .. } | What::Mention { channel, ts, thread_ts, .. } => {
            let ts = thread_ts.as_ref().unwrap_or(ts).clone();
            (Back::Thread { channel: channel.clone(), ts }, Action::Read)
        }
    };
    // People talk to each other in channels; only threads of alerts, and mentions, are meant for the bot.
    let incident = match (&what, &back) {
        (What::Message { channel, .. }, _) if is_direct(channel) => {
            let policy = app.people.borrow().clone();
            let is_member = person.is_some_and(|person| may_ask_elsewhere(&asker, &policy, &person));
            let answer = back.outgoing(reply::ask_elsewhere(&policy.channels));
            return settle(if is_member { std::slice::from_ref(&answer) } else { &[] }).await;
        }
        (What::Message { thread_ts: None, .. }, _) => return settle(&[]).await,
        (What::Message { .. } | What::Mention { .. }, Back::Thread { channel, ts }) => {
            let incident = match app.store.incident_of_message(channel, ts).await? {
                Some(id) => app.store.incident(&id).await?,
                None => None,
            };
            if incident.is_none() && matches!(what, What::Message { .. }) {
                return settle(&[]).await;
            }
            incident
        }
        _ => None,
    };
    let Some(person) = person else {
        return settle(&[back.outgoing(reply::could_not_check("no answer to users.info"))]).await;
    };
    let policy = app.people.borrow().clone();
    if let Err(refusal) = may(&asker, action, &Scope::Everything, &policy, &person) {
        return settle(&[back.outgoing(reply::refused(&refusal))]).await;
    }
    let answer = match what {
        What::Command { text, .. } => commands::answer(&text, &mind.standing(app).await?),
        What::Button { action, value, .. } if action == "ack" => {
            Answer::Acknowledge { incident: value, note: String::new() }
        }
        What::Button { .. } | What::Ignored(_) => return settle(&[]).await,
        What::Message { text, .. } | What::Mention { text, .. } => Answer::Say(match &incident {
            Some(incident) => thread::answer(&text, incident, now),
            None => match commands::answer(&text, &mind.standing(app).await?) {
                Answer::Say(message) => message,
                Answer::Acknowledge { .. } | Answer::Analyze { .. } => reply::line(
                    "Please type that as a command: `/k8s ack <incident>` or `/k8s analyze <namespace>`.".to_owned(),
                ),
            },
        }),
    };
    match answer {
        Answer::Say(message) => settle(&[back.outgoing(message)]).await,
        Answer::Acknowledge { incident, note } => {
            acknowledge(app, mind, inbox, &person.id, &incident, &note, &back).await
        }
        Answer::Analyze { namespace } => {
            let started = back.outgoing(commands::analyze::started(&namespace));
            let is_first = app.store.settle(inbox, None, &[started], now).await?;
            app.outbox_wake.wake();
            if let (Back::Asker { response_url }, true) = (back, is_first) {
                let look = LookId::Analysis { namespace: namespace.clone(), response_url, asked_at: now };
                looks::begin(app, look, Some(namespace));
            }
            Ok(())
        }
    }
}

/// Records who takes care; the alert is edited, its thread says who, the asker is told.
async fn acknowledge(
    app: &App,
    mind: &mut Mind,
    inbox: i64,
    by: &str,
    typed: &str,
    note: &str,
    back: &Back,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let settle = async |message: Message| -> Result<(), StoreError> {
        app.store.settle(inbox, None, &[back.outgoing(message)], now).await?;
        app.outbox_wake.wake();
        Ok(())
    };
    let Some(incident) = app.store.find_incident(typed).await? else {
        return settle(reply::unknown_incident(typed, &mind.standing(app).await?)).await;
    };
    if !incident.is_open() {
        return settle(reply::already_resolved(&incident, now)).await;
    }
    if let Some(before) = &incident.acknowledged {
        return settle(reply::already_acknowledged(&incident, before, now)).await;
    }
    let channels = app.channels.borrow().clone();
    let request =
        UpdateRequest { id: IncidentId(incident.id.0.clone()), fence: app.lease.fence, now, inbox: Some(inbox) };
    let done = app
        .store
        .update_incident(
            request,
            |incident: &Incident| incident.acknowledge(by, note, now),
            |before, after| {
                let mut rows = alerts::say(before, after, &channels, &Times { now, zone: &TimeZone::UTC });
                if let Some(acknowledgement) = &after.acknowledged {
                    rows.push(back.outgoing(reply::acknowledged(after, acknowledgement, now)));
                }
                rows
            },
        )
        .await?;
    if let Some(after) = done.after.filter(Incident::is_open) {
        mind.open.insert(after.owner.clone(), after);
    }
    app.outbox_wake.wake();
    Ok(())
}
