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
    let all: usize = standing.clusters.iter().map(|cluster| cluster.silences.len()).sum();
    if all == 0 {
        return Answer::Say(reply::line("Nothing is silenced."));
    }
    let mut lines = vec![format!("*{}*", reply::count(all, "silence", "silences"))];
    for cluster in standing.clusters.iter().filter(|cluster| !cluster.silences.is_empty()) {
        if standing.clusters.len() > 1 {
            lines.push(format!("Cluster *{}*", reply::escape(&cluster.name)));
        }
        lines.extend(
            cluster.silences.iter().map(|silence| format!("• {}", reply::silence_line(silence, standing.present()))),
        );
    }
    lines.push("`/k8s unsilence <number>` ends one before its time.".replace('<', "&lt;").replace('>', "&gt;"));
    Answer::Say(reply::say(&lines))
}
