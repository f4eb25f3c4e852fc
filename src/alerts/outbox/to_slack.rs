//! One row handed to Slack: posted once, edited where it is, and posted anew where it is not there any more.

use jiff::SignedDuration;

use super::{Failure, FailureKind, Outcome};
use crate::{
    alerts::{Message, Outgoing, message},
    app::App,
    clients::slack::{Slack, SlackError},
    incidents::IncidentId,
    store::{OutboxRow, OutboxState, StoreError},
};

/// How long an answer in a thread is tried: the bot may be gone from that channel for good, and nobody waits longer.
const ANSWERS_WAIT: SignedDuration = SignedDuration::from_mins(30);

/// Hands a row to Slack. The outer error is the store's.
pub(super) async fn send(app: &App, slack: &Slack, row: &OutboxRow, room: &str) -> Result<Outcome, StoreError> {
    let to = To { slack, row, room };
    Ok(match (&row.outgoing, &row.incident) {
        (Outgoing::Post { message, .. } | Outgoing::Edit { message, .. }, Some(incident)) => {
            return root(app, &to, incident, message).await;
        }
        (Outgoing::Reply { message, broadcast, .. }, Some(incident)) => {
            return reply(app, &to, incident, (message, *broadcast)).await;
        }
        (Outgoing::Post { message, .. }, None) => outcome(to.post(None, message, false).await.map(Some)),
        (Outgoing::ReplyTo { thread_ts, message, .. }, _) => {
            let posted = to.post(Some(thread_ts), message, false).await;
            let is_late = app.clock.now().duration_since(row.created) >= ANSWERS_WAIT;
            let given_up = |failure| Failure { kind: FailureKind::Never, is_general: false, ..failure };
            outcome(posted.map(Some).map_err(|failure| if is_late { given_up(failure) } else { failure }))
        }
        (Outgoing::Respond { response_url, message }, _) => {
            outcome(to.respond(response_url, message).await.map(|()| None))
        }
        (Outgoing::Edit { .. } | Outgoing::Reply { .. }, None) => never("it belongs to no incident"),
        (Outgoing::Webhook { .. } | Outgoing::PagerDuty { .. }, _) => never("it is nothing for Slack"),
    })
}

fn outcome(result: Result<Option<String>, Failure>) -> Outcome {
    match result {
        Ok(ts) => Outcome::Sent(ts),
        Err(failure) => Outcome::Failed(failure),
    }
}

fn never(why: &str) -> Outcome {
    Outcome::Failed(Failure { kind: FailureKind::Never, why: why.to_owned(), rest: None, is_general: false })
}

/// The root message of an incident: edited if it is in that room, else posted.
async fn root(app: &App, to: &To<'_>, incident: &IncidentId, message: &Message) -> Result<Outcome, StoreError> {
    if let Some(ts) = app.store.root_message(incident, to.room).await? {
        match to.update(&ts, message).await {
            Ok(()) => return Ok(Outcome::Sent(None)),
            // It stays as it was; what changed is said below it, and is not the incident's message.
            Err(failure) if failure.kind == FailureKind::Locked => {
                tracing::warn!(%incident, why = %failure.why, "the message of an incident cannot be edited; its thread goes on");
                return Ok(outcome(to.post(Some(&ts), message, false).await.map(|_| None)));
            }
            Err(failure) if failure.kind == FailureKind::Gone => {
                tracing::warn!(%incident, why = %failure.why, "the message of an incident is gone; it is posted anew");
                app.store.forget_root(incident, to.room).await?;
            }
            Err(failure) => return Ok(Outcome::Failed(failure)),
        }
    }
    Ok(outcome(to.post(None, message, false).await.map(Some)))
}

/// A reply below the root message of an incident; without one, that is posted first, as the incident is now.
async fn reply(
    app: &App,
    to: &To<'_>,
    incident: &IncidentId,
    (message, broadcast): (&Message, bool),
) -> Result<Outcome, StoreError> {
    if let Some(ts) = app.store.root_message(incident, to.room).await? {
        match to.post(Some(&ts), message, broadcast).await {
            Err(failure) if failure.kind == FailureKind::Gone => {
                app.store.forget_root(incident, to.room).await?;
            }
            result => return Ok(outcome(result.map(Some))),
        }
    }
    if app.store.is_refused(incident, &to.row.destination).await? {
        return Ok(never("Slack refused the message of its incident, so there is no thread"));
    }
    let Some(state) = app.store.incident(incident).await? else {
        return Ok(never("its incident is not in the store"));
    };
    let now = app.clock.now();
    let name = app.name_of(&state.cluster).await?;
    let message = message::root(&state, &app.times(&name, now));
    let post = Outgoing::Post { channel: to.row.destination.clone(), message };
    app.store.replace(to.row, &[post, to.row.outgoing.clone()], now).await?;
    Ok(Outcome::Replaced)
}

/// A row on its way into a room.
struct To<'a> {
    slack: &'a Slack,
    row: &'a OutboxRow,
    room: &'a str,
}

impl To<'_> {
    /// Posts once: if an earlier attempt may have arrived, Slack is asked first. What Slack refuses for its form goes as
    /// plain text.
    async fn post(&self, thread: Option<&str>, message: &Message, broadcast: bool) -> Result<String, Failure> {
        let id = self.row.id.to_string();
        if self.row.state == OutboxState::Unknown {
            match self.slack.find_posted(self.room, thread, &id, self.row.created).await {
                Ok(Some(ts)) => return Ok(ts),
                Ok(None) => {}
                // Without an answer it is as unknown as before.
                Err(error) => {
                    let failure = Failure::from(error);
                    let is_gone = failure.kind == FailureKind::Gone;
                    let kind = if is_gone { FailureKind::Gone } else { FailureKind::Unknown };
                    return Err(Failure { kind, ..failure });
                }
            }
        }
        let mut posted = self.slack.post(self.room, thread, broadcast, message, &id).await;
        if self.is_malformed(posted.as_ref().err()) {
            posted = self.slack.post(self.room, thread, broadcast, &message.bare(), &id).await;
        }
        posted.map(|posted| posted.ts).map_err(Failure::from)
    }

    /// Edits a message; that can be done again without harm.
    async fn update(&self, ts: &str, message: &Message) -> Result<(), Failure> {
        let mut done = self.slack.update(self.room, ts, message).await;
        if self.is_malformed(done.as_ref().err()) {
            done = self.slack.update(self.room, ts, &message.bare()).await;
        }
        done.map_err(|error| {
            let failure = Failure::from(error);
            match failure.kind {
                FailureKind::Unknown => Failure { kind: FailureKind::Later, ..failure },
                FailureKind::Later | FailureKind::Never | FailureKind::Gone | FailureKind::Locked => failure,
            }
        })
    }

    /// Answers where Slack takes an answer for 30 minutes; one nobody waits for any more is not worth more.
    async fn respond(&self, url: &str, message: &Message) -> Result<(), Failure> {
        let mut done = self.slack.respond(url, message).await;
        if self.is_malformed(done.as_ref().err()) {
            done = self.slack.respond(url, &message.bare()).await;
        }
        done.map_err(|error| {
            let again = self.row.attempts < 5 && !error.is_permanent();
            let kind = if again { FailureKind::Later } else { FailureKind::Never };
            Failure { kind, ..Failure::from(error) }
        })
    }

    /// Whether Slack refused the form of the message.
    fn is_malformed(&self, error: Option<&SlackError>) -> bool {
        let refused = error.filter(|error| error.is_malformed());
        if let Some(error) = refused {
            tracing::error!(row = self.row.id, %error, "a message is sent as plain text");
        }
        refused.is_some()
    }
}
