//! Faults on demand: what the next calls of a method answer instead of the truth.

use std::collections::{BTreeMap, VecDeque};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// HTTP 429 with `Retry-After` in seconds; nothing is done.
    RateLimited(u32),
    /// HTTP 503 with a page of HTML; nothing is done.
    Unavailable,
    /// `ok: false` with this error word; nothing is done.
    Refused(String),
    /// The connection is cut before anything is done.
    CutBefore,
    /// It is done, but the connection is cut before the answer: the outcome is unknown to the caller.
    CutAfter,
    /// It is done, but no answer ever comes.
    Hang,
    /// It arrives late: it is done, and answered, once the workspace lets it go. To Slack who calls was asleep meanwhile.
    Held,
}

impl Fault {
    /// Whether the call takes effect although its answer is lost.
    pub(crate) fn takes_effect(&self) -> bool {
        matches!(self, Self::CutAfter | Self::Hang)
    }

    /// The answer; nothing for a call that hangs.
    pub(crate) fn answer(&self) -> Option<Response> {
        match self {
            Self::RateLimited(seconds) => Some(
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    [(header::RETRY_AFTER, seconds.to_string())],
                    Json(json!({"ok": false, "error": "ratelimited"})),
                )
                    .into_response(),
            ),
            Self::Unavailable => Some(
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                    "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1></body></html>",
                )
                    .into_response(),
            ),
            Self::Refused(error) => Some(Json(json!({"ok": false, "error": error})).into_response()),
            Self::CutBefore | Self::CutAfter => {
                let cut = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
                Some(([(header::CONTENT_LENGTH, "100")], Body::from_stream(cut)).into_response())
            }
            Self::Hang | Self::Held => None,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: BTreeMap<String, VecDeque<Fault>>,
    standing: BTreeMap<String, Fault>,
    /// How many calls were held so far, and how many of them were let go.
    pub(crate) held: usize,
    pub(crate) let_go: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, method: &str, fault: Fault) {
        self.next.entry(method.to_owned()).or_default().push_back(fault);
    }

    pub(crate) fn forget(&mut self, method: &str) {
        self.next.remove(method);
        self.standing.remove(method);
    }

    pub(crate) fn stand(&mut self, method: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => drop(self.standing.insert(method.to_owned(), fault)),
            None => drop(self.standing.remove(method)),
        }
    }

    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        let next = self.next.get_mut(method).and_then(VecDeque::pop_front);
        next.or_else(|| self.standing.get(method).cloned())
    }
}
