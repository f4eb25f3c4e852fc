//! What people say: the gate first, then the command, button or question; the answer and the settled envelope are one transaction.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    Mind,
    analysis::{self, Asked},
};
use crate::{
    alerts::{self, Message, Outgoing, message::Times},
    app::App,
    conversation::{
        Answer, Said, commands,
        from_slack::{What, is_direct},
        permissions::{Action, Person, Scope, may, may_ask_elsewhere},
        reply,
        standing::Blind,
        thread,
    },
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
            Self::Asker { response_url } => Outgoing::Respond { response_url: response_url.clone(), message },
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
    let back = match &what {
        What::Ignored(_) => return settle(&[]).await,
        What::Command { response_url, .. } | What::Button { response_url, .. } => {
            Back::Asker { response_url: response_url.clone() }
        }
        What::Message { channel, ts, thread_ts, .. } | What::Mention { channel, ts, thread_ts, .. } => {
            Back::Thread { channel: channel.clone(), ts: thread_ts.as_ref().unwrap_or(ts).clone() }
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
    // What the answer would be says what is wished, and of what; nothing is done or said before the gate.
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
    let (action, scope) = wish(&answer, incident.as_ref());
    let policy = app.people.borrow().clone();
    if let Err(refusal) = may(&asker, action, &scope, &policy, &person) {
        return settle(&[back.outgoing(reply::refused(&refusal))]).await;
    }
    match answer {
        Answer::Say(message) => settle(&[back.outgoing(message)]).await,
        Answer::Acknowledge { incident, note } => {
            acknowledge(app, mind, inbox, &person.id, &incident, &note, &back).await
        }
        Answer::Analyze { namespace } => {
            let blind = Blind::all_of(mind.index.sight());
            let started = back.outgoing(commands::analyze::started(&namespace, &blind, now));
            let is_first = app.store.settle(inbox, None, &[started], now).await?;
            app.outbox_wake.wake();
            if let (Back::Asker { response_url }, true) = (back, is_first) {
                analysis::begin(app, Asked { cluster: mind.cluster.clone(), namespace, response_url, at: now });
            }
            Ok(())
        }
    }
}

/// What somebody wants to do, and on what: the gate is asked with it.
fn wish(answer: &Answer, asked_about: Option<&Incident>) -> (Action, Scope) {
    match answer {
        Answer::Analyze { namespace } => (Action::Analyze, Scope::Namespace(namespace.clone())),
        Answer::Acknowledge { incident, .. } => (Action::Acknowledge, Scope::Incident(incident.clone())),
        Answer::Say(_) => {
            let scope = asked_about.map_or(Scope::Everything, |incident| Scope::Incident(incident.id.0.clone()));
            (Action::Read, scope)
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
    let channels = app.channels.clone();
    let request = UpdateRequest { id: IncidentId(incident.id.0.clone()), fence: app.fence(), now, inbox: Some(inbox) };
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::conversation::standing::samples;

    #[rstest]
    #[case::a_namespace("analyze shop", Action::Analyze, Scope::Namespace("shop".into()))]
    #[case::an_incident("ack 1 on it", Action::Acknowledge, Scope::Incident("INC-2026-11-24-001".into()))]
    #[case::a_resolved_incident("ack INC-2026-11-20-009", Action::Acknowledge, Scope::Incident("INC-2026-11-20-009".into()))]
    #[case::an_incident_nobody_knows("ack 9", Action::Read, Scope::Everything)]
    #[case::a_namespace_nobody_knows("analyze shpo", Action::Read, Scope::Everything)]
    #[case::all_of_it("status", Action::Read, Scope::Everything)]
    fn the_gate_is_asked_for_what_is_meant(#[case] typed: &str, #[case] action: Action, #[case] scope: Scope) {
        assert_eq!(wish(&commands::answer(typed, &samples::broken()), None), (action, scope));
    }

    #[test]
    fn a_question_in_a_thread_is_about_its_incident() {
        let incident = samples::incident(1, crate::incidents::Severity::Sev1);
        let answer = Answer::Say(thread::answer("why?", &incident, samples::at("14:09:00")));
        assert_eq!(wish(&answer, Some(&incident)), (Action::Read, Scope::Incident("INC-2026-11-24-001".into())));
    }
}
