//! Every kind listed at once: a few at a time, and no further once it is plain that nothing can be read.

use std::collections::BTreeMap;

use futures::{FutureExt, StreamExt, stream};

use super::{Kubernetes, Listed, ReadError};
use crate::cluster::Kind;

/// How many kinds are read at the same time: a small API server has other things to do.
const AT_ONCE: usize = 4;

impl Kubernetes {
    /// Lists every kind, in a namespace or everywhere. A kind that cannot be read does not stop the others, unless the reason holds
    /// for all of them: then none is asked any more, and each has that reason.
    pub async fn list_all(&self, namespace: Option<&str>) -> Vec<(Kind, Result<Listed, ReadError>)> {
        // Boxed: it is large, and there are several.
        let read = |kind: Kind| {
            let list = async move { (kind, self.list(kind, namespace.filter(|_| kind.is_namespaced())).await) };
            list.boxed()
        };
        let mut lists = stream::iter(Kind::ALL.map(read)).buffer_unordered(AT_ONCE);
        let mut done: BTreeMap<Kind, Result<Listed, ReadError>> = BTreeMap::new();
        let mut nothing_can_be_read = None;
        while let Some((kind, list)) = lists.next().await {
            if let Err(error) = &list {
                let is_first = done.values().all(Result::is_err);
                nothing_can_be_read = Some(error.clone()).filter(|error| error.holds_for_all(is_first));
            }
            done.insert(kind, list);
            if nothing_can_be_read.is_some() {
                break;
            }
        }
        let all = Kind::ALL.into_iter().filter_map(|kind| {
            let not_asked = || nothing_can_be_read.clone().map(Err);
            Some((kind, done.remove(&kind).or_else(not_asked)?))
        });
        all.collect()
    }
}
