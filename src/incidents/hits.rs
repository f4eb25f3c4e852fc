//! Whom a shared cause hits: the owners it explains in, the severity they lift it to and what people hear of them out.

use jiff::{SignedDuration, Timestamp};

use super::{
    causes::Ailing,
    severity::{self, Facts, Outage, Priority, Role, Severity, UNSERVED_AFTER},
};
use crate::{
    cluster::ObjectRef,
    findings::{ConditionClass, Impact, Level},
};

/// How many of those hit are kept by name.
const MOST_NAMED: usize = 100;
/// A P0 service that is degraded for so long counts as hit beside others.
const DEGRADED_TOO_LONG: SignedDuration = SignedDuration::from_mins(2);

/// An owner that a shared cause hits.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Hit {
    pub owner: ObjectRef,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub classes: Vec<ConditionClass>,
    pub impact: Impact,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    pub severity: Severity,
}

/// All that a shared cause hits; the worst are kept by name.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Hits {
    /// How many.
    pub all: usize,
    /// How many of them serve nobody.
    pub unserved: usize,
    /// The worst, by severity and priority.
    pub named: Vec<Hit>,
}

impl Hit {
    /// An owner that is hit since then.
    pub(super) fn new(owner: ObjectRef, classes: Vec<ConditionClass>, it: &Ailing, since: Timestamp) -> Self {
        let Ailing { impact, priority, role, .. } = it;
        Self {
            owner,
            priority: *priority,
            role: *role,
            classes: if classes.is_empty() { vec![ConditionClass::ReplicasMissing] } else { classes },
            impact: impact.clone(),
            since,
            outage: None,
            severity: Severity::Sev4,
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            classes: &self.classes,
            // A symptom is as loud as who is hit makes it.
            loudest: Level::High,
            impact: &self.impact,
            outage: self.outage,
            priority: self.priority,
            role: self.role,
        }
    }

    fn is_much(&self, now: Timestamp) -> bool {
        let unserved = self.outage.is_some_and(|o| o.ended.is_none() && later(o.since, UNSERVED_AFTER) <= now);
        self.priority == Some(Priority::P0) && (unserved || later(self.since, DEGRADED_TOO_LONG) <= now)
    }

    fn looks_like(&self, other: &Self) -> bool {
        self.owner == other.owner && self.severity == other.severity && self.impact == other.impact
    }
}

impl Hits {
    /// Whether nobody is hit.
    pub fn is_empty(&self) -> bool {
        self.all == 0
    }

    /// Those that are hit now; since when they serve nobody is known from before.
    pub(super) fn after(before: &Self, hit: &[Hit], now: Timestamp) -> Self {
        let mut named: Vec<Hit> = hit.to_vec();
        for hit in &mut named {
            let known = before.named.iter().find(|known| known.owner == hit.owner);
            hit.outage = Outage::after(known.and_then(|k| k.outage), hit.impact.is_unserved(), hit.since, now);
            hit.severity = severity::assess(&hit.facts(), now).0;
        }
        named.sort_by(|a, b| {
            let rank = |hit: &Hit| (hit.severity, hit.priority.is_none(), hit.priority);
            (rank(a), &a.owner).cmp(&(rank(b), &b.owner))
        });
        let unserved = named.iter().filter(|hit| hit.impact.is_unserved()).count();
        named.truncate(MOST_NAMED);
        Self { all: hit.len(), unserved, named }
    }

    /// How bad a cause is with what it hits, and why.
    pub(super) fn lift(&self, own: (Severity, String), now: Timestamp) -> (Severity, String) {
        let critical = self.named.iter().filter(|hit| hit.is_much(now)).count();
        let worst = self.named.first().map(|hit| {
            let (severity, why) = severity::assess(&hit.facts(), now);
            (severity, format!("it hits {} ({why})", hit.owner))
        });
        let many = (critical >= 2).then(|| (Severity::Sev1, format!("it hits {critical} P0 services at once")));
        [many, worst]
            .into_iter()
            .flatten()
            .filter(|(severity, _)| *severity < own.0)
            .min_by_key(|(s, _)| *s)
            .unwrap_or(own)
    }

    /// The instants at which that may change by time alone.
    pub(super) fn thresholds(&self) -> impl Iterator<Item = Timestamp> {
        self.named.iter().flat_map(|hit| {
            let degraded = (hit.priority == Some(Priority::P0)).then(|| later(hit.since, DEGRADED_TOO_LONG));
            severity::thresholds(&hit.facts()).chain(degraded)
        })
    }

    /// Whether people would see the same.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let same = |(a, b): (&Hit, &Hit)| a.looks_like(b);
        (self.all, self.unserved) == (other.all, other.unserved)
            && self.named.len() == other.named.len()
            && self.named.iter().zip(&other.named).all(same)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
    }

    fn hit(name: &str, priority: Option<Priority>, ready: i32) -> Hit {
        let impact = Impact { ready: Some(ready), desired: Some(2), ..Impact::default() };
        let it = Ailing {
            findings: Vec::new(),
            unseen: Vec::new(),
            due: None,
            silent_nodes: Vec::new(),
            impact,
            priority,
            role: None,
        };
        let owner = ObjectRef { kind: "Deployment".into(), namespace: "shop".into(), name: name.into() };
        Hit::new(owner, Vec::new(), &it, at(0))
    }

    const P0: Option<Priority> = Some(Priority::P0);
    const P1: Option<Priority> = Some(Priority::P1);
    const P3: Option<Priority> = Some(Priority::P3);
    use Severity::{Sev1, Sev2};

    #[rstest]
    #[case::nobody(&[], 600, Sev2, "a worker node is down")]
    #[case::what_is_not_worse(&[hit("a", None, 0)], 600, Sev2, "a worker node is down")]
    #[case::what_may_wait(&[hit("a", P3, 0)], 600, Sev2, "a worker node is down")]
    #[case::p0_unserved(&[hit("a", P0, 0), hit("b", P1, 0)], 60, Sev1, "it hits Deployment shop/a (P0 service: nothing ready for over 1 min)")]
    #[case::p0_not_yet_unserved(&[hit("a", P0, 0)], 59, Sev2, "a worker node is down")]
    #[case::one_p0_degraded(&[hit("a", P0, 1)], 600, Sev2, "a worker node is down")]
    #[case::two_p0_degraded_for_long(&[hit("a", P0, 1), hit("b", P0, 1)], 120, Sev1, "it hits 2 P0 services at once")]
    #[case::two_p0_degraded_just_now(&[hit("a", P0, 1), hit("b", P0, 1)], 119, Sev2, "a worker node is down")]
    fn a_cause_is_as_bad_as_what_it_hits(
        #[case] hit: &[Hit],
        #[case] second: i64,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let hits = Hits::after(&Hits::default(), hit, at(second));
        let own = (Sev2, "a worker node is down".to_owned());
        assert_eq!(hits.lift(own, at(second)), (severity, why.to_owned()));
    }

    #[test]
    fn since_when_nobody_is_served_is_remembered_and_the_worst_come_first() {
        let first = Hits::after(&Hits::default(), &[hit("b", P1, 0), hit("a", None, 1), hit("z", P0, 1)], at(10));
        assert_eq!((first.all, first.unserved), (3, 1));
        let names: Vec<_> = first.named.iter().map(|hit| hit.owner.name.as_str()).collect();
        assert_eq!(names, ["z", "b", "a"]);
        let late = Hit { since: at(50), ..hit("b", P1, 0) };
        let then = Hits::after(&first, &[late], at(60));
        assert_eq!(then.named[0].outage.map(|o| o.since), Some(at(0)));
        assert!(then.thresholds().any(|due| due == at(300)), "its max downtime");
    }
}
