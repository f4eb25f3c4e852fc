//! The client against a server on loopback that answers what Slack answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;

type Canned = (u16, &'static str, Vec<(&'static str, &'static str)>, String);

#[derive(Default)]
struct Server {
    answers: Mutex<BTreeMap<String, VecDeque<Canned>>>,
    calls: Mutex<Vec<(String, String, Value)>>,
}

impl Server {
    fn answers(
        &self,
        method: &str,
        status: u16,
        kind: &'static str,
        headers: &[(&'static str, &'static str)],
        body: &str,
    ) {
        let canned = (status, kind, headers.to_vec(), body.to_owned());
        self.answers.lock().unwrap().entry(method.to_owned()).or_default().push_back(canned);
    }

    fn json(&self, method: &str, body: &Value) {
        self.answers(method, 200, "application/json", &[], &body.to_string());
    }

    fn bodies(&self, method: &str) -> Vec<Value> {
        self.calls.lock().unwrap().iter().filter(|c| c.0 == method).map(|c| c.2.clone()).collect()
    }

    fn queries(&self, method: &str) -> Vec<String> {
        self.calls.lock().unwrap().iter().filter(|c| c.0 == method).map(|c| c.1.clone()).collect()
    }
}

async fn answer(
    State(server): State<Arc<Server>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if headers.get("authorization").is_none() {
        body["no_token"] = json!(true);
    }
    server.calls.lock().unwrap().push((method.clone(), query.unwrap_or_default(), body));
    let canned = server.answers.lock().unwrap().get_mut(&method).and_then(VecDeque::pop_front);
    let (status, kind, headers, body) = canned.unwrap_or((404, "text/plain", vec![], "no answer prepared".to_owned()));
    let mut response = (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn slack() -> (Slack, Arc<Server>, String) {
    let server = Arc::new(Server::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let app = Router::new().route("/api/{method}", any(answer)).with_state(Arc::clone(&server));
    #[expect(clippy::disallowed_methods, reason = "the server of a test ends with its runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (Slack::new(&base, "xoxb-1".into()).unwrap(), server, base)
}

fn message() -> Message {
    Message { text: "it broke".into(), blocks: vec![json!({"type": "divider", "x_unknown": [1]})], colour: None }
}

#[tokio::test]
async fn a_post_carries_blocks_as_they_are_and_the_outbox_id() {
    let (slack, server, _) = slack().await;
    server.json("chat.postMessage", &json!({"ok": true, "channel": "C1", "ts": "1.2"}));
    server.json("chat.postMessage", &json!({"ok": true, "channel": "C1", "ts": "1.3"}));
    assert_eq!(slack.post("C1", None, true, &message(), "out-1").await.unwrap(), Posted { ts: "1.2".into() });
    let red = Message { colour: Some("#a30200".into()), ..message() };
    slack.post("C1", Some("1.2"), true, &red, "out-2").await.unwrap();
    assert_eq!(
        server.bodies("chat.postMessage"),
        [
            json!({"channel": "C1", "text": "it broke", "blocks": [{"type": "divider", "x_unknown": [1]}],
                "metadata": {"event_type": "k8s_monitor", "event_payload": {"outbox_id": "out-1"}},
                "unfurl_links": false, "unfurl_media": false}),
            json!({"channel": "C1", "thread_ts": "1.2", "reply_broadcast": true, "text": "it broke",
                "attachments": [{"color": "#a30200", "fallback": "it broke", "blocks": [{"type": "divider", "x_unknown": [1]}]}],
                "metadata": {"event_type": "k8s_monitor", "event_payload": {"outbox_id": "out-2"}},
                "unfurl_links": false, "unfurl_media": false}),
        ]
    );
}

#[tokio::test]
async fn every_failure_says_what_it_is_and_whether_it_may_be_repeated() {
    type Failure = (u16, &'static str, &'static [(&'static str, &'static str)], &'static str);
    let (slack, server, _) = slack().await;
    let canned: [Failure; 10] = [
        (429, "application/json", &[("retry-after", "7")], r#"{"ok":false,"error":"ratelimited"}"#),
        (503, "text/html", &[], "<html>busy</html>"),
        (200, "text/html", &[], "<html>log in</html>"),
        (403, "text/html", &[], "<html>proxy</html>"),
        (200, "application/json", &[], r#"{"ok":false,"error":"internal_error"}"#),
        (200, "application/json", &[], r#"{"ok":false,"error":"not_in_channel"}"#),
        (200, "application/json", &[], r#"{"ok":false,"error":"message_not_found"}"#),
        (
            200,
            "application/json",
            &[],
            r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"commands"}"#,
        ),
        (200, "application/json", &[], r#"{"ok":false,"error":"invalid_auth"}"#),
        (
            200,
            "application/json",
            &[],
            r#"{"ok":false,"error":"invalid_blocks","errors":["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"],"response_metadata":{"messages":["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}}"#,
        ),
    ];
    let mut said = Vec::new();
    for (status, kind, headers, body) in canned {
        let headers: Vec<_> = headers.to_vec();
        server.answers("chat.postMessage", status, kind, &headers, body);
        let error = slack.post("#alerts", None, false, &message(), "out-1").await.unwrap_err();
        let sort = match (error.is_outcome_unknown(), error.is_permanent(), error.retry_after()) {
            (true, false, None) => "look first".to_owned(),
            (false, true, None) => "mend first".to_owned(),
            (false, false, Some(after)) => format!("again in {} s", after.as_secs()),
            other => format!("{other:?}"),
        };
        said.push(format!("{sort}: {error}"));
    }
    assert_snapshot!(said.join("\n"), @r"
    again in 7 s: Slack wants fewer calls of chat.postMessage: again in 7 s
    look first: whether chat.postMessage was carried out is not known (HTTP 503 Service Unavailable); it is looked up before it is repeated
    look first: chat.postMessage was not answered by Slack but by something else: an answer without `ok` (a web page?); is a proxy in between, or is SLACK_API_URL wrong?
    look first: chat.postMessage was not answered by Slack but by something else: HTTP 403 Forbidden with a web page; is a proxy in between, or is SLACK_API_URL wrong?
    look first: whether chat.postMessage was carried out is not known (Slack said `internal_error`); it is looked up before it is repeated
    mend first: the bot is not in #alerts: /invite @k8s-monitor there
    mend first: the message in #alerts was deleted in Slack
    mend first: chat.postMessage needs the scope chat:write (the token has commands): add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it
    mend first: Slack does not accept the bot token for chat.postMessage (invalid_auth): copy it again from the app's settings (SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-)
    mend first: Slack refuses the message for #alerts (invalid_blocks); this is a fault of k8s-monitor: must be less than 3001 characters [json-pointer:/blocks/0/text/text]
    ");
}

#[tokio::test]
async fn a_server_that_is_not_there_was_never_asked() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);
    let error = Slack::new(&base, "xoxb-1".into()).unwrap().update("C1", "1.2", &message()).await.unwrap_err();
    assert!(matches!(error, SlackError::Unreachable { .. }), "{error:?}");
    assert!(!error.is_outcome_unknown() && !error.is_permanent());
}

#[tokio::test]
async fn a_lost_post_is_found_again_by_its_outbox_id() {
    let (slack, server, _) = slack().await;
    let of = |id: &str, ts: &str| json!({"ts": ts, "metadata": {"event_type": "k8s_monitor", "event_payload": {"outbox_id": id}}});
    server.json("conversations.history", &json!({"ok": true, "messages": [{"ts": "9.9"}, of("other", "9.8")], "response_metadata": {"next_cursor": "more"}}));
    server.json("conversations.history", &json!({"ok": true, "messages": [of("out-1", "9.7")]}));
    let oldest = "2026-11-24T14:00:00Z".parse().unwrap();
    assert_eq!(slack.find_posted("C1", None, "out-1", oldest).await.unwrap(), Some("9.7".into()));
    assert_eq!(
        server.queries("conversations.history")[1],
        "channel=C1&oldest=1795528500.000000&inclusive=true&limit=200&include_all_metadata=true&cursor=more"
    );
    server.json("conversations.replies", &json!({"ok": true, "messages": []}));
    assert_eq!(slack.find_posted("C1", Some("9.7"), "out-2", oldest).await.unwrap(), None);
}

#[tokio::test]
async fn a_channel_is_found_by_name_or_the_nearest_are_named() {
    let (slack, server, _) = slack().await;
    let channels = json!({"ok": true, "channels": [{"id": "C1", "name": "alerts"}, {"id": "C2", "name": "general"}]});
    server.json("conversations.list", &channels);
    server.json("conversations.list", &channels);
    assert_eq!(slack.resolve_channel("#Alerts").await.unwrap().id, "C1");
    assert_eq!(slack.resolve_channel("C0123").await.unwrap().id, "C0123");
    assert_snapshot!(slack.resolve_channel("alert").await.unwrap_err(), @"no channel #alert that the bot can see; did you mean #alerts? A private channel is seen after `/invite @k8s-monitor` there; its id works too");
}

#[tokio::test]
async fn people_are_told_apart() {
    let (slack, server, _) = slack().await;
    for _ in 0..2 {
        server.json(
            "auth.test",
            &json!({"ok": true, "team_id": "T1", "team": "Shop", "user_id": "UBOT", "bot_id": "B1"}),
        );
    }
    let cases = [
        (json!({"id": "U1", "team_id": "T1", "name": "ana"}), PersonKind::Member),
        (json!({"id": "U1", "team_id": "T1", "is_restricted": true}), PersonKind::Guest),
        (json!({"id": "U1", "team_id": "T9"}), PersonKind::Foreign),
        (json!({"id": "U1", "team_id": "T1", "is_bot": true}), PersonKind::Bot),
        (json!({"id": "U1", "team_id": "T1", "deleted": true}), PersonKind::Deleted),
        (json!({"id": "U1", "team_id": "T9", "enterprise_user": {"teams": ["T1", "T9"]}}), PersonKind::Member),
    ];
    for (user, kind) in cases {
        server.json("users.info", &json!({"ok": true, "user": user}));
        assert_eq!(slack.person("U1").await.unwrap().kind, kind, "{user}");
    }
}

#[tokio::test]
async fn an_answer_to_a_command_needs_no_token() {
    let (slack, server, base) = slack().await;
    server.answers("hook", 200, "text/html", &[], "ok");
    server.answers("hook", 404, "text/plain", &[], "expired_url");
    slack.respond(&format!("{base}/hook"), &message()).await.unwrap();
    assert_eq!(
        server.bodies("hook"),
        [json!({"response_type": "ephemeral", "replace_original": false, "text": "it broke",
            "blocks": [{"type": "divider", "x_unknown": [1]}], "no_token": true})]
    );
    let late = slack.respond(&format!("{base}/hook"), &message()).await.unwrap_err();
    assert_eq!(late.to_string(), "the answer came too late or too often: Slack takes 5 answers within 30 minutes");
}

/// Everything that is wrong with the tokens.
async fn check(slack: &Slack, app_token: Option<&SecretString>) -> Vec<Problem> {
    let mut problems = Vec::new();
    match slack.identity().await {
        Ok(identity) => problems.extend(missing_scopes(slack, &identity).await),
        Err(error) => problems.push(Problem::Token { key: "SLACK_BOT_TOKEN", error }),
    }
    if let Some(token) = app_token
        && let Err(error) = slack.can_open_sockets(token).await
    {
        problems.push(Problem::Token { key: "SLACK_APP_TOKEN", error });
    }
    problems
}

#[tokio::test]
async fn missing_scopes_and_bad_tokens_are_named_at_the_start() {
    let (slack, server, _) = slack().await;
    let auth = json!({"ok": true, "team_id": "T1", "team": "Shop", "user_id": "UBOT"}).to_string();
    let all: Vec<_> = required_scopes().collect();
    let all: &'static str = Box::leak(all.join(",").into_boxed_str());
    for _ in 0..2 {
        server.answers("auth.test", 200, "application/json", &[("x-oauth-scopes", all)], &auth);
    }
    server.json("apps.connections.open", &json!({"ok": true, "url": "ws://x"}));
    assert_eq!(check(&slack, Some(&"xapp-1".into())).await, []);

    for _ in 0..2 {
        server.answers(
            "auth.test",
            200,
            "application/json",
            &[("x-oauth-scopes", "chat:write,commands,users:read")],
            &auth,
        );
    }
    server.json("apps.connections.open", &json!({"ok": false, "error": "invalid_auth"}));
    let said: Vec<_> = check(&slack, Some(&"xapp-1".into())).await.iter().map(ToString::to_string).collect();
    assert_snapshot!(said.join("\n"), @r"
    SLACK_BOT_TOKEN: the app lacks app_mentions:read (questions that mention the bot), channels:history (questions in threads of public channels; finding a post whose answer was lost), channels:read (finding the channel by its name), groups:history (the same in private channels), groups:read (finding a private channel by its name), im:history (direct messages: they are told where to ask); add them under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it
    SLACK_APP_TOKEN: Slack does not accept the app token for apps.connections.open (invalid_auth): copy it again from the app's settings (SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-)
    ");

    // No header: the first refusal tells.
    for _ in 0..2 {
        server.answers("auth.test", 200, "application/json", &[], &auth);
    }
    server.json(
        "users.info",
        &json!({"ok": false, "error": "missing_scope", "needed": "users:read", "provided": "chat:write"}),
    );
    assert!(matches!(check(&slack, None).await.as_slice(), [Problem::MissingScopes(missing)] if missing.len() == 8));
}

#[test]
fn the_manifest_asks_for_exactly_the_scopes_that_are_used() {
    #[derive(serde::Deserialize)]
    struct Manifest {
        oauth_config: Oauth,
        settings: Settings,
        features: Features,
    }
    #[derive(serde::Deserialize)]
    struct Oauth {
        scopes: Scopes,
    }
    #[derive(serde::Deserialize)]
    struct Scopes {
        bot: Vec<String>,
    }
    #[derive(serde::Deserialize)]
    struct Settings {
        event_subscriptions: Events,
        socket_mode_enabled: bool,
    }
    #[derive(serde::Deserialize)]
    struct Events {
        bot_events: Vec<String>,
    }
    #[derive(serde::Deserialize)]
    struct Features {
        slash_commands: Vec<SlashCommand>,
    }
    #[derive(serde::Deserialize)]
    struct SlashCommand {
        command: String,
    }
    let manifest: Manifest =
        serde_saphyr::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/slack-app.yaml"))).unwrap();
    let scopes: Vec<_> = manifest.oauth_config.scopes.bot.iter().map(String::as_str).collect();
    assert_eq!(scopes, required_scopes().collect::<Vec<_>>());
    assert_eq!(
        manifest.settings.event_subscriptions.bot_events,
        ["app_mention", "message.channels", "message.groups", "message.im"]
    );
    assert!(manifest.settings.socket_mode_enabled);
    assert_eq!(manifest.features.slash_commands[0].command, "/k8s");
}
