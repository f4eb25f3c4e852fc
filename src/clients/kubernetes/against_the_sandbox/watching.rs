//! What a watch tells: lists in pieces, changes, losses; the same in every way the server has of sending them.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::sandbox::kubernetes::StreamedLists;

#[rstest]
#[tokio::test]
async fn a_watch_tells_what_happens(
    #[values(false, true)] json_only: bool,
    #[values(StreamedLists::Sent, StreamedLists::Refused)] streams: StreamedLists,
) {
    let cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(streams);
    if json_only {
        cluster.speak_json_only();
    }
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.news().await, "listed api-1");
    watch.live().await;
    cluster.apply(pod("api-2", "Pending"));
    assert_eq!(watch.news().await, "applied api-2");
    cluster.delete(Kind::Pod, "shop", "api-1");
    assert_eq!(watch.news().await, "deleted api-1");
    cluster.send_bookmarks();
    assert_eq!(watch.news().await, format!("bookmark {}", cluster.latest_version(Kind::Pod)));
}

#[tokio::test]
async fn a_cut_watch_goes_on_where_it_was() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.apply(pod("api-2", "Running"));
    assert_eq!(watch.news().await, "applied api-2");
    cluster.cut_watches();
    cluster.apply(pod("api-3", "Running"));
    assert_eq!(watch.news().await, "applied api-3");
    assert_eq!(asked(&cluster, "sendInitialEvents"), 1, "listed only once");
}

#[tokio::test]
async fn a_version_that_is_too_old_means_a_fresh_list_and_no_deletion() {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    cluster.apply(pod("api-2", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.stop().await;
    assert_eq!(watch.news().await, "lost: unreachable");
    cluster.delete(Kind::Pod, "shop", "api-1");
    cluster.apply(pod("api-3", "Running"));
    cluster.compact();
    cluster.start_again().await.unwrap();
    let before = watch.until("listed api-2,api-3").await;
    assert!(before.iter().all(|news| news == "lost: unreachable"), "{before:?}");
}

#[tokio::test]
async fn a_forbidden_kind_is_lost_until_it_is_allowed() {
    let cluster = Cluster::start().await.unwrap();
    cluster.forbid("watch", Kind::Pod, None);
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.news().await, "lost: forbidden");
    cluster.allow("watch", Kind::Pod, None);
    watch.live().await;
    cluster.apply(pod("api-1", "Running"));
    assert_eq!(watch.news().await, "applied api-1");
}

#[rstest]
#[case(StreamedLists::Sent)]
#[case(StreamedLists::Refused)]
#[tokio::test]
async fn what_was_lost_is_listed_before_it_is_live_again(#[case] streams: StreamedLists) {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(streams);
    cluster.apply(pod("api-1", "Running"));
    let Listed { facts, resource_version } = client(&cluster).list(Kind::Pod, None).await.unwrap();
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.stop().await;
    assert_eq!(watch.news().await, "lost: unreachable");
    cluster.start_again().await.unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&Change::Live) {
        heard.push(watch.next().await);
    }
    heard.retain(|change| !matches!(change, Change::Lost(_)));
    // In pages the end of the list is held back until the watch is open.
    let expected =
        [Change::Begin(Reason::Lost), Change::Page(facts), Change::Listed { resource_version }, Change::Live];
    assert_eq!(heard, expected);
}

#[rstest]
#[case(StreamedLists::Sent)]
#[case(StreamedLists::Refused)]
#[tokio::test]
async fn a_kind_that_may_be_listed_but_not_watched_stays_lost(#[case] streams: StreamedLists) {
    let cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(streams);
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.forbid("watch", Kind::Pod, None);
    cluster.cut_watches();
    for _ in 0..5 {
        assert_eq!(watch.news().await, "lost: forbidden");
    }
}

#[tokio::test]
async fn a_connection_that_is_silent_for_too_long_is_opened_again() {
    let cluster = Cluster::start().await.unwrap();
    let (out, mut heard) = mpsc::channel(100);
    let patience = Patience {
        silence: Duration::from_millis(30),
        first_retry: Duration::from_millis(1),
        last_retry: Duration::from_millis(1),
        ..Patience::default()
    };
    let scope = Scope { kind: Kind::Pod, namespace: None };
    let watcher = Watcher::new(client(&cluster), scope, Clock::System).with_patience(patience);
    let handle = watcher.handle();
    let mut running = JoinSet::new();
    running.spawn(watcher.run(out));
    let mut connected = 0;
    while connected < 2 {
        let heard_now = tokio::time::timeout(SOON, heard.recv()).await.unwrap().unwrap();
        if heard_now.change == Change::Live {
            connected += 1;
            cluster.send_bookmarks();
        }
        assert!(!matches!(heard_now.change, Change::Lost(_)));
    }
    assert!(handle.last_frame().is_some());
    drop(heard);
    tokio::time::timeout(SOON, running.join_next()).await.expect("it ends when nobody listens");
}

#[rstest]
#[tokio::test]
async fn however_a_list_comes_it_is_the_same_in_small_pieces(#[values(false, true)] json_only: bool) {
    let cluster = Cluster::start().await.unwrap();
    if json_only {
        cluster.speak_json_only();
    }
    cluster.apply_all((0..1201).map(|i| pod(&format!("api-{i:04}"), "Running")));
    let expected = client(&cluster).list(Kind::Pod, None).await.unwrap();
    for (streams, largest) in [(StreamedLists::Sent, 100), (StreamedLists::Refused, 500), (StreamedLists::Ignored, 500)]
    {
        cluster.streamed_lists(streams);
        let client = client(&cluster).with_patience(Duration::from_millis(1_500));
        let mut watch = Listening::with(client, Kind::Pod, quick());
        let mut heard = vec![watch.next().await];
        while !matches!(heard.last(), Some(Change::Listed { .. })) {
            heard.push(watch.next().await);
        }
        // A list that did not come to its end is void.
        let begun = heard.iter().rposition(|change| *change == Change::Begin(Reason::Start)).unwrap();
        let (mut facts, mut resource_version) = (Vec::new(), String::new());
        for change in heard.drain(begun..).skip(1) {
            if let Change::Page(page) = change {
                assert!(page.len() <= largest, "{}", page.len());
                facts.extend(page);
            } else if let Change::Listed { resource_version: version } = change {
                resource_version = version;
            } else {
                panic!("{change:?}");
            }
        }
        assert_eq!(Listed { facts, resource_version }, expected, "{streams:?}");
        watch.live().await;
    }
}

#[rstest]
#[case(StreamedLists::Refused)]
#[case(StreamedLists::Ignored)]
#[tokio::test]
async fn a_server_that_does_not_stream_lists_is_asked_once(#[case] streams: StreamedLists) {
    let cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(streams);
    let client = client(&cluster).with_patience(Duration::from_secs(1));
    for kind in [Kind::Pod, Kind::Node] {
        let mut watch = Listening::with(client.clone(), kind, quick());
        assert_eq!(watch.news().await, "listed ");
    }
    assert_eq!(asked(&cluster, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"), 1);
    assert_eq!(asked(&cluster, "limit=500"), 2);
}

#[tokio::test]
async fn what_turned_out_to_be_wrong_is_listed_anew() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    watch.handle.list_anew();
    assert_eq!(watch.next().await, Change::Begin(Reason::Drift));
    assert_eq!(watch.news().await, "listed api-1");
}
