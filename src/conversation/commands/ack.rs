//! `/k8s ack <incident> [note]`: somebody takes care of it.

use super::{Answer, Command, usage};
use crate::conversation::{reply, standing::Standing};

/// The command.
pub const COMMAND: Command = Command {
    word: "ack",
    aliases: &["acknowledge", "acked"],
    usage: "/k8s ack <incident> [note]",
    help: "says that you take care of an incident; I stay silent about it until it gets worse or is resolved",
    examples: &["/k8s ack INC-2026-11-24-001 rolling back", "/k8s ack 1"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let (typed, note) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let typed = typed.trim_matches(|c: char| !c.is_alphanumeric());
    if typed.is_empty() {
        let open: Vec<_> = standing.open_incidents().into_iter().take(10).map(|i| reply::code(&i.id.0)).collect();
        let which = if open.is_empty() {
            "No incident is open; nothing to acknowledge.".to_owned()
        } else {
            format!("Which incident? Open: {}.", open.join(", "))
        };
        return usage(&COMMAND, &which);
    }
    let note = note.trim().trim_matches('"').to_owned();
    let upper = typed.to_uppercase();
    let meant: Vec<_> = standing
        .open_incidents()
        .into_iter()
        .map(|i| i.id.0.clone())
        .filter(|id| *id == upper || is_short_for(&upper, id))
        .collect();
    match meant.as_slice() {
        [one] => Answer::Acknowledge { incident: one.clone(), note },
        // Written in full: the store knows the resolved ones too.
        [] if upper.starts_with("INC-") && upper.matches('-').count() == 4 => {
            Answer::Acknowledge { incident: upper, note }
        }
        [] => Answer::Say(reply::unknown_incident(typed, standing)),
        many => {
            let ids: Vec<_> = many.iter().map(|id| reply::code(id)).collect();
            usage(&COMMAND, &format!("{} is not clear: {}?", reply::code(typed), ids.join(" or ")))
        }
    }
}

/// `1`, `001`, `INC-1` and `24-001` for `INC-2026-11-24-001`.
fn is_short_for(typed: &str, id: &str) -> bool {
    let typed = typed.strip_prefix("INC-").unwrap_or(typed);
    let last = id.rsplit('-').next().unwrap_or_default();
    match (typed.parse::<u32>(), last.parse::<u32>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => typed.contains('-') && id.ends_with(&format!("-{typed}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{answer, said};
    use crate::conversation::standing::samples;
    use rstest::rstest;

    #[rstest]
    #[case("ack INC-2026-11-24-001", "-> acknowledge INC-2026-11-24-001: ")]
    #[case("ack inc-2026-11-24-001: on it", "-> acknowledge INC-2026-11-24-001: on it")]
    #[case("ack 1 rolling back", "-> acknowledge INC-2026-11-24-001: rolling back")]
    #[case("ack #002", "-> acknowledge INC-2026-11-24-002: ")]
    #[case("ack INC-2", "-> acknowledge INC-2026-11-24-002: ")]
    #[case("ack INC-2026-11-20-009", "-> acknowledge INC-2026-11-20-009: ")]
    #[case("ack 9", "I know no open incident `9`. Open: `INC-2026-11-24-001`, `INC-2026-11-24-002`.")]
    fn an_incident_is_found_by_what_people_type(#[case] typed: &str, #[case] expected: &str) {
        assert_eq!(said(answer(typed, &samples::broken())), expected);
    }

    #[test]
    fn without_an_incident_the_open_ones_are_named() {
        insta::assert_snapshot!(said(answer("ack", &samples::broken())), @r"
        Which incident? Open: `INC-2026-11-24-001`, `INC-2026-11-24-002`.
        `/k8s ack &lt;incident&gt; [note]`: says that you take care of an incident; I stay silent about it until it gets worse or is resolved
           for example `/k8s ack INC-2026-11-24-001 rolling back`
           for example `/k8s ack 1`
        ");
        insta::assert_snapshot!(said(answer("ack", &samples::healthy())), @r"
        No incident is open; nothing to acknowledge.
        `/k8s ack &lt;incident&gt; [note]`: says that you take care of an incident; I stay silent about it until it gets worse or is resolved
           for example `/k8s ack INC-2026-11-24-001 rolling back`
           for example `/k8s ack 1`
        ");
    }
}
