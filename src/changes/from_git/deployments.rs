//! A rollout and what GitHub was told to be deployed come in; the deployment that the rollout is of comes out.

use jiff::SignedDuration;

use crate::{
    changes::{
        correlation::SKEW,
        deployed::{Deployment, DeploymentState},
        rollout::Rollout,
    },
    incidents::DeploymentOf,
};

/// From being asked for to the rollout it may take so long: somebody may have to agree to it.
const TAKES: SignedDuration = SignedDuration::from_hours(1);

/// The deployment that a rollout is of, and whether it names what runs; `runs` are names of that: its commit, its version.
pub fn deployment_of<'a>(
    rollout: &Rollout,
    deployments: &'a [Deployment],
    runs: &[&str],
) -> Option<(&'a Deployment, bool)> {
    let in_time = |it: &&Deployment| {
        let ago = rollout.at.duration_since(it.created_at);
        ago >= -SKEW && ago <= TAKES && it.environment != "github-pages"
    };
    let names = |it: &Deployment| {
        let reference = it.reference.strip_prefix('v').unwrap_or(&it.reference);
        runs.iter().any(|name| {
            let name = name.strip_prefix('v').unwrap_or(name);
            reference == name || (name.len() >= 7 && it.sha.as_str().starts_with(name))
        })
    };
    let is_version = |it: &Deployment| {
        it.reference.strip_prefix('v').unwrap_or(&it.reference).starts_with(|c: char| c.is_ascii_digit())
    };
    let mut all: Vec<&Deployment> = deployments.iter().filter(in_time).collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.created_at));
    if let Some(named) = all.iter().find(|it| names(it)) {
        return Some((named, true));
    }
    // One of another version is of something else.
    all.into_iter().find(|it| runs.is_empty() || !is_version(it)).map(|it| (it, false))
}

/// As people are told of it.
pub(super) fn told(it: &Deployment, is_sure: bool) -> DeploymentOf {
    let state = it.status.as_ref().map(|status| match status.state {
        DeploymentState::Success | DeploymentState::Inactive => "succeeded",
        DeploymentState::Failure | DeploymentState::Error => "failed",
        DeploymentState::InProgress | DeploymentState::Queued | DeploymentState::Pending => "has not ended",
        DeploymentState::Other => "is in a state that is not known here",
    });
    DeploymentOf {
        environment: it.environment.clone(),
        by: it.creator.clone(),
        commit: it.sha.short().to_owned(),
        at: it.created_at,
        state: state.map(str::to_owned),
        log: it.status.as_ref().and_then(|status| status.log_url.clone()),
        is_sure,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::*;
    use crate::{
        alerts::testing::{at, owner},
        changes::{Before, deployed::CommitSha},
    };

    fn deployment(id: u64, minute: i64, reference: &str, environment: &str) -> Deployment {
        Deployment {
            id,
            sha: CommitSha::parse(&"9f3c2ab0".repeat(5)).unwrap(),
            reference: reference.into(),
            environment: environment.into(),
            description: None,
            creator: Some("ana".into()),
            created_at: at(minute),
            status: None,
        }
    }

    fn rollout(at: Timestamp) -> Rollout {
        Rollout {
            owner: owner("Deployment", "shop", "api"),
            number: 2,
            revision: "api-2".into(),
            at,
            before: Before::Nothing,
            by: None,
            kept_by: None,
            is_current: true,
            source: None,
        }
    }

    #[rstest]
    #[case::the_newest_before_it(&[(1, -40, "main"), (2, -3, "main"), (3, 5, "main")], &[], Some((2, false)))]
    #[case::the_one_of_that_version(&[(1, -40, "v5.8.0"), (2, -3, "main")], &["5.8.0"], Some((1, true)))]
    #[case::of_another_version(&[(1, -3, "v5.9.0")], &["5.8.0"], None)]
    #[case::by_its_commit(&[(1, -3, "main")], &["9f3c2ab"], Some((1, true)))]
    #[case::of_a_branch(&[(1, -3, "main")], &["5.8.0"], Some((1, false)))]
    #[case::too_long_ago(&[(1, -90, "v5.8.0")], &["5.8.0"], None)]
    #[case::clocks_differ(&[(1, 1, "main")], &[], Some((1, false)))]
    #[case::none(&[], &["5.8.0"], None)]
    fn a_rollout_is_of(#[case] all: &[(u64, i64, &str)], #[case] runs: &[&str], #[case] expected: Option<(u64, bool)>) {
        let all: Vec<Deployment> =
            all.iter().map(|(id, minute, reference)| deployment(*id, *minute, reference, "production")).collect();
        let found = deployment_of(&rollout(at(0)), &all, runs).map(|(it, is_sure)| (it.id, is_sure));
        assert_eq!(found, expected);
    }

    #[test]
    fn pages_are_not_the_cluster() {
        let pages = [deployment(1, -1, "main", "github-pages")];
        assert_eq!(deployment_of(&rollout(at(0)), &pages, &[]), None);
    }
}
