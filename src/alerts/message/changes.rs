//! What was changed before an incident, in the lines of its message: what, by whom, how long before, how sure; and the way back.

use super::{LINE, SENTENCE};
use crate::{
    alerts::blocks::{cap, escape_line},
    incidents::{CHANGES_WITHIN, Changed, Confidence, Incident, Suspect, in_words},
};

/// What was changed; nothing as long as that was not looked for, and of what has no rollouts.
pub(super) fn changed(incident: &Incident) -> Vec<String> {
    let Some(changed) = incident.changed.as_deref() else { return Vec::new() };
    // What is hardly likely is told only where nothing better is.
    let others = changed.suspects.iter().skip(1).filter(|it| it.confidence != Confidence::Low);
    let others = others.map(|it| suspected("Also changed", incident, it));
    let first = changed.first().map(|it| suspected("What changed", incident, it));
    let mut lines: Vec<String> = first.into_iter().chain(others).collect();
    if lines.is_empty() && changed.unknown.is_empty() {
        lines.push(nothing(incident, changed));
    }
    lines.extend(changed.unknown.iter().map(|why| format!("What changed: {}", cap(&escape_line(why), LINE))));
    lines
}

/// The way back from what is likely to be the cause.
pub(super) fn undo(incident: &Incident) -> Option<String> {
    let first = incident.changed.as_ref()?.first().filter(|it| it.confidence != Confidence::Low)?;
    Some(format!("Undo: {}", cap(&escape_line(first.undo.as_ref()?), LINE)))
}

fn nothing(incident: &Incident, changed: &Changed) -> String {
    match &changed.last {
        Some((change, at)) => {
            let ago = in_words(incident.since.duration_since(*at));
            format!("What changed: nothing that explains it; {} was {ago} before", escape_line(change))
        }
        None => format!("What changed: nothing was rolled out in the {} before", in_words(CHANGES_WITHIN)),
    }
}

/// `What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · HIGH`.
fn suspected(head: &str, incident: &Incident, it: &Suspect) -> String {
    let what = if it.what.is_empty() { String::new() } else { format!("{} · ", it.what.join(", ")) };
    let by = it.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let note = it.note.as_ref().map(|note| format!(" (“{note}”)")).unwrap_or_default();
    let ago = incident.since.duration_since(it.at);
    let when = if ago.as_secs() < 1 { "as it began".to_owned() } else { format!("{} before", in_words(ago)) };
    // How sure it is must be readable whatever is cut.
    let line = cap(&escape_line(&format!("{what}{}{by}{note}", it.change)), SENTENCE);
    format!("{head}: {line}, {when} · *{}*", it.confidence)
}
