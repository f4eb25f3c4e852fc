//! How long it takes until another replica has taken over from one that is killed: what broke meanwhile is told, what was asked answered.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_monitor::{clock::Clock, store::Store};
use tokio::time::{Instant, sleep};

use crate::{CLUSTERS, World, signal};

/// How long something may take before it counts as never.
const NEVER: Duration = Duration::from_mins(1);

/// Kills the replica that watches, so many times, and prints when the next one led, answered and told.
pub(crate) async fn measure(world: &mut World, times: usize) -> Result<()> {
    let store = Store::open(world.database.url()).await?;
    for nth in 1..=times {
        world.all_run()?;
        let process = until("somebody watches and another stands by", async || {
            let seated = !store.lease_holders("stand-by ").await?.is_empty();
            Ok(store.lease_holder("bot").await?.filter(|_| seated))
        })
        .await?;
        until("all listen to Slack", async || Ok((world.workspace.sockets().len() >= 4).then_some(()))).await?;
        let sockets = world.workspace.sockets().len();
        let number = process.rsplit_once(": process ").and_then(|(_, of)| of.split(' ').next()?.parse().ok());
        let number: u32 = number.context("a holder without a process")?;

        // It dies in the middle of its work, and nobody shortens what it holds.
        signal(number, "KILL").await?;
        let killed = Instant::now();
        world.buried(number).await?;
        world.breaks(nth % world.workloads.len());
        let said = world.workspace.messages("#alerts").len();
        // The sockets of the dead one are gone: only who stands by can have taken it.
        let envelope = world.workspace.person("ana").runs("/k8s status", "#alerts")?;
        world.workspace.ack_of(&envelope).await?;
        let heard = killed.elapsed();
        until("another one watches", async || Ok(store.lease_holder("bot").await?.filter(|holder| *holder != process)))
            .await?;
        let leads = killed.elapsed();
        until("another one watches every cluster", async || {
            let holders = store.lease_holders("cluster ").await?;
            Ok((holders.len() == CLUSTERS.len() && !holders.contains(&process)).then_some(()))
        })
        .await?;
        let watches = killed.elapsed();
        until("the question is answered", async || {
            let answers = world.workspace.ephemeral_for("ana");
            Ok((answers.iter().filter(|it| it.text.contains("2 clusters, ")).count() >= nth).then_some(()))
        })
        .await?;
        let answered = killed.elapsed();
        until("what broke is told", async || Ok((world.workspace.messages("#alerts").len() > said).then_some(())))
            .await?;
        let told = killed.elapsed();
        let split = world.is_answered_by_every_cluster(&store).await?;
        println!(
            "{nth}: {sockets} sockets open; killed; a command taken in after {:.1} s, another replica sends after {:.1} s and watches every cluster after {:.1} s, the command is answered \
             after {:.1} s, what broke meanwhile is told after {:.1} s; {split}",
            heard.as_secs_f64(),
            leads.as_secs_f64(),
            watches.as_secs_f64(),
            answered.as_secs_f64(),
            told.as_secs_f64()
        );
    }
    store.close().await;
    Ok(())
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(begun.elapsed() < NEVER, "it did not happen that {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

impl World {
    /// One that was killed by its number is not expected to run any more.
    async fn buried(&mut self, number: u32) -> Result<()> {
        for at in (0..self.bots.len()).rev() {
            if let Some(bot) = self.bots.get_mut(at)
                && bot.process.id() == Some(number)
            {
                bot.process.wait().await?;
                self.bots.remove(at);
            }
        }
        Ok(())
    }

    /// Whoever watches a cluster answers what it is asked, also where another process answers people; says who watches what.
    async fn is_answered_by_every_cluster(&self, store: &Store) -> Result<String> {
        let sender = store.lease_holder("bot").await?;
        let mut elsewhere = 0;
        for name in CLUSTERS {
            elsewhere += usize::from(store.lease_holder(&format!("cluster {name}")).await? != sender);
            let before = self.workspace.ephemeral_for("ana").len();
            self.workspace.person("ana").runs(&format!("/k8s analyze shop --cluster {name}"), "#alerts")?;
            until("the cluster answers", async || {
                let answers = self.workspace.ephemeral_for("ana");
                let is_result =
                    |text: &String| text.starts_with(&format!("Cluster *{name}*")) && text.contains("Looked at");
                Ok(answers.iter().skip(before).map(|shown| &shown.text).any(is_result).then_some(()))
            })
            .await?;
        }
        Ok(format!("{elsewhere} of {} clusters watched by another process than the one that sends", CLUSTERS.len()))
    }

    /// A workload that was well serves nobody any more.
    fn breaks(&mut self, at: usize) {
        let now = Clock::System.now();
        let Some(there) = self.workloads.get_mut(at) else { return };
        let after = there.clone().pods_made_anew(now - Duration::from_mins(10)).crash_looping(6, false);
        let edits = after.change_from(Some(there), now);
        *there = after;
        self.changes(at, &edits);
    }
}
