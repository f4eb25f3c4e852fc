//! How long the rules take, without any server: one change, and everything.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_monitor::{
    clock::Clock,
    cluster::{ClusterIndex, Dump, Fact, History, Kind, Visibility},
    findings::{Look, Settings, Verdict, judge, judge_all},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::load;

/// How many changes are timed.
const CHANGES: usize = 2_000;
/// How often everything is evaluated.
const RUNS: usize = 5;

/// Times the evaluation of one change and of everything in a cluster of so many pods.
pub(crate) fn evaluation(pods: usize) -> Result<()> {
    let now = Clock::System.now();
    let mut index = ClusterIndex::default();
    for kind in Kind::ALL {
        index.sight_mut().set(kind, None, Visibility::Seen(now));
    }
    let objects = load::everything(pods);
    let ready: Vec<&Value> = objects.iter().filter(|object| object["kind"] == "Pod").collect();
    let history = History::default();
    for fact in facts(&objects)? {
        index.apply(fact, now);
    }
    let look =
        Look { index: &index, history: &history, now, no_grace: false, settings: &Settings::DEFAULT, known: None };
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        let judgements = judge_all(&look);
        all.push(started.elapsed());
        let wrong = judgements.iter().filter(|j| matches!(j.verdict, Verdict::Wrong(_))).count();
        ensure!(wrong == 0, "{wrong} of a healthy cluster are wrong");
    }
    let mut changes = Vec::new();
    let every = ready.len() / CHANGES.min(ready.len());
    for (n, pod) in ready.iter().step_by(every.max(1)).enumerate() {
        let mut unready = (*pod).clone();
        unready["metadata"]["resourceVersion"] = json!((10_000_000 + n).to_string());
        unready["status"]["conditions"][3]["status"] = json!("False");
        unready["status"]["containerStatuses"][0]["ready"] = json!(false);
        for fact in facts(&[unready])? {
            let started = Instant::now();
            let touched = index.apply(fact, now);
            let look = Look {
                index: &index,
                history: &history,
                now,
                no_grace: false,
                settings: &Settings::DEFAULT,
                known: None,
            };
            let judged = touched.owners.iter().flat_map(|owner| judge(owner, &look)).count();
            changes.push(started.elapsed());
            ensure!(judged > 0, "nothing was judged");
        }
    }
    all.sort();
    changes.sort();
    let micros = |of: Option<&Duration>| of.map_or(0.0, |took| took.as_secs_f64() * 1e6);
    println!("\nevaluation of {pods} pods, without any server");
    println!(
        "  everything: {:.0} ms at least, {:.0} ms at most",
        micros(all.first()) / 1000.0,
        micros(all.last()) / 1000.0
    );
    println!(
        "  one change, taken in and evaluated: {:.0} us in the middle, {:.0} us at 99 of 100, {:.0} us at most ({} samples)",
        micros(changes.get(changes.len() / 2)),
        micros(changes.get(changes.len() * 99 / 100)),
        micros(changes.last()),
        changes.len()
    );
    Ok(())
}

fn facts(objects: &[Value]) -> Result<Vec<Fact>> {
    let list = json!({"kind": "List", "apiVersion": "v1", "items": objects}).to_string();
    let dump = Dump::read(&[("load", list)]);
    ensure!(dump.problems.is_empty(), "{:?}", dump.problems);
    Ok(dump.facts)
}
