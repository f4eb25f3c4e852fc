//! The bot token's scopes held against those it needs: what would fail later is said now, with the remedy.

use std::fmt;

use super::{Identity, Slack, SlackError};

/// The bot token's scopes, each with what it is needed for; `manifests/slack-app.yaml` asks for exactly these.
pub const REQUIRED_SCOPES: [(&str, &str); 9] = [
    ("app_mentions:read", "questions that mention the bot"),
    ("channels:history", "questions in threads of public channels; finding a post whose answer was lost"),
    ("channels:read", "finding the channel by its name"),
    ("chat:write", "alerts, edits and replies"),
    ("commands", "/k8s"),
    ("groups:history", "the same in private channels"),
    ("groups:read", "finding a private channel by its name"),
    ("im:history", "direct messages: they are told where to ask"),
    ("users:read", "telling members from guests"),
];

/// The names of the required scopes.
pub fn required_scopes() -> impl Iterator<Item = &'static str> {
    REQUIRED_SCOPES.iter().map(|(scope, _)| *scope)
}

/// Something about the Slack app that has to be mended by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A token does not work.
    Token {
        /// The configuration key (`SLACK_BOT_TOKEN`).
        key: &'static str,
        /// What Slack said.
        error: SlackError,
    },
    /// The bot token lacks scopes.
    MissingScopes(Vec<&'static str>),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { key, error } => write!(f, "{key}: {error}"),
            Self::MissingScopes(missing) => {
                write!(f, "SLACK_BOT_TOKEN: the app lacks ")?;
                for (n, scope) in missing.iter().enumerate() {
                    let what = REQUIRED_SCOPES.iter().find(|(s, _)| s == scope).map_or("", |(_, what)| what);
                    write!(f, "{}{scope} ({what})", if n == 0 { "" } else { ", " })?;
                }
                let them = if missing.len() == 1 { "it" } else { "them" };
                write!(
                    f,
                    "; add {them} under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it"
                )
            }
        }
    }
}

/// The scopes the bot token lacks, if Slack tells which it has.
pub async fn missing_scopes(slack: &Slack, identity: &Identity) -> Option<Problem> {
    let scopes = match identity.scopes.clone() {
        Some(scopes) => scopes,
        None => probe(slack, identity).await?,
    };
    let missing: Vec<_> = required_scopes().filter(|scope| !scopes.iter().any(|has| has == scope)).collect();
    (!missing.is_empty()).then_some(Problem::MissingScopes(missing))
}

/// Without the header: harmless calls, the first refused for its scope tells all scopes the token has.
async fn probe(slack: &Slack, identity: &Identity) -> Option<Vec<String>> {
    let calls = [
        ("users.info", vec![("user", Some(identity.user_id.as_str()))]),
        ("conversations.list", vec![("types", Some("public_channel")), ("limit", Some("1"))]),
        ("conversations.list", vec![("types", Some("private_channel")), ("limit", Some("1"))]),
    ];
    for (method, params) in calls {
        if let Err(SlackError::Refused(refused)) =
            slack.get::<super::wire::Nothing>(method, &params, "the bot token").await
            && let Some(provided) = refused.provided
        {
            return Some(provided.split(',').map(|s| s.trim().to_owned()).collect());
        }
    }
    None
}
