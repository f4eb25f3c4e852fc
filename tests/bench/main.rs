//! Figures, printed and not judged: a real API server full of pods, and what the bot needs to read it and to answer meanwhile.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::indexing_slicing, reason = "fields set in JSON objects that were made a line above")]

mod churn;
mod evaluation;
mod load;
#[path = "../cluster/plane.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod plane;
mod process;

use std::time::Duration;

use anyhow::{Result, bail};
use k8s_monitor::sandbox::slack::{Options, Workspace};
use plane::{ADMIN, Plane};
use process::Bot;
use tokio::time::Instant;

/// What can be asked for.
const FIGURES: [&str; 7] = ["evaluation", "small", "middle", "answers", "first-picture", "churn", "hour"];
/// How often each figure is taken.
const RUNS: usize = 9;

#[tokio::main]
async fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let all = wanted.is_empty();
    let asked = |name: &str| all || wanted.iter().any(|w| w == name);
    if let Some(unknown) = wanted.iter().find(|w| !FIGURES.contains(&w.as_str())) {
        bail!("there is no figure {unknown:?}; there are: {}", FIGURES.join(", "));
    }
    if asked("evaluation") {
        evaluation::evaluation(10_000)?;
    }
    if wanted == ["evaluation"] {
        return Ok(());
    }
    let plane = Plane::bare().await?;
    let mut size = 0;
    if asked("small") {
        size = load::fill(&plane, size, 500).await?;
        first_picture(&plane, size).await?;
    }
    if asked("middle") {
        size = load::fill(&plane, size, 5_000).await?;
        first_picture(&plane, size).await?;
    }
    if asked("answers") {
        size = load::fill(&plane, size, 5_000).await?;
        answers(&plane, size).await?;
    }
    if asked("first-picture") {
        size = load::fill(&plane, size, 10_000).await?;
        first_picture(&plane, size).await?;
    }
    for (name, minutes) in [("churn", 5), ("hour", 60)] {
        // An hour is only waited for if it is asked for.
        if asked(name) && (name == "churn" || !all) {
            size = load::fill(&plane, size, 10_000).await?;
            churn::churn(&plane, size, minutes).await?;
        }
    }
    Ok(())
}

/// From the start of the process to the first complete picture, and what it holds in memory then.
async fn first_picture(plane: &Plane, pods: usize) -> Result<()> {
    let kubeconfig = plane.kubeconfig_file(ADMIN)?;
    println!("\nfirst complete picture of {pods} pods");
    let (mut all_bare, mut all_check, mut all_run) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=RUNS {
        // What comes last finds a server that is busy with what it gave out before: each is last as often.
        let (mut bare, mut check) = (Duration::ZERO, Duration::ZERO);
        if run % 2 == 1 {
            bare = load::bare_read(plane).await?;
            check = process::check(&kubeconfig).await?;
        }
        let started = Instant::now();
        let mut bot = Bot::start(&kubeconfig, None, "")?;
        bot.is_ready().await?;
        let took = started.elapsed();
        let (now, peak) = bot.memory()?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (later, _) = bot.memory()?;
        bot.stop().await?;
        if run % 2 == 0 {
            check = process::check(&kubeconfig).await?;
            bare = load::bare_read(plane).await?;
        }
        let order = if run % 2 == 1 { "client, check, run" } else { "run, check, client" };
        println!(
            "  run {run} ({order}): {:.2} s, `check` {:.2} s (a bare client reads the same kinds in {:.2} s); resident {now} MiB then, {peak} MiB at most, {later} MiB after 30 s",
            took.as_secs_f64(),
            check.as_secs_f64(),
            bare.as_secs_f64(),
        );
        all_bare.push(bare);
        all_check.push(check);
        all_run.push(took);
    }
    // Each read doubles the server's heap, and whom its garbage collector meets waits a second longer: a single pair says little.
    for all in [&mut all_bare, &mut all_check, &mut all_run] {
        all.sort_unstable();
    }
    for (word, at) in [("least", 0), ("middle", RUNS / 2)] {
        let of = |all: &[Duration]| all.get(at).map_or(0.0, Duration::as_secs_f64);
        let bare = of(&all_bare);
        println!(
            "  {word} of each: run {:.2} s ({:.2} times the bare client), `check` {:.2} s ({:.2} times)",
            of(&all_run),
            of(&all_run) / bare,
            of(&all_check),
            of(&all_check) / bare,
        );
    }
    Ok(())
}

/// `/k8s status` from the moment it is typed, while the bot reads the cluster for the first time.
async fn answers(plane: &Plane, pods: usize) -> Result<()> {
    let kubeconfig = plane.kubeconfig_file(ADMIN)?;
    println!("\n/k8s status while {pods} pods are being listed");
    let (mut acks, mut answers) = (Vec::new(), Vec::new());
    for _ in 1..=RUNS {
        let workspace = Workspace::start(Options { patience: Duration::from_mins(1), ..Options::default() }).await?;
        let bot = Bot::start(&kubeconfig, Some(&workspace.base_url()), "")?;
        workspace.wait_for_sockets(1).await?;
        loop {
            let seen = workspace.ephemeral_for("ana").len();
            let typed = Instant::now();
            let envelope = workspace.person("ana").runs("/k8s status", "#alerts")?;
            let ack = workspace.ack_of(&envelope).await?.latency;
            while workspace.ephemeral_for("ana").len() == seen {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if typed.elapsed() > Duration::from_mins(1) {
                    bail!("no answer within a minute");
                }
            }
            let answer = typed.elapsed();
            // What was answered after the last list is not what is asked for.
            if bot.was_ready().await {
                break;
            }
            acks.push(ack);
            answers.push(answer);
        }
        bot.stop().await?;
    }
    anyhow::ensure!(!acks.is_empty(), "nothing was answered while the bot listed");
    say("acknowledged", &mut acks);
    say("first visible answer", &mut answers);
    Ok(())
}

/// Least, middle and most of a figure.
fn say(what: &str, samples: &mut [Duration]) {
    samples.sort();
    let millis = |at: usize| samples.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
    println!(
        "  {what}: {:.0} ms at least, {:.0} ms in the middle, {:.0} ms at 99 of 100, {:.0} ms at most ({} samples)",
        millis(0),
        millis(samples.len() / 2),
        millis(samples.len() * 99 / 100),
        millis(samples.len().saturating_sub(1)),
        samples.len()
    );
}
