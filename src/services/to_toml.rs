//! The catalogue becomes a `services.toml`.

use jiff::SignedDuration;
use serde::Serialize;

use super::{Catalogue, KnownIssue, Service};

#[derive(Serialize)]
struct File<'a> {
    service: Vec<Entry<'a>>,
}

/// In the order in which a person reads it.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workloads: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    purpose: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dependencies: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dependents: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_downtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u16>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    data_layer: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    health_check: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ingress: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    repository: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    paths: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_issues: Vec<Known<'a>>,
}

#[derive(Serialize)]
struct Known<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    checks: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
}

impl Catalogue {
    /// The text of a `services.toml` that says the same.
    ///
    /// # Errors
    /// If it cannot be written as TOML, which is a bug.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&File { service: self.services.iter().map(entry).collect() })
    }
}

fn entry(service: &Service) -> Entry<'_> {
    Entry {
        name: &service.name,
        aliases: &service.aliases,
        namespace: service.namespace.as_deref(),
        workloads: service.workloads.iter().map(ToString::to_string).collect(),
        priority: service.priority.map(|priority| priority.to_string()),
        purpose: &service.purpose,
        dependencies: &service.dependencies,
        dependents: &service.dependents,
        max_downtime: service.max_downtime.map(written),
        replicas: service.replicas,
        data_layer: service.data_layer,
        health_check: &service.health_check,
        ingress: &service.ingress,
        repository: &service.repository,
        paths: &service.paths,
        owner: service.owner.as_deref(),
        known_issues: service.known_issues.iter().map(known).collect(),
    }
}

fn known(issue: &KnownIssue) -> Known<'_> {
    Known { text: &issue.text, checks: &issue.checks, within: issue.within.map(written) }
}

fn written(time: SignedDuration) -> String {
    format!("{time:#}")
}
