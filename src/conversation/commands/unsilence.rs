//! `/k8s unsilence <number>`: a silence ends before its time.

use super::{Answer, Change, Command, usage, which::first_word};
use crate::conversation::{reply, standing::Standing};

/// The command.
pub const COMMAND: Command = Command {
    word: "unsilence",
    aliases: &["unmute"],
    usage: "/k8s unsilence <number>",
    help: "ends a silence before its time; what is still wrong is told",
    examples: &["/k8s unsilence 3"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let typed = first_word(rest).0.trim_matches(|c: char| !c.is_alphanumeric());
    let all: Vec<i64> = standing.clusters.iter().flat_map(|c| c.silences.iter().map(|silence| silence.id)).collect();
    let there = if all.is_empty() {
        "Nothing is silenced.".to_owned()
    } else {
        format!(
            "Numbers: {}; `/k8s silences` says what they are.",
            all.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
        )
    };
    if typed.is_empty() {
        return usage(&COMMAND, &format!("Which silence? {there}"));
    }
    match typed.parse::<i64>().ok().filter(|id| all.contains(id)) {
        Some(id) => Answer::Change(Change::Unsilence { id }),
        None => Answer::Say(reply::line(format!("There is no silence {}. {there}", reply::code(typed)))),
    }
}

#[cfg(test)]
mod tests {
    use crate::conversation::{
        commands::{answer, said},
        standing::samples,
    };

    #[test]
    fn silences_are_listed_and_ended_by_their_number() {
        let broken = samples::broken();
        insta::assert_snapshot!(said(answer("silences", &broken)), @"
        *1 silence*
        • 3 · namespace shop-staging until 16:00 UTC (1 h 51 min), by <@U2>: we move it &lt;!here&gt;
        `/k8s unsilence &lt;number&gt;` ends one before its time.
        ");
        assert_eq!(said(answer("silences", &samples::healthy())), "Nothing is silenced.");
        assert_eq!(said(answer("unsilence 3", &broken)), "-> unsilence 3");
        assert_eq!(said(answer("unsilence #3", &broken)), "-> unsilence 3");
        insta::assert_snapshot!(said(answer("unsilence 9", &broken)), @"There is no silence `9`. Numbers: 3; `/k8s silences` says what they are.");
        assert_eq!(said(answer("unsilence 9", &samples::healthy())), "There is no silence `9`. Nothing is silenced.");
    }
}
