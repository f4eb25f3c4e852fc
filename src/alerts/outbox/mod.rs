//! The sender: takes rows of the outbox, hands them to Slack (or the terminal) once, in order, at each channel's pace.

mod outcome;
pub(crate) mod to_pager;
mod to_slack;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Write as _,
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::{JoinError, JoinSet};

use self::outcome::{Failure, FailureKind, Outcome};
use super::{Outgoing, Rooms, message};
use crate::{
    app::App,
    clients::slack::Slack,
    store::{DueRow, Marked, OutboxRow, StoreError},
};

/// Slack takes about one message a second in a channel.
const PACE: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// How long to wait when nothing can be done: the database does not answer, the lease is not held.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// How often to look for what other processes wrote: together with what they need an alert is there within a second.
const OTHERS: Duration = Duration::from_millis(250);
/// Rows looked at of one destination at a time; a channel takes one a second anyway.
const PER_DESTINATION: u32 = 5;
/// The destination of every answer that goes to an address of its own.
const RESPOND: &str = "respond";
/// Where messages go without Slack: its channel, and the room in which they are remembered.
pub const TERMINAL: &str = "terminal";

/// Sends rows until the bot stops.
pub async fn run(app: Arc<App>) {
    let mut sender = Sender::new(Arc::clone(&app));
    loop {
        let call = app.outbox_wake.calls();
        let next = match sender.begin().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read or written");
                Some(later(app.clock.now(), LOOK_AGAIN))
            }
        };
        if sender.on_the_way.is_empty() {
            app.pulse.send_modify(|pulse| pulse.outbox = (call, next));
        }
        let wait = async {
            match next {
                Some(at) => app.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = app.drained.cancelled() => return sender.send_last().await,
            () = app.outbox_wake.called() => {}
            Some(delivered) = sender.on_the_way.join_next(), if !sender.on_the_way.is_empty() => {
                if let Err(error) = sender.arrived(delivered) {
                    tracing::error!(%error, "what became of a message could not be written down");
                }
            }
            () = wait => {}
            // What other processes write does not wake this one.
            () = tokio::time::sleep(OTHERS), if app.has_others() => {}
        }
    }
}

/// When each room takes the next message.
#[derive(Debug, Default)]
struct Pace(BTreeMap<String, Timestamp>);

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

/// What became of a row that was on its way.
struct Delivered {
    /// What was busy with it.
    way: String,
    room: String,
    /// Until when the room has to be left alone.
    rest: Option<Timestamp>,
    done: Result<(), StoreError>,
}

/// What is on its way: one message for each room, and answers beside them, so that none waits for another that hangs.
pub struct Sender {
    app: Arc<App>,
    pace: Pace,
    busy: BTreeSet<String>,
    /// Tasks, because each may hold a connection to the store, for which the next row would wait.
    on_the_way: JoinSet<Delivered>,
    /// The store did not take what became of a message: until then nothing is tried.
    not_before: Option<Timestamp>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("pace", &self.pace).field("busy", &self.busy).finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender with nothing on its way.
    pub fn new(app: Arc<App>) -> Self {
        Self { app, pace: Pace::default(), busy: BTreeSet::new(), on_the_way: JoinSet::new(), not_before: None }
    }

    /// Sends everything that is due; returns when to look again, if anything is left. What is for a channel that Slack has
    /// not told yet waits until it has.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn send_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let next = self.begin().await?;
            let Some(delivered) = self.on_the_way.join_next().await else { return Ok(next) };
            self.arrived(delivered)?;
        }
    }

    /// Sends what was written last, and what only waits for its channel's pace. What has to wait longer is sent after the
    /// next start.
    async fn send_last(&mut self) {
        loop {
            match self.send_due().await {
                Ok(Some(next)) if next.duration_since(self.app.clock.now()) <= PACE => {
                    self.app.clock.sleep_until(next).await;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "what is left in the outbox is sent after the next start");
                    break;
                }
            }
        }
        // What was handed to Slack meanwhile may still be written down.
        while self.on_the_way.join_next().await.is_some() {}
    }

    /// Gives out what is due and has a free way; returns when to look again by time alone.
    async fn begin(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let app = &self.app;
        let now = app.clock.now();
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Ok(Some(at));
        }
        self.pace.0.retain(|_, free| *free > now);
        let rooms = app.rooms.borrow().clone();
        let rows = app.store.due(now, PER_DESTINATION).await?;
        let mut next = app.store.next_due(now).await?;
        for DueRow { id, destination } in rows {
            let Some(room) = room_of(app, &rooms, &destination) else { continue };
            // Each answer goes to an address of its own.
            let way = if room == RESPOND { format!("{RESPOND} {id}") } else { room.to_owned() };
            if self.busy.contains(&way) {
                continue;
            }
            if let Some(free) = self.pace.busy_until(room, now) {
                next = Some(next.map_or(free, |n| n.min(free)));
                continue;
            }
            // Who lost the right to send while it slept must not send what its successor sends.
            if !app.store.holds(&app.right().lease()).await? {
                tracing::warn!("the store's lease is not held; nothing is sent");
                return Ok(Some(later(now, LOOK_AGAIN)));
            }
            let Some(row) = app.store.take(id, now).await? else {
                // What stands behind it is looked at.
                next = Some(now);
                continue;
            };
            self.busy.insert(way.clone());
            let (app, room) = (Arc::clone(app), room.to_owned());
            let delivering = async move {
                let (rest, done) = deliver(&app, &row, &room).await;
                Delivered { way, room, rest, done }
            };
            self.on_the_way.spawn(delivering);
        }
        Ok(next)
    }

    /// The way is free again, after the rest that the room needs.
    fn arrived(&mut self, delivered: Result<Delivered, JoinError>) -> Result<(), StoreError> {
        let Delivered { way, room, rest, done } = match delivered {
            Ok(delivered) => delivered,
            Err(error) => match error.try_into_panic() {
                // A bug in it is one of the sender, which is vital.
                Ok(bug) => std::panic::resume_unwind(bug),
                Err(_stopped) => return Ok(()),
            },
        };
        self.busy.remove(&way);
        if let Some(until) = rest {
            self.pace.rest(&room, until);
        }
        if done.is_err() {
            self.not_before = Some(later(self.app.clock.now(), LOOK_AGAIN));
        }
        done
    }
}

/// The room of a destination: Slack's id of the channel; None while Slack has not told it.
fn room_of<'a>(app: &App, rooms: &'a Rooms, destination: &'a str) -> Option<&'a str> {
    if matches!(destination, to_pager::WEBHOOK | to_pager::PAGERDUTY) {
        return Some(destination);
    }
    if app.slack.is_none() {
        return Some(TERMINAL);
    }
    if destination == RESPOND { Some(destination) } else { rooms.id_of(destination) }
}

/// Delivers one row and writes down what became of it; also says until when its room has to be left alone.
async fn deliver(app: &App, row: &OutboxRow, room: &str) -> (Option<Timestamp>, Result<(), StoreError>) {
    let outcome = match (to_pager::send(app, row).await, &app.slack) {
        (Some(outcome), _) => Ok(outcome),
        (None, Some(slack)) => to_slack::send(app, slack, row, room).await,
        (None, None) => Ok(print(row)),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return (None, Err(error)),
    };
    let now = app.clock.now();
    let is_answer = matches!(row.outgoing, Outgoing::Respond { .. });
    let mut rest = (!is_answer).then(|| later(now, PACE));
    let failure = match outcome {
        Outcome::Sent(ts) => {
            let marked = app.store.sent(row.id, room, ts.as_deref(), now).await;
            let done = match marked {
                Ok(marked) => after_another(app, row, (room, ts), marked).await,
                Err(error) => Err(error),
            };
            return (rest, done);
        }
        Outcome::Replaced => return (rest, Ok(())),
        Outcome::Failed(failure) => failure,
    };
    let at = later(now, failure.rest.unwrap_or_else(|| backoff(row.attempts)));
    if failure.rest.is_some() && !is_answer {
        // The limit is the channel's, not the message's.
        rest = rest.max(Some(at));
    }
    if failure.is_general && !is_answer {
        app.doubts.wake();
    }
    (rest, write_down(app, row, &failure, at).await)
}

/// Writes down why a row was not delivered, and when it is tried again.
async fn write_down(app: &App, row: &OutboxRow, failure: &Failure, at: Timestamp) -> Result<(), StoreError> {
    let why = app.rooms.borrow().in_names(&failure.why);
    let now = app.clock.now();
    let is_answer = matches!(row.outgoing, Outgoing::Respond { .. } | Outgoing::ReplyTo { .. });
    // Without the right to send, another may be sending it just now: nothing is certain.
    let is_mine = app.store.holds(&app.right().lease()).await?;
    match failure.kind {
        FailureKind::Later if is_mine => {
            tracing::warn!(row = row.id, attempt = row.attempts, %why, "a message could not be sent yet");
            app.store.retry(row.id, at, &why).await
        }
        FailureKind::Later | FailureKind::Unknown => {
            tracing::warn!(row = row.id, %why, "not known whether a message was taken; it is looked for, or sent again under the same name");
            app.store.unknown(row.id, at, &why).await
        }
        FailureKind::Never | FailureKind::Gone | FailureKind::Locked if is_answer => {
            tracing::warn!(row = row.id, %why, "an answer could not be given; nobody waits for it any more");
            app.store.dead(row.id, &why, now).await
        }
        FailureKind::Never | FailureKind::Gone | FailureKind::Locked => {
            tracing::error!(row = row.id, %why, "a message can never be sent; kept as a dead letter");
            app.store.dead(row.id, &why, now).await
        }
    }
}

/// Another sender had sent it while this one slept: what was posted twice is deleted, and what was edited, perhaps over a newer
/// text, is said again as it is now, by who sends.
async fn after_another(
    app: &App,
    row: &OutboxRow,
    (room, ts): (&str, Option<String>),
    marked: Marked,
) -> Result<(), StoreError> {
    let Marked::Before { ts: first } = marked else { return Ok(()) };
    let Some(ts) = ts else { return say_again(app, row).await };
    if let Some(slack) = &app.slack
        && first.is_some_and(|first| first != ts)
    {
        take_back(slack, row, (room, &ts)).await;
    }
    Ok(())
}

async fn say_again(app: &App, row: &OutboxRow) -> Result<(), StoreError> {
    let (Outgoing::Post { channel, .. } | Outgoing::Edit { channel, .. }, Some(id)) = (&row.outgoing, &row.incident)
    else {
        return Ok(());
    };
    let Some(incident) = app.store.incident(id).await? else { return Ok(()) };
    let now = app.clock.now();
    let name = app.name_of(&incident.cluster).await?;
    let message = message::root(&incident, &app.times(&name, now));
    let edit = Outgoing::Edit { channel: channel.clone(), message };
    tracing::warn!(row = row.id, "a message was edited by two; it is edited again, as its incident is now");
    app.store.enqueue(&incident.cluster, Some(id), &[edit], now).await?;
    Ok(())
}

async fn take_back(slack: &Slack, row: &OutboxRow, (room, ts): (&str, &str)) {
    match slack.delete(room, ts).await {
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

/// Without Slack the terminal is the channel; what it does not take waits as it would for Slack.
fn print(row: &OutboxRow) -> Outcome {
    let (what, message) = match &row.outgoing {
        Outgoing::Post { message, .. } => ("", message),
        Outgoing::Edit { message, .. } => ("(edited) ", message),
        Outgoing::Reply { message, .. } | Outgoing::ReplyTo { message, .. } => ("(in the thread) ", message),
        Outgoing::Respond { message, .. } => ("(answer) ", message),
        // They are called wherever messages go.
        Outgoing::Webhook { .. } | Outgoing::PagerDuty { .. } => return Outcome::Sent(None),
    };
    match writeln!(std::io::stdout(), "{what}{}\n", message.plain()) {
        Ok(()) => Outcome::Sent(Some(format!("printed-{}", row.id))),
        Err(error) => {
            let why = format!("the terminal does not take it: {error}");
            Outcome::Failed(Failure { kind: FailureKind::Later, why, rest: None, is_general: false })
        }
    }
}
