//! The words behind `/k8s`: one file each, one line in the list; help and "did you mean" come from it.

pub mod ack;
pub mod analyze;
pub mod changes;
pub mod help;
pub mod history;
pub mod incidents;
pub mod resolve;
pub mod services;
pub mod show;
pub mod silence;
pub mod silences;
pub mod status;
pub mod unack;
pub mod unsilence;
mod which;

use jiff::SignedDuration;

use super::{reply, standing::Standing};
use crate::{alerts::Message, incidents::Silenced};

/// Every word, in the order of the help.
pub const COMMANDS: &[Command] = &[
    status::COMMAND,
    incidents::COMMAND,
    show::COMMAND,
    analyze::COMMAND,
    changes::COMMAND,
    ack::COMMAND,
    unack::COMMAND,
    resolve::COMMAND,
    silence::COMMAND,
    silences::COMMAND,
    unsilence::COMMAND,
    services::COMMAND,
    history::COMMAND,
    help::COMMAND,
];

/// One word and what it does.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Command {
    pub word: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    pub usage: &'static str,
    /// One line.
    pub help: &'static str,
    pub examples: &'static [&'static str],
    /// The rest of the line and how things stand in, the answer out.
    pub run: fn(&str, &Standing) -> Answer,
}

/// What a command wants.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum Answer {
    /// Say this; only the asker sees it.
    Say(Message),
    /// Change something, and say what became of it.
    Change(Change),
    /// Look something up that is not at hand, and say it.
    Ask(Query),
    /// Read what was rolled out, and post that.
    Changes { of: changes::Of, within: SignedDuration },
    /// Run the analysis of a namespace and post its result.
    Analyze { namespace: String },
}

/// What somebody wants changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what they hold; incidents go by their ids")]
pub enum Change {
    Acknowledge { incident: String, note: String },
    Unacknowledge { incident: String },
    Resolve { incident: String, note: String },
    Silence { of: Silenced, time: SignedDuration, reason: String },
    Unsilence { id: i64 },
}

/// What somebody wants to know that the store or the catalogue tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what they hold; incidents go by their ids")]
pub enum Query {
    Show { incident: String },
    Incidents { days: u16 },
    History { of: Option<String>, days: u16 },
    Services,
}

/// Answers the text behind `/k8s`; nothing at all is help.
pub fn answer(text: &str, standing: &Standing) -> Answer {
    let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    if word.is_empty() {
        return help::everything(standing);
    }
    match find(word) {
        Some(command) => (command.run)(rest.trim(), standing),
        None => Answer::Say(unknown_word(word)),
    }
}

/// The command of that word.
pub fn find(word: &str) -> Option<&'static Command> {
    let word = word.to_lowercase();
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    COMMANDS.iter().find(|c| c.word == word || c.aliases.contains(&word))
}

fn unknown_word(word: &str) -> Message {
    let nearest = super::nearest(word, COMMANDS.iter().map(|c| c.word));
    let hint = if let Some(near) = nearest.first() {
        format!("Did you mean `/k8s {near}`?")
    } else {
        let all: Vec<_> = COMMANDS.iter().map(|c| format!("`{}`", c.word)).collect();
        format!("I know {}.", all.join(", "))
    };
    reply::line(format!("I do not know {}. {hint} `/k8s help` shows everything.", reply::code(word)))
}

/// How a command is used, after a mistake or when asked.
pub(crate) fn usage(command: &Command, because: &str) -> Answer {
    let mut lines = Vec::new();
    if !because.is_empty() {
        lines.push(because.to_owned());
    }
    lines.push(format!("`{}`: {}", reply::escape(command.usage), command.help));
    lines.extend(command.examples.iter().map(|e| format!("   for example `{e}`")));
    Answer::Say(reply::say(&lines))
}

#[cfg(test)]
pub(crate) fn said(answer: Answer) -> String {
    match answer {
        Answer::Say(message) => message.text,
        Answer::Change(Change::Acknowledge { incident, note }) => format!("-> acknowledge {incident}: {note}"),
        Answer::Change(Change::Unacknowledge { incident }) => format!("-> unacknowledge {incident}"),
        Answer::Change(Change::Resolve { incident, note }) => format!("-> resolve {incident}: {note}"),
        Answer::Change(Change::Silence { of, time, reason }) => {
            format!("-> silence {of} for {}: {reason}", crate::incidents::in_words(time))
        }
        Answer::Change(Change::Unsilence { id }) => format!("-> unsilence {id}"),
        Answer::Ask(Query::Show { incident }) => format!("-> show {incident}"),
        Answer::Ask(Query::Incidents { days }) => format!("-> incidents of {days} days"),
        Answer::Ask(Query::History { of, days }) => {
            format!("-> history of {}, {days} days", of.as_deref().unwrap_or("everything"))
        }
        Answer::Ask(Query::Services) => "-> services".to_owned(),
        Answer::Analyze { namespace } => format!("-> analyze {namespace}"),
        Answer::Changes { of, within } => format!("-> changes of {of}, {}", crate::incidents::in_words(within)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::standing::samples;
    use insta::assert_snapshot;

    #[test]
    fn an_unknown_word_gets_did_you_mean() {
        let standing = samples::healthy();
        assert_snapshot!(said(answer("statsu", &standing)), @"I do not know `statsu`. Did you mean `/k8s status`? `/k8s help` shows everything.");
        assert_snapshot!(said(answer("pizza <!here>", &standing)), @"I do not know `pizza`. I know `status`, `incidents`, `show`, `analyze`, `changes`, `ack`, `unack`, `resolve`, `silence`, `silences`, `unsilence`, `services`, `history`, `help`. `/k8s help` shows everything.");
    }

    #[test]
    fn words_are_found_however_they_are_written() {
        for (typed, word) in
            [("STATUS", "status"), ("status?", "status"), ("analyse", "analyze"), ("acknowledge", "ack")]
        {
            assert_eq!(find(typed).map(|c| c.word), Some(word));
        }
    }
}
