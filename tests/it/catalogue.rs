//! Who matters, while the bot runs: the catalogue of services is read anew when it changes, and what is known of a service counts.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::{Workload, deployment};

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster, apply, becomes, workload},
};

const P1: &str = "[[service]]\nname = \"web\"\nnamespace = \"shop\"\npriority = \"P1\"\n";
const P0: &str = "[[service]]\nname = \"web\"\nnamespace = \"shop\"\npriority = \"P0\"\n";

/// `shop/web`, two replicas, on a node; for hours.
fn a_shop(bot: &mut BotTester) -> Workload {
    a_cluster(bot);
    let web = workload(bot, "shop/web");
    apply(bot, &web);
    web
}

/// What `/k8s status` says of the catalogue.
async fn status(bot: &mut BotTester) -> anyhow::Result<String> {
    bot.person("ana").runs("/k8s status", "#alerts")?;
    bot.settle().await?;
    let folder = bot.folder();
    let all = bot.everything_new("#alerts").await?.replace(&folder, "...");
    let of_services =
        |line: &str| line.split(" · ").filter(|part| part.contains("ervices")).collect::<Vec<_>>().join(" · ");
    Ok(all.lines().map(of_services).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn a_catalogue_that_is_mended_counts_at_once_and_one_that_is_broken_keeps_what_was_read() {
    run_test(async |bot| {
        bot.lists_services(P1)?;
        let web = a_shop(bot);
        bot.starts().await?;
        let broken = web.clone().pods_made_anew(bot.now() - Duration::from_mins(2)).crash_looping(6, false);
        becomes(bot, &web, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.story("#alerts").await?, "", "a P1 service may be down for five minutes");
        insta::assert_snapshot!(status(bot).await?, @"Services: 1 of .../services.toml");

        // A typo: what was read before stays in force, and that is said.
        bot.lists_services("[[service]]\nname = \"web\"\npriorty = \"P0\"\n")?;
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(status(bot).await?, @"
        ⚠ Services: .../services.toml:3: unknown field `priorty`, expected one of `name`, `aliases`, `namespace`, `workloads`, `priority`, `purpose`, `dependencies`, `dependents`, `max_downtime`, `known_issues`, `replicas`, `data_layer`, `health_check`, `ingress`, `repository`, `paths`, `owner`; take it out, or write one of those; the one service that was read before stays in force
        Services: 1 of .../services.toml
        ");

        bot.lists_services(P0)?;
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🔴 *SEV-1 · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (P0)
        Hit: Service shop/web has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 58 min before
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-924xs -c web --previous
        ```
        Pod shop/web-vghrfp76r-924xs container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-924xs container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-924xs
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 13:58 UTC · seen 14:00 UTC · updated 14:02 UTC
        ");
        insta::assert_snapshot!(status(bot).await?, @"Services: 1 of .../services.toml");
        bot.person("ana").runs("/k8s services", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *1 service in the catalogue*
        • P0 *web*: Deployment shop/web
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_known_to_happen_is_told_when_it_takes_longer_than_it_may() {
    run_test(async |bot| {
        bot.lists_services(
            r#"
[[service]]
name = "web"
namespace = "shop"
priority = "P0"
[[service.known_issues]]
text = "has to be unsealed by hand after a restart"
checks = ["not-ready", "crash-loop"]
within = "20m"
"#,
        )?;
        let web = a_shop(bot);
        bot.starts().await?;
        let broken = web.clone().pods_made_anew(bot.now()).crash_looping(6, false);
        becomes(bot, &web, &broken);
        bot.wait(Duration::from_mins(15)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        bot.person("ana").runs("/k8s show 1", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *SEV-4* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 13:59 UTC (15 min)
        • *CrashLoopBackOff*: container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
           _Pod shop/web-vghrfp76r-924xs container web_ (13:59 UTC): ended: Error, exit code 1, ran 3 s, restarted 6 times
           _Pod shop/web-vghrfp76r-924xs container web_: waiting: CrashLoopBackOff: back-off restarting failed container=web
        *How its severity was reached*
        SEV-4 (recorded only) because P0 service: known issue “has to be unsealed by hand after a restart”, within 20 min
        1. Deployment shop/web is P0 by the catalogue of services; service web
        2. 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready, nothing ready since 2026-11-24 13:59:59 UTC
        3. Table: known_issue (A known issue of the catalogue, within its bound), column P0: SEV-4
        *Its life*
        Wrong since 13:59 UTC, seen at 14:00 UTC
        ");
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🔴 *SEV-1 · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (P0)
        Hit: Service shop/web has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-924xs -c web --previous
        ```
        Pod shop/web-vghrfp76r-924xs container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-924xs container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-924xs
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 13:59 UTC · seen 14:00 UTC · updated 14:20 UTC
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_service_that_a_p0_service_needs_is_told_at_once() {
    run_test(async |bot| {
        bot.lists_services(
            r#"
[[service]]
name = "web"
namespace = "shop"
priority = "P2"
dependents = ["frontend"]
[[service]]
name = "frontend"
namespace = "front"
priority = "P0"
"#,
        )?;
        let web = a_shop(bot);
        bot.starts().await?;
        let broken = web.clone().pods_made_anew(bot.now() - Duration::from_mins(2)).crash_looping(6, false);
        becomes(bot, &web, &broken);
        bot.wait(Duration::from_mins(1)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (P2)
        Hit: Service shop/web has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 58 min before
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-924xs -c web --previous
        ```
        Pod shop/web-vghrfp76r-924xs container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-924xs container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-924xs
        ```
        [ Acknowledge ]
        SEV-2 because P2 service, needed by frontend (P0): nothing ready for over 1 min · since 13:58 UTC · seen 14:00 UTC
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn two_p0_services_that_are_degraded_at_once_are_worse_than_each() {
    run_test(async |bot| {
        bot.writes("[severity]\nunserved = \"SEV-2\"\nunserved_too_long = \"SEV-2\"\n");
        bot.lists_services("[[service]]\nname = \"web\"\nnamespace = \"shop\"\npriority = \"P0\"\n[[service]]\nname = \"pay\"\nnamespace = \"shop\"\npriority = \"P0\"\n")?;
        let web = a_shop(bot);
        let pay = deployment("shop/pay", bot.now() - Duration::from_hours(3)).replicas(2);
        let now = bot.now();
        bot.cluster().apply_all(pay.objects(now));
        bot.starts().await?;
        let one = web.clone().pods_made_anew(now).crash_looping(6, false);
        becomes(bot, &web, &one);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (P0)
        Hit: Service shop/web has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-924xs -c web --previous
        ```
        Pod shop/web-vghrfp76r-924xs container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-924xs container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-924xs
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: nothing ready, for less than a minute · since 13:59 UTC · seen 14:00 UTC
        ");
        let two = pay.clone().pods_made_anew(bot.now()).crash_looping(6, false);
        becomes(bot, &pay, &two);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · pay serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container pay ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/pay (P0)
        Hit: Service shop/pay has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 3 h 4 min before
        Do: Read why it ended: kubectl -n shop logs pay-rbppplzkr-26n55 -c pay --previous
        ```
        Pod shop/pay-rbppplzkr-26n55 container pay: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/pay-rbppplzkr-26n55 container pay: waiting: CrashLoopBackOff: back-off restarting failed container=pay
        Event BackOff ×6: Back-off restarting failed container pay in pod pay-rbppplzkr-26n55
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: nothing ready, for less than a minute · since 14:04 UTC · seen 14:05 UTC

        edited in #alerts: 🔴 *SEV-1 · pay serves nobody* · INC-2026-11-24-002

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · pay serves nobody* · INC-2026-11-24-002
        Container pay ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        SEV-1 because 2 P0 services are hit at once: this one, web
        Hit: Service shop/pay has no ready endpoint

        edited in #alerts: 🔴 *SEV-1 · web serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · web serves nobody* · INC-2026-11-24-001
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        SEV-1 because 2 P0 services are hit at once: this one, pay
        Hit: Service shop/web has no ready endpoint
        ");
        Ok(())
    })
    .await;
}

#[test]
fn a_file_that_contradicts_itself_is_not_called_clean() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[[service]]\nname = \"api\"\nnamespace = \"shop\"\npriority = \"P0\"\ndependencies = [\"nope\"]\n";
    std::fs::write(folder.path().join("services.toml"), file).unwrap();
    let dump = r#"{"kind":"List","items":[{"kind":"Namespace","metadata":{"name":"shop","uid":"1"}},
        {"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"api","namespace":"shop","uid":"2"},"spec":{"replicas":1}}]}"#;
    std::fs::write(folder.path().join("dump.json"), dump).unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .current_dir(&folder)
        .env_clear()
        .env("SERVICES_FILE", "services.toml")
        .args(["services", "--from", "dump.json"])
        .output()
        .unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{out}");
    assert!(out.starts_with("services.toml lists 1 service"), "{out}");
    let mend = out.split_once("To mend:\n").map(|(_, mend)| mend);
    assert_eq!(
        mend,
        Some("  services.toml:2: \"api\" depends on \"nope\", which is not listed; list it, or take it out\n"),
        "{out}"
    );
}
