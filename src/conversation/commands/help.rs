//! `/k8s help`: what can be asked.

use super::{Answer, COMMANDS, Command, find, usage};
use crate::conversation::{reply, standing::Standing};

/// The command.
pub const COMMAND: Command = Command {
    word: "help",
    aliases: &["?", "commands"],
    usage: "/k8s help [word]",
    help: "what can be asked, or how one word is used",
    examples: &["/k8s help ack"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    match rest.split_whitespace().next().map(find) {
        Some(Some(command)) => usage(command, ""),
        Some(None) | None => everything(standing),
    }
}

/// All words with their one line.
pub(crate) fn everything(standing: &Standing) -> Answer {
    let mut lines = vec!["I watch Kubernetes and say here what breaks. You can ask:".to_owned()];
    lines.extend(COMMANDS.iter().map(|c| format!("• `{}`: {}", reply::escape(c.usage), c.help)));
    if standing.clusters.len() > 1 {
        let names: Vec<String> = standing.clusters.iter().map(|cluster| reply::code(&cluster.name)).collect();
        lines.push(format!("Each takes `--cluster` and a name: {}.", names.join(", ")));
    }
    lines.push(
        "In the thread of an alert just ask: why? who is hit? since when? what to do? show the evidence. How is it now?"
            .to_owned(),
    );
    Answer::Say(reply::say(&lines))
}

#[cfg(test)]
mod tests {
    use super::super::{answer, said};
    use crate::conversation::standing::samples;
    use insta::assert_snapshot;

    #[test]
    fn nothing_at_all_is_help() {
        let standing = samples::healthy();
        assert_snapshot!(said(answer("", &standing)), @r"
        I watch Kubernetes and say here what breaks. You can ask:
        • `/k8s status`: open incidents, what I cannot see, the last pass, and how I am
        • `/k8s incidents [days]`: the open incidents, SEV-3 and SEV-4 too; with a number of days also those that are over
        • `/k8s show &lt;incident&gt;`: all that is known of one incident, open or over, and how its severity was reached
        • `/k8s analyze &lt;namespace&gt;`: looks at a namespace now and posts what is wrong in it, with the evidence
        • `/k8s changes [service, workload or namespace] [since]`: lists what was rolled out or configured anew, broken or not, with what was different and who did it
        • `/k8s ack &lt;incident&gt; [note]`: says that you take care of an incident; I stay silent about it until it gets worse or is resolved
        • `/k8s unack &lt;incident&gt;`: takes an acknowledgement back; I tell of the incident again until somebody takes care of it
        • `/k8s resolve &lt;incident&gt; [note]`: closes an incident by hand; it comes back in its thread if it is still wrong 5 min later
        • `/k8s silence &lt;what&gt; &lt;time&gt; [reason]`: tells nothing of an incident, a namespace, a workload, a service or a check for a time, SEV-1 included
        • `/k8s silences`: what is silenced at present: until when, by whom and why
        • `/k8s unsilence &lt;number&gt;`: ends a silence before its time; what is still wrong is told
        • `/k8s services`: who matters: the catalogue of services, what each entry stands for, and what is to be mended in it
        • `/k8s history [service, workload or namespace] [days]`: how often something was wrong, how long, how soon somebody took care, and what comes again at the same time
        • `/k8s help [word]`: what can be asked, or how one word is used
        In the thread of an alert just ask: why? who is hit? since when? what to do? show the evidence. How is it now?
        ");
        assert_eq!(answer(" ", &standing), answer("help", &standing));
        let several = said(answer("help", &samples::two_clusters()));
        assert!(several.contains("\nEach takes `--cluster` and a name: `production`, `edge`.\n"), "{several}");
        assert_snapshot!(said(answer("help ack", &standing)), @r"
        `/k8s ack &lt;incident&gt; [note]`: says that you take care of an incident; I stay silent about it until it gets worse or is resolved
           for example `/k8s ack INC-2026-11-24-001 rolling back`
           for example `/k8s ack 1`
        ");
    }
}
