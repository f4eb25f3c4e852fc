//! A large cluster that changes fifty times a second: what the bot needs for it, and how soon a workload that breaks is told.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use k8s_monitor::{
    clock::Clock,
    sandbox::slack::{Options, Workspace},
};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tokio::time::Instant;

use crate::{
    load,
    plane::{ADMIN, Plane},
    process::Bot,
    say,
};

/// Changes of a second.
const PER_SECOND: u64 = 50;
/// A workload breaks after so many changes.
const BREAKS_EVERY: u64 = 100;
/// So many breaks later it is well again.
const MENDED_AFTER: u64 = 30;
/// How long a row of the outbox is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Without waiting for company, and with everything as important as can be: what breaks is told at once.
const CONFIG: &str = "[alerts]\nfirst_post_wait = \"0s\"\nstorm_from = 1000\n[priorities]\nP0 = [\"team-*/*\"]\n";

/// Churns for that long; prints memory and processor time by the minute, and how soon a row of the outbox followed a change.
pub(crate) async fn churn(plane: &Plane, pods: usize, minutes: u64) -> Result<()> {
    let workspace = Workspace::start(Options { patience: Duration::from_mins(1), ..Options::default() }).await?;
    let mut bot = Bot::start(&plane.kubeconfig_file(ADMIN)?, Some(&workspace.base_url()), CONFIG)?;
    bot.is_ready().await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    println!("\n{PER_SECOND} changes a second in a cluster of {pods} pods, for {minutes} min");
    let mut told = Vec::new();
    let mut untold = 0;
    let mut database = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", bot.database().display())).await?;
    for minute in 1..=minutes {
        let mut rows = Vec::new();
        let (used, started) = (bot.processor()?, Instant::now());
        let from = (minute - 1) * 60 * PER_SECOND;
        let changes = stream::iter(from..from + 60 * PER_SECOND).map(|n| async move {
            tokio::time::sleep_until(
                started + Duration::from_secs(1) * u32::try_from(n - from)? / u32::try_from(PER_SECOND)?,
            )
            .await;
            if n % BREAKS_EVERY == 0 {
                breaks(plane, n, pods).await.map(Some)
            } else if n % BREAKS_EVERY == BREAKS_EVERY / 2 && n / BREAKS_EVERY >= MENDED_AFTER {
                is_mended(plane, n, pods).await.map(|()| None)
            } else {
                changes(plane, n, pods).await.map(|()| None)
            }
        });
        let mut changes = changes.buffered(64);
        while let Some(changed) = changes.next().await {
            if let Some(broken) = changed? {
                match row_of(&mut database, &broken).await? {
                    Some(took) => rows.push(took),
                    None => untold += 1,
                }
            }
        }
        let busy = bot.processor()?.saturating_sub(used).as_secs_f64() / started.elapsed().as_secs_f64();
        let (now, peak) = bot.memory()?;
        println!(
            "  minute {minute}: {now} MiB resident ({peak} MiB at most since its start), {:.1} % of a core, {} rows after {} ms at most",
            busy * 100.0,
            rows.len(),
            rows.iter().max().map_or(0, Duration::as_millis),
        );
        told.extend(rows);
    }
    ensure!(!told.is_empty(), "nothing was told");
    say("from the change at the API server to a row of the outbox", &mut told);
    if untold > 0 {
        println!("  {untold} changes had no row of their own within {} s", PATIENCE.as_secs());
    }
    bot.stop().await?;
    Ok(())
}

/// What happens all the time and is no trouble: pods and Deployments report, nodes say that they live, events are written.
async fn changes(plane: &Plane, n: u64, pods: usize) -> Result<()> {
    let now = Clock::System.now();
    let (workload, replica) = load::nth(usize::try_from(n)?.wrapping_mul(7919) % pods);
    let (namespace, app) = (load::namespace(workload), load::app(workload));
    let pod = format!("/api/v1/namespaces/{namespace}/pods/{app}-1-{replica}");
    match n % 10 {
        0..6 => drop(plane.patch(&format!("{pod}/status"), &json!({"status": {"startTime": now}})).await?),
        6 | 7 => {
            let node = load::node_of(workload, replica);
            let beat = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Kubelet", "message": "as the kubelet says it",
                "lastTransitionTime": "2026-03-01T12:00:00Z", "lastHeartbeatTime": now}]}});
            drop(plane.patch(&format!("/api/v1/nodes/{node}/status"), &beat).await?);
        }
        8 => {
            let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{app}/status");
            drop(plane.patch(&deployment, &json!({"status": {"observedGeneration": 1 + n}})).await?);
        }
        _ => {
            let event = json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": format!("{app}.{n:x}"), "namespace": namespace},
                "involvedObject": {"kind": "Pod", "namespace": namespace, "name": format!("{app}-1-{replica}")}, "type": "Normal",
                "reason": "Pulled", "message": "Container image is already present on the machine", "count": 1, "firstTimestamp": now, "lastTimestamp": now});
            drop(plane.create(&event).await?);
        }
    }
    Ok(())
}

/// A workload that broke.
struct Broken {
    namespace: String,
    app: String,
    /// When it did, by the answer of the API server.
    at: Timestamp,
}

/// The workload whose turn it is to break.
fn breaking(turn: u64, pods: usize) -> Result<(String, String)> {
    let workload = usize::try_from(turn)?.wrapping_mul(31) % (pods / load::REPLICAS);
    Ok((load::namespace(workload), load::app(workload)))
}

/// A pod begins to crash.
async fn breaks(plane: &Plane, n: u64, pods: usize) -> Result<Broken> {
    let (namespace, app) = breaking(n / BREAKS_EVERY, pods)?;
    let now = Clock::System.now();
    let status: Value = json!({"status": {"containerStatuses": [{
        "name": "app", "image": "registry.example/load/app:1.4.2", "imageID": "registry.example/load/app@sha256:0", "ready": false, "started": false,
        "restartCount": 3 + n / BREAKS_EVERY, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now}},
    }]}});
    plane.patch(&format!("/api/v1/namespaces/{namespace}/pods/{app}-1-0/status"), &status).await?;
    Ok(Broken { namespace, app, at: Clock::System.now() })
}

/// A pod that crashed runs again.
async fn is_mended(plane: &Plane, n: u64, pods: usize) -> Result<()> {
    let (namespace, app) = breaking(n / BREAKS_EVERY - MENDED_AFTER, pods)?;
    let status: Value = json!({"status": {"containerStatuses": [{
        "name": "app", "image": "registry.example/load/app:1.4.2", "imageID": "registry.example/load/app@sha256:0", "ready": true, "started": true,
        "restartCount": 4 + n / BREAKS_EVERY, "state": {"running": {"startedAt": Clock::System.now()}}, "lastState": {},
    }]}});
    plane.patch(&format!("/api/v1/namespaces/{namespace}/pods/{app}-1-0/status"), &status).await?;
    Ok(())
}

/// How long after it broke the first row of the outbox about it was made; None if there was none in time.
async fn row_of(database: &mut SqliteConnection, broken: &Broken) -> Result<Option<Duration>> {
    const ROW: &str = "SELECT MIN(outbox.created_ms) FROM outbox JOIN incidents ON incidents.id = outbox.incident_id \
        WHERE incidents.namespace = ? AND incidents.owner_name = ? AND outbox.created_ms >= ?";
    let started = Instant::now();
    let at = broken.at;
    while started.elapsed() < PATIENCE {
        let row = sqlx::query(ROW)
            .bind(&broken.namespace)
            .bind(&broken.app)
            // The answer of the API server may come after the bot heard of it.
            .bind(at.as_millisecond() - 1000)
            .fetch_one(&mut *database)
            .await?;
        if let Some(made) = row.try_get::<Option<i64>, _>(0).context("a row without a time")? {
            let took = made.saturating_sub(at.as_millisecond()).max(0);
            return Ok(Some(Duration::from_millis(u64::try_from(took).unwrap_or(0))));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(None)
}
