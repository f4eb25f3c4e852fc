//! What a person and a program read.

use std::borrow::Cow;

use super::*;
use crate::findings::Settings;
use crate::{
    cluster::{ClusterIndex, Dump, History, Visibility},
    findings::{ConditionClass, Evidence, Impact, Level, ServiceHit},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn owner(kind: &'static str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

fn finding() -> Finding {
    Finding {
        check: Cow::Borrowed("crash-loop"),
        owner: owner("Deployment", "shop", "api"),
        objects: vec![owner("Pod", "shop", "api-1")],
        class: ConditionClass::Crash,
        reason: "CrashLoopBackOff".into(),
        message: "container app ends with exit code 1:\n\u{1b}[31mno route to db\u{1b}[0m".into(),
        since: at("2026-11-24T02:50:00Z"),
        severity: Level::Critical,
        impact: Impact {
            ready: Some(0),
            desired: Some(2),
            services: vec![ServiceHit {
                namespace: "shop".into(),
                name: "api".into(),
                ready_endpoints: 0,
                endpoints: 2,
            }],
            ..Impact::default()
        },
        evidence: vec![
            Evidence {
                source: "Pod shop/api-1 container app".into(),
                text: "exit code 1, restarted 6 times".into(),
                at: Some(at("2026-11-24T02:58:00Z")),
            },
            Evidence { source: "Event BackOff ×7".into(), text: "Back-off restarting".into(), at: None },
        ],
        recommendation: "Read why it ended: kubectl -n shop logs api-1 --previous".into(),
        cause: None,
        log: None,
        grace: jiff::SignedDuration::ZERO,
    }
}

fn report() -> Report {
    Report {
        cluster: "prod".into(),
        now: at("2026-11-24T03:00:00Z"),
        findings: Vec::new(),
        incidents: Vec::new(),
        pending: Vec::new(),
        blind: Vec::new(),
        problems: Vec::new(),
        looked_at: LookedAt { workloads: 14, nodes: 3, claims: 1, others: 0 },
    }
}

fn bad() -> Report {
    let mut waiting = finding();
    waiting.owner = owner("Deployment", "shop", "web");
    waiting.message = "1 of 2 replicas is not ready".into();
    let blind = Blind {
        kind: Kind::Event,
        namespace: None,
        since: at("2026-11-23T22:00:00Z"),
        why: "forbidden".into(),
        required: false,
    };
    Report {
        findings: vec![(finding(), Some(Priority::P1))],
        pending: vec![(waiting, at("2026-11-24T03:01:00Z"))],
        blind: vec![blind],
        ..report()
    }
}

#[test]
fn a_person_reads_what_where_since_who_is_hit_why_and_what_to_do() {
    insta::assert_snapshot!(bad().to_text(false), @r"
    critical  Deployment shop/api (P1)  CrashLoopBackOff
       what  container app ends with exit code 1: no route to db
      since  02:50:00 UTC (10 min ago)
        hit  0 of 2 ready; Service shop/api: 0 of 2 endpoints ready
       seen  Pod shop/api-1 container app: exit code 1, restarted 6 times (02:58:00 UTC)
       seen  Event BackOff ×7: Back-off restarting
         do  Read why it ended: kubectl -n shop logs api-1 --previous

    Waiting: Deployment shop/web: 1 of 2 replicas is not ready (wrong at 03:01:00 UTC unless it heals)

    Cannot see: events: forbidden, since 2026-11-23 22:00 UTC (can do without)

    1 thing is wrong in shop; 14 workloads, 3 nodes, 1 volume claim looked at
    ");
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let colourful = anstream::adapter::strip_str(&bad().to_text(true)).to_string();
    assert_eq!(colourful, bad().to_text(false));
    assert!(bad().to_text(true).contains("\u{1b}["));
}

#[test]
fn a_program_reads_every_field_that_is_documented() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&bad().to_json()).unwrap(), @r#"
    {
      "blind": [
        {
          "kind": "Event",
          "namespace": null,
          "required": false,
          "since": "2026-11-23T22:00:00Z",
          "why": "forbidden"
        }
      ],
      "cluster": "prod",
      "findings": [
        {
          "check": "crash-loop",
          "evidence": [
            {
              "at": "2026-11-24T02:58:00Z",
              "source": "Pod shop/api-1 container app",
              "text": "exit code 1, restarted 6 times"
            },
            {
              "source": "Event BackOff ×7",
              "text": "Back-off restarting"
            }
          ],
          "impact": {
            "desired": 2,
            "ready": 0,
            "services": [
              {
                "endpoints": 2,
                "name": "api",
                "namespace": "shop",
                "ready_endpoints": 0
              }
            ]
          },
          "message": "container app ends with exit code 1:\n\u001b[31mno route to db\u001b[0m",
          "objects": [
            {
              "kind": "Pod",
              "name": "api-1",
              "namespace": "shop"
            }
          ],
          "owner": {
            "kind": "Deployment",
            "name": "api",
            "namespace": "shop"
          },
          "priority": "P1",
          "reason": "CrashLoopBackOff",
          "recommendation": "Read why it ended: kubectl -n shop logs api-1 --previous",
          "severity": "critical",
          "since": "2026-11-24T02:50:00Z"
        }
      ],
      "incidents": [],
      "looked_at": {
        "claims": 1,
        "nodes": 3,
        "others": 0,
        "workloads": 14
      },
      "now": "2026-11-24T03:00:00Z",
      "pending": [
        {
          "check": "crash-loop",
          "message": "1 of 2 replicas is not ready",
          "owner": {
            "kind": "Deployment",
            "name": "web",
            "namespace": "shop"
          },
          "reason": "CrashLoopBackOff",
          "since": "2026-11-24T02:50:00Z",
          "wrong_at": "2026-11-24T03:01:00Z"
        }
      ],
      "problems": [],
      "schema": 1
    }
    "#);
}

#[test]
fn the_last_line_claims_no_more_than_was_seen() {
    let last = |report: &Report| report.to_text(false).lines().last().unwrap_or_default().to_owned();
    let mut report = report();
    assert_eq!(last(&report), "Nothing wrong: 14 workloads, 3 nodes, 1 volume claim looked at");
    assert_eq!(report.exit_code(), 0);
    let mut blind =
        Blind { kind: Kind::Event, namespace: None, since: report.now, why: "forbidden".into(), required: false };
    report.blind.push(blind.clone());
    assert_eq!(report.exit_code(), 0, "can do without");
    (blind.kind, blind.required) = (Kind::Node, true);
    report.blind.push(blind);
    report.looked_at.nodes = 0;
    assert_eq!(report.exit_code(), 2);
    assert_eq!(
        last(&report),
        "Nothing wrong in what can be seen, which is not all: 14 workloads, 1 volume claim looked at"
    );
    report.looked_at = LookedAt::default();
    assert_eq!(last(&report), "Nothing was looked at: it cannot be seen");
    report.blind.clear();
    assert_eq!(last(&report), "Nothing was looked at: no workload, node or volume claim is there");
    let mut many = bad();
    assert_eq!(many.exit_code(), 1);
    many.findings = ["a", "b", "c", "d", "e"]
        .map(|namespace| (Finding { owner: owner("Pod", namespace, "p"), ..finding() }, None))
        .into();
    assert_eq!(
        last(&many),
        "5 things are wrong in a, b, c and 2 more namespaces; 14 workloads, 3 nodes, 1 volume claim looked at"
    );
}

#[test]
fn a_dump_with_garbage_in_it_is_judged_and_ends_with_two() {
    let good = r#"{"kind":"Pod","metadata":{"name":"p","namespace":"shop"},"status":{"phase":"Running",
        "conditions":[{"type":"Ready","status":"True"}]}}"#;
    let dump = Dump::read(&[("good.json", good), ("bad.json", "{\"kind\": 3")]);
    let (now, problems) = (at("2026-11-24T03:00:00Z"), dump.problems.clone());
    let (index, history) = dump.into_index(now);
    let look =
        Look { index: &index, history: &history, now, no_grace: false, settings: &Settings::DEFAULT, known: None };
    let report = Report::of(&look, "dump", None, (&Priorities::default(), &Policy::default())).with_problems(problems);
    assert_eq!(report.exit_code(), 2);
    insta::assert_snapshot!(report.to_text(false), @r"
    Cannot read: bad.json, document 1: not valid JSON: EOF while parsing an object at line 1 column 10

    Nothing wrong in what can be seen, which is not all: 1 workload looked at
    ");
    let other = Report::of(&look, "dump", Some("other"), (&Priorities::default(), &Policy::default()));
    assert_eq!(other.looked_at, LookedAt::default());
}

#[test]
fn a_kind_that_was_never_read_is_blind_unless_it_is_read_in_namespaces() {
    let (mut index, history, now) = (ClusterIndex::default(), History::default(), at("2026-11-24T03:00:00Z"));
    for kind in Kind::ALL {
        index.sight_mut().set(kind, None, Visibility::Seen(now));
    }
    let forbidden = Visibility::Blind { since: now, why: "forbidden".into() };
    index.sight_mut().set(Kind::Node, None, forbidden.clone());
    index.sight_mut().set(Kind::Pod, Some("pay"), forbidden);
    let look =
        Look { index: &index, history: &history, now, no_grace: false, settings: &Settings::DEFAULT, known: None };
    let blind = |namespace| {
        let report = Report::of(&look, "prod", namespace, (&Priorities::default(), &Policy::default()));
        report.blind.iter().map(|b| format!("{} {:?}", b.kind, b.namespace)).collect::<Vec<_>>()
    };
    assert_eq!(blind(None), ["Node None", "Pod Some(\"pay\")"]);
    assert_eq!(blind(Some("shop")), ["Node None"]);
    let nothing = ClusterIndex::default();
    let look =
        Look { index: &nothing, history: &history, now, no_grace: false, settings: &Settings::DEFAULT, known: None };
    assert_eq!(
        Report::of(&look, "prod", None, (&Priorities::default(), &Policy::default())).blind.len(),
        Kind::ALL.len()
    );
}
