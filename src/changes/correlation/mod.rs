//! Rollouts and a symptom come in; which of them explain it, how sure that is, and why, come out. Pure, and all there is to the score.

#[cfg(test)]
mod tests;

use jiff::SignedDuration;

use super::{
    Difference, Touches,
    fit::{Fit, fit, trouble},
    gitops::place,
    proof::{Proof, proof},
    rollout::{Before, Rollout},
    symptom::{Symptom, is_slow},
    undo::undo,
};
use crate::{
    findings::ConditionClass,
    incidents::{CHANGES_WITHIN, Changed, Confidence, Suspect, in_words},
};

/// Times come from several machines: so little after the beginning is at the beginning.
pub(super) const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Suspects below this are none, unless nothing but the time speaks against them.
pub(super) const LEAST: f64 = 0.1;
/// From here on it is MEDIUM.
pub(super) const MEDIUM: f64 = 0.3;
/// So many differences are told.
pub(super) const TOLD: usize = 3;
/// So many suspects are kept.
pub(super) const MOST_SUSPECTS: usize = 3;

/// What explains a symptom among the rollouts of the workload it is of; these are given the newest first.
pub fn correlate(rollouts: &[Rollout], symptom: &Symptom) -> Changed {
    let mut suspects: Vec<Suspect> =
        rollouts.iter().filter_map(|rollout| suspect(rollout, rollouts, symptom)).collect();
    suspects.sort_by_key(|suspect| (std::cmp::Reverse(suspect.score), std::cmp::Reverse(suspect.at)));
    suspects.truncate(MOST_SUSPECTS);
    let was_before = |rollout: &&Rollout| rollout.at <= symptom.began;
    let last = rollouts.iter().find(was_before).filter(|_| suspects.is_empty());
    Changed { suspects, last: last.map(|rollout| (name(rollout), rollout.at)), ..Changed::default() }
}

/// The score: how long before (`time`), times how well such a change makes such trouble (`of_fit`), times how sure it is that it runs
/// where it is broken (`of_proof`), times what else broke (`of_others`). HIGH is not a score: it takes each of them.
fn suspect(rollout: &Rollout, all: &[Rollout], symptom: &Symptom) -> Option<Suspect> {
    let ago = symptom.began.duration_since(rollout.at);
    // What came after it did not make it.
    if ago < -SKEW || ago > CHANGES_WITHIN {
        return None;
    }
    let proof = proof(rollout, all, symptom);
    let differences = by_fit(rollout, &proof, symptom);
    let (fit, reason) = best_fit(rollout, differences.first());
    let time = time(ago);
    let score = time * of_fit(fit) * of_proof(&proof) * of_others(symptom.elsewhere);
    let runs = matches!(proof, Proof::Runs(_));
    let may_be_slow = differences.first().is_some_and(|(fit, class, _)| *fit == Fit::May && is_slow(*class));
    if score < LEAST && !(runs && (fit == Fit::Makes || may_be_slow)) {
        return None;
    }
    let confidence = match score {
        _ if fit == Fit::Makes && runs && time >= 0.5 && symptom.elsewhere == 0 => Confidence::High,
        score if score >= MEDIUM => Confidence::Medium,
        _ => Confidence::Low,
    };
    let mut reasons = vec![when(ago), reason, proof.to_string()];
    if symptom.elsewhere > 0 {
        let others = if symptom.elsewhere == 1 { "another workload" } else { "other workloads" };
        reasons.push(format!("{others} to which nothing was rolled out broke at the same time"));
    }
    let source = rollout.source.as_ref();
    reasons.extend(source.map(|source| format!("it is {}", place(source))));
    let by = rollout.by.as_ref().map(ToString::to_string);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let score = (score * 100.0).round() as u8;
    Some(Suspect {
        what: told(rollout, &differences),
        change: name(rollout),
        by: source.map(|source| source.keeper.clone()).or(by),
        note: rollout.by.as_ref().and_then(|by| by.cause.clone()),
        at: rollout.at,
        confidence,
        score,
        reasons,
        undo: undo(rollout, all).filter(|_| runs || rollout.is_current),
        commit: None,
        image: None,
        source: source.cloned(),
        explains: differences.first().map(|(_, class, _)| *class),
        deployment: None,
        setting: None,
    })
}

/// How the time between a change and the beginning speaks for it: 5 min 1.0, 15 min 0.8, 30 min 0.5, then ever less.
pub(super) fn time(ago: SignedDuration) -> f64 {
    let minutes = ago.as_secs_f64() / 60.0;
    match minutes {
        m if m <= 5.0 => 1.0,
        m if m <= 15.0 => 0.8,
        m if m <= 30.0 => 0.5,
        m => 0.5 * 30.0 / m,
    }
}

pub(super) fn of_fit(fit: Fit) -> f64 {
    match fit {
        Fit::Makes => 1.0,
        Fit::May => 0.6,
        Fit::Hardly => 0.15,
    }
}

fn of_proof(proof: &Proof) -> f64 {
    match proof {
        Proof::Runs(_) => 1.0,
        Proof::Unknown | Proof::Since => 0.6,
        Proof::AlsoOlder => 0.25,
        Proof::RunsNot | Proof::RunsWell => 0.1,
    }
}

/// How others that broke at the same time, without a rollout of their own, speak against it. They may have broken because of this one,
/// so they never make it none.
pub(super) fn of_others(elsewhere: usize) -> f64 {
    match elsewhere {
        0 => 1.0,
        1 => 0.6,
        2 => 0.4,
        _ => 0.3,
    }
}

/// A difference, and the trouble that it explains best.
type Explains<'a> = (Fit, ConditionClass, &'a Difference);

/// What of a rollout runs where it is broken, what explains it best first.
fn by_fit<'a>(rollout: &'a Rollout, proof: &Proof, symptom: &Symptom) -> Vec<Explains<'a>> {
    let Before::Revision(_, differences) = &rollout.before else { return Vec::new() };
    let runs = |difference: &&Difference| !matches!(proof, Proof::Runs(gone) if gone.contains(difference));
    let explains = |difference: &'a Difference| {
        let each = symptom.classes.iter().map(|class| (of_container(*class, difference, symptom), *class, difference));
        // Of two that fit alike the first: causes come with the strongest first.
        each.reduce(|best, other| if other.0 > best.0 { other } else { best })
    };
    let mut all: Vec<Explains<'_>> = differences.iter().filter(runs).filter_map(explains).collect();
    all.sort_by_key(|(fit, ..)| std::cmp::Reverse(*fit));
    all
}

/// How well a difference explains a trouble, by where both are: what was changed at one container makes less sure why another fails.
fn of_container(class: ConditionClass, difference: &Difference, symptom: &Symptom) -> Fit {
    let fit = fit(class, difference.touches());
    let is_of_another = difference
        .container
        .as_ref()
        .zip(symptom.containers.get(&class))
        .is_some_and(|(changed, failing)| changed.name != *failing);
    match (fit, difference.touches()) {
        (fit, _) if !is_of_another => fit,
        // These are of one container alone.
        (_, Touches::MemoryLimit | Touches::CpuLimit | Touches::Probe(_)) | (Fit::May | Fit::Hardly, _) => Fit::Hardly,
        (Fit::Makes, _) => Fit::May,
    }
}

/// How well what was changed explains what is wrong, and that in words.
fn best_fit(rollout: &Rollout, best: Option<&Explains<'_>>) -> (Fit, String) {
    match (&rollout.before, best) {
        (Before::Nothing, _) => (Fit::May, "it is the first version of it".to_owned()),
        (Before::Forgotten, _) => (Fit::May, "what was before is not kept, so what changed is not known".to_owned()),
        (Before::Revision(..), None) => (Fit::Hardly, "its template is the same as before".to_owned()),
        (Before::Revision(..), Some((fit, class, _))) => {
            let fits = match fit {
                Fit::Makes => "fits",
                Fit::May => "may lead to",
                Fit::Hardly => "hardly explains",
            };
            (*fit, format!("such a change {fits} {}", trouble(*class)))
        }
    }
}

pub(super) fn when(ago: SignedDuration) -> String {
    if ago < SignedDuration::from_secs(1) {
        return "it began with it".to_owned();
    }
    format!("{} before it began", in_words(ago))
}

/// What is different, as many as are told.
fn told(rollout: &Rollout, differences: &[Explains<'_>]) -> Vec<String> {
    match &rollout.before {
        Before::Nothing => return vec!["it is new".to_owned()],
        Before::Forgotten => return Vec::new(),
        Before::Revision(..) if differences.is_empty() => return vec!["nothing in its template".to_owned()],
        Before::Revision(..) => {}
    }
    let mut told: Vec<String> = differences.iter().take(TOLD).map(|(.., difference)| difference.to_string()).collect();
    if differences.len() > TOLD {
        told.push(format!("{} more", differences.len() - TOLD));
    }
    told
}

/// `rollout #14`.
pub(super) fn name(rollout: &Rollout) -> String {
    format!("rollout #{}", rollout.number)
}
