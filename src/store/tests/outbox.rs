//! Rows go in order, once; newer edits replace older ones; nothing is lost while a row is on its way.

use super::*;

#[tokio::test]
async fn a_row_waits_for_the_one_before_it_in_the_same_thread_only() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let one = opened(&store, "api", at(0)).await.id;
    let two = opened(&store, "web", at(0)).await.id;
    store
        .enqueue(&cluster(), Some(&one), &[post("one"), reply("one's first"), reply("one's second")], at(0))
        .await
        .unwrap();
    store.enqueue(&cluster(), Some(&two), &[post("two")], at(1)).await.unwrap();

    assert_eq!(texts(&due(&store, at(0)).await), ["post one"]);
    let rows = due(&store, at(1)).await;
    assert_eq!(texts(&rows), ["post one", "post two"]);
    assert!(store.sent(rows[1].0, Some("2.0"), at(1)).await.unwrap());
    store.retry(rows[0].0, at(5), "rate limited").await.unwrap();
    assert_eq!(due(&store, at(4)).await, []);
    assert_eq!(store.next_due(at(4)).await.unwrap(), Some(at(5)));
    assert_eq!(store.next_due(at(5)).await.unwrap(), None);

    let rows = store.due(at(5), 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].attempts, rows[0].state), (1, 1, OutboxState::Pending));
    assert!(store.sent(rows[0].id, Some("1.0"), at(5)).await.unwrap());
    let rows = due(&store, at(5)).await;
    assert_eq!(texts(&rows), ["reply one's first"]);
    store.dead(rows[0].0, "thread_not_found").await.unwrap();
    assert_eq!(texts(&due(&store, at(5)).await), ["reply one's second"]);

    assert_eq!(store.root_message(&one, "C1").await.unwrap().as_deref(), Some("1.0"));
    assert_eq!(store.root_message(&one, "C2").await.unwrap(), None);
    assert_eq!(store.incident_of_message("C1", "2.0").await.unwrap(), Some(two));
    assert_eq!(store.incident_of_message("C1", "3.0").await.unwrap(), None);
    let counts = store.counts().await.unwrap();
    assert_eq!(counts, OutboxCounts { pending: 1, dead: 1, oldest_pending: Some(at(0)) });
}

#[tokio::test]
async fn an_edit_replaces_the_unsent_one_before_it() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    let put = async |outgoing: &[Outgoing]| store.enqueue(&cluster(), Some(&id), outgoing, at(0)).await.unwrap();
    put(&[post("first text"), reply("a")]).await;
    put(&[edit("second text")]).await;
    put(&[edit("third text")]).await;
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["post third text"]);

    // On its way: the newer text has to follow it.
    put(&[edit("fourth text")]).await;
    put(&[edit("fifth text")]).await;
    assert_eq!(texts(&due(&store, at(0)).await), ["post third text"]);
    store.sent(rows[0].0, Some("1.0"), at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["reply a"]);
    store.sent(rows[0].0, Some("1.1"), at(0)).await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["edit fifth text"]);
    // The reply did not become the root message.
    assert_eq!(store.root_message(&id, "C1").await.unwrap().as_deref(), Some("1.0"));
}

#[tokio::test]
async fn a_post_that_certainly_failed_takes_the_newer_text_and_one_that_may_be_there_does_not() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    let put = async |outgoing: &[Outgoing]| store.enqueue(&cluster(), Some(&id), outgoing, at(0)).await.unwrap();
    put(&[post("first")]).await;
    let (row, _) = due(&store, at(0)).await.remove(0);
    store.retry(row, at(0), "rate limited").await.unwrap();
    put(&[edit("second")]).await;
    assert_eq!(texts(&due(&store, at(0)).await), ["post second"]);

    store.unknown(row, "time-out").await.unwrap();
    put(&[edit("third")]).await;
    let rows = store.due(at(0), 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].state, rows[0].attempts), (1, OutboxState::Unknown, 2));
    assert_eq!(rows[0].outgoing, post("second"));
    store.sent(row, Some("1.0"), at(0)).await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["edit third"]);
}

#[tokio::test]
async fn an_incident_has_one_root_message_in_a_channel() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("one"), post("two")], at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["post two"]);
    store.sent(rows[0].0, Some("1.0"), at(0)).await.unwrap();
    store.enqueue(&cluster(), Some(&id), &[post("three")], at(0)).await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["edit three"]);
}

#[tokio::test]
async fn what_a_paused_sender_doubled_is_known() {
    let (one, guard) = testing::fresh().await.unwrap();
    let two = Store::open(guard.url()).await.unwrap();
    let id = opened(&one, "api", at(0)).await.id;
    one.enqueue(&cluster(), Some(&id), &[post("text")], at(0)).await.unwrap();
    let paused = due(&one, at(0)).await;
    // It sleeps so long that another takes over and sends.
    let other = due(&two, at(1)).await;
    assert_eq!(paused, other);
    assert!(two.sent(other[0].0, Some("2.0"), at(1)).await.unwrap());
    assert!(!one.sent(paused[0].0, Some("1.0"), at(2)).await.unwrap());
    // What the paused one thinks of the row later changes nothing.
    one.retry(paused[0].0, at(3), "late").await.unwrap();
    one.unknown(paused[0].0, "late").await.unwrap();
    one.dead(paused[0].0, "late").await.unwrap();

    assert_eq!(one.root_message(&id, "C1").await.unwrap().as_deref(), Some("2.0"));
    assert_eq!(one.counts().await.unwrap(), OutboxCounts::default());
    two.close().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_given_holds_up_nobody_else() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let to = |thread: &str, text: &str| Outgoing::ReplyTo {
        channel: "C1".into(),
        thread_ts: thread.into(),
        message: message(text),
    };
    let respond =
        |url: &str, text: &str| Outgoing::Respond { response_url: url.into(), message: message(text), replace: false };
    let all = [to("1", "a"), to("2", "b"), to("1", "c"), respond("https://x/1", "d"), respond("https://x/2", "e")];
    store.enqueue(&cluster(), None, &all, at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["reply to a", "reply to b", "respond d", "respond e"]);
    store.retry(rows[0].0, at(9), "no").await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["reply to b", "respond d", "respond e"]);
    assert_eq!(store.due(at(0), 1).await.unwrap().len(), 1);
}
