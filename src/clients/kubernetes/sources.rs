//! A workload comes in; what the object of Argo CD, Flux or K3s that keeps it says comes out, read when it is needed.
//!
//! Their kinds are there or not; nothing of them is watched or kept.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::{Asked, Kubernetes, ReadError, segment};
use crate::{
    changes::gitops::{Artifact, ArtifactKind, Keeper, KeeperKind, Source, artifact, kept_by},
    cluster::Kind,
};

/// At most so many requests for a workload: a `HelmRelease`, the Kustomization that keeps it, and where that is from; one more where
/// Flux is old and does not know the newest version of its kinds.
const REQUESTS: usize = 4;
/// What is told besides is not waited for as long as what is needed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a workload is kept from, as far as that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRead {
    /// None if nothing tells of any, or it could not be read.
    pub source: Option<Source>,
    /// Why some of it is not known, in a sentence.
    pub unknown: Option<String>,
}

/// A kind, as RBAC names it, with the versions that are understood here.
struct Resource {
    named: &'static str,
    versions: &'static [&'static str],
}

fn of_keeper(kind: KeeperKind) -> Resource {
    let (named, versions): (_, &[_]) = match kind {
        KeeperKind::ArgoCdApplication => ("applications.argoproj.io", &["v1alpha1"]),
        KeeperKind::FluxKustomization => ("kustomizations.kustomize.toolkit.fluxcd.io", &["v1", "v1beta2"]),
        KeeperKind::FluxHelmRelease => ("helmreleases.helm.toolkit.fluxcd.io", &["v2", "v2beta2"]),
        KeeperKind::K3sHelmChart => ("helmcharts.helm.cattle.io", &["v1"]),
    };
    Resource { named, versions }
}

fn of_artifact(kind: ArtifactKind) -> Resource {
    let named = match kind {
        ArtifactKind::GitRepository => "gitrepositories.source.toolkit.fluxcd.io",
        ArtifactKind::OciRepository => "ocirepositories.source.toolkit.fluxcd.io",
        ArtifactKind::Bucket => "buckets.source.toolkit.fluxcd.io",
        ArtifactKind::HelmRepository => "helmrepositories.source.toolkit.fluxcd.io",
    };
    Resource { named, versions: &["v1", "v1beta2"] }
}

/// What became of a look for an object.
enum Looked {
    Found(Value),
    /// There is none of that name.
    Missing,
    /// The cluster does not have this API.
    NotServed,
}

impl Kubernetes {
    /// Where a workload is kept from, if it says that Argo CD, Flux or Helm keeps it: at most four requests, none if it does not. Never
    /// an error: what cannot be read is said, and hinders nothing else.
    pub async fn source(&self, workload: &Value) -> SourceRead {
        let Some(keeper) = kept_by(workload) else { return SourceRead::default() };
        let kubernetes = self.clone().with_patience(self.patience.min(PATIENCE));
        let mut reading = Reading { kubernetes: &kubernetes, left: REQUESTS, unknown: None };
        let source = reading.keeper_and_its_own(keeper).await;
        SourceRead { source, unknown: reading.unknown }
    }

    async fn look(&self, address: &str, asked: Asked<'_>) -> Result<Looked, ReadError> {
        self.within(async {
            let response = self.send(address, "application/json").await?;
            let encoding = self.encoding_of(&response);
            if response.status() == StatusCode::NOT_FOUND {
                // What upstream says of an API it does not have is plain text.
                return Ok(if encoding.is_ok() { Looked::Missing } else { Looked::NotServed });
            }
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            encoding?;
            let body = self.whole(response.into_body()).await?;
            let object = serde_json::from_slice(&body);
            object.map(Looked::Found).map_err(|error| self.garbage(format!("JSON that is none ({error})")))
        })
        .await
    }
}

/// The requests for one workload.
struct Reading<'a> {
    kubernetes: &'a Kubernetes,
    left: usize,
    unknown: Option<String>,
}

impl Reading<'_> {
    /// What keeps a workload, and what keeps that: a `HelmRelease` is in Git, too.
    async fn keeper_and_its_own(&mut self, keeper: Keeper) -> Option<Source> {
        let (keeper, object) = self.keeper(keeper).await?;
        let is_of_git = |it: &Keeper| matches!(it.kind, KeeperKind::ArgoCdApplication | KeeperKind::FluxKustomization);
        let own = kept_by(&object).filter(|own| !is_of_git(&keeper) && is_of_git(own));
        let Some(own) = own else { return Some(self.applied(keeper, &object).await) };
        let source = Source::of(keeper, &object, None);
        let from = match self.keeper(own).await {
            Some((own, object)) => Some(Box::new(self.applied(own, &object).await)),
            None => None,
        };
        Some(Source { from, ..source })
    }

    async fn keeper(&mut self, keeper: Keeper) -> Option<(Keeper, Value)> {
        let resource = of_keeper(keeper.kind);
        let found = self.get(&keeper, &resource, &keeper.namespace, &keeper.name).await?;
        match found {
            Looked::Found(object) if keeper.makes_release(&object) => Some((keeper, object)),
            Looked::NotServed => None,
            Looked::Found(_) | Looked::Missing => match keeper.elsewhere() {
                Some(keeper) => match self.get(&keeper, &resource, &keeper.namespace, &keeper.name).await? {
                    Looked::Found(object) if keeper.makes_release(&object) => Some((keeper, object)),
                    Looked::Found(_) | Looked::Missing | Looked::NotServed => None,
                },
                // Who releases by Helm has no chart of K3s, as a rule.
                None if keeper.kind == KeeperKind::K3sHelmChart => None,
                None => {
                    let (namespace, name) = (&keeper.namespace, resource.named);
                    self.unknown = Some(format!(
                        "what {keeper} applied is not known: there are no {name} of that name in namespace {namespace}"
                    ));
                    None
                }
            },
        }
    }

    /// What a keeper says, with what it applies.
    async fn applied(&mut self, keeper: Keeper, object: &Value) -> Source {
        let found = match artifact(keeper.kind, object) {
            Some(Artifact { kind, namespace, name }) => self.get(&keeper, &of_artifact(kind), &namespace, &name).await,
            None => None,
        };
        let artifact = match found {
            Some(Looked::Found(artifact)) => Some(artifact),
            Some(Looked::Missing | Looked::NotServed) | None => None,
        };
        Source::of(keeper, object, artifact.as_ref())
    }

    /// An object in the first version that is served; None if it could not be read.
    async fn get(&mut self, keeper: &Keeper, resource: &Resource, namespace: &str, name: &str) -> Option<Looked> {
        let (plural, group) = resource.named.split_once('.')?;
        // The kind is that of what it keeps; the resource is what is told.
        let asked = Asked {
            verb: "get",
            kind: Kind::Deployment,
            resource: resource.named,
            subresource: "",
            namespace: Some(namespace),
        };
        let mut looked = Looked::NotServed;
        for version in resource.versions {
            if self.left == 0 || !matches!(looked, Looked::NotServed) {
                break;
            }
            self.left = self.left.saturating_sub(1);
            let (namespace, name) = (segment(namespace), segment(name));
            let address = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}");
            match self.kubernetes.look(&address, asked).await {
                Ok(found) => looked = found,
                Err(error) => {
                    self.unknown = Some(format!("what {keeper} applied cannot be read: {error}"));
                    return None;
                }
            }
        }
        Some(looked)
    }
}
