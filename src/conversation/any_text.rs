//! Whatever the cluster and people write: every answer stays within Slack's limits, and it stays text.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    Answer, commands,
    commands::analyze::{self, Analysis},
    permissions::{Action, Person, PersonKind, Policy, Scope, may},
    reply,
    standing::{Blind, Part, samples},
    thread,
};
use crate::{
    alerts::message::any_text::{any_incident, hostile, stays_text},
    cluster::{Kind, ObjectRef},
    conversation::from_slack::Asker,
    incidents::Incident,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_written_stays_text_in_every_answer(
        it in any_incident(),
        texts in proptest::collection::vec(hostile(), 6),
        question in prop_oneof![Just("why?"), Just("what?"), Just("status"), Just("who?"), Just("do"), Just("logs"), Just("acked?")],
    ) {
        let now = samples::now("14:09:00");
        let [typed, name, why, state, error, namespace] = texts.try_into().unwrap();
        let mut standing = samples::broken();
        let cluster = &mut standing.clusters[0];
        cluster.name = name.clone();
        cluster.namespaces.push(namespace.clone());
        cluster.incidents = vec![it.clone(); 12];
        cluster.blind = vec![Blind { kind: Kind::Pod, namespace: Some(namespace.clone()), since: now.at, why: why.clone(), required: true }; 3];
        cluster.cycles[0].status = state.clone();
        standing.outbox.last_error = Some(error.clone());
        standing.parts = vec![Part { name: name.clone(), state: Ok(state), troubles: vec![error.clone()] }, Part { name, state: Err(error), troubles: Vec::new() }];

        let mut said = vec![
            thread::answer(question, &it, now),
            thread::answer(&typed, &it, now),
            reply::already_resolved(&it, now),
            reply::unknown_incident(&typed, &standing),
            reply::unknown_namespace(&typed, &[namespace.as_str(), "shop"]),
            reply::could_not_check(&why),
            reply::failed(&why),
            analyze::started(&namespace, &standing.clusters[0].blind, now),
            analyze::progress(&namespace, &Kind::ALL),
            analyze::failed(&namespace, &why),
            analysis(&it, &namespace, &why),
        ];
        if let Some(by) = &it.acknowledged {
            said.push(reply::acknowledged(&it, by, now));
            said.push(reply::already_acknowledged(&it, by, now));
        }
        for line in ["status".to_owned(), typed.clone(), format!("ack {typed}"), format!("analyze {typed}"), format!("help {typed}")] {
            if let Answer::Say(message) = commands::answer(&line, &standing) {
                said.push(message);
            }
        }
        let asker = Asker { user: "U1".into(), channel: "C1".into(), team: "T1".into() };
        let guest = Person { id: "U1".into(), name: typed.clone(), team_id: "T1".into(), kind: PersonKind::Guest };
        for (action, scope) in [(Action::Analyze, Scope::Namespace(typed.clone())), (Action::Acknowledge, Scope::Incident(typed))] {
            said.push(reply::refused(&may(&asker, action, &scope, &Policy::default(), &guest).unwrap_err()));
        }
        for message in said {
            stays_text(&message)?;
        }
    }
}

fn analysis(it: &Incident, namespace: &str, why: &str) -> crate::alerts::Message {
    let now = samples::now("14:09:00");
    let findings: Vec<_> = it.findings.values().map(|finding| (**finding).clone()).collect();
    let pending: Vec<_> = findings.iter().map(|finding| (finding.clone(), now.at)).collect();
    let unknown: BTreeMap<String, BTreeSet<ObjectRef>> = [(why.to_owned(), [it.owner.clone()].into())].into();
    analyze::result(&Analysis {
        namespace,
        findings: &findings,
        pending: &pending,
        unknown: &unknown,
        ignored: &unknown,
        incidents: std::slice::from_ref(it),
        blind: &[Blind { kind: Kind::Pod, namespace: None, since: now.at, why: why.to_owned(), required: true }],
        looked_at: &[(Kind::Pod, 3)].into(),
        took: SignedDuration::from_secs(1),
        now,
    })
}
