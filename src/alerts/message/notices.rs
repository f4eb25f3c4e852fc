//! Messages that are not about one incident: a sample, blindness, and what was already wrong at the first start.

use super::{FIRING, RESOLVED, SENTENCE, Times, headline, sentence};
use crate::{
    alerts::{
        Message,
        blocks::{Blocks, cap, escape_line},
    },
    incidents::{Incident, in_words},
};

use jiff::Timestamp;

/// A marked sample, to see whether alerts arrive.
pub fn test_alert(times: &Times<'_>) -> Message {
    let title = "TEST · this is what an alert looks like";
    let body = "Nothing is wrong. Somebody asked for a sample, to see whether alerts arrive in this channel.";
    plain_alert(title, body, &format!("sent {}", times.say(times.now)), FIRING)
}

/// The bot cannot see: the API server does not answer, or a kind without which nothing can be called healthy.
/// `what` names it (`the API server`, `pods in all namespaces`), `why` is the answer it gave.
pub fn blind_alert(cluster: &str, what: &str, why: &str, since: Timestamp, times: &Times<'_>) -> Message {
    let title = format!("🔴 Blind · {} of {} cannot be read", escape_line(what), escape_line(cluster));
    let body = format!(
        "{}\nNothing is said to be healthy and no incident is resolved until it can be read again. \
         Do: look whether the API server answers, and whether the bot may still read.",
        sentence(why)
    );
    plain_alert(&title, &body, &format!("since {}", times.say(since)), FIRING)
}

/// The bot sees again.
pub fn blind_over(cluster: &str, what: &str, since: Timestamp, times: &Times<'_>) -> Message {
    let title = format!("✅ Sees again · {} of {} can be read", escape_line(what), escape_line(cluster));
    let lasted = in_words(times.now.duration_since(since));
    let body = format!("It was blind for {lasted}. What happened meanwhile is being judged now.");
    plain_alert(&title, &body, &format!("since {}", times.say(times.now)), RESOLVED)
}

/// What was already wrong when the bot was started for the first time, as one message; the worst first.
pub fn already_there(incidents: &[Incident], times: &Times<'_>) -> Message {
    const SHOWN: usize = 15;
    let mut sorted: Vec<&Incident> = incidents.iter().collect();
    sorted.sort_by_key(|i| (i.severity, i.since, &i.owner));
    let line = |i: &&Incident| {
        let what = escape_line(&format!("{} ({}, {})", headline(i), i.owner, i.id));
        cap(&format!("{} · {what} since {}", i.severity, times.say(i.since)), SENTENCE / 3)
    };
    let mut lines: Vec<String> = sorted.iter().take(SHOWN).map(line).collect();
    if let Some(left) = sorted.len().checked_sub(SHOWN).filter(|left| *left > 0) {
        lines.push(format!("and {left} more: /k8s status"));
    }
    let title = match sorted.len() {
        1 => "1 problem was already there".to_owned(),
        n => format!("{n} problems were already there"),
    };
    plain_alert(&title, &lines.join("\n"), &format!("first look {}", times.say(times.now)), FIRING)
}

fn plain_alert(title: &str, body: &str, small: &str, colour: &str) -> Message {
    let mut blocks = Blocks::default();
    blocks.header(title);
    blocks.section(body);
    blocks.context(&[small.to_owned()]);
    blocks.into_message(&format!("{title}\n{body}"), Some(colour))
}
