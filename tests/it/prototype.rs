//! What the Python prototype promised and got wrong: its ten reproduced failures, and the situations it described, as people see them now.

use std::time::Duration;

use k8s_monitor::{
    cluster::Kind,
    sandbox::{
        kubernetes::{Fault as OfCluster, Workload, deployment, stateful_set, story},
        slack::Fault,
    },
};
use rstest::rstest;
use serde_json::json;

use crate::harness::{BotTester, run_test, shop::HOURS};

/// A catalogue in the prototype's own format.
const OUTLINE: &str = "\
Services of the homelab

1. Business (P0 - Business Critical)
  1.1 orders
    - Namespace: orders
    - Max Downtime: 0 minutes (business critical)
    - Replicas: 2 (HA enabled)
    - Known Issues:
      - Slow startup: up to 5-6 minutes
  1.2 pay
    - Namespace: pay
    - Max Downtime: 0 minutes (money)
    - Replicas: 2 (HA enabled)
---
2. Base (P1 - Infrastructure Dependencies)
  2.1 vault
    - Namespace: vault
    - Max Downtime: 30 minutes (somebody has to unseal it)
    - Known Issues:
      - Needs manual unseal after restart
  2.2 tokens
    - Namespace: tokens
    - Max Downtime: 5-15 minutes (they live as long)
---
3. Rest (P2-P3)
  3.1 wiki
    - Namespace: wiki
4. Common patterns
  4.1 GitOps
    - Repo: acme/gitops";

const SERVICES: [&str; 5] = ["orders", "pay", "vault", "tokens", "wiki"];

/// A service as it is when it is well.
fn service(bot: &BotTester, name: &str) -> Workload {
    let then = bot.now() - HOURS;
    let of = format!("{name}/{name}");
    if name == "vault" { stateful_set(&of, then).replicas(1) } else { deployment(&of, then).replicas(2) }
}

/// What is wrong with one.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// All pods crash.
    Down,
    /// The node of one of its two pods does not report.
    HalfGone,
    /// Its pods are new, and none is ready.
    NotReady,
    /// Its pods were restarted, and run.
    Restarted,
}
use Trouble::{Down, HalfGone, NotReady, Restarted};

fn goes_wrong(bot: &mut BotTester, name: &str, trouble: Trouble) {
    let now = bot.now();
    let before = service(bot, name);
    let after = match trouble {
        Down => before.clone().pods_made_anew(now - Duration::from_mins(1)).crash_looping(6, false),
        // It is as good as gone, and one of the pods with it.
        HalfGone => {
            bot.cluster().apply(story::node("node-2", false, Ok(now)));
            before.clone().lost_node("node-2", now)
        }
        NotReady => before.clone().pods_made_anew(now).not_ready(),
        Restarted => before.clone().recovered(9, now - Duration::from_mins(30)),
    };
    let edits = after.change_from(Some(&before), now);
    bot.cluster().play(&edits);
}

/// All services of the catalogue, and the bot with it.
async fn starts(bot: &mut BotTester) -> anyhow::Result<()> {
    bot.lists_services_in("services.txt", OUTLINE)?;
    let (now, then) = (bot.now(), bot.now() - HOURS);
    bot.cluster().apply(story::node("node-1", true, Ok(then)));
    for name in SERVICES {
        bot.cluster().apply(story::namespace(name, then));
        let objects = service(bot, name).objects(now);
        bot.cluster().apply_all(objects);
    }
    bot.starts().await
}

/// The first line of each message of the channel, as it is now.
async fn headlines(bot: &mut BotTester) -> anyhow::Result<String> {
    bot.everything_new("#alerts").await?;
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    Ok(bot.workspace().messages("#alerts").iter().map(|shown| first(&shown.text)).collect::<Vec<_>>().join("\n"))
}

/// What is described in its severity rules: which services are in which trouble for how many minutes, and what is in the channel.
#[rstest]
#[case::all_pods_of_a_p0_service(&[("orders", Down)], 2, "🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001")]
#[case::a_p0_service_that_still_serves(&[("pay", HalfGone)], 4, "🟠 *SEV-2 · pay is degraded: 1 of 2 ready* · INC-2026-11-24-001")]
#[case::several_p0_services_at_once(&[("orders", Down), ("pay", HalfGone)], 8, "🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001\n🔴 *SEV-1 · pay is degraded: 1 of 2 ready* · INC-2026-11-24-002")]
#[case::a_p1_service_for_less_than_it_may(&[("tokens", Down)], 3, "")]
#[case::a_p1_service_for_longer_than_it_may(&[("tokens", Down)], 5, "🟠 *SEV-2 · tokens serves nobody* · INC-2026-11-24-001")]
#[case::a_minor_service_is_a_warning_in_business_hours(&[("wiki", Down)], 30, "🟡 *production: 1 warning*")]
#[case::a_sealed_vault_is_known(&[("vault", NotReady)], 29, "")]
#[case::a_vault_that_nobody_unseals(&[("vault", NotReady)], 31, "🟠 *SEV-2 · vault serves nobody* · INC-2026-11-24-001")]
#[case::a_slow_start_beside_a_pod_that_serves(&[("orders", HalfGone)], 5, "")]
#[case::a_start_that_is_too_slow(&[("orders", HalfGone)], 7, "🟠 *SEV-2 · orders is degraded: 1 of 2 ready* · INC-2026-11-24-001")]
#[case::a_slow_start_of_all_pods_is_an_outage(&[("orders", NotReady)], 5, "🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001")]
#[case::pods_that_were_restarted_and_run(&[("orders", Restarted), ("pay", Restarted)], 60, "")]
#[tokio::test]
async fn what_its_rules_describe_is_told_as_they_say(
    #[case] troubles: &'static [(&'static str, Trouble)],
    #[case] minutes: u64,
    #[case] expected: &str,
) {
    run_test(async |bot| {
        starts(bot).await?;
        for (name, trouble) in troubles {
            goes_wrong(bot, name, *trouble);
        }
        bot.wait(Duration::from_mins(minutes)).await?;
        assert_eq!(headlines(bot).await?, expected);
        Ok(())
    })
    .await;
}

/// 1. A cluster that did not answer was called healthy, because nothing bad was in an empty text.
#[tokio::test]
async fn a_cluster_that_does_not_answer_is_never_called_healthy() {
    run_test(async |bot| {
        starts(bot).await?;
        insta::assert_snapshot!(bot.asks("/k8s status").await?.lines().nth(1).unwrap_or_default(), @"🟢 *production: healthy.* No incident is open.");
        bot.loses_the_cluster().await?;
        insta::assert_snapshot!(bot.asks("/k8s status").await?.lines().nth(1).unwrap_or_default(), @"⚪ *production: I cannot say.* No incident is open, but I do not see everything.");
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(headlines(bot).await?, @"🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-001");
        bot.finds_the_cluster().await?;
        insta::assert_snapshot!(headlines(bot).await?, @"🔴 *SEV-1 · recovering · I see production again* · INC-2026-11-24-001");
        Ok(())
    })
    .await;
}

/// 2, 3. An answer in another form than was expected (a table, JSON) became no finding, so an outage was reported as health.
#[tokio::test]
async fn an_answer_in_another_form_is_blindness_not_health() {
    run_test(async |bot| {
        starts(bot).await?;
        bot.cluster().fault(Some(OfCluster::Html));
        bot.cluster().cut_watches();
        let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
        bot.until("nothing can be read", |pulse| pulse.blind == required).await?;
        bot.wait(Duration::from_mins(3)).await?;
        insta::assert_snapshot!(headlines(bot).await?, @"🔴 *SEV-1 · I cannot see production: its API gives no usable answer* · INC-2026-11-24-001");
        bot.cluster().fault(None);
        bot.until("everything can be read", |pulse| pulse.blind == 0).await?;
        bot.settle().await?;
        assert!(headlines(bot).await?.contains("recovering"));
        Ok(())
    })
    .await;
}

/// 4 to 7. Words in the text decided: a healthy service beside the word P0 was a finding, the first SEV-n that was written counted,
/// `NOTIFY: NO` was not understood, and the services that were hit were guessed from the advice.
#[tokio::test]
async fn words_that_a_pod_or_an_event_writes_decide_nothing() {
    run_test(async |bot| {
        starts(bot).await?;
        let loud = "CRITICAL P0 SEV-1: everything is down. Affected services: pay, wiki. NOTIFY: YES";
        let quiet = "Considering SEV-1 first, final: SEV-4, known issue. NOTIFY: NO. No critical issues detected.";
        let now = bot.now();
        for (name, words) in [("wiki", loud), ("orders", quiet)] {
            let pod = service(bot, name).pod_names().remove(0);
            bot.cluster().apply(json!({
                "kind": "Event", "apiVersion": "v1", "type": "Warning", "reason": "Unhealthy", "message": words,
                "metadata": {"name": format!("{pod}.words"), "namespace": name, "uid": format!("{name}-words")},
                "involvedObject": {"kind": "Pod", "namespace": name, "name": pod},
                "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(), "count": 1,
            }));
        }
        bot.wait(Duration::from_mins(5)).await?;
        assert_eq!(headlines(bot).await?, "", "a pod that is ready is well, whatever is said of it");
        goes_wrong(bot, "orders", Down);
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(headlines(bot).await?, @"🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001");
        let all = bot.workspace().messages("#alerts");
        let facts = all.first().map(|shown| shown.text.clone()).unwrap_or_default();
        insta::assert_snapshot!(facts.lines().filter(|line| line.starts_with("Hit:") || line.contains("of 2 replicas")).collect::<Vec<_>>().join("\n"), @r"
        0 of 2 replicas ready · Deployment orders/orders (P0)
        Hit: Service orders/orders has no ready endpoint
        ");
        Ok(())
    })
    .await;
}

/// 8, 9. Four passes with the same outage were four alerts, and the history knew of one pass and no trend.
#[tokio::test]
async fn four_hours_of_the_same_outage_are_one_message_and_the_history_knows_all_of_it() {
    run_test(async |bot| {
        bot.set("MONITORING_INTERVAL_MINUTES", "60");
        starts(bot).await?;
        goes_wrong(bot, "orders", Down);
        bot.wait(Duration::from_hours(4)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?.lines().filter(|line| line.contains("SEV-1") || line.ends_with(':')).collect::<Vec<_>>().join("\n"), @r"
        posted in #alerts:
        🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001
        SEV-1 because P0 service: nothing ready for over 1 min · since 13:59 UTC · seen 14:02 UTC
        replied in #alerts, shown in the channel too:
        🔴 *Still wrong after 3 h 2 min: SEV-1 · orders serves nobody* · INC-2026-11-24-001
        ");
        assert_eq!(headlines(bot).await?.lines().count(), 2, "the message, and the reply that is shown in the channel");
        insta::assert_snapshot!(bot.asks("/k8s history orders").await?, @r"
        only for ana in #alerts:
        *In the last 7 days something was wrong once, with 1 service or workload, for 4 h in all.*
        • *orders* (P0): once, 4 h in all, SEV-1 at worst · last 3 h 58 min ago
        ");
        Ok(())
    })
    .await;
}

/// 10. A token that Slack refused lost the alert, and nothing was written down.
#[tokio::test]
async fn an_alert_that_slack_refuses_four_times_is_posted_when_the_token_is_mended() {
    run_test(async |bot| {
        bot.may_be_refused();
        starts(bot).await?;
        for _ in 0..4 {
            bot.workspace().fail_next("chat.postMessage", Fault::Refused("invalid_auth".to_owned()));
        }
        goes_wrong(bot, "orders", Down);
        bot.wait(Duration::from_mins(10)).await?;
        assert_eq!(bot.workspace().count("chat.postMessage"), 5, "four refusals and the one that was taken");
        insta::assert_snapshot!(headlines(bot).await?, @"🔴 *SEV-1 · orders serves nobody* · INC-2026-11-24-001");
        Ok(())
    })
    .await;
}
