//! What must be sent: rows in order, each told of once; a newer edit replaces an unsent older one.

use jiff::Timestamp;
use sqlx::{AnyConnection, Row, any::AnyRow};

use super::{Fault, Store, StoreError, brief, clean, count_up, instant, millis, to_json};
use crate::{
    alerts::{Message, Outgoing},
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

/// A row that is to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its number; goes into the message's metadata.
    pub id: i64,
    /// The cluster it is about; answers to people have none.
    pub cluster: Option<ClusterId>,
    /// The incident it is about.
    pub incident: Option<IncidentId>,
    /// Channel id, or `respond`.
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

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Rows that are not sent yet.
    pub pending: u64,
    /// Rows that could not be sent, for good.
    pub dead: u64,
    /// When the oldest unsent row was written.
    pub oldest_pending: Option<Timestamp>,
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
    /// Puts messages into the outbox. An edit replaces an unsent older one, or the text of an unsent post; a post of what is
    /// already posted in that channel becomes an edit.
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

    /// The rows that may be sent now, oldest first: of each lane (an incident in a channel, a thread) only the oldest
    /// unsent one. Their texts are not changed any more.
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self
            .again("reading what is due in the outbox", |_| async move {
                let rows = sqlx::query(
                    "UPDATE outbox SET taken = 1 WHERE state IN ('pending', 'unknown') AND id IN (\
                     SELECT o.id FROM outbox o WHERE o.state IN ('pending', 'unknown') AND o.due_ms <= $1 \
                     AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.id < o.id \
                     AND p.state IN ('pending', 'unknown')) ORDER BY o.id LIMIT $2) \
                     RETURNING id, cluster_id, incident_id, destination, body, state, attempts, created_ms",
                );
                Ok(rows.bind(millis(now)).bind(i64::from(limit)).fetch_all(&self.pool).await?)
            })
            .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = self.once("reading the outbox", async { Ok(row.try_get::<i64, _>("id")?) }).await?;
            match outbox_row(id, row) {
                Ok(row) => due.push(row),
                // One row that cannot be read must not hold up the others for ever.
                Err(Fault::Unreadable(why)) => self.dead(id, &format!("cannot be read: {why}")).await?,
                Err(fault) => return Err(self.tell("reading the outbox", 1, fault)),
            }
        }
        due.sort_by_key(|row| row.id);
        Ok(due)
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

    /// Marks a row sent; a post's timestamp becomes the incident's root message. False if it was marked before: then this
    /// message is a double, to be deleted.
    pub async fn sent(&self, id: i64, ts: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
        self.again("marking a message sent", |_| async move {
            let mut tx = self.begin().await?;
            let row = sqlx::query(
                "UPDATE outbox SET state = 'sent', sent_ms = $1, ts = $2, error = NULL WHERE id = $3 AND state <> 'sent' \
                 RETURNING incident_id, destination, kind",
            );
            let row = row.bind(millis(now)).bind(ts).bind(id).fetch_optional(&mut *tx).await?;
            if let Some(row) = &row {
                let incident: Option<String> = row.try_get("incident_id")?;
                let kind: String = row.try_get("kind")?;
                if let (Some(incident), "post", Some(ts)) = (incident, kind.as_str(), ts) {
                    sqlx::query(
                        "INSERT INTO messages (incident_id, channel, ts) VALUES ($1, $2, $3) \
                         ON CONFLICT (incident_id, channel) DO UPDATE SET ts = excluded.ts",
                    )
                    .bind(incident)
                    .bind(row.try_get::<String, _>("destination")?)
                    .bind(ts)
                    .execute(&mut *tx)
                    .await?;
                }
            }
            tx.commit().await?;
            Ok(row.is_some())
        })
        .await
    }

    /// It was certainly not posted: try again at `due`.
    pub async fn retry(&self, id: i64, due: Timestamp, error: &str) -> Result<(), StoreError> {
        self.again("putting a message back", |_| async move {
            sqlx::query(
                "UPDATE outbox SET state = 'pending', taken = 0, attempts = attempts + 1, due_ms = $1, error = $2 \
                 WHERE id = $3 AND state IN ('pending', 'unknown')",
            )
            .bind(millis(due))
            .bind(brief(error))
            .bind(id)
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// It may have been posted (time-out, cut connection): to be looked up before it is posted again.
    pub async fn unknown(&self, id: i64, error: &str) -> Result<(), StoreError> {
        self.again("marking a message's fate unknown", |_| async move {
            sqlx::query(
                "UPDATE outbox SET state = 'unknown', attempts = attempts + 1, error = $1 \
                 WHERE id = $2 AND state IN ('pending', 'unknown')",
            )
            .bind(brief(error))
            .bind(id)
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// It cannot be sent, for good. What stands behind it may go.
    pub async fn dead(&self, id: i64, error: &str) -> Result<(), StoreError> {
        self.again("giving a message up", |_| async move {
            sqlx::query(
                "UPDATE outbox SET state = 'dead', attempts = attempts + 1, error = $1 \
                 WHERE id = $2 AND state IN ('pending', 'unknown')",
            )
            .bind(brief(error))
            .bind(id)
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// How full the outbox is.
    pub async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        self.once("counting the outbox", async {
            let rows = sqlx::query(
                "SELECT state, COUNT(*) AS n, MIN(created_ms) AS oldest FROM outbox \
                 WHERE state IN ('pending', 'unknown', 'dead') GROUP BY state",
            );
            let mut counts = OutboxCounts::default();
            for row in rows.fetch_all(&self.pool).await? {
                let n = u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or_default();
                if row.try_get::<String, _>("state")? == "dead" {
                    counts.dead += n;
                } else {
                    let oldest = instant(row.try_get("oldest")?)?;
                    counts.pending += n;
                    counts.oldest_pending = Some(counts.oldest_pending.map_or(oldest, |o| o.min(oldest)));
                }
            }
            Ok(counts)
        })
        .await
    }

    /// Timestamp of the root message of an incident in a channel.
    pub async fn root_message(&self, incident: &IncidentId, channel: &str) -> Result<Option<String>, StoreError> {
        self.once("looking for an incident's message", async {
            let ts = sqlx::query_scalar("SELECT ts FROM messages WHERE incident_id = $1 AND channel = $2");
            Ok(ts.bind(&incident.0).bind(&*clean(channel)).fetch_optional(&self.pool).await?)
        })
        .await
    }

    /// The incident whose root message this is.
    pub async fn incident_of_message(&self, channel: &str, ts: &str) -> Result<Option<IncidentId>, StoreError> {
        self.once("looking for a message's incident", async {
            let id = sqlx::query_scalar("SELECT incident_id FROM messages WHERE channel = $1 AND ts = $2");
            let id: Option<String> = id.bind(&*clean(channel)).bind(&*clean(ts)).fetch_optional(&self.pool).await?;
            Ok(id.map(IncidentId))
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

/// A post or an edit of an incident's root message.
async fn insert_root(
    connection: &mut AnyConnection,
    origin: &Origin<'_>,
    (incident, channel, message, is_edit): (&IncidentId, &String, &Message, bool),
) -> Result<(), Fault> {
    let post = Outgoing::Post { channel: channel.clone(), message: message.clone() };
    // A post nobody was given yet says the newer text at once.
    let replaced = sqlx::query(
        "UPDATE outbox SET body = $1 WHERE incident_id = $2 AND destination = $3 AND kind = 'post' \
         AND state = 'pending' AND taken = 0",
    )
    .bind(to_json(&post)?)
    .bind(&incident.0)
    .bind(channel)
    .execute(&mut *connection)
    .await?;
    if replaced.rows_affected() > 0 {
        return Ok(());
    }
    if !is_edit {
        let there: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM messages WHERE incident_id = $1 AND channel = $2) + \
             (SELECT COUNT(*) FROM outbox WHERE incident_id = $1 AND destination = $2 AND kind = 'post' \
             AND state IN ('pending', 'unknown'))",
        )
        .bind(&incident.0)
        .bind(channel)
        .fetch_one(&mut *connection)
        .await?;
        if there == 0 {
            return append(connection, origin, &post).await;
        }
    }
    sqlx::query(
        "UPDATE outbox SET state = 'superseded' WHERE incident_id = $1 AND destination = $2 AND kind = 'edit' \
         AND state IN ('pending', 'unknown')",
    )
    .bind(&incident.0)
    .bind(channel)
    .execute(&mut *connection)
    .await?;
    append(connection, origin, &Outgoing::Edit { channel: channel.clone(), message: message.clone() }).await
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
        state: if row.try_get::<String, _>("state")? == "unknown" {
            OutboxState::Unknown
        } else {
            OutboxState::Pending
        },
        created: instant(row.try_get("created_ms")?)?,
    })
}
