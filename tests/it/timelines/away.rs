//! The API server is away: for less than its grace nobody hears of it, for longer it is one SEV-1 and nothing is resolved.

use std::time::Duration;

use super::{a_cluster, apply, steady, workload};
use crate::harness::run_test;

#[tokio::test]
async fn an_outage_shorter_than_its_grace_changes_no_message() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        apply(bot, &web.clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(2)).await?;
        assert!(bot.story("#alerts").await?.contains("web serves nobody"));
        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(1)).await?;
        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");

        // Nor does what is recovering, which has to be seen well anew for its whole hold.
        apply(bot, &web);
        bot.wait(Duration::from_mins(2)).await?;
        assert!(bot.story("#alerts").await?.contains("recovering"));
        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(1)).await?;
        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(4)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 3 h 12 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 3 h 12 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn five_minutes_without_the_api_server_are_one_alert_and_nothing_is_resolved() {
    run_test(async |bot| {
        a_cluster(bot);
        let (web, cart) = (workload(bot, "shop/web"), workload(bot, "shop/cart"));
        apply(bot, &web);
        apply(bot, &cart);
        bot.starts().await?;
        apply(bot, &web.clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(2)).await?;
        bot.story("#alerts").await?;
        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(5)).await?;
        // It healed meanwhile, and another broke: that is told when it is seen.
        apply(bot, &web);
        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(8)).await?;
        let story = bot.story("#alerts").await?;
        insta::assert_snapshot!(steady(bot, &story), @"
        posted in #alerts:
        🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-002
        ▌#a30200
        The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
        Do: See whether the API server runs and whether I can reach it; until then no incident is resolved
        ```
        reading namespaces: https://cluster:6443 ...
        ```
        [ Acknowledge ]
        SEV-1 because nothing is known of the cluster · since 14:02 UTC · seen 14:03 UTC

        edited in #alerts: 🔴 *SEV-1 · recovering · I see production again* · INC-2026-11-24-002

        edited in #alerts: 🟠 *SEV-2 · recovering · web: 2 of 2 ready again* · INC-2026-11-24-001

        edited in #alerts: ✅ *Resolved after 10 min · production: everything could be read for 5 min (was SEV-1)* · INC-2026-11-24-002

        replied in #alerts:
        ✅ *Resolved after 10 min · production: everything could be read for 5 min (was SEV-1)* · INC-2026-11-24-002

        edited in #alerts: ✅ *Resolved after 3 h 11 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 3 h 11 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}
