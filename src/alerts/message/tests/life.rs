//! What an incident says in each part of its life, from firing to resolved.

use super::*;

#[test]
fn an_incident_that_cannot_be_judged_says_why() {
    let it = Incident { frozen: Some("cannot read pods: the API server does not answer".into()), ..unserved() };
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    I cannot judge it at the moment, so it stays as it was: cannot read pods: the API server does not answer
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
}

#[test]
fn an_incident_that_recovers_says_what_was_and_gives_no_orders() {
    let it = Incident { healthy_since: Some(at(7)), impact: impact(2, 2), updated_at: at(7), ..unserved() };
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · recovering · api: 2 of 2 ready again* · INC-2026-11-24-001
    Was: container api ends with exit code 1, cause unknown; restarted 5 times
    2 of 2 replicas ready · Deployment shop/api (P0)
    Well since 14:07 UTC; resolved if it stays so
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:07 UTC
    ");
}

#[test]
fn an_acknowledged_incident_says_by_whom_and_has_no_button() {
    let it = acknowledged(unserved(), "rolling back to 2.3.1");
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · acknowledged · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Acknowledged by <@U0ANA> at 14:04 UTC: rolling back to 2.3.1
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    assert_snapshot!(thread(Note::Acknowledged, &it), @"Acknowledged by <@U0ANA> at 14:04 UTC: rolling back to 2.3.1");
    assert_snapshot!(thread(Note::Acknowledged, &acknowledged(unserved(), "")), @"Acknowledged by <@U0ANA> at 14:04 UTC");
}

#[test]
fn an_incident_that_gets_worse_says_it_so_that_it_can_be_understood_in_the_channel() {
    assert_snapshot!(thread(Note::Worse, &unserved()), @"
    🔴 *Worse: SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    SEV-1 because P0 service: nothing ready for over 1 min
    Hit: Service shop/api has no ready endpoint
    ");
    assert_snapshot!(thread(Note::Worse, &acknowledged(unserved(), "")), @"
    🔴 *Worse: SEV-1 · acknowledged · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    SEV-1 because P0 service: nothing ready for over 1 min
    Hit: Service shop/api has no ready endpoint
    ");
}

#[test]
fn an_incident_that_comes_back_is_flapping() {
    let it = Incident { reopened: 2, ..unserved() };
    assert_snapshot!(said(&it), @"
    🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    Do: Read why it ended: kubectl -n shop logs api-1 -c api --previous
    Flapping, 3rd time within a day: it counts as resolved once it was well for 20 min
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    [ Acknowledge ]
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    assert_snapshot!(thread(Note::Reopened, &it), @"
    🔴 *It is back: SEV-1 · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    It came back twice within a day, so it now has to be well for 20 min before it counts as resolved.
    ");
}

#[test]
fn a_resolved_incident_says_how_it_ended_and_that_the_rest_is_past() {
    let it = resolved(acknowledged(unserved(), ""), "2 of 2 replicas ready for 5 min");
    assert_snapshot!(said(&it), @"
    ✅ *Resolved after 12 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
    Was: container api ends with exit code 1, cause unknown; restarted 5 times
    2 of 2 replicas ready · Deployment shop/api (P0)
    Acknowledged by <@U0ANA> at 14:04 UTC
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    since 14:00 UTC · seen 14:01 UTC · resolved 14:12 UTC
    ");
    assert_snapshot!(thread(Note::Resolved, &it), @"✅ *Resolved after 12 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001");
}

#[test]
fn what_was_deleted_is_not_called_well() {
    let mut it = resolved(unserved(), "deleted");
    it.impact = Impact::default();
    assert_snapshot!(said(&it), @"
    ✅ *Resolved after 12 min · api: deleted (was SEV-1)* · INC-2026-11-24-001
    Was: container api ends with exit code 1, cause unknown; restarted 5 times
    Deployment shop/api (P0)
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    since 14:00 UTC · seen 14:01 UTC · resolved 14:12 UTC
    ");
}

#[test]
fn a_resolved_incident_was_as_bad_as_its_worst() {
    let it = Incident { severity: Severity::Sev3, ..resolved(unserved(), "a later run succeeded") };
    assert_snapshot!(said(&it).lines().next().unwrap(), @"✅ *Resolved after 12 min · api: a later run succeeded (was SEV-1)* · INC-2026-11-24-001");
}

fn hit(name: &str, priority: Option<Priority>, ready: i32) -> Hit {
    let mut impact = impact(ready, 2);
    name.clone_into(&mut impact.services[0].name);
    Hit {
        owner: owner("Deployment", "shop", name),
        stake: Arc::new(Stake::of(priority)),
        classes: vec![ConditionClass::ReplicasMissing],
        impact,
        since: at(0),
        outage: None,
        severity: Severity::Sev2,
    }
}

#[test]
fn a_shared_cause_names_whom_it_hits() {
    let mut it = of(
        ConditionClass::RegistryDown,
        "RegistryUnreachable",
        "no node gets images of ghcr.io: the registry refuses connections",
        "See whether ghcr.io works",
    );
    it.owner = owner("Registry", "", "ghcr.io");
    (it.stake, it.impact) = (Arc::default(), Impact::default());
    let names = ["cart", "mail", "search", "web", "x<!channel>"];
    let mut worst: Vec<Hit> = names.iter().map(|name| hit(name, None, 0)).collect();
    worst.insert(0, hit("api", Some(Priority::P0), 1));
    it.hits = Hits { all: 30, unserved: 29, named: worst };
    assert_snapshot!(said(&it), @"
    🟠 *SEV-2 · images of ghcr.io cannot be pulled* · INC-2026-11-24-001
    No node gets images of ghcr.io: the registry refuses connections
    Hit: 30 workloads, 29 of them serve nobody: shop/api (P0), shop/cart, shop/mail, shop/search, shop/web and 25 more
    Hit: Services shop/cart, shop/mail, shop/search and 2 more have no ready endpoint
    Do: See whether ghcr.io works
    [ Acknowledge ]
    SEV-2 because P0 service: degraded, but serving · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    it.hits = Hits { all: 1, unserved: 1, named: vec![hit("api", Some(Priority::P0), 0)] };
    assert!(said(&it).contains("\nHit: 1 workload, which serves nobody: shop/api (P0)\n"), "{}", said(&it));
}

#[test]
fn a_symptom_says_where_it_is_told() {
    let mut it = unserved();
    (it.parent, it.symptom_of) = (Some(IncidentId("INC-2026-11-24-002".into())), Some(owner("Node", "", "n1")));
    assert_snapshot!(said(&it), @"
    ⚪ *Part of INC-2026-11-24-002 (Node n1) · api serves nobody* · INC-2026-11-24-001
    Container api ends with exit code 1, cause unknown; restarted 5 times
    0 of 2 replicas ready · Deployment shop/api (P0)
    Hit: Service shop/api has no ready endpoint
    Part of INC-2026-11-24-002 (Node n1): everything is told there
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    SEV-1 because P0 service: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
    ");
    assert_snapshot!(thread(Note::Absorbed, &it), @"This is part of INC-2026-11-24-002 (Node n1): everything is told there from now on.");
    assert_snapshot!(said(&resolved(it, "2 of 2 replicas ready for 5 min")), @"
    ✅ *Resolved after 12 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
    Was: container api ends with exit code 1, cause unknown; restarted 5 times
    2 of 2 replicas ready · Deployment shop/api (P0)
    Pod shop/api-1 container api: ended: Error, exit code 1, ran 3 s, restarted 5 times
    since 14:00 UTC · seen 14:01 UTC · resolved 14:12 UTC
    ");
    assert_snapshot!(thread(Note::Released, &unserved()), @"
    🔴 *Not over: SEV-1 · api serves nobody* · INC-2026-11-24-001
    What it was a symptom of is over, and this is still wrong: container api ends with exit code 1, cause unknown; restarted 5 times
    ");
}
