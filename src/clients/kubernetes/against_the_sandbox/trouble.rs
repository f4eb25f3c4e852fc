//! Networks and servers as they are: cut, half-open, busy, restarted, with another token. Nothing of it is ever a deletion.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::sandbox::kubernetes::{Fault, StreamedLists};

#[rstest]
#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_of_a_frame_goes_on_where_it_was(
    #[values(false, true)] json_only: bool,
) {
    let cluster = Cluster::start().await.unwrap();
    if json_only {
        cluster.speak_json_only();
    }
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.cut_in_the_next_frame();
    cluster.apply(pod("api-2", "Running"));
    assert_eq!(watch.news().await, "applied api-2");
    assert_eq!(asked(&cluster, "sendInitialEvents"), 1, "listed only once");
}

#[tokio::test]
async fn a_streamed_list_that_is_cut_is_void_and_begun_again() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply_all((0..300).map(|i| pod(&format!("api-{i:04}"), "Running")));
    cluster.cut_in_the_next_frame();
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.news().await, "lost: unreachable");
    let listed = watch.news().await;
    assert_eq!(listed.split(',').count(), 300);
}

#[tokio::test]
async fn a_half_open_connection_is_lost_and_what_happened_meanwhile_is_known_afterwards() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply_all([pod("api-1", "Running"), pod("api-2", "Running")]);
    let patience = Patience { silence: Duration::from_millis(100), ..quick() };
    let client = client(&cluster).with_patience(Duration::from_millis(200));
    let mut watch = Listening::with(client, Kind::Pod, patience);
    watch.live().await;
    cluster.send_bookmarks();
    watch.news().await;
    // Nothing arrives any more, neither here nor there, and no connection is closed.
    cluster.mute(true);
    cluster.fault(Some(Fault::Hang));
    cluster.delete(Kind::Pod, "shop", "api-1");
    let lost = watch.heard.recv().await.unwrap();
    assert!(matches!(lost.change, Change::Lost(ReadError::TimedOut { .. })), "{lost:?}");
    // Since the silence began: it lasted, and then nobody answered either.
    let ago = Clock::System.now().duration_since(lost.at);
    assert!(ago >= jiff::SignedDuration::from_millis(100 + 200), "{ago:?}");
    cluster.mute(false);
    cluster.fault(None);
    let before = watch.until("listed api-2").await;
    assert!(before.iter().all(|news| news == "lost: timed out"), "{before:?}");
}

#[tokio::test]
async fn a_server_that_takes_watches_and_tells_nothing_is_silent_after_a_while_and_listed_again() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let patience = Patience { silence: Duration::from_millis(50), stale: Duration::from_millis(200), ..quick() };
    let mut watch = Listening::with(client(&cluster), Kind::Pod, patience);
    watch.live().await;
    cluster.send_bookmarks();
    watch.news().await;
    cluster.mute(true);
    let mut lost = watch.next().await;
    while lost == Change::Live {
        lost = watch.next().await;
    }
    assert!(matches!(lost, Change::Lost(ReadError::Silent { resource: "pods", .. })), "{lost:?}");
    assert!(asked(&cluster, "resourceVersion=") >= 1, "it was opened again first: {:?}", cluster.requests());
    cluster.mute(false);
    watch.until("listed api-1").await;
}

#[rstest]
#[case(Patience::default().stale, "nothing heard of pods for 4 min")]
#[case(Duration::from_secs(45), "nothing heard of pods for 45 s")]
fn silence_is_told_with_its_length(#[case] after: Duration, #[case] expected: &str) {
    assert_eq!(ReadError::Silent { resource: "pods", after }.to_string(), expected);
}

#[tokio::test]
async fn a_quiet_kind_of_a_server_without_bookmarks_is_not_silent() {
    let cluster = Cluster::start().await.unwrap();
    let patience = Patience { watch: Duration::from_secs(1), stale: Duration::from_millis(2_500), ..quick() };
    cluster.mute_bookmarks();
    let mut watch = Listening::with(client(&cluster), Kind::Pod, patience);
    // Each is open for a second; together that is longer than silence may last.
    for _ in 0..4 {
        watch.live().await;
    }
    cluster.apply(pod("api-1", "Running"));
    assert_eq!(watch.news().await, "applied api-1");
}

#[tokio::test]
async fn a_busy_server_is_left_alone_and_nothing_is_lost_by_it() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    let before = asked(&cluster, "watch=true");
    cluster.busy(Some(Duration::from_secs(1)));
    cluster.cut_watches();
    cluster.asked(|_| asked(&cluster, "watch=true") >= before + 2).await;
    cluster.apply(pod("api-2", "Running"));
    cluster.busy(None);
    assert_eq!(watch.news().await, "applied api-2");
    assert_eq!(asked(&cluster, "sendInitialEvents"), 1, "listed only once");
}

#[tokio::test]
async fn a_server_that_stays_busy_is_not_seen_any_more() {
    let cluster = Cluster::start().await.unwrap();
    let patience = Patience { stale: Duration::from_millis(200), ..quick() };
    let mut watch = Listening::with(client(&cluster), Kind::Pod, patience);
    watch.live().await;
    cluster.busy(Some(Duration::from_secs(1)));
    cluster.cut_watches();
    assert_eq!(watch.news().await, "lost: silent");
    assert_eq!(watch.news().await, "lost: busy");
    cluster.busy(None);
    watch.until("listed ").await;
}

#[rstest]
#[case::as_long_as_it_asks(7, 7)]
#[case::not_shorter_than_we_would(0, 0)]
#[case::not_for_ever(3_600, 120)]
#[tokio::test]
async fn a_busy_server_is_left_alone(#[case] asks: u64, #[case] seconds: u64) {
    let client = client(&Cluster::start().await.unwrap());
    let watcher = Watcher::new(client, Scope { kind: Kind::Pod, namespace: None }, Clock::System);
    let why = ReadError::Busy { status: 429, wait: Duration::from_secs(asks) };
    let pause = watcher.pause_after(&why, 0);
    assert_eq!(pause.as_secs(), seconds);
    assert!(!pause.is_zero());
}

#[tokio::test]
async fn a_token_that_was_rotated_is_used_at_once() {
    let cluster = Cluster::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "old").unwrap();
    cluster.require_token("old");
    let mut config = ClusterConfig::at(&cluster.url(), None).unwrap();
    config.kube.auth_info.token_file = Some(file.display().to_string());
    let client = Kubernetes::connect(config).unwrap();
    let mut watch = Listening::with(client.clone(), Kind::Pod, quick());
    watch.live().await;

    std::fs::write(&file, "new").unwrap();
    cluster.require_token("new");
    cluster.cut_watches();
    cluster.apply(pod("api-1", "Running"));
    assert_eq!(watch.news().await, "applied api-1", "not lost in between");

    // A token that is refused and is the only one there is, is refused.
    cluster.require_token("another");
    let refused = client.list(Kind::Pod, None).await.unwrap_err();
    assert!(matches!(refused, ReadError::Unauthorized { .. }), "{refused}");
}

#[tokio::test]
async fn pages_that_expire_are_begun_again_and_the_pages_before_are_void() {
    let cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(StreamedLists::Refused);
    cluster.apply_all((0..600).map(|i| pod(&format!("api-{i:04}"), "Running")));
    cluster.fault(Some(Fault::Slow(Duration::from_millis(200))));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.next().await, Change::Begin(Reason::Start));
    // The second page has been asked for and waits: the list expires under it.
    cluster.asked(|r| r.contains("continue=")).await;
    cluster.delete(Kind::Pod, "shop", "api-0000");
    cluster.compact();
    cluster.fault(None);
    let first = watch.next().await;
    assert!(matches!(&first, Change::Page(facts) if facts.len() == 500), "{first:?}");
    assert_eq!(watch.next().await, Change::Begin(Reason::Expired));
    assert_eq!(watch.news().await.split(',').count(), 599);
}
