//! What goes over the wire: requests and answers of the Web API, blocks untouched.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SlackError;
use crate::alerts::Message;

/// Text and blocks; with a colour the blocks are in one attachment.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<Value>,
}

impl<'a> From<&'a Message> for Body<'a> {
    fn from(message: &'a Message) -> Self {
        match &message.colour {
            Some(colour) => Self {
                text: &message.text,
                blocks: None,
                attachments: Some(json!([{"color": colour, "fallback": message.text, "blocks": message.blocks}])),
            },
            None => Self {
                text: &message.text,
                blocks: (!message.blocks.is_empty()).then_some(message.blocks.as_slice()),
                attachments: None,
            },
        }
    }
}

impl<'a> Body<'a> {
    /// For an edit: what is left out of `chat.update` may stay, so both places are written.
    pub(super) fn whole(message: &'a Message) -> Self {
        let mut body = Self::from(message);
        body.blocks.get_or_insert(&[]);
        body.attachments.get_or_insert_with(|| json!([]));
        body
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Post<'a> {
    pub(super) channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_broadcast: Option<bool>,
    #[serde(flatten)]
    pub(super) body: Body<'a>,
    pub(super) metadata: Metadata<'a>,
    pub(super) unfurl_links: bool,
    pub(super) unfurl_media: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) event_type: &'static str,
    pub(super) event_payload: OutboxId<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct OutboxId<'a> {
    pub(super) outbox_id: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Update<'a> {
    pub(super) channel: &'a str,
    pub(super) ts: &'a str,
    #[serde(flatten)]
    pub(super) body: Body<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Delete<'a> {
    pub(super) channel: &'a str,
    pub(super) ts: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Respond<'a> {
    pub(super) response_type: &'static str,
    pub(super) replace_original: bool,
    #[serde(flatten)]
    pub(super) body: Body<'a>,
}

/// An answer: `ok` with its fields, or something that is not Slack's (a proxy's page is read as an empty object).
#[derive(Debug, Deserialize)]
pub(super) struct Answer<A> {
    ok: Option<bool>,
    #[serde(flatten)]
    fields: Option<A>,
}

impl<A> Answer<A> {
    pub(super) fn sound(self, method: &str) -> Result<A, SlackError> {
        match (self.ok, self.fields) {
            (Some(true), Some(fields)) => Ok(fields),
            (Some(true), None) => Err(SlackError::NotJson {
                method: method.to_owned(),
                saw: "`ok` without the fields this method answers with".to_owned(),
            }),
            (Some(false), _) => Err(SlackError::refused(method, "", "no_error_given".to_owned())),
            (None, _) => Err(SlackError::NotJson {
                method: method.to_owned(),
                saw: "an answer without `ok` (a web page?)".to_owned(),
            }),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// What a `response_url` answers: usually the word `ok`, which is read as nothing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Accepted {
    #[serde(default)]
    pub(super) error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Auth {
    pub(super) team_id: String,
    #[serde(default)]
    pub(super) team: String,
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) bot_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ts {
    pub(super) ts: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) next_cursor: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Messages {
    #[serde(default)]
    pub(super) messages: Vec<Seen>,
    #[serde(default)]
    pub(super) response_metadata: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    #[serde(default)]
    pub(super) ts: String,
    #[serde(default)]
    metadata: Value,
}

impl Seen {
    /// The outbox id in the metadata, if the message is ours.
    pub(super) fn outbox_id(&self) -> Option<&str> {
        (self.metadata.get("event_type")? == super::METADATA_EVENT_TYPE)
            .then(|| self.metadata.pointer("/event_payload/outbox_id")?.as_str())
            .flatten()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Channels {
    #[serde(default)]
    pub(super) channels: Vec<ListedChannel>,
    #[serde(default)]
    pub(super) response_metadata: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListedChannel {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) is_member: Option<bool>,
    #[serde(default)]
    pub(super) is_archived: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChannelInfo {
    pub(super) channel: ListedChannel,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserInfo {
    pub(super) user: User,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, clippy::struct_field_names, reason = "as Slack writes it")]
pub(super) struct User {
    pub(super) id: String,
    #[serde(default)]
    pub(super) team_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) real_name: String,
    #[serde(default)]
    pub(super) profile: Profile,
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    pub(super) is_workflow_bot: bool,
    #[serde(default)]
    pub(super) is_restricted: bool,
    #[serde(default)]
    pub(super) is_ultra_restricted: bool,
    #[serde(default)]
    pub(super) is_stranger: bool,
    #[serde(default)]
    pub(super) enterprise_user: Option<EnterpriseUser>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Profile {
    #[serde(default)]
    pub(super) display_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct EnterpriseUser {
    #[serde(default)]
    pub(super) teams: Vec<String>,
}
