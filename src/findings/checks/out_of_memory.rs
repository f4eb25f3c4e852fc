//! `out-of-memory`: containers are killed for using more memory than their limit.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{Kind, ObjectRef, TransitionKind, facts::Time},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Seen},
        rising,
        trouble::{Trouble, of_containers},
    },
};

const NAME: &str = "out-of-memory";
const WINDOW: Parameter = Parameter::time((NAME, "window"), "Kills are counted in this time.", 900, (60, 86_400));
const KILLS: Parameter =
    Parameter::number((NAME, "kills"), "So many kills within it are told in any case.", 2, (1, 100));
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long a container may be down after fewer kills.", 60, (0, 3600));

/// Containers are killed for their memory.
#[derive(Debug)]
pub(crate) struct OutOfMemory;

impl Check for OutOfMemory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A container was killed for using more memory than its limit (reason OOMKilled), twice in 15 min, or it is down since.",
            why: "Requests in flight are lost at every kill, and it comes back until the limit or the use changes.",
            fix: "Raise the memory limit or find what grows.",
            grace: "None from the second kill on; 60 s if it does not come back after the first.",
            silent: "One kill with health since; exit 137 with another reason (a failed liveness probe); Jobs.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::may_own_pods(kind) && !pods::is_batch(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[WINDOW, KILLS, GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        of_containers(NAME, owner, look, |seen| trouble(owner, seen, look))
    }
}

fn trouble(owner: &ObjectRef, seen: &Seen<'_>, look: &Look<'_>) -> Option<Trouble> {
    let from = look.now.checked_sub(look.settings.time(&WINDOW)).unwrap_or(Timestamp::MIN);
    let ends = [seen.terminated(), seen.status.last_state.as_ref().and_then(|s| s.terminated.as_deref())];
    // The newest comes first; what ended otherwise since is down for that.
    let last_was_kill = ends.into_iter().flatten().next()?.reason == "OOMKilled";
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
        | TransitionKind::Drained
        | TransitionKind::LostLastEndpoint(_)
        | TransitionKind::RunFailed { .. }
        | TransitionKind::ReferenceChanged(_)
        | TransitionKind::NodeBooted { .. } => false,
    });
    kills.extend(remembered.map(|t| t.at));
    kills.sort();
    // The history and the status tell of the same kill a moment apart.
    kills.dedup_by(|a, b| a.duration_since(*b) < SignedDuration::from_secs(2));
    let recent: Vec<_> = kills.iter().filter(|at| **at >= from).collect();
    let is_down = last_was_kill && seen.running_since().is_none();
    let enough = look.settings.number(&KILLS);
    if recent.len() < enough && !is_down {
        return None;
    }
    let restarts = usize::try_from(seen.status.restart_count).unwrap_or(0);
    // Not every restart was such a kill, and they may be of last month; but who is made to wait was restarted just before.
    let again = restarts >= enough && seen.waits_for() == "CrashLoopBackOff";
    let grace = if recent.len() >= enough || again { SignedDuration::ZERO } else { look.settings.time(&GRACE) };
    let limit = seen.memory_limit().map_or_else(|| "its memory limit".to_owned(), |l| format!("its {l} memory limit"));
    let times = match recent.len() {
        0 | 1 => String::new(),
        n => format!(" {n} times"),
    };
    let restarted = match restarts {
        n if n > recent.len().max(1) => format!("; restarted {n} times"),
        _ => String::new(),
    };
    let meta = seen.pod.meta();
    let mut proof = vec![evidence::ended(seen, last)];
    proof.extend(rising::restarts(owner, seen, look));
    proof.extend(evidence::waits(seen));
    proof.extend(evidence::warnings(look, &meta.uid, 2));
    Some(Trouble {
        object: pods::reference(seen.pod),
        with: Vec::new(),
        class: ConditionClass::OutOfMemory,
        reason: "OOMKilled".into(),
        message: format!("{} killed{times} for using more than {limit}{restarted}", seen.label()),
        since: kills.first().copied().unwrap_or(look.now),
        grace,
        level: Level::High,
        log: Some(seen.log()),
        evidence: proof,
        recommendation: format!(
            "Raise the memory limit of {} or find what grows: kubectl -n {} top pod {} --containers",
            seen.label(),
            meta.namespace,
            meta.name
        ),
    })
}
