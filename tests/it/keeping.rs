//! The store and who may write to it: a bot that is robbed of it, stopped or cannot write neither loses a word nor repeats one.

use std::time::Duration;

use k8s_monitor::{
    app::Bot,
    clients::kubernetes::ClusterConfig,
    cluster::{ClusterId, Kind},
    sandbox::kubernetes::{CLUSTER_ID, Fault as Slowness},
    store::Store,
};
use tokio_util::sync::CancellationToken;

use crate::harness::{
    run_test,
    shop::{a_cluster, apply, workload},
};

#[tokio::test]
async fn a_bot_whose_store_was_taken_over_stops_and_says_why() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.starts().await?;
        let store = bot.store().await?;
        let place = || ClusterConfig::at("http://127.0.0.1:1", None);
        let refused = Bot::start(bot.configuration()?, vec![place()?], bot.clock().clone()).await.unwrap_err();
        insta::assert_snapshot!(refused, @"another instance holds the store; stop it, or wait 10 s if it crashed");

        rob(bot.bot()?, &store).await?;
        assert!(store.take_lease("bot", "another", Duration::from_secs(1)).await?.is_some());
        bot.clock().advance(Duration::from_secs(5));
        insta::assert_snapshot!(bot.bot()?.ended().await, @"another instance took the store over, because this one did not renew its lease for 10 s");
        bot.stops().await;

        // That one crashes: `run` waits until it loses the store.
        let (stop, config) = (CancellationToken::new(), bot.configuration()?);
        let bot_in_turn = Bot::start_unless(stop, true, config, vec![place()?], bot.clock().clone()).await?;
        assert_ne!(store.lease_holder("bot").await?.as_deref(), Some("another"));
        bot_in_turn.stop().await;
        assert_eq!(store.lease_holder("bot").await?, None);
        store.close().await;
        Ok(())
    })
    .await;
}

/// What the running bot has the right to do runs out.
async fn rob(bot: &Bot, store: &Store) -> anyhow::Result<()> {
    for right in bot.sites().iter().map(|site| site.right()).chain([bot.app().right()]) {
        store.release(&right.lease()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_lease_that_ran_out_while_nobody_looked_is_taken_anew() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        let store = bot.store().await?;
        let before = bot.site()?.fence();
        rob(bot.bot()?, &store).await?;
        bot.wait(Duration::from_secs(15)).await?;
        while bot.site()?.fence() == before {
            tokio::task::yield_now().await;
        }
        apply(bot, &web.clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.site()?.fence(), before + 1);
        store.close().await;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("web serves nobody"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_start_that_fails_lets_the_store_go() {
    run_test(async |bot| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
        bot.set("HTTP_LISTEN", &taken.local_addr()?.to_string());
        let refused = bot.sets_out().await.unwrap_err().to_string();
        assert!(refused.contains("choose another address, or leave it empty"), "{refused}");
        bot.set("HTTP_LISTEN", "127.0.0.1:0");
        bot.starts().await
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_is_stopped_while_the_cluster_hangs_lets_the_store_go() {
    run_test(async |bot| {
        // It takes the connection and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
        let place = ClusterConfig::at(&format!("http://{}", silent.local_addr()?), None)?;
        let stop = CancellationToken::new();
        let starting = Bot::start_unless(stop.clone(), false, bot.configuration()?, vec![place], bot.clock().clone());
        let told = async {
            let store = bot.store().await?;
            while store.lease_holder("bot").await?.is_none() {
                tokio::task::yield_now().await;
            }
            stop.cancel();
            anyhow::Ok(store)
        };
        let (started, store) = tokio::join!(starting, told);
        insta::assert_snapshot!(started.unwrap_err(), @"it was told to stop before it had started");
        let store = store?;
        assert_eq!(store.lease_holder("bot").await?, None, "the next one need not wait");
        store.close().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_part_that_ends_or_panics_stops_the_bot() {
    run_test(async |bot| {
        bot.starts().await?;
        bot.bot()?.app().spawn_vital("the sample", async { panic!("a bug, on purpose") });
        insta::assert_snapshot!(bot.bot()?.ended().await, @"the sample ended by a bug; the lines above say where");
        bot.stops().await;
        bot.starts().await?;
        bot.bot()?.app().spawn_vital("the sample", async {});
        insta::assert_snapshot!(bot.bot()?.ended().await, @"the sample ended, which it never should");
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_answered_while_stopping_was_sent() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.starts().await?;
        for _ in 0..5 {
            bot.person("ana").runs("/k8s status", "#alerts")?;
        }
        bot.workspace().wait_for_acks().await?;
        bot.stops().await;
        let store = bot.store().await?;
        let (open, left) = (store.inbox_open().await?.len(), store.counts().await?.pending);
        store.close().await;
        assert_eq!(left, 0, "what was answered is sent");
        assert_eq!(
            bot.workspace().ephemeral_for("ana").len() + open,
            5,
            "each is answered, or kept for the next start"
        );
        bot.starts().await?;
        assert_eq!(bot.workspace().ephemeral_for("ana").len(), 5);
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_history_that_cannot_be_written_holds_up_no_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.sql("ALTER TABLE transitions RENAME COLUMN at_ms TO gone").await?;
        bot.starts().await?;
        let told = bot.next_message("#alerts").await?;
        assert!(told.contains("web serves nobody"), "{told}");
        bot.sql("ALTER TABLE transitions RENAME COLUMN gone TO at_ms").await?;
        bot.wait(Duration::from_mins(1)).await?;
        let store = bot.store().await?;
        let history = store.load_history(&ClusterId(CLUSTER_ID.into())).await?;
        store.close().await;
        assert_eq!(
            history.owners().map(ToString::to_string).collect::<Vec<_>>(),
            ["Deployment shop/web", "Node node-1"]
        );
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_store_that_fails_is_tried_again_and_one_bad_row_holds_up_nobody_else() {
    run_test(async |bot| {
        a_cluster(bot);
        let (cart, web) = (workload(bot, "shop/cart"), workload(bot, "shop/web"));
        apply(bot, &cart);
        apply(bot, &web);
        bot.starts().await?;
        bot.sql("ALTER TABLE incidents RENAME COLUMN updated_ms TO gone").await?;
        apply(bot, &cart.clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.sql("ALTER TABLE incidents RENAME COLUMN gone TO updated_ms").await?;
        bot.wait(Duration::from_secs(45)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("cart serves nobody"), "{told}");

        bot.sql("UPDATE incidents SET body = '{}'").await?;
        bot.stops().await;
        bot.starts().await?;
        apply(bot, &web.clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("web serves nobody") && !told.contains("cart"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_could_not_be_asked_who_it_is_keeps_its_incidents_when_it_can() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.cluster().stop().await;
        bot.sets_out().await?;
        bot.workspace().wait_for_sockets(2).await?;
        bot.until("every kind was tried", |pulse| pulse.complete).await?;
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.next_message("#alerts").await?;
        assert!(told.contains("I cannot see production"), "{told}");

        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(7)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("Resolved") && !told.contains("posted"), "{told}");
        let store = bot.store().await?;
        let cycles = store.last_cycles(&ClusterId(CLUSTER_ID.into()), 100).await?;
        let mut words: Vec<_> = cycles.iter().rev().map(|cycle| cycle.status.as_str()).collect();
        words.dedup();
        let alerts: u32 = cycles.iter().map(|cycle| cycle.alerts).sum();
        store.close().await;
        assert!(words.ends_with(&["blind", "complete"]), "{words:?}");
        assert_eq!(alerts, 1, "one was posted, the rest were edits and a note in the thread");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_pass_that_was_missed_because_one_still_ran_is_made_up_for_once() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.starts().await?;
        bot.cluster().fault(Some(Slowness::Slow(Duration::from_millis(200))));
        bot.clock().advance(Duration::from_mins(1));
        bot.until("a pass runs", |pulse| pulse.looks == 1).await?;
        bot.clock().advance(Duration::from_secs(200));
        bot.cluster().fault(None);
        bot.settle().await?;
        bot.wait(Duration::from_mins(1)).await?;
        let store = bot.store().await?;
        let cycles = store.last_cycles(&ClusterId(CLUSTER_ID.into()), 10).await?;
        store.close().await;
        let started: Vec<_> = cycles.iter().rev().map(|c| format!("{} {}", c.started, c.status)).collect();
        insta::assert_snapshot!(started.join("\n"), @r"
        2026-11-24T14:00:00Z complete
        2026-11-24T14:01:00Z complete
        2026-11-24T14:04:20Z complete
        2026-11-24T14:05:05Z complete
        ");
        Ok(())
    })
    .await;
}

#[rstest::rstest]
#[case::everything_is_seen(None)]
#[case::something_else_is_not_seen(Some(Kind::DaemonSet))]
#[tokio::test]
async fn what_happened_to_owners_that_are_gone_is_forgotten(#[case] forbidden: Option<Kind>) {
    run_test(async |bot| {
        if let Some(kind) = forbidden {
            bot.cluster().forbid("list", kind, None);
            bot.cluster().forbid("watch", kind, None);
        }
        a_cluster(bot);
        let web = workload(bot, "shop/web").crash_looping(6, false);
        let now = bot.now();
        apply(bot, &web);
        bot.starts().await?;
        for object in web.objects(now) {
            let text = |pointer: &str| object.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            let kind = Kind::from_name(&text("/kind")).unwrap();
            bot.cluster().delete(kind, "shop", &text("/metadata/name"));
        }
        bot.wait(Duration::from_mins(3)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("deleted"), "{told}");
        let store = bot.store().await?;
        let remembered = async || -> anyhow::Result<usize> {
            let history = store.load_history(&ClusterId(CLUSTER_ID.into())).await?;
            Ok(history.owners().filter(|owner| owner.kind != "Node").count())
        };
        assert_eq!(remembered().await?, 1);
        bot.clock().advance(Duration::from_hours(1));
        bot.settle().await?;
        assert_eq!(remembered().await?, 0);
        store.close().await;
        // Of the kind that is not seen.
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}
