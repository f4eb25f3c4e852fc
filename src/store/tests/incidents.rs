//! One open incident per owner, whoever writes; ids, reopening, fencing, versions.

use super::*;

#[tokio::test]
async fn an_incident_gets_the_next_id_of_the_day_and_its_rows_know_it() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let first = opened(&store, "api", at(0)).await;
    let say = |before: Option<&Incident>, after: &Incident| {
        assert_eq!(before, None);
        vec![post(&after.id.0), reply("why")]
    };
    let done = store.transition(request("web", 1, at(1)), |_, _| Some(wrong("web", at(1))), say).await.unwrap();
    let second = done.after.unwrap();
    let tomorrow = opened(&store, "db", at(24 * 60)).await;

    assert_eq!(first.id.0, "INC-2026-11-24-001");
    assert_eq!(second.id.0, "INC-2026-11-24-002");
    assert_eq!(tomorrow.id.0, "INC-2026-11-25-001");
    assert_eq!((done.before, done.rows, second.version), (None, 2, 1));
    assert_eq!(texts(&due(&store, at(1)).await), ["post INC-2026-11-24-002"]);
    let open = store.open_incidents(&cluster()).await.unwrap();
    assert_eq!(open, [first, second, tomorrow]);
    assert_eq!(store.open_incidents(&ClusterId("c2".into())).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changed() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let incident = opened(&store, "api", at(0)).await;
    let say = |_: Option<&Incident>, _: &Incident| vec![post("again")];
    let same = store.transition(request("api", 1, at(1)), |open, _| open.cloned(), say).await.unwrap();
    let none = store.transition(request("web", 1, at(1)), |_, _| None, say).await.unwrap();

    let unchanged = Transitioned { before: Some(incident.clone()), after: Some(incident), rows: 0 };
    assert_eq!(same, unchanged);
    assert_eq!(none, Transitioned { before: None, after: None, rows: 0 });
    assert_eq!(store.counts().await.unwrap(), OutboxCounts::default());
}

#[tokio::test]
async fn a_resolved_incident_reopens_under_its_name_within_a_day_only() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let first = opened(&store, "api", at(0)).await;
    let closed = resolved(&store, "api", at(10)).await;
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), []);
    assert_eq!(store.last_resolved(&cluster(), &owner("api"), at(5)).await.unwrap().as_ref(), Some(&closed));
    assert_eq!(store.last_resolved(&cluster(), &owner("api"), at(11)).await.unwrap(), None);

    let reopen = |now| {
        move |open: Option<&Incident>, last: Option<&Incident>| {
            assert_eq!(open, None);
            let Some(last) = last else { return Some(wrong("api", now)) };
            Some(Incident { status: Status::Open, resolution: None, reopened: last.reopened + 1, ..last.clone() })
        }
    };
    let done = store.transition(request("api", 1, at(20)), reopen(at(20)), silent).await.unwrap();
    let again = done.after.unwrap();
    assert_eq!(done.before, Some(closed));
    assert_eq!((&again.id, again.version, again.reopened), (&first.id, 3, 1));
    assert_eq!(store.open_incidents(&cluster()).await.unwrap(), [again]);

    resolved(&store, "api", at(30)).await;
    let late = at(30 + 24 * 60 + 1);
    let next = store.transition(request("api", 1, late), reopen(late), silent).await.unwrap();
    assert_eq!((next.before, next.after.unwrap().id.0), (None, "INC-2026-11-25-001".into()));
}

#[tokio::test]
async fn two_stores_that_find_the_same_problem_at_once_open_one_incident() {
    let (one, guard) = testing::fresh().await.unwrap();
    let two = Store::open(guard.url()).await.unwrap();
    let open = async |store: &Store, i: i64| {
        let step = move |open: Option<&Incident>, _: Option<&Incident>| {
            let mut incident = open.cloned().unwrap_or_else(|| wrong("api", at(0)));
            incident.reopened += 1;
            incident.updated_at = at(i);
            Some(incident)
        };
        let say = |before: Option<&Incident>, after: &Incident| match before {
            None => vec![post(&after.id.0)],
            Some(_) => vec![reply("grew")],
        };
        store.transition(request("api", 1, at(i)), step, say).await
    };
    let (a, b, c, d) = tokio::join!(open(&one, 1), open(&two, 2), open(&one, 3), open(&two, 4));
    let done = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()];

    assert_eq!(done.iter().filter(|d| d.before.is_none()).count(), 1);
    let open = one.open_incidents(&cluster()).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id.0.as_str(), open[0].version, open[0].reopened), ("INC-2026-11-24-001", 4, 4));
    // The message that is not posted yet says all of it.
    assert_eq!(one.counts().await.unwrap().pending, 1);
    two.close().await;
}

#[tokio::test]
async fn a_writer_whose_lease_another_took_is_refused() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let incident = opened(&store, "api", at(0)).await;
    let worse = |open: Option<&Incident>, _: Option<&Incident>| {
        let mut incident = open?.clone();
        incident.severity = Severity::Sev1;
        Some(incident)
    };
    store.transition(request("api", 3, at(1)), worse, silent).await.unwrap();
    let calm =
        |open: Option<&Incident>, _: Option<&Incident>| Some(Incident { severity: Severity::Sev4, ..open?.clone() });
    let refused = store.transition(request("api", 2, at(2)), calm, |_, _| vec![post("late")]).await.unwrap_err();
    assert!(refused.is_fenced(), "{refused}");
    assert_eq!(
        refused.to_string(),
        "writing an incident: another instance has taken over (this one writes with number 2, the row has 3); \
         nothing was written"
    );
    // It must not open a new one either.
    let opens = store.transition(request("web", 2, at(2)), |_, _| Some(wrong("web", at(2))), silent).await.unwrap_err();
    assert!(opens.is_fenced(), "{opens}");
    let update = UpdateRequest { id: incident.id.clone(), fence: 2, now: at(2), inbox: None };
    let changed = store.update_incident(update, |i| Some(Incident { reopened: 9, ..i.clone() }), silent).await;
    assert!(changed.unwrap_err().is_fenced());

    assert_eq!(store.incident(&incident.id).await.unwrap().unwrap().severity, Severity::Sev1);
    assert_eq!(store.counts().await.unwrap().pending, 0);
}

#[tokio::test]
async fn an_acknowledgement_settles_its_inbox_row_once() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let incident = opened(&store, "api", at(0)).await;
    let inbox = store.receive("e1", "slash_command", "{}", at(1)).await.unwrap();
    let ack = async |fence| {
        let update = UpdateRequest { id: incident.id.clone(), fence, now: at(2), inbox };
        let step = |i: &Incident| Some(Incident { reopened: i.reopened + 1, ..i.clone() });
        store.update_incident(update, step, |_, _| vec![edit("acknowledged"), reply("by ana")]).await.unwrap()
    };
    let first = ack(1).await;
    let second = ack(1).await;

    assert_eq!((first.before.as_ref(), first.rows), (Some(&incident), 2));
    assert_eq!(first.after.as_ref().unwrap().version, 2);
    assert_eq!(second, Transitioned { before: first.after.clone(), after: first.after, rows: 0 });
    assert_eq!(store.inbox_open().await.unwrap(), []);
    let unknown = UpdateRequest { id: IncidentId("INC-1".into()), fence: 1, now: at(2), inbox: None };
    let nothing = store.update_incident(unknown, |i| Some(i.clone()), silent).await.unwrap();
    assert_eq!(nothing, Transitioned { before: None, after: None, rows: 0 });
}

#[tokio::test]
async fn an_incident_is_found_by_the_end_of_its_name() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let old = opened(&store, "api", at(0)).await;
    let second = opened(&store, "web", at(1)).await;
    let new = opened(&store, "db", at(24 * 60)).await;
    let found = async |text: &str| store.find_incident(text).await.unwrap().map(|i| i.id);

    assert_eq!(found("inc-2026-11-24-1").await, Some(old.id.clone()));
    assert_eq!(found("1124-001").await, Some(old.id));
    assert_eq!(found("001").await, Some(new.id.clone()));
    assert_eq!(found("2").await, Some(second.id.clone()));
    assert_eq!(found("3").await, None);
    assert_eq!(found("'; DROP TABLE incidents; --").await, None);
    let recent = store.recent_incidents(&cluster(), at(1), 10).await.unwrap();
    assert_eq!(recent.into_iter().map(|i| i.id).collect::<Vec<_>>(), [new.id, second.id]);
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let (one, guard) = testing::fresh().await.unwrap();
    let two = Store::open(guard.url()).await.unwrap();
    let grow = async |store: &Store, i: u32| {
        let name = format!("app-{}", i % 3);
        let step = |open: Option<&Incident>, _: Option<&Incident>| {
            let mut incident = open.cloned().unwrap_or_else(|| wrong(&name, at(0)));
            incident.reopened += 1;
            Some(incident)
        };
        store.transition(request(&name, 1, at(0)), step, |_, after| vec![reply(&after.id.0)]).await.unwrap();
    };
    futures::future::join_all((0..60).map(|i| grow(if i % 2 == 0 { &one } else { &two }, i))).await;

    let open = one.open_incidents(&cluster()).await.unwrap();
    assert_eq!(open.iter().map(|i| (i.reopened, i.version)).collect::<Vec<_>>(), [(20, 20); 3]);
    let ids: Vec<_> = open.into_iter().map(|i| i.id.0).collect();
    assert_eq!(ids, ["INC-2026-11-24-001", "INC-2026-11-24-002", "INC-2026-11-24-003"]);
    assert_eq!(one.counts().await.unwrap().pending, 60);
    two.close().await;
}
