//! `image-pull`: the node cannot get a container's image.

use jiff::Timestamp;

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Event, Waiting},
    },
    findings::{
        Cause, Check, CheckDoc, ConditionClass, Level, Look, Parameter, REGISTRY, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, of_containers},
    },
};

const NAME: &str = "image-pull";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long pulls of an image may fail.", 60, (0, 3600));

const REASONS: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
];

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// That of the registry or of the way to it: every image of it is hit.
    Registry,
    /// That of the image, its credentials or the node.
    Image,
}

/// What the registry's or runtime's words mean; the first that is found counts.
const CAUSES: [(&str, &str, Fault); 25] = [
    ("no such host", "the registry's name cannot be resolved", Fault::Registry),
    ("lookup ", "the registry's name cannot be resolved", Fault::Registry),
    ("connection refused", "the registry refuses connections", Fault::Registry),
    ("toomanyrequests", "the registry limits the rate of pulls", Fault::Registry),
    ("429 too many", "the registry limits the rate of pulls", Fault::Registry),
    ("x509", "the registry's certificate is not trusted", Fault::Registry),
    ("pull access denied", "it does not exist or needs credentials", Fault::Image),
    ("unauthorized", "the registry refuses the credentials", Fault::Image),
    ("authentication required", "the registry refuses the credentials", Fault::Image),
    ("403 forbidden", "the registry refuses access", Fault::Image),
    ("manifest unknown", "the registry does not have this tag", Fault::Image),
    ("not found", "the registry does not have it", Fault::Image),
    ("no match for platform", "it has no variant for this node's platform", Fault::Image),
    ("no space left", "the node's disk is full", Fault::Image),
    ("500 internal server error", "the registry fails", Fault::Registry),
    ("502 bad gateway", "the registry fails", Fault::Registry),
    ("503 service unavailable", "the registry fails", Fault::Registry),
    ("504 gateway time", "the registry does not answer", Fault::Registry),
    ("tls handshake timeout", "the registry does not answer", Fault::Registry),
    ("tls: ", "no secure connection to the registry can be made", Fault::Registry),
    ("connection reset by peer", "the registry breaks connections off", Fault::Registry),
    ("no route to host", "there is no way to the registry", Fault::Registry),
    ("network is unreachable", "there is no way to the registry", Fault::Registry),
    ("i/o timeout", "the registry does not answer", Fault::Registry),
    ("deadline exceeded", "the registry does not answer", Fault::Registry),
];

/// The registry of images that name none.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The node cannot get the image.
#[derive(Debug)]
pub(crate) struct ImagePull;

impl Check for ImagePull {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container waits because its image cannot be pulled, is not on the node or has an invalid name.",
            why: "The container never starts.",
            fix: "Correct the image's name or tag, the pull secret, or the way to the registry.",
            grace: "60 s from the first failed pull.",
            silent: "Pods being deleted or replaced; debug containers.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let verdict = of_containers(NAME, owner, look, |seen| trouble(seen, look));
        let registry = verdict.finding().and_then(|_| registry_at_fault(owner, look));
        verdict.caused_by(registry)
    }
}

/// The registry that fails all of the owner's pulls that fail, if it is one and the fault is its own or that of the way to it.
fn registry_at_fault(owner: &ObjectRef, look: &Look<'_>) -> Option<Cause> {
    let pods = Pods::of(owner, look);
    let failing = pods.live.iter().flat_map(|pod| pods::containers(pod)).filter(|seen| waits(seen).is_some());
    let mut found: Option<(&str, &str)> = None;
    for seen in failing {
        let failed = failures(&seen, look);
        let lower = said(&seen, &failed).to_lowercase();
        let (_, why, fault) = CAUSES.iter().find(|(words, ..)| lower.contains(words))?;
        let was_asked = !matches!(seen.waits_for(), "ErrImageNeverPull" | "InvalidImageName");
        let host = registry_of(image(&seen));
        if *fault != Fault::Registry || !was_asked || found.is_some_and(|(before, _)| before != host) {
            return None;
        }
        found = Some((host, why));
    }
    let (host, why) = found?;
    let owner = ObjectRef { kind: REGISTRY.into(), namespace: String::new().into(), name: host.into() };
    Some(Cause { owner, why: why.to_owned() })
}

/// The host an image is pulled from.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => host,
        _ => DEFAULT_REGISTRY,
    }
}

/// What it waits for, if that is its image.
fn waits<'a>(seen: &Seen<'a>) -> Option<&'a Waiting> {
    seen.waiting().filter(|w| REASONS.contains(&w.reason.as_str()))
}

/// The events of its failed pulls, oldest first.
fn failures<'a>(seen: &Seen<'_>, look: &Look<'a>) -> Vec<&'a Event> {
    let name = &seen.status.name;
    look.index
        .events_of(&seen.pod.meta().uid)
        .filter(|e| e.kind == "Warning" && (e.message.contains("pull image") || e.reason == "InspectFailed"))
        .filter(|e| {
            let path = e.involved_object.as_ref().map_or("", |o| o.field_path.as_str());
            path.is_empty() || path.ends_with(&format!("{{{name}}}"))
        })
        .collect()
}

/// The words of the last failure, else why it waits.
fn said<'a>(seen: &Seen<'a>, failed: &[&'a Event]) -> &'a str {
    let waits_for = || seen.waiting().map_or("", |w| w.message.as_str());
    failed.last().map_or_else(waits_for, |e| e.message.as_str())
}

/// The image as it was asked for.
fn image<'a>(seen: &Seen<'a>) -> &'a str {
    seen.spec.map_or(seen.status.image.as_str(), |s| s.image.as_str())
}

fn trouble(seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let waiting = waits(seen)?;
    let meta = seen.pod.meta();
    let failed = failures(seen, look);
    let first = failed.iter().filter_map(|e| evidence::first_seen(e)).min();
    let said = said(seen, &failed);
    let image = image(seen);
    let mut proof: Vec<_> = failed.last().map(|e| evidence::of_event(e)).into_iter().collect();
    proof.extend(evidence::waits(seen));
    Some(Trouble {
        object: pods::reference(seen.pod),
        with: Vec::new(),
        class: ConditionClass::ImagePull,
        reason: waiting.reason.to_string(),
        message: format!("image {image} of {} cannot be pulled: {}", seen.label(), cause(&waiting.reason, said)),
        since: since(seen, first, look),
        grace: look.settings.time(&GRACE),
        level: Level::High,
        log: None,
        evidence: proof,
        recommendation: format!(
            "Check the image's name and the access to its registry: kubectl -n {} describe pod {}",
            meta.namespace, meta.name
        ),
    })
}

/// When the first pull failed; without events not before this attempt to start.
fn since(seen: &Seen<'_>, first_failure: Option<Timestamp>, look: &Look<'_>) -> Timestamp {
    let attempt = seen.attempt_since(look);
    first_failure.map_or(attempt, |f| f.max(attempt))
}

/// What the words of the runtime mean.
fn cause<'a>(reason: &str, said: &'a str) -> &'a str {
    match reason {
        "ErrImageNeverPull" => return "it is not on the node and imagePullPolicy is Never",
        "InvalidImageName" => return "that is not a valid image name",
        _ => {}
    }
    let lower = said.to_lowercase();
    if let Some((_, means, _)) = CAUSES.iter().find(|(words, ..)| lower.contains(words)) {
        return means;
    }
    if said.is_empty() || lower.starts_with("back-off") { "cause unknown" } else { said }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("nginx:1", "docker.io")]
    #[case("library/nginx:1", "docker.io")]
    #[case("ghcr.io/shop/api@sha256:0", "ghcr.io")]
    #[case("registry:5000/api", "registry:5000")]
    #[case("localhost/api", "localhost")]
    fn an_image_names_its_registry(#[case] image: &str, #[case] registry: &str) {
        assert_eq!(registry_of(image), registry);
    }
}
