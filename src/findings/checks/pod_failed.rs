//! `pod-failed`: a pod that nobody owns has failed and will not be started again.

use jiff::SignedDuration;

use super::job_failed::ending;
use crate::{
    cluster::{Fact, Kind, ObjectRef, facts::Time},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "pod-failed";
const TOLD_FOR: Parameter =
    Parameter::time((NAME, "told_for"), "After this time a failure is history.", 86_400, (600, 86_400));
/// Exit codes of a shutdown that was asked for.
const ASKED_FOR: [i32; 2] = [0, 143];

/// A pod without an owner has failed.
#[derive(Debug)]
pub(crate) struct PodFailed;

impl Check for PodFailed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A pod without an owner has the phase Failed.",
            why: "Nothing starts it again.",
            fix: "Read its log, mend the cause, create it anew.",
            grace: "None: the phase is final.",
            silent: "Evicted pods; ended by request (exit codes 0 and 143); failed more than 24 h ago; being deleted.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "Pod"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[TOLD_FOR]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::Pod(pod)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        let status = pod.status.as_ref();
        if pod.phase() != "Failed" {
            return Verdict::Healthy;
        }
        if status.is_some_and(|s| s.reason == "Evicted") {
            return Verdict::NotWanted("evicted".into());
        }
        let containers = pods::containers(pod);
        let culprit = containers.iter().find(|c| c.last_end().is_some_and(|e| !ASKED_FOR.contains(&e.exit_code)));
        let reason = status.map(|s| s.reason.as_str()).filter(|r| !r.is_empty());
        if culprit.is_none() && (reason.is_none() || !containers.is_empty()) {
            return Verdict::NotWanted("ended by request".into());
        }
        let since = culprit.and_then(|c| c.last_end()?.finished_at).map_or_else(|| pods::started(pod, look), Time::at);
        if look.now.duration_since(since) >= look.settings.time(&TOLD_FOR) {
            return Verdict::NotWanted(format!("failed more than {} ago", TOLD_FOR.say(look.settings)).into());
        }
        let meta = pod.meta();
        let said = status.map_or("", |s| s.message.as_str());
        let mut proof: Vec<_> = culprit.and_then(|c| Some(evidence::ended(c, c.last_end()?))).into_iter().collect();
        proof.extend(evidence::warnings(look, &meta.uid, 3));
        let found = Trouble {
            object: owner.clone(),
            with: Vec::new(),
            class: ConditionClass::JobFailed,
            reason: reason.unwrap_or("Failed").to_owned(),
            message: culprit.map_or_else(|| format!("the pod failed: {said}"), ending),
            since,
            grace: SignedDuration::ZERO,
            level: Level::Warning,
            log: culprit.map(Seen::log),
            evidence: proof,
            recommendation: format!("Read its log: kubectl -n {} logs {}", meta.namespace, meta.name),
        };
        conclude(NAME, owner, look, &Pods::of(owner, look), vec![found])
    }
}
