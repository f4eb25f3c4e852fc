//! `history`, `explain` and `backup` as programs: they read what the bot has stored, of the cluster that is named, and make no database.

use std::{path::Path, process::Command};

use k8s_monitor::{
    clock::Clock,
    cluster::{ClusterId, ObjectRef},
    store::{Cycle, Store, TransitionRequest, testing},
};

/// Exit code, output and complaints of a run in that folder, where two clusters are configured.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .current_dir(folder)
        .env_clear()
        .env("CLUSTERS", "home,edge")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder.display().to_string(), "FOLDER");
    (ended.status.code().unwrap(), text(ended.stdout), text(ended.stderr))
}

/// The database of a bot that watched two clusters; of the second one an incident.
async fn a_database(folder: &Path) -> anyhow::Result<()> {
    let store = Store::open(&format!("sqlite:{}", folder.join("k8s-monitor.db").display())).await?;
    let now = Clock::System.now();
    for (name, id) in [("home", "uid-home"), ("edge", "uid-edge")] {
        store.put(&format!("cluster {name}"), id).await?;
        let cycle = Cycle {
            cluster: ClusterId(id.into()),
            started: now,
            finished: now,
            status: "complete".into(),
            findings: 0,
            alerts: 0,
            incidents_open: 0,
            error: None,
        };
        store.record_cycle(&cycle).await?;
    }
    let cluster = ClusterId("uid-edge".into());
    let owner = ObjectRef { kind: "Deployment".into(), namespace: "shop".into(), name: "api".into() };
    let request = TransitionRequest { cluster: cluster.clone(), owner: owner.clone(), fence: 1, now };
    let opened = |_: Option<&_>, _: Option<&_>| Some(testing::an_incident(cluster.clone(), owner.clone(), now));
    store.transition(request, opened, |_, _| Vec::new()).await?;
    store.close().await;
    Ok(())
}

#[test]
fn where_there_is_no_database_none_is_made_and_nothing_is_said_to_be_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    for arguments in [&["backup", "copy.db"][..], &["history"], &["explain", "1"]] {
        let (code, out, err) = run(&folder, arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(err, @r#"error: there is no database "FOLDER/k8s-monitor.db" (`sqlite:k8s-monitor.db`); start this where the bot is started, or set DATABASE_URL to the file of the bot"#);
        }
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn a_copy_of_what_is_there_is_written_and_is_of_all_clusters() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().canonicalize()?;
    a_database(&folder).await?;
    let (code, _, err) = run(&folder, &["--cluster", "edge", "backup", "copy.db"]);
    assert_eq!((code, folder.join("copy.db").exists()), (2, false));
    insta::assert_snapshot!(err, @r#"error: a backup is of the whole database, not only of the cluster "edge"; leave --cluster out"#);
    let (code, _, err) = run(&folder, &["backup", "copy.db"]);
    assert_eq!((code, folder.join("copy.db").exists()), (0, true), "{err}");
    Ok(())
}

#[tokio::test]
async fn the_past_of_the_cluster_that_is_named_is_told_and_of_no_other() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().canonicalize()?;
    a_database(&folder).await?;
    let clusters = |arguments: &[&str]| -> Vec<String> {
        let (code, out, err) = run(&folder, arguments);
        assert_eq!((code, err.as_str()), (0, ""));
        out.lines().filter(|line| line.starts_with("Cluster")).map(str::to_owned).collect()
    };
    assert_eq!(clusters(&["history"]), ["Cluster edge", "Cluster home"]);
    assert_eq!(clusters(&["--cluster", "edge", "history"]), ["Cluster edge"]);
    assert_eq!(clusters(&["history", "--cluster", "HOME"]), ["Cluster home"]);
    for (wanted, arguments) in [("nope", &["history"][..]), ("hmoe", &["history"]), ("nope", &["explain", "1"])] {
        let (code, out, err) = run(&folder, &[&["--cluster", wanted], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""));
        let said = if wanted == "nope" {
            "error: nothing is stored of a cluster \"nope\"; stored are edge, home\n"
        } else {
            "error: nothing is stored of a cluster \"hmoe\"; did you mean home?\n"
        };
        assert_eq!(err, said);
    }

    let (code, out, _) = run(&folder, &["--cluster", "edge", "explain", "1"]);
    assert!(code == 0 && out.contains("Deployment shop/api"), "{out}");
    let (code, out, err) = run(&folder, &["--cluster", "home", "explain", "1"]);
    assert_eq!((code, out.as_str()), (2, ""));
    let said = err.split_once(" is of").map(|(_, said)| said);
    assert_eq!(said, Some(" the cluster edge, not of home; leave --cluster out, or name that one\n"));
    Ok(())
}
