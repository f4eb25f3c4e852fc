//! What became of a row that was handed to Slack or to a pager: it is there, or why not, and what that means.

use jiff::SignedDuration;

use crate::clients::slack::SlackError;

/// What became of a row.
pub(super) enum Outcome {
    /// It is there, with this timestamp if it is a new message.
    Sent(Option<String>),
    /// Other rows went into its place.
    Replaced,
    /// It is not there, or that is not known.
    Failed(Failure),
}

/// Why a row was not delivered.
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) why: String,
    /// How long Slack wants to be left alone.
    pub(super) rest: Option<SignedDuration>,
    /// Something may be wrong with Slack as a whole: it is asked how it is.
    pub(super) is_general: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// It is certainly not there, and may be tried again.
    Later,
    /// It may be there.
    Unknown,
    /// It will never be taken.
    Never,
    /// What it edits or answers is not there any more.
    Gone,
    /// It is there and cannot be edited any more.
    Locked,
}

/// Slack's words for a message that cannot be edited any more.
const LOCKED: [&str; 2] = ["cant_update_message", "edit_window_closed"];

impl From<SlackError> for Failure {
    fn from(error: SlackError) -> Self {
        let is_locked = error.code().is_some_and(|code| LOCKED.contains(&code));
        let kind = if is_locked {
            FailureKind::Locked
        } else if matches!(error, SlackError::MessageGone { .. }) {
            FailureKind::Gone
        } else if error.is_outcome_unknown() {
            FailureKind::Unknown
        } else if error.is_malformed() {
            FailureKind::Never
        } else {
            // The bot was not invited, a token was revoked: a person can mend that, so nothing is lost.
            FailureKind::Later
        };
        Self {
            kind,
            why: error.to_string(),
            rest: error.retry_after().and_then(|d| d.try_into().ok()),
            is_general: matches!(kind, FailureKind::Later | FailureKind::Unknown) && error.retry_after().is_none(),
        }
    }
}
