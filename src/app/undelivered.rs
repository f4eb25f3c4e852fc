//! What Slack does not take is written into a file, so that somebody at the machine can read it; the file goes when all is delivered.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::App;
use crate::{
    alerts::Outgoing,
    store::{Letter, Store},
};

/// How often it is looked after.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How long a message waits before it is written down: a short absence of Slack is no news.
const AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How many messages are in the file: who reads it wants the present, and a disk is finite.
const MOST: u32 = 200;
/// Its folder and its name.
const FOLDER: &str = "incidents";
const NAME: &str = "undelivered.md";

/// Where it is: in the folder of the logs, else beside the SQLite file; None if there is neither.
pub(super) fn place(folder: Option<&Path>, store: &Store) -> Option<PathBuf> {
    let folder = folder.map(Path::to_owned).or_else(|| store.folder())?;
    Some(folder.join(FOLDER).join(NAME))
}

/// Keeps the file until the bot stops.
pub(super) async fn run(app: Arc<App>) {
    let Some(file) = app.undelivered_file.clone() else { return };
    let mut written = None;
    loop {
        let now = app.clock.now();
        look(&app, &file, &mut written, now).await;
        let next = now.saturating_add(EVERY).unwrap_or(now);
        app.pulse.send_modify(|pulse| pulse.next_undelivered = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(next) => {}
        }
    }
}

/// `written` is what is in the file; None: not known.
async fn look(app: &App, file: &Path, written: &mut Option<String>, now: Timestamp) {
    let before = now.saturating_sub(AFTER).unwrap_or(now);
    let letters = match app.store.undelivered(before, MOST).await {
        Ok(letters) => letters,
        Err(error) => return tracing::warn!(%error, "what could not be delivered is not written down"),
    };
    let text = if letters.is_empty() { String::new() } else { told(&letters) };
    if written.as_ref() == Some(&text) {
        return;
    }
    if let Err(error) = write(file, &text).await {
        tracing::error!(file = %file.display(), %error, "messages that cannot be delivered cannot be written into a file either");
        // It is tried again, and nobody is sent to a file that does not say it.
        app.undelivered.send_replace(0);
        *written = None;
        return;
    }
    if !letters.is_empty() {
        tracing::error!(file = %file.display(), messages = letters.len(), "messages that cannot be delivered are written into a file");
    }
    app.undelivered.send_replace(letters.len());
    *written = Some(text);
}

/// Nobody ever reads half of it.
async fn write(file: &Path, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return match tokio::fs::remove_file(file).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    if let Some(folder) = file.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let draft = file.with_extension("new");
    tokio::fs::write(&draft, text).await?;
    tokio::fs::rename(&draft, file).await
}

fn told(letters: &[Letter]) -> String {
    let mut text = "# Not delivered\n\nWhat people should have read in Slack, the oldest first. What waits is delivered by itself when the \
                    reason is mended, as it is then; this file goes when all is delivered.\n"
        .to_owned();
    for letter in letters {
        let about = letter.incident.as_ref().map(|id| format!(" · {id}")).unwrap_or_default();
        let state = if letter.is_dead { "given up" } else { "waits" };
        // Writing into a text cannot fail.
        write!(
            text,
            "\n## {}{about}\n\nWritten {} UTC, {state}: {}\n\n{}",
            letter.destination,
            letter.created.strftime("%Y-%m-%d %H:%M"),
            letter.why,
            quoted(&letter.outgoing)
        )
        .ok();
    }
    text
}

/// A foreign text must not look like a part of the file.
fn quoted(outgoing: &Outgoing) -> String {
    let says = match outgoing {
        Outgoing::Post { message, .. }
        | Outgoing::Edit { message, .. }
        | Outgoing::Reply { message, .. }
        | Outgoing::ReplyTo { message, .. }
        | Outgoing::Respond { message, .. } => message.plain(),
        Outgoing::Webhook { .. } => "a call of the webhook".to_owned(),
        Outgoing::PagerDuty { .. } => "a call of PagerDuty".to_owned(),
    };
    let lines: Vec<String> = says.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alerts::Message, incidents::IncidentId};

    #[test]
    fn the_file_says_what_people_should_have_read_and_why_they_did_not() {
        let message = Message { text: "SEV-1\n## api is down".to_owned(), blocks: Vec::new(), colour: None };
        let letter = Letter {
            destination: "alrets".to_owned(),
            incident: Some(IncidentId("INC-2026-11-24-001".to_owned())),
            created: "2026-11-24T12:00:00Z".parse().unwrap(),
            why: "no channel #alrets".to_owned(),
            is_dead: false,
            outgoing: Outgoing::Post { channel: "alrets".to_owned(), message },
        };
        let call = Letter {
            destination: "webhook".to_owned(),
            incident: None,
            is_dead: true,
            outgoing: Outgoing::Webhook { body: serde_json::Value::Null },
            ..letter.clone()
        };
        insta::assert_snapshot!(told(&[letter, call]), @"
        # Not delivered

        What people should have read in Slack, the oldest first. What waits is delivered by itself when the reason is mended, as it is then; this file goes when all is delivered.

        ## alrets · INC-2026-11-24-001

        Written 2026-11-24 12:00 UTC, waits: no channel #alrets

            SEV-1
            ## api is down

        ## webhook

        Written 2026-11-24 12:00 UTC, given up: no channel #alrets

            a call of the webhook
        ");
    }
}
