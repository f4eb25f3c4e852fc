//! The sender: takes rows of the outbox, hands them to Slack (or the terminal) once, in order, at each channel's pace.

mod to_slack;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Outgoing, Rooms};
use crate::{
    app::App,
    clients::slack::SlackError,
    store::{DueRow, Marked, OutboxRow, StoreError},
};

/// Slack takes about one message a second in a channel.
const PACE: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// How long to wait when nothing can be done: the database does not answer, the lease is not held.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Rows looked at of one destination at a time; a channel takes one a second anyway.
const PER_DESTINATION: u32 = 5;
/// Where messages go without Slack: its channel, and the room in which they are remembered.
pub const TERMINAL: &str = "terminal";

/// Sends rows until the bot stops.
pub async fn run(app: Arc<App>) {
    let mut pace = Pace::default();
    loop {
        let call = app.outbox_wake.calls();
        let next = match send_due(&app, &mut pace).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read or written");
                Some(later(app.clock.now(), LOOK_AGAIN))
            }
        };
        app.pulse.send_modify(|pulse| pulse.outbox = (call, next));
        let wait = async {
            match next {
                Some(at) => app.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = app.drained.cancelled() => return send_last(&app, &mut pace).await,
            () = app.outbox_wake.called() => {}
            () = wait => {}
        }
    }
}

/// Sends what was written last, and what only waits for its channel's pace. What has to wait longer is sent after the next start.
async fn send_last(app: &App, pace: &mut Pace) {
    loop {
        match send_due(app, pace).await {
            Ok(Some(next)) if next.duration_since(app.clock.now()) <= PACE => app.clock.sleep_until(next).await,
            Ok(_) => return,
            Err(error) => return tracing::error!(%error, "what is left in the outbox is sent after the next start"),
        }
    }
}

/// When each room takes the next message.
#[derive(Debug, Default)]
pub struct Pace(BTreeMap<String, Timestamp>);

impl Pace {
    /// Until when a room has to be left alone, if it has to.
    fn busy_until(&self, room: &str, now: Timestamp) -> Option<Timestamp> {
        self.0.get(room).copied().filter(|free| *free > now)
    }

    /// Leaves a room alone until then.
    fn rest(&mut self, room: &str, until: Timestamp) {
        let free = self.0.entry(room.to_owned()).or_insert(until);
        *free = until.max(*free);
    }
}

/// Sends everything that is due; returns when to look again, if anything is left. What is for a channel that Slack has not
/// told yet waits until it has.
///
/// # Errors
/// If the store cannot be read or written.
pub async fn send_due(app: &App, pace: &mut Pace) -> Result<Option<Timestamp>, StoreError> {
    loop {
        let now = app.clock.now();
        let rooms = app.rooms.borrow().clone();
        let rows = app.store.due(now, PER_DESTINATION).await?;
        let mut next = app.store.next_due(now).await?;
        let mut sent = 0;
        for DueRow { id, destination } in rows {
            let Some(room) = room_of(app, &rooms, &destination) else { continue };
            if let Some(free) = pace.busy_until(room, now) {
                next = Some(next.map_or(free, |n| n.min(free)));
                continue;
            }
            // Who lost the right to send while it slept must not send what its successor sends.
            if !app.store.holds(&app.lease()).await? {
                tracing::warn!("the store's lease is not held; nothing is sent");
                return Ok(Some(later(now, LOOK_AGAIN)));
            }
            if let Some(row) = app.store.take(id, now).await? {
                deliver(app, &row, room, pace).await?;
                sent += 1;
            }
        }
        pace.0.retain(|_, free| *free > now);
        if sent == 0 {
            return Ok(next);
        }
    }
}

/// The room of a destination: Slack's id of the channel; None while Slack has not told it.
fn room_of<'a>(app: &App, rooms: &'a Rooms, destination: &'a str) -> Option<&'a str> {
    if app.slack.is_none() {
        return Some(TERMINAL);
    }
    if destination == "respond" { Some(destination) } else { rooms.id_of(destination) }
}

/// What became of a row.
enum Outcome {
    /// It is there, with this timestamp if it is a new message.
    Sent(Option<String>),
    /// Other rows went into its place.
    Replaced,
    /// It is not there, or that is not known.
    Failed(Failure),
}

/// Why a row was not delivered.
struct Failure {
    kind: FailureKind,
    why: String,
    /// How long Slack wants to be left alone.
    rest: Option<SignedDuration>,
    /// Something may be wrong with Slack as a whole: it is asked how it is.
    is_general: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// It is certainly not there, and may be tried again.
    Later,
    /// It may be there.
    Unknown,
    /// It will never be taken.
    Never,
    /// What it edits or answers is not there any more.
    Gone,
}

/// Slack's words for a message that cannot be edited any more.
const LOCKED: [&str; 2] = ["cant_update_message", "edit_window_closed"];

impl From<SlackError> for Failure {
    fn from(error: SlackError) -> Self {
        let is_locked = error.code().is_some_and(|code| LOCKED.contains(&code));
        let kind = if is_locked || matches!(error, SlackError::MessageGone { .. }) {
            FailureKind::Gone
        } else if error.is_outcome_unknown() {
            FailureKind::Unknown
        } else if error.is_malformed() {
            FailureKind::Never
        } else {
            // The bot was not invited, a token was revoked: a person can mend that, so nothing is lost.
            FailureKind::Later
        };
        Self {
            kind,
            why: error.to_string(),
            rest: error.retry_after().and_then(|d| d.try_into().ok()),
            is_general: matches!(kind, FailureKind::Later | FailureKind::Unknown) && error.retry_after().is_none(),
        }
    }
}

/// Delivers one row and writes down what became of it.
async fn deliver(app: &App, row: &OutboxRow, room: &str, pace: &mut Pace) -> Result<(), StoreError> {
    let outcome = match &app.slack {
        Some(slack) => to_slack::send(app, slack, row, room).await?,
        None => Outcome::Sent(Some(print(row))),
    };
    let now = app.clock.now();
    let is_answer = matches!(row.outgoing, Outgoing::Respond { .. });
    if !is_answer {
        pace.rest(room, later(now, PACE));
    }
    let failure = match outcome {
        Outcome::Sent(ts) => {
            let marked = app.store.sent(row.id, room, ts.as_deref(), now).await?;
            take_back_a_double(app, row, (room, ts), marked).await;
            return Ok(());
        }
        Outcome::Replaced => return Ok(()),
        Outcome::Failed(failure) => failure,
    };
    let why = app.rooms.borrow().in_names(&failure.why);
    let at = later(now, failure.rest.unwrap_or_else(|| backoff(row.attempts)));
    if failure.rest.is_some() && !is_answer {
        // The limit is the channel's, not the message's.
        pace.rest(room, at);
    }
    if failure.is_general && !is_answer {
        app.doubts.wake();
    }
    match failure.kind {
        FailureKind::Later => {
            tracing::warn!(row = row.id, attempt = row.attempts, %why, "a message could not be sent yet");
            app.store.retry(row.id, at, &why).await
        }
        FailureKind::Unknown => {
            tracing::warn!(row = row.id, %why, "not known whether Slack took a message; looking before sending again");
            app.store.unknown(row.id, at, &why).await
        }
        FailureKind::Never | FailureKind::Gone if is_answer || matches!(row.outgoing, Outgoing::ReplyTo { .. }) => {
            tracing::warn!(row = row.id, %why, "an answer could not be given; nobody waits for it any more");
            app.store.dead(row.id, &why, now).await
        }
        FailureKind::Never | FailureKind::Gone => {
            tracing::error!(row = row.id, %why, "a message can never be sent; kept as a dead letter");
            app.store.dead(row.id, &why, now).await
        }
    }
}

/// What was posted although another sender had posted it is deleted.
async fn take_back_a_double(app: &App, row: &OutboxRow, (room, ts): (&str, Option<String>), marked: Marked) {
    let (Some(slack), Some(ts), Marked::Before { ts: first }) = (&app.slack, ts, marked) else { return };
    if first.is_none_or(|first| first == ts) {
        return;
    }
    match slack.delete(room, &ts).await {
        Ok(()) => tracing::warn!(row = row.id, "a message was posted twice; the second was deleted"),
        Err(error) => tracing::error!(row = row.id, %error, "a message was posted twice and could not be deleted"),
    }
}

/// 2 s, 4 s, 8 s .. 5 min.
fn backoff(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs(2_i64 << attempts.min(8)).min(LONGEST_WAIT)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

/// Without Slack the terminal is the channel.
#[expect(clippy::print_stdout, reason = "without Slack the terminal is the channel")]
fn print(row: &OutboxRow) -> String {
    let (what, message) = match &row.outgoing {
        Outgoing::Post { message, .. } => ("", message),
        Outgoing::Edit { message, .. } => ("(edited) ", message),
        Outgoing::Reply { message, .. } | Outgoing::ReplyTo { message, .. } => ("(in the thread) ", message),
        Outgoing::Respond { message, .. } => ("(answer) ", message),
    };
    println!("{what}{}\n", message.plain());
    format!("printed-{}", row.id)
}
