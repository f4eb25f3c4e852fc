//! `/k8s history [what] [days]`: how often, how long, how soon somebody took care; what comes again at the same time.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{Answer, Command, Query, usage};
use crate::{
    alerts::Message,
    clock::Now,
    conversation::{nearest, reply, standing::Standing},
    incidents::{
        Incident, in_words,
        trends::{Trend, mean, trends},
    },
};

/// The longest time that is looked back, in days; incidents are kept for so long.
pub const MOST_DAYS: u16 = 365;
/// How far is looked back if nobody says.
pub const DAYS: u16 = 7;
/// How many services are listed.
const LISTED: usize = 20;

/// The command.
pub const COMMAND: Command = Command {
    word: "history",
    aliases: &["trends"],
    usage: "/k8s history [service, workload or namespace] [days]",
    help: "how often something was wrong, how long, how soon somebody took care, and what comes again at the same time",
    examples: &["/k8s history", "/k8s history 30", "/k8s history orders 90"],
    run,
};

fn run(rest: &str, _standing: &Standing) -> Answer {
    let (mut of, mut days) = (None, DAYS);
    for word in rest.split_whitespace() {
        match (word.trim_end_matches('d').parse::<u16>(), &of) {
            (Ok(number), _) if (1..=MOST_DAYS).contains(&number) => days = number,
            (Ok(_), _) => {
                return usage(&COMMAND, &format!("{} is no number of days from 1 to {MOST_DAYS}.", reply::code(word)));
            }
            (Err(_), None) => of = Some(word.trim_matches(['`', '"', '\'']).to_owned()),
            (Err(_), Some(_)) => return usage(&COMMAND, "One service, workload or namespace at a time."),
        }
    }
    Answer::Ask(Query::History { of, days })
}

/// The past of a cluster, or of what is meant in it: its incidents of so many days, and how its passes ended.
pub fn told(
    incidents: &[Incident],
    passes: &BTreeMap<String, u64>,
    (of, days): (Option<&str>, u16),
    now: Now<'_>,
) -> Message {
    let period = if days == 1 { "the last day".to_owned() } else { format!("the last {days} days") };
    let meant: Vec<Incident> = incidents.iter().filter(|it| of.is_none_or(|of| is_meant(it, of))).cloned().collect();
    if let Some(of) = of.filter(|_| meant.is_empty()) {
        return unknown(of, incidents, &period);
    }
    let all = trends(&meant, now.at, now.zone);
    let times: u32 = all.iter().map(|trend| trend.times).sum();
    let head = match all.len() {
        0 => format!("*In {period} nothing was wrong.*"),
        n => {
            let lasted: SignedDuration =
                all.iter().map(|t| t.lasted).fold(SignedDuration::ZERO, SignedDuration::saturating_add);
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            format!(
                "*In {period} something was wrong {times}, with {}, for {} in all.*{}",
                reply::count(n, "service or workload", "services and workloads"),
                in_words(lasted),
                on_average(
                    mean(all.iter().filter_map(|t| t.acknowledged_after)),
                    mean(all.iter().filter_map(|t| t.over_after))
                )
            )
        }
    };
    let mut lines = vec![head];
    lines.extend(all.iter().take(LISTED).map(|trend| line(trend, now)));
    if all.len() > LISTED {
        lines.push(format!("... and {} more", all.len() - LISTED));
    }
    let made: u64 = passes.values().sum();
    if of.is_none() && made > 0 {
        let others: Vec<String> = passes
            .iter()
            .filter(|(status, _)| *status != "complete")
            .map(|(status, n)| format!("{n} {}", reply::escape(status)))
            .collect();
        let others =
            if others.is_empty() { ", all complete".to_owned() } else { format!(", of them {}", others.join(", ")) };
        lines.push(format!("{made} passes{others}"));
    }
    reply::say(&lines)
}

fn line(trend: &Trend, now: Now<'_>) -> String {
    let priority = trend.priority.map(|priority| format!(" ({priority})")).unwrap_or_default();
    let times = if trend.times == 1 { "once".to_owned() } else { format!("{} times", trend.times) };
    let patterns: Vec<String> =
        trend.patterns.iter().map(|pattern| format!(" · {}", pattern.in_words(&now.zone_name()))).collect();
    format!(
        "• *{}*{priority}: {times}, {} in all, {} at worst · last {} ago{}{}",
        reply::escape(&trend.name),
        in_words(trend.lasted),
        trend.worst,
        reply::span(trend.last, now),
        on_average(trend.acknowledged_after, trend.over_after),
        patterns.concat()
    )
}

fn on_average(acknowledged: Option<SignedDuration>, over: Option<SignedDuration>) -> String {
    let acknowledged = acknowledged.map(|time| format!("acknowledged after {}", in_words(time)));
    let over = over.map(|time| format!("over after {}", in_words(time)));
    let both: Vec<String> = acknowledged.into_iter().chain(over).collect();
    if both.is_empty() { String::new() } else { format!(" · {} on average", both.join(", ")) }
}

fn is_meant(incident: &Incident, of: &str) -> bool {
    let same = |text: &str| text.eq_ignore_ascii_case(of);
    let owner = &incident.owner;
    incident.stake.service.as_deref().is_some_and(same)
        || same(&owner.name)
        || same(&owner.namespace)
        || same(&format!("{}/{}", owner.namespace, owner.name))
}

fn unknown(of: &str, incidents: &[Incident], period: &str) -> Message {
    let names: Vec<&str> = incidents
        .iter()
        .flat_map(|it| [it.stake.service.as_deref(), Some(&*it.owner.name), Some(&*it.owner.namespace)])
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    let near = nearest(of, names.into_iter());
    let near: Vec<String> = near.iter().map(|name| reply::code(name)).collect();
    let hint = if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(" or ")) };
    reply::line(format!("In {period} nothing was wrong with anything called {}.{hint}", reply::code(of)))
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
    fn the_past_is_told_by_service() {
        let now = samples::now("14:09:00");
        let mut over = samples::incident(3, Severity::Sev2);
        over.owner.name = "web <!here>".into();
        over.status = Status::Resolved;
        over.resolution = Some(Resolution { at: samples::at("14:07:00"), reason: "well".into(), by: None });
        let all = [samples::incident(1, Severity::Sev1), over];
        let passes = [("complete".to_owned(), 1430), ("partial".to_owned(), 8), ("blind".to_owned(), 2)].into();
        insta::assert_snapshot!(told(&all, &passes, (None, 7), now).text, @"
        *In the last 7 days something was wrong 2 times, with 2 services and workloads, for 22 min in all.* · over after 10 min on average
        • *Deployment shop/api* (P0): once, 12 min in all, SEV-1 at worst · last 11 min ago
        • *Deployment shop/web &lt;!here&gt;* (P0): once, 10 min in all, SEV-2 at worst · last 11 min ago · over after 10 min on average
        1440 passes, of them 2 blind, 8 partial
        ");
        insta::assert_snapshot!(told(&all, &passes, (Some("API"), 30), now).text, @"
        *In the last 30 days something was wrong once, with 1 service or workload, for 12 min in all.*
        • *Deployment shop/api* (P0): once, 12 min in all, SEV-1 at worst · last 11 min ago
        ");
        insta::assert_snapshot!(told(&all, &passes, (Some("shp"), 30), now).text, @"In the last 30 days nothing was wrong with anything called `shp`. Did you mean `shop`?");
        insta::assert_snapshot!(told(&[], &BTreeMap::new(), (None, 1), now).text, @"*In the last day nothing was wrong.*");
    }

    #[test]
    fn what_and_how_far_back_is_read_in_any_order() {
        let standing = samples::healthy();
        assert_eq!(said(answer("history", &standing)), "-> history of everything, 7 days");
        assert_eq!(said(answer("history 30d orders", &standing)), "-> history of orders, 30 days");
        assert_eq!(said(answer("trends shop/api", &standing)), "-> history of shop/api, 7 days");
        assert!(said(answer("history 900", &standing)).starts_with("`900` is no number of days from 1 to 365."));
        assert!(said(answer("history a b", &standing)).starts_with("One service"));
    }
}
