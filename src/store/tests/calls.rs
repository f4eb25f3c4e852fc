//! Whoever was not called in time is not called once somebody takes care of it, or it is over; whoever was hears how it goes on.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::incidents::{Acknowledgement, escalation::Call};

fn page(action: &str) -> Outgoing {
    Outgoing::PagerDuty { event: json!({"event_action": action, "dedup_key": "k"}) }
}

/// Plays these words one after the other, and says what is sent after it. What fails is due an hour later, and an hour is between two words.
async fn sent_after(words: &str) -> String {
    let (store, _guard) = testing::fresh().await.unwrap();
    let id = opened(&store, "api", at(0)).await.id;
    for (word, minute) in words.split(", ").zip((1..).map(|n| n * 60)) {
        let now = at(minute);
        let change = async |rows: Vec<Outgoing>, step: &(dyn Fn(&mut Incident) + Sync)| {
            let request = UpdateRequest { id: id.clone(), fence: 1, now, inbox: None };
            let touch = |it: &Incident| {
                let mut it = Incident { updated_at: now, ..it.clone() };
                step(&mut it);
                Some(it)
            };
            store.update_incident(request, touch, |_, _| rows.clone()).await.unwrap();
        };
        let calls = |it: &mut Incident| it.telling.ever_called.extend([Call::PagerDuty]);
        let is_taken = Acknowledgement { by: "ana".into(), at: now, note: String::new() };
        match word {
            "called" => change(vec![page("trigger"), Outgoing::Webhook { body: json!("hook") }], &calls).await,
            "called again" => change(vec![page("resolve"), page("trigger")], &calls).await,
            "acked" => {
                let ack = |it: &mut Incident| it.acknowledged = Some(is_taken.clone());
                change(vec![page("acknowledge")], &ack).await;
            }
            "unacked" => change(Vec::new(), &|it| it.acknowledged = None).await,
            "touched" => change(Vec::new(), &|_| {}).await,
            "over" => change(vec![page("resolve")], &|it| it.status = Status::Resolved).await,
            "sent" | "refused" | "in doubt" | "on its way" => {
                for row in taken(&store, now).await {
                    let again = now + SignedDuration::from_mins(90);
                    match word {
                        "sent" => drop(store.sent(row.id, "x", None, now).await.unwrap()),
                        "refused" => store.retry(row.id, again, "503").await.unwrap(),
                        "in doubt" => store.unknown(row.id, again, "timeout").await.unwrap(),
                        _ => {}
                    }
                }
            }
            other => panic!("{other:?} is no word of this table"),
        }
    }
    let mut all = Vec::new();
    loop {
        let rows = taken(&store, at(9999)).await;
        if rows.is_empty() {
            return all.join(", ");
        }
        for row in rows {
            store.sent(row.id, "x", None, at(9999)).await.unwrap();
            let Outgoing::PagerDuty { event } = row.outgoing else {
                all.push("webhook".to_owned());
                continue;
            };
            all.push(event["event_action"].as_str().unwrap().to_owned());
        }
    }
}

#[rstest]
#[case::in_time("called, sent, acked, over", "acknowledge, resolve")]
#[case::still_open("called, refused, touched", "trigger, webhook")]
#[case::over_before("called, over", "")]
#[case::over_after_it_was_refused("called, refused, over", "")]
#[case::taken_and_over("called, refused, acked, over", "")]
#[case::taken_and_looked_at_again("called, refused, acked, touched", "")]
// What may have arrived is ended, but nobody is called late.
#[case::in_doubt("called, in doubt, over", "resolve")]
#[case::in_doubt_and_taken("called, in doubt, acked, over", "acknowledge, resolve")]
#[case::on_its_way("called, on its way, over", "trigger, webhook, resolve")]
// Whoever was called once hears that it is over, also if the second call came too late.
#[case::called_again("called, sent, called again, over", "resolve")]
#[case::called_again_and_taken("called, sent, called again, acked", "acknowledge")]
#[case::taken_back("called, refused, acked, unacked, called again", "resolve, trigger")]
#[tokio::test]
async fn nobody_is_called_late(#[case] story: &str, #[case] sent: &str) {
    assert_eq!(sent_after(story).await, sent);
}
