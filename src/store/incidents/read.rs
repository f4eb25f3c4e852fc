//! Incidents as they are asked for: the open ones of a cluster, one by its name or the end of it, those of the last days.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use sqlx::Row as _;

use super::{
    super::{Store, StoreError, instant, millis},
    incident, last_resolved, readable,
};
use crate::{
    cluster::{ClusterId, ObjectRef},
    incidents::{Beginning, Incident, IncidentId},
};

impl Store {
    /// The open incidents of a cluster, oldest first. One that this version cannot read is left out, and said to be: the others
    /// go on.
    pub async fn open_incidents(&self, cluster: &ClusterId) -> Result<Vec<Incident>, StoreError> {
        self.once("reading the open incidents", async {
            let rows = sqlx::query(
                "SELECT id, cluster_id, version, body FROM incidents WHERE cluster_id = $1 AND status = 'open' \
                 ORDER BY opened_ms, id",
            );
            let mut open = Vec::new();
            for row in rows.bind(&cluster.0).fetch_all(&self.pool).await? {
                open.extend(readable(incident(&row))?);
            }
            Ok(open)
        })
        .await
    }

    /// The incident with this id.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        self.once("reading an incident", async {
            let row = sqlx::query("SELECT id, cluster_id, version, body FROM incidents WHERE id = $1").bind(&id.0);
            row.fetch_optional(&self.pool).await?.as_ref().map(incident).transpose()
        })
        .await
    }

    /// The incident a person means: `INC-2026-11-24-004` in any case, `2026-11-24-4`, `1124-004`, `11-24-4` or `4` (then
    /// the newest day that has it).
    pub async fn find_incident(&self, text: &str) -> Result<Option<Incident>, StoreError> {
        let Some(pattern) = pattern(text) else { return Ok(None) };
        self.once("looking for an incident", async {
            let row = sqlx::query(
                "SELECT id, cluster_id, version, body FROM incidents WHERE id LIKE $1 ORDER BY id DESC LIMIT 1",
            )
            .bind(pattern);
            row.fetch_optional(&self.pool).await?.as_ref().map(incident).transpose()
        })
        .await
    }

    /// Incidents of a cluster that changed since an instant, newest change first; without those that this version cannot read.
    pub async fn recent_incidents(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        self.once("reading the recent incidents", async {
            let rows = sqlx::query(
                "SELECT id, cluster_id, version, body FROM incidents WHERE cluster_id = $1 AND updated_ms >= $2 \
                 ORDER BY updated_ms DESC, id DESC LIMIT $3",
            );
            let rows = rows.bind(&cluster.0).bind(millis(since)).bind(i64::from(limit));
            let mut recent = Vec::new();
            for row in rows.fetch_all(&self.pool).await? {
                recent.extend(readable(incident(&row))?);
            }
            Ok(recent)
        })
        .await
    }

    /// The beginnings of the incidents of a cluster since an instant, by their owners, oldest first.
    pub async fn beginnings(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<BTreeMap<ObjectRef, Vec<Beginning>>, StoreError> {
        self.once("reading when incidents began", async {
            let rows = sqlx::query(
                "SELECT owner_kind, namespace, owner_name, opened_ms, after_change FROM incidents \
                 WHERE cluster_id = $1 AND opened_ms >= $2 ORDER BY opened_ms LIMIT 20000",
            );
            let mut of: BTreeMap<ObjectRef, Vec<Beginning>> = BTreeMap::new();
            for row in rows.bind(&cluster.0).bind(millis(since)).fetch_all(&self.pool).await? {
                let text = |column| row.try_get::<String, _>(column);
                let owner = ObjectRef {
                    kind: text("owner_kind")?.into(),
                    namespace: text("namespace")?.into(),
                    name: text("owner_name")?.into(),
                };
                let after_change = row.try_get::<i64, _>("after_change")? != 0;
                let at = instant(row.try_get("opened_ms")?)?;
                of.entry(owner).or_default().push(Beginning { at, after_change });
            }
            Ok(of)
        })
        .await
    }

    /// The last incident of an owner that was resolved since an instant.
    pub async fn last_resolved(
        &self,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Option<Incident>, StoreError> {
        self.once("reading the last incident of an owner", async {
            let mut connection = self.pool.acquire().await?;
            last_resolved(&mut connection, cluster, owner, since).await
        })
        .await
    }
}

/// The pattern of the ids a person may mean; None if it is no name of an incident.
fn pattern(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['`', '*', '#', '<', '>']).to_ascii_uppercase();
    let parts: Vec<&str> = text.strip_prefix("INC-").unwrap_or(&text).split('-').collect();
    if parts.iter().any(|p| p.is_empty() || p.len() > 8 || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let (day, number) = match parts.as_slice() {
        [number] => ("____-__-__".to_owned(), *number),
        [day, number] if day.len() == 4 => {
            let (month, day) = day.split_at_checked(2)?;
            (format!("____-{month}-{day}"), *number)
        }
        [day, number] if day.len() == 8 => {
            let date = Date::strptime("%Y%m%d", day).ok()?;
            (date.to_string(), *number)
        }
        [month, day, number] => (format!("____-{month:0>2}-{day:0>2}"), *number),
        [year, month, day, number] => (format!("{year:0>4}-{month:0>2}-{day:0>2}"), *number),
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(format!("INC-{day}-{number:03}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("INC-2026-11-24-004", Some("INC-2026-11-24-004"))]
    #[case(" inc-2026-11-24-4 ", Some("INC-2026-11-24-004"))]
    #[case("2026-1-4-12", Some("INC-2026-01-04-012"))]
    #[case("1124-004", Some("INC-____-11-24-004"))]
    #[case("11-24-4", Some("INC-____-11-24-004"))]
    #[case("20261124-4", Some("INC-2026-11-24-004"))]
    #[case("004", Some("INC-____-__-__-004"))]
    #[case("#1004", Some("INC-____-__-__-1004"))]
    #[case("", None)]
    #[case("shop/api", None)]
    #[case("INC-%", None)]
    #[case("1-2-3-4-5", None)]
    #[case("99999999999999", None)]
    fn people_may_shorten_the_name_of_an_incident(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(pattern(text).as_deref(), expected);
    }
}
