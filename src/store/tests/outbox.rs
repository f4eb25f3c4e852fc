//! Rows go in order, once; newer edits replace older ones; nothing is lost while a row is on its way.

use super::*;

#[tokio::test]
async fn a_row_waits_for_the_one_before_it_in_the_same_thread_only() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let one = opened(&store, "api", at(0)).await.id;
    let two = opened(&store, "web", at(0)).await.id;
    store.enqueue(&cluster(), Some(&one), &[post("one")], at(0)).await.unwrap();
    store.enqueue(&cluster(), Some(&two), &[post("two")], at(1)).await.unwrap();

    assert_eq!(texts(&due(&store, at(0)).await), ["post one"]);
    let rows = due(&store, at(1)).await;
    assert_eq!(texts(&rows), ["post one", "post two"]);
    assert_eq!(store.sent(rows[1].0, "C1", Some("2.0"), at(1)).await.unwrap(), Marked::Now);
    store.retry(rows[0].0, at(5), "rate limited").await.unwrap();
    assert_eq!(due(&store, at(4)).await, []);
    assert_eq!(store.next_due(at(4)).await.unwrap(), Some(at(5)));
    assert_eq!(store.next_due(at(5)).await.unwrap(), None);

    let rows = taken(&store, at(5)).await;
    assert_eq!((rows.len(), rows[0].attempts, rows[0].state), (1, 1, OutboxState::Pending));
    assert_eq!(store.sent(rows[0].id, "C1", Some("1.0"), at(5)).await.unwrap(), Marked::Now);
    store.enqueue(&cluster(), Some(&one), &[reply("one's first"), reply("one's second")], at(5)).await.unwrap();
    let rows = due(&store, at(5)).await;
    assert_eq!(texts(&rows), ["reply one's first"]);
    store.dead(rows[0].0, "thread_not_found", at(5)).await.unwrap();
    assert_eq!(texts(&due(&store, at(5)).await), ["reply one's second"]);

    assert_eq!(store.root_message(&one, "C1").await.unwrap().as_deref(), Some("1.0"));
    assert_eq!(store.root_message(&one, "C2").await.unwrap(), None);
    assert_eq!(store.incident_of_message("C1", "2.0").await.unwrap(), Some(two));
    assert_eq!(store.incident_of_message("C1", "3.0").await.unwrap(), None);
    let counts = store.counts().await.unwrap();
    assert_eq!(counts, OutboxCounts { pending: 1, dead: 1, held_up: 0, oldest_pending: Some(at(5)) });
    assert_eq!(store.outbox_error().await.unwrap().as_deref(), Some("thread_not_found"));
    assert_eq!((store.dead_since(at(5)).await.unwrap(), store.dead_since(at(6)).await.unwrap()), (1, 0));
}

#[tokio::test]
async fn an_answer_that_was_given_up_is_nobodys_trouble() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let message = Message { text: "late".to_owned(), blocks: Vec::new(), colour: None };
    let respond = Outgoing::Respond { response_url: "u".into(), message: message.clone() };
    let reply_to = Outgoing::ReplyTo { channel: "C1".into(), thread_ts: "1.0".into(), message };
    store.enqueue(&cluster(), None, &[respond, reply_to], at(0)).await.unwrap();
    for row in taken(&store, at(0)).await {
        store.dead(row.id, "too late", at(1)).await.unwrap();
    }
    assert_eq!(store.counts().await.unwrap(), OutboxCounts::default());
    assert_eq!(store.outbox_error().await.unwrap(), None);
    assert_eq!(store.dead_since(at(0)).await.unwrap(), 0);
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
    store.sent(rows[0].0, "C1", Some("1.0"), at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["reply a"]);
    store.sent(rows[0].0, "C1", Some("1.1"), at(0)).await.unwrap();
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

    store.unknown(row, at(1), "time-out").await.unwrap();
    assert_eq!(due(&store, at(0)).await, []);
    put(&[edit("third")]).await;
    let rows = taken(&store, at(1)).await;
    assert_eq!((rows.len(), rows[0].state, rows[0].attempts), (1, OutboxState::Unknown, 2));
    assert_eq!(rows[0].outgoing, post("second"));
    // Nobody could say whether it is there: as unknown as before.
    store.unknown(row, at(2), "history is rate limited").await.unwrap();
    assert_eq!(taken(&store, at(2)).await[0].state, OutboxState::Unknown);
    store.sent(row, "C1", Some("1.0"), at(0)).await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["edit third"]);
}

#[tokio::test]
async fn an_incident_has_one_root_message_in_a_channel() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("one"), post("two")], at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["post two"]);
    store.sent(rows[0].0, "C1", Some("1.0"), at(0)).await.unwrap();
    store.enqueue(&cluster(), Some(&id), &[post("three")], at(0)).await.unwrap();
    // Whether it is there is known when it is sent: the newer text follows in the same lane.
    assert_eq!(texts(&due(&store, at(0)).await), ["post three"]);
}

#[tokio::test]
async fn a_row_of_which_nothing_was_heard_since_it_was_given_out_may_be_in_slack() {
    let (store, guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("text")], at(0)).await.unwrap();
    // Looking at what is due gives nothing out.
    assert_eq!(store.due(at(0), 5).await.unwrap().len(), 1);
    let rows = taken(&store, at(0)).await;
    assert_eq!(rows[0].state, OutboxState::Pending);
    store.close().await;

    let next = Store::open(guard.url()).await.unwrap();
    let rows = taken(&next, at(0)).await;
    assert_eq!(rows[0].state, OutboxState::Unknown);
    next.retry(rows[0].id, at(0), "it is certainly not there").await.unwrap();
    assert_eq!(taken(&next, at(0)).await[0].state, OutboxState::Pending);
    next.close().await;
}

#[tokio::test]
async fn a_destination_with_much_to_send_starves_no_other() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let to = |channel: &str, thread: usize| Outgoing::ReplyTo {
        channel: channel.into(),
        thread_ts: thread.to_string(),
        message: message("text"),
    };
    let many: Vec<_> = (0..60).map(|n| to("C1", n)).chain([to("C2", 1)]).collect();
    store.enqueue(&cluster(), None, &many, at(0)).await.unwrap();
    let rows = store.due(at(0), 2).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.destination.as_str()).collect::<Vec<_>>(), ["C1", "C1", "C2"]);
}

#[tokio::test]
async fn what_waited_for_a_wrong_channel_goes_to_the_right_one() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("text"), reply("worse")], at(0)).await.unwrap();
    store.held("C1", "there is no such channel").await.unwrap();
    assert_eq!(store.outbox_error().await.unwrap().as_deref(), Some("there is no such channel"));
    assert_eq!(store.waiting_destinations().await.unwrap(), [(id.clone(), "C1".to_owned())]);

    let there = Outgoing::Post { channel: "C2".into(), message: message("as it is now") };
    store.readdress((&id, "C1"), &cluster(), &[there], at(1)).await.unwrap();
    assert_eq!(store.waiting_destinations().await.unwrap(), [(id, "C2".to_owned())]);
    assert_eq!(texts(&due(&store, at(1)).await), ["post as it is now"]);
}

#[tokio::test]
async fn a_reply_whose_thread_is_gone_goes_below_a_new_root() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[reply("a"), reply("b")], at(0)).await.unwrap();
    for _ in 0..2 {
        let row = taken(&store, at(0)).await.remove(0);
        store.replace(&row, &[post("as it is now"), row.outgoing.clone()], at(0)).await.unwrap();
    }
    for expected in ["post as it is now", "reply a", "reply b"] {
        let rows = due(&store, at(0)).await;
        assert_eq!(texts(&rows), [expected]);
        store.sent(rows[0].0, "C1", Some("1.0"), at(0)).await.unwrap();
    }
    assert_eq!(store.counts().await.unwrap(), OutboxCounts::default());
}

#[tokio::test]
async fn what_stood_in_the_way_is_gone_and_nothing_waits_any_longer() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    store.enqueue(&cluster(), Some(&id), &[post("text")], at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    store.retry(rows[0].0, at(5), "not in the channel").await.unwrap();
    assert_eq!(due(&store, at(1)).await, []);
    store.hurry(at(1)).await.unwrap();
    assert_eq!(texts(&due(&store, at(1)).await), ["post text"]);
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
    assert_eq!(two.sent(other[0].0, "C1", Some("2.0"), at(1)).await.unwrap(), Marked::Now);
    let first = Some("2.0".to_owned());
    assert_eq!(one.sent(paused[0].0, "C1", Some("1.0"), at(2)).await.unwrap(), Marked::Before { ts: first });
    // What the paused one thinks of the row later changes nothing.
    one.retry(paused[0].0, at(3), "late").await.unwrap();
    one.unknown(paused[0].0, at(3), "late").await.unwrap();
    one.dead(paused[0].0, "late", at(3)).await.unwrap();

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
    let respond = |url: &str, text: &str| Outgoing::Respond { response_url: url.into(), message: message(text) };
    let all = [to("1", "a"), to("2", "b"), to("1", "c"), respond("https://x/1", "d"), respond("https://x/2", "e")];
    store.enqueue(&cluster(), None, &all, at(0)).await.unwrap();
    let rows = due(&store, at(0)).await;
    assert_eq!(texts(&rows), ["reply to a", "reply to b", "respond d", "respond e"]);
    store.retry(rows[0].0, at(9), "no").await.unwrap();
    assert_eq!(texts(&due(&store, at(0)).await), ["reply to b", "respond d", "respond e"]);
    // One of each destination.
    assert_eq!(store.due(at(0), 1).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_message_that_is_not_posted_yet_says_everything_itself_and_of_what_waits_for_long_only_the_newest_is_said() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    let said =
        |text: &str, broadcast, word| Outgoing::Reply { channel: "C1".into(), message: message(text), broadcast, word };
    let change = async |rows: &[Outgoing], minute: i64| {
        let request = UpdateRequest { id: id.clone(), fence: 1, now: at(minute), inbox: None };
        let touch = |it: &Incident| Some(Incident { updated_at: at(minute), ..it.clone() });
        store.update_incident(request, touch, |_, _| rows.to_vec()).await.unwrap();
    };
    let waiting = async || {
        let mut all = Vec::new();
        for (row, text) in due(&store, at(999)).await {
            store.sent(row, "C1", Some("1.0"), at(999)).await.unwrap();
            all.push(text);
        }
        all
    };
    change(&[post("it is bad")], 10).await;
    change(&[edit("it is worse"), said("worse", true, Word::News)], 20).await;
    assert_eq!(waiting().await, ["post it is worse"]);
    assert_eq!(waiting().await, Vec::<String>::new());

    // Slack is away for long: a line in between gives way, what is loud does not give way to what is quiet.
    change(&[edit("a"), said("a line", false, Word::News)], 100).await;
    change(&[edit("b"), said("another line", false, Word::News)], 101).await;
    change(&[edit("c"), said("worse", true, Word::News)], 250).await;
    change(&[edit("d"), said("a last line", false, Word::News)], 400).await;
    let mut all = Vec::new();
    loop {
        match waiting().await {
            more if more.is_empty() => break,
            more => all.extend(more),
        }
    }
    assert_eq!(all, ["edit d", "reply worse", "reply a last line"]);

    // What is over is over.
    change(&[edit("e"), said("back", true, Word::News)], 500).await;
    change(&[edit("f"), said("resolved", false, Word::Last)], 700).await;
    assert_eq!([waiting().await, waiting().await, waiting().await].concat(), ["edit f", "reply resolved"]);
}

#[tokio::test]
async fn whoever_is_called_is_called_although_it_had_to_wait_unless_it_is_over() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    let said =
        |text: &str, word| Outgoing::Reply { channel: "C1".into(), message: message(text), broadcast: true, word };
    let change = async |rows: &[Outgoing], minute: i64| {
        let request = UpdateRequest { id: id.clone(), fence: 1, now: at(minute), inbox: None };
        let touch = |it: &Incident| Some(Incident { updated_at: at(minute), ..it.clone() });
        store.update_incident(request, touch, |_, _| rows.to_vec()).await.unwrap();
    };
    change(&[post("it is bad")], 10).await;
    change(&[said("@ana", Word::Call)], 600).await;
    change(&[said("@ben", Word::Call)], 900).await;
    change(&[edit("it is worse"), said("still", Word::News)], 1200).await;
    let mut sent = Vec::new();
    while let Some((row, text)) = due(&store, at(2000)).await.into_iter().next() {
        store.sent(row, "C1", Some("1.0"), at(2000)).await.unwrap();
        sent.push(text);
    }
    assert_eq!(sent, ["post it is worse", "reply @ana", "reply @ben"]);

    change(&[said("@ana again", Word::Call)], 2100).await;
    change(&[edit("it is over"), said("over", Word::Last)], 2400).await;
    let waits: Vec<String> = due(&store, at(3000)).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(waits, ["edit it is over"]);
}

#[tokio::test]
async fn what_was_written_while_a_first_post_failed_is_in_it_and_not_told_below_it() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    let call = Outgoing::Reply { channel: "C1".into(), message: message("@ana"), broadcast: false, word: Word::Call };
    store.enqueue(&cluster(), Some(&id), &[post("it is bad")], at(0)).await.unwrap();
    let row = taken(&store, at(0)).await.remove(0);
    store.enqueue(&cluster(), Some(&id), &[edit("it is worse"), reply("it got worse"), call], at(1)).await.unwrap();
    store.retry(row.id, at(2), "not_in_channel").await.unwrap();

    let mut sent = Vec::new();
    while let Some((row, text)) = due(&store, at(3)).await.into_iter().next() {
        store.sent(row, "C1", Some("1.0"), at(3)).await.unwrap();
        sent.push(text);
    }
    assert_eq!(sent, ["post it is worse", "reply @ana"]);
}
