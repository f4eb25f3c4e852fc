//! Response URLs: a few late answers to a command or a press, without a token.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::args::Args;
use super::chat::{content_of, said_by_bot};
use super::state::{Message, ResponseUrl, State, TEAM};

const USES: u32 = 5;
const LIFE: SignedDuration = SignedDuration::from_mins(30);

impl State {
    /// A fresh response URL: its key and its address.
    pub(crate) fn response_url(
        &mut self,
        kind: &str,
        channel: &str,
        user: &str,
        original: Option<String>,
        now: Timestamp,
    ) -> (String, String) {
        let key = format!("{}", self.next_id());
        let expires = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let thread_ts = original.as_deref().and_then(|ts| self.message(channel, ts)?.thread_ts.clone());
        let (channel, user) = (channel.to_owned(), user.to_owned());
        let row = ResponseUrl { channel, user, uses_left: USES, expires, original, thread_ts };
        self.response_urls.insert(key.clone(), row);
        let url = format!("http://{}/{kind}/{TEAM}/{key}/pretend", self.authority);
        (key, url)
    }

    fn respond(&mut self, key: &str, args: &Args, now: Timestamp) -> Result<(), String> {
        let row = self.response_urls.get_mut(key).ok_or("invalid_token")?;
        if now > row.expires {
            return Err("expired_url".into());
        }
        if row.uses_left == 0 {
            return Err("used_url".into());
        }
        let row = row.clone();
        if args.flag("delete_original") {
            let original = row.original.as_deref().ok_or("no_original_message")?;
            self.remove(&row.channel, original).ok_or("message_not_found")?;
        } else {
            let content = content_of(self, args).map_err(|refusal| refusal.error)?;
            // A command has no message to be replaced: then it is a new one.
            let original = row.original.as_ref().filter(|_| args.flag("replace_original"));
            if let Some(ts) = original.filter(|ts| self.message(&row.channel, ts).is_some()) {
                let edited = self.next_ts(now);
                self.edit(&row.channel, ts, content, Some(edited));
            } else {
                let ts = self.next_ts(now);
                let in_channel = args.text("response_type") == Some("in_channel");
                let thread_ts = args.text("thread_ts").map(str::to_owned).or(row.thread_ts);
                let message = said_by_bot(ts, &row.channel, content, thread_ts);
                self.add(Message { only_for: (!in_channel).then_some(row.user), ..message });
            }
        }
        if let Some(row) = self.response_urls.get_mut(key) {
            row.uses_left -= 1;
        }
        Ok(())
    }
}

pub(crate) async fn respond(
    Extract(shared): Extract<Arc<Shared>>,
    Path((_team, key, _secret)): Path<(String, String, String)>,
    body: Bytes,
) -> (StatusCode, String) {
    let Ok(args) = Args::read(None, "application/json", &body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload".to_owned());
    };
    let now = shared.clock.now();
    match shared.change(|state| state.respond(&key, &args, now)) {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(word) => (StatusCode::BAD_REQUEST, word),
    }
}
