//! What went wrong with GitHub: what, where, how to mend it, and whether asking again may help. One line, without secrets.

use std::fmt;

use jiff::Timestamp;

use super::limits::Limit;
use crate::clock::Now;

/// A question to GitHub that was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitHubError {
    /// The client could not be made.
    Setup(String),
    /// GitHub does not know the token (401).
    BadCredentials {
        /// Whose they are.
        of: Credentials,
        /// GitHub's words.
        said: String,
    },
    /// The token may not do this (403).
    NotAllowed {
        /// What was asked for.
        place: String,
        /// What it needs for that, if GitHub said so.
        needs: Option<Needs>,
        /// GitHub's words.
        said: String,
    },
    /// The organisation wants single sign-on for the token (403).
    SignOn {
        /// What was asked for.
        place: String,
        /// The organisation, if GitHub named it.
        organisation: Option<String>,
    },
    /// It is not there, or must not be seen with this token (404): GitHub does not tell the two apart.
    NotFound {
        /// What was asked for.
        place: String,
        /// With which credentials.
        of: Credentials,
        /// What it needs for that, if GitHub said so.
        needs: Option<Needs>,
    },
    /// GitHub does not take the question (409, 422 and other refusals).
    Invalid {
        /// What was asked for.
        place: String,
        /// HTTP status.
        status: u16,
        /// GitHub's words.
        said: String,
    },
    /// Not asked: less than a tenth of the limit is left, which is kept for SEV-1.
    Spared {
        /// When all requests are there again.
        until: Timestamp,
    },
    /// Not asked, or refused: GitHub wants no request before that time.
    Limited {
        /// When it may be asked again.
        until: Timestamp,
        /// Which limit it is.
        limit: Limit,
    },
    /// The answer leads to another host: not followed, the token stays here.
    Elsewhere {
        /// What was asked for.
        place: String,
        /// The other host.
        host: String,
    },
    /// GitHub is in trouble (5xx).
    Server {
        /// What was asked for.
        place: String,
        /// HTTP status.
        status: u16,
        /// How the answer begins.
        saw: String,
    },
    /// The answer is not what this question is answered with.
    NotJson {
        /// What was asked for.
        place: String,
        /// What came, and how it begins.
        saw: String,
    },
    /// No answer in time.
    TimedOut {
        /// What was asked for.
        place: String,
        /// How long was waited, in milliseconds.
        waited_ms: u128,
    },
    /// No connection: refused, no such host, TLS.
    Unreachable {
        /// The host.
        host: String,
        /// In words of the network.
        why: String,
    },
}

/// With what the bot proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// With nothing: only what is public can be read, 60 requests an hour.
    Nothing,
    /// With a token.
    Token,
    /// With the key of a GitHub App.
    App,
}

/// What a token needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Permissions of a fine-grained token or an App, as GitHub writes them (`contents=read`).
    Permissions(String),
    /// One of these scopes of a classic token; and those it has.
    Scopes {
        /// Any of them will do.
        any_of: String,
        /// What it has.
        has: String,
    },
}

impl GitHubError {
    /// Whether the same question may be answered later although nobody mends anything.
    pub fn is_worth_trying_again(&self) -> bool {
        match self {
            Self::Spared { .. }
            | Self::Limited { .. }
            | Self::Server { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. } => true,
            Self::Setup(_)
            | Self::BadCredentials { .. }
            | Self::NotAllowed { .. }
            | Self::SignOn { .. }
            | Self::NotFound { .. }
            | Self::Invalid { .. }
            | Self::Elsewhere { .. }
            | Self::NotJson { .. } => false,
        }
    }

    /// Before when asking again cannot help.
    pub fn until(&self) -> Option<Timestamp> {
        if let Self::Spared { until } | Self::Limited { until, .. } = self { Some(*until) } else { None }
    }
}

impl std::error::Error for GitHubError {}

impl fmt::Display for GitHubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(why) => f.write_str(why),
            Self::BadCredentials { of: Credentials::App, said } => write!(
                f,
                "GitHub does not accept the GitHub App ({said}): check its app id, private key and installation id, whether it is still installed, and this machine's clock"
            ),
            Self::BadCredentials { said, .. } => write!(
                f,
                "GitHub does not accept the token ({said}): it is wrong, expired or revoked; make a new one and set GITHUB_TOKEN"
            ),
            Self::NotAllowed { place, needs: Some(needs), said } => {
                write!(f, "GitHub does not show {place} to this token ({said}): give it {needs}")
            }
            Self::NotAllowed { place, needs: None, said } => {
                write!(f, "GitHub does not show {place} to this token ({said}); check what it may do")
            }
            Self::SignOn { place, organisation } => write!(
                f,
                "GitHub does not show {place}: {} wants single sign-on; authorize the token there (GitHub, Settings, Developer settings, tokens, Configure SSO)",
                organisation.as_deref().unwrap_or("its organisation")
            ),
            Self::NotFound { place, of, needs } => {
                write!(f, "{place}: does not exist, or is private and not readable ")?;
                match (of, needs) {
                    (Credentials::Nothing, _) => {
                        write!(f, "without a token; set GITHUB_TOKEN to one with `contents: read` there")
                    }
                    (_, Some(needs)) => write!(f, "with this token; check the name, or give the token {needs} there"),
                    (Credentials::App, None) => write!(
                        f,
                        "with this GitHub App; check the name, or install the App there with `contents: read`"
                    ),
                    (Credentials::Token, None) => {
                        write!(f, "with this token; check the name, or give the token `contents: read` there")
                    }
                }
            }
            Self::Invalid { place, status, said } => {
                write!(f, "GitHub does not take the question for {place} (HTTP {status}: {said})")
            }
            Self::Spared { until } => write!(
                f,
                "less than a tenth of GitHub's requests is left: they are kept for SEV-1 until {}",
                Now::utc(*until).tell(*until)
            ),
            Self::Limited { until, limit: Limit::Primary } => {
                write!(f, "GitHub's requests for this hour are used up: again at {}", Now::utc(*until).tell(*until))
            }
            Self::Limited { until, limit: Limit::Secondary } => {
                write!(f, "GitHub wants fewer requests at once: again at {}", Now::utc(*until).tell(*until))
            }
            Self::Elsewhere { place, host } => write!(
                f,
                "GitHub's answer for {place} leads to {host}, which is not followed: the token is for GitHub alone; check GITHUB_API_URL"
            ),
            Self::Server { place, status, saw } => {
                write!(f, "GitHub is in trouble: {place} is answered by HTTP {status} ({saw})")
            }
            Self::NotJson { place, saw } => write!(
                f,
                "{place}: answered by something else than GitHub's API ({saw}); is a proxy in between, or is GITHUB_API_URL wrong? Enterprise has https://HOST/api/v3"
            ),
            Self::TimedOut { place, waited_ms } => {
                write!(f, "GitHub does not answer for {place} within {} s", waited_ms.div_ceil(1000))
            }
            Self::Unreachable { host, why } => {
                write!(f, "GitHub cannot be reached at {host} ({why}); check network, proxy and GITHUB_API_URL")
            }
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permissions(all) => write!(f, "`{}`", all.replace('=', ": ")),
            Self::Scopes { any_of, has } if has.is_empty() => write!(f, "the scope `{any_of}` (it has none)"),
            Self::Scopes { any_of, has } => write!(f, "the scope `{any_of}` (it has `{has}`)"),
        }
    }
}
