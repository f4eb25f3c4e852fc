//! Figures of GitHub, printed and not judged: what an incident costs there, and how soon its alert names the commit, in real time.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod world;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_monitor::sandbox::slack::Seen;
use tokio::time::Instant;

use world::World;

/// How long GitHub thinks about each request.
const DELAY: Duration = Duration::from_millis(100);
/// So many services break, one after the other; each costs an incident that is asked about for the first time, and one that was asked
/// about just before.
const SERVICES: usize = 5;

/// What one incident cost.
struct Cost {
    requests: Vec<String>,
    /// From its alert to the edit that names the commit; nothing if the alert named it at once.
    named_after: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    println!("{SERVICES} services, {} ms per request to GitHub", DELAY.as_millis());
    for (is_code_known, what) in [(false, "the image's repository is not known"), (true, "and what is in the image")] {
        let mut world = World::start(DELAY, SERVICES, is_code_known).await?;
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for service in 0..SERVICES {
            cold.push(breaks(&mut world, &format!("web-{service}")).await?);
            warm.push(breaks(&mut world, &format!("worker-{service}")).await?);
        }
        println!("{what}:");
        print("asked for the first time", &cold, 6);
        print("asked just before", &warm, 2);
        world.stop().await;
    }
    Ok(())
}

/// A new version of a workload crashes; what that cost by the time its alert names the commit.
async fn breaks(world: &mut World, name: &str) -> Result<Cost> {
    drop(world.forge.requests());
    world.breaks(name);
    let mut posted: Option<(String, Instant)> = None;
    loop {
        let seen = world.workspace.next_in("#alerts").await.with_context(|| format!("{name}: {posted:?}"))?;
        let now = Instant::now();
        if posted.is_none()
            && matches!(seen, Seen::Posted { .. })
            && seen.text().contains(&format!("Deployment shop/{name} "))
        {
            posted = Some((seen.ts().to_owned(), now));
        }
        let Some((ts, at)) = &posted else { continue };
        // A change that another alert tells of in full is named by that.
        let is_named = |line: &str| line.starts_with("Commit: ") || line.starts_with("What changed: the same as in");
        if seen.ts() == ts && seen.text().lines().any(is_named) {
            let named_after = now.duration_since(*at);
            let requests = world.forge.requests();
            ensure!(!requests.is_empty(), "{name}: GitHub was not asked");
            world.mends().await;
            return Ok(Cost { requests, named_after });
        }
    }
}

fn print(what: &str, costs: &[Cost], limit: usize) {
    let mut counts: Vec<usize> = costs.iter().map(|it| it.requests.len()).collect();
    counts.sort_unstable();
    let unchanged: usize = costs.iter().flat_map(|it| &it.requests).filter(|it| it.ends_with(" 304")).count();
    let all: usize = counts.iter().sum();
    println!(
        "  {what}: {} requests in the middle, {} at most (limit {limit}); {unchanged} of {all} answered by 304",
        middle(&counts).copied().unwrap_or_default(),
        counts.last().copied().unwrap_or_default(),
    );
    let mut times: Vec<Duration> = costs.iter().map(|it| it.named_after).collect();
    times.sort_unstable();
    println!(
        "    the commit is named {} ms after the alert in the middle, {} ms at most (limit 2000)",
        middle(&times).map_or(0, Duration::as_millis),
        times.last().map_or(0, Duration::as_millis),
    );
    let most = costs.iter().max_by_key(|it| it.requests.len());
    println!("    the most: {}", most.map(|it| it.requests.join(", ")).unwrap_or_default());
}

fn middle<T>(sorted: &[T]) -> Option<&T> {
    sorted.get(sorted.len() / 2)
}
