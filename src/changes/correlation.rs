//! Rollouts and a symptom come in; which of them explain it, how sure that is, and why, come out. Pure, and all there is to the score.

use jiff::SignedDuration;

use super::{
    Difference,
    fit::{Fit, fit, trouble},
    rollout::{Before, Rollout},
    symptom::Symptom,
    undo::undo,
};
use crate::incidents::{CHANGES_WITHIN, Changed, Confidence, Suspect, in_words};

/// Times come from several machines: so little after the beginning is at the beginning.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Suspects below this are none, unless nothing but the time speaks against them.
const LEAST: f64 = 0.1;
/// From here on it is MEDIUM.
const MEDIUM: f64 = 0.3;
/// So many differences are told.
const TOLD: usize = 3;
/// So many suspects are kept.
const KEPT: usize = 3;

/// Whether a change is what runs where it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The pods that are hit name it.
    Runs,
    /// Nothing names a version.
    Unknown,
    /// The pods that are hit are of another version.
    RunsNot,
}

/// What explains a symptom among the rollouts of the workload it is of.
pub fn correlate(rollouts: &[Rollout], symptom: &Symptom) -> Changed {
    let mut suspects: Vec<Suspect> =
        rollouts.iter().filter_map(|rollout| suspect(rollout, rollouts, symptom)).collect();
    suspects.sort_by_key(|suspect| (std::cmp::Reverse(suspect.score), std::cmp::Reverse(suspect.at)));
    suspects.truncate(KEPT);
    let was_before = |rollout: &&Rollout| rollout.at <= symptom.began;
    let last = rollouts.iter().find(was_before).filter(|_| suspects.is_empty());
    Changed { suspects, last: last.map(|rollout| (name(rollout), rollout.at)), unknown: Vec::new() }
}

fn suspect(rollout: &Rollout, all: &[Rollout], symptom: &Symptom) -> Option<Suspect> {
    let ago = symptom.began.duration_since(rollout.at);
    // What came after it did not make it.
    if ago < -SKEW || ago > CHANGES_WITHIN {
        return None;
    }
    let (fit, reason) = best_fit(rollout, symptom);
    let proof = proof(rollout, symptom);
    let time = time(ago);
    let score = time * of_fit(fit) * of_proof(proof);
    if score < LEAST && (fit, proof) != (Fit::Makes, Proof::Runs) {
        return None;
    }
    let is_alone = symptom.elsewhere == 0;
    let confidence = match score {
        _ if fit == Fit::Makes && proof == Proof::Runs && time >= 0.5 && is_alone => Confidence::High,
        score if score >= MEDIUM => Confidence::Medium,
        _ => Confidence::Low,
    };
    let mut reasons = vec![when(ago), reason, proved(proof).to_owned()];
    if !is_alone {
        let others = if symptom.elsewhere == 1 { "another workload" } else { "other workloads" };
        reasons.push(format!("{others} to which nothing was rolled out broke at the same time"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let score = (score * 100.0).round() as u8;
    Some(Suspect {
        what: told(rollout),
        change: name(rollout),
        by: rollout.by.as_ref().map(ToString::to_string),
        note: rollout.by.as_ref().and_then(|by| by.cause.clone()),
        at: rollout.at,
        confidence,
        score,
        reasons,
        undo: undo(rollout, all),
    })
}

/// How the time between a change and the beginning speaks for it: 5 min 1.0, 15 min 0.8, 30 min 0.5, then ever less.
fn time(ago: SignedDuration) -> f64 {
    let minutes = ago.as_secs_f64() / 60.0;
    match minutes {
        m if m <= 5.0 => 1.0,
        m if m <= 15.0 => 0.8,
        m if m <= 30.0 => 0.5,
        m => 0.5 * 30.0 / m,
    }
}

fn of_fit(fit: Fit) -> f64 {
    match fit {
        Fit::Makes => 1.0,
        Fit::May => 0.6,
        Fit::Hardly => 0.15,
    }
}

fn of_proof(proof: Proof) -> f64 {
    match proof {
        Proof::Runs => 1.0,
        Proof::Unknown => 0.6,
        Proof::RunsNot => 0.1,
    }
}

fn proof(rollout: &Rollout, symptom: &Symptom) -> Proof {
    match symptom.revisions.contains(&rollout.revision) {
        true => Proof::Runs,
        false if symptom.revisions.is_empty() => Proof::Unknown,
        false => Proof::RunsNot,
    }
}

/// How well what was changed explains what is wrong, and that in words.
fn best_fit(rollout: &Rollout, symptom: &Symptom) -> (Fit, String) {
    let differences = match &rollout.before {
        Before::Revision(_, differences) => differences,
        Before::Nothing => return (Fit::May, "it is the first version of it".to_owned()),
        Before::Forgotten => return (Fit::May, "what was before is not kept, so what changed is not known".to_owned()),
    };
    let pairs = symptom.classes.iter().flat_map(|class| differences.iter().map(move |it| (*class, it)));
    // Of two that fit alike the first: causes and differences come with the most telling first.
    let best = pairs.fold(None, |best: Option<(Fit, _, &Difference)>, (class, difference)| {
        let fit = fit(class, difference.touches());
        if best.is_none_or(|(known, ..)| fit > known) { Some((fit, class, difference)) } else { best }
    });
    match best {
        None => (Fit::Hardly, "its template is the same as before".to_owned()),
        Some((Fit::Makes, class, _)) => (Fit::Makes, format!("such a change fits {}", trouble(class))),
        Some((Fit::May, class, _)) => (Fit::May, format!("such a change may lead to {}", trouble(class))),
        Some((Fit::Hardly, class, _)) => (Fit::Hardly, format!("such a change hardly explains {}", trouble(class))),
    }
}

fn when(ago: SignedDuration) -> String {
    if ago < SignedDuration::from_secs(1) {
        return "it began with it".to_owned();
    }
    format!("{} before it began", in_words(ago))
}

fn proved(proof: Proof) -> &'static str {
    match proof {
        Proof::Runs => "the pods that are hit run it",
        Proof::Unknown => "which version the pods that are hit run is not known",
        Proof::RunsNot => "the pods that are hit run another version",
    }
}

/// What is different, as many as are told.
fn told(rollout: &Rollout) -> Vec<String> {
    let differences = match &rollout.before {
        Before::Revision(_, differences) => differences.as_slice(),
        Before::Nothing => return vec!["it is new".to_owned()],
        Before::Forgotten => return Vec::new(),
    };
    let mut told: Vec<String> = differences.iter().take(TOLD).map(ToString::to_string).collect();
    if differences.len() > TOLD {
        told.push(format!("{} more", differences.len() - TOLD));
    }
    if differences.is_empty() {
        told.push("nothing in its template".to_owned());
    }
    told
}

/// `rollout #14`.
pub(super) fn name(rollout: &Rollout) -> String {
    format!("rollout #{}", rollout.number)
}
