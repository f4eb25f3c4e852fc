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
    22: lines that the catalogue has no place for are left out: Resources (1); nothing is to be mended: the cluster itself says it, or it is for people only
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

/// What is said of an entry with these lines.
fn said(entry: &str) -> String {
    let text = format!("1. Business (P0 - x)\n  1.1 orders\n{entry}\n");
    let (_, lints) = Catalogue::from_services_txt(&text);
    lints.iter().map(|l| format!("{}: {}; {}", l.line, l.message, l.remedy)).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_line_is_lost_without_a_word() {
    insta::assert_snapshot!(said(
        "    These must run.
    - Max Downtme: 3 minutes
    - Colour: green
      - Shade: dark
    - Health Check:
      - /health on port 80
    - Data Layer: perhaps
    - GitOps:
      - Chart: ingress-nginx
      - Repo: https://charts.jetstack.io
    - stands alone
    - Resources:
      - Memory: 64Mi
    - Image: a/b
    one | two | three
    four | five"
    ), @r#"
    3: "These must run." is no line of a service, so it is not read; write "- Key: value", or take it out
    4: "Max Downtme" is no key of a service, so it is not read; did you mean "Max Downtime"?
    5: "Colour" is no key of a service, so it is not read; take it out, or write what it says in services.toml
    8: "Health Check" is no list, so "/health on port 80" is not read; write it in one line: "- Health Check: ..."
    9: data layer "perhaps" is neither yes nor no, so it is not read; write yes or no
    11: Chart "ingress-nginx" is no path, so it is left out; write paths = ["folder/file.yaml"] in services.toml if commits to it are to be told
    12: repo "https://charts.jetstack.io" is no repository like owner/name, so it is left out; write repository = "owner/name" in services.toml, of the repository in which it is deployed
    13: "stands alone" has no key, so it is not read; write "- Key: value", or take it out
    16: lines that the catalogue has no place for are left out: Image (1), Resources (2); nothing is to be mended: the cluster itself says it, or it is for people only
    17: "one | two | three" is no row of the table of services, so it is not read, nor are others like it; nothing is to be mended, unless it is: Service | ArgoCD App Name | ArgoCD App File | Namespace
    "#);
    let (_, lints) = Catalogue::from_services_txt(
        "1.1 early\n1. Rest\n  1.1 wiki\n    - Namespace: wiki\n    - Purpose: notes\n2. Patterns\n  2.1 GitOps\n    - Repo: acme/other\n3. A (P1)\n  3.1 a\n",
    );
    let said: Vec<String> = lints.iter().map(|l| format!("{}: {}; {}", l.line, l.message, l.remedy)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    1: "early" is in no section, so it has no priority and is not read; write a title like "1. Title (P0 - ...)" above it
    2: the section has no priority, so nothing of it is read; there are services in it; write for example (P2 - ...) at the end of its title
    "#);
}

#[test]
fn a_line_with_a_bar_in_it_is_a_line() {
    let (catalogue, lints) =
        Catalogue::from_services_txt("1. A (P0)\n  1.1 a\n    - Purpose: reads | writes\n    - Data Layer: yes\n");
    assert_eq!((catalogue.services[0].purpose.as_str(), catalogue.services[0].data_layer), ("reads | writes", true));
    assert_eq!(lints, []);
}

#[rstest::rstest]
#[case("24h", "24h")]
#[case("6min", "6m")]
#[case("6 min", "6m")]
#[case("1h30m", "1h 30m")]
#[case("5-15min", "5m")]
#[case("90s (short)", "1m 30s")]
#[case("2d", "48h")]
#[case("soon", "none")]
#[case("5", "none")]
fn a_time_is_read_with_and_without_a_blank(#[case] written: &str, #[case] read: &str) {
    let time = values::duration(written).map_or_else(|| "none".to_owned(), |(time, _)| format!("{time:#}"));
    assert_eq!(time, read);
}

#[rstest::rstest]
#[case("slow start up to 6min", Some(6))]
#[case("slow start: ~5-6min.", Some(6))]
#[case("slow start up to 6 minutes", Some(6))]
#[case("slow start, uses 500m of CPU and 64Mi", None)]
fn a_known_issue_has_the_bound_of_its_sentence(#[case] written: &str, #[case] minutes: Option<i64>) {
    assert_eq!(values::known_issue(written).within.map(|time| time.as_mins()), minutes);
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("Namespace"),
            Just("Repo"),
            Just("Chart"),
            Just("Manifests"),
            Just("ArgoCD App"),
            Just("Max Downtime"),
            Just("Known Issues"),
            Just("Dependencies"),
            Just("Used By"),
            Just("Replicas"),
            Just("Ingress"),
            Just("Health Check"),
            Just("Data Layer"),
        ];
        let value = prop_oneof![
            Just("https://charts.jetstack.io".to_owned()),
            Just("https://github.com/acme/gitops.git".to_owned()),
            Just("(shared)".to_owned()),
            Just("slow startup up to 6 minutes".to_owned()),
            Just("99999999999 hours".to_owned()),
            "[0-9]{1,19} ?(s|min|hours|days|m)",
            ".{0,30}",
        ];
        prop_oneof![
            (key, value).prop_map(|(key, value)| format!("    - {key}: {value}")),
            ".{0,20}".prop_map(|title| format!("  1.1 {title}")),
            proptest::collection::vec("[a-z ()]{0,8}", 4).prop_map(|cells| cells.join("|")),
        ]
    }

    proptest! {
        #[test]
        fn what_is_imported_is_read_again(lines in proptest::collection::vec(line(), 0..12)) {
            let text = format!("1. A (P0 - x)\n  1.1 orders\n{}\n", lines.join("\n"));
            let written = Catalogue::from_services_txt(&text).0.to_toml().unwrap();
            let names: Vec<&str> = crate::findings::checks::ALL.iter().map(|check| check.name()).collect();
            prop_assert!(Catalogue::from_toml(&written, &names).is_ok(), "{written}\n{:?}", Catalogue::from_toml(&written, &names));
        }
    }
}
