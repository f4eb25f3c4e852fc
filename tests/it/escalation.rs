//! Who is called when nobody acknowledges: mentions, another channel, an address and `PagerDuty`, which hears how it goes on.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use k8s_monitor::sandbox::kubernetes::{Workload, deployment, story};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::harness::{BotTester, run_test};

/// Somebody who is called by HTTP: takes down what it hears, and answers as it is told to.
#[derive(Clone, Default)]
struct Called {
    heard: Arc<Mutex<Vec<String>>>,
    /// What `PagerDuty` and the webhook answer.
    refuses: Arc<Mutex<Option<[StatusCode; 2]>>>,
}

impl Called {
    /// Listens; gives its address.
    async fn listen(&self) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let take = async |State(called): State<Self>, Json(body): Json<Value>| called.take(&body);
        let app = Router::new().route("/hook", post(take)).route("/v2/enqueue", post(take)).with_state(self.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        drop(tokio::spawn(async move { axum::serve(listener, app).await }));
        Ok(format!("http://{address}"))
    }

    fn take(&self, body: &Value) -> (StatusCode, &'static str) {
        if let Some([pagerduty, webhook]) = *self.refuses.lock().unwrap() {
            return (if body["event_action"].is_null() { webhook } else { pagerduty }, "<html>busy</html>");
        }
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let said = match body["event_action"].as_str() {
            Some(action) => {
                assert_eq!(body["routing_key"], "key");
                format!("pagerduty: {action} {}", text("/payload/summary"))
            }
            None => format!("webhook: {} {} in {}", text("/severity"), text("/headline"), text("/cluster")),
        };
        self.heard.lock().unwrap().push(said);
        (StatusCode::ACCEPTED, "")
    }

    /// What was heard since this was last asked.
    fn news(&self) -> String {
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap());
        // They are called at once, each on a way of its own.
        heard.sort();
        heard.join("\n")
    }
}

/// `shop/api` (P0), of which nothing is ready.
fn a_broken_shop(bot: &mut BotTester) -> Workload {
    let then = bot.now() - Duration::from_hours(3);
    bot.cluster().apply_all([story::node("node-1", true, Ok(then)), story::namespace("shop", then)]);
    let api = deployment("shop/api", then).replicas(2).crash_looping(6, false);
    let now = bot.now();
    bot.cluster().apply_all(api.objects(now));
    api
}

async fn set_up(bot: &mut BotTester, called: &Called) -> anyhow::Result<Workload> {
    let address = called.listen().await?;
    bot.set("ESCALATION_WEBHOOK_URL", &format!("{address}/hook?token=s3cret"));
    bot.set("PAGERDUTY_ROUTING_KEY", "key");
    bot.set("PAGERDUTY_URL", &address);
    bot.writes(
        "[escalation]\nsteps = [\"10m mention S0123456789\", \"20m channel oncall\", \"30m webhook\", \"30m SEV-1 pagerduty\"]\n",
    );
    bot.workspace().add_channel("oncall", false, true);
    let api = a_broken_shop(bot);
    bot.starts().await?;
    Ok(api)
}

#[tokio::test]
async fn one_after_the_other_is_called_until_somebody_acknowledges() {
    run_test(async |bot| {
        let called = Called::default();
        let api = set_up(bot, &called).await?;
        bot.wait(Duration::from_mins(5)).await?;
        bot.everything_new("#alerts").await?;
        bot.wait(Duration::from_mins(16)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        replied in #alerts, shown in the channel too:
        @subteam^S0123456789 nobody has acknowledged this for 10 min
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        ");
        insta::assert_snapshot!(bot.story("#oncall").await?, @r"
        posted in #oncall:
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
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
        SEV-1 because P0 service: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC
        ");
        assert_eq!(called.news(), "");
        bot.wait(Duration::from_mins(10)).await?;
        insta::assert_snapshot!(called.news(), @"
        pagerduty: trigger SEV-1 production: api serves nobody (INC-2026-11-24-001)
        webhook: SEV-1 api serves nobody in production
        ");

        // The other channel may acknowledge as well; whoever was paged hears of it, and of the end.
        bot.person("ana").runs("/k8s ack 1", "#oncall")?;
        bot.settle().await?;
        insta::assert_snapshot!(called.news(), @"pagerduty: acknowledge");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(bot.story("#oncall").await?, @"
        only for ana in #oncall:
        INC-2026-11-24-001 acknowledged by @ana
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 11:00 UTC (3 h 30 min)
        I stay silent about it until it gets worse or is resolved.

        edited in #oncall: 🔴 *SEV-1 · acknowledged · api serves nobody* · INC-2026-11-24-001

        replied in #oncall:
        Acknowledged by @ana at 14:31 UTC
        ");
        let now = bot.now();
        bot.cluster().apply_all(api.healthy().objects(now));
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(called.news(), @"pagerduty: resolve");
        insta::assert_snapshot!(bot.story("#oncall").await?, @"
        edited in #oncall: ✅ *Resolved after 3 h 36 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001

        replied in #oncall:
        ✅ *Resolved after 3 h 36 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn who_does_not_answer_is_called_again_and_the_address_stays_a_secret() {
    run_test(async |bot| {
        let called = Called::default();
        *called.refuses.lock().unwrap() = Some([StatusCode::SERVICE_UNAVAILABLE; 2]);
        set_up(bot, &called).await?;
        bot.wait(Duration::from_mins(32)).await?;
        bot.everything_new("#alerts").await?;
        bot.everything_new("#oncall").await?;
        assert_eq!(called.news(), "");
        bot.person("ana").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        let status = bot.everything_new("#alerts").await?;
        let of = |line: &&str| line.contains("wait") || line.contains("HTTP");
        // When the next pass is depends on how long the way to here took.
        let told = status.lines().filter(of).map(|line| line.split(" ago) · ").last().unwrap_or_default());
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
        2 messages wait to be sent, the oldest for 2 min
        ⚠ Escalation: PagerDuty answers HTTP 503 Service Unavailable: <html>busy</html>
        ⚠ Escalation: the webhook answers HTTP 503 Service Unavailable: <html>busy</html>
        ");
        assert!(!status.contains("s3cret"), "{status}");

        *called.refuses.lock().unwrap() = None;
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(called.news(), @"
        pagerduty: trigger SEV-1 production: api serves nobody (INC-2026-11-24-001)
        webhook: SEV-1 api serves nobody in production
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_shown_and_who_was_to_be_paged_is_once_it_is_mended() {
    run_test(async |bot| {
        let called = Called::default();
        *called.refuses.lock().unwrap() = Some([StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND]);
        set_up(bot, &called).await?;
        bot.wait(Duration::from_mins(32)).await?;
        bot.everything_new("#alerts").await?;
        bot.everything_new("#oncall").await?;
        bot.person("ana").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        let status = bot.everything_new("#alerts").await?;
        let of_calls = |line: &&str| line.starts_with('⚠');
        insta::assert_snapshot!(status.lines().filter(of_calls).collect::<Vec<_>>().join("\n"), @"
        ⚠ Escalation: PagerDuty answers HTTP 400 Bad Request: <html>busy</html>; see whether escalation.pagerduty_key (PAGERDUTY_ROUTING_KEY) is the key of an Events API v2 integration
        ⚠ Escalation: the webhook answers HTTP 404 Not Found: <html>busy</html>; see whether escalation.webhook_url (ESCALATION_WEBHOOK_URL) is right
        ");
        bot.wait(Duration::from_hours(1)).await?;
        bot.everything_new("#alerts").await?;
        assert_eq!(called.news(), "");

        bot.stops().await;
        *called.refuses.lock().unwrap() = None;
        bot.starts().await?;
        bot.settle().await?;
        insta::assert_snapshot!(called.news(), @"
        pagerduty: trigger SEV-1 production: api serves nobody (INC-2026-11-24-001)
        webhook: SEV-1 api serves nobody in production
        ");
        bot.person("ana").runs("/k8s ack 1", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(called.news(), @"pagerduty: acknowledge");
        bot.everything_new("#alerts").await?;
        bot.everything_new("#oncall").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn who_was_not_reached_before_it_was_over_is_not_paged_for_it() {
    run_test(async |bot| {
        let called = Called::default();
        *called.refuses.lock().unwrap() = Some([StatusCode::SERVICE_UNAVAILABLE; 2]);
        let api = set_up(bot, &called).await?;
        bot.wait(Duration::from_hours(1)).await?;
        let now = bot.now();
        bot.cluster().apply_all(api.healthy().objects(now));
        bot.wait(Duration::from_mins(10)).await?;
        *called.refuses.lock().unwrap() = None;
        bot.wait(Duration::from_mins(10)).await?;
        assert_eq!(called.news(), "");
        bot.everything_new("#alerts").await?;
        bot.everything_new("#oncall").await.map(drop)
    })
    .await;
}
