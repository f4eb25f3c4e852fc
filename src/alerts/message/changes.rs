//! What was changed before an incident, in the lines of its message: what, by whom, how long before, how sure; and the way back.

use super::{LINE, NAME, SENTENCE};
use crate::{
    alerts::blocks::{cap, escape_line, link},
    incidents::{CHANGES_WITHIN, Changed, CommitOf, Confidence, ImageCommits, Incident, Link, Suspect, in_words},
};

/// Longest title of a commit.
const TITLE: usize = 100;

/// What was changed; nothing as long as that was not looked for, and of what has no rollouts.
pub(super) fn changed(incident: &Incident) -> Vec<String> {
    let Some(changed) = incident.changed.as_deref() else { return Vec::new() };
    // What is hardly likely is told only where nothing better is.
    let others = changed.suspects.iter().skip(1).filter(|it| it.confidence != Confidence::Low);
    let others = others.flat_map(|it| with_code(suspected("Also changed", incident, it), it));
    let first = changed.first().map(|it| with_code(suspected("What changed", incident, it), it));
    let mut lines: Vec<String> = first.into_iter().flatten().chain(others).collect();
    if lines.is_empty() && changed.unknown.is_empty() {
        lines.push(nothing(incident, changed));
    }
    let head = if lines.is_empty() { "What changed" } else { "Not known" };
    lines.extend(changed.sync_failed.iter().map(|why| cap(&escape_line(why), SENTENCE)));
    lines.extend(changed.unknown.iter().map(|why| format!("{head}: {}", cap(&escape_line(why), LINE))));
    lines
}

/// The way back from what is likely to be the cause.
pub(super) fn undo(incident: &Incident) -> Option<String> {
    let first = incident.changed.as_ref()?.first().filter(|it| it.confidence != Confidence::Low)?;
    Some(format!("Undo: {}", cap(&escape_line(first.undo.as_ref()?), LINE)))
}

/// The line of a suspect, with those of its commit and of what its image has.
fn with_code(line: String, it: &Suspect) -> Vec<String> {
    // A suspect that is a commit itself tells its title and author already.
    let is_itself = |commit: &CommitOf| it.change.ends_with(&commit.commit.text);
    let commit = it.commit.as_deref().map(|commit| committed(commit, is_itself(commit)));
    let image = it.image.as_deref().map(built);
    std::iter::once(line).chain(commit).chain(image).collect()
}

/// `Commit: abc1234 “Lower the limit” by ana · #42 · acme/gitops · build failed`.
fn committed(commit: &CommitOf, is_told: bool) -> String {
    let head = if commit.is_sure || is_told { "Commit" } else { "Commit before it" };
    let (title, author) = (cap(&escape_line(&commit.title), TITLE), cap(&escape_line(&commit.author), NAME));
    let what = if is_told { String::new() } else { format!(" “{title}” by {author}") };
    let links = [&commit.pull, &commit.run].into_iter().flatten().map(|it| format!(" · {}", linked(it)));
    let (sha, repository) = (linked(&commit.commit), escape_line(&commit.repository));
    format!("{head}: {sha}{what} · {repository}{}", links.collect::<String>())
}

/// `In the image: 3 commits by ana, ben: “Cache more”, “Tidy” · 5.7.0...5.8.0 of acme/api`.
fn built(image: &ImageCommits) -> String {
    let count = match (image.count, image.is_backwards) {
        (0, _) => "no commit of its code is different".to_owned(),
        (1, false) => "1 commit".to_owned(),
        (n, false) => format!("{n} commits"),
        (1, true) => "1 commit less".to_owned(),
        (n, true) => format!("{n} commits less"),
    };
    let names = |names: &[String]| names.iter().map(|it| cap(&escape_line(it), NAME)).collect::<Vec<_>>().join(", ");
    let by = if image.authors.is_empty() { String::new() } else { format!(" by {}", names(&image.authors)) };
    let titles: Vec<String> = image.titles.iter().map(|it| format!("“{}”", cap(&escape_line(it), TITLE))).collect();
    let titles = if titles.is_empty() { String::new() } else { format!(": {}", titles.join(", ")) };
    format!("In the image: {count}{by}{titles} · {} of {}", linked(&image.range), escape_line(&image.repository))
}

fn linked(it: &Link) -> String {
    link(&cap(&escape_line(&it.text), NAME), it.url.as_deref())
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
    let commit = it.source.as_ref().map(|source| format!(" at {}", source.short())).unwrap_or_default();
    let note = it.note.as_ref().map(|note| format!(" (“{note}”)")).unwrap_or_default();
    let ago = incident.since.duration_since(it.at);
    let when = if ago.as_secs() < 1 { "as it began".to_owned() } else { format!("{} before", in_words(ago)) };
    // How sure it is must be readable whatever is cut.
    let line = cap(&escape_line(&format!("{what}{}{by}{commit}{note}", it.change)), SENTENCE);
    format!("{head}: {line}, {when} · *{}*", it.confidence)
}
