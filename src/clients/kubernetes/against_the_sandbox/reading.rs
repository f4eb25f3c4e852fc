//! Lists, single objects, logs, versions; and how every failure is told.

use std::{collections::BTreeMap, time::Duration};

use rstest::rstest;

use super::*;
use crate::sandbox::kubernetes::{CLUSTER_ID, Cluster, Fault, StreamedLists};

#[tokio::test]
async fn a_cluster_is_known_by_its_kube_system() {
    let cluster = Cluster::start().await.unwrap();
    assert_eq!(client(&cluster).identity().await, Ok(ClusterId(CLUSTER_ID.into())));
    assert_eq!(client(&cluster).version().await.as_deref(), Ok("v1.34.1+sandbox"));
}

#[tokio::test]
async fn the_kubeconfig_of_the_sandbox_leads_to_it() {
    let cluster = Cluster::start().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cluster.kubeconfig()).unwrap();
    let places = Places {
        kubeconfig: Some(file.path().display().to_string()),
        service_account: "/nowhere".into(),
        ..Places::default()
    };
    let found = find(&places).await.unwrap();
    assert!(Kubernetes::connect(found.config).unwrap().identity().await.is_ok());
}

#[tokio::test]
async fn a_list_of_many_pages_is_whole_and_the_same_in_both_encodings() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply_all((0..1201).map(|i| pod(&format!("api-{i:04}"), "Running")));
    let protobuf = client(&cluster).list(Kind::Pod, None).await.unwrap();
    assert_eq!(protobuf.facts.len(), 1201);
    assert_eq!(cluster.requests().iter().filter(|r| r.contains("/pods")).count(), 3);
    assert_eq!(protobuf.resource_version, cluster.latest_version(Kind::Pod).to_string());

    cluster.speak_json_only();
    let json = client(&cluster).list(Kind::Pod, Some("shop")).await.unwrap();
    assert_eq!(json, protobuf);
}

#[tokio::test]
async fn a_list_that_expires_while_it_is_read_is_begun_again() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply_all((0..600).map(|i| pod(&format!("api-{i:04}"), "Running")));
    cluster.fault(Some(Fault::Slow(Duration::from_millis(300))));
    let (reader, compacting) = (client(&cluster), &cluster);
    let (listed, ()) = tokio::join!(reader.list(Kind::Pod, None), async move {
        // The second page has been asked for and waits: the list expires under it.
        compacting.asked(|r| r.contains("continue=")).await;
        compacting.compact();
        compacting.fault(None);
    });
    assert_eq!(listed.unwrap().facts.len(), 600);
    assert_eq!(cluster.requests().iter().filter(|r| r.contains("/pods")).count(), 4);
}

#[rstest]
#[case(Some(Fault::Html), "web page (HTML)")]
#[case(Some(Fault::Hang), "did not answer within 0.2 s")]
#[case(Some(Fault::Status(500)), "answered 500: an error on the server")]
#[tokio::test]
async fn every_failure_says_what_it_is(#[case] fault: Option<Fault>, #[case] expected: &str) {
    let cluster = Cluster::start().await.unwrap();
    let patience = if fault == Some(Fault::Hang) { Duration::from_millis(200) } else { SOON };
    cluster.fault(fault);
    let client = client(&cluster).with_patience(patience);
    for said in
        [client.identity().await.unwrap_err().to_string(), client.list(Kind::Pod, None).await.unwrap_err().to_string()]
    {
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.forbid("list", Kind::Pod, Some("shop"));
    cluster.do_not_serve(Kind::CronJob);
    let reader = client(&cluster);
    let forbidden = ReadError::Forbidden { verb: "list", resource: "pods".into(), namespace: Some("shop".into()) };
    assert_eq!(reader.list(Kind::Pod, Some("shop")).await, Err(forbidden));
    assert!(reader.list(Kind::Pod, None).await.is_ok());
    assert_eq!(
        reader.list(Kind::CronJob, None).await,
        Err(ReadError::NotServed { resource: "cronjobs".into(), api_version: "batch/v1".into() })
    );

    cluster.require_token("right");
    assert_eq!(kind_of(&client_with(&cluster, Some("wrong")).identity().await.unwrap_err()), "unauthorized");
    assert!(client_with(&cluster, Some("right")).identity().await.is_ok());

    let tls = ClusterConfig::at(&cluster.url().replace("http:", "https:"), None).unwrap();
    assert_eq!(kind_of(&Kubernetes::connect(tls).unwrap().identity().await.unwrap_err()), "tls");

    cluster.stop().await;
    let said = reader.identity().await.unwrap_err();
    assert_eq!(kind_of(&said), "unreachable", "{said}");
}

/// What is read of every kind, in the order of the kinds: how many objects, or why none.
async fn read_once(reader: &Kubernetes, namespaces: &[String]) -> Vec<(Scope, Result<usize, ReadError>)> {
    let scopes = Scope::all(namespaces);
    let (mut counts, mut ends) = (BTreeMap::new(), BTreeMap::new());
    reader
        .read_once(&scopes, &Clock::System, |Watched { scope, change, .. }| match change {
            Change::Begin(_) => drop(counts.insert(scope, 0)),
            Change::Page(facts) => *counts.get_mut(&scope).expect("a list that has begun") += facts.len(),
            Change::Listed { .. } => assert_eq!(ends.insert(scope.clone(), Ok(counts[&scope])), None),
            Change::Lost(why) => assert_eq!(ends.insert(scope, Err(why)), None),
            change @ (Change::Applied { .. } | Change::Deleted { .. } | Change::Bookmark(_) | Change::Live) => {
                panic!("{scope:?}: {change:?}")
            }
        })
        .await;
    scopes.into_iter().map(|scope| (scope.clone(), ends.remove(&scope).expect("an end"))).collect()
}

/// The same, everywhere and in few words.
async fn told(reader: &Kubernetes) -> Vec<(Kind, Result<usize, &'static str>)> {
    let lists = read_once(reader, &[]).await;
    lists.into_iter().map(|(scope, list)| (scope.kind, list.map_err(|why| kind_of(&why)))).collect()
}

#[rstest]
#[case::streamed(StreamedLists::Sent)]
#[case::in_pages(StreamedLists::Refused)]
#[tokio::test]
async fn every_kind_is_read_and_one_that_is_forbidden_does_not_stop_the_rest(#[case] streams: StreamedLists) {
    let cluster = Cluster::start().await.unwrap();
    cluster.streamed_lists(streams);
    cluster.apply_all((0..620).map(|i| pod(&format!("api-{i:04}"), "Running")));
    for verb in ["list", "watch"] {
        cluster.forbid(verb, Kind::Node, None);
    }
    cluster.do_not_serve(Kind::CronJob);
    let special = [
        (Kind::Node, Err("forbidden")),
        (Kind::CronJob, Err("not served")),
        (Kind::Namespace, Ok(2)),
        (Kind::Pod, Ok(620)),
    ];
    let expected = |kind| special.iter().find(|(of, _)| *of == kind).map_or(Ok(0), |(_, list)| *list);
    assert_eq!(told(&client(&cluster)).await, Kind::ALL.map(|kind| (kind, expected(kind))));
    let pages = cluster.requests().iter().filter(|r| r.contains("limit=")).count();
    assert_eq!(pages > 1, streams == StreamedLists::Refused, "{:?}", cluster.requests());
}

#[tokio::test]
async fn who_may_list_but_not_watch_gets_the_list() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    cluster.forbid("watch", Kind::Pod, None);
    assert!(told(&client(&cluster)).await.contains(&(Kind::Pod, Ok(1))));
    cluster.forbid("list", Kind::Pod, None);
    let forbidden = ReadError::Forbidden { verb: "list", resource: "pods".into(), namespace: None };
    let everywhere = Scope { kind: Kind::Pod, namespace: None };
    assert!(read_once(&client(&cluster), &[]).await.contains(&(everywhere, Err(forbidden))));
}

#[tokio::test]
async fn only_the_namespaces_that_are_meant_are_read() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let read = read_once(&client(&cluster), &["shop".into(), "lab".into()]).await;
    let pods: Vec<_> = read.iter().filter(|(scope, _)| scope.kind == Kind::Pod).collect();
    let of = |namespace: &str| Scope { kind: Kind::Pod, namespace: Some(namespace.into()) };
    assert_eq!(pods, [&(of("shop"), Ok(1)), &(of("lab"), Ok(0))]);
    let requests = cluster.requests();
    assert!(!requests.iter().any(|r| r.contains("/api/v1/pods")), "{requests:?}");
    assert!(requests.iter().any(|r| r.contains("/api/v1/nodes")), "{requests:?}");
}

#[tokio::test]
async fn a_custom_resource_comes_as_json_whatever_is_asked_for() {
    let cluster = Cluster::start().await.unwrap();
    let certificate = json!({"kind": "Certificate", "apiVersion": "cert-manager.io/v1", "metadata": {"name": "tls", "namespace": "shop"},
        "spec": {"secretName": "tls"}, "status": {"notAfter": "2026-11-24T14:00:00Z"}});
    cluster.apply(certificate);
    let listed = client(&cluster).list(Kind::Certificate, None).await.unwrap().facts;
    let Some(Fact::Certificate(read)) = listed.first() else { panic!("{listed:?}") };
    assert_eq!(read.not_after(), "2026-11-24T14:00:00Z".parse().ok());
    cluster.do_not_serve(Kind::Certificate);
    let not_served = ReadError::NotServed { resource: "certificates".into(), api_version: "cert-manager.io/v1".into() };
    assert_eq!(client(&cluster).list(Kind::Certificate, None).await, Err(not_served));
}

#[tokio::test]
async fn an_api_that_hangs_is_given_up_after_the_first_kind() {
    let cluster = Cluster::start().await.unwrap();
    cluster.fault(Some(Fault::Hang));
    let client = client(&cluster).with_patience(Duration::from_millis(200));
    assert_eq!(told(&client).await, Kind::ALL.map(|kind| (kind, Err("timed out"))));
    assert_eq!(cluster.requests().len(), 1, "{:?}", cluster.requests());
}

#[tokio::test]
async fn what_is_refused_to_all_is_asked_no_further() {
    let cluster = Cluster::start().await.unwrap();
    cluster.require_token("right");
    let reader = client_with(&cluster, Some("wrong"));
    assert_eq!(told(&reader).await, Kind::ALL.map(|kind| (kind, Err("unauthorized"))));
    assert_eq!(cluster.requests().len(), 1, "{:?}", cluster.requests());
}

#[tokio::test]
async fn a_log_is_its_last_lines_or_nothing() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    cluster.set_log("shop", "api-1", false, "one\ntwo\nthree");
    let reader = client(&cluster);
    let wanted = LogRequest { namespace: "shop", pod: "api-1", container: "api", previous: false, tail: 2 };
    assert_eq!(reader.logs(&wanted).await, Ok(Some("two\nthree\n".into())));
    assert_eq!(reader.logs(&LogRequest { previous: true, ..wanted }).await, Ok(None));
    assert_eq!(reader.logs(&LogRequest { pod: "gone", ..wanted }).await, Ok(None));
    cluster.set_log("shop", "api-1", true, "unable to retrieve container logs for containerd://0a");
    assert_eq!(reader.logs(&LogRequest { previous: true, ..wanted }).await, Ok(None));
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn the_versions_of_many_objects_are_read_without_the_objects(#[case] json_only: bool) {
    let cluster = Cluster::start().await.unwrap();
    if json_only {
        cluster.speak_json_only();
    }
    cluster.apply_all((0..1201).map(|i| pod(&format!("api-{i:04}"), "Running")));
    let reader = client(&cluster);
    let facts = reader.list(Kind::Pod, None).await.unwrap().facts;
    let expected: Vec<_> = facts
        .iter()
        .map(|fact| ObjectVersion { key: fact.key(), version: fact.meta().resource_version.parse().unwrap() })
        .collect();
    let mut pages = reader.versions(Kind::Pod, None);
    let (mut versions, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = pages.next().await.unwrap();
        assert_eq!(page.is_first, versions.is_empty());
        assert_eq!(page.resource_version, cluster.latest_version(Kind::Pod).to_string());
        sizes.push(page.items.len());
        versions.extend(page.items);
        if page.is_last {
            break;
        }
    }
    assert_eq!(sizes, [200, 200, 200, 200, 200, 200, 1]);
    assert_eq!(versions, expected);
}
