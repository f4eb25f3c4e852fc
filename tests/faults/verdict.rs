//! What people read in the end, held against what the store knows: one message for each incident, with its last state, nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use k8s_monitor::{
    alerts::message::{Times, root},
    clock::{Clock, Now},
    incidents::Incident,
    sandbox::slack::{Shown, Workspace},
    store::Store,
};

use crate::CLUSTERS;

const CHANNEL: &str = "#alerts";

/// What was found, in a sentence; an error says what is not as it should be (yet).
pub(crate) async fn of(url: &str, workspace: &Workspace) -> Result<String> {
    let store = Store::open(url).await?;
    let found = look(&store, workspace).await;
    store.close().await;
    found
}

async fn look(store: &Store, workspace: &Workspace) -> Result<String> {
    let counts = store.counts().await?;
    ensure!(counts.pending == 0, "{} messages wait", counts.pending);
    ensure!(counts.dead == 0, "{} messages were given up: {:?}", counts.dead, store.outbox_error().await?);
    let mut incidents = Vec::new();
    let mut names = BTreeMap::new();
    for name in CLUSTERS {
        if let Some(id) = store.get(&format!("cluster {name}")).await? {
            names.insert(id, name);
        }
    }
    for cluster in store.clusters().await? {
        incidents.extend(store.recent_incidents(&cluster, jiff::Timestamp::UNIX_EPOCH, 10_000).await?);
    }
    let told: Vec<&Incident> = incidents.iter().filter(|it| it.worst.is_said()).collect();
    ensure!(!told.is_empty(), "nothing was told at all");
    let all = workspace.messages(CHANNEL);
    let threads: Vec<Shown> = all.iter().flat_map(|message| workspace.thread(CHANNEL, &message.ts)).collect();
    let mut replies: BTreeMap<&str, &Shown> = BTreeMap::new();
    for message in &all {
        for reply in threads.iter().filter(|reply| reply.ts != message.ts) {
            if workspace.thread(CHANNEL, &message.ts).iter().any(|it| it.ts == reply.ts) {
                replies.insert(&reply.ts, reply);
            }
        }
    }
    let roots: Vec<&Shown> = all.iter().filter(|message| !replies.contains_key(message.ts.as_str())).collect();
    nothing_twice(roots.iter().copied().chain(replies.values().copied()))?;
    for incident in &told {
        let name = format!("· {}", incident.id);
        let its: Vec<&&Shown> = roots.iter().filter(|root| first_line(&root.text).ends_with(&name)).collect();
        let [only] = its.as_slice() else { bail!("{} has {} messages", incident.id, its.len()) };
        let now = Clock::System.now();
        let cluster = names.get(&incident.cluster.0).copied().unwrap_or_default();
        let expected = root(incident, &Times { now: Now::utc(now), cluster, is_one_of_many: true }).plain();
        ensure!(
            first_line(&only.text) == first_line(&expected),
            "{} says {:?}, and it is {:?}",
            incident.id,
            first_line(&only.text),
            first_line(&expected)
        );
    }
    ensure!(roots.len() == told.len(), "{} messages for {} incidents", roots.len(), told.len());
    Ok(format!(
        "{} incidents, {} messages, {} replies: each once, each as it is",
        told.len(),
        roots.len(),
        replies.len()
    ))
}

/// Every row of the outbox was posted at most once.
fn nothing_twice<'a>(messages: impl Iterator<Item = &'a Shown>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for message in messages {
        let Some(metadata) = &message.metadata else { continue };
        ensure!(seen.insert(metadata.to_string()), "posted twice: {}", first_line(&message.text));
    }
    Ok(())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
