//! Changes beside the workloads that mean who is hit come in; how well each explains what is wrong is ranked together with the rollouts.

use std::fmt;

use super::{Became, SettingChange, undo::undo};
use crate::{
    changes::{
        Fit, Symptom, Touches,
        correlation::{LEAST, MEDIUM, MOST_SUSPECTS, SKEW, TOLD, of_fit, of_others, time, when},
        fit::{fit, trouble},
    },
    findings::ConditionClass,
    incidents::{CHANGES_WITHIN, Changed, Confidence, Suspect},
};

/// How a changed object bears on who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    /// It is itself what is wrong.
    Itself,
    /// The containers that are hit read it, and started since.
    StartedSince,
    /// Some of them started before, and what they have is older.
    SomeStartedBefore,
    /// All of them started before: they still have what was there then.
    StartedBefore,
    /// The pods that are hit have it as a volume: its files are new, whether they were read again is not known.
    Mounted,
    /// It selects the pods that are hit.
    Selects,
    /// It selects some of the pods that are hit, and others not.
    SelectsSome,
    /// It scales what is hit.
    Scales,
    /// It leads to what is hit.
    LeadsTo,
    /// Others that have it just so are well.
    OthersAreWell,
}

impl Grip {
    /// Whether it is proved to be in force where it is broken.
    pub fn is_proof(self) -> bool {
        self.weight() >= 1.0
    }

    fn weight(self) -> f64 {
        match self {
            Self::Itself | Self::StartedSince | Self::Selects | Self::Scales | Self::LeadsTo => 1.0,
            Self::Mounted => 0.6,
            Self::SomeStartedBefore | Self::SelectsSome => 0.25,
            Self::StartedBefore | Self::OthersAreWell => 0.05,
        }
    }
}

impl fmt::Display for Grip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Itself => "it is itself what is wrong",
            Self::StartedSince => "the containers that are hit read it and started since",
            Self::SomeStartedBefore => "some containers that are hit started before and do not have it",
            Self::StartedBefore => "the containers that are hit started before and do not have it",
            Self::Mounted => "the pods that are hit mount it; whether they read it again is not known",
            Self::Selects => "it selects the pods that are hit",
            Self::SelectsSome => "it does not select all pods that are hit",
            Self::Scales => "it scales what is hit",
            Self::LeadsTo => "it leads to what is hit",
            Self::OthersAreWell => "other pods that have it just so are well",
        })
    }
}

/// A change, held against who is hit.
#[derive(Clone, Copy, Debug)]
pub struct Concern<'a> {
    /// The change.
    pub change: &'a SettingChange,
    /// How it bears on them.
    pub grip: Grip,
    /// What is wrong names just what was taken away or changed.
    pub is_named: bool,
    /// How many others broke at about the same time that it does not mean.
    pub elsewhere: usize,
}

/// Ranks these changes together with what is suspected already. Where several for which everything speaks came together, none of them
/// is sure, unless what is wrong names it.
pub fn beside(changed: Changed, concerns: &[Concern<'_>], symptom: &Symptom) -> Changed {
    let found = concerns.iter().filter_map(|concern| Some((suspect(concern, symptom)?, concern.is_named)));
    let mut all: Vec<(Suspect, bool)> = found.collect();
    if all.is_empty() {
        return changed;
    }
    all.extend(changed.suspects.into_iter().map(|suspect| (suspect, false)));
    let sure = all.iter().filter(|(suspect, _)| suspect.confidence == Confidence::High).count();
    for (suspect, _) in
        all.iter_mut().filter(|(it, is_named)| sure > 1 && it.confidence == Confidence::High && !is_named)
    {
        suspect.confidence = Confidence::Medium;
        suspect.reasons.push("something else that fits was changed just then".to_owned());
    }
    all.sort_by_key(|(it, _)| {
        (it.confidence, std::cmp::Reverse(it.score), std::cmp::Reverse(it.at), it.change.clone())
    });
    all.truncate(MOST_SUSPECTS);
    Changed { suspects: all.into_iter().map(|(suspect, _)| suspect).collect(), last: None, ..changed }
}

/// The score of a rollout, see `correlation`, but that what hardly explains anything is left out, and what is named is not less likely because it was not read for a while.
fn suspect(concern: &Concern<'_>, symptom: &Symptom) -> Option<Suspect> {
    let Concern { change, grip, is_named, elsewhere } = *concern;
    let ago = symptom.began.duration_since(change.at);
    if ago < -SKEW || ago > CHANGES_WITHIN {
        return None;
    }
    let (fit, class) = symptom
        .classes
        .iter()
        .map(|class| (fits(*class, change.touches(), is_named), *class))
        .reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    let fits = match fit {
        _ if is_named => "what is wrong names it".to_owned(),
        Fit::Makes => format!("such a change fits {}", trouble(class)),
        Fit::May => format!("such a change may lead to {}", trouble(class)),
        // There is much beside a workload; what explains nothing is listed on request.
        Fit::Hardly => return None,
    };
    let time = if is_named { 1.0 } else { time(ago) };
    let score = time * of_fit(fit) * grip.weight() * of_others(elsewhere);
    if score < LEAST && !(grip.is_proof() && fit == Fit::Makes) {
        return None;
    }
    let confidence = match score {
        _ if fit == Fit::Makes && grip.is_proof() && time >= 0.5 && elsewhere == 0 => Confidence::High,
        score if score >= MEDIUM => Confidence::Medium,
        _ => Confidence::Low,
    };
    let mut reasons = vec![when(ago), fits, grip.to_string()];
    if elsewhere > 0 {
        let others = if elsewhere == 1 { "another workload" } else { "other workloads" };
        reasons.push(format!("{others} to which it means nothing broke at the same time"));
    }
    let mut what: Vec<String> = change.what.iter().take(TOLD).cloned().collect();
    what.extend((change.what.len() > TOLD).then(|| format!("{} more", change.what.len() - TOLD)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let score = (score * 100.0).round() as u8;
    Some(Suspect {
        what,
        change: change.object.to_string(),
        by: change.by.as_ref().map(ToString::to_string),
        note: None,
        at: change.at,
        confidence,
        score,
        reasons,
        undo: Some(undo(change)),
        commit: None,
        image: None,
        source: None,
        explains: Some(class),
        deployment: None,
        setting: Some(change.object.clone()),
    })
}

/// How well a change explains a trouble. A container that cannot be created and a volume that cannot be mounted say what is missing: if
/// it is not this, it is something else. A rollout that is stuck is explained by what was rolled out.
fn fits(class: ConditionClass, touches: Touches, is_named: bool) -> Fit {
    use ConditionClass::{CannotCreateContainer, ReplicasMissing, RolloutStuck, Volume};
    if matches!(class, CannotCreateContainer | Volume) && touches == Touches::Configuration {
        return if is_named { Fit::Makes } else { Fit::Hardly };
    }
    let fit = fit(class, touches);
    if matches!(class, RolloutStuck | ReplicasMissing) { fit.min(Fit::May) } else { fit }
}

impl SettingChange {
    /// Whether a text that says what is missing names it: `couldn't find key DATABASE_HOST in ConfigMap shop/api-config`,
    /// `configmap "api-config" not found`.
    pub fn is_named_in(&self, text: &str) -> bool {
        if &*self.object.kind != "ConfigMap" {
            return false;
        }
        let has = |word: &str| words(text).any(|it| it == word || it.rsplit('/').next() == Some(word));
        let names_key = || self.names.iter().any(|key| has(key));
        has(&self.object.name) && (self.became == Became::Gone || names_key())
    }
}

/// What stands between blanks and quotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_apart = |c: char| c.is_whitespace() || "\"'`,;:()[]{}=".contains(c);
    text.split(is_apart).map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty())
}
