//! The values of a `services.txt` as people write them: times, numbers with remarks, lists, known issues.

use jiff::SignedDuration;

use crate::services::KnownIssue;

/// The text without a remark in brackets at its end: `data (shared)` is `data`.
pub(super) fn without_remark(text: &str) -> &str {
    text.split(" (").next().unwrap_or(text).trim()
}

/// The names of a list with commas; each may have a remark, in which there may be commas; `None` is none.
pub(super) fn names(text: &str) -> impl Iterator<Item = String> {
    let mut depth = 0_i32;
    let parts = text.split(move |c: char| {
        depth = depth.saturating_add(i32::from(c == '(')).saturating_sub(i32::from(c == ')'));
        c == ',' && depth == 0
    });
    let bare = parts.map(|part| without_remark(part.trim()).to_owned());
    bare.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none")).collect::<Vec<_>>().into_iter()
}

/// The number a text begins with: `2 (HA enabled)`.
pub(super) fn number(text: &str) -> Option<u16> {
    without_remark(text).split_whitespace().next()?.parse().ok()
}

/// A time, and how it was understood if there was a choice: the shorter one, because a line too many is better than silence.
pub(super) fn duration(text: &str) -> Option<(SignedDuration, Option<String>)> {
    let text = apart(&without_remark(text).to_lowercase());
    // As a program writes it: 24 h, 1 h 30 m.
    if let Some(time) = text.parse::<SignedDuration>().ok().filter(|time| !time.is_negative()) {
        return Some((time, None));
    }
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '-').filter(|w| !w.is_empty()).collect();
    let unit = words.iter().find_map(|word| unit(word))?;
    let numbers: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let least = numbers.iter().min().copied();
    let seconds = least.unwrap_or(1).checked_mul(unit)?;
    let time = SignedDuration::from_secs(seconds);
    let is_plain = numbers.len() == 1 && words.len() == 2;
    Some((time, (!is_plain).then(|| format!("{time:#}"))))
}

/// The text with a blank between a number and what is written right behind it: `24h` is `24 h`.
fn apart(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if before.is_ascii_digit() && c.is_alphabetic() {
            out.push(' ');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Seconds of a unit by its name.
fn unit(word: &str) -> Option<i64> {
    [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)]
        .into_iter()
        .find(|(name, _)| word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest == "s"))
        .or_else(|| {
            [("sec", 1), ("min", 60), ("mins", 60), ("h", 3_600), ("d", 86_400)].into_iter().find(|u| u.0 == word)
        })
        .map(|(_, seconds)| seconds)
}

/// What a known issue looks like to the checks, by its words.
const LOOKS: [(&[&str], &[&str]); 4] = [
    (
        &["slow start", "startup", "start up", "starts slowly"],
        &["not-ready", "replicas-missing", "rollout-stuck", "service-no-endpoints"],
    ),
    (&["unseal"], &["not-ready", "replicas-missing", "rollout-stuck", "service-no-endpoints"]),
    (
        &["crashloop", "crash loop", "crash-loop"],
        &["crash-loop", "not-ready", "replicas-missing", "service-no-endpoints"],
    ),
    (&["oom"], &["out-of-memory"]),
];

/// A known issue from its sentence: which checks see it, and how long it may take.
pub(super) fn known_issue(text: &str) -> KnownIssue {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`' && c != '"' && c != '(').trim();
    let lower = text.to_lowercase();
    let mut checks: Vec<String> = Vec::new();
    for (words, names) in LOOKS {
        if words.iter().any(|word| lower.contains(word)) {
            checks.extend(
                names
                    .iter()
                    .filter(|name| !checks.iter().any(|c| c == *name))
                    .map(|n| (*n).to_owned())
                    .collect::<Vec<_>>(),
            );
        }
    }
    KnownIssue { text: text.to_owned(), checks, within: bound(&lower) }
}

/// The longest time a sentence names: `5-6 min` is six minutes. `500m` is none: that is how CPU is written.
fn bound(text: &str) -> Option<SignedDuration> {
    let text = &apart(text);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || "-–,;:()".contains(c)).filter(|w| !w.is_empty()).collect();
    let times = words.windows(2).filter_map(|pair| match pair {
        [number, word] => {
            let seconds =
                number.trim_start_matches('~').parse::<i64>().ok()?.checked_mul(unit(word.trim_end_matches('.'))?)?;
            Some(SignedDuration::from_secs(seconds))
        }
        _ => None,
    });
    times.max()
}
