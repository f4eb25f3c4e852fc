//! A list is read page by page, whole objects or only their versions; one that expires midway is begun again.

use bytes::Bytes;
use prost::Message;

use super::{
    ACCEPT, ACCEPT_METADATA_LIST, Asked, Kubernetes, ReadError,
    decode::{self, Encoding},
    path, query,
};
use crate::cluster::{
    Fact, Kind, ObjectKey,
    facts::{ListMeta, Slim},
};

/// How often a list that expires while it is read is begun again.
const FRESH_STARTS: usize = 3;
/// Objects per page. Without a limit the server builds its whole answer before the first byte, and so do we: 10,000 pods are 70 MB
/// on the wire. With it each page is a round trip to etcd (before Kubernetes 1.34, which pages from its cache), which doubles the
/// time for 10,000 pods. So pages are what is left where the server does not stream its lists; 500 is what kubectl asks for, and
/// the most that the loop gets in one piece.
const PAGE: usize = 500;
/// Versions per page: some hundred bytes each are kept, but all metadata comes over the wire, with its managed fields.
const VERSIONS_PAGE: usize = 200;
/// Only the metadata of each object; a server that cannot do that sends whole objects, of which the same is read.
const ACCEPT_METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/vnd.kubernetes.protobuf,application/json";

/// An object and its version. A version is given once in a cluster, so it also tells an object from its successor of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Which object.
    pub key: ObjectKey,
    /// Its version; 0 if it is no number.
    pub version: u64,
}

/// A part of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// The version of the whole list.
    pub resource_version: String,
    /// What came before belongs to a list that expired, or there was nothing.
    pub is_first: bool,
    /// Nothing comes after it.
    pub is_last: bool,
}

/// A page as it is decoded.
type Decoded<T> = (ListMeta, Vec<T>);

/// What is read of each object.
pub(super) struct Form<T> {
    accept: &'static str,
    limit: usize,
    read: fn(Kind, Encoding, Bytes) -> Result<Decoded<T>, String>,
}

/// Whole objects.
pub(super) const FACTS: Form<Fact> = Form { accept: ACCEPT, limit: PAGE, read: facts };
/// Versions only.
const VERSIONS: Form<ObjectVersion> = Form { accept: ACCEPT_METADATA, limit: VERSIONS_PAGE, read: versions };

/// A list that is being read.
pub struct Pages<'a, T> {
    kubernetes: &'a Kubernetes,
    asked: Asked<'a>,
    path: String,
    form: Form<T>,
    /// Where it goes on; empty: at its beginning.
    token: String,
    fresh_starts: usize,
}

impl Kubernetes {
    /// What there is of a kind, in a namespace or everywhere, and in which versions: far less than the objects themselves.
    pub fn versions<'a>(&'a self, kind: Kind, namespace: Option<&'a str>) -> Pages<'a, ObjectVersion> {
        self.pages(kind, namespace, VERSIONS)
    }

    pub(super) fn pages<'a, T>(&'a self, kind: Kind, namespace: Option<&'a str>, form: Form<T>) -> Pages<'a, T> {
        let asked = Asked { verb: "list", kind, resource: "", subresource: "", namespace };
        Pages { kubernetes: self, asked, path: path(kind, namespace), form, token: String::new(), fresh_starts: 0 }
    }
}

impl<T> Pages<'_, T> {
    /// The next page. After the last one it begins again.
    pub async fn next(&mut self) -> Result<Page<T>, ReadError> {
        loop {
            let uri = format!(
                "{}?{}",
                self.path,
                query(&[("limit", &self.form.limit.to_string()), ("continue", &self.token)])
            );
            // Data that is not to be known is not even asked for.
            let accept = if self.asked.kind.is_for_changes() { ACCEPT_METADATA_LIST } else { self.form.accept };
            let (encoding, body) = match self.kubernetes.read(&uri, accept, self.asked).await {
                Ok(answer) => answer,
                Err(ReadError::Gone) if !self.token.is_empty() && self.fresh_starts < FRESH_STARTS => {
                    self.fresh_starts += 1;
                    self.token.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let read = (self.form.read)(self.asked.kind, encoding, body);
            let (meta, items) = read.map_err(|what| self.kubernetes.garbage(what))?;
            let is_first = self.token.is_empty();
            meta.continue_.as_str().clone_into(&mut self.token);
            let resource_version = meta.resource_version.as_str().to_owned();
            return Ok(Page { items, resource_version, is_first, is_last: self.token.is_empty() });
        }
    }
}

fn facts(kind: Kind, encoding: Encoding, body: Bytes) -> Result<Decoded<Fact>, String> {
    let page = decode::page(kind, encoding, body)?;
    Ok((page.meta, page.facts))
}

fn versions(kind: Kind, encoding: Encoding, body: Bytes) -> Result<Decoded<ObjectVersion>, String> {
    let list: Metadata = encoding.decode(body)?;
    let items = list.items.into_iter().map(|item| {
        let Meta { name, namespace, resource_version } = item.metadata.unwrap_or_default();
        ObjectVersion {
            key: ObjectKey { kind, namespace: namespace.into(), name: name.into() },
            version: resource_version.parse().unwrap_or(0),
        }
    });
    let items = items.collect();
    Ok((ListMeta::slim(list.metadata.unwrap_or_default()), items))
}

/// `PartialObjectMetadataList`, and as much of any other list.
#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    metadata: Option<<ListMeta as Slim>::Wire>,
    #[prost(message, repeated, tag = "2")]
    #[serde(deserialize_with = "crate::cluster::facts::nullable")]
    items: Vec<Item>,
}

#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
struct Item {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Meta>,
}

#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(string, tag = "6")]
    resource_version: String,
}
