//! An outline in the prototype's format with its traps: what is read of it, and what is said about the rest.

use super::*;

const OUTLINE: &str = "\
Services of the homelab

1. Business (P0 - Business Critical)
  These must never be down.

  1.1 orders-backend
    - Purpose: Takes orders: web and phone
    - GitOps:
      - ArgoCD App: base-apps/orders-backend.yaml (app name: orders)
      - Manifests: base-apps/orders-backend/
      - Repo: acme/gitops
    - Namespace: orders (shared with the web)
    - Dependencies: mysql (data, sessions), vault
    - Max Downtime: 0 minutes (business critical)
    - Known Issues:
      - \u{26a0}\u{fe0f} Slow startup: up to 5-6 minutes
      - Needs manual unseal after restart
      - Sometimes odd
    - Health Check: /health on port 8000
    - Replicas: 2 (HA enabled)
    - Ingress: https://orders.example.com
    - Resources: 256Mi-512Mi RAM, 200m-500m CPU
  1.2 mysql
    - Namespace: orders
    - Dependents: orders-backend, ALL reports
    - Max Downtime: 5-15 minutes (depends)
---
2. Base (P1 - Infrastructure Dependencies)
  2.4 pull-auth (registry-credentials-sync)
    - Max Downtime: 12 hours (tokens live as long)
    - Dependencies: None (runs alone)
  2.5 certs
    - Namespace: cert-manager
    - Max Downtime: Hours to days (certificates live on)
    - Replicas: some
  2.6 vault
    - Max Downtime: N/A (does not matter)
    - Quirks: unseals by hand
  2.7 mail relay
3. Rest (P2-P3)
  3.1 wiki
4. Common patterns
  4.1 GitOps
    - Repo: acme/other
  4.2 Table
    Service | ArgoCD App Name | ArgoCD App File | Namespace
    ------- | --------------- | --------------- | ---------
    orders-backend | orders | base-apps/orders-backend.yaml | shop
    registry-credentials-sync | pull-auth | base-apps/pull-auth.yaml | pull-auth
    ghost | ghost | base-apps/ghost.yaml | ghost";

fn read() -> (Catalogue, String) {
    let (catalogue, lints) = Catalogue::from_services_txt(OUTLINE);
    let said: Vec<String> = lints.iter().map(|l| format!("{}: {}; {}", l.line, l.message, l.remedy)).collect();
    (catalogue, said.join("\n"))
}

#[test]
fn an_outline_is_read_with_its_traps() {
    insta::assert_snapshot!(read().0.to_toml().unwrap(), @r#"
    [[service]]
    name = "orders-backend"
    aliases = ["orders"]
    namespace = "orders"
    priority = "P0"
    purpose = "Takes orders: web and phone"
    dependencies = ["mysql", "vault"]
    max_downtime = "0s"
    replicas = 2
    health_check = "/health on port 8000"
    ingress = ["https://orders.example.com"]
    repository = "acme/gitops"
    paths = ["base-apps/orders-backend.yaml", "base-apps/orders-backend/"]

    [[service.known_issues]]
    text = "Slow startup: up to 5-6 minutes"
    checks = ["not-ready", "replicas-missing", "rollout-stuck", "service-no-endpoints"]
    within = "6m"

    [[service.known_issues]]
    text = "Needs manual unseal after restart"
    checks = ["not-ready", "replicas-missing", "rollout-stuck", "service-no-endpoints"]

    [[service.known_issues]]
    text = "Sometimes odd"

    [[service]]
    name = "mysql"
    namespace = "orders"
    priority = "P0"
    dependents = ["orders-backend"]
    max_downtime = "5m"

    [[service]]
    name = "pull-auth"
    aliases = ["registry-credentials-sync"]
    namespace = "pull-auth"
    priority = "P1"
    max_downtime = "12h"
    paths = ["base-apps/pull-auth.yaml"]

    [[service]]
    name = "certs"
    namespace = "cert-manager"
    priority = "P1"
    max_downtime = "1h"

    [[service]]
    name = "vault"
    priority = "P1"

    [[service.known_issues]]
    text = "unseals by hand"
    checks = ["not-ready", "replicas-missing", "rollout-stuck", "service-no-endpoints"]

    [[service]]
    name = "mail relay"
    priority = "P1"

    [[service]]
    name = "wiki"
    priority = "P2"
    "#);
}

#[test]
fn what_had_to_be_guessed_is_said_with_its_line() {
    insta::assert_snapshot!(read().1, @r#"
    18: known issue "Sometimes odd": its words tell no check; name its checks in services.toml: checks = ["not-ready"], within = "6m"
    25: "ALL reports" names no service, so it counts for nothing; list the services in services.toml; everything needs cluster DNS in any case
    26: max downtime "5-15 minutes (depends)" is read as 5m; write one time: max_downtime = "15m"
    34: max downtime "Hours to days (certificates live on)" is read as 1h; write one time: max_downtime = "15m"
    35: replicas "some" is no number; write for example 2
    37: max downtime "N/A (does not matter)" is no time, so that of its priority holds; write one time: max_downtime = "24h"
    39: "mail relay" is not the name of a workload, so it is matched by its aliases and its namespace; write the workload's name, or list it in services.toml
    40: the section says P2-P3: all of it is read as P2; give each service a priority of its own in services.toml
    48: "orders-backend" is in "orders" by its entry and in "shop" by the table; the entry counts; mend the other
    50: the table names "ghost", which has no heading; call it as its heading does, or take it out
    "#);
}

#[test]
fn what_is_imported_reads_as_the_same_catalogue() {
    let (catalogue, _) = read();
    let names: Vec<&str> = crate::findings::checks::ALL.iter().map(|check| check.name()).collect();
    let mut again = Catalogue::from_toml(&catalogue.to_toml().unwrap(), &names).unwrap();
    for (service, from) in again.services.iter_mut().zip(&catalogue.services) {
        service.line = from.line;
    }
    assert_eq!(again, catalogue);
}

#[test]
fn anything_is_read_without_a_panic() {
    for text in [
        "",
        "1.",
        "1. ",
        "1.1",
        "- : :",
        "| | | |",
        "1. A (P0)\n1.1 \u{1f600}\n  - Max Downtime: 99999999999999999999 days",
        "1. A (P",
    ] {
        drop(Catalogue::from_services_txt(text));
    }
    let (catalogue, lints) = Catalogue::from_services_txt("1. A (P7 - x)\n  1.1 a\n");
    assert_eq!((catalogue.services.len(), lints.len()), (0, 2));
}
