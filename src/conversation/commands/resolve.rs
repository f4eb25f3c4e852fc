//! `/k8s resolve <incident> [note]`: somebody says that it is over.

use super::{
    Answer, Change, Command,
    which::{Which, first_word, which},
};
use crate::conversation::standing::Standing;

/// The command.
pub const COMMAND: Command = Command {
    word: "resolve",
    aliases: &["resolved", "close"],
    usage: "/k8s resolve <incident> [note]",
    help: "closes an incident by hand; it comes back in its thread if it is still wrong 5 min later",
    examples: &["/k8s resolve INC-2026-11-24-001 moved to the other cluster"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let (typed, note) = first_word(rest);
    match which(typed, &COMMAND, standing) {
        Ok(Which::Open(incident) | Which::InFull(incident)) => {
            Answer::Change(Change::Resolve { incident, note: note.to_owned() })
        }
        Err(answer) => answer,
    }
}
