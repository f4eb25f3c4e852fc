//! What comes twice is taken once; what only one may do, one does.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn what_slack_delivers_twice_is_taken_once() {
    let (one, guard) = testing::fresh().await.unwrap();
    let two = Store::open(guard.url()).await.unwrap();
    let (a, b) = tokio::join!(one.receive("e1", "event", "{\"a\":1}", at(0)), two.receive("e1", "event", "{}", at(0)));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.is_some() != b.is_some(), "{a:?} {b:?}");
    let second = one.receive("e2", "slash_command", "text\0", at(1)).await.unwrap().unwrap();
    assert_eq!(one.receive("e1", "event", "{}", at(9)).await.unwrap(), None);

    let open = two.inbox_open().await.unwrap();
    assert_eq!(open.iter().map(|r| r.unique_id.as_str()).collect::<Vec<_>>(), ["e1", "e2"]);
    let expected = InboxRow {
        id: second,
        unique_id: "e2".into(),
        kind: "slash_command".into(),
        body: "text\u{fffd}".into(),
        received: at(1),
        cluster: String::new(),
    };
    assert_eq!(open[1], expected);
    one.address(second, "edge").await.unwrap();
    assert_eq!(two.inbox_open().await.unwrap()[1], InboxRow { cluster: "edge".into(), ..expected });
    two.close().await;
}

#[tokio::test]
async fn people_are_answered_once() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = store.receive("e1", "slash_command", "{}", at(0)).await.unwrap().unwrap();
    let answer = Outgoing::Respond { response_url: "https://x".into(), message: message("ok") };
    assert!(store.settle(id, Some("the cluster cannot be seen"), std::slice::from_ref(&answer), at(0)).await.unwrap());
    assert!(!store.settle(id, None, std::slice::from_ref(&answer), at(0)).await.unwrap());

    assert_eq!(store.inbox_open().await.unwrap(), []);
    let rows = taken(&store, at(0)).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].destination.as_str(), &rows[0].outgoing, &rows[0].cluster), ("respond", &answer, &None));
}

#[tokio::test]
async fn one_holds_a_lease_and_the_next_has_a_greater_number() {
    let (one, guard) = testing::fresh().await.unwrap();
    let two = Store::open(guard.url()).await.unwrap();
    let (long, over) = (Duration::from_mins(10), Duration::ZERO);
    let (a, b) = tokio::join!(one.take_lease("leader", "a", long), two.take_lease("leader", "b", long));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.is_some() != b.is_some(), "{a:?} {b:?}");
    let first = a.or(b).unwrap();
    let (other, store) = if first.holder == "a" { ("b", &two) } else { ("a", &one) };
    assert_eq!(first.fence, 1);
    assert_eq!(store.lease_holder("leader").await.unwrap().as_ref(), Some(&first.holder));
    assert_eq!(store.lease_holder("nothing").await.unwrap(), None);
    assert_eq!(store.take_lease("leader", other, long).await.unwrap(), None);
    // Who has it keeps it, under the same number.
    assert_eq!(one.take_lease("leader", &first.holder, long).await.unwrap().as_ref(), Some(&first));
    assert!(one.renew(&first, long).await.unwrap());
    assert!(one.holds(&first).await.unwrap());
    assert_eq!(store.take_lease("another", other, long).await.unwrap().unwrap().fence, 2);

    // It expires while its holder sleeps.
    assert!(one.renew(&first, over).await.unwrap());
    assert!(!one.renew(&first, long).await.unwrap());
    assert!(!one.holds(&first).await.unwrap());
    let next = store.take_lease("leader", other, long).await.unwrap().unwrap();
    assert_eq!(next.fence, 3, "greater than all before, whatever they were for");
    assert!(!one.renew(&first, long).await.unwrap());
    one.release(&first).await.unwrap();
    assert_eq!(one.take_lease("leader", &first.holder, long).await.unwrap(), None);

    one.release(&next).await.unwrap();
    assert_eq!(store.lease_holder("leader").await.unwrap(), None);
    assert_eq!(one.take_lease("leader", &first.holder, long).await.unwrap().unwrap().fence, 4);
    two.close().await;
}

#[tokio::test]
async fn what_may_be_said_only_by_who_has_the_right_is_not_said_by_who_lost_it() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let long = Duration::from_mins(1);
    let right = store.take_lease("cluster home", "one", long).await.unwrap().unwrap();
    let say =
        async |value| store.put_and_say(&right, ("told", value), (&cluster(), None), &[post("warning")], at(0)).await;
    assert!(say("first").await.unwrap());
    store.release(&right).await.unwrap();
    store.take_lease("cluster home", "two", long).await.unwrap().unwrap();
    assert!(!say("second").await.unwrap());
    assert_eq!(store.get("told").await.unwrap().as_deref(), Some("first"));
    assert_eq!(store.counts().await.unwrap().pending, 1);
}

#[tokio::test]
async fn a_process_that_is_paused_while_it_writes_does_not_keep_its_rows_for_longer_than_its_right() {
    let (store, _guard) = testing::fresh().await.unwrap();
    if !store.is_shared() {
        return;
    }
    let setting: String =
        sqlx::query_scalar("SHOW idle_in_transaction_session_timeout").fetch_one(&store.pool).await.unwrap();
    assert_eq!(setting, "5s");
}
