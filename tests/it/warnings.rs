//! What can wait: it is told once, in business hours, all that is new in one message.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::Workload;

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster_with, apply, crashes, workload},
};

/// Workloads of P2 in the namespace `lab`, on a node; well for hours.
fn a_lab(bot: &mut BotTester, names: &[&str]) -> Vec<Workload> {
    a_cluster_with(bot, &["lab"]);
    let lab: Vec<_> = names.iter().map(|name| workload(bot, &format!("lab/{name}"))).collect();
    for workload in &lab {
        apply(bot, workload);
    }
    lab
}

const P2: &str = "[[service]]\nname = \"lab\"\nnamespace = \"lab\"\npriority = \"P2\"\nworkloads = [\"*\"]\n";

#[tokio::test]
async fn warnings_are_collected_and_told_once_and_nothing_of_them_is_said_at_night() {
    run_test(async |bot| {
        bot.lists_services(P2)?;
        // It is three o'clock in the afternoon in Berlin.
        bot.set("MONITORING_TIMEZONE", "Europe/Berlin");
        let lab = a_lab(bot, &["a", "b", "c"]);
        bot.starts().await?;
        crashes(bot, &lab[0]);
        bot.wait(Duration::from_mins(10)).await?;
        crashes(bot, &lab[1]);
        assert_eq!(bot.story("#alerts").await?, "");
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟡 *production: 2 warnings*
        ▌#e8c547
        • *a serves nobody* · INC-2026-11-24-001 · Deployment lab/a (P2) · since 14:50 CET
           container a ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        • *b serves nobody* · INC-2026-11-24-002 · Deployment lab/b (P2) · since 15:00 CET
           container b ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        These can wait, and are told once. `/k8s show` and the name of one says more; `/k8s incidents` lists what is still open.
        ");

        // After five it waits for the next day; a restart forgets nothing.
        bot.wait(Duration::from_hours(3)).await?;
        let third = crashes(bot, &lab[2]);
        bot.wait(Duration::from_mins(30)).await?;
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_hours(12)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        bot.wait(Duration::from_hours(3)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟡 *production: 1 warning*
        ▌#e8c547
        • *c serves nobody* · INC-2026-11-24-003 · Deployment lab/c (P2) · since 2026-11-24 18:06 CET
           container c ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        These can wait, and are told once. `/k8s show` and the name of one says more; `/k8s incidents` lists what is still open.
        ");

        // What is over by itself is not told, and what comes back after it was told is no news.
        let healed = third.clone().healthy();
        let changes = healed.change_from(Some(&third), bot.now());
        bot.cluster().play(&changes);
        bot.wait(Duration::from_mins(20)).await?;
        crashes(bot, &healed);
        bot.wait(Duration::from_mins(40)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_warning_that_gets_worse_is_told_at_once_and_one_that_somebody_takes_care_of_is_not() {
    run_test(async |bot| {
        bot.lists_services(P2)?;
        let lab = a_lab(bot, &["a", "b"]);
        bot.starts().await?;
        crashes(bot, &lab[0]);
        crashes(bot, &lab[1]);
        bot.settle().await?;
        bot.wait(Duration::from_mins(1)).await?;
        bot.person("ana").runs("/k8s incidents", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *2 incidents open*
        • *SEV-3* INC-2026-11-24-001 · Deployment lab/a · CrashLoopBackOff · 0 of 2 replicas ready, Service lab/a has 0 of 2 endpoints ready · since 13:50 UTC (10 min)
        • *SEV-3* INC-2026-11-24-002 · Deployment lab/b · CrashLoopBackOff · 0 of 2 replicas ready, Service lab/b has 0 of 2 endpoints ready · since 13:50 UTC (10 min)
        ");
        bot.person("ana").runs("/k8s ack 1", "#alerts")?;
        bot.settle().await?;
        bot.everything_new("#alerts").await?;
        bot.lists_services(&P2.replace("[\"*\"]", "[\"a\"]"))?;
        bot.wait(Duration::from_mins(20)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · b serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container b ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment lab/b (unlisted)
        Hit: Service lab/b has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 50 min before
        Do: Read why it ended: kubectl -n lab logs b-8wl4qp8md-nt2jg -c b --previous
        ```
        Pod lab/b-8wl4qp8md-nt2jg container b: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod lab/b-8wl4qp8md-nt2jg container b: waiting: CrashLoopBackOff: back-off restarting failed container=b
        Event BackOff ×6: Back-off restarting failed container b in pod b-8wl4qp8md-nt2jg
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 13:50 UTC · seen 14:00 UTC · updated 14:01 UTC
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_warning_that_somebody_took_care_of_and_that_gets_worse_is_nobodys_again_and_calls() {
    run_test(async |bot| {
        bot.lists_services(P2)?;
        bot.writes("[escalation]\nsteps = [\"10m mention S0123456789\"]\n");
        let lab = a_lab(bot, &["a"]);
        bot.starts().await?;
        crashes(bot, &lab[0]);
        bot.wait(Duration::from_mins(1)).await?;
        bot.person("ana").runs("/k8s ack 1 it can wait until tomorrow", "#alerts")?;
        bot.settle().await?;
        bot.everything_new("#alerts").await?;
        bot.wait(Duration::from_mins(30)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        bot.lists_services(&P2.replace("P2", "P0"))?;
        bot.wait(Duration::from_mins(12)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🔴 *SEV-1 · a serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container a ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment lab/a (P0)
        Hit: Service lab/a has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 50 min before
        Do: Read why it ended: kubectl -n lab logs a-jnf9vt8rl-mvln7 -c a --previous
        ```
        Pod lab/a-jnf9vt8rl-mvln7 container a: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod lab/a-jnf9vt8rl-mvln7 container a: waiting: CrashLoopBackOff: back-off restarting failed container=a
        Event BackOff ×6: Back-off restarting failed container a in pod a-jnf9vt8rl-mvln7
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 13:50 UTC · seen 14:00 UTC · updated 14:31 UTC

        replied in #alerts:
        @ana acknowledged it at 14:01 UTC, before this: it is not acknowledged any more

        replied in #alerts, shown in the channel too:
        @subteam^S0123456789 nobody has acknowledged this for 10 min
        🔴 *SEV-1 · a serves nobody* · INC-2026-11-24-001
        Container a ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        ");
        Ok(())
    })
    .await;
}
