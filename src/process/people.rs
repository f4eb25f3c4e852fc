//! What people say: the gate first, then the command, button or question; the answer and the settled envelope are one transaction.

use std::sync::Arc;

use super::{
    Mind,
    analysis::{self, Asked},
    changes::{self, By},
    deployed,
};
use crate::{
    alerts::{Message, Outgoing},
    app::Site,
    conversation::{
        Answer, Said,
        commands::{self, Change, Query, changes::Of},
        from_slack::{What, is_direct},
        of_clusters::{of_cluster, without_cluster},
        permissions::{Action, Person, Scope, may, may_ask_elsewhere},
        reply,
        standing::Blind,
        thread,
    },
    incidents::{Incident, Silenced},
    store::StoreError,
};

/// Where an answer goes.
pub(super) enum Back {
    /// To the asker alone.
    Asker { response_url: String },
    /// Into the thread.
    Thread { channel: String, ts: String },
}

impl Back {
    /// Where the answer to that goes; None if it gets none.
    pub(super) fn of(what: &What) -> Option<Self> {
        match what {
            What::Ignored(_) => None,
            What::Command { response_url, .. } | What::Button { response_url, .. } => {
                Some(Self::Asker { response_url: response_url.clone() })
            }
            What::Message { channel, ts, thread_ts, .. } | What::Mention { channel, ts, thread_ts, .. } => {
                Some(Self::Thread { channel: channel.clone(), ts: thread_ts.as_ref().unwrap_or(ts).clone() })
            }
        }
    }

    /// The answer of a cluster: where there are several it says of which it is, unless its thread does.
    fn of_site(&self, app: &Site, message: Message) -> Outgoing {
        match self {
            Self::Asker { .. } => self.outgoing(named(app, message)),
            Self::Thread { .. } => self.outgoing(message),
        }
    }

    pub(super) fn outgoing(&self, message: Message) -> Outgoing {
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
    app: &Arc<Site>,
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
    let Some(back) = Back::of(&what) else { return settle(&[]).await };
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
        What::Command { text, .. } => typed(app, mind, &text).await?,
        What::Button { action, value, .. } if action == "ack" => {
            Answer::Change(Change::Acknowledge { incident: value, note: String::new() })
        }
        What::Button { .. } | What::Ignored(_) => return settle(&[]).await,
        What::Message { text, .. } | What::Mention { text, .. } => Answer::Say(match &incident {
            Some(incident) => thread::answer(&text, incident, app.present(now)),
            None => match typed(app, mind, &text).await? {
                Answer::Say(message) => message,
                Answer::Change(_) | Answer::Ask(_) | Answer::Analyze { .. } | Answer::Changes { .. } => {
                    only_as_a_command()
                }
            },
        }),
    };
    let (action, scope) = wish(&answer, incident.as_ref());
    let policy = app.people.borrow().clone();
    if let Err(refusal) = may(&asker, action, &scope, &policy, &person) {
        return settle(&[back.outgoing(reply::refused(&refusal))]).await;
    }
    match answer {
        Answer::Say(message) => settle(&[back.of_site(app, message)]).await,
        Answer::Change(change) => {
            let outgoing = |message| back.of_site(app, message);
            Box::pin(changes::change(app, mind, change, &By { inbox, person: &person.id, back: &outgoing })).await
        }
        Answer::Ask(query) => {
            let outgoing = |message| back.of_site(app, message);
            Box::pin(changes::ask(app, mind, query, &By { inbox, person: &person.id, back: &outgoing })).await
        }
        Answer::Changes { of, within } => {
            // It is settled by the answer: a crash before that loses nothing.
            let Back::Asker { response_url } = back else { return settle(&[]).await };
            deployed::begin(app, mind, deployed::Asked { inbox, of, within, response_url });
            Ok(())
        }
        Answer::Analyze { namespace } => {
            let blind = Blind::all_of(mind.index.sight());
            let started = back.of_site(app, commands::analyze::started(&namespace, &blind, app.present(now)));
            let is_first = app.store.settle(inbox, None, &[started], now).await?;
            app.outbox_wake.wake();
            if let (Back::Asker { response_url }, true) = (back, is_first) {
                analysis::begin(app, Asked { cluster: mind.cluster.clone(), namespace, response_url, at: now });
            }
            Ok(())
        }
    }
}

/// What was typed, which may name this cluster.
async fn typed(app: &Site, mind: &Mind, text: &str) -> Result<Answer, StoreError> {
    Ok(match without_cluster(text, &app.cluster_names) {
        Ok((text, _)) => commands::answer(&text, &mind.standing(app).await?),
        Err(message) => Answer::Say(message),
    })
}

/// Where there are several clusters, an answer says of which it is.
pub(super) fn named(app: &Site, message: Message) -> Message {
    if app.cluster_names.len() > 1 { of_cluster(&app.name, message) } else { message }
}

/// A mention of the bot is for questions.
pub(super) fn only_as_a_command() -> Message {
    reply::line("Please type that as a command: `/k8s ...`, with the same words.")
}

fn scope_of(of: &Silenced) -> Scope {
    match of {
        Silenced::Incident(id) => Scope::Incident(id.0.clone()),
        Silenced::Namespace(namespace) | Silenced::Workload { namespace, .. } => Scope::Namespace(namespace.clone()),
        Silenced::Service(_) | Silenced::Check(_) => Scope::Everything,
    }
}

/// What somebody wants to do, and on what: the gate is asked with it.
fn wish(answer: &Answer, asked_about: Option<&Incident>) -> (Action, Scope) {
    match answer {
        Answer::Changes { of, .. } => (
            Action::Read,
            match of {
                Of::Namespace(namespace) | Of::Workload { namespace, .. } => Scope::Namespace(namespace.clone()),
                Of::Everything | Of::Service(_) => Scope::Everything,
            },
        ),
        Answer::Analyze { namespace } => (Action::Analyze, Scope::Namespace(namespace.clone())),
        Answer::Change(Change::Acknowledge { incident, .. } | Change::Unacknowledge { incident }) => {
            (Action::Acknowledge, Scope::Incident(incident.clone()))
        }
        Answer::Change(Change::Resolve { incident, .. }) => (Action::Resolve, Scope::Incident(incident.clone())),
        Answer::Change(Change::Silence { of, .. }) => (Action::Silence, scope_of(of)),
        Answer::Change(Change::Unsilence { .. }) => (Action::Silence, Scope::Everything),
        Answer::Ask(Query::Show { incident }) => (Action::Read, Scope::Incident(incident.clone())),
        Answer::Ask(Query::Incidents { .. } | Query::History { .. } | Query::Services) => {
            (Action::Read, Scope::Everything)
        }
        Answer::Say(_) => {
            let scope = asked_about.map_or(Scope::Everything, |incident| Scope::Incident(incident.id.0.clone()));
            (Action::Read, scope)
        }
    }
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
    #[case::an_acknowledgement_taken_back("unack 1", Action::Acknowledge, Scope::Incident("INC-2026-11-24-001".into()))]
    #[case::an_end("resolve 1", Action::Resolve, Scope::Incident("INC-2026-11-24-001".into()))]
    #[case::silence_of_an_incident("silence 1 1h", Action::Silence, Scope::Incident("INC-2026-11-24-001".into()))]
    #[case::silence_of_a_workload("silence shop/api 1h", Action::Silence, Scope::Namespace("shop".into()))]
    #[case::silence_of_a_check("silence crash-loop 1h", Action::Silence, Scope::Everything)]
    #[case::the_end_of_a_silence("unsilence 3", Action::Silence, Scope::Everything)]
    #[case::what_is_known("show 1", Action::Read, Scope::Incident("INC-2026-11-24-001".into()))]
    #[case::what_there_was("incidents 7", Action::Read, Scope::Everything)]
    #[case::all_of_it("status", Action::Read, Scope::Everything)]
    fn the_gate_is_asked_for_what_is_meant(#[case] typed: &str, #[case] action: Action, #[case] scope: Scope) {
        assert_eq!(wish(&commands::answer(typed, &samples::broken()), None), (action, scope));
    }

    #[test]
    fn a_question_in_a_thread_is_about_its_incident() {
        let incident = samples::incident(1, crate::incidents::Severity::Sev1);
        let answer = Answer::Say(thread::answer("why?", &incident, samples::now("14:09:00")));
        assert_eq!(wish(&answer, Some(&incident)), (Action::Read, Scope::Incident("INC-2026-11-24-001".into())));
    }
}
