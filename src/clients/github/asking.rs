//! One question goes in; its answer comes out: from GitHub, or from what is kept if GitHub says that it did not change.

use std::sync::{Arc, atomic::Ordering};

use http::{
    Method, StatusCode,
    header::{ETAG, LINK},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{
    Asking, Auth, Inner,
    app::InstallationToken,
    cache::{Kept, Stays},
    connection::{Answer, Call},
    error::{Credentials, GitHubError},
    outcomes::Outcome,
    refusal::{beginning, refusal, words},
};
use crate::{changes::deployed::RepoName, findings::redact};

/// JSON, as GitHub recommends to ask for it.
pub(super) const JSON: &str = "application/vnd.github+json";
/// A renamed repository leads on once, one that was renamed twice as well.
const REDIRECTS: usize = 3;

/// An address, and what it is in words.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) repo: &'a RepoName,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// `commits of shop/api`.
    pub(super) place: String,
    /// How long its answer is true.
    pub(super) stays: Stays,
}

/// A value, and where the next ones are.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) value: T,
    pub(super) next: Option<Url>,
}

impl Inner {
    /// Asks; `read` makes the value of the body.
    pub(super) async fn ask<T: Serialize + DeserializeOwned>(
        &self,
        question: &Question<'_>,
        asking: Asking,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Page<T>, GitHubError> {
        let found = self.found(question, asking, read).await;
        self.counters.outcomes.note(&found);
        found.map(|(page, _)| page)
    }

    /// The answer, and where it is from.
    async fn found<T: Serialize + DeserializeOwned>(
        &self,
        question: &Question<'_>,
        asking: Asking,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<(Page<T>, Outcome), GitHubError> {
        let url = self.moved.of(question.repo, &question.url);
        let key = format!("{} {url}", question.accept);
        let kept = match self.cache.get(&key).and_then(|kept| Some((read_kept(&kept)?, kept))) {
            Some((value, kept)) if question.stays.is_true_of(kept.at, asking.now) => {
                return Ok((Page { value, next: kept.next.clone() }, Outcome::Kept));
            }
            kept => kept,
        };
        let etag = kept.as_ref().map(|(_, kept)| kept.etag.as_str());
        let (answer, at) = self.answer(question, url, etag, asking).await?;
        let odd = |saw: String| GitHubError::NotJson { place: question.place.clone(), saw };
        if answer.status == StatusCode::NOT_MODIFIED {
            self.counters.unchanged.fetch_add(1, Ordering::Relaxed);
            let Some((value, kept)) = kept else { return Err(odd("HTTP 304 to what was never answered".to_owned())) };
            let again =
                Kept { etag: kept.etag.clone(), at: asking.now, value: kept.value.clone(), next: kept.next.clone() };
            self.cache.put(&key, again);
            return Ok((Page { value, next: kept.next.clone() }, Outcome::NotModified));
        }
        if !answer.status.is_success() {
            return Err(refusal(&question.place, self.credentials(), answer.status, &answer.headers, &answer.body));
        }
        let value = read(&answer.body).map_err(|why| {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_ok();
            // JSON may be of a private repository: what is wrong with it is enough.
            let saw = if is_json { redact(&why) } else { beginning(&answer.headers, &answer.body) };
            odd(format!("HTTP {}, {saw}", answer.status.as_u16()))
        })?;
        let next = match next_of(&answer) {
            Some(named) => Some(self.connection.own(&at, &named, &question.place)?),
            None => None,
        };
        if let Some(etag) = answer.headers.get(ETAG).and_then(|value| value.to_str().ok())
            && let Ok(json) = serde_json::to_vec(&value)
        {
            self.cache.put(&key, Kept { etag: etag.to_owned(), at: asking.now, value: json, next: next.clone() });
        }
        Ok((Page { value, next }, Outcome::Answered))
    }

    /// Asks with the token, follows where a renamed repository leads, and renews a token that ended early.
    async fn answer(
        &self,
        question: &Question<'_>,
        mut url: Url,
        etag: Option<&str>,
        asking: Asking,
    ) -> Result<(Answer, Url), GitHubError> {
        let mut is_renewed = false;
        let mut redirects = 0;
        loop {
            let token = self.token(asking).await?;
            let call = Call {
                method: Method::GET,
                url: &url,
                accept: question.accept,
                token: token.as_ref(),
                etag,
                place: &question.place,
            };
            let answer = self.once(&call, asking).await?;
            if answer.status == StatusCode::UNAUTHORIZED && !is_renewed && matches!(self.auth, Auth::App(_)) {
                is_renewed = true;
                *self.installation.lock().await = None;
                continue;
            }
            let Some(to) = self.connection.moved(&call, &answer)? else { return Ok((answer, url)) };
            redirects += 1;
            if redirects > REDIRECTS {
                let saw = "it leads in a circle".to_owned();
                return Err(GitHubError::NotJson { place: question.place.clone(), saw });
            }
            self.moved.note(question.repo, &url, &to);
            url = to;
        }
    }

    /// One request, within the limits.
    async fn once(&self, call: &Call<'_>, asking: Asking) -> Result<Answer, GitHubError> {
        self.limits.admit(asking.importance, asking.now)?;
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let answer = self.connection.ask(call).await?;
        if call.method == Method::GET {
            // The limit of an App's key is another one.
            self.limits.note(&answer.headers, asking.now);
        }
        let said = || words(&answer.headers, &answer.body);
        match self.limits.refusal(answer.status, &answer.headers, said, asking.now) {
            Some(limited) => Err(limited),
            None => Ok(answer),
        }
    }

    /// What the next request proves itself with.
    async fn token(&self, asking: Asking) -> Result<Option<secrecy::SecretString>, GitHubError> {
        let app = match &self.auth {
            Auth::None => return Ok(None),
            Auth::Token(token) => return Ok(Some(token.clone())),
            Auth::App(app) => app,
        };
        // Held while it is asked for: others wait for the same token.
        let mut held = self.installation.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(asking.now)) {
            return Ok(Some(token.token.clone()));
        }
        let signed = app.signed(asking.now)?;
        let number = app.installation.to_string();
        let url = self.connection.url(&["app", "installations", &number, "access_tokens"], &[]);
        let place = format!("the token of installation {number} of the GitHub App");
        let call =
            Call { method: Method::POST, url: &url, accept: JSON, token: Some(&signed), etag: None, place: &place };
        let answer = self.once(&call, asking).await?;
        if matches!(answer.status.as_u16(), 401 | 403 | 404) {
            let said = format!("installation {number}: {}", words(&answer.headers, &answer.body));
            return Err(GitHubError::BadCredentials { of: Credentials::App, said });
        }
        if !answer.status.is_success() {
            return Err(refusal(&place, Credentials::App, answer.status, &answer.headers, &answer.body));
        }
        // Of what was answered nothing is shown: it may hold the token.
        let token: InstallationToken = serde_json::from_slice(&answer.body).map_err(|_| {
            let saw = format!("HTTP {} without a token", answer.status.as_u16());
            GitHubError::NotJson { place: place.clone(), saw }
        })?;
        let secret = token.token.clone();
        *held = Some(token);
        Ok(Some(secret))
    }

    /// With what it asks.
    pub(super) fn credentials(&self) -> Credentials {
        match &self.auth {
            Auth::None => Credentials::Nothing,
            Auth::Token(_) => Credentials::Token,
            Auth::App(_) => Credentials::App,
        }
    }
}

/// A value of `T` from GitHub's JSON for it.
pub(super) fn json<W: DeserializeOwned, T: From<W>>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice::<W>(body).map(T::from).map_err(|why| why.to_string())
}

/// A list of values from GitHub's JSON for it.
pub(super) fn json_list<W: DeserializeOwned, T: From<W>>(body: &[u8]) -> Result<Vec<T>, String> {
    let list: Vec<W> = serde_json::from_slice(body).map_err(|why| why.to_string())?;
    Ok(list.into_iter().map(T::from).collect())
}

/// What was kept by another build of the bot cannot be here, so it is always read.
fn read_kept<T: DeserializeOwned>(kept: &Arc<Kept>) -> Option<T> {
    serde_json::from_slice(&kept.value).ok()
}

/// The address with `rel="next"` in the header `Link`.
fn next_of(answer: &Answer) -> Option<String> {
    let links = answer.headers.get(LINK)?.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (address, about) = link.split_once(';')?;
        let is_next = about.split(';').any(|about| matches!(about.trim(), r#"rel="next""# | "rel=next"));
        is_next.then(|| address.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
    })
}
