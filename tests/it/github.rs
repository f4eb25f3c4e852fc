//! What GitHub tells joins the alert once it is known: the commit, its pull request, what is in the image; or why it is not known.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_monitor::sandbox::{
    github::{Deployed, Forge, Push, Trouble},
    kubernetes::Workload,
};

use crate::{
    gitops::{application, with_argo_cd},
    harness::{
        BotTester, run_test,
        shop::{a_cluster, apply, becomes, workload},
    },
};

const GITOPS: &str = "acme/gitops";
const BUMP: &str = "@@ -4 +4 @@\n   image:\n-    newTag: 1.0.0\n+    newTag: 1.1.0";

/// GitHub with the repository the cluster is deployed from; the bot knows it.
async fn a_forge(bot: &mut BotTester) -> anyhow::Result<Forge> {
    let forge = Forge::start(Duration::ZERO).await?;
    bot.set("GITHUB_API_URL", &forge.base_url());
    bot.set("GITHUB_TOKEN", "pretend-token");
    bot.set("GITHUB_REPO_OWNER", "acme");
    bot.set("GITHUB_REPO_NAME", "gitops");
    Ok(forge)
}

/// Somebody changes a file so many minutes ago.
fn pushed(bot: &BotTester, forge: &Forge, minutes: i64, (title, file, difference): (&str, &str, &str)) -> String {
    let at = bot.now() - SignedDuration::from_mins(minutes);
    let files = vec![(file.to_owned(), difference.to_owned())];
    forge.push(GITOPS, Push { title: title.to_owned(), author: "ana".to_owned(), at, files })
}

/// A new version of `shop/web` is rolled out, and its pods crash.
async fn a_new_image_crashes(bot: &mut BotTester, web: &Workload) -> anyhow::Result<()> {
    let after = web.clone().rollout(bot.now()).image("shop/web:1.1.0").crash_looping(3, false);
    becomes(bot, web, &after);
    bot.wait(Duration::from_mins(5)).await
}

/// The lines of the only alert that are about changes, as it is now.
async fn changed(bot: &mut BotTester, forge: &Forge) -> anyhow::Result<String> {
    let heads = ["What changed", "Also changed", "Commit", "Deployment", "In the image", "Not known", "Undo"];
    let alert = bot.alert("#alerts").await?.replace(&forge.base_url(), "https://forge");
    let lines = alert.lines().filter(|line| heads.iter().any(|head| line.starts_with(head)));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// What GitHub was asked since this was last read, in the order of the alphabet: some is asked at the same time.
fn asked(forge: &Forge, sha: &str) -> String {
    let mut asked: Vec<String> = forge.requests().iter().map(|it| it.replace(sha, "SHA")).collect();
    asked.sort();
    asked.join("\n")
}

async fn starts_with_web(bot: &mut BotTester) -> anyhow::Result<Workload> {
    a_cluster(bot);
    let web = workload(bot, "shop/web");
    apply(bot, &web);
    bot.starts().await?;
    Ok(web)
}

#[tokio::test]
async fn the_commit_that_bumped_the_image_is_told_with_its_pull_request_and_what_is_in_the_image() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        bot.lists_services("[[service]]\nname = \"web\"\nworkloads = [\"shop/web\"]\nrepository = \"acme/web\"\n")?;
        let code = |title: &str, author: &str| Push {
            title: title.to_owned(),
            author: author.to_owned(),
            at: bot.now() - SignedDuration::from_hours(2),
            files: vec![("src/main.rs".to_owned(), "+ fast".to_owned())],
        };
        forge.push("acme/web", code("First", "ana"));
        forge.tag("acme/web", "v1.0.0");
        forge.push("acme/web", code("Cache more", "ben"));
        forge.push("acme/web", code("Tidy", "ana"));
        forge.tag("acme/web", "v1.1.0");
        pushed(bot, &forge, 90, ("Two replicas", "base-apps/web.yaml", "@@ -1 +1 @@\n-replicas: 1\n+replicas: 2"));
        let bump = pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web/kustomization.yaml", BUMP));
        pushed(bot, &forge, 3, ("Another service", "base-apps/other.yaml", BUMP));
        forge.merged(GITOPS, &bump, 42, "web 1.1.0");
        forge.ran(GITOPS, &bump, "lint", Some("success"));
        forge.ran(GITOPS, &bump, "smoke test", Some("failure"));
        let web = starts_with_web(bot).await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Commit: cf8d3b4 (https://forge/acme/gitops/commit/cf8d3b4b6c69e35bcf8d3b4b6c69e35bcf8d3b4b) “web 1.1.0” by ana · acme/gitops · #42 (https://forge/acme/gitops/pull/42) · smoke test failed (https://forge/acme/gitops/actions/runs/2)
        In the image: 2 commits by ana, ben: “Tidy”, “Cache more” · v1.0.0...v1.1.0 (https://forge/acme/web/compare/v1.0.0...v1.1.0) of acme/web
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        let asked = forge.requests();
        assert!(asked.len() <= 6, "{asked:#?}");
        let status = bot.asks("/k8s status").await?;
        let github = status.split(" · ").find(|part| part.starts_with("GitHub")).unwrap_or_default();
        insta::assert_snapshot!(github.lines().next().unwrap_or_default(), @"GitHub: commits and pull requests, with a token");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_repository_deploys_by_itself_is_told_with_how_that_ended() {
    run_test(async |bot| {
        let forge = Forge::start(Duration::ZERO).await?;
        bot.set("GITHUB_API_URL", &forge.base_url());
        bot.set("GITHUB_TOKEN", "pretend-token");
        bot.lists_services("[[service]]\nname = \"web\"\nworkloads = [\"shop/web\"]\nrepository = \"acme/web\"\n")?;
        let code = |title: &str| Push {
            title: title.to_owned(),
            author: "ben".to_owned(),
            at: bot.now() - SignedDuration::from_hours(2),
            files: vec![("src/main.rs".to_owned(), "+ fast".to_owned())],
        };
        forge.push("acme/web", code("First"));
        forge.tag("acme/web", "web-1.0.0");
        forge.push("acme/web", code("Cache more"));
        forge.tag("acme/web", "web-1.1.0");
        let deployed = |environment: &str, minutes: i64, state| Deployed {
            reference: "main".to_owned(),
            environment: environment.to_owned(),
            by: "ben".to_owned(),
            at: bot.now() - SignedDuration::from_mins(minutes),
            state,
        };
        forge.deploy("acme/web", deployed("production", 300, "success"));
        forge.deploy("acme/web", deployed("production", 2, "failure"));
        forge.deploy("acme/web", deployed("github-pages", 1, "success"));
        let web = starts_with_web(bot).await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Deployment before it: eebd111 to production by ben · failed (https://forge/acme/web/actions/runs/2)
        In the image: 1 commit by ben: “Cache more” · web-1.0.0...web-1.1.0 (https://forge/acme/web/compare/web-1.0.0...web-1.1.0) of acme/web
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        insta::assert_snapshot!(asked(&forge, "-"), @r"
        GET /repos/acme/web/compare/1.0.0...1.1.0 404
        GET /repos/acme/web/compare/v1.0.0...v1.1.0 404
        GET /repos/acme/web/compare/webSHA1.0.0...webSHA1.1.0 200
        GET /repos/acme/web/deployments 200
        GET /repos/acme/web/deployments/2/statuses 200
        GET /repos/acme/web/releases 200
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_argo_cd_put_in_place_is_found_where_it_has_it_from_with_nothing_configured_but_a_token() {
    run_test(async |bot| {
        let forge = Forge::start(Duration::ZERO).await?;
        bot.set("GITHUB_API_URL", &forge.base_url());
        bot.set("GITHUB_TOKEN", "pretend-token");
        let sha = pushed(bot, &forge, 8, ("web 1.1.0", "apps/shop/web.yaml", BUMP));
        pushed(bot, &forge, 1, ("Not yet put in place", "apps/shop/web.yaml", BUMP));
        forge.merged(GITOPS, &sha, 42, "web 1.1.0");
        a_cluster(bot);
        let web = with_argo_cd(bot, "shop/web");
        apply(bot, &web);
        let synced = application(bot, &sha, bot.now() - Duration::from_secs(20), &serde_json::json!({}));
        bot.cluster().apply(synced);
        bot.starts().await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by Argo CD application shop at 3155c19, as it began · *HIGH*
        Commit: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) “web 1.1.0” by ana · acme/gitops · #42 (https://forge/acme/gitops/pull/42)
        Undo: revert 3155c19 in github.com/acme/gitops, path apps/shop (before it 9f3c2ab): Argo CD application shop puts in place what is there
        ");
        insta::assert_snapshot!(asked(&forge, &sha), @r"
        GET /repos/acme/gitops/actions/runs 200
        GET /repos/acme/gitops/commits 200
        GET /repos/acme/gitops/commits/SHA/pulls 200
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_commit_without_a_rollout_is_a_guess_and_says_so() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        pushed(
            bot,
            &forge,
            4,
            ("Point at the new database", "base-apps/web/config.yaml", "@@ -1 +1 @@\n-host: a\n+host: b"),
        );
        let web = starts_with_web(bot).await?;
        becomes(bot, &web, &web.clone().pods_made_anew(bot.now()).crash_looping(3, false));
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: “Point at the new database” · commit 3155c19 by ana, 3 min before · *MEDIUM*
        Commit: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) · acme/gitops
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_a_moment_ago_is_not_asked_again() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        bot.lists_services("[[service]]\nname = \"web\"\nworkloads = [\"shop/web\", \"shop/worker\"]\n")?;
        let sha = pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web.yaml", BUMP));
        let web = starts_with_web(bot).await?;
        let worker = workload(bot, "shop/worker");
        apply(bot, &worker);
        // GitHub is asked for full hours, and this is none.
        bot.wait(Duration::from_mins(10)).await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(asked(&forge, &sha), @r"
        GET /repos/acme/gitops/actions/runs 200
        GET /repos/acme/gitops/commits 200
        GET /repos/acme/gitops/commits 200
        GET /repos/acme/gitops/commits/SHA 200
        GET /repos/acme/gitops/commits/SHA/pulls 200
        ");
        let after = worker.clone().rollout(bot.now()).image("shop/worker:1.1.0").crash_looping(3, false);
        becomes(bot, &worker, &after);
        bot.wait(Duration::from_mins(4)).await?;
        insta::assert_snapshot!(asked(&forge, &sha), @r"
        GET /repos/acme/gitops/commits 304
        GET /repos/acme/gitops/commits 304
        ");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_private_repository_is_said_in_one_line_and_holds_nothing_up() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web.yaml", BUMP));
        forge.hide(GITOPS, true);
        let web = starts_with_web(bot).await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Not known: commits of acme/gitops: does not exist, or is private and not readable with this token; check the name, or give the token `contents: read` there
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        assert_eq!(forge.requests().len(), 2, "what cannot help is not asked again");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_github_could_not_answer_joins_the_alert_when_it_can() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web.yaml", BUMP));
        forge.trouble(Some(Trouble::BadGateway));
        let web = starts_with_web(bot).await?;
        let after = web.clone().rollout(bot.now()).image("shop/web:1.1.0").crash_looping(3, false);
        becomes(bot, &web, &after);
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Not known: GitHub is in trouble: commits of acme/gitops is answered by HTTP 502 (text/html: <html><body>Unicorn!</body></html>)
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        forge.trouble(None);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Commit: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) “web 1.1.0” by ana · acme/gitops
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn when_the_limit_is_used_up_the_alert_says_when_more_will_be_known() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web.yaml", BUMP));
        forge.trouble(Some(Trouble::Limited(bot.now() + SignedDuration::from_mins(40))));
        let web = starts_with_web(bot).await?;
        a_new_image_crashes(bot, &web).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Not known: GitHub's requests for this hour are used up: again at 14:40 UTC
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        let asked = forge.requests();
        assert!(asked.len() <= 2, "{asked:#?}");
        bot.wait(Duration::from_mins(30)).await?;
        assert!(forge.requests().is_empty(), "nothing is asked until then");
        forge.trouble(None);
        bot.wait(Duration::from_mins(10)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Commit: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) “web 1.1.0” by ana · acme/gitops
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn when_little_is_left_of_the_limit_it_is_kept_for_sev_1() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        let bump = ("web 1.1.0", "base-apps/web.yaml", BUMP);
        pushed(bot, &forge, 6, bump);
        forge.trouble(Some(Trouble::Left(400, bot.now() + SignedDuration::from_mins(50))));
        let web = starts_with_web(bot).await?;
        let after = web.clone().rollout(bot.now()).image("shop/web:1.1.0").crash_looping(3, false);
        becomes(bot, &web, &after);
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Commit before it: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) “web 1.1.0” by ana · acme/gitops
        Not known: less than a tenth of GitHub's requests is left: they are kept for SEV-1 until 14:50 UTC
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        assert!(forge.requests().len() <= 2);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot, &forge).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Commit: 3155c19 (https://forge/acme/gitops/commit/3155c191ed1f67463155c191ed1f67463155c191) “web 1.1.0” by ana · acme/gitops
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn metrics_tell_how_questions_ended_and_what_is_left_of_the_limit() {
    run_test(async |bot| {
        let forge = a_forge(bot).await?;
        pushed(bot, &forge, 6, ("web 1.1.0", "base-apps/web.yaml", BUMP));
        let reset = bot.now() + SignedDuration::from_mins(50);
        forge.trouble(Some(Trouble::Left(4_321, reset)));
        let web = starts_with_web(bot).await?;
        let of_github = |metrics: &str| {
            let lines = metrics.lines().filter_map(|line| line.strip_prefix("k8s_monitor_github_"));
            lines.map(|line| line.replace(&reset.as_second().to_string(), "in 50 min")).collect::<Vec<_>>()
        };
        let before = of_github(&bot.metrics().await?);
        assert!(before.iter().all(|line| line.starts_with("requests_total{") && line.ends_with(" 0")), "{before:?}");
        a_new_image_crashes(bot, &web).await?;
        let mut after = of_github(&bot.metrics().await?);
        after.sort();
        insta::assert_snapshot!(after.join("\n"), @r#"
        limit_remaining_requests 4321
        limit_requests 5000
        limit_reset_timestamp_seconds in 50 min
        requests_total{outcome="answered"} 5
        requests_total{outcome="failed"} 0
        requests_total{outcome="kept"} 0
        requests_total{outcome="limited"} 0
        requests_total{outcome="not_modified"} 0
        requests_total{outcome="refused"} 0
        "#);
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}
