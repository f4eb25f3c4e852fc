//! `/k8s incidents [days]`: what is open, or what there was in the last days.

use super::{Answer, Command, Query, usage};
use crate::{
    alerts::Message,
    clock::Now,
    conversation::{
        of_clusters::together,
        reply,
        standing::{ClusterStanding, Standing},
    },
    incidents::{Incident, digest::is_digest},
};

/// The longest time that is listed, in days.
const MOST_DAYS: u16 = 365;
/// How many are listed.
pub const LISTED: usize = 25;

/// The command.
pub const COMMAND: Command = Command {
    word: "incidents",
    aliases: &["list"],
    usage: "/k8s incidents [days]",
    help: "the open incidents, SEV-3 and SEV-4 too; with a number of days also those that are over",
    examples: &["/k8s incidents", "/k8s incidents 7"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let typed = rest.split_whitespace().next().unwrap_or_default().trim_end_matches('d');
    if typed.is_empty() {
        let open = |cluster: &ClusterStanding| {
            let mut open: Vec<Incident> = cluster.incidents.iter().filter(|it| it.is_open()).cloned().collect();
            open.sort_by(|a, b| (a.severity, a.since, &a.id).cmp(&(b.severity, b.since, &b.id)));
            listed(&open, None, standing.present())
        };
        return Answer::Say(match standing.clusters.as_slice() {
            [only] => open(only),
            several => {
                together(&several.iter().map(|cluster| (cluster.name.clone(), open(cluster))).collect::<Vec<_>>())
            }
        });
    }
    match typed.parse::<u16>() {
        Ok(days) if (1..=MOST_DAYS).contains(&days) => Answer::Ask(Query::Incidents { days }),
        _ => usage(&COMMAND, &format!("{} is no number of days from 1 to {MOST_DAYS}.", reply::code(typed))),
    }
}

/// Incidents, a line each; of the last days if so many are given.
pub fn listed(incidents: &[Incident], days: Option<u16>, now: Now<'_>) -> Message {
    let own: Vec<&Incident> = incidents.iter().filter(|incident| !is_digest(&incident.owner)).collect();
    let what = match days {
        None => "open".to_owned(),
        Some(1) => "of the last day".to_owned(),
        Some(days) => format!("of the last {days} days"),
    };
    if own.is_empty() {
        return reply::line(if days.is_none() {
            "No incident is open.".to_owned()
        } else {
            format!("There is no incident {what}.")
        });
    }
    let mut lines = vec![format!("*{} {what}*", reply::count(own.len(), "incident", "incidents"))];
    lines.extend(own.iter().take(LISTED).map(|incident| format!("• {}", line(incident, now))));
    if own.len() > LISTED {
        lines.push(format!("... and {} more", own.len() - LISTED));
    }
    reply::say(&lines)
}

fn line(incident: &Incident, now: Now<'_>) -> String {
    if incident.is_open() {
        return reply::incident_line(incident, now);
    }
    let lasted = incident.resolution.as_ref().map_or_else(String::new, |end| {
        format!(", lasted {}: {}", reply::span(incident.since, end.at), reply::quote(&end.reason, 120))
    });
    let reason =
        incident.headline().map_or_else(String::new, |finding| format!(" · {}", reply::quote(&finding.reason, 80)));
    format!(
        "{} {} · {}{reason} · over, since {}{lasted}",
        incident.peak,
        reply::escape(&incident.id.0),
        reply::escape(&incident.owner.to_string()),
        now.tell(incident.since)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::{
            commands::{answer, said},
            standing::samples,
        },
        incidents::{Resolution, Severity, Status},
    };

    #[test]
    fn what_is_open_is_listed_and_with_days_what_is_over_too() {
        insta::assert_snapshot!(said(answer("incidents", &samples::broken())), @"
        *2 incidents open*
        • *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        • *SEV-2* INC-2026-11-24-002 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min) · acknowledged by <@U2>
        ");
        assert_eq!(said(answer("incidents", &samples::healthy())), "No incident is open.");
        assert_eq!(said(answer("incidents 7", &samples::broken())), "-> incidents of 7 days");
        assert_eq!(said(answer("incidents 30d", &samples::broken())), "-> incidents of 30 days");
        insta::assert_snapshot!(said(answer("incidents all", &samples::broken())), @"
        `all` is no number of days from 1 to 365.
        `/k8s incidents [days]`: the open incidents, SEV-3 and SEV-4 too; with a number of days also those that are over
           for example `/k8s incidents`
           for example `/k8s incidents 7`
        ");
        let mut over = samples::incident(3, Severity::Sev2);
        over.status = Status::Resolved;
        over.resolution = Some(Resolution {
            at: samples::at("14:07:00"),
            reason: "2 of 2 replicas ready for 5 min".into(),
            by: None,
        });
        insta::assert_snapshot!(listed(&[over], Some(7), samples::now("14:09:00")).text, @"
        *1 incident of the last 7 days*
        • SEV-2 INC-2026-11-24-003 · Deployment shop/api · OOMKilled · over, since 13:57 UTC, lasted 10 min: 2 of 2 replicas ready for 5 min
        ");
    }
}
