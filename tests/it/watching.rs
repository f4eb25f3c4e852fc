//! How the bot sees: its picture is held against the cluster, what it cannot see freezes only what depends on it, metrics tell.

use std::time::Duration;

use k8s_monitor::{app::SitePulse, cluster::Kind, sandbox::kubernetes::StreamedLists};

use crate::harness::{
    run_test,
    shop::{a_cluster_with, apply, workload},
};

/// The values of the metrics whose line begins so.
fn values<'a>(metrics: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
    let is_meant =
        |line: &&str| beginnings.iter().any(|beginning| line.starts_with(&format!("k8s_monitor_{beginning}")));
    let mut lines: Vec<&str> =
        metrics.lines().filter(is_meant).map(|line| line.trim_start_matches("k8s_monitor_")).collect();
    // Those of one metric come in any order.
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn metrics_tell_what_is_seen_what_is_wrong_and_how_long_it_took() {
    run_test(async |bot| {
        a_cluster_with(bot, &["shop", "data"]);
        let api = workload(bot, "shop/api");
        apply(bot, &api);
        bot.starts().await?;
        let now = bot.now();
        bot.cluster().apply_all(api.clone().crash_looping(6, false).objects(now));
        bot.settle().await?;
        bot.wait(Duration::from_mins(2)).await?;
        assert!(bot.everything_new("#alerts").await?.contains("api serves nobody"));
        // What is told already is told anew as soon as it changes.
        let now = bot.now();
        bot.cluster().apply_all(api.crash_looping(7, false).objects(now));
        bot.settle().await?;
        assert!(bot.everything_new("#alerts").await?.contains("restarted 7 times"));
        bot.cluster().forbid("watch", Kind::Event, None);
        bot.cluster().cut_watches();
        let is_blind = |kind: Kind| {
            move |pulse: &SitePulse| pulse.watches.iter().any(|(scope, state)| scope.kind == kind && *state == "blind")
        };
        bot.until("events are blind", is_blind(Kind::Event)).await?;
        let metrics = bot.metrics().await?;
        let names: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        insta::assert_snapshot!(names.join("\n"), @"
        k8s_monitor_watch_last_frame_age_seconds gauge
        k8s_monitor_watch_state gauge
        k8s_monitor_watch_connects counter
        k8s_monitor_watch_lists counter
        k8s_monitor_objects gauge
        k8s_monitor_events counter
        k8s_monitor_event_seconds histogram
        k8s_monitor_change_to_outbox_seconds histogram
        k8s_monitor_evaluations counter
        k8s_monitor_evaluation_seconds histogram
        k8s_monitor_incidents_open gauge
        k8s_monitor_outbox_waiting gauge
        k8s_monitor_outbox_dead gauge
        k8s_monitor_outbox_undelivered gauge
        k8s_monitor_outbox_oldest_age_seconds gauge
        k8s_monitor_slack_sockets gauge
        k8s_monitor_standbys gauge
        ");
        let some = [
            "watch_state{cluster=\"production\",kind=\"Pod\"",
            "watch_state{cluster=\"production\",kind=\"Event\"",
            "watch_lists_total{cluster=\"production\",kind=\"Pod\"",
            "objects{cluster=\"production\",kind=\"Pod\"}",
            "incidents_open{",
            "outbox_",
            "slack_sockets",
        ];
        insta::assert_snapshot!(values(&metrics, &some).join("\n"), @r#"
        incidents_open{cluster="production",severity="SEV-1"} 1
        incidents_open{cluster="production",severity="SEV-2"} 0
        incidents_open{cluster="production",severity="SEV-3"} 0
        incidents_open{cluster="production",severity="SEV-4"} 0
        objects{cluster="production",kind="Pod"} 2
        outbox_dead 0
        outbox_oldest_age_seconds 0.0
        outbox_undelivered 0
        outbox_waiting 0
        slack_sockets 2
        watch_lists_total{cluster="production",kind="Pod",reason="start"} 1
        watch_state{cluster="production",kind="Event",namespace="",state="blind"} 1
        watch_state{cluster="production",kind="Pod",namespace="",state="seen"} 1
        "#);
        // Whether a watch that was cut has begun again by now differs.
        let [age] = values(&metrics, &["watch_last_frame_age_seconds{cluster=\"production\",kind=\"Node\""])[..] else {
            panic!("no age")
        };
        assert!(age.ends_with(" 0.0") || age.ends_with(" 120.0"), "{age}");
        // How long something took differs; that it was measured does not.
        for measured in ["event_seconds_count", "change_to_outbox_seconds_count", "evaluations_total", "events_total"] {
            let [line] = values(&metrics, &[measured])[..] else { panic!("{measured} is not told once") };
            assert!(!line.ends_with(" 0"), "{line}");
        }
        bot.cluster().allow("watch", Kind::Event, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_picture_that_is_wrong_is_mended_by_the_next_pass_and_nobody_is_told() {
    run_test(async |bot| {
        a_cluster_with(bot, &["shop", "data"]);
        for name in ["shop/web", "data/db"] {
            let workload = workload(bot, name);
            apply(bot, &workload);
        }
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(values(&bot.metrics().await?, &["drift_objects_total"]), Vec::<&str>::new());
        // No cluster does this: a pod is gone, and no watch was told.
        let app = bot.site()?;
        let pods = app.pulse.borrow().objects[&Kind::Pod];
        let name = bot.cluster().names(Kind::Pod, "shop").remove(0);
        assert!(bot.cluster().lose(Kind::Pod, "shop", &name));
        bot.wait(Duration::from_mins(1)).await?;
        // It could still come: what is known of a watch ends before that.
        assert_eq!(bot.site()?.pulse.borrow().objects[&Kind::Pod], pods);
        bot.cluster().send_bookmarks();
        bot.until("the pod is gone", |pulse| pulse.objects[&Kind::Pod] == pods - 1).await?;
        let metrics = bot.metrics().await?;
        insta::assert_snapshot!(
            values(&metrics, &["drift_objects_total", "watch_lists_total{cluster=\"production\",kind=\"Pod\""]).join("\n"),
            @r#"
        drift_objects_total{cluster="production",kind="Pod"} 1
        watch_lists_total{cluster="production",kind="Pod",reason="drift"} 1
        watch_lists_total{cluster="production",kind="Pod",reason="start"} 1
        "#
        );
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_version_that_expired_is_a_fresh_list_and_no_message() {
    for streams in [StreamedLists::Sent, StreamedLists::Refused] {
        run_test(async |bot| {
            a_cluster_with(bot, &["shop", "data"]);
            bot.cluster().streamed_lists(streams);
            let web = workload(bot, "shop/web").crash_looping(6, false);
            apply(bot, &web);
            bot.starts().await?;
            bot.wait(Duration::from_mins(1)).await?;
            assert!(bot.everything_new("#alerts").await?.contains("web serves nobody"));
            // The API server is away, forgets its changes, and is back with one workload more and one namespace less.
            bot.cluster().stop().await;
            let db = workload(bot, "shop/db");
            apply(bot, &db);
            bot.cluster().delete(Kind::Namespace, "", "data");
            bot.cluster().compact();
            bot.finds_the_cluster().await?;
            bot.wait(Duration::from_mins(6)).await?;
            assert_eq!(bot.everything_new("#alerts").await?, "");
            assert_eq!(bot.site()?.pulse.borrow().objects[&Kind::Deployment], 2);
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn with_roles_in_two_namespaces_one_that_is_taken_away_freezes_only_its_own_incidents() {
    run_test(async |bot| {
        a_cluster_with(bot, &["shop", "data"]);
        bot.set("CLUSTER_NAMESPACES", "shop,data");
        for kind in [Kind::Node, Kind::Namespace] {
            bot.cluster().forbid("watch", kind, None);
            bot.cluster().forbid("list", kind, None);
        }
        let (web, db) = (workload(bot, "shop/web"), workload(bot, "data/db"));
        apply(bot, &web.clone().crash_looping(6, false));
        apply(bot, &db.clone().crash_looping(6, false));
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("web serves nobody") && told.contains("db serves nobody"), "{told}");
        assert!(!told.contains("I do not see"), "what is not meant to be seen is not missed: {told}");
        assert!(bot.cluster().requests().iter().all(|request| !request.starts_with("/api/v1/pods")));

        bot.cluster().forbid("watch", Kind::Pod, Some("data"));
        bot.cluster().forbid("list", Kind::Pod, Some("data"));
        let cluster = bot.cluster();
        let (mut open, asked) = (cluster.open_watches(), cluster.requests().len());
        let watches: usize = open.borrow().values().sum();
        cluster.cut_watches();
        // All of them are asked for anew, and all but one are open again.
        let is_back = |open: &std::collections::BTreeMap<Kind, usize>| {
            open.values().sum::<usize>() == watches - 1 && cluster.requests().len() >= asked + watches
        };
        open.wait_for(is_back).await?;
        bot.until("the pods of data cannot be seen", |pulse| pulse.blind == 1).await?;
        // Off the full minute: how long it lasted is said in minutes.
        bot.wait(Duration::from_secs(20)).await?;
        apply(bot, &db);
        apply(bot, &web);
        // What is blind is not waited for, and with it nothing of that kind; web is what was written last.
        let latest = Kind::ALL.map(|kind| (kind, bot.cluster().latest_version(kind)));
        let is_heard = |pulse: &SitePulse| {
            let is_seen = |kind| pulse.watches.iter().any(|(scope, state)| scope.kind == kind && *state == "seen");
            latest.iter().all(|(kind, version)| !is_seen(*kind) || pulse.positions.get(kind).is_some_and(|at| at >= version))
        };
        bot.until("the new state of web is heard", is_heard).await?;
        bot.wait(Duration::from_mins(8)).await?;
        bot.everything_new("#alerts").await?;
        let mut roots: Vec<String> = bot.workspace().messages("#alerts").into_iter().map(|m| m.text).collect();
        roots.retain(|text| text.contains("INC-") && text.contains("since"));
        let heads: Vec<&str> = roots.iter().filter_map(|text| text.lines().next()).collect();
        insta::assert_snapshot!(heads.join("\n"), @"
        🟠 *SEV-2 · db: CrashLoopBackOff* · INC-2026-11-24-001
        ✅ *Resolved after 3 h 7 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-002
        🟠 *SEV-2 · I do not see everything in production* · INC-2026-11-24-003
        ");
        let blind = roots.iter().find(|text| text.contains("I do not see everything")).cloned().unwrap_or_default();
        insta::assert_snapshot!(blind, @r#"
        🟠 *SEV-2 · I do not see everything in production* · INC-2026-11-24-003
        ▌#a30200
        I cannot read pods in data: what depends on them is unknown, not healthy
        Do: See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need
        ```
        reading pods in data: not allowed to watch pods in namespace data: give the bot's account the verb "watch" on "pods" (ask with `kubectl auth can-i watch pods -n data`)
        ```
        [ Acknowledge ]
        SEV-2 because a part of the cluster is unknown · since 14:02 UTC · seen 14:03 UTC
        "#);

        bot.person("ana").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        let status = bot.next("#alerts").await?.to_string();
        let lines: Vec<&str> = status
            .lines()
            .filter(|line| ["Not seen", "Watching"].iter().any(|b| line.starts_with(b)))
            .collect();
        // Which of the quiet ones said something last is chance.
        let quiet = status.lines().find(|line| line.starts_with("Nothing heard of ")).unwrap_or_default();
        assert!(quiet.ends_with("for 8 min, 34 more"), "{quiet}");
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Not seen: Namespace everywhere since 14:00 UTC (10 min), optional: not allowed to watch namespaces in the whole cluster: give the bot's account the verb "watch" on "namespaces" (ask with `kubectl auth can-i watch namespaces --all-namespaces`)
        Not seen: Node everywhere since 14:00 UTC (10 min), optional: not allowed to watch nodes in the whole cluster: give the bot's account the verb "watch" on "nodes" (ask with `kubectl auth can-i watch nodes --all-namespaces`)
        Not seen: Pod in `data` since 14:02 UTC (8 min): not allowed to watch pods in namespace data: give the bot's account the verb "watch" on "pods" (ask with `kubectl auth can-i watch pods -n data`)
        Watching 23 kinds, the oldest news is 8 min old: 4 Pods, 2 Deployments, 2 Services
        "#);
        bot.cluster().allow("watch", Kind::Pod, Some("data"));
        bot.cluster().allow("list", Kind::Pod, Some("data"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_told_of_a_cluster_before_it_could_be_asked_who_it_is_ends_after_a_restart() {
    run_test(async |bot| {
        a_cluster_with(bot, &["shop", "data"]);
        bot.cluster().stop().await;
        bot.sets_out().await?;
        let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
        bot.until("nothing can be seen", |pulse| pulse.blind == required).await?;
        bot.wait(Duration::from_mins(3)).await?;
        let told = bot.story("#alerts").await?;
        insta::assert_snapshot!(told.lines().nth(1).unwrap_or_default(), @"🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-001");
        bot.stops().await;

        bot.cluster().start_again().await?;
        bot.starts().await?;
        bot.wait(Duration::from_mins(10)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        edited in #alerts: ✅ *Resolved after 8 min · production: everything could be read for 5 min (was SEV-1)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 8 min · production: everything could be read for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}
