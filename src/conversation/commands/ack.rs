//! `/k8s ack <incident> [note]`: somebody takes care of it.

use super::{
    Answer, Change, Command,
    which::{Which, first_word, which},
};
use crate::conversation::standing::Standing;

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
    let (typed, note) = first_word(rest);
    match which(typed, &COMMAND, standing) {
        Ok(Which::Open(incident) | Which::InFull(incident)) => {
            Answer::Change(Change::Acknowledge { incident, note: note.to_owned() })
        }
        Err(answer) => answer,
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
        Which incident? None is open.
        `/k8s ack &lt;incident&gt; [note]`: says that you take care of an incident; I stay silent about it until it gets worse or is resolved
           for example `/k8s ack INC-2026-11-24-001 rolling back`
           for example `/k8s ack 1`
        ");
    }
}
