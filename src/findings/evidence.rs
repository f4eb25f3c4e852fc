//! Pieces of evidence taken from facts: how a container ended, what the events of an object say; redacted and capped.

use jiff::Timestamp;

use super::{Evidence, Look, pods::Seen, redact::redact};
use crate::cluster::facts::{Event, Node, Pod, Terminated, Time, Uid};

/// How many pieces a finding carries.
pub(crate) const MOST: usize = 6;

/// A piece of evidence from untrusted text.
pub(crate) fn piece(source: impl Into<String>, text: &str, at: Option<Timestamp>) -> Evidence {
    Evidence { source: source.into(), text: redact(text), at }
}

/// What a condition or a state says; its message is often empty.
pub(crate) fn with_message(head: &str, message: &str) -> String {
    match (head.trim(), message.trim()) {
        (head, "") => head.to_owned(),
        ("", message) => message.to_owned(),
        (head, message) => format!("{head}: {message}"),
    }
}

/// How a container ended, and what it left as its last words.
pub(crate) fn ended(seen: &Seen<'_>, end: &Terminated) -> Evidence {
    let mut text = format!("ended: {}, exit code {}", reason_of(end), end.exit_code);
    if let (Some(from), Some(to)) = (end.started_at, end.finished_at)
        && from.seconds() > 0
        && to.seconds() >= from.seconds()
    {
        text = format!("{text}, ran {} s", to.seconds().saturating_sub(from.seconds()));
    }
    if seen.status.restart_count > 0 {
        text = format!("{text}, restarted {} times", seen.status.restart_count);
    }
    if !end.message.is_empty() {
        text.push_str(": ");
        text.push_str(&end.message);
    }
    piece(source(seen), &text, end.finished_at.map(Time::at))
}

/// Why a container waits.
pub(crate) fn waits(seen: &Seen<'_>) -> Option<Evidence> {
    let waiting = seen.waiting()?;
    let text = with_message("waiting", &with_message(&waiting.reason, &waiting.message));
    Some(piece(source(seen), &text, None))
}

/// Where a container's evidence is read from.
pub(crate) fn source(seen: &Seen<'_>) -> String {
    let meta = seen.pod.meta();
    format!("Pod {}/{} {}", meta.namespace, meta.name, seen.label())
}

/// The reason of an end; `Error` if none is written.
pub(crate) fn reason_of(end: &Terminated) -> &str {
    if !end.reason.is_empty() {
        &end.reason
    } else if end.exit_code == 0 {
        "Completed"
    } else {
        "Error"
    }
}

/// What an exit code proves by itself: how a signal or a shell ends a process; else that the cause is unknown.
pub(crate) fn exit_code(code: i32) -> String {
    let means = match code {
        126 => ": its command cannot be executed",
        127 => ": its command does not exist",
        132 => ": it was killed for an instruction that this machine does not know (SIGILL)",
        134 => ": it aborted itself (SIGABRT)",
        135 => ": it was killed for a faulty access to memory (SIGBUS)",
        136 => ": it was killed for a faulty calculation (SIGFPE)",
        139 => ": it was killed for a faulty access to memory (SIGSEGV)",
        _ => ", cause unknown",
    };
    format!("{code}{means}")
}

/// The last warnings about the object with that uid, newest first, each reason once.
pub(crate) fn warnings(look: &Look<'_>, uid: &Uid, most: usize) -> Vec<Evidence> {
    let mut events: Vec<&Event> = look.index.events_of(uid).filter(|e| e.kind == "Warning").collect();
    events.reverse();
    let mut seen: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for event in events {
        if out.len() == most {
            break;
        }
        if !seen.contains(&event.reason.as_str()) {
            seen.push(&event.reason);
            out.push(of_event(event));
        }
    }
    out
}

/// The last warnings about a node; a process that was killed for lack of memory, which no pod may tell of, comes first.
pub(crate) fn of_node(look: &Look<'_>, node: &Node, most: usize) -> Vec<Evidence> {
    let meta = node.meta();
    // The kubelet writes the name of a node where others write its uid.
    let uids = [meta.uid, Uid::from(meta.name.as_str())];
    let is_kill = |e: &&Event| matches!(&*e.reason, "OOMKilling" | "SystemOOM");
    let kills = uids.iter().flat_map(|uid| look.index.events_of(uid)).filter(is_kill);
    let mut out: Vec<Evidence> = kills.max_by_key(|e| e.last_seen()).map(of_event).into_iter().collect();
    for piece in uids.iter().flat_map(|uid| warnings(look, uid, most)) {
        if out.len() < most && !out.contains(&piece) {
            out.push(piece);
        }
    }
    out
}

/// An event as evidence.
pub(crate) fn of_event(event: &Event) -> Evidence {
    let times = event.times();
    let source =
        if times > 1 { format!("Event {} ×{times}", event.reason) } else { format!("Event {}", event.reason) };
    piece(source, &event.message, event.last_seen())
}

/// When an event was first seen.
pub(crate) fn first_seen(event: &Event) -> Option<Timestamp> {
    event.first_timestamp.or(event.event_time).map(Time::at).or_else(|| event.meta().created())
}

/// The newest event about a container of a pod (or the whole pod) that satisfies a condition.
pub(crate) fn container_event<'a>(
    look: &Look<'a>,
    pod: &Pod,
    container: &str,
    wanted: impl Fn(&Event) -> bool,
) -> Option<&'a Event> {
    let field = format!("{{{container}}}");
    look.index
        .events_of(&pod.meta().uid)
        .filter(|e| {
            let path = e.involved_object.as_ref().map_or("", |o| o.field_path.as_str());
            (path.is_empty() || path.ends_with(&field)) && wanted(e)
        })
        .last()
}

/// What the newest failure of a probe of a container says (`Liveness`, `Readiness`, `Startup`).
pub(crate) fn probe_failure<'a>(look: &Look<'a>, seen: &Seen<'_>, probe: &str) -> Option<&'a Event> {
    let failed = format!("{probe} probe failed");
    let errored = format!("{probe} probe errored");
    container_event(look, seen.pod, &seen.status.name, |e| {
        e.reason == "Unhealthy" && (e.message.starts_with(&failed) || e.message.starts_with(&errored))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("False", "KubeletNotReady is away", "False: KubeletNotReady is away")]
    #[case("BackoffLimitExceeded", "", "BackoffLimitExceeded")]
    #[case("False ", " ", "False")]
    #[case("", "it is gone", "it is gone")]
    fn no_colon_is_left_where_nothing_follows(#[case] head: &str, #[case] message: &str, #[case] expected: &str) {
        assert_eq!(with_message(head, message), expected);
    }
}
