//! The chain of escalation: lines like "15m mention S0123456789" become steps, or what is wrong with them.

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::{slack::is_channel, values::Values};
use crate::{
    conversation::commands::silence::how_long,
    incidents::{
        Severity,
        escalation::{Call, EscalationStep},
    },
};

const KEY: &str = "escalation.steps";
const REMEDY: &str = "write a time, then whom to call: \"15m mention S0123456789\", \"15m mention owner\", \"30m channel oncall\", \"30m SEV-1 pagerduty\", \"1h webhook\"";
/// How long an integration key of `PagerDuty` (Events API v2) is.
const KEY_LENGTH: usize = 32;
/// The longest time before a step; later nobody waits for it.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The steps in the order of their times. A step that needs an address or a key which is not set is a problem.
pub(super) fn read(values: &mut Values<'_>, has_webhook: bool, has_pagerduty: bool) -> Vec<EscalationStep> {
    let mut steps: Vec<EscalationStep> = Vec::new();
    for line in values.list(KEY) {
        match step(&line) {
            Ok(step) if step.call == Call::Webhook && !has_webhook => {
                values.problem(
                    KEY,
                    format!("{line:?} calls no address"),
                    "set escalation.webhook_url (ESCALATION_WEBHOOK_URL)",
                );
            }
            Ok(step) if step.call == Call::PagerDuty && !has_pagerduty => {
                let remedy = "set escalation.pagerduty_key (PAGERDUTY_ROUTING_KEY)";
                values.problem(KEY, format!("{line:?} has no key of PagerDuty"), remedy);
            }
            Ok(step) if steps.iter().any(|other| other.call == step.call) => {
                values.problem(KEY, format!("{line:?} calls somebody twice"), "keep one of the two steps");
            }
            Ok(step) => steps.push(step),
            Err(why) => values.problem(KEY, format!("{line:?}: {why}"), REMEDY),
        }
    }
    steps.sort_by_key(|step| step.after);
    steps
}

/// Warns of what can hardly be a key of `PagerDuty`: it is refused, and nobody is paged. The key itself is not told.
pub(super) fn judge_key(values: &mut Values<'_>, key: Option<&SecretString>) {
    let Some(key) = key.map(ExposeSecret::expose_secret) else { return };
    if key.len() == KEY_LENGTH && key.chars().all(|c| c.is_ascii_alphanumeric()) {
        return;
    }
    let message = format!(
        "has {} characters; an integration key of PagerDuty has {KEY_LENGTH} letters and digits, and one that is refused pages nobody",
        key.chars().count()
    );
    let remedy = "copy the Integration Key of an Events API v2 integration of the service in PagerDuty";
    values.warn("escalation.pagerduty_key", message, remedy);
}

fn step(line: &str) -> Result<EscalationStep, String> {
    let mut words = line.split_whitespace();
    let time = words.next().unwrap_or_default();
    let after = if matches!(time, "0" | "0s" | "0m") { Some(SignedDuration::ZERO) } else { how_long(time) };
    let after = after.filter(|after| *after <= LONGEST).ok_or_else(|| format!("{time:?} is no time up to 7d"))?;
    let mut rest: Vec<&str> = words.collect();
    let from = rest.first().and_then(|word| Severity::named(word));
    if let Some(from) = from {
        if !from.is_said() {
            return Err(format!("{from} is never posted"));
        }
        rest.remove(0);
    }
    let call = match rest.as_slice() {
        ["mention", "owner"] => Call::Owner,
        ["mention", who] => {
            let id = who.trim_start_matches("<@").trim_start_matches("<!subteam^").trim_end_matches('>');
            let is_id = id.len() >= 3
                && id.starts_with(['U', 'W', 'S'])
                && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            if !is_id {
                return Err(format!("{who:?} is no id of a user or group in Slack"));
            }
            Call::Mention(id.to_owned())
        }
        ["channel", name] => {
            let name = name.trim_start_matches('#');
            if !is_channel(name) {
                return Err(format!("{name:?} is no channel"));
            }
            Call::Channel(name.to_owned())
        }
        ["webhook"] => Call::Webhook,
        ["pagerduty"] => Call::PagerDuty,
        [] => return Err("it does not say whom to call".to_owned()),
        _ => return Err(format!("{:?} is nothing that can be called", rest.join(" "))),
    };
    Ok(EscalationStep { after, from, call })
}
