//! One request goes in; GitHub's answer comes out, read to its end, within its time, from GitHub's own host.
#![expect(clippy::disallowed_types, reason = "this is the one place that talks to GitHub")]

use std::{error::Error as StdError, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, IF_NONE_MATCH, LOCATION},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use octocrab::{
    AuthState, OctoBody, Octocrab, OctocrabBuilder, service::middleware::reqwest_connector::ReqwestConnector,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::GitHubError;
use crate::findings::redact;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is read: 300 files with GitHub's largest patches are smaller.
const LARGEST: usize = 16 << 20;
/// The version of the API that the types here are made for.
const VERSION: &str = "2022-11-28";

/// GitHub's API at one address.
#[derive(Debug)]
pub(super) struct Connection {
    octocrab: Octocrab,
    base: Url,
    patience: Duration,
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) accept: &'static str,
    pub(super) token: Option<&'a SecretString>,
    pub(super) etag: Option<&'a str>,
    /// What is asked for, in words.
    pub(super) place: &'a str,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Connection {
    /// For the API at `base`; octocrab's client works within the runtime that it is made in.
    pub(super) fn new(base: &str, patience: Duration) -> Result<Self, GitHubError> {
        let wrong = || {
            GitHubError::Setup(format!(
                "`{}` is no address of GitHub's API: it is https://api.github.com, for Enterprise https://HOST/api/v3 (GITHUB_API_URL)",
                redact(base)
            ))
        };
        let mut url = Url::parse(base.trim().trim_end_matches('/')).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() || url.query().is_some() {
            return Err(wrong());
        }
        url.set_fragment(None);
        // octocrab starts a task.
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(GitHubError::Setup("GitHub's client is made before the runtime that it needs".to_owned()));
        }
        // Fails only if a provider is installed already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .user_agent(concat!("k8s-monitor/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // Followed by hand: within GitHub's host only.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|why| GitHubError::Setup(format!("no client for GitHub: {}", in_words(&why))))?;
        // No cache, redirects, repeats or tokens of octocrab's own: its cache keeps answers that were cut off and panics on one that is
        // gone, and none of them tells what they did.
        let octocrab = OctocrabBuilder::new_empty()
            .with_service(ReqwestConnector::new(client))
            .with_auth(AuthState::None)
            .build()
            .map_err(|never| match never {})?;
        Ok(Self { octocrab, base: url, patience })
    }

    /// The address of a question: each part is one, whatever is in it.
    pub(super) fn url(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        // Fails for addresses without a host only; this has one.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Where an address leads that GitHub named, if that is GitHub's API itself.
    pub(super) fn own(&self, from: &Url, named: &str, place: &str) -> Result<Url, GitHubError> {
        let to = from.join(named).ok();
        let is_own = |url: &Url| url.origin() == self.base.origin() && url.username().is_empty();
        match to {
            Some(url) if is_own(&url) => Ok(url),
            other => Err(GitHubError::Elsewhere {
                place: place.to_owned(),
                host: redact(other.as_ref().and_then(Url::host_str).unwrap_or("no address")),
            }),
        }
    }

    /// Where an answer leads, if it does.
    pub(super) fn moved(&self, call: &Call<'_>, answer: &Answer) -> Result<Option<Url>, GitHubError> {
        if !matches!(answer.status.as_u16(), 301 | 302 | 307 | 308) {
            return Ok(None);
        }
        let named = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if named.is_empty() {
            return Ok(None);
        }
        self.own(call.url, named, call.place).map(Some)
    }

    /// Asks once.
    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Answer, GitHubError> {
        let request = request(call)?;
        let exchange = async {
            let answer = self.octocrab.execute(request).await.map_err(|why| self.failed(call, &why))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map_err(|why| self.failed(call, &*why))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        match tokio::time::timeout(self.patience, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(self.timed_out(call)),
        }
    }

    fn failed(&self, call: &Call<'_>, why: &(dyn StdError + 'static)) -> GitHubError {
        let mut next = Some(why);
        let mut library = None;
        while let Some(error) = next {
            if error.is::<LengthLimitError>() {
                let saw = format!("more than {} MiB", LARGEST >> 20);
                return GitHubError::NotJson { place: call.place.to_owned(), saw };
            }
            library = library.or_else(|| error.downcast_ref::<reqwest::Error>());
            next = error.source();
        }
        if library.is_some_and(|error| error.is_timeout() && !error.is_connect()) {
            return self.timed_out(call);
        }
        let host = self.base.host_str().unwrap_or_default().to_owned();
        GitHubError::Unreachable { host, why: library.map_or_else(|| in_words(why), |error| in_words(error)) }
    }

    fn timed_out(&self, call: &Call<'_>) -> GitHubError {
        GitHubError::TimedOut { place: call.place.to_owned(), waited_ms: self.patience.as_millis() }
    }
}

fn request(call: &Call<'_>) -> Result<Request<OctoBody>, GitHubError> {
    let broken = || GitHubError::Setup(format!("no request for {} can be made; check the token", call.place));
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.url.as_str())
        .header(ACCEPT, call.accept)
        .header("x-github-api-version", VERSION);
    if let Some(token) = call.token {
        let value = format!("Bearer {}", token.expose_secret());
        let mut value = HeaderValue::try_from(value).map_err(|_| broken())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if let Some(etag) = call.etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    request.body(OctoBody::empty()).map_err(|_| broken())
}

/// What lies under an error: the libraries say the interesting part last, the address first.
fn in_words(error: &(dyn StdError + 'static)) -> String {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let line = cause.to_string();
        if !words.contains(&line) {
            words.push(line);
        }
        next = cause.source();
    }
    if words.is_empty() { "no reason given".to_owned() } else { redact(&words.join(": ")) }
}
