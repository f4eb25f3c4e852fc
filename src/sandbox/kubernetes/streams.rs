//! Watches of the pretend API: what there is, what changes, bookmarks, and every way in which a stream ends.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use tokio::sync::watch;

use super::{
    StreamedLists,
    encode::{Encoding, Form},
    server::{Shared, no, status},
};
use crate::cluster::Kind;

/// As often as upstream, about.
const BOOKMARKS_EVERY: Duration = Duration::from_mins(1);

/// The answer to a watch: a stream, or why there is none.
pub(super) fn watch_of(
    shared: &Arc<Shared>,
    encoding: Encoding,
    kind: Kind,
    namespace: Option<String>,
    query: &BTreeMap<String, String>,
) -> Response {
    let streams = shared.settings().streams;
    let is_list = query.contains_key("sendInitialEvents");
    if is_list && streams == StreamedLists::Refused {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return no(encoding, StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    }
    if is_list && query.get("resourceVersionMatch").map(String::as_str) != Some("NotOlderThan") {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return no(encoding, StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    }
    let from = match query.get("resourceVersion").map_or("", String::as_str) {
        "" | "0" => None,
        version => {
            let Ok(version) = version.parse::<u64>() else {
                let message = format!("resourceVersion: Invalid value: {version:?}: strconv.ParseUint: invalid syntax");
                // Upstream blames itself for this.
                return no(encoding, StatusCode::INTERNAL_SERVER_ERROR, "", &message);
            };
            Some(version)
        }
    };
    let lasts = Duration::from_secs(query.get("timeoutSeconds").and_then(|t| t.parse().ok()).unwrap_or(1_800));
    let mut changed = shared.changed.subscribe();
    changed.mark_changed();
    shared.open.send_modify(|open| *open.entry(kind).or_default() += 1);
    let watching = Watching {
        shared: shared.clone(),
        encoding,
        kind,
        namespace,
        position: from,
        ends_list: is_list && streams == StreamedLists::Sent,
        changed,
        cuts: shared.cuts.subscribe(),
        bookmarks: shared.bookmarks.subscribe(),
        mute: shared.mute.subscribe(),
        wants_bookmarks: query.get("allowWatchBookmarks").is_some_and(|b| b == "true")
            && !shared.settings().sends_no_bookmarks,
        ends: tokio::time::Instant::now() + lasts,
        over: false,
        cut_off: None,
    };
    let frames = futures::stream::unfold(watching, |mut watching| async move {
        let next = watching.next().await?;
        Some((next, watching))
    });
    let mut response = Response::new(Body::from_stream(frames));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type(Form::Stream)));
    response
}

/// One open watch.
struct Watching {
    shared: Arc<Shared>,
    encoding: Encoding,
    kind: Kind,
    namespace: Option<String>,
    /// Everything up to here was sent; None: nothing yet, begin with what there is.
    position: Option<u64>,
    /// After what there is comes the bookmark that says so.
    ends_list: bool,
    changed: watch::Receiver<u64>,
    cuts: watch::Receiver<u64>,
    bookmarks: watch::Receiver<u64>,
    mute: watch::Receiver<bool>,
    wants_bookmarks: bool,
    ends: tokio::time::Instant,
    over: bool,
    /// How the connection ends after the last bytes.
    cut_off: Option<io::Error>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let kind = self.kind;
        self.shared.open.send_modify(|open| {
            if let Some(n) = open.get_mut(&kind) {
                *n = n.saturating_sub(1);
            }
        });
    }
}

impl Watching {
    /// The next bytes; an error cuts the connection, None ends the answer in peace.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return self.cut_off.take().map(Err);
        }
        // The sender lives in `shared`.
        self.mute.wait_for(|mute| !mute).await.ok();
        loop {
            tokio::select! {
                biased;
                _ = self.cuts.changed() => {
                    self.over = true;
                    return Some(Err(io::Error::other("cut")));
                }
                _ = self.changed.changed() => {
                    if *self.mute.borrow() {
                        self.mute.wait_for(|mute| !mute).await.ok();
                    }
                    let frames = self.new_frames();
                    if frames.is_empty() {
                        continue;
                    }
                    if std::mem::take(&mut self.shared.settings().cuts_a_frame) {
                        self.over = true;
                        self.cut_off = Some(io::Error::other("cut in a frame"));
                        return Some(Ok(frames.slice(..frames.len() / 2)));
                    }
                    return Some(Ok(frames));
                }
                _ = self.bookmarks.changed(), if self.wants_bookmarks => return Some(Ok(self.bookmark())),
                () = tokio::time::sleep(BOOKMARKS_EVERY), if self.wants_bookmarks => return Some(Ok(self.bookmark())),
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    // Who comes back begins from here.
                    return self.wants_bookmarks.then(|| Ok(self.bookmark()));
                }
            }
        }
    }

    fn new_frames(&mut self) -> Bytes {
        let world = self.shared.world();
        let mut bytes = Vec::new();
        let changes = match self.position {
            None => {
                for (_, object) in world.all(self.kind, self.namespace.as_deref()) {
                    bytes.extend_from_slice(&self.encoding.frame("ADDED", &self.encoding.object(self.kind, object)));
                }
                Ok(Vec::new())
            }
            Some(position) => world.since(self.kind, self.namespace.as_deref(), position),
        };
        if let Ok(changes) = changes {
            for logged in changes {
                let object = self.encoding.object(self.kind, &logged.object);
                bytes.extend_from_slice(&self.encoding.frame(logged.change.name(), &object));
            }
            self.position = Some(world.version());
            if std::mem::take(&mut self.ends_list) {
                bytes.extend_from_slice(&self.encoding.bookmark(self.kind, world.version(), true));
            }
        } else {
            let position = self.position.unwrap_or(0);
            let message = format!("too old resource version: {position} ({})", world.compacted());
            let status = status(StatusCode::GONE, "Expired", &message);
            bytes.extend_from_slice(&self.encoding.frame("ERROR", &self.encoding.status(&status)));
            self.over = true;
        }
        bytes.into()
    }

    fn bookmark(&self) -> Bytes {
        self.encoding.bookmark(self.kind, self.position.unwrap_or(0), false)
    }
}
