//! The name of a field manager comes in; the tool behind it comes out, with what it keeps.

use std::fmt;

use serde_json::Value;

use super::{
    Actor,
    keeper::{argo_cd_application, bundle, flux, helm_release, is_argo_cd, k3s_addon},
    text,
};
use crate::findings::{cap, redact};

/// Longest name of a tool, in characters.
const LONGEST: usize = 60;

/// What an object was changed with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Argo CD, from Git.
    ArgoCd,
    /// Flux's kustomize-controller, from Git.
    FluxKustomization,
    /// Flux's helm-controller, from Git.
    FluxHelmRelease,
    /// Rancher's Fleet, from Git.
    Fleet,
    /// Helm, by a person, a pipeline or the controller of K3s.
    Helm,
    /// A manifest in K3s's own folder on a server node.
    K3sAddon,
    /// kubectl, and its word: `edit`, `set`, `apply`.
    Kubectl(String),
    /// k9s.
    K9s,
    /// Lens.
    Lens,
    /// Rancher.
    Rancher,
    /// A console in a browser.
    WebConsole,
    /// Terraform.
    Terraform,
    /// Pulumi.
    Pulumi,
    /// Another one, by its name; untrusted, redacted and capped.
    Other(String),
}

impl Tool {
    /// Whether it puts in place what is in Git.
    pub fn is_gitops(&self) -> bool {
        match self {
            Self::ArgoCd | Self::FluxKustomization | Self::FluxHelmRelease | Self::Fleet => true,
            Self::Helm
            | Self::K3sAddon
            | Self::Kubectl(_)
            | Self::K9s
            | Self::Lens
            | Self::Rancher
            | Self::WebConsole
            | Self::Terraform
            | Self::Pulumi
            | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ArgoCd => "Argo CD application",
            Self::FluxKustomization => "Flux Kustomization",
            Self::FluxHelmRelease => "Flux HelmRelease",
            Self::Fleet => "Fleet bundle",
            Self::Helm => "Helm release",
            Self::K3sAddon => "K3s add-on",
            Self::Kubectl(word) => return write!(f, "kubectl {word}"),
            Self::K9s => "k9s",
            Self::Lens => "Lens",
            Self::Rancher => "Rancher",
            Self::WebConsole => "a console in a browser",
            Self::Terraform => "Terraform",
            Self::Pulumi => "Pulumi",
            Self::Other(name) => name,
        })
    }
}

/// The tool that a field manager is, and what it keeps of the object.
pub(super) fn of_manager(manager: &str, object: &Value) -> (Tool, Option<String>) {
    let lower = manager.to_ascii_lowercase();
    let is_of_helm = text(object, "labels", "app.kubernetes.io/managed-by") == Some("Helm");
    let tool = match lower.as_str() {
        argo if is_argo_cd(argo) => return (Tool::ArgoCd, argo_cd_application(object)),
        "kustomize-controller" => return (Tool::FluxKustomization, flux(object, "kustomize")),
        // Flux's and K3s's controllers have the same name; only one of them leaves labels.
        "helm" | "helm-controller" => match flux(object, "helm") {
            Some(release) => return (Tool::FluxHelmRelease, Some(release)),
            None => return (Tool::Helm, helm_release(object)),
        },
        // Helm before 3.5 did not say its name.
        "go-http-client" if is_of_helm => return (Tool::Helm, helm_release(object)),
        "fleetagent" | "fleet-agent" => return (Tool::Fleet, bundle(object)),
        deploy if deploy.starts_with("deploy@") => return (Tool::K3sAddon, k3s_addon(object)),
        "k9s" => Tool::K9s,
        "lens" | "openlens" | "freelens" | "node-fetch" => Tool::Lens,
        "rancher" | "cattle-cluster-agent" => Tool::Rancher,
        "mozilla" | "dashboard" | "kubernetes-dashboard" | "headlamp" => Tool::WebConsole,
        "hashicorp" => Tool::Terraform,
        terraform if terraform.starts_with("terraform") => Tool::Terraform,
        pulumi if pulumi.starts_with("pulumi") => Tool::Pulumi,
        // Applied by the server; by the client it says so.
        "kubectl" | "kubectl-client-side-apply" | "kubectl-last-applied" => Tool::Kubectl("apply".to_owned()),
        kubectl => match kubectl.strip_prefix("kubectl-") {
            Some(word) => Tool::Kubectl(cap(&redact(word), LONGEST)),
            None => Tool::Other(cap(&redact(manager), LONGEST)),
        },
    };
    (tool, None)
}

/// What `kubectl apply` leaves in an object, where the managers are not told.
pub(super) fn applied(object: &Value) -> Option<Actor> {
    text(object, "annotations", "kubectl.kubernetes.io/last-applied-configuration")?;
    Some(Actor { tool: Tool::Kubectl("apply".to_owned()), of: None, at: None, cause: None })
}
