//! The API server is away for half a minute, and for longer: blindness is said, nothing is resolved, nothing is repeated.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    bot::WatchingBot,
    plane::Plane,
    rollout::{GATEWAY, as_administrator, gateway, is_resolved, is_rolled_out, steady},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_dies_makes_blind_and_nothing_else() -> Result<()> {
    let mut plane = Plane::full().await?;
    for object in gateway() {
        plane.create(&object).await?;
    }
    plane.until("the gateway is rolled out", is_rolled_out).await?;
    let mut bot = WatchingBot::start(as_administrator(&plane)?).await?;
    let broken = json!({"spec": {"template": {"metadata": {"annotations": {"pretend": "crash"}}}}});
    plane.patch(GATEWAY, &broken).await?;
    bot.until("there is an alert", |bot| bot.alerts().len() == 1).await?;
    // The rollout is told to be stuck before it is looked at again.
    bot.wait(Duration::from_mins(12)).await?;
    let before = bot.alerts();

    plane.kills_api_server().await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    bot.settles().await?;
    let status = bot.status().await?;
    assert!(status.contains("Nothing is seen since"), "{status}");
    assert_eq!(bot.alerts().len(), 1, "a short absence is waited for");
    bot.wait(Duration::from_mins(2)).await?;
    bot.until("blindness is an alert", |bot| bot.alerts().len() == 2).await?;
    bot.wait(Duration::from_mins(10)).await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let blind = bot.alerts().into_iter().next_back().context("no alert")?;
    insta::assert_snapshot!(steady(&blind.text), @"
    🔴 *SEV-1 · I cannot see real: its API does not answer* · INC
    ▌#a30200
    The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
    Do: See whether the API server runs and whether I can reach it; until then no incident is resolved
    ```
    reading namespaces: https://real cannot be reached (Connection refused (os error 111)): is the address right, is the API server running?
    ```
    [ Acknowledge ]
    SEV-1 because nothing is known of the cluster · since 00:00 UTC · seen 00:00 UTC
    ");
    assert!(!bot.alerts().iter().any(is_resolved), "nothing is resolved unseen");

    plane.compacts().await?;
    plane.starts_api_server().await?;
    bot.until("it is seen again", |bot| bot.alerts().iter().any(|alert| alert.text.contains("I see real again")))
        .await?;
    bot.wait(Duration::from_mins(6)).await?;
    let after = bot.alerts();
    assert_eq!(after.len(), 2, "nothing is repeated: {after:#?}");
    assert_eq!(bot.thread(&before[0]), Vec::<String>::new(), "nothing was said of what did not change");
    assert!(!is_resolved(&after[0]), "it is still broken: {}", after[0].text);
    assert!(is_resolved(&after[1]), "{}", after[1].text);

    let mended = json!({"spec": {"template": {"metadata": {"annotations": {"pretend": null}}}}});
    plane.patch(GATEWAY, &mended).await?;
    plane.until("the gateway is rolled out again", is_rolled_out).await?;
    bot.wait(Duration::from_mins(7)).await?;
    bot.until("it is resolved", |bot| bot.alerts().iter().all(is_resolved)).await?;
    bot.stops().await
}
