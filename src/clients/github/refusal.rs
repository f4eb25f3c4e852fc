//! An answer that is no success goes in; the error that says what to mend comes out.

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;

use super::error::{Credentials, GitHubError, Needs};
use crate::findings::redact;

/// How much of an answer that is not JSON is shown, in characters.
const SHOWN: usize = 80;

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

/// GitHub's words in an answer; for one that is not JSON how it begins.
pub(super) fn words(headers: &HeaderMap, body: &[u8]) -> String {
    let Ok(Body { message, errors }) = serde_json::from_slice::<Body>(body) else { return beginning(headers, body) };
    let details = errors.as_array().into_iter().flatten().filter_map(|error| {
        let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
        match (error.as_str().or_else(|| text("message")), text("field"), text("code")) {
            (Some(message), _, _) => Some(message.to_owned()),
            (None, Some(field), Some(code)) => Some(format!("{field}: {code}")),
            _ => None,
        }
    });
    let all: Vec<String> = [message].into_iter().filter(|m| !m.is_empty()).chain(details.take(3)).collect();
    if all.is_empty() { "no reason given".to_owned() } else { redact(&all.join("; ")) }
}

/// `text/html: <html><h1>Bad Gateway`: what something that is not JSON looks like.
pub(super) fn beginning(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
    let kind = kind.split(';').next().unwrap_or(kind).trim();
    let text = redact(&String::from_utf8_lossy(body.get(..1024).unwrap_or(body)));
    let shown: String = text.chars().take(SHOWN).collect();
    format!("{}: {}", redact(kind), if shown.is_empty() { "nothing" } else { &shown })
}

/// The error of an answer that is no success, and no limit.
pub(super) fn refusal(
    place: &str,
    of: Credentials,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> GitHubError {
    let place = place.to_owned();
    let is_json = serde_json::from_slice::<Body>(body).is_ok();
    if status.is_server_error() {
        return GitHubError::Server { place, status: status.as_u16(), saw: words(headers, body) };
    }
    if !is_json && !body.is_empty() {
        let saw = format!("HTTP {}, {}", status.as_u16(), beginning(headers, body));
        return GitHubError::NotJson { place, saw };
    }
    let said = words(headers, body);
    match status {
        StatusCode::UNAUTHORIZED => GitHubError::BadCredentials { of, said },
        StatusCode::FORBIDDEN => match header(headers, "x-github-sso") {
            Some(sso) if sso.starts_with("required") => GitHubError::SignOn { place, organisation: organisation(sso) },
            _ => GitHubError::NotAllowed { place, needs: needs(headers), said },
        },
        StatusCode::NOT_FOUND => GitHubError::NotFound { place, of, needs: needs(headers) },
        _ => GitHubError::Invalid { place, status: status.as_u16(), said },
    }
}

/// What GitHub accepts. Permissions are named whether the token has them or not; of scopes it is known.
fn needs(headers: &HeaderMap) -> Option<Needs> {
    if let Some(wanted) = header(headers, "x-accepted-github-permissions").filter(|wanted| !wanted.is_empty()) {
        return Some(Needs::Permissions(redact(wanted)));
    }
    let (wanted, has) = (header(headers, "x-accepted-oauth-scopes")?, header(headers, "x-oauth-scopes")?);
    let words = |list: &str| -> Vec<String> {
        list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    };
    let (wanted, has) = (words(wanted), words(has));
    let is_missing = !wanted.is_empty() && !wanted.iter().any(|scope| has.contains(scope));
    is_missing.then(|| Needs::Scopes { any_of: redact(&wanted.join("` or `")), has: redact(&has.join("`, `")) })
}

/// From `required; url=https://github.com/orgs/ORG/sso?authorization_request=...`, whose end is a secret.
fn organisation(sso: &str) -> Option<String> {
    let (_, after) = sso.split_once("/orgs/")?;
    let name = after.split(['/', '?', ';']).next()?;
    (!name.is_empty()).then(|| redact(name))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
