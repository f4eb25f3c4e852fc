//! JSON as GitHub sends it goes in; our values come out, their texts redacted and capped: this is where they enter.

mod commits;
mod deployments;

use serde::Deserialize;

pub(super) use commits::{WireCommit, WireComparison, WirePull};
pub(super) use deployments::{WireDeployment, WireRelease, WireRepository, WireRuns, WireStatus};

use crate::findings::redact;

/// A longer address is none that people follow.
const ADDRESS: usize = 500;

/// Accounts that are gone are null, or an object without a name.
#[derive(Debug, Deserialize)]
struct Account {
    login: Option<String>,
}

/// A path or the name of a branch, part by part: long names are no keys.
fn path(text: &str) -> String {
    let parts: Vec<String> = text.split('/').map(redact).collect();
    parts.join("/").chars().take(ADDRESS).collect()
}

fn text(text: Option<String>) -> Option<String> {
    text.map(|text| redact(&text)).filter(|text| !text.is_empty())
}

fn login(account: Option<Account>) -> Option<String> {
    text(account?.login)
}

/// An address people can follow, without credentials in it.
fn address(text: Option<String>) -> Option<String> {
    let url = url::Url::parse(&text?).ok()?;
    let is_plain = matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
    let shown = redact(url.as_str());
    // One that was cut or masked leads nowhere.
    (is_plain && shown.len() <= ADDRESS && shown == url.as_str()).then_some(shown)
}
