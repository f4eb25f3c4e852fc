//! Calls that leave when nobody acknowledges: a webhook's address and `PagerDuty`'s Events API, over HTTPS with time-outs.

use std::time::Duration;

use reqwest::{Client, StatusCode, header::RETRY_AFTER, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer is kept to be told.
const TOLD: usize = 200;

/// Who is called, which of its answers a person can mend, and how.
struct Called {
    who: &'static str,
    refuses: &'static [StatusCode],
    remedy: &'static str,
}

const WEBHOOK: Called = Called {
    who: "the webhook",
    refuses: &[StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::GONE],
    remedy: "see whether escalation.webhook_url (ESCALATION_WEBHOOK_URL) is right",
};
/// To a key that it does not know or that has another length it answers 400.
/// <https://developer.pagerduty.com/docs/send-alert-event>
const PAGERDUTY: Called = Called {
    who: "PagerDuty",
    refuses: &[StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN],
    remedy: "see whether escalation.pagerduty_key (PAGERDUTY_ROUTING_KEY) is the key of an Events API v2 integration",
};

/// Who is called by HTTP.
#[derive(Debug)]
pub struct Pager {
    /// None: nobody is to be called.
    http: Option<Client>,
    webhook: Option<SecretString>,
    pagerduty: Option<(String, SecretString)>,
}

/// Why a call did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It certainly did not arrive, and may be tried again, after a time if the other side says so.
    #[error("{why}")]
    Later {
        /// In words, without the address: that may be a secret.
        why: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// It may have arrived.
    #[error("{why}")]
    Unknown {
        /// In words, without the address.
        why: String,
    },
    /// It will never be taken as it is.
    #[error("{why}")]
    Never {
        /// In words.
        why: String,
    },
}

impl Pager {
    /// A pager for what is configured.
    ///
    /// # Errors
    /// If no TLS client can be made.
    pub fn new(webhook: Option<SecretString>, pagerduty: Option<(String, SecretString)>) -> anyhow::Result<Self> {
        let agent = concat!("k8s-monitor/", env!("CARGO_PKG_VERSION"));
        // Whoever is called is where the configuration says; a redirect might be to anywhere.
        let client =
            || Client::builder().timeout(PATIENCE).user_agent(agent).redirect(redirect::Policy::none()).build();
        let http = if webhook.is_some() || pagerduty.is_some() { Some(client()?) } else { None };
        Ok(Self { http, webhook, pagerduty })
    }

    /// Calls the webhook; `id` is the same for every attempt.
    ///
    /// # Errors
    /// If it did not take it.
    pub async fn webhook(&self, id: i64, body: &Value) -> Result<(), PageError> {
        let Some(url) = &self.webhook else { return Err(missing("escalation.webhook_url (ESCALATION_WEBHOOK_URL)")) };
        self.post(&WEBHOOK, url.expose_secret(), id, body).await
    }

    /// Tells `PagerDuty` of an event.
    ///
    /// # Errors
    /// If it did not take it.
    pub async fn pagerduty(&self, id: i64, event: &Value) -> Result<(), PageError> {
        let Some((url, key)) = &self.pagerduty else {
            return Err(missing("escalation.pagerduty_key (PAGERDUTY_ROUTING_KEY)"));
        };
        let mut event = event.clone();
        if let Some(fields) = event.as_object_mut() {
            fields.insert("routing_key".to_owned(), json!(key.expose_secret()));
        }
        self.post(&PAGERDUTY, &format!("{url}/v2/enqueue"), id, &event).await
    }

    async fn post(&self, called: &Called, url: &str, id: i64, body: &Value) -> Result<(), PageError> {
        let Called { who, refuses, remedy } = called;
        let Some(http) = &self.http else { return Err(missing("[escalation]")) };
        let request = http.post(url).header("idempotency-key", format!("k8s-monitor-{id}")).json(body);
        let answer = request.send().await.map_err(|error| {
            let is_sure = error.is_connect() || error.is_builder();
            // The address may hold a token.
            let why = format!("{who} does not answer: {}", in_words(&error.without_url()));
            if is_sure { PageError::Later { why, after: None } } else { PageError::Unknown { why } }
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let text: String = answer.text().await.unwrap_or_default().chars().take(TOLD).collect();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = format!("{who} answers HTTP {status}{}{words}", if words.is_empty() { "" } else { ": " });
        // What a person can mend (a wrong key, a path that is not there yet) is tried again, only ever more rarely.
        if refuses.contains(&status) {
            return Err(PageError::Later { why: format!("{why}; {remedy}"), after: None });
        }
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                PageError::Never { why }
            }
            // Who is too busy did not take it; who failed may have.
            _ if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE => PageError::Unknown { why },
            _ => PageError::Later { why, after: after.map(Duration::from_secs) },
        })
    }
}

fn missing(key: &str) -> PageError {
    PageError::Later { why: format!("{key} is not set any more"), after: None }
}

/// An error with what caused it.
fn in_words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
