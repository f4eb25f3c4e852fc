//! What is measured, read from the pretend cluster; and what it makes of a cluster that measures nothing.

use std::time::Duration;

use super::*;
use crate::{
    clients::kubernetes::ClusterConfig,
    cluster::Measured,
    sandbox::kubernetes::{Cluster, Fault},
};

fn client(cluster: &Cluster) -> Kubernetes {
    let config = ClusterConfig::at(&cluster.url(), None).unwrap();
    Kubernetes::connect(config).unwrap().with_patience(Duration::from_secs(5))
}

fn kubelet_of(cluster: &Cluster) -> Vec<Kubelet> {
    let (address, port) = cluster.kubelet();
    vec![Kubelet { node: "n1".into(), address: address.into(), port }]
}

#[tokio::test]
async fn memory_is_read_from_the_metrics_api() {
    let cluster = Cluster::start().await.unwrap();
    cluster.measures_memory(&[("shop", "api-1", "app", "23Mi"), ("shop", "api-2", "app", "no amount")]);
    let (namespace, pod, container) = ("shop".into(), "api-1".into(), "app".into());
    let expected = Measured::Memory { namespace, pod, container, used: 23 << 20 };
    assert_eq!(client(&cluster).memory_used().await, Ok(vec![expected]));
}

#[tokio::test]
async fn a_cluster_without_a_metrics_api_is_no_cluster_in_trouble() {
    let cluster = Cluster::start().await.unwrap();
    let error = client(&cluster).memory_used().await.unwrap_err();
    assert!(matches!(error, ReadError::NotServed { .. }), "{error}");
}

#[tokio::test]
async fn volumes_are_read_from_each_kubelet_once() {
    let cluster = Cluster::start().await.unwrap();
    cluster.measures_volumes(&[("shop", "data", 95, 100)]);
    let Volumes { measured: volumes, wrong, .. } = client(&cluster).volumes_used(kubelet_of(&cluster)).await;
    let (namespace, claim) = ("shop".into(), "data".into());
    assert_eq!(volumes, [Measured::Volume { namespace, claim, bytes: (95, 100), inodes: (1, 1000) }]);
    assert_eq!(wrong, None);
}

#[tokio::test]
async fn a_kubelet_that_does_not_answer_takes_nothing_away_from_the_others() {
    let cluster = Cluster::start().await.unwrap();
    cluster.measures_volumes(&[("shop", "data", 95, 100)]);
    let mut kubelets = kubelet_of(&cluster);
    kubelets.push(Kubelet { node: "n2".into(), address: "127.0.0.1".into(), port: 1 });
    let Volumes { measured, answered, wrong } = client(&cluster).volumes_used(kubelets).await;
    assert_eq!(measured.len(), 1);
    assert_eq!(answered, std::collections::BTreeSet::from(["n1".into()]));
    assert!(matches!(wrong, Some(ReadError::Unreachable { .. })), "{wrong:?}");
}

#[tokio::test]
async fn a_kubelet_that_refuses_is_said_and_html_is_no_measurement() {
    let cluster = Cluster::start().await.unwrap();
    cluster.fault(Some(Fault::Status(403)));
    let Volumes { wrong, .. } = client(&cluster).volumes_used(kubelet_of(&cluster)).await;
    insta::assert_snapshot!(wrong.unwrap(), @r#"not allowed to get nodes/stats in the whole cluster: give the bot's account the verb "get" on "nodes/stats" (ask with `kubectl auth can-i get nodes/stats --all-namespaces`)"#);
    cluster.fault(Some(Fault::Html));
    let Volumes { wrong, .. } = client(&cluster).volumes_used(kubelet_of(&cluster)).await;
    assert!(matches!(wrong, Some(ReadError::Garbage { .. })), "{wrong:?}");
}
