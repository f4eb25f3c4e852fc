//! `/k8s changes [what] [since]`: what was rolled out or changed beside, broken or not, the newest first, with what was different and by whom.

use jiff::{SignedDuration, Timestamp};

use super::{Answer, Command, silence::how_long, usage};
use crate::{
    alerts::Message,
    changes::{Rollout, SettingChange},
    clock::Now,
    conversation::{nearest, reply, standing::Standing},
    incidents::{CHANGES_WITHIN, in_words},
};

/// How far is looked back if nobody says.
const WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// The longest time that is looked back.
const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many rollouts are listed, and how many differences of each.
const LISTED: usize = 20;
const DIFFERENCES: usize = 4;

/// The command.
pub const COMMAND: Command = Command {
    word: "changes",
    aliases: &["changed", "rollouts", "deployments", "deploys"],
    usage: "/k8s changes [service, workload or namespace] [since]",
    help: "lists what was rolled out or configured anew, broken or not, with what was different and who did it",
    examples: &["/k8s changes shop", "/k8s changes shop/api 7d", "/k8s changes 2h"],
    run,
};

/// Whose changes somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those of all workloads.
    Everything,
    /// Those in a namespace.
    Namespace(String),
    /// Those of the workloads of a service.
    Service(String),
    /// Those of one.
    #[expect(missing_docs, reason = "the names say what they hold")]
    Workload { namespace: String, name: String },
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("the cluster"),
            Self::Namespace(name) | Self::Service(name) => f.write_str(name),
            Self::Workload { namespace, name } => write!(f, "{namespace}/{name}"),
        }
    }
}

fn run(rest: &str, standing: &Standing) -> Answer {
    let (mut of, mut within) = (None, WITHIN);
    for word in rest.split_whitespace().filter(|word| !matches!(*word, "since" | "of" | "in" | "-n")) {
        match (how_long(word), &of) {
            (Some(time), _) if time <= LONGEST => within = time,
            (Some(_), _) => return usage(&COMMAND, "At most 90 days back."),
            (None, None) => of = Some(word.trim_matches(['`', '"', '\'', '*'])),
            (None, Some(_)) => {
                return usage(&COMMAND, "One service, workload or namespace at a time, and a time like `2h`.");
            }
        }
    }
    let Some(of) = of else { return Answer::Changes { of: Of::Everything, within } };
    match meant(of, standing) {
        Ok(of) => Answer::Changes { of, within },
        Err(message) => Answer::Say(message),
    }
}

/// What a name means; a service goes before a namespace of the same name.
fn meant(typed: &str, standing: &Standing) -> Result<Of, Message> {
    let namespaces = standing.namespaces();
    let typed = typed.to_lowercase();
    if let Some((namespace, name)) = typed.split_once('/') {
        return match &namespaces {
            Some(known) if !known.contains(&namespace) => Err(reply::unknown_namespace(namespace, known)),
            Some(_) | None => Ok(Of::Workload { namespace: namespace.to_owned(), name: name.to_owned() }),
        };
    }
    let services = standing.clusters.iter().flat_map(|cluster| &cluster.services);
    if let Some(service) = services.clone().find(|service| service.eq_ignore_ascii_case(&typed)) {
        return Ok(Of::Service(service.clone()));
    }
    match namespaces {
        Some(known) if !known.contains(&typed.as_str()) => {
            let names: Vec<&str> = known.iter().copied().chain(services.map(String::as_str)).collect();
            let near = nearest(&typed, names.iter().copied());
            let hint = if near.is_empty() {
                format!("`{}`", COMMAND.usage)
            } else {
                let near: Vec<String> = near.iter().map(|name| reply::code(name)).collect();
                format!("Did you mean {}?", near.join(" or "))
            };
            Err(reply::line(format!("I know no service or namespace {}. {hint}", reply::code(&typed))))
        }
        Some(_) | None => Ok(Of::Namespace(typed)),
    }
}

/// What was found of workloads.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many workloads were looked at.
    pub looked_at: usize,
    /// How many more there are, which were not.
    pub left_out: usize,
    /// What was rolled out to them, in any order and from any time.
    pub rollouts: Vec<Rollout>,
    /// What was changed beside the workloads, in any order.
    pub settings: Vec<SettingChange>,
    /// Why something could not be read; each reason once.
    pub failed: Vec<String>,
}

/// What was changed within a time, the newest first.
pub fn told(of: &Of, within: SignedDuration, mut found: Found, now: Now<'_>) -> Message {
    let from = now.at.checked_sub(within).unwrap_or_default();
    found.rollouts.retain(|rollout| rollout.at >= from);
    found.rollouts.sort_by(|a, b| (b.at, &b.owner, b.number).cmp(&(a.at, &a.owner, a.number)));
    found.settings.retain(|change| change.at >= from);
    found.settings.sort_by(|a, b| (b.at, &a.object).cmp(&(a.at, &b.object)));
    let of = if *of == Of::Everything { String::new() } else { format!(" to {}", reply::code(&of.to_string())) };
    let period = format!("in the last {}", in_words(within));
    let others = reply::count(found.settings.len(), "other change", "other changes");
    let mut lines = vec![match (found.rollouts.len(), found.settings.len()) {
        (0, 0) if found.looked_at == 0 && found.failed.is_empty() => {
            format!("*No workload is there{}.*", of.replace(" to ", " of "))
        }
        (0, 0) => format!("*Nothing was rolled out{of} {period}.*"),
        (0, _) => format!("*Nothing was rolled out{of} {period}; {others}*"),
        (n, 0) => format!("*{}{of} {period}*", reply::count(n, "rollout", "rollouts")),
        (n, _) => format!("*{}{of} {period}, and {others}*", reply::count(n, "rollout", "rollouts")),
    }];
    let rollouts = found.rollouts.iter().map(|rollout| (rollout.at, line(rollout, now)));
    let settings = found.settings.iter().map(|change| (change.at, line_of(change, now)));
    let mut all: Vec<(Timestamp, String)> = rollouts.chain(settings).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let more = all.len().saturating_sub(LISTED);
    lines.extend(all.into_iter().take(LISTED).map(|(_, line)| line));
    if more > 0 {
        lines.push(format!("... and {more} more; ask for less: `{}`", COMMAND.usage));
    }
    if within > CHANGES_WITHIN {
        lines.push(format!(
            "Changes of ConfigMaps, autoscalers, Ingresses, policies and budgets are kept for {} only.",
            in_words(CHANGES_WITHIN)
        ));
    }
    if found.left_out > 0 {
        let left = reply::count(found.left_out, "workload was", "workloads were");
        lines.push(format!("{left} not looked at: ask for a namespace or a service."));
    }
    lines.extend(found.failed.iter().map(|why| format!("Not read: {}", reply::escape(why))));
    reply::say(&lines)
}

/// `• 14:02 UTC (9 min ago) *shop/api-config* ConfigMap by kubectl edit: key DATABASE_HOST changed`.
fn line_of(change: &SettingChange, now: Now<'_>) -> String {
    let object = &change.object;
    let by = change.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let mut told: Vec<String> = change.what.iter().take(DIFFERENCES).cloned().collect();
    let more = change.what.len().saturating_sub(DIFFERENCES);
    told.extend((more > 0).then(|| format!("{more} more")));
    let ago = in_words(now.at.duration_since(change.at));
    let name = reply::escape(&format!("{}/{}", object.namespace, object.name));
    let text = format!("{}{by}: {}", object.kind, told.join(", "));
    format!("• {} ({ago} ago) *{name}* {}", now.tell(change.at), reply::escape(&text))
}

/// `• 14:02 UTC (9 min ago) *shop/api* rollout #14 by kubectl edit: memory limit 512Mi → 256Mi`.
fn line(rollout: &Rollout, now: Now<'_>) -> String {
    let name = format!("{}/{}", rollout.owner.namespace, rollout.owner.name);
    let by = rollout.by_whom();
    let note =
        rollout.by.as_ref().and_then(|by| by.cause.as_ref()).map(|note| format!(" (“{note}”)")).unwrap_or_default();
    let what = rollout.what(DIFFERENCES);
    let ago = in_words(now.at.duration_since(rollout.at));
    let text = format!("rollout #{}{by}{note}: {what}", rollout.number);
    format!("• {} ({ago} ago) *{}* {}", now.tell(rollout.at), reply::escape(&name), reply::escape(&text))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::conversation::{
        commands::{answer, said},
        standing::samples,
    };

    #[rstest]
    #[case("changes", "-> changes of the cluster, 24 h")]
    #[case("changes 2h", "-> changes of the cluster, 2 h")]
    #[case("changes shop", "-> changes of shop, 24 h")]
    #[case("changes in SHOP since 7d", "-> changes of shop, 7 days")]
    #[case("deploys `shop/api` 90m", "-> changes of shop/api, 1 h 30 min")]
    #[case("changes shpo", "I know no service or namespace `shpo`. Did you mean `shop`?")]
    #[case("changes shpo/api", "There is no namespace `shpo`. Did you mean `shop`?")]
    fn what_and_since_when_may_be_said_in_any_order(#[case] typed: &str, #[case] expected: &str) {
        assert_eq!(said(answer(typed, &samples::healthy())), expected);
    }

    #[test]
    fn too_much_is_refused_with_the_usage() {
        for typed in ["changes shop web", "changes 1000d"] {
            let said = said(answer(typed, &samples::healthy()));
            assert!(said.contains("`/k8s changes [service, workload or namespace] [since]`"), "{said}");
        }
    }
}
