//! What must be sent: rows in order, each given out before it is sent and marked after; a newer text replaces an unsent one.

mod asked;
mod calls;
mod letters;
mod mend;
mod thin;

use jiff::Timestamp;
use sqlx::{AnyConnection, Row, any::AnyRow};

pub use asked::OutboxCounts;
pub(super) use calls::drop_calls;
pub use letters::Letter;
pub(super) use thin::thin;

use super::{Fault, Lease, Store, StoreError, brief, clean, count_up, instant, millis, put, to_json};
use crate::{
    alerts::{Message, Outgoing, outbox::to_pager},
    cluster::ClusterId,
    incidents::IncidentId,
};

/// Whether an unsent row may be posted as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// It was not posted.
    Pending,
    /// It may have been posted: look it up before posting it again.
    Unknown,
}

/// A row that may be sent now; [`Store::take`] gives it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// Its number.
    pub id: i64,
    /// The configured channel (its name or id), a channel's id, or `respond`.
    pub destination: String,
}

/// What became of marking a row sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It was not marked before.
    Now,
    /// Somebody else had sent it; a message with another timestamp than this is a double.
    Before {
        /// The timestamp that was marked first.
        ts: Option<String>,
    },
}

/// A row that was given out to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its number; goes into the message's metadata.
    pub id: i64,
    /// The cluster it is about; answers to people have none.
    pub cluster: Option<ClusterId>,
    /// The incident it is about.
    pub incident: Option<IncidentId>,
    /// The configured channel (its name or id), a channel's id, or `respond`.
    pub destination: String,
    /// What to send.
    pub outgoing: Outgoing,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it may have been posted.
    pub state: OutboxState,
    /// When it was written.
    pub created: Timestamp,
}

/// What outgoing messages are about.
pub(super) struct Origin<'a> {
    pub(super) cluster: Option<&'a ClusterId>,
    pub(super) incident: Option<&'a IncidentId>,
    pub(super) now: Timestamp,
}

/// Where a message goes: its kind, its destination, and the lane in which it keeps its order. Lanes do not wait for each
/// other: a thread that cannot be written to holds up nobody else.
struct Address<'a> {
    kind: &'static str,
    destination: &'a str,
    lane: String,
}

impl Store {
    /// Puts messages into the outbox. The text of an unsent post or edit is replaced by a newer one.
    pub async fn enqueue(
        &self,
        cluster: &ClusterId,
        incident: Option<&IncidentId>,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.again("putting messages into the outbox", |_| async move {
            let mut tx = self.begin().await?;
            let rows = insert(&mut tx, &Origin { cluster: Some(cluster), incident, now }, outgoing).await?;
            tx.commit().await?;
            Ok(rows)
        })
        .await
    }

    /// Stores a value under a name together with the messages that say it; false, and nothing is written, if the lease is not
    /// held any more.
    pub async fn put_and_say(
        &self,
        right: &Lease,
        (name, value): (&str, &str),
        (cluster, incident): (&ClusterId, Option<&IncidentId>),
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.again("writing down what was told", |_| async move {
            let mut tx = self.begin().await?;
            if !self.holds_in(&mut tx, right).await? {
                return Ok(false);
            }
            put(&mut tx, name, value).await?;
            insert(&mut tx, &Origin { cluster: Some(cluster), incident, now }, outgoing).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The rows that may be sent now, oldest first: of each lane (an incident in a channel, a thread) only the oldest
    /// unsent one, and of each destination only so many, so that a channel that must wait starves no other.
    pub async fn due(&self, now: Timestamp, per_destination: u32) -> Result<Vec<DueRow>, StoreError> {
        self.once("reading what is due in the outbox", async {
            let rows = sqlx::query(
                "SELECT id, destination FROM (SELECT o.id, o.destination, \
                 ROW_NUMBER() OVER (PARTITION BY o.destination ORDER BY o.id) AS n FROM outbox o \
                 WHERE o.state IN ('pending', 'unknown') AND o.due_ms <= $1 \
                 AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.id < o.id \
                 AND p.state IN ('pending', 'unknown'))) heads WHERE n <= $2 ORDER BY id",
            );
            let rows = rows.bind(millis(now)).bind(i64::from(per_destination)).fetch_all(&self.pool).await?;
            rows.iter()
                .map(|row| Ok(DueRow { id: row.try_get("id")?, destination: row.try_get("destination")? }))
                .collect()
        })
        .await
    }

    /// Gives a row out to be sent at once; its text is not changed any more; a first post that failed
    /// before is given what was written meanwhile. One that was given out before, and of which
    /// nothing was heard since (a crash, a database that did not answer), may have been posted: it is `Unknown`.
    /// None if it is not to be sent any more.
    pub async fn take(&self, id: i64, now: Timestamp) -> Result<Option<OutboxRow>, StoreError> {
        let row = self
            .again("giving out a message to be sent", |_| async move {
                let mut tx = self.begin().await?;
                let taken = sqlx::query_scalar(
                    "UPDATE outbox SET taken = taken + 1 WHERE id = $1 AND state IN ('pending', 'unknown') \
                     RETURNING CASE WHEN kind = 'post' AND state = 'pending' AND taken = 1 AND attempts > 0 THEN 1 ELSE 0 END",
                );
                let taken: Option<i32> = taken.bind(id).fetch_optional(&mut *tx).await?;
                if taken == Some(1) {
                    thin::catch_up(&mut tx, id).await?;
                }
                let row = sqlx::query(
                    "SELECT taken, cluster_id, incident_id, destination, body, state, attempts, created_ms FROM outbox \
                     WHERE id = $1 AND state IN ('pending', 'unknown')",
                );
                let row = row.bind(id).fetch_optional(&mut *tx).await?;
                tx.commit().await?;
                Ok(row)
            })
            .await?;
        match row.as_ref().map(|row| outbox_row(id, row)).transpose() {
            Ok(row) => Ok(row),
            // One row that cannot be read must not hold up the others for ever.
            Err(Fault::Unreadable(why)) => {
                self.dead(id, &format!("cannot be read: {why}"), now).await?;
                Ok(None)
            }
            Err(fault) => Err(self.tell("giving out a message to be sent", 1, fault)),
        }
    }

    /// When the next row after `now` becomes due.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.once("reading what is next in the outbox", async {
            let next: Option<i64> = sqlx::query_scalar(
                "SELECT MIN(o.due_ms) FROM outbox o WHERE o.state IN ('pending', 'unknown') AND o.due_ms > $1 \
                 AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.id < o.id \
                 AND p.state IN ('pending', 'unknown'))",
            )
            .bind(millis(now))
            .fetch_one(&self.pool)
            .await?;
            next.map(instant).transpose()
        })
        .await
    }

    /// Marks a row sent in a room (Slack's id of the channel); the timestamp of a new root message becomes the incident's.
    pub async fn sent(&self, id: i64, room: &str, ts: Option<&str>, now: Timestamp) -> Result<Marked, StoreError> {
        self.again("marking a message sent", |_| async move {
            let mut tx = self.begin().await?;
            let row = sqlx::query(
                "UPDATE outbox SET state = 'sent', sent_ms = $1, ts = $2, error = NULL WHERE id = $3 AND state <> 'sent' \
                 RETURNING incident_id, kind",
            );
            let row = row.bind(millis(now)).bind(ts).bind(id).fetch_optional(&mut *tx).await?;
            let Some(row) = row else {
                let first = sqlx::query_scalar("SELECT ts FROM outbox WHERE id = $1").bind(id);
                let first: Option<Option<String>> = first.fetch_optional(&mut *tx).await?;
                tx.rollback().await?;
                return Ok(Marked::Before { ts: first.flatten() });
            };
            let incident: Option<String> = row.try_get("incident_id")?;
            let kind: String = row.try_get("kind")?;
            if let (Some(incident), "post" | "edit", Some(ts)) = (incident, kind.as_str(), ts) {
                sqlx::query(
                    "INSERT INTO messages (incident_id, channel, ts) VALUES ($1, $2, $3) \
                     ON CONFLICT (incident_id, channel) DO UPDATE SET ts = excluded.ts",
                )
                .bind(incident)
                .bind(&*clean(room))
                .bind(ts)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            Ok(Marked::Now)
        })
        .await
    }

    /// It was certainly not posted: try again at `due`.
    pub async fn retry(&self, id: i64, due: Timestamp, error: &str) -> Result<(), StoreError> {
        self.put_back(
            "UPDATE outbox SET state = 'pending', taken = 0, attempts = attempts + 1, due_ms = $1, error = $2 \
             WHERE id = $3 AND state IN ('pending', 'unknown')",
            (id, due, error),
        )
        .await
    }

    /// It may have been posted (time-out, cut connection): to be looked up, at `due`, before it is posted again.
    pub async fn unknown(&self, id: i64, due: Timestamp, error: &str) -> Result<(), StoreError> {
        self.put_back(
            "UPDATE outbox SET state = 'unknown', attempts = attempts + 1, due_ms = $1, error = $2 \
             WHERE id = $3 AND state IN ('pending', 'unknown')",
            (id, due, error),
        )
        .await
    }

    /// It cannot be sent, for good. What stands behind it may go.
    pub async fn dead(&self, id: i64, error: &str, now: Timestamp) -> Result<(), StoreError> {
        self.put_back(
            "UPDATE outbox SET state = 'dead', attempts = attempts + 1, sent_ms = $1, error = $2 \
             WHERE id = $3 AND state IN ('pending', 'unknown')",
            (id, now, error),
        )
        .await
    }

    async fn put_back(&self, sql: &'static str, (id, at, error): (i64, Timestamp, &str)) -> Result<(), StoreError> {
        self.again("writing down what became of a message", |_| async move {
            sqlx::query(sql).bind(millis(at)).bind(brief(error)).bind(id).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }
}

/// Writes outgoing messages as rows, in order; returns how many rows were written or replaced.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    origin: &Origin<'_>,
    outgoing: &[Outgoing],
) -> Result<usize, Fault> {
    for outgoing in outgoing {
        match (outgoing, origin.incident) {
            (Outgoing::Post { channel, message } | Outgoing::Edit { channel, message }, Some(incident)) => {
                let is_edit = matches!(outgoing, Outgoing::Edit { .. });
                insert_root(connection, origin, (incident, channel, message, is_edit)).await?;
            }
            _ => append(connection, origin, outgoing).await?,
        }
    }
    Ok(outgoing.len())
}

/// A post or an edit of an incident's root message: which of the two it is, is known when it is sent. What nobody was given
/// yet says the newer text at once, in its old place.
async fn insert_root(
    connection: &mut AnyConnection,
    origin: &Origin<'_>,
    (incident, channel, message, is_edit): (&IncidentId, &String, &Message, bool),
) -> Result<(), Fault> {
    let post = Outgoing::Post { channel: channel.clone(), message: message.clone() };
    let edit = Outgoing::Edit { channel: channel.clone(), message: message.clone() };
    let mut replaced = 0;
    for (kind, outgoing) in [("post", &post), ("edit", &edit)] {
        let unsent = sqlx::query(
            "UPDATE outbox SET body = $1 WHERE incident_id = $2 AND destination = $3 AND kind = $4 \
             AND state = 'pending' AND taken = 0",
        );
        let unsent = unsent.bind(to_json(outgoing)?).bind(&incident.0).bind(&*clean(channel)).bind(kind);
        replaced += unsent.execute(&mut *connection).await?.rows_affected();
    }
    if replaced > 0 {
        return Ok(());
    }
    append(connection, origin, if is_edit { &edit } else { &post }).await
}

async fn append(connection: &mut AnyConnection, origin: &Origin<'_>, outgoing: &Outgoing) -> Result<(), Fault> {
    let Address { kind, destination, lane } = address(outgoing, origin.incident);
    let id = count_up(connection, "outbox", 1).await?;
    sqlx::query(
        "INSERT INTO outbox (id, cluster_id, incident_id, destination, lane, kind, body, state, taken, attempts, due_ms, \
         created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, 0, $8, $8)",
    )
    .bind(id)
    .bind(origin.cluster.map(|c| c.0.clone()))
    .bind(origin.incident.map(|i| i.0.clone()))
    .bind(&*clean(destination))
    .bind(&*clean(&lane))
    .bind(kind)
    .bind(to_json(outgoing)?)
    .bind(millis(origin.now))
    .execute(connection)
    .await?;
    Ok(())
}

fn address<'a>(outgoing: &'a Outgoing, incident: Option<&IncidentId>) -> Address<'a> {
    let about = incident.map_or("", |i| i.0.as_str());
    let root = |kind, channel: &'a String| Address { kind, destination: channel, lane: format!("{about}/{channel}") };
    match outgoing {
        Outgoing::Post { channel, .. } => root("post", channel),
        Outgoing::Edit { channel, .. } => root("edit", channel),
        Outgoing::Reply { channel, .. } => root("reply", channel),
        Outgoing::ReplyTo { channel, thread_ts, .. } => {
            Address { kind: "reply_to", destination: channel, lane: format!("{channel}/{thread_ts}") }
        }
        Outgoing::Webhook { .. } => {
            Address { kind: "webhook", destination: to_pager::WEBHOOK, lane: format!("{about}/{}", to_pager::WEBHOOK) }
        }
        Outgoing::PagerDuty { .. } => Address {
            kind: "pagerduty",
            destination: to_pager::PAGERDUTY,
            lane: format!("{about}/{}", to_pager::PAGERDUTY),
        },
        Outgoing::Respond { response_url, .. } => {
            Address { kind: "respond", destination: "respond", lane: response_url.clone() }
        }
    }
}

fn outbox_row(id: i64, row: &AnyRow) -> Result<OutboxRow, Fault> {
    let body: String = row.try_get("body")?;
    Ok(OutboxRow {
        id,
        cluster: row.try_get::<Option<String>, _>("cluster_id")?.map(ClusterId),
        incident: row.try_get::<Option<String>, _>("incident_id")?.map(IncidentId),
        destination: row.try_get("destination")?,
        outgoing: serde_json::from_str(&body).map_err(|e| Fault::Unreadable(e.to_string()))?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        state: if row.try_get::<String, _>("state")? == "unknown" || row.try_get::<i64, _>("taken")? > 1 {
            OutboxState::Unknown
        } else {
            OutboxState::Pending
        },
        created: instant(row.try_get("created_ms")?)?,
    })
}
