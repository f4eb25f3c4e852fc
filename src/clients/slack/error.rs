//! What went wrong with Slack: what, where, how to mend it, and whether the call may be repeated.

use std::{fmt, time::Duration};

use serde_json::Value;
use slack_morphism::errors::SlackClientError;

/// Slack names no time with some of its 429 answers.
const RETRY_AFTER_UNTOLD: Duration = Duration::from_secs(30);
/// Slack's own words for "it may or may not have happened".
const UNSURE: [&str; 5] =
    ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"];

/// Slack's words for a message whose form it will never take, whoever mends what.
const MALFORMED: [&str; 9] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_attachments",
    "too_many_attachments",
    "markdown_text_conflict",
    "msg_too_long",
    "msg_blocks_too_long",
    "no_text",
    "invalid_arguments",
];

/// A call to Slack that did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum SlackError {
    /// Too fast; nothing was done.
    RateLimited { method: String, retry_after: Duration },
    /// Whether it was done is not known (time-out, cut connection, 5xx): look before repeating.
    Unknown { method: String, why: String },
    /// No connection could be made; nothing was done.
    Unreachable { method: String, why: String },
    /// Slack said no, and will say so again until somebody mends it.
    Refused(Box<Refused>),
    /// The message to be edited or answered is no longer there.
    MessageGone { channel: String },
    /// Something answered that is not Slack (a proxy's login page).
    NotJson { method: String, saw: String },
    /// No channel has that name.
    NoSuchChannel { name: String, nearest: Vec<String> },
    /// The client could not be made.
    Setup(String),
}

/// Slack's refusal with all it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Refused {
    pub method: String,
    /// Where: a channel, a token, a person.
    pub place: String,
    /// Slack's word (`not_in_channel`).
    pub error: String,
    pub needed: Option<String>,
    pub provided: Option<String>,
    /// Slack's explanations (`must be less than 3001 characters [json-pointer:/blocks/0/text/text]`).
    pub detail: Vec<String>,
}

impl SlackError {
    /// Whether the call may have been carried out: look it up before it is repeated.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NotJson { .. })
    }

    /// Whether repeating it cannot help until a person mends something.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::MessageGone { .. } | Self::NoSuchChannel { .. } | Self::Setup(_))
    }

    /// Whether Slack refuses the form of the message; as plain text it may still take it.
    pub fn is_malformed(&self) -> bool {
        self.code().is_some_and(|code| MALFORMED.contains(&code))
    }

    /// The bot is not a member of a channel.
    pub fn not_in_channel(name: &str) -> Self {
        Self::refused("chat.postMessage", name, "not_in_channel".to_owned())
    }

    /// How long Slack wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::RateLimited { retry_after, .. } = self { Some(*retry_after) } else { None }
    }

    /// Slack's word for it, if it refused.
    pub fn code(&self) -> Option<&str> {
        if let Self::Refused(refused) = self { Some(&refused.error) } else { None }
    }

    pub(super) fn refused(method: &str, place: &str, error: String) -> Self {
        Self::Refused(Box::new(Refused {
            method: method.to_owned(),
            place: place.to_owned(),
            error,
            ..Refused::default()
        }))
    }

    pub(super) fn from_library(method: &str, place: &str, error: &SlackClientError) -> Self {
        let unknown = |why: String| Self::Unknown { method: method.to_owned(), why };
        match error {
            SlackClientError::ApiError(api) => {
                Self::from_answer(method, place, &api.code, api.http_response_body.as_deref())
            }
            SlackClientError::RateLimitError(limit) => Self::RateLimited {
                method: method.to_owned(),
                retry_after: limit.retry_after.unwrap_or(RETRY_AFTER_UNTOLD),
            },
            SlackClientError::HttpError(http) if http.status_code.is_client_error() => {
                let body = http.http_response_body.as_deref().unwrap_or_default().trim();
                if body.starts_with('<') {
                    return Self::NotJson {
                        method: method.to_owned(),
                        saw: format!("HTTP {} with a web page", http.status_code),
                    };
                }
                let word = body.split_whitespace().next().unwrap_or("no text");
                Self::refused(method, place, word.chars().take(60).collect())
            }
            SlackClientError::HttpError(http) => unknown(format!("HTTP {}", http.status_code)),
            SlackClientError::HttpProtocolError(protocol) => {
                let cause = protocol.cause.as_ref();
                let why = cause.map_or_else(|| "no cause given".to_owned(), |c| with_sources(c.as_ref()));
                let never_sent = cause
                    .and_then(|c| c.downcast_ref::<hyper_util::client::legacy::Error>())
                    .is_some_and(hyper_util::client::legacy::Error::is_connect);
                if never_sent { Self::Unreachable { method: method.to_owned(), why } } else { unknown(why) }
            }
            SlackClientError::ProtocolError(json) => {
                Self::NotJson { method: method.to_owned(), saw: json.json_error.to_string() }
            }
            SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
                unknown(error.to_string())
            }
            SlackClientError::SystemError(system) => unknown(
                system.cause.as_ref().map_or_else(|| "the connection was cut".to_owned(), |c| with_sources(c.as_ref())),
            ),
        }
    }

    /// From `ok: false`.
    fn from_answer(method: &str, place: &str, code: &str, body: Option<&str>) -> Self {
        let body: Value = body.and_then(|b| serde_json::from_str(b).ok()).unwrap_or_default();
        if matches!(code, "ratelimited" | "rate_limited") {
            return Self::RateLimited { method: method.to_owned(), retry_after: RETRY_AFTER_UNTOLD };
        }
        if UNSURE.contains(&code) {
            return Self::Unknown { method: method.to_owned(), why: format!("Slack said `{code}`") };
        }
        if matches!(code, "message_not_found" | "thread_not_found" | "cannot_reply_to_message") {
            return Self::MessageGone { channel: place.to_owned() };
        }
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut detail: Vec<String> = Vec::new();
        for list in [body.pointer("/response_metadata/messages"), body.get("errors")].into_iter().flatten() {
            for line in list.as_array().into_iter().flatten() {
                let line = line.as_str().map_or_else(|| line.to_string(), str::to_owned);
                let line = line.trim_start_matches("[ERROR] ").to_owned();
                if !detail.contains(&line) && detail.len() < 5 {
                    detail.push(line);
                }
            }
        }
        Self::Refused(Box::new(Refused {
            method: method.to_owned(),
            place: place.to_owned(),
            error: code.to_owned(),
            needed: text("needed"),
            provided: text("provided"),
            detail,
        }))
    }
}

/// An error with what lies under it; hyper says the interesting part last.
fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let line = source.to_string();
        if !text.contains(&line) {
            text = format!("{text}: {line}");
        }
        next = source.source();
    }
    text
}

impl std::error::Error for SlackError {}

impl fmt::Display for SlackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited { method, retry_after } => {
                write!(f, "Slack wants fewer calls of {method}: again in {} s", retry_after.as_secs())
            }
            Self::Unknown { method, why } => {
                write!(
                    f,
                    "whether {method} was carried out is not known ({why}); it is looked up before it is repeated"
                )
            }
            Self::Unreachable { method, why } => {
                write!(f, "Slack cannot be reached for {method} ({why}); check network, proxy and SLACK_API_URL")
            }
            Self::Refused(refused) => refused.fmt(f),
            Self::MessageGone { channel } => write!(f, "the message in {} was deleted in Slack", hash(channel)),
            Self::NotJson { method, saw } => write!(
                f,
                "{method} was not answered by Slack but by something else: {saw}; is a proxy in between, or is SLACK_API_URL wrong?"
            ),
            Self::NoSuchChannel { name, nearest } => {
                write!(f, "no channel #{name} that the bot can see")?;
                if nearest.is_empty() {
                    write!(f, ".")?;
                } else {
                    write!(f, "; did you mean #{}?", nearest.join(", #"))?;
                }
                write!(f, " A private channel is seen after `/invite @k8s-monitor` there; its id works too")
            }
            Self::Setup(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = hash(&self.place);
        match self.error.as_str() {
            "not_in_channel" => write!(f, "the bot is not in {place}: /invite @k8s-monitor there"),
            "channel_not_found" => write!(
                f,
                "{place} does not exist or is private and the bot is not in it: check SLACK_CHANNEL, or /invite @k8s-monitor there"
            ),
            "is_archived" => write!(f, "{place} is archived: unarchive it, or name another channel in SLACK_CHANNEL"),
            "restricted_action" | "restricted_action_read_only_channel" | "restricted_action_thread_only_channel" => {
                write!(f, "the bot may not post in {place}: let it in the channel's posting permissions")
            }
            "missing_scope" => write!(
                f,
                "{} needs the scope {} (the token has {}): add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it",
                self.method,
                self.needed.as_deref().unwrap_or("that Slack did not name"),
                self.provided.as_deref().unwrap_or("others"),
            ),
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => write!(
                f,
                "Slack does not accept {} for {} ({}): copy it again from the app's settings (SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-)",
                if self.method == "apps.connections.open" { "the app token" } else { "the bot token" },
                self.method,
                self.error
            ),
            "not_allowed_token_type" => write!(
                f,
                "{} wants another kind of token: SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-",
                self.method
            ),
            "msg_too_long" | "msg_blocks_too_long" => {
                write!(
                    f,
                    "the message for {place} is too long for Slack ({}); this is a fault of k8s-monitor",
                    self.error
                )
            }
            "invalid_blocks" | "invalid_blocks_format" | "invalid_attachments" | "no_text" => {
                write!(f, "Slack refuses the message for {place} ({}); this is a fault of k8s-monitor", self.error)
            }
            "cant_update_message" | "edit_window_closed" => {
                write!(f, "the message in {place} cannot be edited any more ({})", self.error)
            }
            "expired_url" | "used_url" => {
                write!(f, "the answer came too late or too often: Slack takes 5 answers within 30 minutes")
            }
            "user_not_found" | "user_not_visible" => write!(f, "Slack does not know the person {}", self.place),
            other => write!(f, "Slack refused {} for {place}: {other}", self.method),
        }?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail.join("; ")) }
    }
}

/// `#alerts` for a name, an id or a phrase as it is.
fn hash(place: &str) -> String {
    if place.is_empty() {
        "this call".to_owned()
    } else if place.contains(' ') || place.starts_with('#') || place.chars().any(|c| c.is_ascii_uppercase()) {
        place.to_owned()
    } else {
        format!("#{place}")
    }
}
