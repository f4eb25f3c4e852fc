//! GitHub's limits are read from its answers and kept: nothing is asked before its time, and what is left is spared.

use rstest::rstest;

use super::*;

const FIFTEEN: &str = "1795532400"; // 2026-11-24T15:00:00Z

fn budget(answer: Canned, remaining: &str) -> Canned {
    answer.with("x-ratelimit-limit", "5000").with("x-ratelimit-remaining", remaining).with("x-ratelimit-reset", FIFTEEN)
}

#[rstest]
#[case::used_up(budget(no(403, "API rate limit exceeded for user ID 7."), "0"), "15:00:00", Limit::Primary)]
#[case::used_up_as_429(budget(no(429, "API rate limit exceeded"), "0"), "15:00:00", Limit::Primary)]
#[case::used_up_in_other_words(budget(no(403, "Must have push access to repository"), "0"), "15:00:00", Limit::Primary)]
#[case::used_up_without_a_time(no(403, "API Rate Limit Exceeded for 192.0.2.1").with("x-ratelimit-remaining", "0"), "14:31:00", Limit::Primary)]
#[case::reset_is_past(no(403, "x").with("x-ratelimit-remaining", "0").with("x-ratelimit-reset", "1795500000"), "14:31:00", Limit::Primary)]
#[case::reset_is_far_away(no(403, "x").with("x-ratelimit-remaining", "0").with("x-ratelimit-reset", "1895500000"), "15:30:00", Limit::Primary)]
#[case::in_seconds(budget(no(403, "You have exceeded a secondary rate limit."), "4000").with("retry-after", "30"), "14:30:30", Limit::Secondary)]
#[case::in_seconds_as_429(no(429, "slow down").with("retry-after", "8"), "14:30:08", Limit::Secondary)]
#[case::by_a_date(no(429, "slow down").with("retry-after", "Tue, 24 Nov 2026 14:32:00 GMT"), "14:32:00", Limit::Secondary)]
#[case::by_nonsense(no(429, "slow down").with("retry-after", "soon"), "14:31:00", Limit::Secondary)]
#[case::without_a_time(no(429, "slow down"), "14:31:00", Limit::Secondary)]
#[case::by_its_words(
    budget(no(403, "You have exceeded a secondary rate limit. Please wait"), "21"),
    "14:31:00",
    Limit::Secondary
)]
#[case::abuse(no(403, "You have triggered an abuse detection mechanism."), "14:31:00", Limit::Secondary)]
#[case::a_page(text_with(429, "text/html", "<html>slow down"), "14:31:00", Limit::Secondary)]
#[tokio::test]
async fn nothing_is_asked_before_the_time_github_names(
    #[case] answer: Canned,
    #[case] until: &str,
    #[case] limit: Limit,
) {
    let (github, server, clock) = github().await;
    let until = at(&format!("2026-11-24T{until}Z"));
    server.on(REPO, answer);
    server.on(REPO, main_branch());
    let limited = Err(GitHubError::Limited { until, limit });
    assert_eq!(ask(&github, Importance::Sev1).await, limited);
    assert_eq!(ask(&github, Importance::Sev1).await, limited);
    assert_eq!(server.lines().len(), 1, "the second was not sent");

    clock.advance(until.duration_since(clock.now()).unsigned_abs());
    assert_eq!(ask(&github, Importance::Sev1).await, Ok("main".into()));
    assert_eq!(github.requests(), Requests { sent: 2, unchanged: 0 });
}

#[test]
fn limits_are_told_with_their_end() {
    let until = at("2026-11-24T15:00:00Z");
    let all = [
        GitHubError::Limited { until, limit: Limit::Primary },
        GitHubError::Limited { until, limit: Limit::Secondary },
        GitHubError::Spared { until },
    ];
    assert!(all.iter().all(|error| error.is_worth_trying_again() && error.until() == Some(until)));
    insta::assert_snapshot!(all.map(|error| error.to_string()).join("\n"), @r"
    GitHub's requests for this hour are used up: again at 15:00 UTC
    GitHub wants fewer requests at once: again at 15:00 UTC
    less than a tenth of GitHub's requests is left: they are kept for SEV-1 until 15:00 UTC
    ");
}

#[tokio::test]
async fn below_a_tenth_only_sev1_is_asked_for() {
    let (github, server, clock) = github().await;
    let until = at("2026-11-24T15:00:00Z");
    assert_eq!(github.budget(), None);
    for remaining in ["500", "499", "498"] {
        server.on(REPO, budget(main_branch(), remaining));
    }
    server.on(REPO, main_branch());
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()), "a tenth is left");
    assert_eq!(ask(&github, Importance::Normal).await, Err(GitHubError::Spared { until }));
    assert_eq!(ask(&github, Importance::Sev1).await, Ok("main".into()));
    assert_eq!(github.budget(), Some(Budget { limit: 5000, remaining: 498, reset: until }));
    assert_eq!(server.lines().len(), 3);

    clock.advance(Duration::from_mins(30));
    assert_eq!(github.budget(), None, "all are there again");
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
}

#[tokio::test]
async fn when_nothing_is_left_nothing_is_asked_although_the_last_answer_was_good() {
    let (github, server, _) = github().await;
    server.on(REPO, budget(main_branch(), "0"));
    assert_eq!(ask(&github, Importance::Sev1).await, Ok("main".into()));
    let until = at("2026-11-24T15:00:00Z");
    assert_eq!(ask(&github, Importance::Sev1).await, Err(GitHubError::Limited { until, limit: Limit::Primary }));
}

#[tokio::test]
async fn a_refusal_for_another_reason_closes_nothing() {
    let (github, server, _) = github().await;
    server.on(REPO, budget(no(403, "Resource not accessible by integration"), "4000"));
    server.on(REPO, main_branch());
    assert!(matches!(ask(&github, Importance::Normal).await, Err(GitHubError::NotAllowed { .. })));
    assert_eq!(ask(&github, Importance::Normal).await, Ok("main".into()));
}
