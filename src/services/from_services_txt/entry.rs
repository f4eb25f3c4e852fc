//! The value of a key goes into the entry of its service; what it cannot be is said.

use super::{
    Lint, Outline,
    table::add_alias,
    values::{duration, known_issue, names, number, without_remark},
};
use crate::services::{KnownIssue, from_toml::repository};

impl Outline {
    /// Takes in the value of a key of the last service.
    pub(super) fn value(&mut self, key: &str, text: &str, line: usize) {
        let Some(service) = self.services.last_mut() else { return };
        let mut say = |message: String, remedy: &str| self.lints.push(Lint::new(line, message, remedy));
        match key {
            "Purpose" => text.clone_into(&mut service.purpose),
            "Namespace" => service.namespace = Some(without_remark(text).to_owned()),
            "Dependencies" => service.dependencies.extend(names(text)),
            "Dependents" | "Used By" => {
                let (all, some): (Vec<_>, Vec<_>) = names(text).partition(|n| n.split(' ').next() == Some("ALL"));
                if !all.is_empty() {
                    let message = format!("{:?} names no service, so it counts for nothing", all.join(", "));
                    say(message, "list the services in services.toml; everything needs cluster DNS in any case");
                }
                service.dependents.extend(some);
            }
            "Max Downtime" => match duration(text) {
                Some((time, None)) => service.max_downtime = Some(time),
                Some((time, Some(guess))) => {
                    service.max_downtime = Some(time);
                    say(format!("max downtime {text:?} is read as {guess}"), "write one time: max_downtime = \"15m\"");
                }
                None => {
                    let message = format!("max downtime {text:?} is no time, so that of its priority holds");
                    say(message, "write one time: max_downtime = \"24h\"");
                }
            },
            "Known Issues" | "Quirks" | "Quirk" => {
                let issue: KnownIssue = known_issue(text);
                if issue.checks.is_empty() && key == "Known Issues" {
                    let message = format!("known issue {:?}: its words tell no check", issue.text);
                    say(message, "name its checks in services.toml: checks = [\"not-ready\"], within = \"6m\"");
                }
                service.known_issues.push(issue);
            }
            "Health Check" => text.clone_into(&mut service.health_check),
            "Replicas" => match number(text) {
                Some(replicas) => service.replicas = Some(replicas),
                None => say(format!("replicas {text:?} is no number"), "write for example 2"),
            },
            "Data Layer" => match without_remark(text).to_lowercase().as_str() {
                "yes" | "true" => service.data_layer = true,
                "no" | "false" => service.data_layer = false,
                _ => say(format!("data layer {text:?} is neither yes nor no, so it is not read"), "write yes or no"),
            },
            "Ingress" => service.ingress.push(without_remark(text).to_owned()),
            "Repo" => match repository(without_remark(text)) {
                Some(repository) => service.repository = repository,
                // Of a chart it is the place where charts are, of which nothing is asked.
                None => say(
                    format!("repo {text:?} is no repository like owner/name, so it is left out"),
                    "write repository = \"owner/name\" in services.toml, of the repository in which it is deployed",
                ),
            },
            "Manifests" | "Chart" | "ArgoCD App" => {
                let path = Some(without_remark(text)).filter(|path| path.contains('/'));
                let name = text.split_once("app name:").map(|(_, name)| name.trim().trim_end_matches(')'));
                service.paths.extend(path.map(str::to_owned));
                if let Some(name) = name {
                    add_alias(service, name);
                }
                if path.is_none() && name.is_none() {
                    say(
                        format!("{key} {text:?} is no path, so it is left out"),
                        "write paths = [\"folder/file.yaml\"] in services.toml if commits to it are to be told",
                    );
                }
            }
            // What is known is above; below a group it is a line without a key of its own.
            _ => say(format!("{text:?} is not read: {key:?} has keys below it"), "write \"- Key: value\" below it"),
        }
    }
}
