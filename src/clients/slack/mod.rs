//! Slack's Web API: our messages in, what Slack did with them out; every failure says whether it may be repeated.

mod check;
mod error;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use slack_morphism::{
    ClientResult, SlackApiToken, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
    hyper_tokio::{SlackClientHyperConnector, SlackHyperClient},
};
use tokio::sync::OnceCell;

pub use check::{Problem, REQUIRED_SCOPES, missing_scopes, required_scopes};
pub use error::{Refused, SlackError};

use crate::{
    alerts::{Message, is_channel_id},
    conversation::permissions::{Person, PersonKind},
};

/// No call waits longer than this.
const TIME_OUT: Duration = Duration::from_secs(10);
/// Marks our messages in Slack, so that they are found again after an answer that never came.
pub const METADATA_EVENT_TYPE: &str = "k8s_monitor";
/// Pages read at most when looking for a message or a channel.
const PAGES: usize = 20;

type Https = hyper_rustls::HttpsConnector<HttpConnector>;
type Plain = hyper_util::client::legacy::Client<Https, http_body_util::Full<bytes::Bytes>>;

/// Who the bot is in its workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Identity {
    pub team_id: String,
    pub team: String,
    pub user_id: String,
    pub bot_id: Option<String>,
    /// The scopes the token has, if Slack said so.
    pub scopes: Option<Vec<String>>,
}

/// A message that is in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its timestamp: its name within the channel.
    pub ts: String,
}

/// A channel the bot can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its id (`C0123`).
    pub id: String,
    /// Its name without `#`; the id where Slack was not asked.
    pub name: String,
    /// Whether the bot is in it; true where Slack did not say.
    pub is_member: bool,
}

/// The Web API with the bot's token. Cheap to clone.
#[derive(Clone)]
pub struct Slack {
    client: Arc<SlackHyperClient>,
    plain: Plain,
    base_url: String,
    token: SlackApiToken,
    home: Arc<OnceCell<Identity>>,
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Slack {
    /// A client for the API at `base_url` (`https://slack.com/api`, without a slash at the end).
    #[expect(clippy::needless_pass_by_value, reason = "the caller gives the secret away")]
    pub fn new(base_url: &str, bot_token: SecretString) -> Result<Self, SlackError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        if url::Url::parse(&base_url).is_err() {
            return Err(SlackError::Setup(format!("`{base_url}` is not a URL; Slack's is https://slack.com/api")));
        }
        let https = connector(&base_url)?;
        let plain = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(https.clone());
        let client = SlackClient::new(SlackClientHyperConnector::with_connector(https).with_slack_api_url(&base_url));
        Ok(Self {
            client: Arc::new(client),
            plain,
            base_url,
            token: SlackApiToken::new(bot_token.expose_secret().into()),
            home: Arc::new(OnceCell::new()),
        })
    }

    /// The client underneath, for Socket Mode.
    pub(crate) fn client(&self) -> Arc<SlackHyperClient> {
        Arc::clone(&self.client)
    }

    /// Who the bot is; asked again at every call.
    pub async fn identity(&self) -> Result<Identity, SlackError> {
        let (auth, scopes) = tokio::try_join!(self.get::<wire::Auth>("auth.test", &[], "the bot token"), async {
            Ok(self.scopes_header().await)
        })?;
        Ok(Identity { team_id: auth.team_id, team: auth.team, user_id: auth.user_id, bot_id: auth.bot_id, scopes })
    }

    /// Posts a message; `thread_ts` makes it a reply, `broadcast` shows the reply in the channel too.
    pub async fn post(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
        broadcast: bool,
        message: &Message,
        outbox_id: &str,
    ) -> Result<Posted, SlackError> {
        let request = wire::Post {
            channel,
            thread_ts,
            reply_broadcast: (broadcast && thread_ts.is_some()).then_some(true),
            body: wire::Body::from(message),
            metadata: wire::Metadata { event_type: METADATA_EVENT_TYPE, event_payload: wire::OutboxId { outbox_id } },
            unfurl_links: false,
            unfurl_media: false,
        };
        let answer: wire::Ts = self.send("chat.postMessage", &request, channel).await?;
        Ok(Posted { ts: answer.ts })
    }

    /// Edits a message of ours.
    pub async fn update(&self, channel: &str, ts: &str, message: &Message) -> Result<(), SlackError> {
        let request = wire::Update { channel, ts, body: wire::Body::whole(message) };
        self.send::<_, wire::Ts>("chat.update", &request, channel).await.map(|_| ())
    }

    /// Deletes a message of ours; one that is gone already is as good.
    pub async fn delete(&self, channel: &str, ts: &str) -> Result<(), SlackError> {
        match self.send::<_, wire::Nothing>("chat.delete", &wire::Delete { channel, ts }, channel).await {
            Ok(_) | Err(SlackError::MessageGone { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Answers a command or a button where Slack said it takes the answer.
    pub async fn respond(&self, response_url: &str, message: &Message) -> Result<(), SlackError> {
        let url = url::Url::parse(response_url)
            .map_err(|e| SlackError::Setup(format!("Slack gave a response_url that is not a URL: {e}")))?;
        // An answer never takes the place of another message: what was said stays.
        let body = wire::Body::from(message);
        let request = wire::Respond { response_type: "ephemeral", replace_original: false, body };
        let span = tracing::Span::none();
        // No token: the URL itself is the permission.
        let context = SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &span,
            is_sensitive_url: true,
        };
        let call = self.client.http_api.connector.http_post_uri::<_, wire::Accepted>(url, &request, context);
        let answer = timed("response_url", "the asker", call).await?;
        match answer.error {
            Some(error) => Err(SlackError::refused("response_url", "the asker", error)),
            None => Ok(()),
        }
    }

    /// The timestamp of the message with that outbox id, if it was posted after all.
    pub async fn find_posted(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
        outbox_id: &str,
        oldest: Timestamp,
    ) -> Result<Option<String>, SlackError> {
        // Slack's clock and ours differ.
        let oldest = oldest.checked_sub(SignedDuration::from_mins(5)).unwrap_or(oldest);
        let oldest = format!("{}.{:06}", oldest.as_second(), oldest.subsec_microsecond());
        let method = if thread_ts.is_some() { "conversations.replies" } else { "conversations.history" };
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let page: wire::Messages = self
                .get(
                    method,
                    &[
                        ("channel", Some(channel)),
                        ("ts", thread_ts),
                        ("oldest", Some(&oldest)),
                        ("inclusive", Some("true")),
                        ("limit", Some("200")),
                        ("include_all_metadata", Some("true")),
                        ("cursor", (!cursor.is_empty()).then_some(cursor.as_str())),
                    ],
                    channel,
                )
                .await?;
            if let Some(found) = page.messages.into_iter().find(|m| m.outbox_id() == Some(outbox_id)) {
                return Ok(Some(found.ts));
            }
            cursor = page.response_metadata.unwrap_or_default().next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// The channel with that id or name (`alerts`, `#alerts`); an unknown name is answered with the nearest ones.
    pub async fn resolve_channel(&self, name_or_id: &str) -> Result<Channel, SlackError> {
        let wanted = name_or_id.trim().trim_start_matches('#');
        if is_channel_id(wanted) {
            return Ok(Channel { id: wanted.to_owned(), name: wanted.to_owned(), is_member: true });
        }
        let wanted = wanted.to_lowercase();
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let page: wire::Channels = self
                .get(
                    "conversations.list",
                    &[
                        ("types", Some("public_channel,private_channel")),
                        ("exclude_archived", Some("true")),
                        ("limit", Some("1000")),
                        ("cursor", (!cursor.is_empty()).then_some(cursor.as_str())),
                    ],
                    &wanted,
                )
                .await?;
            for channel in page.channels {
                if channel.name == wanted {
                    let is_member = channel.is_member.unwrap_or(true);
                    return Ok(Channel { id: channel.id, name: channel.name, is_member });
                }
                seen.push(channel.name);
            }
            cursor = page.response_metadata.unwrap_or_default().next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        let nearest = crate::conversation::nearest(&wanted, seen.iter().map(String::as_str));
        Err(SlackError::NoSuchChannel { name: wanted, nearest })
    }

    /// The channel with that id.
    pub async fn channel(&self, id: &str) -> Result<Channel, SlackError> {
        let info = self.get::<wire::ChannelInfo>("conversations.info", &[("channel", Some(id))], id).await?.channel;
        if info.is_archived {
            return Err(SlackError::refused("conversations.info", id, "is_archived".to_owned()));
        }
        Ok(Channel { id: info.id, name: info.name, is_member: info.is_member.unwrap_or(true) })
    }

    /// Who a person is: member, guest, bot, of another workspace, deactivated.
    pub async fn person(&self, user_id: &str) -> Result<Person, SlackError> {
        let home = self.home.get_or_try_init(|| self.identity()).await?;
        let user = self.get::<wire::UserInfo>("users.info", &[("user", Some(user_id))], user_id).await?.user;
        let at_home = user.team_id.is_empty()
            || user.team_id == home.team_id
            || user.enterprise_user.as_ref().is_some_and(|e| e.teams.contains(&home.team_id));
        let kind = if user.deleted {
            PersonKind::Deleted
        } else if user.is_bot || user.is_workflow_bot || user.id == "USLACKBOT" {
            PersonKind::Bot
        } else if user.is_stranger || !at_home {
            PersonKind::Foreign
        } else if user.is_restricted || user.is_ultra_restricted {
            PersonKind::Guest
        } else {
            PersonKind::Member
        };
        let name = [&user.profile.display_name, &user.real_name, &user.name]
            .into_iter()
            .find(|n| !n.is_empty())
            .unwrap_or(&user.id)
            .clone();
        Ok(Person { name, team_id: user.team_id, kind, id: user.id })
    }

    /// Asks for a socket's address with the app token and throws it away: whether Socket Mode can work.
    pub async fn can_open_sockets(&self, app_token: &SecretString) -> Result<(), SlackError> {
        let token = SlackApiToken::new(app_token.expose_secret().into());
        let session = self.client.open_session(&token);
        let nothing = serde_json::json!({});
        let call = session.http_session_api.http_post::<_, wire::Answer<wire::Nothing>>(
            "apps.connections.open",
            &nothing,
            None,
        );
        timed("apps.connections.open", "the app token", call).await?.sound("apps.connections.open").map(|_| ())
    }

    /// The scopes in the header of `auth.test`; the library hides headers, so this one call is made by hand.
    async fn scopes_header(&self) -> Option<Vec<String>> {
        let request = hyper::Request::post(format!("{}/auth.test", self.base_url))
            .header(hyper::header::AUTHORIZATION, format!("Bearer {}", self.token.token_value.0))
            .header(hyper::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(http_body_util::Full::default())
            .ok()?;
        let response = tokio::time::timeout(TIME_OUT, self.plain.request(request)).await.ok()?.ok()?;
        let scopes = response.headers().get("x-oauth-scopes")?.to_str().ok()?.to_owned();
        // Read to its end, so that the connection can be used again.
        let _body = response.into_body().collect().await.ok()?;
        Some(scopes.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect())
    }

    async fn send<Q, A>(&self, method: &str, request: &Q, place: &str) -> Result<A, SlackError>
    where
        Q: serde::Serialize + Send + Sync,
        A: DeserializeOwned + Send,
    {
        let session = self.client.open_session(&self.token);
        let call = session.http_session_api.http_post::<_, wire::Answer<A>>(method, request, None);
        timed(method, place, call).await?.sound(method)
    }

    async fn get<A>(&self, method: &str, params: &[(&str, Option<&str>)], place: &str) -> Result<A, SlackError>
    where
        A: DeserializeOwned + Send,
    {
        let session = self.client.open_session(&self.token);
        let params = params.to_vec();
        let call = session.http_session_api.http_get::<wire::Answer<A>, _, _>(method, &params, None);
        timed(method, place, call).await?.sound(method)
    }
}

/// Runs a call within its time and turns the library's errors into ours.
async fn timed<A>(
    method: &str,
    place: &str,
    call: impl Future<Output = ClientResult<A>> + Send,
) -> Result<A, SlackError> {
    match tokio::time::timeout(TIME_OUT, call).await {
        Ok(answer) => answer.map_err(|e| SlackError::from_library(method, place, &e)),
        Err(_) => Err(SlackError::Unknown {
            method: method.to_owned(),
            why: format!("no answer within {} s", TIME_OUT.as_secs()),
        }),
    }
}

/// HTTPS, and plain HTTP for the sandbox. A machine without CA certificates can still talk to a plain address.
fn connector(base_url: &str) -> Result<Https, SlackError> {
    let builder = hyper_rustls::HttpsConnectorBuilder::new();
    let provider = rustls::crypto::ring::default_provider();
    if base_url.starts_with("https:") {
        return Ok(builder
            .with_provider_and_native_roots(provider)
            .map_err(|e| {
                SlackError::Setup(format!("no CA certificates on this machine ({e}); install ca-certificates"))
            })?
            .https_or_http()
            .enable_http1()
            .build());
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| SlackError::Setup(e.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.with_tls_config(tls).https_or_http().enable_http1().build())
}

#[cfg(test)]
mod tests;
