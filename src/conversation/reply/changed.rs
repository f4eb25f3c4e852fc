//! What is said of a change that somebody wanted: an acknowledgement, an end, a silence; and why nothing changed.

use super::{code, escape, incident_line, line, quote, say, span, who};
use crate::{
    alerts::Message,
    clock::Now,
    incidents::{Acknowledgement, Incident, Silence},
};

/// The acknowledgement is recorded.
pub fn acknowledged(incident: &Incident, by: &Acknowledgement, now: Now<'_>) -> Message {
    let note = if by.note.is_empty() { String::new() } else { format!(": {}", quote(&by.note, 500)) };
    say(&[
        format!("{} acknowledged by {}{note}", escape(&incident.id.0), who(&by.by)),
        incident_line(&Incident { acknowledged: None, ..incident.clone() }, now),
        "I stay silent about it until it gets worse or is resolved.".to_owned(),
    ])
}

/// Why a change of an incident changes nothing.
pub fn nothing_changed(incident: &Incident, now: Now<'_>) -> Message {
    match &incident.acknowledged {
        _ if !incident.is_open() => already_resolved(incident, now),
        Some(by) => already_acknowledged(incident, by, now),
        None => line(format!("{} is not acknowledged; nothing changed.", escape(&incident.id.0))),
    }
}

/// Why an incident cannot be closed by hand.
pub fn not_closed(incident: &Incident, now: Now<'_>) -> Message {
    if !incident.is_open() {
        return already_resolved(incident, now);
    }
    line(format!(
        "{} is a list of others, and over when they are. Close each by its own name: `/k8s incidents` has them.",
        escape(&incident.id.0)
    ))
}

/// The acknowledgement is taken back.
pub fn unacknowledged(incident: &Incident, now: Now<'_>) -> Message {
    say(&[
        format!("{} is not acknowledged any more.", escape(&incident.id.0)),
        incident_line(incident, now),
        "I tell of it again in 3 h, and then more and more rarely, until somebody takes care of it.".to_owned(),
    ])
}

/// It is closed by hand.
pub fn resolved(incident: &Incident, now: Now<'_>) -> Message {
    let lasted = span(incident.since, now);
    say(&[
        format!("{} is closed after {lasted}: {}", escape(&incident.id.0), escape(&incident.owner.to_string())),
        "If it is still wrong in 5 min, it comes back in its thread.".to_owned(),
    ])
}

/// What is silenced from now on, and what that changes.
pub fn silenced(silence: &Silence, open: &[String], now: Now<'_>) -> Message {
    let mut lines = vec![format!("Silenced: {}", silence_line(silence, now))];
    if open.is_empty() {
        lines.push("No open incident is meant by that at present; those to come are.".to_owned());
    } else {
        lines.extend(open.iter().take(10).map(|incident| format!("• {}", quote(incident, 200))));
        if open.len() > 10 {
            lines.push(format!("... and {} more", open.len() - 10));
        }
    }
    lines.push(format!("What is still wrong then is told. `/k8s unsilence {}` ends it before.", silence.id));
    say(&lines)
}

/// A silence ended before its time.
pub fn unsilenced(silence: &Silence, now: Now<'_>) -> Message {
    line(format!("Not silenced any more: {}. What is still wrong is told now.", silence_line(silence, now)))
}

/// An incident of another cluster than the one that was named.
pub fn of_another_cluster(incident: &Incident, name: &str) -> Message {
    let (id, name) = (escape(&incident.id.0), code(name));
    line(format!("{id} is of the cluster {name}, so nothing was changed. Leave `--cluster` out, or name that one."))
}

/// There is no silence of that number.
pub fn no_such_silence(id: i64) -> Message {
    line(format!("There is no silence {id} any more; nothing changed."))
}

/// `3 · namespace shop until 16:00 UTC (1 h 51 min), by @ana: we move it`.
pub(crate) fn silence_line(silence: &Silence, now: Now<'_>) -> String {
    let reason = if silence.reason.is_empty() { String::new() } else { format!(": {}", quote(&silence.reason, 300)) };
    format!(
        "{} · {} until {} ({}), by {}{reason}",
        silence.id,
        escape(&silence.of.to_string()),
        now.tell(silence.until),
        span(now, silence.until),
        who(&silence.by)
    )
}

/// Somebody was faster.
pub fn already_acknowledged(incident: &Incident, by: &Acknowledgement, now: Now<'_>) -> Message {
    let note = if by.note.is_empty() { String::new() } else { format!(" (“{}”)", quote(&by.note, 500)) };
    line(format!(
        "{} was already acknowledged by {} at {}{note}; nothing changed.",
        escape(&incident.id.0),
        who(&by.by),
        now.tell(by.at)
    ))
}

/// It is over.
pub fn already_resolved(incident: &Incident, now: Now<'_>) -> Message {
    let end = incident
        .resolution
        .as_ref()
        .map_or_else(String::new, |r| format!(" at {}: {}", now.tell(r.at), quote(&r.reason, 300)));
    line(format!("{} is already over{end}. Nothing changed.", escape(&incident.id.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conversation::standing::samples, incidents::Severity};
    use insta::assert_snapshot;

    #[test]
    fn an_acknowledgement_says_what_it_changes() {
        let incident = samples::incident(1, Severity::Sev1);
        let by = Acknowledgement { by: "U2".into(), at: samples::at("14:01:00"), note: "looking <!here>".into() };
        let now = samples::now("14:09:00");
        assert_snapshot!(acknowledged(&incident, &by, now).text, @r"
        INC-2026-11-24-001 acknowledged by <@U2>: looking &lt;!here&gt;
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        I stay silent about it until it gets worse or is resolved.
        ");
        assert_snapshot!(already_acknowledged(&incident, &by, now).text, @"INC-2026-11-24-001 was already acknowledged by <@U2> at 14:01 UTC (“looking &lt;!here&gt;”); nothing changed.");
    }
}
