//! What cannot be seen is itself something wrong: the verdict on the cluster's own visibility.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::{ConditionClass, Evidence, Finding, Impact, Judgement, Level, Verdict, redact};
use crate::cluster::{Kind, ObjectRef, Sight};

/// Name of this judgement, beside the checks.
pub(super) const NAME: &str = "cluster-blind";
/// An API server that is restarted is away for less than this.
pub(super) const GRACE: SignedDuration = SignedDuration::from_secs(90);

/// The kind of the owner: the cluster itself.
pub const CLUSTER: &str = "Cluster";

/// The owner of what cannot be seen: the cluster itself.
pub fn sight_owner(cluster: &str) -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed(CLUSTER), namespace: String::new(), name: cluster.to_owned() }
}

/// Judges what can be seen of a cluster: a required kind that cannot be read for longer than the grace is wrong.
pub fn judge_sight(owner: &ObjectRef, sight: &Sight, now: Timestamp) -> Judgement {
    let lost: Vec<(Kind, Timestamp, &str)> = sight
        .all_blind()
        .filter(|(kind, ..)| kind.is_required())
        .map(|(kind, _, since, why)| (kind, since, why))
        .collect();
    let Some(since) = lost.iter().map(|(_, since, _)| *since).min() else {
        return Judgement { check: NAME, owner: owner.clone(), verdict: Verdict::Healthy };
    };
    let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
    let everything = lost.len() == required;
    let names: Vec<&str> = lost.iter().map(|(kind, ..)| kind.plural()).collect();
    let message = if everything {
        "The Kubernetes API cannot be read: nothing is known of this cluster until it answers again".to_owned()
    } else {
        format!("I cannot read {}: what depends on them is unknown, not healthy", and(&names))
    };
    let mut evidence: Vec<Evidence> = Vec::new();
    for (kind, since, why) in lost.iter().take(3) {
        if evidence.iter().all(|e| e.text != *why) {
            evidence.push(Evidence {
                source: format!("reading {}", kind.plural()),
                text: redact(why),
                at: Some(*since),
            });
        }
    }
    let finding = Finding {
        check: Cow::Borrowed(NAME),
        owner: owner.clone(),
        objects: Vec::new(),
        class: if everything { ConditionClass::Blind } else { ConditionClass::PartlyBlind },
        reason: if everything { "ApiUnreachable" } else { "KindUnreadable" }.to_owned(),
        message,
        since,
        severity: if everything { Level::Critical } else { Level::High },
        impact: Impact::default(),
        evidence,
        recommendation: if everything {
            "See whether the API server runs and whether I can reach it; until then no incident is resolved"
        } else {
            "See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need"
        }
        .to_owned(),
    };
    let due = since.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
    let verdict = if due <= now { Verdict::Wrong(Box::new(finding)) } else { Verdict::Pending(Box::new(finding), due) };
    Judgement { check: NAME, owner: owner.clone(), verdict }
}

/// `pods`, `pods and jobs`, `pods, nodes and jobs`.
fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Visibility;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn judged(blind: &[Kind], now: i64) -> Verdict {
        let mut sight = Sight::default();
        for kind in Kind::ALL {
            let visibility = if blind.contains(&kind) {
                Visibility::Blind { since: at(1000), why: "connection refused".into() }
            } else {
                Visibility::Seen(at(1000))
            };
            sight.set(kind, None, visibility);
        }
        judge_sight(&sight_owner("production"), &sight, at(now)).verdict
    }

    #[test]
    fn a_cluster_that_is_seen_is_healthy() {
        assert_eq!(judged(&[], 5000), Verdict::Healthy);
    }

    #[test]
    fn an_optional_kind_that_is_forbidden_is_not_an_alert() {
        assert_eq!(judged(&[Kind::Event], 5000), Verdict::Healthy);
    }

    #[test]
    fn an_api_server_that_restarts_is_waited_for() {
        assert!(matches!(judged(&Kind::ALL, 1060), Verdict::Pending(_, due) if due == at(1090)));
    }

    #[test]
    fn an_api_server_that_stays_away_is_wrong_and_says_what_it_means() {
        let Verdict::Wrong(finding) = judged(&Kind::ALL, 1090) else { panic!("it is away") };
        insta::assert_snapshot!(finding.message, @"The Kubernetes API cannot be read: nothing is known of this cluster until it answers again");
        assert_eq!((finding.severity, finding.since), (Level::Critical, at(1000)));
        assert_eq!(finding.evidence.len(), 1, "the same reason is said once");
    }

    #[test]
    fn a_required_kind_that_is_forbidden_is_named() {
        let Verdict::Wrong(finding) = judged(&[Kind::Pod, Kind::Job], 2000) else { panic!("they are away") };
        insta::assert_snapshot!(finding.message, @"I cannot read pods and jobs: what depends on them is unknown, not healthy");
        assert_eq!(finding.severity, Level::High);
    }
}
