//! `services.toml` becomes the catalogue, or every mistake in it with its line and how to mend it.

use jiff::SignedDuration;
use serde::Deserialize;
use toml::Spanned;

use super::{Catalogue, KnownIssue, Lint, Pattern, Priority, Service, catalogue::nearest};

/// A file of services.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    service: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    namespace: Option<Spanned<String>>,
    #[serde(default)]
    workloads: Vec<Spanned<String>>,
    priority: Option<Spanned<String>>,
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    dependents: Vec<String>,
    max_downtime: Option<Spanned<String>>,
    #[serde(default)]
    known_issues: Vec<Known>,
    replicas: Option<u16>,
    #[serde(default)]
    data_layer: bool,
    #[serde(default)]
    health_check: String,
    #[serde(default)]
    ingress: Vec<String>,
    repository: Option<Spanned<String>>,
    #[serde(default)]
    paths: Vec<String>,
    owner: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    text: String,
    #[serde(default)]
    checks: Vec<Spanned<String>>,
    within: Option<Spanned<String>>,
}

/// What is read of a text, with what was wrong in it.
struct Reader<'a> {
    text: &'a str,
    checks: &'a [&'a str],
    mistakes: Vec<Lint>,
}

impl Catalogue {
    /// Reads a `services.toml`; `checks` are the names of the checks there are.
    ///
    /// # Errors
    /// Every mistake, in the order of the lines.
    pub fn from_toml(text: &str, checks: &[&str]) -> Result<Self, Vec<Lint>> {
        let mut reader = Reader { text, checks, mistakes: Vec::new() };
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| reader.line(span.start));
            let remedy = if error.message().starts_with("unknown field") {
                "take it out, or write one of those"
            } else {
                "write TOML: [[service]], and below it key = \"value\""
            };
            vec![Lint::new(line, error.message(), remedy)]
        })?;
        let services = file.service.into_iter().map(|entry| reader.service(entry)).collect();
        reader.mistakes.sort();
        if reader.mistakes.is_empty() { Ok(Self { services }) } else { Err(reader.mistakes) }
    }
}

/// `owner/name` of a repository as it is written; an address on a forge is shortened to that.
pub(super) fn repository(written: &str) -> Option<String> {
    let text = written.trim().trim_end_matches('/').trim_end_matches(".git");
    let path = text.split_once("://").map_or(text, |(_, rest)| rest.split_once('/').map_or(rest, |(_, path)| path));
    let is_good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (path.split('/').count() == 2 && path.split('/').all(is_good)).then(|| path.to_owned())
}

impl Reader<'_> {
    fn service(&mut self, entry: Entry) -> Service {
        let line = self.line(entry.name.span().start);
        let name = self.name(&entry.name);
        let namespace = entry.namespace.map(|namespace| self.name(&namespace));
        let known_issues = entry.known_issues.into_iter().map(|known| self.known_issue(known)).collect();
        Service {
            name,
            aliases: entry.aliases.iter().map(|alias| self.name(alias)).collect(),
            workloads: entry.workloads.iter().filter_map(|w| self.workload(w, namespace.as_deref())).collect(),
            priority: entry.priority.and_then(|priority| self.priority(&priority)),
            purpose: entry.purpose,
            dependencies: entry.dependencies,
            dependents: entry.dependents,
            max_downtime: entry.max_downtime.and_then(|time| self.duration(&time)),
            known_issues,
            replicas: entry.replicas,
            data_layer: entry.data_layer,
            health_check: entry.health_check,
            ingress: entry.ingress,
            repository: entry.repository.map_or_else(String::new, |repository| self.repository(&repository)),
            paths: entry.paths,
            owner: entry.owner.and_then(|owner| self.owner(&owner)),
            namespace,
            line,
        }
    }

    fn name(&mut self, name: &Spanned<String>) -> String {
        let text = name.get_ref().trim();
        if text.is_empty() {
            self.mistake(name, "a name is empty", "write a name, or take it out");
        }
        text.to_owned()
    }

    /// A workload, in the namespace of its service if it names none.
    fn workload(&mut self, written: &Spanned<String>, namespace: Option<&str>) -> Option<Pattern> {
        let text = written.get_ref();
        let placed = match namespace.filter(|_| !text.contains('/')) {
            None => text.clone(),
            Some(namespace) => match text.trim().rsplit_once(' ') {
                Some((kind, name)) => format!("{kind} {namespace}/{name}"),
                None => format!("{namespace}/{}", text.trim()),
            },
        };
        match Pattern::parse(&placed) {
            Ok(pattern) => Some(pattern),
            Err((problem, remedy)) => {
                self.mistake(written, format!("{text:?}: {problem}"), remedy);
                None
            }
        }
    }

    fn priority(&mut self, written: &Spanned<String>) -> Option<Priority> {
        let priority = Priority::named(written.get_ref());
        if priority.is_none() {
            self.mistake(written, format!("{:?} is no priority", written.get_ref()), "write P0, P1, P2 or P3");
        }
        priority
    }

    fn duration(&mut self, written: &Spanned<String>) -> Option<SignedDuration> {
        let time = written.get_ref().trim().parse::<SignedDuration>().ok().filter(|time| !time.is_negative());
        if time.is_none() {
            let message = format!("{:?} is no time", written.get_ref());
            self.mistake(written, message, "write for example \"90s\", \"5m\", \"12h\"");
        }
        time
    }

    fn known_issue(&mut self, known: Known) -> KnownIssue {
        let mut checks = Vec::new();
        for check in known.checks {
            let name = check.get_ref();
            if self.checks.contains(&name.as_str()) {
                checks.push(name.clone());
                continue;
            }
            let remedy = match nearest(name, self.checks.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => "`k8s-monitor checks` lists them".to_owned(),
            };
            self.mistake(&check, format!("{name:?} is not a check"), remedy);
        }
        KnownIssue { text: known.text, checks, within: known.within.and_then(|time| self.duration(&time)) }
    }

    fn repository(&mut self, written: &Spanned<String>) -> String {
        repository(written.get_ref()).unwrap_or_else(|| {
            self.mistake(written, format!("{:?} is no repository", written.get_ref().trim()), "write owner/name");
            String::new()
        })
    }

    fn owner(&mut self, written: &Spanned<String>) -> Option<String> {
        let text = written.get_ref().trim();
        let is_id = text.len() >= 3
            && text.starts_with(['U', 'W', 'S'])
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !is_id {
            let remedy =
                "write the id of a user (U0123456789) or of a group (S0123456789): \"Copy member ID\" in its profile";
            self.mistake(written, format!("{text:?} is no id of Slack"), remedy);
        }
        is_id.then(|| text.to_owned())
    }

    fn mistake(&mut self, at: &Spanned<String>, message: impl Into<String>, remedy: impl Into<String>) {
        let line = self.line(at.span().start);
        self.mistakes.push(Lint::new(line, message, remedy));
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Catalogue, Vec<String>> {
        Catalogue::from_toml(text, &["not-ready", "crash-loop"])
            .map_err(|mistakes| mistakes.iter().map(|m| format!("{}: {}; {}", m.line, m.message, m.remedy)).collect())
    }

    #[test]
    fn every_field_of_an_entry_is_read() {
        let catalogue = read(
            r#"
[[service]]
name = "orders"
aliases = ["orders-api"]
namespace = "shop"
workloads = ["Deployment orders-web", "lab/orders"]
priority = "P0"
purpose = "Takes orders."
dependencies = ["orders-db"]
dependents = ["shop-web"]
max_downtime = "2m"
replicas = 2
data_layer = true
health_check = "/health on port 8080"
ingress = ["https://orders.example.com"]
repository = "https://github.com/acme/gitops.git"
paths = ["apps/orders/"]
owner = "S0123"
[[service.known_issues]]
text = "slow start"
checks = ["not-ready"]
within = "6m"
"#,
        )
        .unwrap();
        assert_eq!(
            catalogue.services,
            [Service {
                name: "orders".to_owned(),
                aliases: vec!["orders-api".to_owned()],
                namespace: Some("shop".to_owned()),
                workloads: ["Deployment shop/orders-web", "lab/orders"].map(|p| Pattern::parse(p).unwrap()).to_vec(),
                priority: Some(Priority::P0),
                purpose: "Takes orders.".to_owned(),
                dependencies: vec!["orders-db".to_owned()],
                dependents: vec!["shop-web".to_owned()],
                max_downtime: Some(SignedDuration::from_mins(2)),
                known_issues: vec![KnownIssue {
                    text: "slow start".to_owned(),
                    checks: vec!["not-ready".to_owned()],
                    within: Some(SignedDuration::from_mins(6)),
                }],
                replicas: Some(2),
                data_layer: true,
                health_check: "/health on port 8080".to_owned(),
                ingress: vec!["https://orders.example.com".to_owned()],
                repository: "acme/gitops".to_owned(),
                paths: vec!["apps/orders/".to_owned()],
                owner: Some("S0123".to_owned()),
                line: 3,
            }]
        );
    }

    #[test]
    fn every_mistake_is_said_with_its_line_and_its_remedy() {
        let mistakes = read(
            r#"[[service]]
name = ""
priority = "high"
max_downtime = "soon"
workloads = ["Deploy api"]
owner = "@ana"
repository = "gitops"
known_issues = [{ text = "slow", checks = ["not-redy"], within = "-5m" }]
"#,
        )
        .unwrap_err();
        insta::assert_snapshot!(mistakes.join("\n"), @r#"
        2: a name is empty; write a name, or take it out
        3: "high" is no priority; write P0, P1, P2 or P3
        4: "soon" is no time; write for example "90s", "5m", "12h"
        5: "Deploy api": `Deploy` is no kind that is watched; write for example `Deployment namespace/name`
        6: "@ana" is no id of Slack; write the id of a user (U0123456789) or of a group (S0123456789): "Copy member ID" in its profile
        7: "gitops" is no repository; write owner/name
        8: "-5m" is no time; write for example "90s", "5m", "12h"
        8: "not-redy" is not a check; did you mean not-ready?
        "#);
    }

    #[test]
    fn what_is_no_key_is_said() {
        insta::assert_snapshot!(read("[[service]]\nname = \"a\"\nprio = \"P0\"\n").unwrap_err().join("\n"), @"3: unknown field `prio`, expected one of `name`, `aliases`, `namespace`, `workloads`, `priority`, `purpose`, `dependencies`, `dependents`, `max_downtime`, `known_issues`, `replicas`, `data_layer`, `health_check`, `ingress`, `repository`, `paths`, `owner`; take it out, or write one of those");
        insta::assert_snapshot!(read("[service]\nname = \"a\"\n").unwrap_err().join("\n"), @r#"1: invalid type: map, expected a sequence; write TOML: [[service]], and below it key = "value""#);
        insta::assert_snapshot!(read("[[service]]\npriority = \"P0\"\n").unwrap_err().join("\n"), @r#"1: missing field `name`; write TOML: [[service]], and below it key = "value""#);
        insta::assert_snapshot!(read("[[service]]\nname = \"a\nb\"\n").unwrap_err().join("\n"), @r#"3: key with no value, expected `=`; write TOML: [[service]], and below it key = "value""#);
    }

    #[test]
    fn the_example_of_the_readme_has_every_field() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let example = readme.split("```toml\n").find(|text| text.starts_with("[[service]]")).unwrap();
        let example = example.split("```").next().unwrap();
        let catalogue = read(example).unwrap();
        let again = catalogue.to_toml().unwrap();
        let keys = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
        };
        // `data_layer = false` is not written again.
        let written: Vec<String> = keys(example).into_iter().filter(|key| key != "data_layer").collect();
        assert_eq!(keys(&again), written);
        for field in ["name", "aliases", "namespace", "workloads", "priority", "data_layer", "owner"] {
            assert!(keys(example).iter().any(|key| key == field), "{field} is not in the example");
        }
    }
}
