//! What the workspace tells the app about: messages, mentions, edits and deletions, as `events_api` envelopes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::socket::EnvelopeKind;
use super::state::{APP, BOT_USER, State, TEAM};

impl State {
    /// Whether the app gets the messages of a channel: it is inside and has the scope.
    fn hears(&self, channel: &str) -> bool {
        self.channels.get(channel).is_some_and(|channel| {
            let scope = match (channel.is_direct(), channel.private) {
                (true, _) => "im:history",
                (false, true) => "groups:history",
                (false, false) => "channels:history",
            };
            channel.bot_in && self.scopes.contains(scope)
        })
    }

    fn channel_type(&self, channel: &str) -> &'static str {
        match self.channels.get(channel) {
            Some(channel) if channel.is_direct() => "im",
            Some(channel) if channel.private => "group",
            Some(_) | None => "channel",
        }
    }

    fn tell(&mut self, event: &Value, now: Timestamp) -> String {
        let nr = self.next_id();
        let payload = json!({
            "token": "pretend-verification-token", "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP,
            "event": event, "type": "event_callback", "event_id": format!("Ev{nr:09}"), "event_time": now.as_second(),
            "authorizations": [{"enterprise_id": null, "team_id": TEAM, "user_id": BOT_USER, "is_bot": true, "is_enterprise_install": false}],
            "is_ext_shared_channel": false, "event_context": format!("4-pretend-{nr}"),
        });
        self.deliver(EnvelopeKind::EventsApi, payload, None)
    }

    /// `message`, and `app_mention` where the bot is named; the envelopes sent.
    pub(crate) fn tell_of_message(&mut self, channel: &str, ts: &str, now: Timestamp) -> Vec<String> {
        let Some(message) = self.message(channel, ts) else { return Vec::new() };
        let named = message.user != BOT_USER && message.content.text.contains(&format!("<@{BOT_USER}>"));
        let mut event = self.message_json(message, true);
        if let Some(event) = event.as_object_mut() {
            event.insert("channel".to_owned(), json!(channel));
            event.insert("event_ts".to_owned(), json!(ts));
        }
        let mut sent = Vec::new();
        if named && self.scopes.contains("app_mentions:read") {
            let mut mention = event.clone();
            if let Some(mention) = mention.as_object_mut() {
                mention.insert("type".to_owned(), json!("app_mention"));
            }
            sent.push(self.tell(&mention, now));
        }
        if self.hears(channel) {
            if let Some(event) = event.as_object_mut() {
                event.insert("channel_type".to_owned(), json!(self.channel_type(channel)));
            }
            sent.push(self.tell(&event, now));
        }
        sent
    }

    pub(crate) fn tell_of_edit(&mut self, channel: &str, ts: &str, before: &Value, now: Timestamp) {
        let Some(message) = self.message(channel, ts).filter(|_| self.hears(channel)) else { return };
        let message = self.message_json(message, true);
        let event_ts = self.next_ts(now);
        let event = json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": channel, "message": message,
            "previous_message": before, "ts": event_ts, "event_ts": event_ts, "channel_type": self.channel_type(channel),
        });
        self.tell(&event, now);
    }

    pub(crate) fn tell_of_deletion(&mut self, channel: &str, ts: &str, before: &Value, now: Timestamp) {
        if !self.hears(channel) {
            return;
        }
        let event_ts = self.next_ts(now);
        let event = json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel, "deleted_ts": ts,
            "previous_message": before, "ts": event_ts, "event_ts": event_ts, "channel_type": self.channel_type(channel),
        });
        self.tell(&event, now);
    }
}
