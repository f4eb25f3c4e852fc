//! Labelled stories come in; the score must find what is right, and never say more than may be said.

use insta::assert_snapshot;

use crate::changes::stories::stories;

#[test]
fn every_story_is_explained_by_what_explains_it_and_none_with_too_much_certainty() {
    let stories = stories();
    let wrong = stories.iter().filter_map(|story| {
        let found = story.found();
        let is_good = story.is_right(&found) && !story.says_too_much(&found);
        (!is_good).then(|| format!("{} (at most {}): {found:#?}", story.line(&found), story.at_most))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_stories_are_told_so() {
    let lines: Vec<String> = stories().iter().map(|story| story.line(&story.found())).collect();
    assert_snapshot!(lines.join("\n"), @"
    a lower memory limit, killed for it | #2 | #2 HIGH 100
    a lower memory limit, near it | #2 | #2 HIGH 100
    an image that is not there | #2 | #2 HIGH 100
    a new image crashes | #2 | #2 HIGH 100
    a new image is never ready | #2 | #2 HIGH 100
    another path of the readiness probe | #2 | #2 HIGH 100
    a liveness probe that kills | #2 | #2 HIGH 100
    requests no node has | #2 | #2 HIGH 100
    a node selector no node has | #2 | #2 HIGH 100
    settings from a ConfigMap that is not there | #2 | #2 HIGH 100
    a variable that is gone | #2 | #2 HIGH 100
    other arguments | #2 | #2 HIGH 100
    a claim that is not there | #2 | #2 HIGH 100
    as a user the policy forbids | #2 | #2 HIGH 100
    another port, so nothing listens where the Service asks | #2 | #2 MEDIUM 60
    a label that the Service selects is gone | #2 | #2 MEDIUM 60
    image and limit at once, killed for memory | #2 | #2 HIGH 100
    the first version of a new workload crashes | #1 | #1 MEDIUM 60
    only started anew, and what it reads has changed since | #2 | #2 MEDIUM 60
    the sidecar's image, and the sidecar crashes | #2 | #2 HIGH 100
    the sidecar's image, and the main container crashes | #2 | #2 MEDIUM 60
    a database is rolled out and takes with it who needs it | #2 | #2 MEDIUM 30
    versions before are not kept | #2 | #2 MEDIUM 60
    the last of five rollouts | #5 | #5 HIGH 100
    a limit, and two minutes later a probe: killed for memory | #2 | #2 HIGH 80
    a probe, and two minutes later a limit: killed for memory | #3 | #3 HIGH 100
    a bad image, and two minutes later a limit: the image cannot be pulled | #2 | #2 HIGH 100
    two images within minutes: the later one crashes | #3 | #3 HIGH 100
    a rollout that goes on while the one before crashes | #2 | #2 HIGH 80
    somebody sets another variable after it broke, and it does not help | #2 | #2 HIGH 100
    a rollout after it broke | none | none
    a clock that is 20 s late | #2 | #2 HIGH 100
    a clock that is 20 s early | #2 | #2 HIGH 100
    in the same second | #2 | #2 HIGH 100
    two minutes after it broke is no clock | none | none
    rolled back to a version that no longer works | #3 | #3 HIGH 100
    a revert as a new version: the limit is as small as before | #3 | #3 HIGH 100
    rolled back after it broke, while the bad pods still end | #2 | #2 HIGH 100
    rolled back after it broke, and only those pods are hit | #2 | #2 MEDIUM 60
    a leak, three hours after the limit | #2 | #2 LOW 8
    a leak, twenty hours after the limit | #2 | #2 LOW 1
    a leak that came with an image ten hours ago | #2 | #2 LOW 2
    25 hours before | none | none
    20 minutes before | #2 | #2 HIGH 50
    40 minutes before | #2 | #2 MEDIUM 38
    a limit, and two minutes later a probe: the newest pod is the first that is killed | #2 | #2 HIGH 80
    two rollouts within minutes, and only the pods of the later one crash | #3 | #3 MEDIUM 60
    nothing was rolled out | none | none
    only scaled, by hand or by an autoscaler | none | none
    a CronJob ran at that time | none | none
    a node is down, and its pods are of the version before | none | none
    a node is down, and its pods are of the new version | none | #2 LOW 24
    the database is down, and pods of both versions crash | none | none
    a database elsewhere is down, and pods of both versions crash | none | #2 LOW 25
    the database is down long after a rollout | none | #2 LOW 15
    the registry is down, and a limit was changed | none | none
    the cluster is full, and an image was rolled out an hour ago | none | none
    a pod of the version before is killed for memory while another is rolled out | none | #2 LOW 10
    an annotation for the metrics, and the image cannot be pulled | none | #2 LOW 15
    rolled back hours ago, and what came before that is not to blame | none | #3 LOW 4
    the sidecar's limit, and the main container is killed for memory | none | #2 LOW 12
    a new workload is rolled out again with a harmless change, and only those pods cannot pull | none | #2 LOW 15
    a key that is gone, and the container cannot be created for just that | ConfigMap shop/api-config | ConfigMap shop/api-config HIGH 100
    a key that is gone since hours, until a pod was moved | ConfigMap shop/api-config | ConfigMap shop/api-config HIGH 100
    a key was changed, and it is a Secret that is missing | none | none
    another database, read at a restart by hand | ConfigMap shop/api-config | ConfigMap shop/api-config HIGH 100
    another database and a new image at once: either may be it | #2 | #2 MEDIUM 100
    a key was changed, and the pods that crash started long before | none | none
    a file was changed that is mounted, and nothing was started anew | ConfigMap shop/api-config | ConfigMap shop/api-config MEDIUM 60
    a key was changed, and other pods that read it are well | none | none
    a key was changed, and others that do not read it crash as well | ConfigMap shop/api-config | ConfigMap shop/api-config MEDIUM 30
    a key was changed after it broke | none | none
    a policy lets nothing in any more | NetworkPolicy shop/deny-all | NetworkPolicy shop/deny-all HIGH 100
    a policy lets nothing in any more, and its Service has no endpoints | NetworkPolicy shop/deny-all | NetworkPolicy shop/deny-all HIGH 100
    a policy that selects only some of the pods that are hit | none | NetworkPolicy shop/deny-all LOW 25
    a policy was made, and the pods are killed for memory | none | none
    fewer replicas at most, and those that are left are not ready | HorizontalPodAutoscaler shop/api | HorizontalPodAutoscaler shop/api MEDIUM 48
    more replicas at most than the nodes take | HorizontalPodAutoscaler shop/api | HorizontalPodAutoscaler shop/api MEDIUM 60
    an autoscaler that was changed cannot scale | HorizontalPodAutoscaler shop/api | HorizontalPodAutoscaler shop/api HIGH 80
    an Ingress leads to a Service that is not there | Ingress shop/web | Ingress shop/web HIGH 100
    an Ingress was changed, and what is behind it crashes | none | none
    a budget was lowered, and a kubelet that is short of memory evicts | none | none
    ");
}
