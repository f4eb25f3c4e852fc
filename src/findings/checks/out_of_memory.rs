//! `out-of-memory`: containers are killed for using more memory than their limit.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{Kind, ObjectRef, TransitionKind, facts::Time},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Verdict, evidence,
        pods::{self, Seen},
        trouble::{Trouble, of_containers},
    },
};

/// Two kills within this window count.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Containers are killed for their memory.
#[derive(Debug)]
pub(crate) struct OutOfMemory;

impl Check for OutOfMemory {
    fn name(&self) -> &'static str {
        "out-of-memory"
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container was killed for using more memory than its limit (reason OOMKilled), twice in 15 min, or it is down since.",
            why: "Requests in flight are lost at every kill, and it comes back until the limit or the use changes.",
            fix: "Raise the memory limit or find what grows.",
            grace: "None.",
            silent: "One kill with health since; exit 137 with another reason (a failed liveness probe); Jobs.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && !pods::is_batch(kind)
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_containers(self.name(), owner, look, |seen| trouble(owner, seen, look))
    }
}

fn trouble(owner: &ObjectRef, seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let from = look.now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let ends = [seen.terminated(), seen.status.last_state.as_ref().and_then(|s| s.terminated.as_ref())];
    let last = ends.into_iter().flatten().find(|e| e.reason == "OOMKilled")?;
    let mut kills: Vec<Timestamp> = ends
        .into_iter()
        .flatten()
        .filter(|e| e.reason == "OOMKilled")
        .filter_map(|e| e.finished_at.map(Time::at))
        .collect();
    let remembered = look.history.since(owner, from).filter(|t| match &t.kind {
        TransitionKind::Restarted { pod, container, ended } => {
            *pod == seen.pod.meta().name && *container == seen.status.name && ended.starts_with("OOMKilled")
        }
        TransitionKind::BecameReady
        | TransitionKind::LostReady
        | TransitionKind::LostLastEndpoint(_)
        | TransitionKind::RunFailed { .. }
        | TransitionKind::NodeBooted { .. } => false,
    });
    kills.extend(remembered.map(|t| t.at));
    kills.sort();
    // The history and the status tell of the same kill a moment apart.
    kills.dedup_by(|a, b| a.duration_since(*b) < SignedDuration::from_secs(2));
    let recent: Vec<_> = kills.iter().filter(|at| **at >= from).collect();
    let is_down = seen.running_since().is_none();
    if recent.len() < 2 && !is_down {
        return None;
    }
    let limit = seen.memory_limit().map_or_else(|| "its memory limit".to_owned(), |l| format!("its {l} memory limit"));
    let restarts = usize::try_from(seen.status.restart_count).unwrap_or(0);
    let times = restarts.max(recent.len()).max(1);
    let meta = seen.pod.meta();
    let mut proof = vec![evidence::ended(seen, last)];
    proof.extend(evidence::waits(seen));
    proof.extend(evidence::warnings(look, &meta.uid, 2));
    Some(Trouble {
        object: pods::reference(seen.pod),
        with: Vec::new(),
        class: ConditionClass::OutOfMemory,
        reason: "OOMKilled".into(),
        message: format!(
            "{} killed {times} {} for using more than {limit}",
            seen.label(),
            if times == 1 { "time" } else { "times" }
        ),
        since: kills.first().copied().unwrap_or(look.now),
        grace: SignedDuration::ZERO,
        level: Level::High,
        evidence: proof,
        recommendation: format!(
            "Raise the memory limit of {} or find what grows: kubectl -n {} top pod {} --containers",
            seen.label(),
            meta.namespace,
            meta.name
        ),
    })
}
