//! Which incident somebody means by what they typed.

use super::{Answer, Command, usage};
use crate::conversation::{reply, standing::Standing};

/// An incident a person means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// One that is open.
    Open(String),
    /// Written in full, and not open: the store may know it.
    InFull(String),
}

/// The incident, or what to say because none or several are meant.
pub(super) fn which(typed: &str, command: &Command, standing: &Standing) -> Result<Which, Answer> {
    let typed = typed.trim_matches(|c: char| !c.is_alphanumeric());
    if typed.is_empty() {
        let open: Vec<_> = standing.open_incidents().into_iter().take(10).map(|i| reply::code(&i.id.0)).collect();
        let which = if open.is_empty() {
            "Which incident? None is open.".to_owned()
        } else {
            format!("Which incident? Open: {}.", open.join(", "))
        };
        return Err(usage(command, &which));
    }
    let upper = typed.to_uppercase();
    let meant: Vec<_> = standing
        .open_incidents()
        .into_iter()
        .map(|i| i.id.0.clone())
        .filter(|id| *id == upper || is_short_for(&upper, id))
        .collect();
    match meant.as_slice() {
        [one] => Ok(Which::Open(one.clone())),
        [] if upper.starts_with("INC-") && upper.matches('-').count() == 4 => Ok(Which::InFull(upper)),
        [] => Err(Answer::Say(reply::unknown_incident(typed, standing))),
        many => {
            let ids: Vec<_> = many.iter().map(|id| reply::code(id)).collect();
            Err(usage(command, &format!("{} is not clear: {}?", reply::code(typed), ids.join(" or "))))
        }
    }
}

/// The first word and what follows it, without quotes around that.
pub(super) fn first_word(rest: &str) -> (&str, &str) {
    let (first, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    (first, rest.trim().trim_matches('"').trim())
}

/// `1`, `001`, `INC-1` and `24-001` for `INC-2026-11-24-001`.
fn is_short_for(typed: &str, id: &str) -> bool {
    let typed = typed.strip_prefix("INC-").unwrap_or(typed);
    let last = id.rsplit('-').next().unwrap_or_default();
    match (typed.parse::<u32>(), last.parse::<u32>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => typed.contains('-') && id.ends_with(&format!("-{typed}")),
    }
}
