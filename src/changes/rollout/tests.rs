//! Workloads and their versions as the API server gives them come in; the rollouts are held against what was really done, in what order.

use std::borrow::Cow;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Before, Rollout, rollouts};
use crate::cluster::ObjectRef;

fn owner(kind: &'static str) -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed(kind), namespace: "shop".into(), name: "api".into() }
}

fn time(clock: &str) -> String {
    format!("2026-11-24T{clock}Z")
}

fn template(tag: &str) -> Value {
    json!({"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "api", "image": format!("shop/api:{tag}")}]}})
}

/// A `ReplicaSet` as the controller of Deployments leaves it.
fn set(name: &str, number: &str, created: &str, tag: &str) -> Value {
    let mut template = template(tag);
    template["metadata"]["labels"]["pod-template-hash"] = json!(name);
    json!({
        "metadata": {
            "name": name, "creationTimestamp": time(created), "annotations": {"deployment.kubernetes.io/revision": number}
        },
        "spec": {"replicas": 2, "template": template}
    })
}

fn noted(mut object: Value, annotation: &str, value: &str) -> Value {
    object["metadata"]["annotations"][annotation] = json!(value);
    object
}

fn back(object: Value, numbers_before: &str) -> Value {
    noted(object, "deployment.kubernetes.io/revision-history", numbers_before)
}

fn because(object: Value, cause: &str) -> Value {
    noted(object, "kubernetes.io/change-cause", cause)
}

/// A `ControllerRevision` as the controllers of `StatefulSet`s and `DaemonSet`s leave it.
fn controller_revision(name: &str, number: u64, created: &str, tag: &str) -> Value {
    let mut template = template(tag);
    template["$patch"] = json!("replace");
    json!({
        "metadata": {"name": name, "creationTimestamp": time(created), "annotations": {}},
        "data": {"spec": {"template": template}}, "revision": number
    })
}

/// A workload whose template was last changed so and then.
fn changed(manager: &str, at: &str) -> Value {
    json!({"metadata": {"name": "api", "namespace": "shop", "annotations": {}, "managedFields": [
        {"manager": manager, "operation": "Update", "time": time(at), "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "kube-controller-manager", "operation": "Update", "time": time("23:00:00"), "subresource": "status",
         "fieldsV1": {"f:status": {}}}
    ]}})
}

/// Each rollout in a line: number, version, time, who, what is different.
fn told(rollouts: &[Rollout]) -> String {
    let lines = rollouts.iter().map(|rollout| {
        let Rollout { number, revision, at, by, is_current, .. } = rollout;
        let before = match &rollout.before {
            Before::Nothing => "nothing before".to_owned(),
            Before::Forgotten => "forgotten what was before".to_owned(),
            Before::Revision(before, differences) => {
                let words: Vec<String> = differences.iter().map(ToString::to_string).collect();
                format!("after #{before}: {}", words.join(", "))
            }
        };
        let by = by
            .as_ref()
            .map(|by| format!(" by {by}{}", by.cause.as_ref().map(|c| format!(" ({c})")).unwrap_or_default()));
        let current = if *is_current { "*" } else { "" };
        format!("#{number}{current} {revision} {}{} | {before}", at.strftime("%H:%M:%S"), by.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn of(workload: &Value, versions: &[Value]) -> String {
    told(&rollouts(&owner("Deployment"), workload, versions))
}

#[test]
fn each_version_is_a_rollout_and_who_did_it_is_known_of_the_last() {
    let versions = [set("a", "1", "10:00:00", "1"), set("b", "2", "11:00:00", "2"), set("c", "10", "12:00:00", "3")];
    let expected = of(&changed("kubectl-set", "12:00:00"), &versions);
    assert_snapshot!(expected, @"
    #10* c 12:00:00 by kubectl set | after #2: image api:2 → 3
    #2 b 11:00:00 | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
    let [a, b, c] = versions;
    for versions in [[c.clone(), a.clone(), b.clone()], [b.clone(), c.clone(), a.clone()], [c, b, a]] {
        assert_eq!(of(&changed("kubectl-set", "12:00:00"), &versions), expected, "the order of a list says nothing");
    }
}

#[test]
fn a_version_that_came_back_is_another_rollout_from_when_it_was_brought_back() {
    let versions = [back(set("a", "3", "10:00:00", "1"), "1"), set("b", "2", "11:00:00", "2")];
    assert_snapshot!(of(&changed("kubectl-rollout", "11:20:00"), &versions), @"
    #3* a 11:20:00 by kubectl rollout | after #2: image api:2 → 1
    #2 b 11:00:00 | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
}

#[test]
fn versions_that_came_back_again_and_again_keep_all_their_numbers() {
    let versions = [back(set("a", "5", "10:00:00", "1"), "1,3"), back(set("b", "4", "11:00:00", "2"), "2")];
    assert_snapshot!(of(&changed("argocd-controller", "13:00:00"), &versions), @"
    #5* a 13:00:00 by Argo CD application | after #4: image api:2 → 1
    #4 b 11:00:00 | after #3: image api:1 → 2
    #3 a 11:00:00 | after #2: image api:2 → 1
    #2 b 11:00:00 | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
}

#[test]
fn numbers_that_a_version_cannot_have_had_are_left_out() {
    let versions = [set("a", "1", "10:00:00", "1"), back(set("b", "2", "11:00:00", "2"), "2,2,7,x,")];
    assert_snapshot!(of(&changed("kubectl-edit", "11:00:00"), &versions), @"
    #2* b 11:00:00 by kubectl edit | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
}

#[test]
fn a_history_that_is_not_kept_is_forgotten_and_not_made_up() {
    assert_snapshot!(of(&changed("helm", "12:00:00"), &[set("c", "14", "12:00:00", "3")]), @"#14* c 12:00:00 by Helm release | forgotten what was before");
    // Of one that came back as well: what was between is gone, so it is not a change to itself.
    let came_back = back(set("a", "3", "10:00:00", "1"), "1");
    assert_snapshot!(of(&changed("kubectl-rollout", "11:20:00"), &[came_back]), @"
    #3* a 11:20:00 by kubectl rollout | forgotten what was before
    #1 a 10:00:00 | nothing before
    ");
    assert_eq!(of(&changed("helm", "12:00:00"), &[]), "");
}

#[test]
fn controller_revisions_are_versions_like_replica_sets() {
    let versions =
        [controller_revision("api-6c8", 2, "11:00:00", "2"), controller_revision("api-5d4", 1, "10:00:00", "1")];
    assert_snapshot!(told(&rollouts(&owner("StatefulSet"), &changed("kubectl-edit", "11:00:00"), &versions)), @"
    #2* api-6c8 11:00:00 by kubectl edit | after #1: image api:1 → 2
    #1 api-5d4 10:00:00 | nothing before
    ");
}

#[test]
fn a_controller_revision_that_came_back_says_nothing_of_its_old_number_and_is_still_what_was_before() {
    let versions =
        [controller_revision("api-6c8", 2, "11:00:00", "2"), controller_revision("api-5d4", 3, "10:00:00", "1")];
    let workload = changed("kubectl-rollout", "11:20:00");
    assert_snapshot!(told(&rollouts(&owner("DaemonSet"), &workload, &versions)), @"
    #3* api-5d4 11:20:00 by kubectl rollout | after #2: image api:2 → 1
    #2 api-6c8 11:00:00 | after #1: image api:1 → 2
    #1 api-5d4 10:00:00 | nothing before
    ");
    let versions = [
        controller_revision("api-a", 1, "09:00:00", "1"),
        controller_revision("api-b", 4, "10:00:00", "2"),
        controller_revision("api-c", 3, "11:00:00", "3"),
    ];
    assert_snapshot!(told(&rollouts(&owner("StatefulSet"), &workload, &versions)), @"
    #4* api-b 11:20:00 by kubectl rollout | after #3: image api:3 → 2
    #3 api-c 11:00:00 | after #2: image api:2 → 3
    #2 api-b 10:00:00 | after #1: image api:1 → 2
    #1 api-a 09:00:00 | nothing before
    ");
}

#[test]
fn two_versions_of_the_same_second_are_told_apart_by_their_number() {
    let versions = [set("b", "2", "10:00:00", "2"), set("a", "1", "10:00:00", "1")];
    // Argo CD wrote something else into the template's fields later; the object is from when it began.
    assert_snapshot!(of(&changed("argocd-controller", "15:00:00"), &versions), @"
    #2* b 10:00:00 by Argo CD application | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
}

#[test]
fn without_managed_fields_nobody_did_it_and_what_came_back_did_so_after_the_one_before() {
    let versions = [back(set("a", "3", "10:00:00", "1"), "1"), set("b", "2", "11:00:00", "2")];
    assert_snapshot!(of(&json!({"metadata": {"name": "api"}}), &versions), @"
    #3* a 11:00:00 | after #2: image api:2 → 1
    #2 b 11:00:00 | after #1: image api:1 → 2
    #1 a 10:00:00 | nothing before
    ");
}

#[test]
fn a_cause_is_of_the_rollout_it_was_written_for_only() {
    let a = because(set("a", "1", "10:00:00", "1"), "first");
    let last = |workload: &Value, versions: &[Value]| of(workload, versions).lines().next().unwrap().to_owned();
    let workload = |cause: &str| because(changed("kubectl-set", "11:00:00"), cause);
    let b = |cause: &str| because(set("b", "2", "11:00:00", "2"), cause);
    assert_snapshot!(last(&workload("second"), &[a.clone(), b("second")]), @"#2* b 11:00:00 by kubectl set (second) | after #1: image api:1 → 2");
    // Nobody wrote a new one, so the controller copied the old one.
    assert_snapshot!(last(&workload("first"), &[a, b("first")]), @"#2* b 11:00:00 by kubectl set | after #1: image api:1 → 2");
    // Who brings a version back brings its cause back.
    let came_back = back(because(set("a", "3", "10:00:00", "1"), "first"), "1");
    assert_snapshot!(last(&workload("first"), &[came_back, b("second")]), @"#3* a 11:00:00 by kubectl set | after #2: image api:2 → 1");
    // Written after the last version was made, and not yet copied.
    assert_snapshot!(last(&workload("new"), &[set("a", "1", "10:00:00", "1")]), @"#1* a 10:00:00 by kubectl set | nothing before");
}

#[test]
fn what_is_not_as_it_should_be_is_no_version() {
    let good = set("a", "1", "10:00:00", "1");
    let without = |path: &str| {
        let mut object = good.clone();
        *object.pointer_mut(path).unwrap() = json!(null);
        object
    };
    let mut garbage = vec![
        json!(null),
        json!([]),
        json!({"metadata": {}}),
        json!({"kind": "Job", "metadata": {"name": "backup-29310", "creationTimestamp": time("11:00:00")}, "spec": {"template": {}}}),
        set("b", "two", "11:00:00", "2"),
        set("b", "-2", "11:00:00", "2"),
        set("b", "2", "eleven", "2"),
    ];
    garbage.extend(
        ["/metadata", "/metadata/name", "/metadata/creationTimestamp", "/metadata/annotations", "/spec"].map(without),
    );
    let mut revision = controller_revision("c", 2, "11:00:00", "2");
    revision["revision"] = json!("2");
    garbage.push(revision);
    garbage.push(good.clone());
    assert_snapshot!(of(&json!(null), &garbage), @"#1* a 10:00:00 | nothing before");
}
