//! The workspace against its own rules, and against the client library that the bot uses.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use slack_morphism::prelude::*;

use super::*;

async fn workspace() -> Result<Workspace> {
    let clock = Clock::by_hand(Timestamp::from_second(1_700_000_000)?);
    Workspace::start(Options { clock, ..Options::default() }).await
}

async fn send(url: &str, token: &str, body: &Value) -> Result<(u16, String)> {
    let request = Request::post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json; charset=utf-8")
        .body(Full::new(bytes::Bytes::from(body.to_string())))?;
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
    let status = response.status().as_u16();
    Ok((status, String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?))
}

async fn call(workspace: &Workspace, method: &str, body: Value) -> Result<Value> {
    let url = format!("{}/{method}", workspace.base_url());
    Ok(serde_json::from_str(&send(&url, "xoxb-pretend-bot-token", &body).await?.1)?)
}

fn client(workspace: &Workspace) -> Result<Arc<SlackHyperClient>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let connector = SlackClientHyperConnector::with_connector(https).with_slack_api_url(&workspace.base_url());
    Ok(Arc::new(SlackClient::new(connector)))
}

#[rstest]
#[case::unknown_channel("chat.postMessage", json!({"channel": "C0NOPE", "text": "x"}), "channel_not_found")]
#[case::private_channel("chat.postMessage", json!({"channel": "C0SECRET", "text": "x"}), "channel_not_found")]
#[case::outside("chat.postMessage", json!({"channel": "#general", "text": "x"}), "not_in_channel")]
#[case::archived("chat.postMessage", json!({"channel": "#old-alerts", "text": "x"}), "is_archived")]
#[case::no_text("chat.postMessage", json!({"channel": "#alerts"}), "no_text")]
#[case::long("chat.postMessage", json!({"channel": "#alerts", "text": "x".repeat(40_001)}), "msg_too_long")]
#[case::blocks_format("chat.postMessage", json!({"channel": "#alerts", "blocks": "{"}), "invalid_blocks_format")]
#[case::blocks("chat.postMessage", json!({"channel": "#alerts", "blocks": [{"type": "x"}]}), "invalid_blocks")]
#[case::blocks_long("chat.postMessage", json!({"channel": "#alerts", "blocks": vec![json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3000)}}); 5]}), "msg_blocks_too_long")]
#[case::metadata("chat.postMessage", json!({"channel": "#alerts", "text": "x", "metadata": {"event_type": "y"}}), "invalid_metadata_format")]
#[case::no_root("chat.postMessage", json!({"channel": "#alerts", "text": "x", "thread_ts": "1.2"}), "cannot_reply_to_message")]
#[case::no_message("chat.update", json!({"channel": "C0ALERTS", "ts": "1.2", "text": "x"}), "message_not_found")]
#[case::delete_nothing("chat.delete", json!({"channel": "C0ALERTS", "ts": "1.2"}), "message_not_found")]
#[case::history_outside("conversations.history", json!({"channel": "C0GENERAL"}), "not_in_channel")]
#[case::no_thread("conversations.replies", json!({"channel": "C0ALERTS", "ts": "1.2"}), "thread_not_found")]
#[case::no_user("users.info", json!({"user": "U0NOBODY"}), "user_not_found")]
#[case::cursor("conversations.list", json!({"cursor": "?"}), "invalid_cursor")]
#[case::bot_token_for_sockets("apps.connections.open", json!({}), "not_allowed_token_type")]
#[case::no_method("chat.shout", json!({}), "unknown_method")]
#[tokio::test]
async fn a_refusal_uses_the_real_word(#[case] method: &str, #[case] body: Value, #[case] error: &str) -> Result<()> {
    let answer = call(&workspace().await?, method, body).await?;
    assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(error)), "{answer}");
    Ok(())
}

#[tokio::test]
async fn invalid_blocks_say_where() -> Result<()> {
    let block = json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3001)}});
    let answer =
        call(&workspace().await?, "chat.postMessage", json!({"channel": "#alerts", "blocks": [block]})).await?;
    insta::assert_json_snapshot!(answer, @r#"
    {
      "error": "invalid_blocks",
      "errors": [
        "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
      ],
      "ok": false,
      "response_metadata": {
        "messages": [
          "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]",
          "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
        ]
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn tokens_and_scopes_are_enforced() -> Result<()> {
    let workspace = workspace().await?;
    let url = format!("{}/auth.test", workspace.base_url());
    let (_, answer) = send(&url, "xoxb-wrong", &json!({})).await?;
    assert_eq!(answer, r#"{"error":"invalid_auth","ok":false}"#);
    workspace.revoke_scope("chat:write");
    let answer = call(&workspace, "chat.postMessage", json!({"channel": "#alerts", "text": "x"})).await?;
    assert_eq!(answer["error"], "missing_scope");
    assert_eq!(answer["needed"], "chat:write");
    assert!(answer["provided"].as_str().is_some_and(|all| all.contains("commands") && !all.contains("chat:write")));
    Ok(())
}

#[tokio::test]
async fn only_own_messages_can_be_changed() -> Result<()> {
    let workspace = workspace().await?;
    let written = workspace.person("ana").says("#alerts", "mine")?;
    let body = json!({"channel": "C0ALERTS", "ts": written.ts, "text": "x"});
    assert_eq!(call(&workspace, "chat.update", body.clone()).await?["error"], "cant_update_message");
    assert_eq!(call(&workspace, "chat.delete", body).await?["error"], "cant_delete_message");
    Ok(())
}

#[tokio::test]
async fn what_people_see_is_a_log_in_order() -> Result<()> {
    let workspace = workspace().await?;
    let posted = call(&workspace, "chat.postMessage", json!({"channel": "#alerts", "text": "api is down"})).await?;
    let ts = posted["ts"].clone();
    call(&workspace, "chat.update", json!({"channel": "C0ALERTS", "ts": ts, "text": "api is back"})).await?;
    call(&workspace, "chat.update", json!({"channel": "C0ALERTS", "ts": ts, "text": "api is back"})).await?;
    let reply = json!({"channel": "#alerts", "text": "after 5 min", "thread_ts": ts, "reply_broadcast": true});
    call(&workspace, "chat.postMessage", reply).await?;
    call(&workspace, "chat.postEphemeral", json!({"channel": "#alerts", "user": "U0ANA", "text": "psst"})).await?;
    call(&workspace, "chat.delete", json!({"channel": "C0ALERTS", "ts": ts})).await?;
    let all = workspace.unread().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(all, @r"
    posted in #alerts:
    api is down
    edited in #alerts:
    api is back
    replied in #alerts, shown in the channel too:
    after 5 min
    only for ana in #alerts:
    psst
    deleted in #alerts
    ");
    assert_eq!(workspace.next_seen().await?.text(), "api is down");
    assert_eq!(workspace.unread().len(), 4);
    Ok(())
}

#[tokio::test]
async fn faults_come_when_ordered_and_a_cut_answer_still_stored_the_message() -> Result<()> {
    let workspace = workspace().await?;
    let url = format!("{}/chat.postMessage", workspace.base_url());
    let post = async || send(&url, "xoxb-pretend-bot-token", &json!({"channel": "#alerts", "text": "x"})).await;
    workspace.fail_next("chat.postMessage", Fault::RateLimited(7));
    workspace.fail_next("chat.postMessage", Fault::Unavailable);
    workspace.fail_next("chat.postMessage", Fault::CutBefore);
    workspace.fail_next("chat.postMessage", Fault::CutAfter);
    assert_eq!(post().await?, (429, r#"{"error":"ratelimited","ok":false}"#.to_owned()));
    let (status, page) = post().await?;
    assert_eq!((status, page.contains("<html>")), (503, true));
    assert!(post().await.is_err());
    assert_eq!(workspace.messages("#alerts").len(), 0);
    assert!(post().await.is_err());
    assert_eq!(workspace.messages("#alerts").len(), 1);
    assert_eq!(post().await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn lists_come_in_pages_and_metadata_comes_back_when_asked_for() -> Result<()> {
    let workspace = workspace().await?;
    let first = call(&workspace, "conversations.list", json!({"limit": 2})).await?;
    let cursor = first["response_metadata"]["next_cursor"].clone();
    let second = call(&workspace, "conversations.list", json!({"limit": 2, "cursor": cursor})).await?;
    assert_eq!(
        (first["channels"].as_array().map(Vec::len), second["channels"][0]["name"].as_str()),
        (Some(2), Some("old-alerts"))
    );
    let metadata = json!({"event_type": "outbox", "event_payload": {"id": "1"}});
    call(&workspace, "chat.postMessage", json!({"channel": "#alerts", "text": "x", "metadata": metadata})).await?;
    let bare = call(&workspace, "conversations.history", json!({"channel": "C0ALERTS"})).await?;
    let full =
        call(&workspace, "conversations.history", json!({"channel": "C0ALERTS", "include_all_metadata": true})).await?;
    assert_eq!((&bare["messages"][0]["metadata"], &full["messages"][0]["metadata"]), (&Value::Null, &metadata));
    let later = json!({"channel": "C0ALERTS", "oldest": "1700000001"});
    assert_eq!(call(&workspace, "conversations.history", later).await?["messages"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_command_without_a_listener_fails_visibly_and_an_event_waits() -> Result<()> {
    let workspace = workspace().await?;
    let ana = workspace.person("ana");
    ana.runs("/k8s status", "#alerts")?;
    assert_eq!(workspace.ephemeral_for("ana")[0].text, "/k8s failed with the error \"dispatch_failed\"");
    assert_eq!(ana.mentions("#alerts", "hello")?.envelopes.len(), 2);
    assert_eq!(ana.says("#general", "not heard")?.envelopes.len(), 0);
    assert_eq!(workspace.unacked().len(), 3);
    Ok(())
}

type Handled<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn on_command(
    event: SlackCommandEvent,
    client: Arc<SlackHyperClient>,
    _: SlackClientEventsUserState,
) -> Handled<SlackCommandEventResponse> {
    let late = SlackMessageContent::new().with_text("a late answer".into());
    client.respond_to_event(&event.response_url, &SlackApiPostWebhookMessageRequest::new(late)).await?;
    let text = format!("{} {} heard", event.command.0, event.text.unwrap_or_default());
    Ok(SlackCommandEventResponse::new(SlackMessageContent::new().with_text(text)))
}

async fn on_press(
    event: SlackInteractionEvent,
    client: Arc<SlackHyperClient>,
    _: SlackClientEventsUserState,
) -> Handled<()> {
    let SlackInteractionEvent::BlockActions(event) = event else { return Ok(()) };
    let action = event.actions.unwrap_or_default().remove(0);
    let in_attachment = matches!(event.container, SlackInteractionActionContainer::MessageAttachment(_));
    let text = format!("{} {:?}, in an attachment: {in_attachment}", action.action_id.0, action.value);
    let content = SlackMessageContent::new().with_text(text);
    let token = SlackApiToken::new("xoxb-pretend-bot-token".into());
    let request = SlackApiChatPostMessageRequest::new("C0ALERTS".into(), content);
    client.open_session(&token).chat_post_message(&request).await?;
    Ok(())
}

/// Answers people who name the bot; anything that the models do not know is a failure.
async fn on_push(
    event: SlackPushEventCallback,
    client: Arc<SlackHyperClient>,
    _: SlackClientEventsUserState,
) -> Handled<()> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other event is known and ignored")]
    match event.event {
        SlackEventCallbackBody::AppMention(mention) => {
            let text = format!("you said {}", mention.content.text.unwrap_or_default());
            let content = SlackMessageContent::new().with_text(text);
            let token = SlackApiToken::new("xoxb-pretend-bot-token".into());
            let request =
                SlackApiChatPostMessageRequest::new(mention.channel, content).with_thread_ts(mention.origin.ts);
            client.open_session(&token).chat_post_message(&request).await?;
            Ok(())
        }
        SlackEventCallbackBody::Unknown(event) => Err(format!("unknown: {event}").into()),
        _ => Ok(()),
    }
}

/// Listens as the bot does, with two sockets.
async fn listen(workspace: &Workspace) -> Result<SlackClientSocketModeListener<SlackClientHyperHttpsConnector>> {
    let environment = SlackClientEventsListenerEnvironment::new(client(workspace)?);
    let callbacks = SlackSocketModeListenerCallbacks::new()
        .with_command_events(on_command)
        .with_interaction_events(on_press)
        .with_push_events(on_push);
    let config =
        SlackClientSocketModeConfig::new().with_initial_backoff_in_seconds(0).with_reconnect_timeout_in_seconds(1);
    let listener = SlackClientSocketModeListener::new(&config, Arc::new(environment), callbacks);
    listener.listen_for(&SlackApiToken::new("xapp-1-pretend-app-token".into())).await?;
    listener.start().await;
    workspace.wait_for_sockets(2).await?;
    Ok(listener)
}

#[tokio::test]
async fn the_client_library_of_the_bot_understands_every_answer() -> Result<()> {
    let workspace = workspace().await?;
    let client = client(&workspace)?;
    let token = SlackApiToken::new("xoxb-pretend-bot-token".into());
    let session = client.open_session(&token);
    assert_eq!(session.auth_test().await?.bot_id, Some(BOT.into()));
    let content = SlackMessageContent::new().with_text("hello".into());
    let posted =
        session.chat_post_message(&SlackApiChatPostMessageRequest::new("C0ALERTS".into(), content.clone())).await?;
    let reply =
        SlackApiChatPostMessageRequest::new("C0ALERTS".into(), content.clone()).with_thread_ts(posted.ts.clone());
    session.chat_post_message(&reply).await?;
    let update = SlackApiChatUpdateRequest::new("C0ALERTS".into(), content.with_text("bye".into()), posted.ts.clone());
    session.chat_update(&update).await?;
    let history = SlackApiConversationsHistoryRequest::new().with_channel("C0ALERTS".into());
    let history = session.conversations_history(&history).await?;
    assert_eq!((history.messages.len(), history.messages[0].parent.reply_count), (1, Some(1)));
    let replies = SlackApiConversationsRepliesRequest::new("C0ALERTS".into(), posted.ts);
    assert_eq!(session.conversations_replies(&replies).await?.messages.len(), 2);
    assert_eq!(session.conversations_list(&SlackApiConversationsListRequest::new()).await?.channels.len(), 3);
    let guest = session.users_info(&SlackApiUsersInfoRequest::new("U0GUS".into())).await?.user;
    assert_eq!(guest.flags.is_restricted, Some(true));
    Ok(())
}

#[tokio::test]
async fn commands_presses_and_mentions_reach_a_listener_and_its_answers_are_seen() -> Result<()> {
    let workspace = workspace().await?;
    let listener = listen(&workspace).await?;
    let ana = workspace.person("ana");

    let ack = workspace.ack_of(&ana.runs("/k8s status", "#alerts")?).await?;
    assert!(ack.payload.is_some());
    assert_eq!(workspace.next_seen().await?.to_string(), "only for ana in #alerts:\na late answer");
    assert_eq!(workspace.next_seen().await?.to_string(), "only for ana in #alerts:\n/k8s status heard");

    let button = json!({"type": "button", "action_id": "ack", "value": "INC-1", "text": {"type": "plain_text", "text": "Acknowledge"}});
    let alert = json!({"channel": "#alerts", "text": "down", "attachments": [{"color": "#cc0000", "blocks": [{"type": "actions", "elements": [button]}]}]});
    call(&workspace, "chat.postMessage", alert).await?;
    let alert = workspace.next_seen().await?;
    assert_eq!(alert.text(), "down\n▌#cc0000\n[ Acknowledge ]");
    assert!(ana.presses("#alerts", alert.ts(), "resolve").is_err());
    workspace.ack_of(&ana.presses("#alerts", alert.ts(), "ack")?).await?;
    assert_eq!(workspace.next_seen().await?.text(), "ack Some(\"INC-1\"), in an attachment: true");

    let asked = ana.mentions("#alerts", "why?")?;
    assert_eq!(asked.envelopes.len(), 2);
    assert_eq!(workspace.next_in("#alerts").await?.text(), "you said @k8s-monitor why?");
    assert_eq!(workspace.thread("#alerts", &asked.ts).len(), 1);

    workspace.wait_for_acks().await?;
    assert_eq!(workspace.unacked(), []);
    assert_eq!(workspace.unread(), []);
    let both = workspace.acks().iter().map(|ack| ack.socket).collect::<BTreeSet<_>>();
    assert_eq!(both.len(), 2, "envelopes are spread over the sockets");
    listener.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_event_lost_on_a_mute_socket_is_delivered_again_on_another() -> Result<()> {
    let workspace = workspace().await?;
    let listener = listen(&workspace).await?;
    for socket in workspace.sockets() {
        workspace.mute_socket(socket);
    }
    let lost = workspace.person("ben").mentions("#alerts", "anybody?")?;
    let old = workspace.sockets();
    assert_eq!(workspace.unacked().len(), 2);
    for socket in old {
        workspace.drop_socket(socket);
    }
    workspace.wait_for_sockets(2).await?;
    assert_eq!(workspace.redeliver(), 2);
    for envelope in &lost.envelopes {
        workspace.ack_of(envelope).await?;
    }
    assert_eq!(workspace.next_seen().await?.text(), "you said @k8s-monitor anybody?");
    let before = workspace.sockets();
    assert!(workspace.disconnect(before[0], Disconnect::RefreshRequested));
    workspace.wait_for_calls("apps.connections.open", 5).await?;
    listener.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_response_url_works_five_times_and_then_says_so_in_plain_text() -> Result<()> {
    let workspace = workspace().await?;
    let now = workspace.shared.clock.now();
    let (_, url) = workspace.shared.change(|state| state.response_url("commands", "C0ALERTS", "U0ANA", None, now));
    assert_eq!(send(&url, "", &json!({})).await?, (400, "no_text".to_owned()));
    assert_eq!(send(&url, "", &json!({"text": "one"})).await?, (200, "ok".to_owned()));
    send(&url, "", &json!({"text": "two", "replace_original": true})).await?;
    send(&url, "", &json!({"text": "for all", "response_type": "in_channel"})).await?;
    assert_eq!(send(&url, "", &json!({"delete_original": true})).await?, (400, "no_original_message".to_owned()));
    send(&url, "", &json!({"text": "four"})).await?;
    send(&url, "", &json!({"text": "five"})).await?;
    assert_eq!(send(&url, "", &json!({"text": "six"})).await?, (400, "used_url".to_owned()));
    let texts = workspace.unread().iter().map(|seen| format!("{seen}")).collect::<Vec<_>>();
    assert_eq!(
        texts,
        [
            "only for ana in #alerts:\none",
            "only for ana in #alerts:\ntwo",
            "posted in #alerts:\nfor all",
            "only for ana in #alerts:\nfour",
            "only for ana in #alerts:\nfive",
        ]
    );
    let (_, url) = workspace.shared.change(|state| state.response_url("commands", "C0ALERTS", "U0ANA", None, now));
    workspace.shared.clock.advance(Duration::from_secs(1801));
    assert_eq!(send(&url, "", &json!({"text": "late"})).await?, (400, "expired_url".to_owned()));
    Ok(())
}
