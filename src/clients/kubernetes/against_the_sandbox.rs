//! The client against the pretend cluster: what it reads, and what it makes of everything that can go wrong.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::*;
use crate::{
    clock::Clock,
    sandbox::kubernetes::{CLUSTER_ID, Cluster, Fault},
};

const SOON: Duration = Duration::from_secs(10);

fn pod(name: &str, phase: &str) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": name, "namespace": "shop", "labels": {"app": "api"}, "creationTimestamp": "2026-11-24T10:00:00Z",
            "annotations": {"a": "b"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-1", "uid": "u", "controller": true}],
        },
        "spec": {"containers": [{"name": "api", "image": "shop/api:1", "resources": {"limits": {"memory": "256Mi"}}}], "nodeName": "n1"},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T10:00:05Z"}],
            "containerStatuses": [{"name": "api", "ready": true, "restartCount": 3, "state": {"running": {"startedAt": "2026-11-24T10:00:03Z"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-24T10:00:02Z"}}}]},
    })
}

fn client(cluster: &Cluster) -> Kubernetes {
    client_with(cluster, None)
}

fn client_with(cluster: &Cluster, token: Option<&str>) -> Kubernetes {
    Kubernetes::connect(ClusterConfig::at(&cluster.url(), token.map(Into::into)).unwrap())
        .unwrap()
        .with_patience(Duration::from_secs(5))
}

/// A watch of the Pods with what it says.
struct Listening {
    heard: mpsc::Receiver<Watched>,
    _running: JoinSet<()>,
}

impl Listening {
    fn to(cluster: &Cluster, kind: Kind) -> Self {
        let short = Duration::from_millis(20);
        let patience = Patience {
            first_retry: short,
            last_retry: short,
            forbidden: short,
            not_served: short,
            ..Patience::default()
        };
        let scope = Scope { kind, namespace: None };
        let (out, heard) = mpsc::channel(100);
        let mut running = JoinSet::new();
        running.spawn(Watcher::new(client(cluster), scope, Clock::System).with_patience(patience).run(out));
        Self { heard, _running: running }
    }

    async fn next(&mut self) -> Change {
        tokio::time::timeout(SOON, self.heard.recv()).await.expect("in time").expect("still running").change
    }

    /// The next change that is no sign of life.
    async fn news(&mut self) -> String {
        loop {
            match self.next().await {
                Change::Live => {}
                Change::Listed { facts, .. } => return format!("listed {}", names(&facts)),
                Change::Applied { fact, .. } => return format!("applied {}", fact.meta().name),
                Change::Deleted { key, .. } => return format!("deleted {}", key.name),
                Change::Bookmark(version) => return format!("bookmark {version}"),
                Change::Lost(why) => return format!("lost: {}", kind_of(&why)),
            }
        }
    }

    async fn live(&mut self) {
        while self.next().await != Change::Live {}
    }

    /// What is heard from here to that.
    async fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let news = self.news().await;
            if news == wanted {
                return all;
            }
            all.push(news);
        }
    }
}

fn names(facts: &[Fact]) -> String {
    facts.iter().map(|f| f.meta().name.as_str()).collect::<Vec<_>>().join(",")
}

fn kind_of(why: &ReadError) -> &'static str {
    match why {
        ReadError::Forbidden { .. } => "forbidden",
        ReadError::NotServed { .. } => "not served",
        ReadError::Unauthorized { .. } => "unauthorized",
        ReadError::Unreachable { .. } => "unreachable",
        ReadError::Tls { .. } => "tls",
        ReadError::TimedOut { .. } => "timed out",
        ReadError::Gone => "gone",
        ReadError::Garbage { .. } => "garbage",
        ReadError::Failed { .. } => "failed",
    }
}

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
    cluster.fault(fault);
    let client = client(&cluster).with_patience(Duration::from_millis(200));
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

#[tokio::test]
async fn every_kind_is_listed_and_one_that_is_forbidden_does_not_stop_the_rest() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    cluster.forbid("list", Kind::Node, None);
    cluster.do_not_serve(Kind::CronJob);
    let told = |lists: Vec<(Kind, Result<Listed, ReadError>)>| {
        lists.into_iter().map(|(kind, list)| (kind, list.map(|l| l.facts.len()).map_err(|why| kind_of(&why)))).collect()
    };
    let lists: Vec<(Kind, Result<usize, &str>)> = told(client(&cluster).list_all(None).await);
    let special = [
        (Kind::Node, Err("forbidden")),
        (Kind::CronJob, Err("not served")),
        (Kind::Namespace, Ok(2)),
        (Kind::Pod, Ok(1)),
    ];
    let expected = |kind| special.iter().find(|(of, _)| *of == kind).map_or(Ok(0), |(_, list)| *list);
    assert_eq!(lists, Kind::ALL.map(|kind| (kind, expected(kind))));
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
async fn an_api_that_hangs_is_given_up_after_the_first_kinds() {
    let cluster = Cluster::start().await.unwrap();
    cluster.fault(Some(Fault::Hang));
    let client = client(&cluster).with_patience(Duration::from_millis(200));
    let lists = client.list_all(None).await;
    assert_eq!(lists.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), Kind::ALL);
    assert!(lists.iter().all(|(_, list)| matches!(list, Err(ReadError::TimedOut { .. }))), "{lists:?}");
    assert!(cluster.requests().len() < Kind::ALL.len(), "{:?}", cluster.requests());
}

#[tokio::test]
async fn what_is_refused_to_all_is_asked_no_further() {
    let cluster = Cluster::start().await.unwrap();
    cluster.require_token("right");
    let lists = client_with(&cluster, Some("wrong")).list_all(None).await;
    assert_eq!(lists.len(), Kind::ALL.len());
    assert!(lists.iter().all(|(_, list)| matches!(list, Err(ReadError::Unauthorized { .. }))), "{lists:?}");
    assert!(cluster.requests().len() < Kind::ALL.len(), "{:?}", cluster.requests());
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
async fn a_watch_tells_what_happens(#[case] json_only: bool) {
    let cluster = Cluster::start().await.unwrap();
    if json_only {
        cluster.speak_json_only();
    }
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.news().await, "listed api-1");
    watch.live().await;
    cluster.apply(pod("api-2", "Pending"));
    assert_eq!(watch.news().await, "applied api-2");
    cluster.delete(Kind::Pod, "shop", "api-1");
    assert_eq!(watch.news().await, "deleted api-1");
    cluster.send_bookmarks();
    assert_eq!(watch.news().await, format!("bookmark {}", cluster.latest_version(Kind::Pod)));
}

#[tokio::test]
async fn a_cut_watch_goes_on_where_it_was() {
    let cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.apply(pod("api-2", "Running"));
    assert_eq!(watch.news().await, "applied api-2");
    cluster.cut_watches();
    cluster.apply(pod("api-3", "Running"));
    assert_eq!(watch.news().await, "applied api-3");
    assert_eq!(cluster.requests().iter().filter(|r| r.contains("limit=")).count(), 1, "listed only once");
}

#[tokio::test]
async fn a_version_that_is_too_old_means_a_fresh_list_and_no_deletion() {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    cluster.apply(pod("api-2", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.stop().await;
    assert_eq!(watch.news().await, "lost: unreachable");
    cluster.delete(Kind::Pod, "shop", "api-1");
    cluster.apply(pod("api-3", "Running"));
    cluster.compact();
    cluster.start_again().await.unwrap();
    let before = watch.until("listed api-2,api-3").await;
    assert!(before.iter().all(|news| news == "lost: unreachable"), "{before:?}");
}

#[tokio::test]
async fn a_forbidden_kind_is_lost_until_it_is_allowed() {
    let cluster = Cluster::start().await.unwrap();
    cluster.forbid("watch", Kind::Pod, None);
    let mut watch = Listening::to(&cluster, Kind::Pod);
    assert_eq!(watch.news().await, "listed ");
    assert_eq!(watch.news().await, "lost: forbidden");
    cluster.allow("watch", Kind::Pod, None);
    watch.live().await;
    cluster.apply(pod("api-1", "Running"));
    assert_eq!(watch.news().await, "applied api-1");
}

#[tokio::test]
async fn what_was_lost_is_listed_before_it_is_live_again() {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.apply(pod("api-1", "Running"));
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.stop().await;
    assert_eq!(watch.news().await, "lost: unreachable");
    cluster.start_again().await.unwrap();
    let mut first = watch.next().await;
    while matches!(first, Change::Lost(_)) {
        first = watch.next().await;
    }
    assert!(matches!(&first, Change::Listed { facts, .. } if names(facts) == "api-1"), "{first:?}");
    assert_eq!(watch.next().await, Change::Live);
}

#[tokio::test]
async fn a_kind_that_may_be_listed_but_not_watched_stays_lost() {
    let cluster = Cluster::start().await.unwrap();
    let mut watch = Listening::to(&cluster, Kind::Pod);
    watch.live().await;
    cluster.forbid("watch", Kind::Pod, None);
    cluster.cut_watches();
    for _ in 0..5 {
        assert_eq!(watch.news().await, "lost: forbidden");
    }
}

#[tokio::test]
async fn a_connection_that_is_silent_for_too_long_is_opened_again() {
    let cluster = Cluster::start().await.unwrap();
    let (out, mut heard) = mpsc::channel(100);
    let patience = Patience {
        silence: Duration::from_millis(30),
        first_retry: Duration::from_millis(1),
        last_retry: Duration::from_millis(1),
        ..Patience::default()
    };
    let scope = Scope { kind: Kind::Pod, namespace: None };
    let watcher = Watcher::new(client(&cluster), scope, Clock::System).with_patience(patience);
    let last_frame = watcher.last_frame();
    let mut running = JoinSet::new();
    running.spawn(watcher.run(out));
    let mut connected = 0;
    while connected < 2 {
        let heard_now = tokio::time::timeout(SOON, heard.recv()).await.unwrap().unwrap();
        if heard_now.change == Change::Live {
            connected += 1;
            cluster.send_bookmarks();
        }
        assert!(!matches!(heard_now.change, Change::Lost(_)));
    }
    assert!(last_frame.borrow().is_some());
    drop(heard);
    tokio::time::timeout(SOON, running.join_next()).await.expect("it ends when nobody listens");
}
