//! Who may do what only one may do: leases by the database's clock, with a fencing number that grows with each new holder.

use std::time::Duration;

use sqlx::AnyConnection;

use super::{Dialect, Store, StoreError, clean};

/// The right to do something that only one may do, until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What for.
    pub name: String,
    /// Who holds it; a name of the running process, so a restarted one has another.
    pub holder: String,
    /// Grows with each new holder; rows written under a greater one refuse a smaller.
    pub fence: i64,
}

/// The present in milliseconds by the database's clock: the one expression that differs between the two.
macro_rules! now_ms {
    (sqlite) => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
    (postgres) => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}

macro_rules! take {
    ($db:ident) => {
        concat!(
            // Each number is greater than all before it, whatever the name: a cluster may have gone by another one.
            "INSERT INTO leases (name, holder, fence, expires_ms) VALUES ",
            "($1, $2, (SELECT COALESCE(MAX(fence), 0) + 1 FROM leases), ",
            now_ms!($db),
            " + $3) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms, ",
            "fence = CASE WHEN leases.holder = excluded.holder AND leases.expires_ms > ",
            now_ms!($db),
            " THEN leases.fence ELSE (SELECT MAX(fence) + 1 FROM leases) END ",
            "WHERE leases.holder = excluded.holder OR leases.expires_ms <= ",
            now_ms!($db),
            " RETURNING fence"
        )
    };
}

macro_rules! renew {
    ($db:ident) => {
        concat!(
            "UPDATE leases SET expires_ms = ",
            now_ms!($db),
            " + $4 WHERE name = $1 AND holder = $2 AND fence = $3 AND expires_ms > ",
            now_ms!($db)
        )
    };
}

macro_rules! holder {
    ($db:ident) => {
        concat!("SELECT holder FROM leases WHERE name = $1 AND expires_ms > ", now_ms!($db))
    };
}

macro_rules! holders {
    ($db:ident) => {
        concat!("SELECT holder FROM leases WHERE name LIKE $1 AND expires_ms > ", now_ms!($db), " ORDER BY name")
    };
}

macro_rules! holds {
    ($db:ident) => {
        concat!(
            "SELECT fence FROM leases WHERE name = $1 AND holder = $2 AND fence = $3 AND expires_ms > ",
            now_ms!($db)
        )
    };
}

impl Store {
    /// Whether a lease is still held by whom it was given to.
    pub async fn holds(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.once("asking whether a lease is still held", async {
            let mut connection = self.pool.acquire().await?;
            Ok(self.holds_in(&mut connection, lease).await?)
        })
        .await
    }

    /// The same; nobody else can take it before the transaction ends.
    pub(super) async fn holds_in(&self, tx: &mut AnyConnection, lease: &Lease) -> Result<bool, sqlx::Error> {
        let sql = match self.dialect {
            // The transaction has the whole file.
            Dialect::Sqlite => holds!(sqlite),
            Dialect::Postgres => concat!(holds!(postgres), " FOR UPDATE"),
        };
        let (name, holder) = (clean(&lease.name), clean(&lease.holder));
        let held = sqlx::query_scalar::<_, i64>(sql).bind(&*name).bind(&*holder).bind(lease.fence);
        Ok(held.fetch_optional(tx).await?.is_some())
    }

    /// Who holds a lease now.
    pub async fn lease_holder(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = match self.dialect {
            Dialect::Sqlite => holder!(sqlite),
            Dialect::Postgres => holder!(postgres),
        };
        self.once("asking who holds a lease", async {
            Ok(sqlx::query_scalar(sql).bind(&*clean(name)).fetch_optional(&self.pool).await?)
        })
        .await
    }

    /// Who holds the leases whose names begin so, in the order of the names. `prefix` is ours: plain letters.
    pub async fn lease_holders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let sql = match self.dialect {
            Dialect::Sqlite => holders!(sqlite),
            Dialect::Postgres => holders!(postgres),
        };
        self.once("asking who holds leases", async {
            Ok(sqlx::query_scalar(sql).bind(format!("{}%", clean(prefix))).fetch_all(&self.pool).await?)
        })
        .await
    }

    /// Takes a lease for `ttl`. None while another holds it. Who holds it already keeps it, with the same number.
    pub async fn take_lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let sql = match self.dialect {
            Dialect::Sqlite => take!(sqlite),
            Dialect::Postgres => take!(postgres),
        };
        let fence = self
            .again("taking a lease", |_| async move {
                let (name, holder) = (clean(name), clean(holder));
                let taken = sqlx::query_scalar::<_, i64>(sql).bind(&*name).bind(&*holder).bind(length(ttl));
                Ok(taken.fetch_optional(&self.pool).await?)
            })
            .await?;
        Ok(fence.map(|fence| Lease { name: name.to_owned(), holder: holder.to_owned(), fence }))
    }

    /// Holds a lease for another `ttl`. False if it expired or is held by another: then nothing may be done under it.
    pub async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let sql = match self.dialect {
            Dialect::Sqlite => renew!(sqlite),
            Dialect::Postgres => renew!(postgres),
        };
        self.again("renewing a lease", |_| async move {
            let done = sqlx::query(sql)
                .bind(&*clean(&lease.name))
                .bind(&*clean(&lease.holder))
                .bind(lease.fence)
                .bind(length(ttl))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Gives a lease back. The row stays, so that its number goes on growing.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.again("giving a lease back", |_| async move {
            sqlx::query("UPDATE leases SET expires_ms = 0 WHERE name = $1 AND holder = $2 AND fence = $3")
                .bind(&*clean(&lease.name))
                .bind(&*clean(&lease.holder))
                .bind(lease.fence)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}

fn length(ttl: Duration) -> i64 {
    // A year is for ever here, and far from an overflow.
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).min(31_536_000_000)
}
