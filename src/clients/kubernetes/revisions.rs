//! A workload comes in; the whole object and the versions of its template that the cluster keeps come out, read when they are needed.
//!
//! They are large and read seldom, so they are no facts: nothing of them is kept.

use serde_json::Value;

use super::{Asked, Kubernetes, ReadError, path, query, segment};
use crate::cluster::{Kind, ObjectKey, ObjectRef};

/// So many versions are asked for at once, and so often: a Deployment keeps ten unless it is told otherwise.
const PAGE: &str = "100";
const PAGES: usize = 5;

/// A workload with the versions of its template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revisions {
    /// The workload.
    pub workload: Value,
    /// Its own `ReplicaSet`s or `ControllerRevision`s, in any order.
    pub versions: Vec<Value>,
}

impl Kubernetes {
    /// The versions of the template of a Deployment, StatefulSet or DaemonSet that the cluster keeps; None of what has none, or is
    /// gone.
    ///
    /// # Errors
    /// If they cannot be read, or may not be.
    pub async fn revisions(&self, owner: &ObjectRef) -> Result<Option<Revisions>, ReadError> {
        let in_namespace = |plural: &str| format!("/apis/apps/v1/namespaces/{}/{plural}", segment(&owner.namespace));
        let (kind, resource) = match &*owner.kind {
            "Deployment" => (Kind::Deployment, "replicasets"),
            "StatefulSet" => (Kind::StatefulSet, "controllerrevisions"),
            "DaemonSet" => (Kind::DaemonSet, "controllerrevisions"),
            _ => return Ok(None),
        };
        let versions = in_namespace(resource);
        let namespace = Some(&*owner.namespace);
        let asked = Asked { verb: "get", kind, resource: "", subresource: "", namespace };
        let address = format!("{}/{}", in_namespace(kind.plural()), segment(&owner.name));
        let Some(workload) = self.json(&address, asked).await? else { return Ok(None) };
        let asked = Asked { verb: "list", resource, ..asked };
        let uid = text(&workload, "/metadata/uid").to_owned();
        let is_own = |version: &Value| {
            let owners = version.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.into_iter().flatten().any(|owner| text(owner, "/uid") == uid)
        };
        let selector = selector(&workload);
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES {
            let query = query(&[("labelSelector", &selector), ("limit", PAGE), ("continue", &token)]);
            let Some(mut page) = self.json(&format!("{versions}?{query}"), asked).await? else { break };
            if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
                found.extend(std::mem::take(items).into_iter().filter(is_own));
            }
            text(&page, "/metadata/continue").clone_into(&mut token);
            if token.is_empty() {
                break;
            }
        }
        Ok(Some(Revisions { workload, versions: found }))
    }

    /// One object as it is; None if there is none. Nothing of it is kept here.
    ///
    /// # Errors
    /// If it cannot be read, or may not be.
    pub async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, ReadError> {
        let namespace = Some(&*key.namespace);
        let asked = Asked { verb: "get", kind: key.kind, resource: "", subresource: "", namespace };
        self.json(&format!("{}/{}", path(key.kind, namespace), segment(&key.name)), asked).await
    }

    /// An answer as JSON; None if there is no such object.
    async fn json(&self, address: &str, asked: Asked<'_>) -> Result<Option<Value>, ReadError> {
        self.within(async {
            let response = self.send(address, "application/json").await?;
            if response.status() == http::StatusCode::NOT_FOUND && asked.verb == "get" {
                return Ok(None);
            }
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            self.encoding_of(&response)?;
            let body = self.whole(response.into_body()).await?;
            serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| self.garbage(format!("JSON that is none ({error})")))
        })
        .await
    }
}

/// The selector of a workload as a query: it keeps what is of other workloads out of the answer.
fn selector(workload: &Value) -> String {
    let labels = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?))).collect::<Vec<_>>().join(",")
}

fn text<'a>(of: &'a Value, pointer: &str) -> &'a str {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
