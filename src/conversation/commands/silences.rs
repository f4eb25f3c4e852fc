//! `/k8s silences`: what is silenced at present, until when, by whom, why.

use super::{Answer, Command};
use crate::conversation::{reply, standing::Standing};

/// The command.
pub const COMMAND: Command = Command {
    word: "silences",
    aliases: &["silenced", "mutes"],
    usage: "/k8s silences",
    help: "what is silenced at present: until when, by whom and why",
    examples: &["/k8s silences"],
    run,
};

fn run(_rest: &str, standing: &Standing) -> Answer {
    let silences: Vec<_> = standing.clusters.iter().flat_map(|cluster| &cluster.silences).collect();
    if silences.is_empty() {
        return Answer::Say(reply::line("Nothing is silenced."));
    }
    let mut lines = vec![format!("*{}*", reply::count(silences.len(), "silence", "silences"))];
    lines.extend(silences.iter().map(|silence| format!("• {}", reply::silence_line(silence, standing.now))));
    lines.push("`/k8s unsilence <number>` ends one before its time.".replace('<', "&lt;").replace('>', "&gt;"));
    Answer::Say(reply::say(&lines))
}
