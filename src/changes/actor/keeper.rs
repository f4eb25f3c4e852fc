//! Labels and annotations of an object come in; the tool that keeps it as it should be, and for what, comes out.

use serde_json::Value;

use super::{Actor, Tool, text};
use crate::findings::{cap, redact};

/// Longest name of an application or release, in characters.
const LONGEST: usize = 100;

/// Where Flux's own objects are unless somebody wants them elsewhere.
const FLUX_HOME: &str = "flux-system";

/// The tool that keeps an object, by what it left there, whoever changed it last: what is done by hand to an object that Argo CD or
/// Flux keeps is undone by them. None if nothing tells.
pub fn keeper(object: &Value) -> Option<Actor> {
    let found = [
        (Tool::ArgoCd, argo_cd_application(object)),
        (Tool::FluxHelmRelease, flux(object, "helm")),
        (Tool::FluxKustomization, flux(object, "kustomize")),
        (Tool::Fleet, bundle(object)),
        (Tool::K3sAddon, k3s_addon(object)),
        (Tool::Helm, helm_release(object)),
    ];
    let (tool, of) = found.into_iter().find(|(_, of)| of.is_some())?;
    Some(Actor { tool, of, at: None, cause: None })
}

/// A name that came from the cluster.
fn named(name: &str) -> String {
    cap(&redact(name), LONGEST)
}

/// The application of Argo CD, in words.
pub(super) fn argo_cd_application(object: &Value) -> Option<String> {
    // Of applications outside its own namespace it joins both names; neither can have this sign in it.
    application(object).map(|name| named(&name.replacen('_', "/", 1)))
}

/// The application of Argo CD, as it is written. The label of its older versions is also that of many charts: it tells only if Argo CD
/// is known to write.
pub(in crate::changes) fn application(object: &Value) -> Option<&str> {
    let tracked = text(object, "annotations", "argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    let instance = || text(object, "labels", "argocd.argoproj.io/instance");
    let of_old = || text(object, "labels", "app.kubernetes.io/instance").filter(|_| is_written_by_argo_cd(object));
    tracked.or_else(instance).or_else(of_old)
}

fn is_written_by_argo_cd(object: &Value) -> bool {
    let entries = object.get("metadata").and_then(|meta| meta.get("managedFields")).and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| is_argo_cd(super::manager(entry)))
}

/// Whether a field manager is Argo CD.
pub(super) fn is_argo_cd(manager: &str) -> bool {
    manager.starts_with("argocd")
}

/// The Kustomization or `HelmRelease` of Flux.
pub(super) fn flux(object: &Value, sort: &str) -> Option<String> {
    let of = |part: &str| text(object, "labels", &format!("{sort}.toolkit.fluxcd.io/{part}"));
    let name = of("name")?;
    Some(match of("namespace").filter(|namespace| *namespace != FLUX_HOME) {
        Some(namespace) => named(&format!("{namespace}/{name}")),
        None => named(name),
    })
}

/// The bundle of Rancher's Fleet.
pub(super) fn bundle(object: &Value) -> Option<String> {
    let id = text(object, "annotations", "objectset.rio.cattle.io/id").filter(|id| id.contains("fleet"));
    id.map(|id| named(id.strip_prefix("default-").unwrap_or(id)))
}

/// The manifest in K3s's folder.
pub(super) fn k3s_addon(object: &Value) -> Option<String> {
    let kind = text(object, "annotations", "objectset.rio.cattle.io/owner-gvk")?;
    let name = text(object, "annotations", "objectset.rio.cattle.io/owner-name")?;
    kind.contains("Kind=Addon").then(|| named(name))
}

/// The release of Helm, with what is known of its chart.
pub(super) fn helm_release(object: &Value) -> Option<String> {
    let label = |name: &str| text(object, "labels", name);
    let of_helm =
        || label("app.kubernetes.io/instance").filter(|_| label("app.kubernetes.io/managed-by") == Some("Helm"));
    let release = text(object, "annotations", "meta.helm.sh/release-name").or_else(of_helm)?;
    let own = object.get("metadata").and_then(|meta| meta.get("namespace")).and_then(Value::as_str);
    let namespace = text(object, "annotations", "meta.helm.sh/release-namespace").filter(|n| Some(*n) != own);
    let chart = label("helm.sh/chart").map(|chart| format!("chart {chart}"));
    let version = label("app.kubernetes.io/version").map(|version| format!("version {version}"));
    let known = chart.or(version).map(|known| format!(" ({known})")).unwrap_or_default();
    Some(match namespace {
        Some(namespace) => named(&format!("{namespace}/{release}{known}")),
        None => named(&format!("{release}{known}")),
    })
}
