//! What is done, one after the other, as long as nobody acknowledges an incident.

use std::fmt;

use jiff::SignedDuration;

use super::{Severity, in_words};

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A user (`U...`) or a group (`S...`) in Slack is mentioned in the thread, and in the channel.
    Mention(String),
    /// Who is responsible by the catalogue of services is mentioned.
    Owner,
    /// The incident is posted in another channel, and kept up to date there.
    Channel(String),
    /// An address is called.
    Webhook,
    /// `PagerDuty` is told, and told again when somebody acknowledges and when it is over.
    PagerDuty,
}

/// One step of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationStep {
    /// How long after people heard of it last as news.
    pub after: SignedDuration,
    /// For incidents that are at least this bad; None: for all that are posted.
    pub from: Option<Severity>,
    /// Who is called.
    pub call: Call,
}

impl EscalationStep {
    /// The channel that is called, if it is one.
    pub fn channel(&self) -> Option<&str> {
        if let Call::Channel(name) = &self.call { Some(name) } else { None }
    }

    /// Whether it is for an incident as bad as this.
    pub fn is_for(&self, severity: Severity) -> bool {
        severity.is_said() && self.from.is_none_or(|from| severity <= from)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mention(id) => write!(f, "mention {id}"),
            Self::Owner => f.write_str("mention owner"),
            Self::Channel(name) => write!(f, "channel {name}"),
            Self::Webhook => f.write_str("webhook"),
            Self::PagerDuty => f.write_str("pagerduty"),
        }
    }
}

impl fmt::Display for EscalationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", in_words(self.after))?;
        if let Some(from) = self.from {
            write!(f, " {from}")?;
        }
        write!(f, " {}", self.call)
    }
}

/// How people are told again of what nobody takes care of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits<'a> {
    /// After what time who acknowledged is reminded, if at all.
    pub reminds_after: Option<SignedDuration>,
    /// Who is called, one after the other.
    pub escalation: &'a [EscalationStep],
}
