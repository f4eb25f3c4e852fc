//! What answers of the API say, without a connection: bytes and their content type come in, facts come out.

use bytes::Bytes;

use super::{
    decode::{self, Encoding},
    frames::{Frame, Frames},
};
use crate::cluster::{Fact, Kind, ObjectKey};

/// One event of a watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Added or modified.
    Applied(Box<Fact>),
    /// Deleted.
    Deleted(ObjectKey),
    /// Everything up to this version was sent, and whether a streamed list ends with it.
    Bookmark(String, bool),
    /// The server ends the watch: code and message.
    Error(i32, String),
    /// What came is not of a watch; the rest has no meaning.
    Broken(String),
}

/// The objects of a list.
///
/// # Errors
/// What is wrong with it, if it is none.
pub fn list(kind: Kind, content_type: &str, body: &[u8]) -> Result<Vec<Fact>, String> {
    let encoding = Encoding::of(content_type).ok_or_else(|| format!("content of type {content_type:?}"))?;
    Ok(decode::page(kind, encoding, Bytes::copy_from_slice(body))?.facts)
}

/// The events of a watch that came in these chunks; empty for an unknown content type.
pub fn frames<'a>(kind: Kind, content_type: &str, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut seen = Vec::new();
    let Some(encoding) = Encoding::of(content_type) else { return seen };
    let mut frames = Frames::new(kind, encoding);
    for chunk in chunks {
        frames.push(chunk);
        loop {
            match frames.next() {
                Ok(None) => break,
                Ok(Some(frame)) => seen.push(frame.into()),
                Err(what) => {
                    seen.push(Seen::Broken(what));
                    return seen;
                }
            }
        }
    }
    seen
}

impl From<Frame> for Seen {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Applied(fact) => Self::Applied(Box::new(fact)),
            Frame::Deleted(fact) => Self::Deleted(fact.key()),
            Frame::Bookmark { version, ends_list } => Self::Bookmark(version, ends_list),
            Frame::Error(code, message) => Self::Error(code, message),
        }
    }
}
