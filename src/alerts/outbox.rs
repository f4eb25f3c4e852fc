//! The sender: takes rows of the outbox, hands them to Slack (or the terminal) once, in order, at each channel's pace.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Message, Outgoing};
use crate::{
    app::App,
    clients::slack::{Slack, SlackError},
    store::{OutboxRow, OutboxState, StoreError},
};

/// Slack takes about one message a second in a channel.
const PACE: SignedDuration = SignedDuration::from_secs(1);
/// After this many failed attempts a row that Slack refuses for good is a dead letter, shown in the status.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Sends rows until the bot stops. `flush` sends what is due and returns.
pub async fn run(app: Arc<App>) {
    let mut pace = Pace::default();
    loop {
        let call = app.outbox_wake.calls();
        let next = match send_due(&app, &mut pace).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                app.clock.now().checked_add(SignedDuration::from_secs(5)).ok()
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

/// When each destination takes the next message.
#[derive(Debug, Default)]
pub struct Pace(BTreeMap<String, Timestamp>);

/// Sends everything that is due; returns when to look again, if anything is left.
///
/// # Errors
/// If the store cannot be read or written.
pub async fn send_due(app: &App, pace: &mut Pace) -> Result<Option<Timestamp>, StoreError> {
    loop {
        let now = app.clock.now();
        let rows = app.store.due(now, 50).await?;
        let mut next = app.store.next_due(now).await?;
        let mut sent = 0;
        for row in rows {
            let free = pace.0.get(&row.destination).copied().unwrap_or(Timestamp::MIN);
            if free > now {
                next = Some(next.map_or(free, |n| n.min(free)));
                continue;
            }
            if !matches!(row.outgoing, Outgoing::Respond { .. }) {
                pace.0.insert(row.destination.clone(), now.saturating_add(PACE).unwrap_or(now));
            }
            deliver(app, &row, pace, now).await?;
            sent += 1;
        }
        pace.0.retain(|_, free| *free > now);
        if sent == 0 {
            return Ok(next);
        }
    }
}

/// Delivers one row and writes down what became of it.
async fn deliver(app: &App, row: &OutboxRow, pace: &mut Pace, now: Timestamp) -> Result<(), StoreError> {
    let result = match &app.slack {
        Some(slack) => to_slack(app, slack, row).await?,
        None => Ok(Some(print(row))),
    };
    match result {
        Ok(ts) => {
            app.store.sent(row.id, ts.as_deref(), now).await?;
        }
        Err(Failure::Later { why, wait }) => {
            let at = now.saturating_add(wait.unwrap_or_else(|| backoff(row.attempts))).unwrap_or(now);
            tracing::warn!(row = row.id, attempt = row.attempts, %why, "a message could not be sent yet");
            app.store.retry(row.id, at, &why).await?;
        }
        Err(Failure::Unknown(why)) => {
            let at = now.saturating_add(backoff(row.attempts)).unwrap_or(now);
            tracing::warn!(row = row.id, %why, "not known whether Slack took a message; looking before sending again");
            pace.0.insert(row.destination.clone(), at);
            app.store.unknown(row.id, &why).await?;
        }
        Err(Failure::Never(why)) => {
            tracing::error!(row = row.id, %why, "a message can never be sent; kept as a dead letter");
            app.store.dead(row.id, &why).await?;
        }
    }
    Ok(())
}

/// Why a row was not delivered.
enum Failure {
    Later { why: String, wait: Option<SignedDuration> },
    Unknown(String),
    Never(String),
}

/// 2 s, 4 s, 8 s .. 5 min.
fn backoff(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs(2_i64 << attempts.min(8)).min(LONGEST_WAIT)
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

/// Hands a row to Slack. The outer error is the store's.
async fn to_slack(app: &App, slack: &Slack, row: &OutboxRow) -> Result<Result<Option<String>, Failure>, StoreError> {
    let root = match (&row.incident, &row.outgoing) {
        (Some(incident), Outgoing::Edit { channel, .. } | Outgoing::Reply { channel, .. }) => {
            app.store.root_message(incident, channel).await?
        }
        _ => None,
    };
    Ok(match &row.outgoing {
        Outgoing::Post { channel, message } => post(slack, row, channel, None, message, false).await,
        Outgoing::Edit { channel, message } => match root {
            None => Err(Failure::Never("its message was never posted".into())),
            Some(ts) => match slack.update(channel, &ts, message).await {
                Ok(()) => Ok(None),
                Err(SlackError::MessageGone { .. }) => Err(Failure::Never("its message was deleted in Slack".into())),
                // An edit can be made again without harm.
                Err(error) if error.is_outcome_unknown() => Err(Failure::Later { why: error.to_string(), wait: None }),
                Err(error) => Err(error.into()),
            },
        },
        Outgoing::Reply { channel, message, broadcast } => {
            post(slack, row, channel, root.as_deref(), message, *broadcast).await
        }
        Outgoing::ReplyTo { channel, thread_ts, message } => {
            post(slack, row, channel, Some(thread_ts), message, false).await
        }
        Outgoing::Respond { response_url, message, replace } => {
            match slack.respond(response_url, message, *replace).await {
                Ok(()) => Ok(None),
                // A response address lives 30 minutes; an answer nobody waits for is not worth more.
                Err(error) if row.attempts < 5 && !error.is_permanent() => Err(Failure::Later {
                    why: error.to_string(),
                    wait: error.retry_after().and_then(|d| d.try_into().ok()),
                }),
                Err(error) => Err(Failure::Never(error.to_string())),
            }
        }
    })
}

/// Posts once: if it is not known whether an earlier attempt arrived, Slack is asked first.
async fn post(
    slack: &Slack,
    row: &OutboxRow,
    channel: &str,
    thread: Option<&str>,
    message: &Message,
    broadcast: bool,
) -> Result<Option<String>, Failure> {
    if row.state == OutboxState::Unknown {
        match slack.find_posted(channel, thread, &row.id.to_string(), row.created).await {
            Ok(Some(ts)) => return Ok(Some(ts)),
            Ok(None) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match slack.post(channel, thread, broadcast, message, &row.id.to_string()).await {
        Ok(posted) => Ok(Some(posted.ts)),
        Err(error) => Err(error.into()),
    }
}

/// Slack's words for a message it will never take, whoever mends what.
const NEVER: [&str; 6] =
    ["invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments"];

impl From<SlackError> for Failure {
    fn from(error: SlackError) -> Self {
        let why = error.to_string();
        if error.is_outcome_unknown() {
            return Self::Unknown(why);
        }
        match error.code() {
            Some(code) if NEVER.contains(&code) => Self::Never(why),
            // The bot was not invited, a token was revoked: a person can mend that, so nothing is lost.
            _ => Self::Later { why, wait: error.retry_after().and_then(|d| d.try_into().ok()) },
        }
    }
}
