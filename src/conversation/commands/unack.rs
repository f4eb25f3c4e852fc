//! `/k8s unack <incident>`: nobody takes care of it any more.

use super::{
    Answer, Change, Command,
    which::{Which, first_word, which},
};
use crate::conversation::standing::Standing;

/// The command.
pub const COMMAND: Command = Command {
    word: "unack",
    aliases: &["unacknowledge"],
    usage: "/k8s unack <incident>",
    help: "takes an acknowledgement back; I tell of the incident again until somebody takes care of it",
    examples: &["/k8s unack INC-2026-11-24-001"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    match which(first_word(rest).0, &COMMAND, standing) {
        Ok(Which::Open(incident) | Which::InFull(incident)) => Answer::Change(Change::Unacknowledge { incident }),
        Err(answer) => answer,
    }
}
