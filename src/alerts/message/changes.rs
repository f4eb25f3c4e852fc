//! What was changed before an incident, in the lines of its message: what, by whom, how long before, how sure; and the way back.

use super::{LINE, NAME, SENTENCE};
use crate::{
    alerts::blocks::{cap, escape_line, link},
    incidents::{
        CHANGES_WITHIN, Changed, CommitOf, Confidence, DeploymentOf, ImageCommits, Incident, Link, Other,
        RolledOutSince, Shared, Suspect, in_words,
    },
};

/// So many other incidents that a change explains are named.
const OTHERS: usize = 3;
/// Longest title of a commit.
const TITLE: usize = 100;

/// What was changed; nothing as long as that was not looked for, and of what has no rollouts.
pub(super) fn changed(incident: &Incident) -> Vec<String> {
    let Some(changed) = incident.changed.as_deref() else { return Vec::new() };
    // What is hardly likely is told only where nothing better is.
    let others = changed.suspects.iter().skip(1).filter(|it| it.confidence != Confidence::Low);
    let others = others.flat_map(|it| with_code(suspected("Also changed", incident, it), it));
    let first = changed.first().map(|it| match &changed.shared {
        Some(Shared::ToldBy(other)) => vec![told_by(other, it)],
        shared => {
            let lines = with_code(suspected("What changed", incident, it), it);
            lines.into_iter().chain(shared.as_ref().and_then(explains)).collect()
        }
    });
    let mut lines: Vec<String> = first.into_iter().flatten().chain(others).collect();
    if lines.is_empty() && changed.unknown.is_empty() {
        lines.push(nothing(incident, changed));
    }
    lines.extend(changed.since.as_ref().map(|it| since(incident, it)));
    let head = if lines.is_empty() { "What changed" } else { "Not known" };
    lines.extend(changed.sync_failed.iter().map(|why| cap(&escape_line(why), SENTENCE)));
    lines.extend(changed.unknown.iter().map(|why| format!("{head}: {}", cap(&escape_line(why), LINE))));
    lines
}

/// `What changed: the same as in INC-2026-11-24-001 (Deployment shop/web), ConfigMap shop/settings · HIGH`.
fn told_by(other: &Other, it: &Suspect) -> String {
    let of = cap(&escape_line(&other.owner.to_string()), NAME);
    let what = cap(&escape_line(&it.change), NAME);
    format!("What changed: the same as in {} ({of}), {what} · *{}*", other.id, it.confidence)
}

/// `It also explains INC-2026-11-24-002 (Deployment shop/cart)`.
fn explains(shared: &Shared) -> Option<String> {
    let Shared::ToldHere(others) = shared else { return None };
    let named =
        others.iter().take(OTHERS).map(|it| format!("{} ({})", it.id, cap(&escape_line(&it.owner.to_string()), NAME)));
    let more = others.len().saturating_sub(OTHERS);
    let more = (more > 0).then(|| format!("{more} more"));
    Some(format!("It also explains {}", named.chain(more).collect::<Vec<_>>().join(", ")))
}

/// The way back from what is likely to be the cause. What is taken back once for all is told once, where that change is.
pub(super) fn undo(incident: &Incident) -> Option<String> {
    let changed = incident.changed.as_ref()?;
    let first = changed.first().filter(|it| it.confidence != Confidence::Low)?;
    let is_for_all = first.setting.is_some() || first.source.is_some();
    if is_for_all && matches!(changed.shared, Some(Shared::ToldBy(_))) {
        return None;
    }
    Some(format!("Undo: {}", cap(&escape_line(first.undo.as_ref()?), LINE)))
}

/// The line of a suspect, with those of its commit and of what its image has.
fn with_code(line: String, it: &Suspect) -> Vec<String> {
    // A suspect that is a commit itself tells its title and author already.
    let is_itself = |commit: &CommitOf| it.change.ends_with(&commit.commit.text);
    let commit = it.commit.as_deref().map(|commit| committed(commit, is_itself(commit)));
    let image = it.image.as_deref().map(built);
    let deployment = it.deployment.as_deref().map(deployed);
    std::iter::once(line).chain(commit).chain(deployment).chain(image).collect()
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

/// `Deployment: 9f3c2ab to production by ana · failed`.
fn deployed(it: &DeploymentOf) -> String {
    let head = if it.is_sure { "Deployment" } else { "Deployment before it" };
    let (environment, commit) = (cap(&escape_line(&it.environment), NAME), cap(&escape_line(&it.commit), NAME));
    let by = it.by.as_ref().map(|by| format!(" by {}", cap(&escape_line(by), NAME))).unwrap_or_default();
    let state = it.state.as_ref().map(|state| format!(" · {}", link(&escape_line(state), it.log.as_deref())));
    format!("{head}: {commit} to {environment}{by}{}", state.unwrap_or_default())
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

/// `Rolled out since: image api:5.8.0 → api:5.7.9 · rollout #15 by kubectl, 20 min after it began; then a crash 2 min later`.
fn since(incident: &Incident, it: &RolledOutSince) -> String {
    let what = if it.what.is_empty() { String::new() } else { format!("{} · ", it.what.join(", ")) };
    let by = it.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let after = in_words(it.at.duration_since(incident.since));
    let then = if it.followed_by.is_empty() { String::new() } else { format!("; then {}", it.followed_by.join(", ")) };
    let line = cap(&escape_line(&format!("{what}{}{by}", it.change)), SENTENCE);
    format!("Rolled out since: {line}, {after} after it began{then}")
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
