//! `image-pull`: the node cannot get a container's image.

use jiff::Timestamp;

use crate::{
    cluster::{Kind, ObjectRef},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Seen},
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

/// What the registry's or runtime's words mean; the first that is found counts.
const CAUSES: [(&str, &str); 16] = [
    ("no such host", "the registry's name cannot be resolved"),
    ("lookup ", "the registry's name cannot be resolved"),
    ("connection refused", "the registry refuses connections"),
    ("toomanyrequests", "the registry limits the rate of pulls"),
    ("429 too many", "the registry limits the rate of pulls"),
    ("x509", "the registry's certificate is not trusted"),
    ("pull access denied", "it does not exist or needs credentials"),
    ("unauthorized", "the registry refuses the credentials"),
    ("authentication required", "the registry refuses the credentials"),
    ("403 forbidden", "the registry refuses access"),
    ("manifest unknown", "the registry does not have this tag"),
    ("not found", "the registry does not have it"),
    ("no match for platform", "it has no variant for this node's platform"),
    ("no space left", "the node's disk is full"),
    ("i/o timeout", "the registry does not answer"),
    ("deadline exceeded", "the registry does not answer"),
];

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
        of_containers(NAME, owner, look, |seen| trouble(seen, look))
    }
}

fn trouble(seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let waiting = seen.waiting().filter(|w| REASONS.contains(&w.reason.as_str()))?;
    let meta = seen.pod.meta();
    let name = &seen.status.name;
    let failed: Vec<_> = look
        .index
        .events_of(&meta.uid)
        .filter(|e| e.kind == "Warning" && (e.message.contains("pull image") || e.reason == "InspectFailed"))
        .filter(|e| {
            let path = e.involved_object.as_ref().map_or("", |o| o.field_path.as_str());
            path.is_empty() || path.ends_with(&format!("{{{name}}}"))
        })
        .collect();
    let first = failed.iter().filter_map(|e| evidence::first_seen(e)).min();
    let said = failed.last().map_or(waiting.message.as_str(), |e| e.message.as_str());
    let image = seen.spec.map_or(seen.status.image.as_str(), |s| s.image.as_str());
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
    if let Some((_, means)) = CAUSES.iter().find(|(words, _)| lower.contains(words)) {
        return means;
    }
    if said.is_empty() || lower.starts_with("back-off") { "cause unknown" } else { said }
}
