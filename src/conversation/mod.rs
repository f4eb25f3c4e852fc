//! What people say and what is answered: Slack's payloads in, answers out; pure, so every sentence is tested as a whole.

pub mod commands;
pub mod from_slack;
pub mod of_clusters;
pub mod permissions;
pub mod reply;
pub mod standing;
pub mod thread;

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod any_text;

pub use commands::{Answer, COMMANDS};
pub use from_slack::{EnvelopeKind, Said, Unreadable};
pub use standing::Standing;

/// The names nearest to what was typed, best first, at most three; nothing that is far away.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let typed = typed.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| {
            let lower = name.to_lowercase();
            let contained = typed.len() >= 3 && (lower.contains(&typed) || typed.contains(&lower));
            (if contained { 1.0 } else { strsim::jaro_winkler(&typed, &lower) }, name)
        })
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
