//! One row handed to whoever is called by HTTP: a webhook, or `PagerDuty`.

use super::{Failure, FailureKind, Outcome};
use crate::{
    alerts::Outgoing,
    app::App,
    clients::page::PageError,
    store::{OutboxRow, OutboxState},
};

/// The destination of calls to the webhook.
pub(crate) const WEBHOOK: &str = "call webhook";
/// The destination of events for `PagerDuty`.
pub(crate) const PAGERDUTY: &str = "call pagerduty";

/// Makes the call, if the row is one. An answer that did not come may have been lost on its way back: it is called again, under the
/// same name, which `PagerDuty` takes as the same event.
pub(super) async fn send(app: &App, row: &OutboxRow) -> Option<Outcome> {
    let called = match &row.outgoing {
        Outgoing::Webhook { body } => app.pager.webhook(row.id, body).await,
        Outgoing::PagerDuty { event } => app.pager.pagerduty(row.id, event).await,
        Outgoing::Post { .. }
        | Outgoing::Edit { .. }
        | Outgoing::Reply { .. }
        | Outgoing::ReplyTo { .. }
        | Outgoing::Respond { .. } => return None,
    };
    Some(match called {
        Ok(()) => Outcome::Sent(None),
        Err(error) => {
            let why = error.to_string();
            let (kind, rest) = match error {
                // One that may have arrived before may still have.
                PageError::Later { after, .. } => (
                    if row.state == OutboxState::Unknown { FailureKind::Unknown } else { FailureKind::Later },
                    after.and_then(|after| after.try_into().ok()),
                ),
                PageError::Unknown { .. } => (FailureKind::Unknown, None),
                PageError::Never { .. } => (FailureKind::Never, None),
            };
            Outcome::Failed(Failure { kind, why, rest, is_general: false })
        }
    })
}
