//! A revision as a tool writes it comes in; the commit in it comes out.

use super::{Applied, CommitSha};
use crate::findings::{cap, redact};

/// Longest revision that is no commit, in characters.
const LONGEST: usize = 120;

/// The commit that a revision names in full: `9f3c2ab0...`, Flux's `main@sha1:9f3c2ab0...` and, before its version 2, `main/9f3c2ab0...`.
/// None for versions of charts and for images, whose sums (`latest@sha256:...`) look alike.
pub fn commit(revision: &str) -> Option<CommitSha> {
    let revision = revision.trim();
    let of_flux = revision.rsplit('/').next().filter(|name| name.len() == 40);
    let digits = revision.rsplit_once("sha1:").map(|(_, digits)| digits).or(of_flux).unwrap_or(revision);
    CommitSha::parse(digits).ok()
}

impl Applied {
    /// Something that was in place then.
    pub(super) fn new(revision: &str, at: jiff::Timestamp) -> Self {
        let commit = commit(revision);
        Self { revision: cap(&redact(revision), LONGEST), commit, began: None, at, id: None }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SHA: &str = "9f3c2ab09f3c2ab09f3c2ab09f3c2ab09f3c2ab0";

    #[rstest]
    #[case(SHA, true)]
    #[case(&format!("main@sha1:{SHA}"), true)]
    #[case(&format!("refs/pull/7/head@sha1:{SHA}"), true)]
    #[case(&format!("sha1:{SHA}"), true)]
    #[case::before_version_2(&format!("feature/limits/{SHA}"), true)]
    #[case::an_image(&format!("latest@sha256:{SHA}{}", "0".repeat(24)), false)]
    #[case::a_sum_of_a_bucket(&format!("sha256:{SHA}{}", "0".repeat(24)), false)]
    #[case::a_chart("1.4.2", false)]
    #[case::a_chart_of_a_commit("0.1.0+9f3c2ab09f3c", false)]
    #[case::a_branch("main", false)]
    #[case("", false)]
    fn a_commit_is_named_in_full_or_not_at_all(#[case] revision: &str, #[case] is_commit: bool) {
        assert_eq!(commit(revision).map(|it| it.to_string()).as_deref(), is_commit.then_some(SHA));
    }
}
