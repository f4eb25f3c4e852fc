//! An object's labels and annotations come in; which object of Argo CD, Flux or K3s keeps it comes out, by its full name.

use std::fmt;

use serde_json::Value;

use super::text;
use crate::changes::{Tool, actor};

/// The namespace in which Argo CD's own manifests and its chart put it: an object tells the namespace of its application only if that is
/// another one.
pub const ARGO_CD_HOME: &str = "argocd";
/// Where Flux's own objects are unless somebody wants them elsewhere.
const FLUX_HOME: &str = "flux-system";
/// The namespace to which K3s's own charts belong, and in which its documentation puts others.
const K3S_HOME: &str = "kube-system";
/// Longest name that Kubernetes gives.
const LONGEST: usize = 253;

/// An object that keeps others as they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what they hold")]
pub struct Keeper {
    pub kind: KeeperKind,
    pub namespace: String,
    pub name: String,
    /// Where what it installs goes, as what it installed says; empty if that says nothing.
    pub release_namespace: String,
}

/// The kinds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeeperKind {
    /// `argoproj.io` Application.
    ArgoCdApplication,
    /// `kustomize.toolkit.fluxcd.io` Kustomization.
    FluxKustomization,
    /// `helm.toolkit.fluxcd.io` `HelmRelease`.
    FluxHelmRelease,
    /// `helm.cattle.io` `HelmChart`, which K3s installs by Helm.
    K3sHelmChart,
}

impl KeeperKind {
    /// The tool that changes what it keeps.
    pub fn tool(self) -> Tool {
        match self {
            Self::ArgoCdApplication => Tool::ArgoCd,
            Self::FluxKustomization => Tool::FluxKustomization,
            Self::FluxHelmRelease => Tool::FluxHelmRelease,
            Self::K3sHelmChart => Tool::Helm,
        }
    }

    /// The namespace that is not worth telling.
    fn home(self) -> &'static str {
        match self {
            Self::ArgoCdApplication => ARGO_CD_HOME,
            Self::FluxKustomization | Self::FluxHelmRelease => FLUX_HOME,
            Self::K3sHelmChart => "",
        }
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == KeeperKind::K3sHelmChart {
            f.write_str("HelmChart")?;
        } else {
            self.kind.tool().fmt(f)?;
        }
        if self.namespace == self.kind.home() {
            return write!(f, " {}", self.name);
        }
        write!(f, " {}/{}", self.namespace, self.name)
    }
}

/// Which object keeps another one, by what its tool left there; None if nothing tells, or tells no names.
pub fn kept_by(object: &Value) -> Option<Keeper> {
    let label = |name: &str| text(object.pointer("/metadata/labels")?, &pointer(name));
    let annotation = |name: &str| text(object.pointer("/metadata/annotations")?, &pointer(name));
    let keeper = |kind: KeeperKind, namespace: &str, name: &str| {
        let names = [namespace, name];
        names.into_iter().all(is_name).then(|| Keeper {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            release_namespace: String::new(),
        })
    };
    let of_argo_cd = || {
        // Of an application in another namespace than its own it joins both names: neither can have this sign in it.
        let (namespace, name) = match actor::application(object)? {
            joined if joined.contains('_') => joined.split_once('_')?,
            name => (ARGO_CD_HOME, name),
        };
        keeper(KeeperKind::ArgoCdApplication, namespace, name)
    };
    let of_flux = |kind: KeeperKind, sort: &str| {
        let part = |part: &str| label(&format!("{sort}.toolkit.fluxcd.io/{part}"));
        keeper(kind, part("namespace")?, part("name")?)
    };
    let of_k3s = || {
        let owner = |part: &str| annotation(&format!("objectset.rio.cattle.io/owner-{part}"));
        owner("gvk").filter(|kind| kind.ends_with("Kind=HelmChart"))?;
        keeper(KeeperKind::K3sHelmChart, owner("namespace")?, owner("name")?)
    };
    // Its charts may be anywhere, and what they install does not say where.
    let of_release = || {
        let found = keeper(KeeperKind::K3sHelmChart, K3S_HOME, annotation("meta.helm.sh/release-name")?)?;
        let own = || text(object, "/metadata/namespace");
        let release_namespace = annotation("meta.helm.sh/release-namespace").or_else(own)?;
        Some(Keeper { release_namespace: release_namespace.to_owned(), ..found }).filter(|_| is_name(release_namespace))
    };
    of_argo_cd()
        .or_else(|| of_flux(KeeperKind::FluxHelmRelease, "helm"))
        .or_else(|| of_flux(KeeperKind::FluxKustomization, "kustomize"))
        .or_else(of_k3s)
        .or_else(of_release)
}

impl Keeper {
    /// Where a `HelmChart` may be, if it is not where K3s's own are: where its release is.
    pub fn elsewhere(&self) -> Option<Self> {
        let is_guess = !self.release_namespace.is_empty() && self.release_namespace != self.namespace;
        is_guess.then(|| Self { namespace: self.release_namespace.clone(), ..self.clone() })
    }

    /// Whether a `HelmChart` of that name makes that release: another one may have the same name.
    pub fn makes_release(&self, object: &Value) -> bool {
        let target = text(object, "/spec/targetNamespace").unwrap_or(&self.namespace);
        self.release_namespace.is_empty() || target == self.release_namespace
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Whether it may be a name in Kubernetes: what is written in labels and annotations may be anything.
fn is_name(name: &str) -> bool {
    let is_safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !name.is_empty()
        && name.len() <= LONGEST
        && name.bytes().all(is_safe)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}
