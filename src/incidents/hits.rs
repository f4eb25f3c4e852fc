//! Whom a shared cause hits: the owners it explains in, the severity they lift it to and what people hear of them out.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    causes::Ailing,
    later,
    severity::{self, Column, Facts, Outage, Policy, Priority, Rating, Row, Severity, Stake, UNSERVED_AFTER},
};
use crate::{
    cluster::ObjectRef,
    findings::{ConditionClass, Impact, Level},
};

/// How many of those hit are kept by name.
const MOST_NAMED: usize = 100;
/// So many others are remembered of those that are hit at once, those that are for longest: more change nothing, and where hundreds are
/// hit each would otherwise change with every other.
pub const MOST_BESIDE: usize = 4;
/// How many P0 services that are hit at once are named in the reason.
const NAMED_IN_WORDS: usize = 3;
/// A P0 service that is degraded for so long counts as hit beside others.
const DEGRADED_TOO_LONG: SignedDuration = SignedDuration::from_mins(2);

/// An owner that a shared cause hits.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Hit {
    pub owner: ObjectRef,
    #[serde(default)]
    pub stake: Arc<Stake>,
    pub classes: Vec<ConditionClass>,
    pub impact: Impact,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    pub severity: Severity,
}

/// A P0 service that is hit at the same time as another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Beside {
    /// The workload.
    pub owner: ObjectRef,
    /// Its service in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// From when on it counts as hit.
    pub from: Timestamp,
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
        let Ailing { impact, stake, .. } = it;
        Self {
            owner,
            stake: Arc::clone(stake),
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
            stake: &self.stake,
            // What is known to happen happens by itself, not because something else is down.
            checks: &[],
            since: self.since,
            hits_p0: false,
        }
    }

    fn looks_like(&self, other: &Self) -> bool {
        self.owner == other.owner && self.severity == other.severity && self.impact == other.impact
    }
}

impl Beside {
    /// The service in the catalogue, else the workload.
    pub fn name(&self) -> String {
        self.service.clone().unwrap_or_else(|| format!("{}/{}", self.owner.namespace, self.owner.name))
    }

    /// A P0 service with which something is wrong since then; None for what matters less.
    pub fn of(owner: &ObjectRef, stake: &Stake, since: Timestamp, outage: Option<Outage>) -> Option<Self> {
        let degraded = later(since, DEGRADED_TOO_LONG);
        let unserved = outage.filter(|outage| outage.ended.is_none()).map(|outage| later(outage.since, UNSERVED_AFTER));
        let from = unserved.map_or(degraded, |unserved| unserved.min(degraded));
        let is_p0 = stake.priority == Some(Priority::P0);
        is_p0.then(|| Self { owner: owner.clone(), service: stake.service.clone(), from })
    }
}

/// All P0 services that are hit when something is: itself if it is one, what it hits, and what is hit beside it.
#[derive(Debug)]
pub(super) struct AtOnce {
    own: Option<Beside>,
    others: BTreeMap<String, Beside>,
    hits: usize,
}

impl AtOnce {
    /// Those of an incident.
    pub(super) fn of(own: Option<Beside>, hits: &Hits, beside: &[Beside]) -> Self {
        let mut others: BTreeMap<String, Beside> = BTreeMap::new();
        let mut named = 0;
        for (is_hit, it) in hits.critical().map(|it| (true, it)).chain(beside.iter().map(|it| (false, it.clone()))) {
            // Two workloads of one service are one service.
            if own.as_ref().is_some_and(|own| own.name() == it.name()) {
                continue;
            }
            let known = others.entry(it.name()).or_insert_with(|| {
                named += usize::from(is_hit);
                it.clone()
            });
            known.from = known.from.min(it.from);
        }
        Self { own, others, hits: named }
    }

    /// When two of them are hit, if so.
    pub(super) fn from(&self) -> Option<Timestamp> {
        let mut from: Vec<Timestamp> = self.own.iter().chain(self.others.values()).map(|it| it.from).collect();
        from.sort_unstable();
        // What is hit itself must be one of the two.
        from.get(1).copied().map(|second| self.own.as_ref().map_or(second, |own| second.max(own.from)))
    }

    /// The rating of two at once, if that is worse.
    pub(super) fn lift(&self, own: Rating, policy: &Policy, now: Timestamp) -> Rating {
        let severity = policy.cell(Row::P0AtOnce, Column::P0);
        if self.from().is_none_or(|from| now < from) || severity >= own.severity {
            return own;
        }
        let names: Vec<&str> =
            self.others.iter().filter(|(_, it)| it.from <= now).map(|(name, _)| name.as_str()).collect();
        let all = names.len() + usize::from(self.own.is_some());
        let why = if self.own.is_none() && self.hits == self.others.len() {
            format!("it hits {all} P0 services at once")
        } else {
            let shown: Vec<&str> = names.iter().take(NAMED_IN_WORDS).copied().collect();
            let more = if names.len() > shown.len() { " and others" } else { "" };
            let at_least = if names.len() >= MOST_BESIDE { " or more" } else { "" };
            let own = if self.own.is_some() { "this one, " } else { "" };
            format!("{all}{at_least} P0 services are hit at once: {own}{}{more}", shown.join(", "))
        };
        Rating { severity, row: Row::P0AtOnce, column: Column::P0, why }
    }
}

impl Hits {
    /// Whether nobody is hit.
    pub fn is_empty(&self) -> bool {
        self.all == 0
    }

    /// Those that are hit now; since when they serve nobody is known from before.
    pub(super) fn after(before: &Self, hit: &[Hit], policy: &Policy, now: Timestamp) -> Self {
        let mut named: Vec<Hit> = hit.to_vec();
        for hit in &mut named {
            let known = before.named.iter().find(|known| known.owner == hit.owner);
            hit.outage = Outage::after(known.and_then(|k| k.outage), hit.impact.is_unserved(), hit.since, now);
            hit.severity = severity::assess(&hit.facts(), policy, now).severity;
        }
        named.sort_by(|a, b| {
            let rank = |hit: &Hit| (hit.severity, hit.stake.priority.is_none(), hit.stake.priority);
            (rank(a), &a.owner).cmp(&(rank(b), &b.owner))
        });
        let unserved = named.iter().filter(|hit| hit.impact.is_unserved()).count();
        named.truncate(MOST_NAMED);
        Self { all: hit.len(), unserved, named }
    }

    /// How bad a cause is with what it hits, and why.
    pub(super) fn lift(&self, own: Rating, policy: &Policy, now: Timestamp) -> Rating {
        let worst = self.named.first().map(|hit| {
            let rating = severity::assess(&hit.facts(), policy, now);
            Rating { why: format!("it hits {} ({})", hit.owner, rating.why), ..rating }
        });
        worst.filter(|worst| worst.severity < own.severity).unwrap_or(own)
    }

    /// Whether a P0 service is among them.
    pub(super) fn has_p0(&self) -> bool {
        self.named.iter().any(|hit| hit.stake.priority == Some(Priority::P0))
    }

    /// The P0 services among them, with the instant from which they count as hit.
    fn critical(&self) -> impl Iterator<Item = Beside> {
        self.named.iter().filter_map(|hit| Beside::of(&hit.owner, &hit.stake, hit.since, hit.outage))
    }

    /// The instants at which that may change by time alone.
    pub(super) fn thresholds(&self, policy: &Policy) -> impl Iterator<Item = Timestamp> {
        self.named.iter().flat_map(|hit| severity::thresholds(&hit.facts(), policy))
    }

    /// Whether people would see the same.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let same = |(a, b): (&Hit, &Hit)| a.looks_like(b);
        (self.all, self.unserved) == (other.all, other.unserved)
            && self.named.len() == other.named.len()
            && self.named.iter().zip(&other.named).all(same)
    }
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
            stake: Arc::new(Stake::of(priority)),
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
        let policy = Policy::default();
        let hits = Hits::after(&Hits::default(), hit, &policy, at(second));
        let why_own = "a worker node is down".to_owned();
        let own = Rating { severity: Sev2, row: Row::WorkerNodeDown, column: Column::Unlisted, why: why_own };
        let lifted = AtOnce::of(None, &hits, &[]).lift(hits.lift(own, &policy, at(second)), &policy, at(second));
        assert_eq!((lifted.severity, lifted.why.as_str()), (severity, why));
    }

    fn beside(name: &str, service: Option<&str>, from: i64) -> Beside {
        Beside { service: service.map(str::to_owned), from: at(from), ..of(name, 0) }
    }

    /// A P0 service that is degraded since then.
    fn of(name: &str, since: i64) -> Beside {
        let hit = hit(name, P0, 1);
        Beside::of(&hit.owner, &hit.stake, at(since), None).unwrap()
    }

    #[rstest]
    #[case::nobody_else(&[], 600, Sev2, "degraded")]
    #[case::another(&[beside("b", None, 0)], 120, Sev1, "2 P0 services are hit at once: this one, shop/b")]
    #[case::itself_just_now(&[beside("b", None, 0)], 119, Sev2, "degraded")]
    #[case::the_other_just_now(&[beside("b", None, 300)], 299, Sev2, "degraded")]
    #[case::of_the_same_service(&[beside("b", Some("shop/a"), 0)], 600, Sev2, "degraded")]
    #[case::two_workloads_of_another(&[beside("b", Some("pay"), 0), beside("c", Some("pay"), 0)], 120, Sev1, "2 P0 services are hit at once: this one, pay")]
    #[case::many(&[beside("b", None, 0), beside("c", None, 0), beside("d", None, 0), beside("e", None, 0)], 120, Sev1,
        "5 or more P0 services are hit at once: this one, shop/b, shop/c, shop/d and others")]
    fn two_p0_services_at_once_are_worse_than_each(
        #[case] beside: &[Beside],
        #[case] second: i64,
        #[case] severity: Severity,
        #[case] why: &str,
    ) {
        let own = Rating { severity: Sev2, row: Row::Degraded, column: Column::P0, why: "degraded".to_owned() };
        let at_once = AtOnce::of(Some(of("a", 0)), &Hits::default(), beside);
        let lifted = at_once.lift(own, &Policy::default(), at(second));
        assert_eq!((lifted.severity, lifted.why.as_str()), (severity, why));
        let of_lower_priority = hit("z", P1, 0);
        assert_eq!(Beside::of(&of_lower_priority.owner, &of_lower_priority.stake, at(0), None), None);
    }

    #[test]
    fn what_serves_nobody_counts_sooner_than_what_is_degraded() {
        let it = hit("a", P0, 0);
        let outage = Some(Outage { since: at(10), ended: None });
        let from = |outage| Beside::of(&it.owner, &it.stake, at(0), outage).map(|it| it.from);
        assert_eq!((from(outage), from(None)), (Some(at(70)), Some(at(120))));
    }

    #[test]
    fn since_when_nobody_is_served_is_remembered_and_the_worst_come_first() {
        let policy = Policy::default();
        let first =
            Hits::after(&Hits::default(), &[hit("b", P1, 0), hit("a", None, 1), hit("z", P0, 1)], &policy, at(10));
        assert_eq!((first.all, first.unserved), (3, 1));
        let names: Vec<_> = first.named.iter().map(|hit| hit.owner.name.as_str()).collect();
        assert_eq!(names, ["z", "b", "a"]);
        let late = Hit { since: at(50), ..hit("b", P1, 0) };
        let then = Hits::after(&first, &[late], &policy, at(60));
        assert_eq!(then.named[0].outage.map(|o| o.since), Some(at(0)));
        assert!(then.thresholds(&policy).any(|due| due == at(300)), "its max downtime");
    }
}
