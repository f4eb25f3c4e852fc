//! The texts of alerts, as Block Kit and as plain text: the root message of an incident and the notes in its thread.

mod changes;
mod notices;
mod parts;
mod rollouts;

use jiff::Timestamp;

pub use notices::{test_alert, warnings};
pub use parts::headline;
pub use rollouts::rollouts_began;

use super::{
    Message, Note,
    blocks::{Blocks, Button, cap, escape_line},
};
use crate::{
    clock::Now,
    incidents::{Incident, digest::is_digest, in_words},
};

/// Colour of something that is wrong.
pub const FIRING: &str = "#a30200";
/// Colour of something that can wait.
pub const WARNING: &str = "#e8c547";
/// Colour of something somebody takes care of.
pub const ACKNOWLEDGED: &str = "#daa038";
/// Colour of something nobody wants to hear of for a time.
pub const SILENCED: &str = "#9b8aa6";
/// Colour of something that is told elsewhere.
pub const SYMPTOM: &str = "#b0b0b0";
/// Colour of something that is over.
pub const RESOLVED: &str = "#2eb886";

/// The longest a sentence or a name from the cluster may be in a message.
const SENTENCE: usize = 600;
const NAME: usize = 120;
/// The longest line of evidence.
const LINE: usize = 300;
/// How many Services, other findings and lines of evidence are shown.
const SHOWN: usize = 3;
/// How many of those a shared cause hits are named.
const HIT_BY_NAME: usize = 5;

/// The present, the zone in which times are shown, and the cluster that is told of.
#[derive(Clone, Copy, Debug)]
pub struct Times<'a> {
    /// The present, with the zone.
    pub now: Now<'a>,
    /// The cluster, as people call it.
    pub cluster: &'a str,
    /// Whether there are others, so that every message has to name it.
    pub is_one_of_many: bool,
}

impl Times<'_> {
    /// As [`Now::tell`].
    pub(super) fn say(&self, at: Timestamp) -> String {
        self.now.tell(at)
    }
}

/// The message of an incident, as it is now. It is posted once and then edited in place. The line above the coloured bar is
/// what a phone shows; what is below does not repeat it.
pub fn root(incident: &Incident, times: &Times<'_>) -> Message {
    if is_digest(&incident.owner) {
        return notices::digest(incident, times);
    }
    let is_wrong = incident.is_open() && incident.healthy_since.is_none();
    let mut facts = Vec::new();
    if is_wrong {
        facts.push(capital(&parts::cause(incident)));
        facts.extend(parts::who(incident));
        facts.extend(parts::hit_too(incident));
        facts.extend(parts::hit(incident));
        facts.extend(parts::before(incident, times));
        if incident.parent.is_none() {
            facts.extend(changes::changed(incident));
            facts.extend(changes::undo(incident));
            facts.extend(parts::todo(incident));
        }
        facts.extend(parts::others(incident));
    } else {
        // Nobody must take what is over for what is.
        facts.push(format!("Was: {}", parts::cause(incident)));
        facts.extend(parts::who(incident));
        facts.extend(changes::changed(incident));
    }
    facts.extend(parts::state(incident, times));
    let mut blocks = Blocks::default();
    blocks.section(&facts.join("\n"));
    blocks.code(&evidence(incident));
    signed(blocks, incident, times)
}

/// A message with what every incident's message has: its button, its times and its headline.
fn signed(mut blocks: Blocks, incident: &Incident, times: &Times<'_>) -> Message {
    if incident.is_open() && incident.acknowledged.is_none() && incident.parent.is_none() && incident.silenced.is_none()
    {
        blocks.actions(&[Button { action: "ack", text: "Acknowledge", value: incident.id.0.clone() }]);
    }
    blocks.context(&[parts::small_print(incident, times)]);
    let headline = format!("{} *{}* · {}", parts::emoji(incident), parts::title(incident, times), id(incident));
    blocks.into_message(&headline, Some(parts::colour(incident)))
}

/// What is said in the thread. It may be shown in the channel too, so it can be understood by itself.
pub fn note(note: Note, before: Option<&Incident>, incident: &Incident, times: &Times<'_>) -> Message {
    let id = id(incident);
    let title = || format!("{}* · {id}", parts::title(incident, times));
    let text = match note {
        Note::Worse => {
            let why = sentence(&incident.why);
            let mut lines = vec![
                format!("{} *Worse: {}", parts::emoji(incident), title()),
                capital(&parts::cause(incident)),
                format!("{} because {why}", incident.severity),
            ];
            lines.extend(parts::hit_too(incident));
            lines.extend(parts::hit(incident));
            lines.extend(parts::no_longer(before, incident, times));
            lines.join("\n")
        }
        Note::Wider => {
            let mut lines = vec![format!("{} *More are hit: {}", parts::emoji(incident), title())];
            lines.extend(parts::hit_too(incident));
            lines.extend(parts::hit(incident));
            lines.extend(parts::no_longer(before, incident, times));
            lines.join("\n")
        }
        Note::Still | Note::SilenceOver => {
            let lasts = in_words(times.now.at.duration_since(incident.since));
            let what = if note == Note::Still { "Still wrong" } else { "The silence is over, and it is still wrong" };
            let mut lines = vec![
                format!("{} *{what} after {lasts}: {}", parts::emoji(incident), title()),
                capital(&parts::cause(incident)),
            ];
            lines.extend(parts::who(incident));
            lines.extend(parts::hit_too(incident));
            lines.extend(parts::hit(incident));
            lines.extend(parts::todo(incident));
            if incident.acknowledged.is_none() {
                lines.push(format!("Nobody takes care of it yet: `/k8s ack {id}`"));
            }
            lines.join("\n")
        }
        Note::Changed => format!("Now: {}", parts::now(incident)),
        Note::Unacknowledged => {
            // By itself only because it is worse than it was.
            let is_worse = before.is_some_and(|before| incident.severity < before.severity);
            let no_longer = parts::no_longer(before, incident, times).filter(|_| is_worse);
            no_longer.unwrap_or_else(|| format!("{id} is not acknowledged any more"))
        }
        Note::Reminder => parts::reminder(incident, times),
        Note::Silenced => parts::silenced(incident, times).unwrap_or_else(|| format!("{id} is not silenced")),
        Note::Reopened => format!(
            "{} *It is back: {}\n{}\nIt came back {} within a day, so it now has to be well for {} before it counts as resolved.",
            parts::emoji(incident),
            title(),
            capital(&parts::cause(incident)),
            times_said(incident.reopened),
            in_words(incident.hold()),
        ),
        Note::Acknowledged => {
            parts::acknowledged(incident, times).unwrap_or_else(|| format!("{id} is not acknowledged"))
        }
        Note::Absorbed => {
            let parent = parts::parent(incident).unwrap_or_else(|| "of another incident".to_owned());
            format!("This is part {parent}: everything is told there from now on.")
        }
        Note::Released => format!(
            "{} *Not over: {}\nWhat it was a symptom of is over, and this is still wrong: {}",
            parts::emoji(incident),
            title(),
            parts::cause(incident)
        ),
        Note::Resolved => format!("{} *{}", parts::emoji(incident), title()),
    };
    let mut blocks = Blocks::default();
    blocks.section(&text);
    blocks.into_message(&text, None)
}

/// Somebody is called in the thread, and in the channel: a user or a group by its id, which is ours and not escaped.
pub(super) fn mention(id: &str, incident: &Incident, times: &Times<'_>) -> Message {
    let who = if id.starts_with('S') { format!("<!subteam^{id}> ") } else { format!("<@{id}> ") };
    called(&format!("{who}nobody"), incident, times)
}

/// A channel is called that has the message already.
pub(super) fn called_again(incident: &Incident, times: &Times<'_>) -> Message {
    called("Nobody", incident, times)
}

fn called(nobody: &str, incident: &Incident, times: &Times<'_>) -> Message {
    let since = incident.telling.news_at.unwrap_or(incident.opened_at);
    let waited = in_words(times.now.at.duration_since(since));
    let text = format!(
        "{nobody} has acknowledged this for {waited}\n{} *{}* · {}\n{}",
        parts::emoji(incident),
        parts::title(incident, times),
        self::id(incident),
        capital(&parts::cause(incident)),
    );
    let mut blocks = Blocks::default();
    blocks.section(&text);
    blocks.into_message(&text, None)
}

fn id(incident: &Incident) -> String {
    cap(&escape_line(&incident.id.0), NAME)
}

/// The evidence of the headline first; several findings may be proved by the same. Lines of a log come last: they prove nothing.
fn evidence(incident: &Incident) -> String {
    let mut lines: Vec<String> = Vec::new();
    for it in incident.findings.values().flat_map(|f| &f.evidence) {
        if lines.len() == SHOWN {
            break;
        }
        // An event may have no words.
        let text = if it.text.is_empty() { it.source.clone() } else { format!("{}: {}", it.source, it.text) };
        let line = cap(&escape_line(&text), LINE);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let Some(log) = &incident.log {
        lines.push(cap(&escape_line(&log.title()), LINE));
        // Marked, so that what an application writes cannot pass for what is known.
        lines.extend(log.shown().map(|line| format!("| {}", cap(&escape_line(line), LINE))));
    }
    lines.join("\n")
}

/// With a capital letter, to begin a line.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn sentence(text: &str) -> String {
    cap(&escape_line(text), SENTENCE)
}

fn times_said(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
pub(crate) mod any_text;
#[cfg(test)]
mod tests;
