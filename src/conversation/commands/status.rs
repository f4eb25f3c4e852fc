//! `/k8s status`: what is broken, what cannot be seen, and how the bot itself is.

use std::collections::BTreeSet;

use super::{Answer, Command, analyze};
use crate::{
    clock::Now,
    cluster::{Kind, Meter},
    conversation::{
        reply,
        standing::{ClusterStanding, Standing, WatchStanding},
    },
    incidents::{Incident, IncidentId, Severity, digest::is_digest},
};

/// Incidents shown before the rest is counted.
const SHOWN: usize = 10;
/// Watches of which nothing was heard that are named before the rest is counted.
const SHOWN_OLD: usize = 5;

/// The command.
pub const COMMAND: Command = Command {
    word: "status",
    aliases: &["state", "health"],
    usage: "/k8s status",
    help: "open incidents, what I cannot see, the last pass, and how I am",
    examples: &["/k8s status"],
    run,
};

fn run(_rest: &str, standing: &Standing) -> Answer {
    let now = standing.present();
    let mut lines = Vec::new();
    if standing.clusters.is_empty() {
        lines.push("*No cluster is watched*: nothing can be said about health.".to_owned());
    }
    if standing.clusters.len() > 1 {
        lines.extend(compared(standing));
    } else {
        lines.extend(standing.clusters.iter().flat_map(|cluster| cluster_lines(cluster, now)));
    }
    lines.push(bot_line(standing));
    lines.extend(standing.parts.iter().flat_map(|part| {
        let trouble = |why: &String| format!("⚠ {}: {}", reply::escape(&part.name), reply::quote(why, 500));
        part.troubles.iter().map(trouble)
    }));
    lines.extend(standing.parts.iter().filter_map(|p| {
        p.state
            .as_ref()
            .err()
            .map(|without| format!("Not configured: {} ({})", reply::escape(&p.name), reply::escape(without)))
    }));
    let configured: Vec<_> = standing
        .parts
        .iter()
        .filter_map(|p| {
            p.state.as_ref().ok().map(|with| format!("{}: {}", reply::escape(&p.name), reply::escape(with)))
        })
        .collect();
    if !configured.is_empty() {
        lines.push(configured.join(" · "));
    }
    Answer::Say(reply::say(&lines))
}

/// Several clusters, the worst first: how each is in a line, its incidents, and what cannot be seen; the rest is told of one at
/// a time.
fn compared(standing: &Standing) -> Vec<String> {
    let now = standing.present();
    let mut all: Vec<&ClusterStanding> = standing.clusters.iter().collect();
    all.sort_by_key(|cluster| {
        let worst = own(cluster).first().map(|incident| incident.severity);
        (worst.is_none(), worst, sees_everything(cluster))
    });
    let healthy = all.iter().filter(|cluster| own(cluster).is_empty() && sees_everything(cluster)).count();
    let mut lines = vec![format!("*{} clusters, {healthy} healthy*", all.len())];
    for cluster in all {
        let oldest = cluster.watches.iter().map(|watch| watch.heard).min();
        let news = oldest.map(|oldest| format!("the oldest news is {} old", reply::span(oldest, now)));
        let process = cluster.elsewhere.as_ref().map(|process| format!("watched by {}", reply::escape(process)));
        lines.push([Some(head(cluster)), news, process].into_iter().flatten().collect::<Vec<_>>().join(" · "));
        lines.extend(incident_lines(cluster, now));
        lines.extend(unseen_lines(cluster, now));
    }
    lines.push("`/k8s status --cluster` and a name says more of one.".to_owned());
    lines
}

fn cluster_lines(cluster: &ClusterStanding, now: Now<'_>) -> Vec<String> {
    let mut lines = vec![head(cluster)];
    lines.extend(incident_lines(cluster, now));
    lines.extend(unseen_lines(cluster, now));
    if let Some(process) = &cluster.elsewhere {
        lines.push(format!("Watched by {}", reply::escape(process)));
    }
    lines.extend(watching_lines(cluster, now));
    lines.push(match cluster.cycles.first() {
        None => "No pass was finished yet".to_owned(),
        Some(last) => {
            let millis = last.took.as_millis();
            format!(
                "Last pass {} ago: {}, {}, {}, {}.{} s",
                reply::span(last.at, now),
                reply::escape(&last.status),
                reply::count(last.findings, "finding", "findings"),
                reply::count(last.alerts, "alert", "alerts"),
                millis / 1000,
                millis % 1000 / 100
            )
        }
    });
    lines
}

/// Whether everything of it is seen that is needed to call it healthy.
fn sees_everything(cluster: &ClusterStanding) -> bool {
    cluster.unwatched.is_none() && cluster.complete && !is_blind(cluster)
}

fn is_blind(cluster: &ClusterStanding) -> bool {
    cluster.blind.iter().any(|blind| blind.required)
}

/// The open incident from which another follows.
fn cause_of<'a>(cluster: &'a ClusterStanding, of: &Incident) -> Option<&'a IncidentId> {
    let is_cause = |it: &&Incident| it.is_open() && !is_digest(&it.owner) && of.symptom_of.as_ref() == Some(&it.owner);
    cluster.incidents.iter().find(is_cause).map(|cause| &cause.id)
}

/// The open incidents that follow from no other, the worst first. A digest is the list of what stands here one by one.
fn own(cluster: &ClusterStanding) -> Vec<&Incident> {
    let is_own = |it: &&Incident| it.is_open() && !is_digest(&it.owner) && cause_of(cluster, it).is_none();
    let mut own: Vec<&Incident> = cluster.incidents.iter().filter(is_own).collect();
    own.sort_by(|a, b| (a.severity, a.since, &a.id).cmp(&(b.severity, b.since, &b.id)));
    own
}

/// How it is, in a line.
fn head(cluster: &ClusterStanding) -> String {
    let name = reply::escape(&cluster.name);
    let open = own(cluster);
    let blind = is_blind(cluster);
    match (open.first(), &cluster.unwatched) {
        (Some(worst), unwatched) => {
            let mark = if worst.severity == Severity::Sev1 { "🔴" } else { "🟠" };
            let blind = match unwatched {
                Some(why) => format!(", and {}", reply::quote(why, 200)),
                None if blind => ", and I do not see everything".to_owned(),
                None => String::new(),
            };
            format!("{mark} *{name}: {}*{blind}", reply::count(open.len(), "open incident", "open incidents"))
        }
        (None, Some(why)) => format!("⚪ *{name}: I cannot say.* No incident is open, but {}.", reply::quote(why, 200)),
        (None, None) if blind => {
            format!("⚪ *{name}: I cannot say.* No incident is open, but I do not see everything.")
        }
        (None, None) if !cluster.complete => format!("⚪ *{name}: I cannot say yet.* The first look is not complete."),
        (None, None) => format!("🟢 *{name}: healthy.* No incident is open."),
    }
}

/// The incidents, each in a line with how many follow from it.
fn incident_lines(cluster: &ClusterStanding, now: Now<'_>) -> Vec<String> {
    let open = own(cluster);
    let mut lines: Vec<String> = open
        .iter()
        .take(SHOWN)
        .map(|i| {
            let of_it = |it: &&Incident| it.is_open() && !is_digest(&it.owner) && cause_of(cluster, it) == Some(&i.id);
            let follow = match cluster.incidents.iter().filter(of_it).count() {
                0 => String::new(),
                n => format!(" · {} from it", reply::count(n, "incident follows", "incidents follow")),
            };
            format!("• {}{follow}", reply::incident_line(i, now))
        })
        .collect();
    if open.len() > SHOWN {
        lines.push(format!("... and {} more", open.len() - SHOWN));
    }
    lines
}

/// What cannot be seen, and what cannot be measured.
fn unseen_lines(cluster: &ClusterStanding, now: Now<'_>) -> Vec<String> {
    let mut lines = reply::blind_lines(&cluster.blind, SHOWN, now);
    lines.extend(cluster.unmeasured.iter().map(|(meter, why)| {
        let what = match meter {
            Meter::Metrics => "how much memory containers use",
            Meter::Kubelets => "how full volumes are",
        };
        format!("Not measured, optional: {what}: {}", reply::quote(why, 200))
    }));
    lines
}

/// What is watched and how fresh that is; each watch of which nothing was heard for too long.
fn watching_lines(cluster: &ClusterStanding, now: Now<'_>) -> Vec<String> {
    let seen = analyze::seen(&cluster.counts);
    let kinds: BTreeSet<Kind> = cluster.watches.iter().map(|watch| watch.kind).collect();
    let Some(oldest) = cluster.watches.iter().map(|watch| watch.heard).min() else {
        return if seen.is_empty() { Vec::new() } else { vec![format!("Known {seen}")] };
    };
    let kinds = reply::count(kinds.len(), "kind", "kinds");
    let mut lines = vec![format!("Watching {kinds}, the oldest news is {} old: {seen}", reply::span(oldest, now))];
    if seen.is_empty() {
        lines = vec![format!("Watching {kinds}, the oldest news is {} old", reply::span(oldest, now))];
    }
    let mut old: Vec<&WatchStanding> = cluster.watches.iter().filter(|watch| !watch.is_fresh).collect();
    // Equally old as people read it: then in the order of the kinds.
    old.sort_by_key(|watch| std::cmp::Reverse(now.at.duration_since(watch.heard).as_mins()));
    let more = old.len().saturating_sub(SHOWN_OLD);
    let mut names: Vec<String> = old
        .iter()
        .take(SHOWN_OLD)
        .map(|watch| {
            let place = watch.namespace.as_ref().map(|ns| format!(" in {}", reply::code(ns))).unwrap_or_default();
            format!("{}{place} for {}", watch.kind.plural(), reply::span(watch.heard, now))
        })
        .collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if !names.is_empty() {
        lines.push(format!("Nothing heard of {}", names.join(", ")));
    }
    lines
}

fn bot_line(standing: &Standing) -> String {
    let now = standing.present();
    let mut parts =
        vec![format!("k8s-monitor {} up {}", reply::escape(&standing.version), reply::span(standing.started_at, now))];
    match standing.clusters.iter().filter_map(|cluster| cluster.next_pass).min() {
        Some(next) if next > now.at => parts.push(format!("next pass in {}", reply::span(now, next))),
        Some(next) => parts.push(format!("next pass is overdue by {}", reply::span(next, now))),
        None => parts.push("no pass is scheduled".to_owned()),
    }
    if let Some(sockets) = standing.sockets {
        let heard = sockets
            .last_frame_at
            .map_or_else(|| "nothing heard yet".to_owned(), |at| format!("last heard {} ago", reply::span(at, now)));
        parts.push(format!("Slack sockets {} of {} ({heard})", sockets.open, sockets.wanted));
    }
    let outbox = &standing.outbox;
    let mut waiting = match outbox.waiting {
        0 => "nothing waits to be sent".to_owned(),
        n => format!("{} to be sent", reply::count(n, "message waits", "messages wait")),
    };
    if let (Some(oldest), true) = (outbox.oldest, outbox.waiting > 0) {
        waiting = format!("{waiting}, the oldest for {}", reply::span(oldest, now));
    }
    if outbox.stuck > 0 {
        waiting = format!("{waiting} · {} refused", outbox.stuck);
    }
    // What is wrong with a part is said below.
    let is_said = |why: &String| standing.parts.iter().flat_map(|part| &part.troubles).any(|said| says(said, why));
    if let Some(why) = outbox.last_error.as_ref().filter(|why| !is_said(why)) {
        waiting = format!("{waiting} ({})", reply::quote(why, 500));
    }
    if let Some((messages, file)) = &outbox.written_down {
        waiting = format!("{waiting} · {messages} to be read in {}", reply::code(file));
    }
    parts.push(waiting);
    parts.join(" · ")
}

/// Whether a trouble says why messages wait: in the same words, or as the scope that the app lacks.
fn says(trouble: &str, why: &str) -> bool {
    let scope = why.split_once("needs the scope ").and_then(|(_, rest)| rest.split_whitespace().next());
    trouble == why
        || scope.is_some_and(|scope| {
            trouble.contains(&format!("lacks {scope} (")) || trouble.contains(&format!(", {scope} ("))
        })
}

#[cfg(test)]
mod tests {
    use super::super::{answer, said};
    use crate::{
        cluster::{Kind, ObjectRef},
        conversation::standing::{Blind, samples},
        incidents::{Severity, digest},
    };
    use insta::assert_snapshot;

    #[test]
    fn a_healthy_cluster_is_called_healthy() {
        assert_snapshot!(said(answer("status", &samples::healthy())), @r"
        🟢 *production: healthy.* No incident is open.
        Watching 3 kinds, the oldest news is 40 s old: 1 Node, 120 Pods, 14 Deployments
        Last pass 30 s ago: ok, 0 findings, 0 alerts, 0.8 s
        k8s-monitor 0.1.0 up 3 h 12 min · next pass in 30 s · Slack sockets 2 of 2 (last heard 1 min ago) · nothing waits to be sent
        Not configured: GitHub token (no commits and pull requests in alerts)
        Store: sqlite:///data/k8s-monitor.db
        ");
    }

    #[test]
    fn incidents_come_worst_first_and_blindness_is_said() {
        assert_snapshot!(said(answer("status", &samples::broken())), @"
        🔴 *production: 2 open incidents*, and I do not see everything
        • *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        • *SEV-2* INC-2026-11-24-002 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min) · acknowledged by <@U2>
        Not seen: Job everywhere since 13:00 UTC (1 h 9 min): forbidden: jobs.batch is forbidden
        Watching 3 kinds, the oldest news is 40 s old: 1 Node, 120 Pods, 14 Deployments
        Last pass 30 s ago: ok, 0 findings, 0 alerts, 0.8 s
        k8s-monitor 0.1.0 up 3 h 12 min · next pass in 30 s · Slack sockets 2 of 2 (last heard 1 min ago) · 3 messages wait to be sent, the oldest for 2 min · 1 refused (the bot is not in #alerts: /invite @k8s-monitor there) · 2 to be read in `/data/incidents/undelivered.md`
        Not configured: GitHub token (no commits and pull requests in alerts)
        Store: sqlite:///data/k8s-monitor.db
        ");
    }

    #[test]
    fn what_follows_from_another_is_counted_with_it_and_a_digest_is_none_of_its_own() {
        let mut standing = samples::healthy();
        let of = |number, kind: &'static str, name: &str| {
            let mut incident = samples::incident(number, Severity::Sev2);
            incident.owner = ObjectRef { kind: kind.into(), namespace: "".into(), name: name.into() };
            incident
        };
        let (node, storm) = (of(1, "Node", "n1"), of(4, digest::STORM, "production"));
        let (mut hit, mut too, mut member) =
            (of(2, "Deployment", "a"), of(3, "Deployment", "b"), of(5, "Deployment", "c"));
        hit.symptom_of = Some(node.owner.clone());
        too.symptom_of = Some(node.owner.clone());
        member.symptom_of = Some(storm.owner.clone());
        standing.clusters[0].incidents = vec![node, hit, too, storm, member];
        let answer = said(answer("status", &standing));
        assert_snapshot!(answer.lines().take(3).collect::<Vec<_>>().join("\n"), @r"
        🟠 *production: 2 open incidents*
        • *SEV-2* INC-2026-11-24-001 · Node n1 · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min) · 2 incidents follow from it
        • *SEV-2* INC-2026-11-24-005 · Deployment c · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        ");
    }

    #[test]
    fn it_is_never_healthy_when_blind_or_before_the_first_look() {
        let mut standing = samples::healthy();
        standing.clusters[0].complete = false;
        standing.clusters[0].cycles.clear();
        assert_snapshot!(said(answer("status", &standing)).lines().next().unwrap(), @"⚪ *production: I cannot say yet.* The first look is not complete.");
        standing.clusters[0].blind = vec![Blind {
            kind: Kind::Pod,
            namespace: Some("shop".into()),
            since: standing.now,
            why: "forbidden".into(),
            required: true,
        }];
        assert_snapshot!(said(answer("status", &standing)).lines().next().unwrap(), @"⚪ *production: I cannot say.* No incident is open, but I do not see everything.");
        standing.clusters.clear();
        assert_snapshot!(said(answer("status", &standing)).lines().next().unwrap(), @"*No cluster is watched*: nothing can be said about health.");
    }

    #[test]
    fn several_clusters_are_compared_the_worst_first() {
        let mut standing = samples::two_clusters();
        let mut home = samples::healthy().clusters.remove(0);
        home.name = "home".into();
        home.unwatched = Some("no process watches it at present".into());
        standing.clusters.insert(0, home);
        standing.clusters[2].elsewhere = Some("process 12 on west".into());
        let text = said(answer("status", &standing));
        assert_snapshot!(text.lines().take(9).collect::<Vec<_>>().join("\n"), @r"
        *3 clusters, 1 healthy*
        🔴 *production: 2 open incidents*, and I do not see everything · the oldest news is 40 s old
        • *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        • *SEV-2* INC-2026-11-24-002 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min) · acknowledged by <@U2>
        Not seen: Job everywhere since 13:00 UTC (1 h 9 min): forbidden: jobs.batch is forbidden
        ⚪ *home: I cannot say.* No incident is open, but no process watches it at present. · the oldest news is 40 s old
        🟢 *edge: healthy.* No incident is open. · the oldest news is 40 s old · watched by process 12 on west
        `/k8s status --cluster` and a name says more of one.
        k8s-monitor 0.1.0 up 3 h 12 min · next pass in 30 s · Slack sockets 2 of 2 (last heard 1 min ago) · 3 messages wait to be sent, the oldest for 2 min · 1 refused (the bot is not in #alerts: /invite @k8s-monitor there) · 2 to be read in `/data/incidents/undelivered.md`
        ");
    }

    #[test]
    fn a_kind_of_which_nothing_is_heard_is_named() {
        let mut standing = samples::healthy();
        for watch in &mut standing.clusters[0].watches[..2] {
            watch.heard = samples::at("14:01:00");
            watch.is_fresh = false;
        }
        let text = said(answer("status", &standing));
        assert_snapshot!(text.lines().skip(1).take(2).collect::<Vec<_>>().join("\n"), @r"
        Watching 3 kinds, the oldest news is 8 min old: 1 Node, 120 Pods, 14 Deployments
        Nothing heard of pods for 8 min, nodes for 8 min
        ");
    }

    #[test]
    fn ten_incidents_are_shown_and_the_rest_counted() {
        let mut standing = samples::healthy();
        standing.clusters[0].incidents = (1..=13).map(|n| samples::incident(n, Severity::Sev2)).collect();
        let text = said(answer("status", &standing));
        assert_eq!(text.matches("INC-2026").count(), 10);
        assert!(text.contains("... and 3 more"), "{text}");
    }
}
