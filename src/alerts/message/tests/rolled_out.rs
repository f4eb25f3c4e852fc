//! What an incident says of what was rolled out before it, and of the way back.

use super::*;
use crate::incidents::{Changed, CommitOf, Confidence, ImageCommits, Link, Suspect};

/// The limit that was lowered seven minutes before.
fn limit(confidence: Confidence) -> Suspect {
    Suspect {
        what: vec!["memory limit 512Mi → 256Mi".to_owned()],
        change: "rollout #14".to_owned(),
        by: Some("kubectl edit".to_owned()),
        note: None,
        at: at(-7),
        confidence,
        score: 80,
        reasons: vec!["7 min before it began".to_owned()],
        undo: Some("kubectl -n shop rollout undo deployment/api --to-revision=13".to_owned()),
        commit: None,
        image: None,
        source: None,
        explains: None,
        deployment: None,
        setting: None,
    }
}

fn to(text: &str, url: &str) -> Link {
    Link { text: text.to_owned(), url: Some(url.to_owned()) }
}

/// The commit that lowered it.
fn commit() -> CommitOf {
    CommitOf {
        repository: "acme/gitops".to_owned(),
        commit: to("abc1234", "https://github.com/acme/gitops/commit/abc1234"),
        title: "Lower the limit".to_owned(),
        author: "ana".to_owned(),
        at: Some(at(-9)),
        pull: Some(to("#42", "https://github.com/acme/gitops/pull/42")),
        run: None,
        is_sure: true,
    }
}

fn brought(commit: CommitOf) -> Suspect {
    Suspect { commit: Some(commit.into()), ..limit(Confidence::High) }
}

fn image(confidence: Confidence) -> Suspect {
    Suspect {
        what: vec!["image api:5.7.0 → 5.8.0".to_owned(), "env DEPLOY_ENV removed".to_owned()],
        change: "rollout #13".to_owned(),
        by: None,
        at: at(-90),
        undo: None,
        ..limit(confidence)
    }
}

fn with(changed: Changed) -> Incident {
    Incident { changed: Some(changed.into()), ..unserved() }
}

fn suspects(suspects: Vec<Suspect>) -> Incident {
    with(Changed { suspects, ..Changed::default() })
}

/// The lines that tell of changes.
fn lines(it: &Incident) -> String {
    let is_of_changes = |line: &&str| {
        ["What changed", "Also changed", "Commit", "In the image", "Not known", "Undo"]
            .iter()
            .any(|head| line.starts_with(head))
    };
    said(it).lines().filter(is_of_changes).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_change_that_is_surely_the_cause_is_told_with_the_way_back() {
    assert_snapshot!(said(&suspects(vec![limit(Confidence::High)])), @"
    🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *HIGH*
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn how_sure_it_is_is_said_and_what_is_hardly_likely_has_no_way_back() {
    assert_snapshot!(lines(&suspects(vec![limit(Confidence::Medium)])), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *MEDIUM*
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
    assert_snapshot!(lines(&suspects(vec![limit(Confidence::Low)])), @"What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *LOW*");
}

#[test]
fn of_several_the_likeliest_is_first_and_what_is_hardly_likely_is_left_out() {
    let both = vec![limit(Confidence::High), image(Confidence::Medium), image(Confidence::Low)];
    assert_snapshot!(lines(&suspects(both)), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *HIGH*
    Also changed: image api:5.7.0 → 5.8.0, env DEPLOY_ENV removed · rollout #13, 1 h 30 min before · *MEDIUM*
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
    assert_snapshot!(lines(&suspects(vec![image(Confidence::Medium), limit(Confidence::Medium)])), @"
    What changed: image api:5.7.0 → 5.8.0, env DEPLOY_ENV removed · rollout #13, 1 h 30 min before · *MEDIUM*
    Also changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *MEDIUM*
    ");
}

#[test]
fn nothing_that_explains_it_is_an_answer() {
    let last = Some(("rollout #12".to_owned(), at(-30 * 60)));
    assert_snapshot!(lines(&with(Changed { last, ..Changed::default() })), @"What changed: nothing that explains it; rollout #12 was 30 h before");
    assert_snapshot!(lines(&with(Changed::default())), @"What changed: nothing was rolled out in the 24 h before");
    assert_snapshot!(lines(&unserved()), @"");
}

#[test]
fn what_cannot_be_looked_into_is_not_nothing() {
    let why = "what was rolled out cannot be read: forbidden: replicasets in namespace shop".to_owned();
    let unknown = Changed { unknown: vec![why], ..Changed::default() };
    assert_snapshot!(lines(&with(unknown.clone())), @"What changed: what was rolled out cannot be read: forbidden: replicasets in namespace shop");
    assert_snapshot!(lines(&with(Changed { suspects: vec![limit(Confidence::Medium)], ..unknown })), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *MEDIUM*
    Not known: what was rolled out cannot be read: forbidden: replicasets in namespace shop
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
}

#[test]
fn a_change_at_the_same_time_and_one_of_which_nothing_is_known_are_told() {
    let unknown = Suspect { what: Vec::new(), by: None, at: at(0), ..limit(Confidence::Medium) };
    assert_snapshot!(lines(&suspects(vec![unknown])), @"
    What changed: rollout #14, as it began · *MEDIUM*
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
    // A clock that is a little late.
    assert_snapshot!(lines(&suspects(vec![Suspect { at: at(1), ..limit(Confidence::High) }])), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, as it began · *HIGH*
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
}

#[test]
fn what_people_wrote_down_calls_nobody_and_breaks_nothing() {
    let evil = Suspect {
        note: Some("<!channel> `rm -rf` *now*\n> and <https://evil.example|here>".to_owned()),
        what: vec!["env GREETING added: <@U0ANA> & ```".to_owned()],
        by: Some("deploy-<!here>".to_owned()),
        ..limit(Confidence::High)
    };
    let sent: Vec<String> = super::super::changes::changed(&suspects(vec![evil]));
    assert_snapshot!(sent.join("\n"), @"What changed: env GREETING added: &lt;@U0ANA&gt; &amp; ``' · rollout #14 by deploy-&lt;!here&gt; (“&lt;!channel&gt; `rm -rf` *now* &gt; and &lt;https://evil.example|here&gt;”), 7 min before · *HIGH*");
}

#[test]
fn how_sure_it_is_can_be_read_whatever_is_cut() {
    let long = Suspect { what: vec!["x".repeat(5000)], note: Some("n".repeat(5000)), ..limit(Confidence::High) };
    let said = lines(&suspects(vec![long]));
    assert!(said.lines().next().unwrap().ends_with("7 min before · *HIGH*"), "{said}");
}

#[test]
fn the_commit_that_brought_it_and_what_the_new_image_has_can_be_looked_at() {
    assert_snapshot!(lines(&suspects(vec![brought(commit())])), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *HIGH*
    Commit: <https://github.com/acme/gitops/commit/abc1234|abc1234> “Lower the limit” by ana · acme/gitops · <https://github.com/acme/gitops/pull/42|#42>
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
    let failed = CommitOf {
        run: Some(to("build failed", "https://github.com/acme/gitops/actions/runs/7")),
        pull: None,
        is_sure: false,
        ..commit()
    };
    assert_snapshot!(lines(&suspects(vec![brought(failed)])), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *HIGH*
    Commit before it: <https://github.com/acme/gitops/commit/abc1234|abc1234> “Lower the limit” by ana · acme/gitops · <https://github.com/acme/gitops/actions/runs/7|build failed>
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
    let alone = Suspect {
        what: vec!["“Lower the limit”".to_owned()],
        change: "commit abc1234".to_owned(),
        by: Some("ana".to_owned()),
        undo: None,
        ..brought(CommitOf { is_sure: false, ..commit() })
    };
    assert_snapshot!(lines(&suspects(vec![alone])), @"
    What changed: “Lower the limit” · commit abc1234 by ana, 7 min before · *HIGH*
    Commit: <https://github.com/acme/gitops/commit/abc1234|abc1234> · acme/gitops · <https://github.com/acme/gitops/pull/42|#42>
    ");
    let built = ImageCommits {
        repository: "acme/api".to_owned(),
        range: to("5.7.0...5.8.0", "https://github.com/acme/api/compare/5.7.0...5.8.0"),
        count: 5,
        is_backwards: false,
        titles: vec!["Cache more".to_owned(), "Tidy".to_owned()],
        authors: vec!["ana".to_owned(), "ben".to_owned()],
    };
    let image = |built: ImageCommits| suspects(vec![Suspect { image: Some(built.into()), ..image(Confidence::High) }]);
    assert_snapshot!(lines(&image(built.clone())), @"
    What changed: image api:5.7.0 → 5.8.0, env DEPLOY_ENV removed · rollout #13, 1 h 30 min before · *HIGH*
    In the image: 5 commits by ana, ben: “Cache more”, “Tidy” · <https://github.com/acme/api/compare/5.7.0...5.8.0|5.7.0...5.8.0> of acme/api
    ");
    let back = ImageCommits { count: 1, is_backwards: true, titles: Vec::new(), authors: Vec::new(), ..built };
    assert_snapshot!(lines(&image(back)), @"
    What changed: image api:5.7.0 → 5.8.0, env DEPLOY_ENV removed · rollout #13, 1 h 30 min before · *HIGH*
    In the image: 1 commit less · <https://github.com/acme/api/compare/5.7.0...5.8.0|5.7.0...5.8.0> of acme/api
    ");
}

#[test]
fn what_a_commit_says_is_somebody_elses_text() {
    let evil = CommitOf {
        repository: "acme/<!here>".to_owned(),
        commit: to("<!channel>", "javascript:alert(1)"),
        title: format!("<!channel> `&` *bold*\n{}", "x".repeat(500)),
        author: "<@U1>".to_owned(),
        pull: Some(to("#1|2>", "https://evil.example/a|b>c")),
        run: Some(to("r", "https://evil.example/?a=1&b=2")),
        ..commit()
    };
    assert_snapshot!(lines(&suspects(vec![brought(evil)])), @"
    What changed: memory limit 512Mi → 256Mi · rollout #14 by kubectl edit, 7 min before · *HIGH*
    Commit: <!channel> “<!channel> `&` *bold* xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (456 more)” by <@U1> · acme/<!here> · #1|2> · <https://evil.example/?a=1&b=2|r>
    Undo: kubectl -n shop rollout undo deployment/api --to-revision=13
    ");
}
