//! `container-create`: the kubelet cannot create or start a container, or cannot prepare its pod.

use jiff::SignedDuration;

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Event, Pod},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Seen},
        trouble::{Trouble, of_pods},
    },
};

const NAME: &str = "container-create";
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long a container may fail to be created or started.", 30, (0, 3600));
const GRACE_OF_POD: Parameter = Parameter::time(
    (NAME, "grace_of_pod"),
    "How long volumes or the network of a pod may fail to be prepared.",
    120,
    (0, 3600),
);

const REASONS: [&str; 9] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "ContainerCannotRun",
    "StartError",
    "PostStartHookError",
    "PreCreateHookError",
    "PreStartHookError",
    "ContainerStatusUnknown",
];

/// Events that say why a pod is not prepared.
const PREPARING: [&str; 5] =
    ["FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady"];

/// The kubelet cannot create or start a container.
#[derive(Debug)]
pub(crate) struct ContainerCreate;

impl Check for ContainerCreate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container cannot be created or started, or a volume or the network of its pod cannot be prepared.",
            why: "It does not heal by itself: a missing Secret, ConfigMap, key, executable or permission must be supplied.",
            fix: "Supply what the message names, or correct the reference in the pod's template.",
            grace: "30 s for a container; 2 min from the first event for volumes and network.",
            silent: "Pods being deleted or replaced; young pods whose volumes are still being attached.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, GRACE_OF_POD]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_pods(NAME, owner, look, |pod| {
            let containers = pods::containers(pod);
            let troubles = containers.iter().filter_map(|seen| of_container(seen, look));
            troubles.chain(of_preparation(pod, look)).collect::<Vec<_>>()
        })
    }
}

fn of_container(seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let hook = evidence::container_event(look, seen.pod, &seen.status.name, |e| e.reason == "FailedPostStartHook");
    let restarting = seen.waits_for() == "CrashLoopBackOff" || seen.terminated().is_some();
    let (reason, said) = if let Some(w) = seen.waiting().filter(|w| REASONS.contains(&w.reason.as_str())) {
        (w.reason.as_str(), w.message.as_str())
    } else if !restarting {
        return None;
    } else if let Some(event) = hook {
        ("PostStartHookError", event.message.as_str())
    } else {
        let end = seen.last_end().filter(|e| REASONS.contains(&e.reason.as_str()))?;
        if end.reason == "ContainerStatusUnknown" {
            return None;
        }
        (end.reason.as_str(), end.message.as_str())
    };
    // Every attempt to start it anew would start its waiting time anew.
    let grace = if seen.status.restart_count >= 2 { SignedDuration::ZERO } else { look.settings.time(&GRACE) };
    let mut proof: Vec<_> = hook.map(evidence::of_event).into_iter().collect();
    proof.extend(evidence::waits(seen));
    proof.extend(seen.last_end().map(|e| evidence::ended(seen, e)));
    proof.extend(evidence::warnings(look, &seen.pod.meta().uid, 2));
    let message = if hook.is_some() && reason == "PostStartHookError" {
        format!("{} is killed because its postStart hook fails: {said}", seen.label())
    } else {
        format!("{} cannot be started: {}", seen.label(), cause(said, seen.pod))
    };
    let it = trouble(
        seen.pod,
        (ConditionClass::CannotCreateContainer, reason),
        message,
        proof,
        (seen.attempt_since(look), grace),
    );
    // What never ran has said nothing.
    Some(Trouble { log: seen.last_end().map(|_| seen.log()), ..it })
}

fn of_preparation(pod: &Pod, look: &Look<'_>) -> Option<Trouble> {
    // Init containers that ran show that volumes and network are there.
    let waits = pods::containers(pod)
        .iter()
        .all(|c| c.last_end().is_none() && matches!(c.waits_for(), "ContainerCreating" | "PodInitializing"));
    if pod.phase() != "Pending" || pod.node_name().is_empty() || !waits {
        return None;
    }
    let events: Vec<&Event> = look
        .index
        .events_of(&pod.meta().uid)
        .filter(|e| e.kind == "Warning" && PREPARING.contains(&e.reason.as_str()))
        .collect();
    let telling = events.iter().rev().find(|e| e.message.contains("not found")).or(events.last())?;
    let since = events.iter().filter_map(|e| evidence::first_seen(e)).min().unwrap_or_else(|| pods::started(pod, look));
    let mut proof = vec![evidence::of_event(telling)];
    proof.extend(evidence::warnings(look, &pod.meta().uid, 3));
    let (class, what) = match telling.reason.as_str() {
        "FailedCreatePodSandBox" | "NetworkNotReady" => {
            (ConditionClass::CannotCreateContainer, "the network of its pod cannot be set up")
        }
        _ => (ConditionClass::Volume, "a volume cannot be mounted"),
    };
    let message = format!("{what}: {}", cause(&telling.message, pod));
    Some(trouble(pod, (class, &telling.reason), message, proof, (since, look.settings.time(&GRACE_OF_POD))))
}

fn trouble(
    pod: &Pod,
    (class, reason): (ConditionClass, &str),
    message: String,
    evidence: Vec<crate::findings::Evidence>,
    (since, grace): (jiff::Timestamp, SignedDuration),
) -> Trouble {
    let meta = pod.meta();
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class,
        reason: reason.to_owned(),
        message,
        since,
        grace,
        level: Level::High,
        log: None,
        evidence,
        recommendation: format!(
            "Supply what is missing or correct the template; details: kubectl -n {} describe pod {}",
            meta.namespace, meta.name
        ),
    }
}

/// The cause that the kubelet's or runtime's words prove, in a few words; else those words.
pub(crate) fn cause(said: &str, pod: &Pod) -> String {
    let quoted = |after: &str| said.split_once(after)?.1.split(['"', '\\']).next().filter(|n| !n.is_empty());
    if let Some((key, secret)) = said
        .strip_prefix("couldn't find key ")
        .and_then(|rest| rest.split_once(" in "))
        .and_then(|(key, place)| Some((key, place.split_whitespace().collect::<Vec<_>>().try_into().ok()?)))
    {
        let [kind, path]: [&str; 2] = secret;
        return format!("{} `{}` has no key `{key}`", kind, path.rsplit('/').next().unwrap_or(path));
    }
    if said.contains("not found") {
        for (word, name) in
            [("secret \"", "Secret"), ("configmap \"", "ConfigMap"), ("persistentvolumeclaim \"", "claim")]
        {
            if let Some(object) = quoted(word) {
                return format!("{name} `{object}` does not exist in namespace {}", pod.meta().namespace);
            }
        }
    }
    if said.contains("runAsNonRoot") && said.contains("will run as root") {
        return "it must not run as root (runAsNonRoot), but its image runs as root".into();
    }
    if said.contains("executable file not found") || said.contains("no such file or directory") {
        let program = quoted("exec: \\\"").or_else(|| quoted("exec: \"")).or_else(|| quoted("stat "));
        if let Some(program) = program {
            let program = program.split(':').next().unwrap_or(program);
            return format!("executable `{program}` does not exist in the image");
        }
    }
    if said.is_empty() { "cause unknown".into() } else { said.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_in_a_few_words() {
        let pod = Pod::default();
        assert_eq!(cause("couldn't find key password in Secret shop/db", &pod), "Secret `db` has no key `password`");
        assert!(cause("configmap \"x\" not found", &pod).starts_with("ConfigMap `x` does not exist"));
        assert_eq!(
            cause("runc create failed: exec: \"wge\": executable file not found in $PATH: unknown", &pod),
            "executable `wge` does not exist in the image"
        );
        assert_eq!(cause("", &pod), "cause unknown");
    }
}
