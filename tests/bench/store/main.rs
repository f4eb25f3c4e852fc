//! Figures of the database, printed and not judged: 1,000 incidents, 10,000 rows of history, and how fast the outbox empties.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use k8s_monitor::{
    alerts::{Message, Outgoing},
    cluster::{ClusterId, ObjectRef, Transition, TransitionKind},
    incidents::{Incident, IncidentId, Severity},
    store::{Store, TransitionRequest, UpdateRequest, testing},
};
use tokio::time::Instant;

const INCIDENTS: usize = 1_000;
const HISTORY: usize = 10_000;
/// About as long as an alert with its evidence.
const TEXT: usize = 1_500;

#[tokio::main]
async fn main() -> Result<()> {
    let (store, guard) = testing::fresh().await?;
    let name = if guard.url().starts_with("sqlite") { "SQLite" } else { "PostgreSQL" };
    println!("{name}, {INCIDENTS} incidents, {HISTORY} rows of history, alerts of {TEXT} bytes");
    let start = Timestamp::UNIX_EPOCH;
    let opened = Box::pin(opens(&store, start)).await?;
    changes(&store, &opened, start).await?;
    remembers(&store, start).await?;
    reads(&store, start).await?;
    empties(&store, start).await?;
    store.close().await;
    Ok(())
}

fn cluster() -> ClusterId {
    ClusterId("c1".into())
}

fn owner(n: usize) -> ObjectRef {
    ObjectRef {
        kind: "Deployment".into(),
        namespace: format!("team-{}", n % 50).into(),
        name: format!("web-{n}").into(),
    }
}

fn message(text: &str) -> Message {
    Message { text: text.repeat(TEXT / text.len()), blocks: Vec::new(), colour: None }
}

/// An incident opens, with its message: one transaction each.
async fn opens(store: &Store, now: Timestamp) -> Result<Vec<IncidentId>> {
    let post = Outgoing::Post { channel: "alerts".to_owned(), message: message("api is down. ") };
    let (mut times, mut ids) = (Times::default(), Vec::new());
    for n in 0..INCIDENTS {
        let request = TransitionRequest { cluster: cluster(), owner: owner(n), fence: 1, now };
        let opening = store.transition(request, |_, _| Some(incident(n, now)), |_, _| vec![post.clone()]);
        let made = times.of(Box::pin(opening)).await?;
        ids.push(made.after.context("no incident was opened")?.id);
    }
    times.print("an incident opens, with its alert");
    Ok(ids)
}

/// Each changes once, and its alert with it.
async fn changes(store: &Store, ids: &[IncidentId], now: Timestamp) -> Result<()> {
    let edit = Outgoing::Edit { channel: "alerts".to_owned(), message: message("api is worse. ") };
    let mut times = Times::default();
    for id in ids {
        let request = UpdateRequest { id: id.clone(), fence: 1, now, inbox: None };
        let later = now + SignedDuration::from_secs(60);
        let step = |it: &Incident| Some(Incident { updated_at: later, severity: Severity::Sev1, ..it.clone() });
        times.of(store.update_incident(request, step, |_, _| vec![edit.clone()])).await?;
    }
    times.print("an incident changes, with its alert");
    Ok(())
}

/// History comes in small pieces, as the watches tell it.
async fn remembers(store: &Store, now: Timestamp) -> Result<()> {
    let all: Vec<Transition> = (0..HISTORY)
        .map(|n| Transition {
            owner: owner(n % INCIDENTS),
            at: now + SignedDuration::from_secs(i64::try_from(n).unwrap_or_default()),
            kind: if n % 2 == 0 { TransitionKind::LostReady } else { TransitionKind::BecameReady },
        })
        .collect();
    let mut times = Times::default();
    for piece in all.chunks(10) {
        times.of(store.record_transitions(&cluster(), piece)).await?;
    }
    times.print("ten transitions are remembered");
    Ok(())
}

/// What a start reads, and what people ask for.
async fn reads(store: &Store, start: Timestamp) -> Result<()> {
    let mut times = Times::default();
    for _ in 0..20 {
        times.of(store.load_history(&cluster())).await?;
    }
    times.print("all history is read (a start)");
    let mut times = Times::default();
    for _ in 0..20 {
        times.of(store.open_incidents(&cluster())).await?;
    }
    times.print("all open incidents are read (a start)");
    let mut times = Times::default();
    for _ in 0..100 {
        times.of(store.counts()).await?;
    }
    times.print("the outbox is counted (a status)");
    let mut times = Times::default();
    for _ in 0..100 {
        times.of(store.recent_incidents(&cluster(), start, 100)).await?;
    }
    times.print("the last 100 incidents are read");
    Ok(())
}

/// As the sender does it without Slack's pace: what is due, given out, marked as sent.
async fn empties(store: &Store, now: Timestamp) -> Result<()> {
    let (mut times, mut sent) = (Times::default(), 0_usize);
    let begun = Instant::now();
    loop {
        let due = store.due(now + SignedDuration::from_mins(5), 100).await?;
        if due.is_empty() {
            break;
        }
        for row in due {
            let (id, ts) = (row.id, format!("{}.0", row.id));
            let one = async {
                let taken = store.take(id, now).await?;
                if taken.is_some() {
                    store.sent(id, "C1", Some(&ts), now).await?;
                }
                Ok::<_, k8s_monitor::store::StoreError>(taken.is_some())
            };
            sent += usize::from(times.of(one).await?);
        }
    }
    let took = begun.elapsed();
    times.print("a message is given out and marked as sent");
    println!(
        "{:<46} {:>8.0} messages a second ({sent} in {:.1} s)",
        "the outbox empties",
        per_second(sent, took),
        took.as_secs_f64()
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn per_second(n: usize, took: Duration) -> f64 {
    n as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// How long each of many took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn of<T, E>(&mut self, what: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let begun = Instant::now();
        let done = what.await;
        self.0.push(begun.elapsed());
        done
    }

    fn print(mut self, what: &str) {
        self.0.sort();
        let at = |hundredths: usize| {
            let last = self.0.len().saturating_sub(1);
            self.0.get(last * hundredths / 100).copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        println!("{what:<46} middle {:>7.2} ms   p99 {:>7.2} ms   ({} times)", at(50), at(99), self.0.len());
    }
}

fn incident(n: usize, now: Timestamp) -> Incident {
    Incident { why: "0 of 2 replicas ready. ".repeat(40), ..testing::an_incident(cluster(), owner(n), now) }
}
