//! One change that hit several workloads is told in full once: which incident does, and which others it explains.

use std::{collections::BTreeSet, sync::Arc};

use super::{Changed, Confidence, Incident, IncidentId, Suspect};
use crate::cluster::ObjectRef;

/// So many other incidents are kept with the one that tells of the change.
const MOST: usize = 20;

/// An incident that the same change explains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Other {
    /// Its name.
    pub id: IncidentId,
    /// What is wrong there.
    pub owner: ObjectRef,
}

/// How incidents that the same change explains stand to each other.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// This one tells of it; it explains these as well.
    ToldHere(Vec<Other>),
    /// That one does.
    ToldBy(Other),
}

impl Suspect {
    /// By what it is known as the same change in another incident; None if it is of one workload alone.
    fn key(&self) -> Option<String> {
        if let Some(setting) = &self.setting {
            return Some(format!("{setting} {}", self.at));
        }
        if let Some(commit) = self.commit.as_ref().filter(|it| it.is_sure) {
            return Some(commit.commit.text.clone());
        }
        let source = self.source.as_ref()?;
        let of = if source.is_commit() { "" } else { &source.keeper };
        Some(format!("{of}{}", source.short()))
    }
}

impl Changed {
    /// By what the change that may explain it is known elsewhere.
    pub fn key(&self) -> Option<String> {
        self.first().filter(|it| it.confidence != Confidence::Low)?.key()
    }
}

/// Says of what was changed before an incident whether another one tells of it; `open` are all open incidents of the cluster, this one
/// too if it is.
///
/// Who was told of first tells, as that is where people look; what nobody heard of by itself cannot.
pub fn share<'a>(changed: Changed, owner: &ObjectRef, open: impl Iterator<Item = &'a Incident> + Clone) -> Changed {
    let Some(key) = changed.key() else { return Changed { shared: None, ..changed } };
    let is_same = |it: &&Incident| it.changed.as_ref().and_then(|of| of.key()).as_ref() == Some(&key);
    let heard = open.filter(|it| can_tell(it));
    let first = heard.clone().filter(|it| it.owner == *owner || is_same(it)).min_by_key(|it| (it.opened_at, &it.id));
    let other = |it: &Incident| Other { id: it.id.clone(), owner: it.owner.clone() };
    let shared = match first {
        Some(first) if first.owner != *owner => Some(Shared::ToldBy(other(first))),
        Some(_) => {
            let mut others: Vec<&Incident> = heard.filter(|it| it.owner != *owner).filter(is_same).collect();
            others.sort_by_key(|it| (it.opened_at, &it.id));
            let others: Vec<Other> = others.into_iter().take(MOST).map(other).collect();
            (!others.is_empty()).then_some(Shared::ToldHere(others))
        }
        None => None,
    };
    Changed { shared, ..changed }
}

/// Whether people hear of an incident by itself, and so may read there of what was changed.
fn can_tell(it: &Incident) -> bool {
    it.is_open() && it.worst.is_said() && it.symptom_of.is_none() && it.parent.is_none() && it.silenced.is_none()
}

/// The owners of open incidents that say something else of others than is true by now: of the changes that these keys stand for.
pub fn outdated(keys: &BTreeSet<String>, open: &[&Incident]) -> Vec<ObjectRef> {
    let open = open.iter().copied();
    let concerned = open.clone().filter(|it| {
        let changed = it.changed.as_deref();
        changed.and_then(Changed::key).is_some_and(|key| keys.contains(&key))
    });
    let is_outdated = |it: &&Incident| {
        let shared =
            |changed: &Arc<Changed>| share(Changed::clone(changed), &it.owner, open.clone()).shared != changed.shared;
        it.changed.as_ref().is_some_and(shared)
    };
    concerned.filter(is_outdated).map(|it| it.owner.clone()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        alerts::testing::{at, owner},
        incidents::{CommitOf, Link, Severity},
    };

    fn change(config: Option<&str>, commit: Option<&str>, confidence: Confidence) -> Changed {
        let commit = commit.map(|sha| {
            Box::new(CommitOf {
                repository: "acme/gitops".into(),
                commit: Link { text: sha.into(), url: None },
                title: "Tune".into(),
                author: "ana".into(),
                at: None,
                pull: None,
                run: None,
                is_sure: true,
            })
        });
        let suspect = Suspect {
            what: Vec::new(),
            change: "rollout #2".into(),
            by: None,
            note: None,
            at: at(-2),
            confidence,
            score: 80,
            reasons: Vec::new(),
            undo: None,
            commit,
            image: None,
            source: None,
            explains: None,
            deployment: None,
            setting: config.map(|name| owner("ConfigMap", "shop", name)),
        };
        Changed { suspects: vec![suspect], ..Changed::default() }
    }

    /// An incident that people heard of, opened so many minutes after two.
    fn incident(name: &str, minute: i64, changed: Changed) -> Incident {
        Incident {
            id: IncidentId(format!("INC-{name}")),
            owner: owner("Deployment", "shop", name),
            opened_at: at(minute),
            changed: Some(Arc::new(changed)),
            worst: Severity::Sev2,
            ..crate::alerts::testing::incident(Severity::Sev2)
        }
    }

    fn told(changed: &Changed) -> String {
        match &changed.shared {
            None => "alone".into(),
            Some(Shared::ToldBy(other)) => format!("by {}", other.owner.name),
            Some(Shared::ToldHere(others)) => {
                format!("here, {}", others.iter().map(|it| &*it.owner.name).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn settings() -> Changed {
        change(Some("settings"), None, Confidence::High)
    }

    #[rstest]
    #[case::the_first_tells("web", settings(), "here, cart pay")]
    #[case::the_second_does_not("cart", settings(), "by web")]
    #[case::what_just_opens_does_not("new", settings(), "by web")]
    #[case::of_another_object("cart", change(Some("other"), None, Confidence::High), "alone")]
    #[case::hardly_likely("cart", change(Some("settings"), None, Confidence::Low), "alone")]
    #[case::a_rollout_of_its_own("cart", change(None, None, Confidence::High), "alone")]
    fn one_incident_tells_of_a_change(#[case] name: &str, #[case] changed: Changed, #[case] expected: &str) {
        let open = [
            incident("pay", 3, settings()),
            incident("cart", 2, settings()),
            incident("web", 1, settings()),
            incident("else", 0, change(None, Some("abc1234"), Confidence::High)),
        ];
        assert_eq!(told(&share(changed, &owner("Deployment", "shop", name), open.iter())), expected);
    }

    #[test]
    fn a_commit_that_was_put_in_place_twice_is_one_change() {
        let commit = || change(None, Some("abc1234"), Confidence::Medium);
        let open = [incident("web", 1, commit()), incident("cart", 2, commit())];
        assert_eq!(told(&share(commit(), &open[1].owner, open.iter())), "by web");
    }

    #[test]
    fn what_nobody_hears_of_does_not_tell() {
        let silent = Incident { worst: Severity::Sev3, ..incident("web", 1, settings()) };
        let open = [silent, incident("cart", 2, settings()), incident("pay", 3, settings())];
        assert_eq!(told(&share(settings(), &open[1].owner, open.iter())), "here, pay");
        assert_eq!(told(&share(settings(), &open[0].owner, open.iter())), "by cart");
    }

    #[test]
    fn who_says_something_else_than_is_true_is_known() {
        let open = [incident("web", 1, settings()), incident("cart", 2, settings())];
        let keys = settings().key().into_iter().collect();
        assert_eq!(outdated(&keys, &open.iter().collect::<Vec<_>>()), [open[0].owner.clone(), open[1].owner.clone()]);
        let says = |it: &Incident| share(settings(), &it.owner, open.iter());
        let true_now = [incident("web", 1, says(&open[0])), incident("cart", 2, says(&open[1]))];
        assert!(outdated(&keys, &true_now.iter().collect::<Vec<_>>()).is_empty());
        // When the first is over, the other tells.
        assert_eq!(outdated(&keys, &[&true_now[1]]), [open[1].owner.clone()]);
    }
}
