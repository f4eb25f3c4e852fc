//! `crash-loop`: a container ends again and again instead of running.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Kind, ObjectRef, TransitionKind,
        facts::{Event, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Role, Seen},
        rising,
        trouble::{Trouble, of_containers},
    },
};

const NAME: &str = "crash-loop";
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long a container may be down after its first end.", 60, (0, 3600));
const WINDOW: Parameter = Parameter::time(
    (NAME, "window"),
    "The restarts of a running container are counted in this time.",
    900,
    (60, 86_400),
);
const RESTARTS: Parameter = Parameter::number(
    (NAME, "restarts"),
    "So many restarts within it are a crash loop although the container runs at the moment.",
    3,
    (2, 100),
);
/// A run shorter than this was not a success: the kubelet forgets its back-off only after it.
const SHORT_RUN: SignedDuration = SignedDuration::from_mins(10);

/// A container ends again and again.
#[derive(Debug)]
pub(crate) struct CrashLoop;

impl Check for CrashLoop {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container (init, sidecar or main) ends again and again and is restarted each time.",
            why: "It does no work while it is down, and the waiting time between restarts grows to five minutes.",
            fix: "Read the log of its last run (`kubectl logs --previous`); its exit code and last words are in the alert.",
            grace: "None from the second restart on; 60 s after the first. Running at the moment: 3 restarts in 15 min.",
            silent: "One restart with health since; Jobs with retries left; pods being deleted or replaced; restartPolicy Never.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && !pods::is_batch(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, WINDOW, RESTARTS]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_containers(NAME, owner, look, |seen| trouble(owner, seen, look))
    }
}

fn trouble(owner: &ObjectRef, seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let policy = seen.pod.spec.as_ref().map_or("", |s| s.restart_policy.as_str());
    if policy == "Never" && seen.role != Role::Sidecar {
        return None;
    }
    let restarts = seen.status.restart_count;
    let end = seen.last_end();
    let ended_at = end.and_then(|e| e.finished_at).map(Time::at);
    let recent = recent_restarts(owner, seen, look);
    let after_end = if restarts >= 2 { SignedDuration::ZERO } else { look.settings.time(&GRACE) };
    let done = |exit: i32| exit == 0 && (seen.role == Role::Init || policy == "OnFailure");
    let (since, grace) = if seen.waits_for() == "CrashLoopBackOff" {
        (ended_at.unwrap_or_else(|| pods::started(seen.pod, look)), after_end)
    } else if seen.waits_for() == "RunContainerError" && restarts >= 1 {
        (ended_at.unwrap_or_else(|| pods::started(seen.pod, look)), after_end)
    } else if let Some(now_ended) = seen.terminated() {
        if restarts == 0 || done(now_ended.exit_code) {
            return None;
        }
        (ended_at.unwrap_or(look.now), after_end)
    } else {
        let running = seen.running_since()?;
        if recent.len() >= look.settings.number(&RESTARTS) {
            (*recent.first()?, SignedDuration::ZERO)
        } else {
            // It runs, but so it did before: not yet health, and not yet wrong.
            let was_short = end.and_then(|e| Some(e.finished_at?.at().duration_since(e.started_at?.at()) < SHORT_RUN));
            let healthy_at = running.checked_add(pods::HOLD).ok()?;
            if look.no_grace || restarts < 2 || was_short != Some(true) || healthy_at <= look.now {
                return None;
            }
            (running, pods::HOLD)
        }
    };
    // The kubelet's own count of back-offs remembers when the looping began.
    let back_off = evidence::container_event(look, seen.pod, &seen.status.name, |e| e.reason == "BackOff")
        .and_then(evidence::first_seen)
        .filter(|_| seen.running_since().is_none());
    let first = recent.first().copied().into_iter().chain(back_off).fold(since, Timestamp::min);
    let (cause, mut proof) = cause(seen, look);
    proof.extend(rising::restarts(owner, seen, look));
    proof.extend(evidence::waits(seen));
    proof.extend(evidence::warnings(look, &seen.pod.meta().uid, 3));
    let meta = seen.pod.meta();
    Some(Trouble {
        object: pods::reference(seen.pod),
        with: Vec::new(),
        class: ConditionClass::Crash,
        reason: "CrashLoopBackOff".into(),
        message: format!("{cause}; restarted {restarts} times"),
        since: first,
        grace: grace.checked_add(since.duration_since(first)).unwrap_or(grace),
        level: Level::High,
        log: Some(seen.log()),
        evidence: proof,
        recommendation: format!(
            "Read why it ended: kubectl -n {} logs {} -c {} --previous",
            meta.namespace, meta.name, seen.status.name
        ),
    })
}

/// When this container was restarted within the window, oldest first.
fn recent_restarts(owner: &ObjectRef, seen: &Seen<'_>, look: &Look<'_>) -> Vec<Timestamp> {
    let from = look.now.checked_sub(look.settings.time(&WINDOW)).unwrap_or(Timestamp::MIN);
    let (pod_name, name) = (&seen.pod.meta().name, &seen.status.name);
    look.history
        .since(owner, from)
        .filter(|t| match &t.kind {
            TransitionKind::Restarted { pod, container, .. } => pod == pod_name && container == name,
            TransitionKind::BecameReady
            | TransitionKind::LostReady
            | TransitionKind::Drained
            | TransitionKind::LostLastEndpoint(_)
            | TransitionKind::RunFailed { .. }
            | TransitionKind::ReferenceChanged(_)
            | TransitionKind::NodeBooted { .. } => false,
        })
        .map(|t| t.at)
        .collect()
}

/// What ends the container, as far as the objects prove it.
pub(crate) fn cause(seen: &Seen<'_>, look: &Look<'_>) -> (String, Vec<Evidence>) {
    let label = seen.label();
    let Some(end) = seen.last_end() else {
        return (format!("{label} is restarted again and again, cause unknown"), Vec::new());
    };
    let mut proof = vec![evidence::ended(seen, end)];
    let reason = evidence::reason_of(end);
    let cause = if reason == "OOMKilled" {
        let limit =
            seen.memory_limit().map_or_else(|| "its memory limit".to_owned(), |l| format!("its {l} memory limit"));
        format!("{label} is killed for using more than {limit}")
    } else if let Some((probe, event)) = killed_by_probe(seen, end.exit_code, look) {
        proof.push(evidence::of_event(event));
        format!("{label} is killed because its {} probe fails: {}", probe.to_lowercase(), after_colon(&event.message))
    } else if let Some(event) = evidence::container_event(look, seen.pod, &seen.status.name, |e| {
        e.reason == "FailedPostStartHook" && matches!(end.exit_code, 137 | 143)
    }) {
        proof.push(evidence::of_event(event));
        format!("{label} is killed because its postStart hook fails: {}", event.message)
    } else if matches!(reason, "StartError" | "ContainerCannotRun") {
        format!("{label} cannot be started: {}", super::container_create::cause(&end.message, seen.pod))
    } else if end.exit_code == 0 {
        format!("{label} ends with exit code 0 again and again (completes instead of running)")
    } else if end.exit_code == 137 {
        format!("{label} is killed (exit code 137, not for its memory limit), cause unknown")
    } else if end.message.is_empty() {
        format!("{label} ends with exit code {}", evidence::exit_code(end.exit_code))
    } else {
        format!("{label} ends with exit code {}: {}", end.exit_code, end.message)
    };
    (cause, proof)
}

/// The probe for whose failures a container is killed, and its last failure. A process that ends by itself fails its probe as
/// well: unless the kubelet says that it kills for it, only an end that was asked for is held against the probe.
fn killed_by_probe<'a>(seen: &Seen<'_>, exit_code: i32, look: &Look<'a>) -> Option<(&'static str, &'a Event)> {
    ["Liveness", "Startup"].into_iter().find_map(|probe| {
        let failed = format!("failed {} probe", probe.to_lowercase());
        let kills = |e: &Event| e.reason == "Killing" && e.message.contains(&failed);
        let is_proved = || evidence::container_event(look, seen.pod, &seen.status.name, kills).is_some();
        let event = evidence::probe_failure(look, seen, probe)?;
        (matches!(exit_code, 0 | 137 | 143) || is_proved()).then_some((probe, event))
    })
}

/// What a probe's event says after `Liveness probe failed:`.
fn after_colon(message: &str) -> &str {
    match message.split_once(':') {
        Some((_, said)) if !said.trim().is_empty() => said.trim(),
        _ => "it gives no reason",
    }
}
