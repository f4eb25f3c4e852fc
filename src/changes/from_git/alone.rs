//! Commits that no rollout tells of and a symptom come in; the one that may have changed settings beside the template comes out.

use jiff::SignedDuration;

use super::{Brought, told};
use crate::{
    changes::{
        Touches,
        correlation::SKEW,
        fit::{Fit, fit},
        symptom::Symptom,
    },
    incidents::{CHANGES_WITHIN, Confidence, Suspect, in_words},
};

/// What can be changed in Git without a rollout.
const BESIDE: [Touches; 5] =
    [Touches::Configuration, Touches::Storage, Touches::Policy, Touches::Routes, Touches::Scaling];
/// Who committed the like so often within the day before does so all the time.
const ROUTINE: usize = 3;

/// The likeliest of some commits as a suspect, the newest of those that are as likely; `all` are those that are known.
pub(super) fn likeliest<'a>(
    some: impl Iterator<Item = &'a Brought>,
    all: &[Brought],
    symptom: &Symptom,
) -> Option<Suspect> {
    some.filter_map(|commit| suspect(commit, all, symptom))
        .reduce(|best, it| if it.score > best.score { it } else { best })
}

/// Never more than MEDIUM, as nothing shows that it runs.
fn suspect(brought: &Brought, all: &[Brought], symptom: &Symptom) -> Option<Suspect> {
    let at = brought.at()?;
    let ago = symptom.began.duration_since(at);
    if ago < -SKEW || ago > CHANGES_WITHIN {
        return None;
    }
    let minutes = ago.max(SignedDuration::ZERO).as_secs_f64() / 60.0;
    let is_routine = all.iter().filter(|it| is_like(it, brought)).count() >= ROUTINE;
    let fits = BESIDE.into_iter().any(|it| symptom.classes.iter().any(|class| fit(*class, it) > Fit::Hardly));
    let score: u8 = match minutes {
        _ if is_routine || !fits => 5,
        m if m <= 15.0 && symptom.elsewhere == 0 => 30,
        m if m <= 60.0 => 15,
        _ => 5,
    };
    let mut reasons = vec![
        format!("committed {} before it began", in_words(ago.max(SignedDuration::ZERO))),
        format!("it touches the files of this workload in {}", brought.repo),
        "no rollout came with it, so whether it runs is not known".to_owned(),
    ];
    if is_routine {
        reasons.push(format!("{} commits the like again and again", brought.commit.author));
    }
    if !fits {
        reasons.push("what is changed without a rollout hardly makes such trouble".to_owned());
    }
    Some(Suspect {
        what: vec![format!("“{}”", brought.commit.title)],
        change: format!("commit {}", brought.commit.sha.short()),
        by: Some(brought.commit.author.clone()),
        note: None,
        at,
        confidence: if score >= 30 { Confidence::Medium } else { Confidence::Low },
        score,
        reasons,
        undo: None,
        commit: Some(Box::new(told(brought, false))),
        image: None,
        source: None,
        explains: None,
        deployment: None,
        setting: None,
    })
}

/// Whether another commit before it has the same author and says the same but for numbers.
fn is_like(other: &Brought, of: &Brought) -> bool {
    let words = |it: &Brought| {
        let words = it.commit.title.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    other.commit.committed_at < of.commit.committed_at
        && other.commit.author == of.commit.author
        && words(other) == words(of)
}
