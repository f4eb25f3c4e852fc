//! What cannot be seen is itself something wrong: the verdict on the cluster's own visibility.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

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
    ObjectRef { kind: Cow::Borrowed(CLUSTER), namespace: String::new().into(), name: cluster.into() }
}

/// Why nothing at all can be read, as far as one can tell from what was said for each kind.
struct Nothing {
    /// The finding's reason.
    reason: &'static str,
    message: &'static str,
    recommendation: &'static str,
}

/// The reasons of a finding about a cluster of which nothing is seen.
pub(crate) const REFUSED: &str = "CredentialsRefused";
pub(crate) const FORBIDDEN: &str = "NothingAllowed";
pub(crate) const UNREADABLE: &str = "ApiUnreadable";

/// One server that does not answer explains more than what the others said before it went away.
fn why_nothing(said: &[&str]) -> Nothing {
    let is_away = |why: &&str| {
        why.contains(" cannot be reached (")
            || why.contains(" did not answer within ")
            || why.starts_with("nothing heard of ")
    };
    if said.iter().any(is_away) {
        Nothing {
            reason: "ApiUnreachable",
            message: "The Kubernetes API cannot be read: nothing is known of this cluster until it answers again",
            recommendation: "See whether the API server runs and whether I can reach it; until then no incident is resolved",
        }
    } else if said.iter().any(|why| why.contains(" does not accept our credentials ")) {
        Nothing {
            reason: REFUSED,
            message: "The Kubernetes API does not accept my credentials: nothing is known of this cluster until it does",
            recommendation: "Give me a token or certificate that is valid; until then no incident is resolved",
        }
    } else if said.iter().all(|why| why.starts_with("not allowed to ")) {
        Nothing {
            reason: FORBIDDEN,
            message: "I may not read anything of this cluster: nothing is known of it until I may",
            recommendation: "Give my account the ClusterRole of manifests/k3s; until then no incident is resolved",
        }
    } else {
        Nothing {
            reason: UNREADABLE,
            message: "The Kubernetes API gives no answer that I can use: nothing is known of this cluster until it does",
            recommendation: "See below what it answers, and whether it is the API server at all; until then no incident is resolved",
        }
    }
}

/// Judges what can be seen of a cluster: a required kind that cannot be read for longer than the grace is wrong.
pub fn judge_sight(owner: &ObjectRef, sight: &Sight, now: Timestamp) -> Judgement {
    let lost: Vec<(Kind, Option<&str>, Timestamp, &str)> = sight.lost().collect();
    let Some(since) = lost.iter().map(|(_, _, since, _)| *since).min() else {
        return Judgement { check: NAME, owner: owner.clone(), verdict: Verdict::Healthy };
    };
    let everything = sight.sees_nothing();
    let said: Vec<&str> = lost.iter().map(|(.., why)| *why).collect();
    let nothing = everything.then(|| why_nothing(&said));
    let mut evidence: Vec<Evidence> = Vec::new();
    for (kind, namespace, since, why) in lost.iter().take(3) {
        if evidence.iter().all(|e| e.text != *why) {
            let place = namespace.map(|ns| format!(" in {ns}")).unwrap_or_default();
            evidence.push(Evidence {
                source: format!("reading {}{place}", kind.plural()),
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
        reason: nothing.as_ref().map_or("KindUnreadable", |it| it.reason).to_owned(),
        message: nothing.as_ref().map_or_else(
            || format!("I cannot read {}: what depends on them is unknown, not healthy", named(&lost)),
            |it| it.message.to_owned(),
        ),
        since,
        severity: if everything { Level::Critical } else { Level::High },
        impact: Impact::default(),
        evidence,
        recommendation: nothing
            .map_or("See below why; if a right is missing, manifests/k3s has the ClusterRole with all I need", |it| {
                it.recommendation
            })
            .to_owned(),
        cause: None,
        log: None,
        grace: GRACE,
    };
    let due = since.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
    let verdict = if due <= now { Verdict::Wrong(Arc::new(finding)) } else { Verdict::Pending(Arc::new(finding), due) };
    Judgement { check: NAME, owner: owner.clone(), verdict }
}

/// How many namespaces are named.
const NAMED: usize = 3;

/// What is lost: `pods and jobs`, or per namespace `pods and jobs in shop, services in data`.
fn named(lost: &[(Kind, Option<&str>, Timestamp, &str)]) -> String {
    let mut places: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for (kind, namespace, ..) in lost {
        places.entry(*namespace).or_default().push(kind.plural());
    }
    let more = places.len().saturating_sub(NAMED);
    let mut said: Vec<String> = places
        .into_iter()
        .take(NAMED)
        .map(|(namespace, kinds)| match namespace {
            None => and(&kinds),
            Some(namespace) if kinds.len() > NAMED => format!("{} kinds in {namespace}", kinds.len()),
            Some(namespace) => format!("{} in {namespace}", and(&kinds)),
        })
        .collect();
    if more > 0 {
        said.push(format!("and in {more} more namespaces"));
    }
    said.join(", ")
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
    use rstest::rstest;

    use super::*;
    use crate::{clients::kubernetes::ReadError, cluster::Visibility};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn judged(blind: &[Kind], now: i64) -> Verdict {
        let why = ReadError::Unreachable { server: "https://cluster:6443".into(), why: "Connection refused".into() };
        judged_with(blind, now, &why)
    }

    fn judged_with(blind: &[Kind], now: i64, why: &ReadError) -> Verdict {
        let mut sight = Sight::default();
        for kind in Kind::ALL {
            let visibility = if blind.contains(&kind) {
                Visibility::Blind { since: at(1000), why: why.to_string() }
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

    #[rstest]
    #[case(ReadError::TimedOut { server: "s".into(), after: std::time::Duration::from_secs(30) }, "ApiUnreachable")]
    #[case(ReadError::Silent { resource: "pods", after: std::time::Duration::from_mins(4) }, "ApiUnreachable")]
    #[case(ReadError::Unauthorized { server: "s".into() }, REFUSED)]
    #[case(ReadError::Forbidden { verb: "list", resource: "pods".into(), namespace: None }, FORBIDDEN)]
    #[case(ReadError::Tls { server: "s".into(), why: "expired".into() }, UNREADABLE)]
    #[case(ReadError::Garbage { server: "s".into(), what: "HTML".into() }, UNREADABLE)]
    #[case(ReadError::Failed { status: 500, said: "etcd is gone".into() }, UNREADABLE)]
    fn a_cluster_of_which_nothing_is_seen_says_why(#[case] why: ReadError, #[case] expected: &str) {
        let Verdict::Wrong(finding) = judged_with(&Kind::ALL, 2000, &why) else { panic!("nothing is seen") };
        assert_eq!((finding.reason.as_str(), finding.class), (expected, ConditionClass::Blind));
    }

    #[test]
    fn a_required_kind_that_is_forbidden_is_named() {
        let Verdict::Wrong(finding) = judged(&[Kind::Pod, Kind::Job], 2000) else { panic!("they are away") };
        insta::assert_snapshot!(finding.message, @"I cannot read pods and jobs: what depends on them is unknown, not healthy");
        assert_eq!(finding.severity, Level::High);
    }
}
