//! `not-ready`: a pod runs but does not become, or stay, ready.

use jiff::SignedDuration;

use crate::{
    cluster::{
        Kind, ObjectRef,
        facts::{Pod, Probe, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Role, Seen},
        trouble::{Trouble, of_pods, replicas},
    },
};

const NAME: &str = "not-ready";
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long a pod may be not ready; probe delays and start-up probes come on top.",
    180,
    (0, 86_400),
);
const GRACE_UNSERVED: Parameter = Parameter::time(
    (NAME, "grace_unserved"),
    "How long if nothing of its owner is ready and it was ready before.",
    60,
    (0, 86_400),
);
const CREATING: Parameter = Parameter::time(
    (NAME, "creating"),
    "After this time a pod whose containers are being created without a word is stuck.",
    300,
    (60, 86_400),
);

const INITIALISING: Parameter = Parameter::time(
    (NAME, "initialising"),
    "After this time an init container that runs and does not end is stuck; a migration may take longer.",
    600,
    (60, 86_400),
);

/// A pod runs but is not ready.
#[derive(Debug)]
pub(crate) struct NotReady;

impl Check for NotReady {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A pod runs but is not ready: a readiness probe fails, a readiness gate is not met; or it never gets to run, or an init container does not end.",
            why: "Services send it nothing.",
            fix: "See what the probe's answer says; compare the probe's port and path with the application.",
            grace: "3 min after start-up (probe delays and start-up probes come on top); 60 s if it was ready before and nothing of its owner is ready now; 5 min for containers that are being created, 10 min for an init container.",
            silent: "Start-up within its time; Jobs; pods on a node that is down; pods being deleted or replaced.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && !pods::is_batch(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, GRACE_UNSERVED, CREATING, INITIALISING]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_pods(NAME, owner, look, |pod| trouble(owner, pod, look))
    }
}

fn trouble(owner: &ObjectRef, pod: &Pod, look: &Look<'_>) -> Option<Trouble> {
    if pod.is_ready() {
        return None;
    }
    let meta = pod.meta();
    let containers = pods::containers(pod);
    let started = pods::started(pod, look);
    let usual = look.settings.time(&GRACE);
    if pod.phase() == "Pending" {
        if let Some(seen) = containers.iter().find(|c| c.role == Role::Init && c.running_since().is_some()) {
            let it = initialising(pod, seen, look);
            // As below: it may take its time, whatever the caller thinks of grace.
            let is_early = look.no_grace && look.now.duration_since(it.since) < it.grace;
            return (!is_early).then_some(it);
        }
        let stuck_after = look.settings.time(&CREATING);
        let creating = !containers.is_empty() && containers.iter().all(|c| c.waits_for() == "ContainerCreating");
        // Whatever the caller thinks of grace: creating containers takes time, and is no trouble by itself.
        if !creating || look.now.duration_since(started) < stuck_after {
            return None;
        }
        let mut it = base(pod, look);
        "ContainerCreating".clone_into(&mut it.reason);
        it.message = "its containers are being created and do not get to run, cause unknown".into();
        it.since = started;
        it.grace = stuck_after;
        return Some(it);
    }
    let condition = pod.condition("Ready").filter(|_| pod.phase() == "Running")?;
    let changed = condition.last_transition_time.map_or(started, Time::at);
    let unready: Vec<_> = containers.iter().filter(|c| c.role != Role::Init && !c.status.ready).collect();
    // A container that is down has a check of its own.
    if unready.iter().any(|c| c.running_since().is_none()) {
        return None;
    }
    let mut it = base(pod, look);
    let mut warm_up = SignedDuration::ZERO;
    let mut since = changed;
    if let Some(seen) = unready.first() {
        let is_starting = seen.status.started == Some(false);
        let probe =
            seen.spec.and_then(|s| if is_starting { s.startup_probe.as_ref() } else { s.readiness_probe.as_ref() });
        let failures = if is_starting { probe.map_or(0, |p| i64::from(p.failure_threshold.max(1))) } else { 0 };
        let seconds = |p: &Probe| {
            let period = i64::from(p.period_seconds.max(1));
            period.saturating_mul(failures).saturating_add(i64::from(p.initial_delay_seconds.max(0)))
        };
        warm_up = SignedDuration::from_secs(probe.map_or(0, seconds));
        since = since.max(seen.running_since().unwrap_or(since));
        let event = evidence::probe_failure(look, seen, if is_starting { "Startup" } else { "Readiness" });
        let label = seen.label();
        it.log = Some(seen.log_of_this_run());
        it.message = match event {
            Some(event) => {
                it.evidence.insert(0, evidence::of_event(event));
                let said = event.message.split_once(": ").map_or("", |(_, said)| said.trim());
                let said = if said.is_empty() { "it gives no reason" } else { said };
                let probe = if is_starting { "start-up" } else { "readiness" };
                format!("{label} runs but its {probe} probe fails: {said}")
            }
            None => format!("{label} runs but is not ready, cause unknown"),
        };
    } else {
        let gates = pod.spec.iter().flat_map(|s| &s.readiness_gates);
        let unmet: Vec<&str> = gates
            .map(|g| g.condition_type.as_str())
            .filter(|g| pod.condition(g).is_none_or(|c| c.status != "True"))
            .collect();
        it.message = if unmet.is_empty() {
            let said = format!("{} {}", condition.reason, condition.message);
            let said = if said.trim().is_empty() { "cause unknown" } else { &said };
            evidence::with_message("its containers are ready but the pod is not", said)
        } else {
            format!("its containers are ready but the readiness gate {} is not met", unmet.join(", "))
        };
        if !unmet.is_empty() {
            "ReadinessGatesNotReady".clone_into(&mut it.reason);
        }
    }
    let first = pods::bad_since(owner, pod, changed.min(since), look);
    let was_ready = changed.duration_since(started) > usual;
    let unserved = replicas(owner, look).is_some_and(|(ready, _)| ready == 0);
    let grace = if was_ready && unserved { look.settings.time(&GRACE_UNSERVED) } else { usual };
    it.since = first;
    it.grace = grace.checked_add(warm_up).unwrap_or(grace);
    it.evidence.push(evidence::piece(
        format!("Pod {}/{} condition Ready", meta.namespace, meta.name),
        &evidence::with_message(&condition.status, &format!("{} {}", condition.reason, condition.message)),
        Some(changed),
    ));
    Some(it)
}

/// An init container runs and holds up all that starts after it.
fn initialising(pod: &Pod, seen: &Seen<'_>, look: &Look<'_>) -> Trouble {
    let since = seen.running_since().unwrap_or(look.now);
    let mut it = base(pod, look);
    "Initialising".clone_into(&mut it.reason);
    let begun = since.strftime("%Y-%m-%d %H:%M UTC");
    it.message = format!("{} runs since {begun} and does not end, so its pod does not start", seen.label());
    it.since = since;
    it.grace = look.settings.time(&INITIALISING);
    it.log = Some(seen.log_of_this_run());
    it.recommendation = format!(
        "See what {} waits for: kubectl -n {} logs {} -c {}",
        seen.label(),
        pod.meta().namespace,
        pod.meta().name,
        seen.status.name
    );
    it
}

fn base(pod: &Pod, look: &Look<'_>) -> Trouble {
    let meta = pod.meta();
    Trouble {
        object: pods::reference(pod),
        with: Vec::new(),
        class: ConditionClass::NotReady,
        reason: "NotReady".into(),
        message: String::new(),
        since: look.now,
        grace: look.settings.time(&GRACE),
        level: Level::Warning,
        log: None,
        evidence: evidence::warnings(look, &meta.uid, 3),
        recommendation: format!(
            "See the pod's probes and events: kubectl -n {} describe pod {}",
            meta.namespace, meta.name
        ),
    }
}
