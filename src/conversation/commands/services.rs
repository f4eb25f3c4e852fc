//! `/k8s services`: the catalogue of services held against the cluster, as `k8s-monitor services` prints it.

use super::{Answer, Command, Query};
use crate::{
    alerts::Message,
    conversation::{reply, standing::Standing},
    services::{Fit, Priorities, Service},
};

/// How many services, workloads of one and things to mend are named.
const SERVICES: usize = 40;
const WORKLOADS: usize = 5;
const LINTS: usize = 10;

/// The command.
pub const COMMAND: Command = Command {
    word: "services",
    aliases: &["catalogue", "catalog"],
    usage: "/k8s services",
    help: "who matters: the catalogue of services, what each entry stands for, and what is to be mended in it",
    examples: &["/k8s services"],
    run,
};

fn run(_rest: &str, _standing: &Standing) -> Answer {
    Answer::Ask(Query::Services)
}

/// The catalogue and how it fits.
pub fn listed(priorities: &Priorities, fit: &Fit) -> Message {
    let services = &priorities.catalogue().services;
    if services.is_empty() {
        return reply::line(
            "No catalogue of services is configured (`services.file`), or it cannot be read. Priorities come from `[priorities]` and annotations.",
        );
    }
    let mut rows: Vec<(&Service, usize)> = services.iter().zip(0..).collect();
    rows.sort_by_key(|(service, _)| (service.priority.is_none(), service.priority, service.line));
    let mut lines = vec![format!("*{} in the catalogue*", reply::count(services.len(), "service", "services"))];
    lines.extend(rows.iter().take(SERVICES).map(|(service, at)| {
        let workloads = fit.of_service.get(*at).map(Vec::as_slice).unwrap_or_default();
        let named = workloads.iter().take(WORKLOADS).map(|owner| reply::escape(&owner.to_string()));
        let named: Vec<String> = named.collect();
        let stands_for = match workloads.len().saturating_sub(WORKLOADS) {
            _ if named.is_empty() => "matches nothing".to_owned(),
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        };
        let priority = service.priority.map_or_else(|| "no priority".to_owned(), |priority| priority.to_string());
        let needed_by = priorities.catalogue().needed_by(service);
        let needed: Vec<String> = needed_by.iter().take(WORKLOADS).map(|who| reply::escape(&who.name)).collect();
        let needed = if needed.is_empty() { String::new() } else { format!(" · needed by {}", needed.join(", ")) };
        format!("• {priority} *{}*: {stands_for}{needed}", reply::escape(&service.name))
    }));
    if services.len() > SERVICES {
        lines.push(format!("... and {} more", services.len() - SERVICES));
    }
    if !fit.unlisted.is_empty() {
        lines.push(format!("Not listed: {}", reply::count(fit.unlisted.len(), "workload", "workloads")));
    }
    lines.extend(fit.lints.iter().take(LINTS).map(|lint| {
        let place = if lint.line > 0 { format!("line {}: ", lint.line) } else { String::new() };
        format!("⚠ {place}{}; {}", reply::quote(&lint.message, 300), reply::quote(&lint.remedy, 300))
    }));
    if fit.lints.len() > LINTS {
        lines.push(format!("... and {} more to mend: `k8s-monitor services`", fit.lints.len() - LINTS));
    }
    reply::say(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cluster::ClusterIndex, services::Catalogue};

    #[test]
    fn the_catalogue_is_shown_with_what_is_to_be_mended() {
        let text = "[[service]]\nname = \"orders <!here>\"\nnamespace = \"shop\"\npriority = \"P0\"\n[[service]]\nname = \"db\"\ndependents = [\"orders <!here>\"]\n";
        let priorities = Priorities::default().with_catalogue(Catalogue::from_toml(text, &[]).unwrap());
        let fit = Fit::of(&priorities, &ClusterIndex::default());
        insta::assert_snapshot!(listed(&priorities, &fit).text, @r#"
        *2 services in the catalogue*
        • P0 *orders &lt;!here&gt;*: matches nothing
        • no priority *db*: matches nothing · needed by orders &lt;!here&gt;
        ⚠ line 2: "orders &lt;!here&gt;" matches no workload; list its workloads, or take it out
        ⚠ line 6: "db" has no priority; give it a priority: P0, P1, P2 or P3
        ⚠ line 6: "db" matches no workload; list its workloads, or take it out
        "#);
        assert!(listed(&Priorities::default(), &Fit::default()).text.starts_with("No catalogue of services"));
    }
}
