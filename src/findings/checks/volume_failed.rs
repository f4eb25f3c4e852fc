//! `volume-failed`: a PersistentVolume could not be taken back.

use super::references::trouble;
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{PersistentVolume, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "volume-failed";
/// The provisioner tries again.
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long a volume may have failed.", 300, (0, 86_400));

/// A volume has failed.
#[derive(Debug)]
pub(crate) struct VolumeFailed;

impl Check for VolumeFailed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "The phase of a PersistentVolume is Failed: it could not be deleted or made ready for the next claim.",
            why: "Its disk is neither free nor in use, and what is on it is nobody's.",
            fix: "See why the provisioner cannot take it back; delete it by hand once nobody needs what is on it.",
            grace: "5 min from its phase.",
            silent: "Volumes that are bound, available, or kept on purpose (Released).",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::PersistentVolume]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "PersistentVolume"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::PersistentVolume(volume)) = fact(owner, look) else {
            return Verdict::NotWanted("deleted".into());
        };
        let found = failed(owner, volume, look);
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }
}

fn failed(owner: &ObjectRef, volume: &PersistentVolume, look: &Look<'_>) -> Option<Trouble> {
    let status = volume.status.as_ref().filter(|status| status.phase == "Failed")?;
    let said = if status.message.is_empty() { "cause unknown" } else { status.message.as_str() };
    let of = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    let of = of.map_or_else(String::new, |claim| format!(" of claim {}/{}", claim.namespace, claim.name));
    let since = status.last_phase_transition_time.map(Time::at).or_else(|| volume.meta().created());
    let message = format!("the volume{of} could not be taken back: {said}");
    let reason = if status.reason.is_empty() { "VolumeFailed" } else { status.reason.as_str() };
    let since = since.unwrap_or(look.now);
    let mut it = trouble(
        owner,
        (ConditionClass::VolumeFailed, Level::Warning),
        reason,
        message,
        (since, look.settings.time(&GRACE)),
    );
    it.evidence.push(evidence::piece(
        format!("{owner} status"),
        &evidence::with_message(&format!("Failed {}", status.reason), &status.message),
        Some(since),
    ));
    it.evidence.extend(evidence::warnings(look, &volume.meta().uid, 2));
    Some(it)
}
