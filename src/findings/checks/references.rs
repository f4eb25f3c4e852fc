//! What the checks of objects that name others share: since when they can be as they are, and how their trouble is written.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{ObjectRef, TransitionKind, facts::Meta},
    findings::{ConditionClass, Evidence, Level, Look, trouble::Trouble},
};

/// Since when an object can be as wrong as it is now: its creation, or the last change that was seen of what it names. What was
/// changed before the bot saw the cluster has no time.
pub(crate) fn unchanged_since(owner: &ObjectRef, meta: &Meta, look: &Look<'_>) -> Timestamp {
    last_change(owner, meta, look).or(meta.created()).unwrap_or(look.now)
}

/// The last change that was seen of what an object names, if any was.
pub(crate) fn last_change(owner: &ObjectRef, meta: &Meta, look: &Look<'_>) -> Option<Timestamp> {
    let changes = look.history.since(owner, meta.created().unwrap_or(Timestamp::MIN)).filter(|t| match t.kind {
        TransitionKind::ReferenceChanged(_) | TransitionKind::LostLastEndpoint(_) => true,
        TransitionKind::Restarted { .. }
        | TransitionKind::BecameReady
        | TransitionKind::LostReady
        | TransitionKind::Drained
        | TransitionKind::NodeBooted { .. }
        | TransitionKind::RunFailed { .. } => false,
    });
    changes.last().map(|change| change.at)
}

/// Trouble of the object itself.
pub(crate) fn trouble(
    owner: &ObjectRef,
    (class, level): (ConditionClass, Level),
    reason: &str,
    message: String,
    (since, grace): (Timestamp, SignedDuration),
) -> Trouble {
    let place = if owner.namespace.is_empty() { String::new() } else { format!("-n {} ", owner.namespace) };
    Trouble {
        object: owner.clone(),
        with: Vec::new(),
        class,
        reason: reason.to_owned(),
        message,
        since,
        grace,
        level,
        log: None,
        evidence: Vec::<Evidence>::new(),
        recommendation: format!(
            "See its conditions and events: kubectl {place}describe {} {}",
            owner.kind.to_lowercase(),
            owner.name
        ),
    }
}
