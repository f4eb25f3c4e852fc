//! Incidents as rows: one transaction reads, lets the pure step decide, and writes incident and outbox together.

mod read;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Any, AnyConnection, Row, any::AnyRow};

use super::{Fault, Store, StoreError, count_up, inbox, millis, outbox, to_json};
use crate::{
    alerts::Outgoing,
    cluster::{ClusterId, ObjectRef},
    incidents::{Incident, IncidentId, Status},
};

/// How long a resolved incident may be reopened.
const REOPENS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Whose incident may change, and who asks.
#[derive(Clone, Debug)]
pub struct TransitionRequest {
    /// The cluster.
    pub cluster: ClusterId,
    /// The top owner.
    pub owner: ObjectRef,
    /// The writer's fencing number, of the cluster's lease.
    pub fence: i64,
    /// The present.
    pub now: Timestamp,
}

/// Which incident may change, and who asks.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    /// The incident.
    pub id: IncidentId,
    /// The writer's fencing number, of the cluster's lease.
    pub fence: i64,
    /// The present.
    pub now: Timestamp,
    /// The inbox row this answers: settled in the same transaction, if the incident is written. If it was settled before,
    /// nothing is written.
    pub inbox: Option<i64>,
}

/// What became of a transition.
#[derive(Clone, Debug, PartialEq)]
pub struct Transitioned {
    /// The incident before; the resolved one if it was reopened.
    pub before: Option<Incident>,
    /// The incident now; the same as before if nothing was written.
    pub after: Option<Incident>,
    /// How many outbox rows were written.
    pub rows: usize,
}

/// What is to be written, and over what.
struct Write<'a> {
    before: Option<&'a Incident>,
    after: Incident,
    fence: i64,
    now: Timestamp,
}

impl Store {
    /// One step of an owner's incident, in one transaction: `step` sees the open incident and the one resolved within the
    /// last 24 h and gives what it becomes; `say` sees before and after (with its final id) and gives what must be said.
    /// A result with the id of the resolved one reopens it, any other new one gets the next id of the day (UTC). Nothing is
    /// written if nothing changed. Both are called again if somebody else wrote in between.
    pub async fn transition(
        &self,
        request: TransitionRequest,
        step: impl Fn(Option<&Incident>, Option<&Incident>) -> Option<Incident> + Send + Sync,
        say: impl Fn(Option<&Incident>, &Incident) -> Vec<Outgoing> + Send + Sync,
    ) -> Result<Transitioned, StoreError> {
        let (request, step, say) = (&request, &step, &say);
        self.again("writing an incident", |tries| async move {
            let TransitionRequest { cluster, owner, fence, now } = request;
            let mut tx = self.begin().await?;
            take_turns(&mut tx, tries).await?;
            let open = open_of(&mut tx, cluster, owner).await?;
            let since = now.checked_sub(REOPENS_WITHIN).unwrap_or(Timestamp::MIN);
            let last = last_resolved(&mut tx, cluster, owner, since).await?;
            let Some(mut after) = step(open.as_ref(), last.as_ref()) else {
                tx.rollback().await?;
                return Ok(Transitioned { before: open.clone(), after: open, rows: 0 });
            };
            let before = open.or_else(|| last.filter(|l| l.id == after.id));
            after.cluster = cluster.clone();
            after.owner = owner.clone();
            let write = Write { before: before.as_ref(), after, fence: *fence, now: *now };
            let Some((after, rows)) = write.run(&mut tx, say).await? else {
                tx.rollback().await?;
                return Ok(Transitioned { after: before.clone(), before, rows: 0 });
            };
            tx.commit().await?;
            Ok(Transitioned { before, after: Some(after), rows })
        })
        .await
    }

    /// Changes one incident, in one transaction. Nothing is written if there is no such incident (`before` is None then),
    /// if `step` gives None or the same, or if the inbox row was settled before.
    pub async fn update_incident(
        &self,
        request: UpdateRequest,
        step: impl Fn(&Incident) -> Option<Incident> + Send + Sync,
        say: impl Fn(Option<&Incident>, &Incident) -> Vec<Outgoing> + Send + Sync,
    ) -> Result<Transitioned, StoreError> {
        let (request, step, say) = (&request, &step, &say);
        self.again("changing an incident", |tries| async move {
            let mut tx = self.begin().await?;
            take_turns(&mut tx, tries).await?;
            let row =
                sqlx::query("SELECT id, cluster_id, version, body FROM incidents WHERE id = $1").bind(&request.id.0);
            let before = row.fetch_optional(&mut *tx).await?.as_ref().map(incident).transpose()?;
            let unchanged = |before: Option<Incident>| Transitioned { after: before.clone(), before, rows: 0 };
            let Some(mut after) = before.as_ref().and_then(step) else {
                tx.rollback().await?;
                return Ok(unchanged(before));
            };
            if let Some(before) = &before {
                after.cluster = before.cluster.clone();
                after.owner = before.owner.clone();
            }
            let write = Write { before: before.as_ref(), after, fence: request.fence, now: request.now };
            let written = write.run(&mut tx, say).await?;
            let settled = match (&written, request.inbox) {
                (Some(_), Some(inbox)) => inbox::mark_done(&mut tx, inbox, None, request.now).await?,
                _ => true,
            };
            match written {
                Some((after, rows)) if settled => {
                    tx.commit().await?;
                    Ok(Transitioned { before, after: Some(after), rows })
                }
                _ => {
                    tx.rollback().await?;
                    Ok(unchanged(before))
                }
            }
        })
        .await
    }
}

impl Write<'_> {
    /// Writes the incident and what must be said of it; None if nothing changed.
    async fn run(
        self,
        connection: &mut AnyConnection,
        say: &(impl Fn(Option<&Incident>, &Incident) -> Vec<Outgoing> + Sync),
    ) -> Result<Option<(Incident, usize)>, Fault> {
        let Self { before, mut after, fence, now } = self;
        if let Some(before) = before {
            after.id = before.id.clone();
            after.version = before.version;
            if after == *before {
                return Ok(None);
            }
            after.version += 1;
            replace(connection, &after, fence).await?;
        } else {
            let day = now.strftime("%Y-%m-%d");
            let number = count_up(connection, &format!("incident:{day}"), 1).await?;
            after.id = IncidentId(format!("INC-{day}-{number:03}"));
            after.version = 1;
            insert(connection, &after, fence).await?;
        }
        let origin = outbox::Origin { cluster: Some(&after.cluster), incident: Some(&after.id), now };
        let outgoing = outbox::thin(connection, &origin, say(before, &after)).await?;
        let outgoing = outbox::drop_calls(connection, (&after, now), outgoing).await?;
        let rows = outbox::insert(connection, &origin, &outgoing).await?;
        Ok(Some((after, rows)))
    }
}

/// The columns that both statements write, in their order.
fn columns<'q>(
    query: sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>,
    incident: &Incident,
    fence: i64,
) -> Result<sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>, Fault> {
    let status = match incident.status {
        Status::Open => "open",
        Status::Resolved => "resolved",
    };
    let resolved = incident.resolution.as_ref().map_or(incident.updated_at, |r| r.at);
    Ok(query
        .bind(incident.id.0.clone())
        .bind(incident.parent.as_ref().map(|p| p.0.clone()))
        .bind(status)
        .bind(incident.severity.to_string())
        .bind(millis(incident.opened_at))
        .bind(millis(incident.updated_at))
        .bind((!incident.is_open()).then(|| millis(resolved)))
        .bind(incident.version)
        .bind(fence)
        .bind(to_json(incident)?)
        .bind(i64::from(incident.follows_change())))
}

/// Who lost to another writer waits for its turn the next time, before it reads, and so loses no more.
async fn take_turns(connection: &mut AnyConnection, tries: u32) -> Result<(), Fault> {
    if tries > 1 {
        count_up(connection, "turns of incident writers", 1).await?;
    }
    Ok(())
}

async fn insert(connection: &mut AnyConnection, incident: &Incident, fence: i64) -> Result<(), Fault> {
    // A new row has no number to hold the writer's against: the greatest of the cluster stands for it.
    let greatest = sqlx::query_scalar("SELECT COALESCE(MAX(fence), 0) FROM incidents WHERE cluster_id = $1");
    let stored: i64 = greatest.bind(&incident.cluster.0).fetch_one(&mut *connection).await?;
    if stored > fence {
        return Err(Fault::Fenced { held: fence, stored });
    }
    let query = sqlx::query(
        "INSERT INTO incidents (id, parent, status, severity, opened_ms, updated_ms, resolved_ms, version, fence, body, \
         after_change, cluster_id, owner_kind, namespace, owner_name) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
    );
    let query = columns(query, incident, fence)?
        .bind(&incident.cluster.0)
        .bind(&*incident.owner.kind)
        .bind(&*incident.owner.namespace)
        .bind(&*incident.owner.name);
    match query.execute(connection).await?.rows_affected() {
        0 => Err(Fault::Clash),
        _ => Ok(()),
    }
}

async fn replace(connection: &mut AnyConnection, incident: &Incident, fence: i64) -> Result<(), Fault> {
    let query = sqlx::query(
        "UPDATE incidents SET parent = $2, status = $3, severity = $4, opened_ms = $5, updated_ms = $6, \
         resolved_ms = $7, version = $8, fence = $9, body = $10, after_change = $11 WHERE id = $1 AND version = $8 - 1 AND fence <= $9",
    );
    if columns(query, incident, fence)?.execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(());
    }
    let stored = sqlx::query_scalar::<_, i64>("SELECT fence FROM incidents WHERE id = $1").bind(&incident.id.0);
    match stored.fetch_optional(connection).await? {
        Some(stored) if stored > fence => Err(Fault::Fenced { held: fence, stored }),
        _ => Err(Fault::Clash),
    }
}

async fn open_of(
    connection: &mut AnyConnection,
    cluster: &ClusterId,
    owner: &ObjectRef,
) -> Result<Option<Incident>, Fault> {
    let row = sqlx::query(
        "SELECT id, cluster_id, version, body FROM incidents WHERE cluster_id = $1 AND owner_kind = $2 AND namespace = $3 \
         AND owner_name = $4 AND status = 'open'",
    );
    let row = row.bind(&cluster.0).bind(&*owner.kind).bind(&*owner.namespace).bind(&*owner.name);
    row.fetch_optional(connection).await?.as_ref().map(incident).transpose()
}

async fn last_resolved(
    connection: &mut AnyConnection,
    cluster: &ClusterId,
    owner: &ObjectRef,
    since: Timestamp,
) -> Result<Option<Incident>, Fault> {
    let row = sqlx::query(
        "SELECT id, cluster_id, version, body FROM incidents WHERE cluster_id = $1 AND owner_kind = $2 AND namespace = $3 \
         AND owner_name = $4 AND resolved_ms >= $5 ORDER BY resolved_ms DESC, id DESC LIMIT 1",
    );
    let row = row.bind(&cluster.0).bind(&*owner.kind).bind(&*owner.namespace).bind(&*owner.name).bind(millis(since));
    // What is over and cannot be read is not reopened, and holds up nothing.
    match row.fetch_optional(connection).await? {
        Some(row) => readable(incident(&row)),
        None => Ok(None),
    }
}

/// Leaves out what this version cannot read, and says so.
fn readable(incident: Result<Incident, Fault>) -> Result<Option<Incident>, Fault> {
    match incident {
        Ok(incident) => Ok(Some(incident)),
        Err(Fault::Unreadable(why)) => {
            tracing::error!(%why, "an incident cannot be read and is left out");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

fn incident(row: &AnyRow) -> Result<Incident, Fault> {
    let (id, body): (String, String) = (row.try_get("id")?, row.try_get("body")?);
    let mut incident: Incident =
        serde_json::from_str(&body).map_err(|e| Fault::Unreadable(format!("incident {id}: {e}")))?;
    incident.id = IncidentId(id);
    incident.cluster = ClusterId(row.try_get("cluster_id")?);
    incident.version = row.try_get("version")?;
    Ok(incident)
}
