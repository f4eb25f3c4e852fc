//! What is left alone: by whose annotation, and which checks.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::{
    cluster::{History, ObjectRef},
    findings::{ANNOTATION, LeaveAlone, Look, Settings, Verdict, ignored_of, judge},
    services::Pattern,
};

fn crashing(of_workload: Option<&str>, of_namespace: Option<&str>) -> Vec<Value> {
    let mut objects = with(0, vec![pod("a", looping(6, "Error", 3, 20))]);
    let annotations = |value: Option<&str>| value.map_or_else(|| json!({}), |value| json!({ANNOTATION: value}));
    objects[0]["metadata"]["annotations"] = annotations(of_workload);
    objects.push(json!({"kind": "Namespace", "metadata": {"name": "shop", "annotations": annotations(of_namespace)}}));
    objects
}

fn says_with(settings: &Settings, objects: Vec<Value>, of: &ObjectRef) -> (Verdict, Option<String>) {
    let (index, history) = (index(objects), History::default());
    let look = Look { index: &index, history: &history, now: now(), no_grace: false, settings, known: None };
    let verdict = judge(of, &look).into_iter().find(|j| j.check == "crash-loop").unwrap().verdict;
    (verdict, ignored_of(of, &look))
}

#[rstest]
#[case::all_of_it(Some("true"), None, Some("ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api"))]
#[case::all_of_the_namespace(
    None,
    Some("TRUE"),
    Some("ignored by the annotation k8s-monitor.io/ignore of Namespace shop")
)]
#[case::this_check(
    Some("not-ready, crash-loop"),
    None,
    Some("ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api")
)]
#[case::another_check(Some("not-ready"), None, None)]
#[case::not_ignored(Some("false"), Some(""), None)]
#[case::nothing_is_written(None, None, None)]
fn an_annotation_says_what_is_left_alone(
    #[case] of_workload: Option<&str>,
    #[case] of_namespace: Option<&str>,
    #[case] why: Option<&str>,
) {
    let (verdict, _) = says_with(&Settings::DEFAULT, crashing(of_workload, of_namespace), &owner("Deployment", "api"));
    match why {
        Some(why) => assert_eq!(verdict, Verdict::NotWanted(why.to_owned().into())),
        None => assert!(matches!(verdict, Verdict::Wrong(_)), "{verdict:?}"),
    }
}

#[rstest]
#[case(
    Some("crash-loop"),
    Some("what crash-loop would say is ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api")
)]
#[case(
    Some("crashloop"),
    Some(
        "ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api, which names no check: \"crashloop\""
    )
)]
#[case(Some("node-pressure"), None)]
#[case(None, None)]
fn what_is_left_alone_is_said(#[case] of_workload: Option<&str>, #[case] said: Option<&str>) {
    let (_, ignored) = says_with(&Settings::DEFAULT, crashing(of_workload, None), &owner("Deployment", "api"));
    assert_eq!(ignored.as_deref(), said);
}

#[test]
fn an_owner_of_another_kind_is_left_alone_by_its_pods() {
    let mut of_rollout = pod("a", looping(6, "Error", 3, 20));
    of_rollout["metadata"]["ownerReferences"] =
        json!([{"kind": "Rollout", "name": "api", "uid": "r", "apiVersion": "argoproj.io/v1", "controller": true}]);
    of_rollout["metadata"]["annotations"] = json!({ANNOTATION: "true"});
    let (verdict, _) = says_with(&Settings::DEFAULT, vec![of_rollout], &owner("Rollout", "api"));
    assert_eq!(verdict, Verdict::NotWanted("ignored by the annotation k8s-monitor.io/ignore of Pod shop/a".into()));
}

#[rstest]
#[case::the_namespace("Namespace sh*", "", "", "", Some("ignored by the configuration (Namespace sh*)"))]
#[case::the_owner("", "Deployment shop/a*", "", "", Some("ignored by the configuration (Deployment shop/a*)"))]
#[case::not_in_a_namespace_that_is_watched(
    "",
    "",
    "Namespace lab",
    "",
    Some("ignored by the configuration (not one of the namespaces that are watched)")
)]
#[case::in_one("", "", "Namespace shop", "", None)]
#[case::not_an_owner_that_is_watched(
    "",
    "",
    "",
    "shop/web",
    Some("ignored by the configuration (not one of the owners that are watched)")
)]
#[case::one_of_them("", "", "", "Deployment shop/a*", None)]
#[case::neither(
    "",
    "",
    "Namespace lab",
    "shop/web",
    Some("ignored by the configuration (not one of the namespaces and owners that are watched)")
)]
#[case::an_owner_beside_the_namespaces("", "", "Namespace lab", "shop/api", None)]
#[case::watched_and_left_alone("", "shop/api", "Namespace shop", "", Some("ignored by the configuration (shop/api)"))]
#[case::others("Namespace dev-*", "StatefulSet shop/api", "", "", None)]
fn the_configuration_says_what_is_left_alone(
    #[case] namespaces: &str,
    #[case] owners: &str,
    #[case] only_namespaces: &str,
    #[case] only_owners: &str,
    #[case] why: Option<&str>,
) {
    let read = |line: &str| Pattern::parse(line).into_iter().collect::<Vec<_>>();
    let leave_alone = LeaveAlone {
        namespaces: read(namespaces),
        owners: read(owners),
        only_namespaces: read(only_namespaces),
        only_owners: read(only_owners),
    };
    let mut settings = Settings::DEFAULT;
    settings.leave_alone = leave_alone;
    let (verdict, ignored) = says_with(&settings, crashing(None, None), &owner("Deployment", "api"));
    assert_eq!(ignored.as_deref(), why);
    assert_eq!(matches!(verdict, Verdict::NotWanted(_)), why.is_some(), "{verdict:?}");
}

#[test]
fn a_list_of_owners_that_are_watched_leaves_out_no_node() {
    let only_owners = Pattern::parse("shop/web").into_iter().collect();
    let mut settings = Settings::DEFAULT;
    settings.leave_alone = LeaveAlone { only_owners, ..LeaveAlone::NOTHING };
    let (index, history) = (index(crashing(None, None)), History::default());
    let look = Look { index: &index, history: &history, now: now(), no_grace: false, settings: &settings, known: None };
    assert_eq!(ignored_of(&owner("Node", "n1"), &look), None);
}
