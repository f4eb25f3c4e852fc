//! Slack's envelopes in, what somebody said out; what is not meant for the bot is ignored with its reason.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde_json::Value;

/// What sort of envelope it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvelopeKind {
    /// A slash command.
    Command,
    /// A button.
    Interaction,
    /// A message or a mention.
    Event,
}

/// Who asks, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "ids of user, channel and workspace")]
pub struct Asker {
    pub user: String,
    pub channel: String,
    pub team: String,
}

/// Somebody said something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Said {
    pub asker: Asker,
    pub what: What,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named as in Slack")]
pub enum What {
    /// `/k8s ...`: the text behind the command.
    Command { text: String, response_url: String },
    /// A button was pressed.
    Button { action: String, value: String, channel: String, message_ts: String, response_url: String },
    /// A message in a channel or thread.
    Message { channel: String, ts: String, thread_ts: Option<String>, text: String },
    /// A message that mentions the bot; the mention is taken out of the text.
    Mention { channel: String, ts: String, thread_ts: Option<String>, text: String },
    /// Not meant for the bot, and why.
    Ignored(&'static str),
}

/// A payload that does not have what it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What is missing or wrong.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read what Slack sent: {}", self.why)
    }
}

impl std::error::Error for Unreadable {}

/// Subtypes of messages that people write.
const SPOKEN: [&str; 3] = ["thread_broadcast", "file_share", "me_message"];

/// The same for every delivery of the same thing, and for the two events Slack sends for one mention.
pub fn unique_id(kind: EnvelopeKind, payload: &Value) -> String {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).filter(|s| !s.is_empty());
    match kind {
        EnvelopeKind::Command => {
            text("/trigger_id").or_else(|| text("/response_url")).map(|id| format!("command:{id}"))
        }
        EnvelopeKind::Interaction => {
            text("/trigger_id").or_else(|| text("/actions/0/action_ts")).map(|id| format!("interaction:{id}"))
        }
        EnvelopeKind::Event => {
            let is_text = matches!(text("/event/type"), Some("message" | "app_mention"))
                && text("/event/subtype").is_none_or(|s| SPOKEN.contains(&s));
            match (is_text, text("/event/channel"), text("/event/ts")) {
                (true, Some(channel), Some(ts)) => Some(format!("message:{channel}:{ts}")),
                _ => text("/event_id").map(|id| format!("event:{id}")),
            }
        }
    }
    // Without any name of its own it is its own name: the same text is the same thing. An index takes only short names.
    .unwrap_or_else(|| {
        let text = payload.to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        format!("unnamed:{:016x}:{}", hasher.finish(), text.len())
    })
}

/// Whether a channel is a person's direct messages with the bot.
pub fn is_direct(channel: &str) -> bool {
    channel.starts_with('D')
}

/// What was said. `bot_user` is the bot's own user id, to know its own words and its mention.
pub fn parse(kind: EnvelopeKind, payload: &Value, bot_user: &str) -> Result<Said, Unreadable> {
    let payload = Fields(payload);
    match kind {
        EnvelopeKind::Command => command(payload),
        EnvelopeKind::Interaction => button(payload),
        EnvelopeKind::Event => event(payload, bot_user),
    }
}

fn command(payload: Fields<'_>) -> Result<Said, Unreadable> {
    let asker =
        Asker { user: payload.must("/user_id")?, channel: payload.must("/channel_id")?, team: payload.may("/team_id") };
    let what = What::Command { text: tidy(&payload.may("/text")), response_url: payload.must("/response_url")? };
    Ok(Said { asker, what })
}

fn button(payload: Fields<'_>) -> Result<Said, Unreadable> {
    let channel =
        [payload.may("/channel/id"), payload.may("/container/channel_id")].into_iter().find(|c| !c.is_empty());
    let team = [payload.may("/user/team_id"), payload.may("/team/id")].into_iter().find(|t| !t.is_empty());
    let asker = Asker {
        user: payload.must("/user/id")?,
        channel: channel.clone().unwrap_or_default(),
        team: team.unwrap_or_default(),
    };
    if payload.may("/type") != "block_actions" {
        return Ok(Said { asker, what: What::Ignored("not a button of ours") });
    }
    let value = [payload.may("/actions/0/value"), payload.may("/actions/0/selected_option/value")];
    let message_ts = [payload.may("/container/message_ts"), payload.may("/message/ts")];
    let what = What::Button {
        action: payload.must("/actions/0/action_id")?,
        value: value.into_iter().find(|v| !v.is_empty()).unwrap_or_default(),
        channel: channel.ok_or_else(|| Unreadable { why: "a button without a channel".to_owned() })?,
        message_ts: message_ts.into_iter().find(|v| !v.is_empty()).unwrap_or_default(),
        response_url: payload.may("/response_url"),
    };
    Ok(Said { asker, what })
}

fn event(payload: Fields<'_>, bot_user: &str) -> Result<Said, Unreadable> {
    let kind = payload.must("/event/type")?;
    let user = payload.may("/event/user");
    let team = [payload.may("/event/user_team"), payload.may("/event/team"), payload.may("/team_id")];
    let asker = Asker {
        user: user.clone(),
        channel: payload.may("/event/channel"),
        team: team.into_iter().find(|t| !t.is_empty()).unwrap_or_default(),
    };
    let subtype = payload.may("/event/subtype");
    let ignored = if !matches!(kind.as_str(), "message" | "app_mention") {
        Some("not a message")
    } else if !bot_user.is_empty() && user == bot_user {
        Some("my own words")
    } else if !payload.may("/event/bot_id").is_empty() || payload.0.pointer("/event/bot_profile").is_some() {
        Some("a bot's words")
    } else if !subtype.is_empty() && !SPOKEN.contains(&subtype.as_str()) {
        Some("not something a person wrote just now")
    } else if user.is_empty() {
        Some("nobody said it")
    } else {
        None
    };
    if let Some(why) = ignored {
        return Ok(Said { asker, what: What::Ignored(why) });
    }
    let raw = payload.may("/event/text");
    let mention = format!("<@{bot_user}>");
    let mentions = !bot_user.is_empty() && raw.contains(&mention);
    let text = tidy(&raw.replace(&mention, " "));
    let channel = payload.must("/event/channel")?;
    let ts = payload.must("/event/ts")?;
    let thread_ts = Some(payload.may("/event/thread_ts")).filter(|t| !t.is_empty());
    let what = if mentions || kind == "app_mention" {
        What::Mention { channel, ts, thread_ts, text }
    } else if text.is_empty() {
        What::Ignored("no text")
    } else {
        What::Message { channel, ts, thread_ts, text }
    };
    Ok(Said { asker, what })
}

/// Typographic quotes, dashes and spaces that keyboards put in, as they were meant; Slack's escapes undone; one space.
pub fn tidy(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => '"',
            '\u{2010}'..='\u{2012}' => '-',
            other => other,
        })
        .collect();
    // A phone turns two hyphens into one long dash.
    let plain = plain.replace(['\u{2013}', '\u{2014}'], "--");
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Copy)]
struct Fields<'a>(&'a Value);

impl Fields<'_> {
    /// The text at that place; empty if there is none.
    fn may(self, pointer: &str) -> String {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn must(self, pointer: &str) -> Result<String, Unreadable> {
        Some(self.may(pointer)).filter(|text| !text.is_empty()).ok_or_else(|| Unreadable {
            why: format!("`{}` is missing", pointer.trim_start_matches('/').replace('/', ".")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn message(event: &Value) -> Value {
        let mut whole =
            json!({"type": "message", "user": "U2", "channel": "C1", "ts": "1.2", "team": "T1", "text": "why?"});
        whole.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": whole})
    }

    fn ana() -> Asker {
        Asker { user: "U2".into(), channel: "C1".into(), team: "T1".into() }
    }

    #[test]
    fn a_slash_command_is_its_text() {
        let payload = json!({
            "team_id": "T1", "channel_id": "C1", "user_id": "U2", "command": "/k8s",
            "text": "  ack INC-1   \u{201c}it\u{2019}s me\u{201d} ", "response_url": "https://hooks/1", "trigger_id": "9.8.7",
        });
        assert_eq!(
            parse(EnvelopeKind::Command, &payload, "UBOT").unwrap(),
            Said {
                asker: ana(),
                what: What::Command { text: "ack INC-1 \"it's me\"".into(), response_url: "https://hooks/1".into() }
            }
        );
        assert_eq!(unique_id(EnvelopeKind::Command, &payload), "command:9.8.7");
    }

    #[test]
    fn a_button_in_an_attachment_is_read() {
        let payload = json!({
            "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U2", "team_id": "T1"}, "trigger_id": "1.1",
            "container": {"type": "message_attachment", "message_ts": "5.6", "attachment_id": 1, "channel_id": "C1"},
            "channel": {"id": "C1", "name": "alerts"}, "response_url": "https://hooks/2",
            "actions": [{"type": "button", "action_id": "ack", "value": "INC-1", "action_ts": "7.8"}],
        });
        assert_eq!(
            parse(EnvelopeKind::Interaction, &payload, "UBOT").unwrap(),
            Said {
                asker: ana(),
                what: What::Button {
                    action: "ack".into(),
                    value: "INC-1".into(),
                    channel: "C1".into(),
                    message_ts: "5.6".into(),
                    response_url: "https://hooks/2".into(),
                }
            }
        );
        assert_eq!(unique_id(EnvelopeKind::Interaction, &payload), "interaction:1.1");
    }

    #[rstest]
    #[case::in_a_thread(json!({"thread_ts": "1.0"}), What::Message { channel: "C1".into(), ts: "1.2".into(), thread_ts: Some("1.0".into()), text: "why?".into() })]
    #[case::broadcast(json!({"subtype": "thread_broadcast", "thread_ts": "1.0"}), What::Message { channel: "C1".into(), ts: "1.2".into(), thread_ts: Some("1.0".into()), text: "why?".into() })]
    #[case::a_mention(json!({"type": "app_mention", "text": "<@UBOT> why?"}), What::Mention { channel: "C1".into(), ts: "1.2".into(), thread_ts: None, text: "why?".into() })]
    #[case::the_message_of_a_mention(json!({"text": "why <@UBOT>"}), What::Mention { channel: "C1".into(), ts: "1.2".into(), thread_ts: None, text: "why".into() })]
    #[case::own(json!({"user": "UBOT"}), What::Ignored("my own words"))]
    #[case::a_bot(json!({"bot_id": "B9"}), What::Ignored("a bot's words"))]
    #[case::an_edit(json!({"subtype": "message_changed"}), What::Ignored("not something a person wrote just now"))]
    #[case::a_joiner(json!({"subtype": "channel_join"}), What::Ignored("not something a person wrote just now"))]
    #[case::a_picture(json!({"subtype": "file_share", "text": ""}), What::Ignored("no text"))]
    #[case::a_reaction(json!({"type": "reaction_added"}), What::Ignored("not a message"))]
    fn a_message_is_read_if_a_person_wrote_it(#[case] event: Value, #[case] what: What) {
        assert_eq!(parse(EnvelopeKind::Event, &message(&event), "UBOT").unwrap().what, what);
    }

    #[test]
    fn a_mention_has_one_id_although_slack_sends_two_events() {
        let mention = message(&json!({"type": "app_mention"}));
        let mut same = message(&json!({}));
        same["event_id"] = json!("Ev2");
        assert_eq!(unique_id(EnvelopeKind::Event, &mention), "message:C1:1.2");
        assert_eq!(unique_id(EnvelopeKind::Event, &same), "message:C1:1.2");
        let edit = message(&json!({"subtype": "message_changed"}));
        assert_eq!(unique_id(EnvelopeKind::Event, &edit), "event:Ev1");
    }

    #[test]
    fn what_has_no_name_is_named_after_its_text_in_short() {
        let long = |letter: &str| json!({"type": "event_callback", "event": {"blocks": letter.repeat(5000)}});
        let id = unique_id(EnvelopeKind::Event, &long("x"));
        assert!(id.starts_with("unnamed:") && id.len() < 40, "{id}");
        assert_eq!(id, unique_id(EnvelopeKind::Event, &long("x")));
        assert_ne!(id, unique_id(EnvelopeKind::Event, &long("y")));
    }

    #[rstest]
    #[case(EnvelopeKind::Command, json!({"user_id": "U2"}), "cannot read what Slack sent: `channel_id` is missing")]
    #[case(EnvelopeKind::Interaction, json!({"type": "block_actions"}), "cannot read what Slack sent: `user.id` is missing")]
    #[case(EnvelopeKind::Event, json!([]), "cannot read what Slack sent: `event.type` is missing")]
    fn what_is_missing_is_named(#[case] kind: EnvelopeKind, #[case] payload: Value, #[case] why: &str) {
        assert_eq!(parse(kind, &payload, "UBOT").unwrap_err().to_string(), why);
    }

    #[test]
    fn phones_write_quotes_and_dashes_of_their_own() {
        assert_eq!(tidy("ack \u{2014}note \u{201e}ok\u{201c}  &amp; done"), "ack --note \"ok\" & done");
    }
}
