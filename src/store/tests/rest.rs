//! Opening, migrations, passes, history, settings, tidying.

use std::time::Duration;

use super::*;
use crate::cluster::{History, Transition, TransitionKind};

#[tokio::test]
async fn a_restart_finds_what_was_written() {
    let (store, guard) = testing::fresh().await.unwrap();
    store.put("last run", "1").await.unwrap();
    store.put("last run", "2").await.unwrap();
    let incident = opened(&store, "api", at(0)).await;
    store.close().await;
    let store = Store::open(guard.url()).await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.get("last run").await.unwrap().as_deref(), Some("2"));
    assert_eq!(store.get("nothing").await.unwrap(), None);
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), [incident]);
}

#[tokio::test]
async fn a_sqlite_file_and_its_folder_are_created() {
    let folder = tempfile::tempdir().unwrap();
    for (scheme, name) in [("sqlite:", "a b/c/store.db"), ("sqlite://", "d/store.db")] {
        let file = folder.path().join(name);
        let store = Store::open(&format!("{scheme}{}", file.display())).await.unwrap();
        assert!(file.exists(), "{}", file.display());
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.unwrap();
        assert_eq!(mode, "wal");
        store.close().await;
    }
    let store = Store::open("sqlite::memory:").await.unwrap();
    opened(&store, "api", at(0)).await;
    assert_eq!(store.open_incidents(&cluster()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn several_instances_may_start_on_an_empty_database_at_once() {
    let guard = testing::empty().await.unwrap();
    let opened = futures::future::join_all((0..6).map(|_| Store::open(guard.url()))).await;
    for store in opened {
        let store = store.unwrap();
        store.ping().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a database, and long enough that SQLite looks at its header").unwrap();
    let shown = |url: String| async move { Store::open(&url).await.unwrap_err().to_string() };

    insta::assert_snapshot!(shown("mysql://root:secret@db/x".into()).await, @"the database address `mysql://root:***@db/x` cannot be used: it is neither SQLite nor PostgreSQL; write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`");
    insta::assert_snapshot!(shown("sqlite:".into()).await, @"the database address `sqlite:` cannot be used: it names no file; write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`");
    let refused = shown("postgres://bot:secret@127.0.0.1:1/x".into()).await;
    assert!(refused.starts_with("the database `postgres://bot:***@127.0.0.1:1/x` cannot be opened ("), "{refused}");
    assert!(
        refused.ends_with("; check host, port, user, password and the database's name, and that it runs"),
        "{refused}"
    );
    let garbage = shown(format!("sqlite:{}", file.display())).await;
    assert!(garbage.contains("file is not a database"), "{garbage}");
    let below = shown(format!("sqlite:{}/store.db", file.display())).await;
    assert!(below.contains("cannot be created; create it, or make its parent writable"), "{below}");
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let (store, guard) = testing::fresh().await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 999 WHERE version = 1").execute(&store.pool).await.unwrap();
    store.close().await;
    let refused = Store::open(guard.url()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Migrate { .. }), "{refused}");
}

#[tokio::test]
async fn the_last_passes_are_kept_newest_first() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let cycle = |minute: i64, error: Option<&str>| Cycle {
        cluster: cluster(),
        started: at(minute),
        finished: at(minute + 1),
        status: if error.is_some() { "blind" } else { "healthy" }.into(),
        findings: 3,
        alerts: 2,
        incidents_open: 1,
        error: error.map(Into::into),
    };
    for c in [cycle(0, None), cycle(1, Some("forbidden")), cycle(2, None)] {
        store.record_cycle(&c).await.unwrap();
    }
    assert_eq!(store.last_cycles(&cluster(), 2).await.unwrap(), [cycle(2, None), cycle(1, Some("forbidden"))]);
    assert_eq!(store.last_cycles(&ClusterId("c2".into()), 2).await.unwrap(), []);
}

#[tokio::test]
async fn the_history_of_an_owner_is_bounded_and_comes_back() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let transition = |name: &str, minute: i64| Transition {
        owner: owner(name),
        at: at(minute),
        kind: TransitionKind::Restarted { pod: "api-1".into(), container: "app".into(), ended: "OOMKilled".into() },
    };
    let many: Vec<_> = (0..70).map(|i| transition("api", i)).collect();
    store.record_transitions(&cluster(), &many).await.unwrap();
    // Seen once more after a reconnect.
    store.record_transitions(&cluster(), &many[60..]).await.unwrap();
    store.record_transitions(&cluster(), &[transition("web", 5)]).await.unwrap();
    let mut expected = History::default();
    many.iter().cloned().chain([transition("web", 5)]).for_each(|t| expected.record(t));

    assert_eq!(store.load_history(&cluster()).await.unwrap(), expected);
    assert_eq!(store.load_history(&ClusterId("c2".into())).await.unwrap(), History::default());
    store.forget_transitions(&cluster(), &owner("web")).await.unwrap();
    expected.forget(&owner("web"));
    assert_eq!(store.load_history(&cluster()).await.unwrap(), expected);
}

#[tokio::test]
async fn old_rows_are_tidied_and_open_ones_stay() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("sent"), reply("unsent")], at(0)).await.unwrap();
    let row = due(&store, at(0)).await[0].0;
    store.sent(row, "C1", Some("1.0"), at(0)).await.unwrap();
    let done = store.receive("done", "event", "{}", at(0)).await.unwrap().unwrap();
    store.settle(done, None, &[], at(0)).await.unwrap();
    store.receive("open", "event", "{}", at(0)).await.unwrap();

    let day = 24 * 60;
    assert_eq!(store.prune(at(6 * day), Retention::default()).await.unwrap(), Pruned::default());
    assert_eq!(store.prune(at(8 * day), Retention::default()).await.unwrap(), Pruned { inbox: 1, ..Pruned::default() });
    // The root message of an open incident stays, however old.
    assert_eq!(store.prune(at(31 * day), Retention::default()).await.unwrap(), Pruned::default());
    assert_eq!(store.inbox_open().await.unwrap().len(), 1);
    assert_eq!(texts(&due(&store, at(8 * day)).await), ["reply unsent"]);
    assert_eq!(store.root_message(&id, "C1").await.unwrap().as_deref(), Some("1.0"));

    sqlx::query("UPDATE incidents SET status = 'resolved', resolved_ms = $1")
        .bind(millis(at(day)))
        .execute(&store.pool)
        .await
        .unwrap();
    assert_eq!(
        store.prune(at(31 * day), Retention::default()).await.unwrap(),
        Pruned { outbox: 1, ..Pruned::default() }
    );
    assert!(store.incident(&id).await.unwrap().is_some());
    // After a year nothing of it is left, not even what could never be sent.
    assert_eq!(
        store.prune(at(367 * day), Retention::default()).await.unwrap(),
        Pruned { incidents: 1, ..Pruned::default() }
    );
    assert_eq!(store.incident(&id).await.unwrap(), None);
    assert_eq!(due(&store, at(367 * day)).await, []);
}

#[tokio::test]
async fn incidents_and_passes_are_kept_for_as_long_as_is_configured() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let (day, short) = (24 * 60, Retention { incidents: 60, passes: 7 });
    let id = opened(&store, "api", at(0)).await.id;
    resolved(&store, "api", at(day)).await;
    let pass = Cycle {
        cluster: cluster(),
        started: at(0),
        finished: at(0),
        status: "complete".into(),
        findings: 0,
        alerts: 0,
        incidents_open: 0,
        error: None,
    };
    store.record_cycle(&pass).await.unwrap();
    assert_eq!(store.prune(at(6 * day), short).await.unwrap(), Pruned::default());
    assert_eq!(store.prune(at(8 * day), short).await.unwrap(), Pruned { cycles: 1, ..Pruned::default() });
    assert!(store.incident(&id).await.unwrap().is_some());
    assert_eq!(store.prune(at(62 * day), short).await.unwrap(), Pruned { incidents: 1, ..Pruned::default() });
    assert_eq!(store.incident(&id).await.unwrap(), None);
}

#[tokio::test]
async fn the_rows_of_a_cluster_that_was_not_known_become_those_of_the_real_one() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let real = ClusterId("real".into());
    let moved = opened(&store, "api", at(0)).await;
    store.adopt(&cluster(), &real).await.unwrap();
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), []);
    let open = store.open_incidents(&real).await.unwrap();
    assert_eq!((open[0].id.clone(), open[0].cluster.clone()), (moved.id, real.clone()));
    // An owner with an open incident there keeps the one it has.
    let stays = opened(&store, "api", at(1)).await;
    store.adopt(&cluster(), &real).await.unwrap();
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), [stays]);
    assert_eq!(store.open_incidents(&real).await.unwrap().len(), 1);
}

#[tokio::test]
async fn it_is_known_whether_a_cluster_was_ever_seen() {
    let (store, _guard) = testing::fresh().await.unwrap();
    assert!(!store.had_first_picture(&cluster()).await.unwrap());
    for _ in 0..2 {
        store.record_first_picture(&cluster(), at(0)).await.unwrap();
    }
    assert!(store.had_first_picture(&cluster()).await.unwrap());
    // It was seen before it was known which cluster it is.
    let real = ClusterId("real".into());
    store.adopt(&cluster(), &real).await.unwrap();
    assert!(store.had_first_picture(&real).await.unwrap() && !store.had_first_picture(&cluster()).await.unwrap());
    store.record_first_picture(&cluster(), at(0)).await.unwrap();
    store.adopt(&cluster(), &real).await.unwrap();
    assert!(store.had_first_picture(&real).await.unwrap());
}

#[tokio::test]
async fn an_incident_that_cannot_be_read_does_not_hold_up_the_others() {
    let (store, _guard) = testing::fresh().await.unwrap();
    opened(&store, "api", at(0)).await;
    let other = opened(&store, "web", at(0)).await;
    sqlx::query("UPDATE incidents SET body = '{}' WHERE owner_name = 'api'").execute(&store.pool).await.unwrap();
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), [other]);
    sqlx::query("UPDATE incidents SET status = 'resolved', resolved_ms = $1 WHERE owner_name = 'api'")
        .bind(millis(at(1)))
        .execute(&store.pool)
        .await
        .unwrap();
    assert_eq!(store.last_resolved(&cluster(), &owner("api"), at(0)).await.unwrap(), None);
    assert_eq!(opened(&store, "api", at(2)).await.owner, owner("api"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_hold_up_the_others() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("a"), reply("b")], at(0)).await.unwrap();
    sqlx::query("UPDATE outbox SET body = '{}' WHERE kind = 'post'").execute(&store.pool).await.unwrap();
    assert_eq!(due(&store, at(0)).await, []);
    assert_eq!(texts(&due(&store, at(0)).await), ["reply b"]);
    assert_eq!(store.counts().await.unwrap().dead, 1);
}

#[test]
fn the_work_of_the_store_may_move_between_threads() {
    fn sends<T: Send>(_: impl Fn(&Store) -> T) {}
    sends(|store| {
        let store = store.clone();
        async move {
            let id = IncidentId(String::new());
            store.transition(request("api", 1, at(0)), |_, _| None, silent).await?;
            store.update_incident(UpdateRequest { id, fence: 1, now: at(0), inbox: None }, |_| None, silent).await?;
            store.settle(1, None, &[], at(0)).await?;
            store.due(at(0), 1).await?;
            store.prune(at(0), Retention::default()).await?;
            store.record_transitions(&cluster(), &[]).await?;
            store.take_lease("a", "b", Duration::ZERO).await
        }
    });
}

#[tokio::test]
async fn a_copy_is_whole_and_a_file_that_is_damaged_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("sqlite:{}", path(name).display());
    let store = Store::open(&url("store.db")).await.unwrap();
    let first = opened(&store, "api", at(0)).await;
    for n in 0..200 {
        store.put(&format!("setting {n}"), &"x".repeat(500)).await.unwrap();
    }
    store.backup(&path("copy.db")).await.unwrap();
    let again = store.backup(&path("copy.db")).await.unwrap_err().to_string();
    assert!(again.contains("writing a copy of the database"), "{again}");
    opened(&store, "web", at(1)).await;
    store.close().await;

    let copy = Store::open(&url("copy.db")).await.unwrap();
    assert_eq!(copy.open_incidents(&cluster()).await.unwrap(), [first]);
    copy.close().await;

    // A few pages of it are overwritten.
    let mut bytes = std::fs::read(path("copy.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    std::fs::write(path("copy.db"), bytes).unwrap();
    let refused = Store::open(&url("copy.db")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Broken { .. }), "{refused}");
    assert!(refused.to_string().contains("put a backup in its place"), "{refused}");
}

#[tokio::test]
async fn tables_that_are_filled_are_brought_up_to_date_with_everything_in_them() {
    let guard = testing::empty().await.unwrap();
    sqlx::any::install_default_drivers();
    // As the first version left them.
    let mut all: Vec<Migration> = migrations().iter().cloned().collect();
    all.truncate(1);
    let mut url = guard.url().to_owned();
    if let Some(file) = url.strip_prefix("sqlite:") {
        std::fs::create_dir_all(std::path::Path::new(file).parent().unwrap()).unwrap();
        url = format!("{url}?mode=rwc");
    }
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    Migrator::with_migrations(all).run(&mut connection).await.unwrap();
    let body = r#"{"id":"INC-2026-11-24-001","cluster":"c1","owner":{"kind":"Deployment","namespace":"shop","name":"api"},"status":"open",
        "severity":"SEV-2","worst":"SEV-2","peak":"SEV-2","findings":{},"impact":{"ready":0,"desired":2,"services":[]},
        "since":"2026-11-24T14:00:00Z","opened_at":"2026-11-24T14:00:00Z","updated_at":"2026-11-24T14:00:00Z","version":1}"#;
    for statement in [
        "INSERT INTO incidents VALUES ('INC-2026-11-24-001', 'c1', 'Deployment', 'shop', 'api', NULL, 'open', 'SEV-2', 1, 1, NULL, 1, 1, $1)",
        "INSERT INTO messages VALUES ('INC-2026-11-24-001', 'C1', $1)",
        "INSERT INTO settings VALUES ('a', $1)",
        "INSERT INTO inbox VALUES (7, 'e7', 'event', $1, 1, NULL, NULL)",
        "INSERT INTO leases VALUES ('bot', $1, 41, 0)",
    ] {
        sqlx::query(statement).bind(body).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    let store = Store::open(guard.url()).await.unwrap();
    let open = store.open_incidents(&ClusterId("c1".into())).await.unwrap();
    assert_eq!((open.len(), open[0].owner.name.as_str(), open[0].telling.repeats), (1, "api", 0));
    let began = store.beginnings(&ClusterId("c1".into()), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(began.values().flatten().map(|began| began.after_change).collect::<Vec<_>>(), [false]);
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(body));
    assert_eq!(store.silences(&ClusterId("c1".into()), at(0)).await.unwrap(), []);
    let asked = store.inbox_open().await.unwrap();
    assert_eq!((asked.len(), asked[0].body.as_str(), asked[0].cluster.as_str()), (1, body, ""));
    // What was written under the one lease there was can be written again under that of its cluster.
    let right = store.take_lease("cluster c1", "me", Duration::from_mins(1)).await.unwrap().unwrap();
    assert_eq!(right.fence, 42);
    store.close().await;
}
