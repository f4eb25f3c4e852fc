//! The bytes of a watch, cut anywhere, become what happened: length-prefixed protobuf frames or lines of JSON.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;

use super::decode::{self, Encoding, Status};
use crate::cluster::{Fact, Kind};

/// A frame larger than this is not one: etcd holds no object above 1.5 MiB.
const LARGEST_FRAME: usize = 16 << 20;

/// What one frame says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// Added or modified.
    Applied(Fact),
    /// Deleted; its last state.
    Deleted(Fact),
    /// Everything up to this version has been sent; the first one that says so ends a list that is sent as a stream.
    Bookmark { version: String, ends_list: bool },
    /// The server ends the watch: code and message.
    Error(i32, String),
}

/// The annotation of the bookmark after which everything there is has been sent.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a bookmark has: no object, only its metadata.
#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
struct Bookmark {
    #[prost(message, optional, tag = "1")]
    metadata: Option<BookmarkMeta>,
}

#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BookmarkMeta {
    #[prost(string, tag = "6")]
    resource_version: String,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
}

impl From<Bookmark> for Frame {
    fn from(bookmark: Bookmark) -> Self {
        let BookmarkMeta { resource_version: version, annotations } = bookmark.metadata.unwrap_or_default();
        Self::Bookmark { version, ends_list: annotations.get(INITIAL_EVENTS_END).is_some_and(|end| end == "true") }
    }
}

/// `metav1.WatchEvent` in protobuf.
#[derive(Clone, PartialEq, Message)]
struct WatchEvent {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(message, optional, tag = "2")]
    object: Option<RawExtension>,
}

#[derive(Clone, PartialEq, Message)]
struct RawExtension {
    #[prost(bytes = "bytes", tag = "1")]
    raw: Bytes,
}

/// Collects bytes until frames are whole.
pub(super) struct Frames {
    kind: Kind,
    encoding: Encoding,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of line, so that a long line is not searched again with each chunk.
    searched: usize,
}

impl Frames {
    pub(super) fn new(kind: Kind, encoding: Encoding) -> Self {
        Self { kind, encoding, buffer: BytesMut::new(), searched: 0 }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole frame. After an error the rest of the stream has no meaning.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, String> {
        match self.encoding {
            Encoding::Protobuf => match self.cut_protobuf()? {
                Some(frame) => self.read_protobuf(frame).map(Some),
                None => Ok(None),
            },
            Encoding::Json => match self.cut_line()? {
                Some(line) => self.read_line(&line).map(Some),
                None => Ok(None),
            },
        }
    }

    fn cut_protobuf(&mut self) -> Result<Option<Bytes>, String> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if length > LARGEST_FRAME {
            return Err(format!("a watch frame of {length} bytes"));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        self.buffer.advance(4);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn cut_line(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            let found = self.buffer.get(self.searched..).and_then(|new| new.iter().position(|b| *b == b'\n'));
            let Some(end) = found.map(|at| self.searched + at) else {
                self.searched = self.buffer.len();
                if self.searched > LARGEST_FRAME {
                    return Err("a watch line without an end".to_owned());
                }
                return Ok(None);
            };
            self.searched = 0;
            let line = self.buffer.split_to(end + 1).freeze();
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn read_protobuf(&self, frame: Bytes) -> Result<Frame, String> {
        let event = WatchEvent::decode(frame).map_err(|e| format!("a broken watch frame ({e})"))?;
        let object = event.object.unwrap_or_default().raw;
        if event.kind == "ERROR" {
            let status = Status::read(Encoding::Protobuf, object)?;
            return Ok(Frame::Error(status.code, status.message));
        }
        if event.kind == "BOOKMARK" {
            return Ok(Encoding::Protobuf.decode::<Bookmark>(object)?.into());
        }
        frame_of(&event.kind, decode::object(self.kind, Encoding::Protobuf, object)?)
    }

    fn read_line(&self, line: &[u8]) -> Result<Frame, String> {
        #[derive(serde::Deserialize)]
        struct Event {
            #[serde(rename = "type")]
            kind: String,
        }
        let event: Event = serde_json::from_slice(line).map_err(|e| format!("a broken watch line ({e})"))?;
        if event.kind == "ERROR" {
            let status: Status = decode::line_object(line)?;
            return Ok(Frame::Error(status.code, status.message));
        }
        if event.kind == "BOOKMARK" {
            return Ok(decode::line_object::<Bookmark>(line)?.into());
        }
        frame_of(&event.kind, decode::json_line(self.kind, line)?)
    }
}

fn frame_of(kind: &str, fact: Fact) -> Result<Frame, String> {
    match kind {
        "ADDED" | "MODIFIED" => Ok(Frame::Applied(fact)),
        "DELETED" => Ok(Frame::Deleted(fact)),
        other => Err(format!("a watch event of type {:?}", super::error::capped(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        r#"{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"n","resourceVersion":"7"}}}"#,
        "\n\n",
        r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9","creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}},"spec":{"containers":null},"status":{}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}}"#,
        "\n",
    );

    fn read(chunks: impl Iterator<Item = Vec<u8>>, encoding: Encoding) -> Vec<Frame> {
        let mut frames = Frames::new(Kind::Pod, encoding);
        let mut all = Vec::new();
        for chunk in chunks {
            frames.push(&chunk);
            while let Some(frame) = frames.next().unwrap() {
                all.push(frame);
            }
        }
        all
    }

    #[test]
    fn lines_cut_anywhere_are_the_same_frames() {
        let whole = read(std::iter::once(LINES.as_bytes().to_vec()), Encoding::Json);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1], Frame::Bookmark { version: "9".into(), ends_list: true });
        assert_eq!(whole[2], Frame::Error(410, "too old resource version: 1 (2)".into()));
        for size in [1, 2, 7, 64] {
            assert_eq!(read(LINES.as_bytes().chunks(size).map(<[u8]>::to_vec), Encoding::Json), whole);
        }
    }

    #[test]
    fn an_absurd_length_is_refused_instead_of_waited_for() {
        let mut frames = Frames::new(Kind::Pod, Encoding::Protobuf);
        frames.push(b"<html>");
        assert!(frames.next().is_err());
    }
}
