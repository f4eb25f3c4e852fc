//! Tables: what the checks say of Ingresses, certificates and volumes.
#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{History, Kind, ObjectRef},
    findings::{ConditionClass, Level, Look, Settings, Verdict, looks_again},
};

// Ingresses.

fn ingress(service: Value) -> Value {
    json!({"kind": "Ingress", "metadata": {"name": "web", "namespace": "shop", "uid": "i", "creationTimestamp": ago(86_400)},
        "spec": {"rules": [{"host": "shop.example", "http": {"paths": [
            {"path": "/api", "pathType": "Prefix", "backend": {"service": service}}]}}]},
        "status": {"loadBalancer": {}}})
}

fn web() -> ObjectRef {
    owner("Ingress", "web")
}

fn to(port: Value) -> Value {
    json!({"name": "api", "port": port})
}

fn api_service() -> Value {
    service("shop", "api", json!([{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81}]))
}

#[rstest]
#[case::no_service(to(json!({"number": 80})), vec![], "ServiceMissing", "Service `api`, to which it sends shop.example/api, does not exist in namespace shop")]
#[case::no_such_number(to(json!({"number": 8080})), vec![api_service()], "PortMissing", "Service `api`, to which it sends shop.example/api, has no port 8080")]
#[case::no_such_name(to(json!({"name": "web"})), vec![api_service()], "PortMissing", "Service `api`, to which it sends shop.example/api, has no port `web`")]
fn an_ingress_leads_nowhere(
    #[case] backend: Value,
    #[case] others: Vec<Value>,
    #[case] reason: &str,
    #[case] message: &str,
) {
    let objects = std::iter::once(ingress(backend)).chain(others).collect();
    let found = wrong(says("ingress-backend", &web(), objects));
    assert_eq!((found.reason.as_str(), found.message.as_str()), (reason, message));
    assert_eq!((found.owner, found.class, found.severity), (web(), ConditionClass::IngressBroken, Level::High));
}

#[rstest]
#[case::by_number(to(json!({"number": 81})))]
#[case::by_name(to(json!({"name": "http"})))]
#[case::without_a_port(to(Value::Null))]
#[case::an_instruction_to_a_controller(json!({"name": "redirect", "port": {"name": "use-annotation"}}))]
#[case::a_resource_instead(Value::Null)]
#[case::without_a_name(json!({"name": "", "port": {"number": 1}}))]
fn an_ingress_is_fine(#[case] backend: Value) {
    assert_eq!(says("ingress-backend", &web(), vec![ingress(backend), api_service()]), Verdict::Healthy);
}

#[test]
fn the_default_backend_counts_and_the_rest_is_counted() {
    let mut two = ingress(to(json!({"number": 80})));
    two["spec"]["defaultBackend"] = json!({"service": {"name": "gone", "port": {"number": 80}}});
    let found = wrong(says("ingress-backend", &web(), vec![two]));
    assert_eq!(
        found.message,
        "Service `gone`, to which it sends everything, does not exist in namespace shop; and 1 more of its routes lead nowhere"
    );
    assert_eq!(found.evidence.len(), 1, "the same words are said once");
}

#[test]
fn an_ingress_waits_its_grace_from_its_creation_and_from_the_last_change() {
    let mut young = ingress(to(json!({"number": 80})));
    young["metadata"]["creationTimestamp"] = json!(ago(30));
    assert_eq!(pending(&says("ingress-backend", &web(), vec![young])), SignedDuration::from_secs(90));
    let index = index(vec![ingress(to(json!({"number": 80})))]);
    assert_eq!(
        pending(&verdict("ingress-backend", &web(), &index, &changed(&web(), 20))),
        SignedDuration::from_secs(100)
    );
}

#[test]
fn a_service_that_was_not_dumped_is_not_missing() {
    let lone = ingress(to(json!({"number": 80})));
    assert_eq!(
        dumped("ingress-backend", &web(), std::slice::from_ref(&lone)),
        Verdict::Unknown("no services are in the dump".into())
    );
    let other = service("shop", "db", json!([]));
    assert_eq!(wrong(dumped("ingress-backend", &web(), &[lone, other])).reason, "ServiceMissing");
}

fn class(name: &str) -> Value {
    json!({"kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": "traefik.io/ingress-controller"}})
}

fn of_class(name: &str) -> Value {
    let mut ingress = ingress(to(json!({"number": 80})));
    ingress["spec"]["ingressClassName"] = json!(name);
    ingress
}

#[test]
fn a_class_that_does_not_exist_is_named_with_those_there_are() {
    let found = wrong(says("ingress-backend", &web(), vec![of_class("nginx"), api_service(), class("traefik")]));
    assert_eq!(found.message, "class `nginx` does not exist, so no controller serves it (there is traefik)");
    let found = wrong(says("ingress-backend", &web(), vec![of_class("nginx"), api_service()]));
    assert_eq!(found.message, "class `nginx` does not exist, so no controller serves it (there is no class at all)");
    let forbidden = blind(Kind::IngressClass, "ingress-backend", &web(), vec![of_class("nginx"), api_service()]);
    assert_eq!(forbidden, Verdict::Unknown("cannot read ingressclasses: forbidden".into()));
}

#[rstest]
#[case::there(of_class("traefik"))]
#[case::of_gke(of_class("gce-internal"))]
#[case::none_named(ingress(to(json!({"number": 80}))))]
fn a_class_is_fine(#[case] ingress: Value) {
    assert_eq!(says("ingress-backend", &web(), vec![ingress, api_service(), class("traefik")]), Verdict::Healthy);
}

#[test]
fn a_class_named_by_the_older_annotation_needs_no_object() {
    let mut older = of_class("");
    older["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "nginx"});
    assert_eq!(says("ingress-backend", &web(), vec![older, api_service()]), Verdict::Healthy);
}

#[test]
fn in_a_dump_without_classes_an_ingress_that_got_no_address_is_served_by_nobody() {
    let found = wrong(dumped("ingress-backend", &web(), &[of_class("nginx"), api_service()]));
    assert_eq!(
        found.message,
        "no controller has taken it: it has no address, nor has any other of class `nginx`; no ingressclasses are in the dump"
    );
    let unknown = Verdict::Unknown("no ingressclasses are in the dump".into());
    let mut other = of_class("nginx");
    other["metadata"]["name"] = json!("other");
    other["status"]["loadBalancer"] = json!({"ingress": [{"ip": "10.0.0.1"}]});
    assert_eq!(dumped("ingress-backend", &web(), &[of_class("nginx"), other, api_service()]), unknown);
    let mut written = of_class("nginx");
    written["metadata"].as_object_mut().unwrap().remove("creationTimestamp");
    assert_eq!(dumped("ingress-backend", &web(), &[written, api_service()]), unknown, "it is a manifest");
}

// Certificates.

fn certificate(ready: &str, since: i64, not_after: Option<SignedDuration>, failed: bool) -> Value {
    let not_after = not_after.map(|left| (now() + left).to_string());
    let mut all =
        vec![json!({"type": "Ready", "status": ready, "reason": "DoesNotExist", "lastTransitionTime": ago(since),
        "message": "Issuing certificate as Secret does not exist"})];
    all.extend(failed.then(|| {
        json!({"type": "Issuing", "status": "False", "reason": "Failed", "lastTransitionTime": ago(since),
        "message": "The certificate request has failed to complete: 429 rateLimited."})
    }));
    json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop", "uid": "c", "creationTimestamp": ago(86_400)},
        "spec": {"secretName": "tls", "dnsNames": ["shop.example", "www.shop.example"]},
        "status": {"conditions": all, "notAfter": not_after, "lastFailureTime": failed.then(|| ago(since))}})
}

const HOURS: fn(i64) -> SignedDuration = SignedDuration::from_hours;

#[rstest]
#[case::never_issued(
    certificate("False", 900, None, false),
    "NotIssued",
    ConditionClass::CertificateNotReady,
    Level::High
)]
#[case::renewal_fails(
    certificate("True", 900, Some(HOURS(300)), true),
    "RenewalFailing",
    ConditionClass::CertificateNotReady,
    Level::Warning
)]
#[case::less_than_a_week(
    certificate("True", 900, Some(HOURS(100)), true),
    "RenewalFailing",
    ConditionClass::CertificateNotReady,
    Level::High
)]
#[case::less_than_a_day(
    certificate("False", 900, Some(HOURS(10)), true),
    "RenewalFailing",
    ConditionClass::CertificateExpires,
    Level::Critical
)]
#[case::expired(certificate("False", 30, Some(HOURS(-1)), false), "Expired", ConditionClass::CertificateExpired, Level::Critical)]
#[case::expired_and_nobody_says_so(certificate("True", 86_400, Some(HOURS(-1)), false), "Expired", ConditionClass::CertificateExpired, Level::Critical)]
fn a_certificate_is_as_bad_as_what_is_left_of_it(
    #[case] certificate: Value,
    #[case] reason: &str,
    #[case] class: ConditionClass,
    #[case] level: Level,
) {
    let found = wrong(says("certificate", &owner("Certificate", "tls"), vec![certificate]));
    assert_eq!((found.reason.as_str(), found.class, found.severity), (reason, class, level));
}

/// How long it is valid still, and how long until it is looked at again.
#[rstest]
#[case(Some(200), Some(200 - 168))]
#[case::it_was_looked_at_a_week_before_its_end(Some(168), Some(168 - 24))]
#[case(Some(24), Some(24))]
#[case::over(Some(0), None)]
#[case::never_issued(None, None)]
fn a_certificate_is_looked_at_again_when_it_gets_worse(#[case] left: Option<i64>, #[case] again: Option<i64>) {
    let index = index(vec![certificate("False", 900, left.map(HOURS), true)]);
    let history = History::default();
    let look = Look {
        index: &index,
        history: &history,
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    assert_eq!(looks_again(&owner("Certificate", "tls"), &look), again.map(|hours| now() + HOURS(hours)));
}

#[test]
fn a_certificate_says_for_whom_until_when_and_why() {
    let of = owner("Certificate", "tls");
    let found = wrong(says("certificate", &of, vec![certificate("True", 900, Some(HOURS(100)), true)]));
    insta::assert_snapshot!(found.message, @"the certificate of shop.example is valid until 2026-03-05 16:00 UTC only, and its renewal is failing: The certificate request has failed to complete: 429 rateLimited");
    let found = wrong(says("certificate", &of, vec![certificate("False", 900, None, false)]));
    insta::assert_snapshot!(found.message, @"the certificate of shop.example is not issued: Issuing certificate as Secret does not exist");
    let young = says("certificate", &of, vec![certificate("False", 300, None, false)]);
    assert_eq!(pending(&young), SignedDuration::from_mins(10));
}

/// A certificate that is valid for so long still, and was to be renewed so many seconds ago; nothing says that anything failed.
fn due(left: SignedDuration, seconds: i64) -> Value {
    let mut certificate = certificate("True", 86_400, Some(left), false);
    certificate["status"]["renewalTime"] = json!(ago(seconds));
    certificate
}

#[test]
fn a_certificate_that_nobody_renews_is_told_before_it_expires() {
    let of = owner("Certificate", "tls");
    let says = |certificate| says("certificate", &of, vec![certificate]);
    let found = wrong(says(due(HOURS(100), 3600)));
    assert_eq!((found.reason.as_str(), found.severity), ("NotRenewed", Level::High));
    insta::assert_snapshot!(found.message, @"the certificate of shop.example is valid until 2026-03-05 16:00 UTC only, and was not renewed at its time, 2026-03-01 11:00 UTC: cause unknown");
    assert_eq!(wrong(says(due(HOURS(700), 3600))).severity, Level::Warning);
    assert_eq!(pending(&says(due(HOURS(100), 600))), SignedDuration::from_mins(50));
    assert_eq!(says(due(HOURS(100), -600)), Verdict::Healthy, "it is not time yet");
}

#[rstest]
#[case::valid(certificate("True", 86_400, Some(HOURS(1000)), false))]
#[case::of_short_life(certificate("True", 600, Some(HOURS(1)), false))]
#[case::new(json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop"}}))]
#[case::nulls(json!({"kind": "Certificate", "metadata": {"name": "tls", "namespace": "shop"}, "spec": null,
    "status": {"conditions": null, "notAfter": null, "lastFailureTime": null}}))]
fn a_certificate_is_fine(#[case] certificate: Value) {
    assert_eq!(says("certificate", &owner("Certificate", "tls"), vec![certificate]), Verdict::Healthy);
}

fn k3s(version: &str) -> Value {
    json!({"kind": "Node", "metadata": {"name": "n1", "uid": "uid-n1"}, "status": {"nodeInfo": {"kubeletVersion": version},
        "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn of_node(reason: &str, message: &str, seconds: i64) -> Value {
    json!({"kind": "Event", "metadata": {"name": reason, "namespace": "default"}, "type": "Warning", "reason": reason,
        "message": message, "involvedObject": {"kind": "Node", "name": "n1", "uid": "n1"}, "count": 2,
        "firstTimestamp": ago(seconds + 1800), "lastTimestamp": ago(seconds)})
}

const ENDS: &str = "Node certificates require attention - restart k3s on this node to trigger automatic rotation: k3s-server/client-admin.crt: certificate CN=system:admin,O=system:masters will expire within 90 days at ";

#[rstest]
#[case::in_weeks("2026-04-20T10:00:00Z", ConditionClass::CertificateNotReady)]
#[case::tomorrow("2026-03-02T10:00:00Z", ConditionClass::CertificateExpires)]
#[case::yesterday("2026-02-28T10:00:00Z", ConditionClass::CertificateExpired)]
fn k3s_warns_of_its_own_certificates(#[case] end: &str, #[case] class: ConditionClass) {
    let objects = vec![k3s("v1.34.1+k3s1"), of_node("CertificateExpirationWarning", &format!("{ENDS}{end}"), 600)];
    let found = wrong(says("certificate", &owner("Node", "n1"), objects));
    assert_eq!(found.class, class);
    assert!(found.severity <= Level::High);
    assert!(
        found
            .message
            .starts_with("certificates of this node have expired or are near their end: k3s-server/client-admin.crt")
    );
    assert!(found.recommendation.contains("systemctl restart k3s"));
}

#[test]
fn what_k3s_said_long_ago_or_took_back_and_what_others_say_is_no_warning() {
    let of = owner("Node", "n1");
    let warning = |seconds| of_node("CertificateExpirationWarning", ENDS, seconds);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), warning(4000)]), Verdict::Healthy);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1"), warning(60)]), Verdict::Healthy);
    let fine = of_node("CertificateExpirationOK", "all are OK", 30);
    assert_eq!(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), warning(60), fine]), Verdict::Healthy);
    assert_eq!(
        blind(Kind::Event, "certificate", &of, vec![k3s("v1.34.1+k3s1")]),
        Verdict::Unknown("cannot read events: forbidden".into())
    );
    let authority =
        of_node("CACertificateExpirationWarning", "Certificate Authority certificates require attention - plan: x", 60);
    let found = wrong(says("certificate", &of, vec![k3s("v1.34.1+k3s1"), authority]));
    assert_eq!((found.class, found.severity), (ConditionClass::CertificateNotReady, Level::Warning));
}

// Volumes.

#[test]
fn a_claim_that_has_lost_its_volume_is_told_though_nobody_waits_for_it() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "creationTimestamp": ago(600)},
        "spec": {"storageClassName": "fast"}, "status": {"phase": "Lost"}});
    let found = wrong(says("claim-pending", &owner("PersistentVolumeClaim", "data"), vec![claim]));
    assert_eq!(
        (found.class, found.message.as_str()),
        (ConditionClass::Volume, "claim `data` is not bound: its volume is lost")
    );
}

fn volume(phase: &str, seconds: i64) -> Value {
    json!({"kind": "PersistentVolume", "metadata": {"name": "pvc-1", "uid": "v", "creationTimestamp": ago(86_400)},
        "spec": {"claimRef": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"}},
        "status": {"phase": phase, "reason": "VolumeFailedDelete", "message": "rpc error: disk is attached", "lastPhaseTransitionTime": ago(seconds)}})
}

#[test]
fn a_volume_that_could_not_be_taken_back_is_told_after_its_grace() {
    let of = owner("PersistentVolume", "pvc-1");
    let found = wrong(says("volume-failed", &of, vec![volume("Failed", 300)]));
    assert_eq!(found.message, "the volume of claim shop/data could not be taken back: rpc error: disk is attached");
    assert_eq!((found.class, found.severity), (ConditionClass::VolumeFailed, Level::Warning));
    assert_eq!(pending(&says("volume-failed", &of, vec![volume("Failed", 60)])), SignedDuration::from_mins(4));
    for phase in ["Bound", "Available", "Released", "Pending"] {
        assert_eq!(says("volume-failed", &of, vec![volume(phase, 86_000)]), Verdict::Healthy, "{phase}");
    }
    let bare = json!({"kind": "PersistentVolume", "metadata": {"name": "pvc-1"}, "spec": null, "status": null});
    assert_eq!(says("volume-failed", &of, vec![bare]), Verdict::Healthy);
}
