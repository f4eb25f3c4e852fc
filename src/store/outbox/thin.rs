//! What waits is not told as history: of an incident people read how it is now, not what happened while Slack was away.

use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, Row};

use super::{Fault, Origin, clean, instant, to_json};
use crate::{
    alerts::{Outgoing, Word},
    incidents::IncidentId,
};

/// What waits for so long waits because something stands in its way, not because a channel has its pace.
const WAITS_LONG: SignedDuration = SignedDuration::from_mins(2);

/// What is left to be said of an incident. A message that is not posted yet says everything by itself, but calls nobody; of the replies
/// that wait for long only the newest is news, but what is quiet does not take the place of what is loud, and only the last word that of a
/// call.
pub(in crate::store) async fn thin(
    connection: &mut AnyConnection,
    origin: &Origin<'_>,
    outgoing: Vec<Outgoing>,
) -> Result<Vec<Outgoing>, Fault> {
    let Some(incident) = origin.incident else { return Ok(outgoing) };
    let mut left = Vec::new();
    for row in outgoing {
        let is_news = match &row {
            Outgoing::Reply { channel, broadcast, word, .. } => {
                let waiting = waiting(connection, incident, channel).await?;
                for old in waiting.iter().filter(|old| old.waits_long(origin.now) && old.gives_way(*broadcast, *word)) {
                    supersede(connection, old.id).await?;
                }
                // What calls somebody is not in the message itself.
                *word == Word::Call || !waiting.iter().any(|old| old.is_root)
            }
            Outgoing::Post { .. }
            | Outgoing::Edit { .. }
            | Outgoing::ReplyTo { .. }
            | Outgoing::Respond { .. }
            | Outgoing::Webhook { .. }
            | Outgoing::PagerDuty { .. } => true,
        };
        if is_news {
            left.push(row);
        }
    }
    Ok(left)
}

/// A row that nobody was given yet.
struct Waiting {
    id: i64,
    created: Timestamp,
    is_root: bool,
    is_loud: bool,
    is_call: bool,
}

impl Waiting {
    /// Whether it is not worth saying any more once that is said.
    fn gives_way(&self, to_loud: bool, word: Word) -> bool {
        match word {
            Word::Last => true,
            Word::News => !self.is_call && (to_loud || !self.is_loud),
            Word::Call => false,
        }
    }

    fn waits_long(&self, now: Timestamp) -> bool {
        !self.is_root && now.duration_since(self.created) >= WAITS_LONG
    }
}

/// The first post of an incident in a channel and the replies below it, as far as nobody was given them.
async fn waiting(connection: &mut AnyConnection, incident: &IncidentId, channel: &str) -> Result<Vec<Waiting>, Fault> {
    let rows = sqlx::query(
        "SELECT id, kind, body, created_ms FROM outbox WHERE incident_id = $1 AND destination = $2 AND state = 'pending' \
         AND taken = 0 AND kind IN ('post', 'reply') ORDER BY id",
    );
    let rows = rows.bind(&incident.0).bind(&*clean(channel)).fetch_all(&mut *connection).await?;
    rows.iter()
        .map(|row| {
            let body: String = row.try_get("body")?;
            let (is_loud, is_call) = match serde_json::from_str(&body) {
                Ok(Outgoing::Reply { broadcast, word, .. }) => (broadcast, word == Word::Call),
                _ => (false, false),
            };
            Ok(Waiting {
                id: row.try_get("id")?,
                created: instant(row.try_get("created_ms")?)?,
                is_root: row.try_get::<String, _>("kind")? == "post",
                is_loud,
                is_call,
            })
        })
        .collect()
}

/// A first post that Slack did not take says what was written while it was on its way: what waits behind it is not needed.
pub(super) async fn catch_up(connection: &mut AnyConnection, id: i64) -> Result<(), Fault> {
    let about = sqlx::query(
        "SELECT incident_id, destination FROM outbox WHERE id = $1 AND kind = 'post' AND incident_id IS NOT NULL",
    );
    let Some(about) = about.bind(id).fetch_optional(&mut *connection).await? else { return Ok(()) };
    let (incident, channel) = (about.try_get::<String, _>("incident_id")?, about.try_get::<String, _>("destination")?);
    let newer = sqlx::query(
        "SELECT id, body FROM outbox WHERE incident_id = $1 AND destination = $2 AND kind = 'edit' AND state = 'pending' \
         AND taken = 0 ORDER BY id",
    );
    for row in newer.bind(&incident).bind(&channel).fetch_all(&mut *connection).await? {
        let Ok(Outgoing::Edit { channel, message }) = serde_json::from_str(&row.try_get::<String, _>("body")?) else {
            continue;
        };
        let says = sqlx::query("UPDATE outbox SET body = $1 WHERE id = $2");
        says.bind(to_json(&Outgoing::Post { channel, message })?).bind(id).execute(&mut *connection).await?;
        supersede(connection, row.try_get("id")?).await?;
    }
    for reply in
        waiting(connection, &IncidentId(incident), &channel).await?.iter().filter(|row| !row.is_root && !row.is_call)
    {
        supersede(connection, reply.id).await?;
    }
    Ok(())
}

async fn supersede(connection: &mut AnyConnection, id: i64) -> Result<(), Fault> {
    let gone = sqlx::query("UPDATE outbox SET state = 'superseded' WHERE id = $1 AND state = 'pending' AND taken = 0");
    gone.bind(id).execute(connection).await?;
    Ok(())
}
