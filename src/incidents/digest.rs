//! Many problems in one message: which incidents a digest tells of, how they stand, and when it is over.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Incident, IncidentId, Severity};
use crate::{
    cluster::ObjectRef,
    findings::{ConditionClass, Finding, Impact, Judgement, Level, Verdict},
};

/// The kind of the owner of what was there before the bot.
pub const FIRST_LOOK: &str = "FirstLook";
/// The kind of the owner of many problems that begin at once.
pub const STORM: &str = "Storm";
/// How close together the problems of a storm begin; from how many on it is one is configured.
pub const STORM_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// The judgement of a digest, beside the checks.
const CHECK: &str = "many-problems";
/// How many incidents a digest remembers.
const MOST: usize = 200;

/// A digest that new incidents are told in.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    /// Its owner.
    pub owner: &'a ObjectRef,
    /// Its open incident.
    pub incident: &'a IncidentId,
}

/// An incident that a digest tells of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Member {
    pub id: IncidentId,
    pub owner: ObjectRef,
    pub severity: Severity,
    pub headline: String,
    pub since: Timestamp,
    pub state: MemberState,
}

/// Where such an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// It is wrong.
    Open,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is well, and not yet for long enough.
    Recovering,
    /// It is over.
    Resolved,
}

/// The owner of a digest of a cluster.
pub fn owner(kind: &'static str, cluster: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: String::new().into(), name: cluster.into() }
}

/// Whether an owner is a digest.
pub fn is_digest(owner: &ObjectRef) -> bool {
    matches!(&*owner.kind, FIRST_LOOK | STORM)
}

impl Incident {
    /// Whether people were told of it, by its own message or in a digest.
    pub fn is_told(&self) -> bool {
        self.worst.is_said() || self.is_in_digest()
    }

    /// Whether a digest tells of it, and not a message of its own.
    pub fn is_in_digest(&self) -> bool {
        self.symptom_of.as_ref().is_some_and(is_digest)
    }
}

/// Whom a digest tells of now: those of before with what became of them, and those that joined it. The worst come first.
pub fn members<'a>(
    before: &[Member],
    open: &(impl Iterator<Item = &'a Incident> + Clone),
    digest: &ObjectRef,
    headline: impl Fn(&Incident) -> String,
) -> Vec<Member> {
    let as_it_is = |incident: &Incident| Member {
        id: incident.id.clone(),
        owner: incident.owner.clone(),
        severity: incident.severity,
        headline: headline(incident),
        since: incident.since,
        state: match (incident.healthy_since, &incident.acknowledged) {
            (Some(_), _) => MemberState::Recovering,
            (None, Some(_)) => MemberState::Acknowledged,
            (None, None) => MemberState::Open,
        },
    };
    let known = before.iter().map(|member| {
        let now = open.clone().find(|incident| incident.id == member.id);
        match now.filter(|_| member.state != MemberState::Resolved) {
            // What is recovering is told as what it was.
            Some(incident) if incident.healthy_since.is_some() => {
                Member { state: MemberState::Recovering, ..member.clone() }
            }
            Some(incident) => as_it_is(incident),
            None => Member { state: MemberState::Resolved, ..member.clone() },
        }
    });
    let joined = open.clone().filter(|incident| {
        incident.symptom_of.as_ref() == Some(digest) && !before.iter().any(|member| member.id == incident.id)
    });
    let mut members: Vec<Member> = known.chain(joined.map(as_it_is)).collect();
    members.sort_by_key(|m| (m.state == MemberState::Resolved, m.severity, m.since, m.id.clone()));
    members.truncate(MOST);
    members
}

/// What is said of a digest: wrong while one of its incidents is open.
pub fn judgement(owner: &ObjectRef, members: &[Member]) -> Judgement {
    let left = members.iter().filter(|m| m.state != MemberState::Resolved);
    let verdict = match left.clone().map(|m| m.since).min() {
        None if !members.is_empty() => Verdict::Healthy,
        since => Verdict::Wrong(Arc::new(Finding {
            check: CHECK.into(),
            owner: owner.clone(),
            objects: Vec::new(),
            class: ConditionClass::Many,
            reason: "ManyProblems".to_owned(),
            message: "many problems in one message".to_owned(),
            since: since.unwrap_or(Timestamp::MAX),
            severity: Level::High,
            impact: Impact::default(),
            evidence: Vec::new(),
            recommendation: String::new(),
            cause: None,
            log: None,
            grace: SignedDuration::ZERO,
        })),
    };
    Judgement { check: CHECK, owner: owner.clone(), verdict }
}

/// How bad a digest is: as its worst, but a SEV-1 has a message of its own.
pub(super) fn severity(members: &[Member]) -> (Severity, String) {
    let left = members.iter().filter(|m| m.state != MemberState::Resolved);
    let severity = left.map(|m| m.severity.max(Severity::Sev2)).min().unwrap_or(Severity::Sev4);
    (severity, "many problems at once".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{at, incident};

    fn numbered(number: u32, severity: Severity) -> Incident {
        let digest = owner(STORM, "production");
        let id = IncidentId(format!("INC-{number}"));
        Incident { id, symptom_of: Some(digest), ..incident(severity) }
    }

    fn told(before: &[Member], open: &[Incident]) -> Vec<Member> {
        members(before, &open.iter(), &owner(STORM, "production"), |incident| format!("{} is down", incident.id))
    }

    fn shown(members: &[Member]) -> Vec<String> {
        members.iter().map(|m| format!("{} {} {:?}", m.id, m.severity, m.state)).collect()
    }

    #[test]
    fn a_digest_tells_of_who_joined_it_until_all_are_over() {
        let storm = owner(STORM, "production");
        let (one, two) = (numbered(1, Severity::Sev2), numbered(2, Severity::Sev1));
        let alone = Incident { symptom_of: None, ..numbered(3, Severity::Sev2) };
        let both = told(&[], &[one.clone(), two.clone(), alone.clone()]);
        assert_eq!(shown(&both), ["INC-2 SEV-1 Open", "INC-1 SEV-2 Open"]);
        assert_eq!(severity(&both).0, Severity::Sev2, "a SEV-1 has its own message");
        assert!(matches!(judgement(&storm, &both).verdict, Verdict::Wrong(_)));

        // The worse one was told by itself and is still listed; the other recovers.
        let two = Incident { symptom_of: None, ..two };
        let one = Incident { healthy_since: Some(at(5)), ..one };
        let then = told(&both, &[one, two]);
        assert_eq!(shown(&then), ["INC-2 SEV-1 Open", "INC-1 SEV-2 Recovering"]);
        let over = told(&then, &[]);
        assert_eq!(shown(&over), ["INC-2 SEV-1 Resolved", "INC-1 SEV-2 Resolved"]);
        assert_eq!(judgement(&storm, &over).verdict, Verdict::Healthy);
        // What comes back is told by itself.
        assert_eq!(shown(&told(&over, &[alone])), shown(&over));
    }
}
