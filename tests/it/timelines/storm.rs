//! Many things break at once without a cause in common: one message that is kept up to date, and a SEV-1 has its own.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::Workload;

use super::{a_cluster, apply, apply_all, workload};
use crate::harness::{BotTester, run_test};

fn shops(bot: &BotTester, many: usize) -> Vec<Workload> {
    (1..=many).map(|n| workload(bot, &format!("shop/web-{n:02}"))).collect()
}

#[tokio::test]
async fn twelve_that_break_at_once_are_one_message_and_a_sev_1_has_its_own() {
    run_test(async |bot| {
        a_cluster(bot);
        let mut shops = shops(bot, 12);
        shops.push(workload(bot, "shop/api"));
        apply_all(bot, shops.clone());
        bot.starts().await?;
        apply_all(bot, shops[..12].iter().map(|shop| shop.clone().crash_looping(6, false)));
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        posted in #alerts:
        🟠 *SEV-2 · production: 12 problems began within minutes* · INC-2026-11-24-001
        ▌#a30200
        🟠 *SEV-2 · web-01 serves nobody* · INC-2026-11-24-002 · Deployment shop/web-01 · since 11:00 UTC
        🟠 *SEV-2 · web-02 serves nobody* · INC-2026-11-24-003 · Deployment shop/web-02 · since 11:00 UTC
        🟠 *SEV-2 · web-03 serves nobody* · INC-2026-11-24-004 · Deployment shop/web-03 · since 11:00 UTC
        🟠 *SEV-2 · web-04 serves nobody* · INC-2026-11-24-005 · Deployment shop/web-04 · since 11:00 UTC
        🟠 *SEV-2 · web-05 serves nobody* · INC-2026-11-24-006 · Deployment shop/web-05 · since 11:00 UTC
        🟠 *SEV-2 · web-06 serves nobody* · INC-2026-11-24-007 · Deployment shop/web-06 · since 11:00 UTC
        🟠 *SEV-2 · web-07 serves nobody* · INC-2026-11-24-008 · Deployment shop/web-07 · since 11:00 UTC
        🟠 *SEV-2 · web-08 serves nobody* · INC-2026-11-24-009 · Deployment shop/web-08 · since 11:00 UTC
        🟠 *SEV-2 · web-09 serves nobody* · INC-2026-11-24-010 · Deployment shop/web-09 · since 11:00 UTC
        🟠 *SEV-2 · web-10 serves nobody* · INC-2026-11-24-011 · Deployment shop/web-10 · since 11:00 UTC
        🟠 *SEV-2 · web-11 serves nobody* · INC-2026-11-24-012 · Deployment shop/web-11 · since 11:00 UTC
        🟠 *SEV-2 · web-12 serves nobody* · INC-2026-11-24-013 · Deployment shop/web-12 · since 11:00 UTC
        This list is kept up to date. A SEV-1 has a message of its own; the others are taken with `/k8s ack` and their name.
        [ Acknowledge ]
        SEV-2 because many problems at once · since 11:00 UTC · seen 14:00 UTC
        ");

        // More come, among them one that is critical.
        apply(bot, &shops[12].clone().crash_looping(6, false));
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-014
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-24c9j -c api --previous
        ```
        Pod shop/api-6g2rghbgk-24c9j container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-24c9j container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-24c9j
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 11:00 UTC · seen 14:02 UTC
        ");

        // A bot that starts anew does not say it again, and the list goes on.
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.person("ana").runs("/k8s ack 2", "#alerts")?;
        bot.settle().await?;
        apply_all(bot, shops[1..].to_vec());
        bot.wait(Duration::from_mins(7)).await?;
        let told = bot.story("#alerts").await?;
        let (_, after) = told.split_once("I stay silent about it").unwrap_or_default();
        insta::assert_snapshot!(after, @"
         until it gets worse or is resolved.

        edited in #alerts: ✅ *Resolved after 3 h 11 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-014

        replied in #alerts:
        ✅ *Resolved after 3 h 11 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-014

        edited in #alerts: 🟠 *SEV-2 · production: 12 problems began within minutes, 11 of them are over* · INC-2026-11-24-001
        ");
        apply(bot, &shops[0]);
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 3 h 18 min · production: all of them are over (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 3 h 18 min · production: all of them are over (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}
