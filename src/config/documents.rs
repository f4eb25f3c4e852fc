//! Holds README, `.env.example` and the manifests to what the code has: keys, variables, checks, commands, rights, agents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use serde_json::Value;

use super::{gather::DEFAULTS, keys::KEYS, *};
use crate::{
    cluster::Kind,
    conversation::COMMANDS,
    findings::checks,
    telemetry::{METRICS, Metric},
};

fn read(path: &str) -> String {
    let whole = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&whole).unwrap_or_else(|why| panic!("{}: {why}", whole.display()))
}

/// Key, variable, default and explanation, from the lines of `default.toml`.
fn documented() -> Vec<[String; 4]> {
    let (mut section, mut explanation, mut rows) = (String::new(), String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            explanation = text.to_owned();
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once(" = ") {
            let (value, variable) = value.split_once(" # ").unwrap_or((value, ""));
            rows.push([
                if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") },
                variable.to_owned(),
                value.to_owned(),
                std::mem::take(&mut explanation),
            ]);
        }
    }
    rows
}

#[test]
fn every_key_is_explained_and_names_its_variable() {
    let rows = documented();
    let written: Vec<(&str, &str)> = rows.iter().map(|[key, variable, ..]| (key.as_str(), variable.as_str())).collect();
    let known: Vec<(&str, &str)> = KEYS.iter().map(|k| (k.path, k.variable.unwrap_or_default())).collect();
    assert_eq!(written, known);
    for (row, key) in rows.iter().zip(KEYS) {
        assert!(row[3].ends_with(['.', '"']), "{} is not explained: {:?}", row[0], row[3]);
        assert_eq!(row[3].contains("Secret."), key.secret, "{}", row[0]);
    }
}

#[test]
fn the_readme_has_the_table_of_every_key() {
    let mut table = "| key | variable | default | |\n|---|---|---|---|\n".to_owned();
    for [key, variable, value, explanation] in documented() {
        let variable = if variable.is_empty() { String::new() } else { format!("`{variable}`") };
        writeln!(table, "| `{key}` | {variable} | `{value}` | {explanation} |").unwrap();
    }
    assert!(read("README.md").contains(&table), "put this table into README.md:\n{table}");
}

#[test]
fn the_readme_has_the_table_of_every_check() {
    let mut table = "| check | says | waits | is silent |\n|---|---|---|---|\n".to_owned();
    for check in checks::ALL {
        let doc = check.doc();
        writeln!(table, "| `{}` | {} | {} | {} |", check.name(), doc.what, doc.grace, doc.silent).unwrap();
    }
    assert!(read("README.md").contains(&table), "put this table into README.md:\n{table}");
}

#[test]
fn the_readme_has_the_table_of_every_parameter() {
    let mut table = "| check | parameter | from | to | |\n|---|---|---|---|---|\n".to_owned();
    for parameter in checks::ALL.iter().flat_map(|check| check.parameters()) {
        let (least, most) = (parameter.show(parameter.least), parameter.show(parameter.most));
        writeln!(table, "| `{}` | `{parameter}` | {least} | {most} | {} |", parameter.check, parameter.what).unwrap();
    }
    assert!(read("README.md").contains(&table), "put this table into README.md:\n{table}");
}

#[test]
fn the_readme_has_the_table_of_every_command() {
    let mut table = "| in Slack | |\n|---|---|\n".to_owned();
    for command in COMMANDS {
        writeln!(table, "| `{}` | {} |", command.usage, command.help).unwrap();
    }
    assert!(read("README.md").contains(&table), "put this table into README.md:\n{table}");
}

#[test]
fn the_readme_has_the_table_of_every_metric() {
    let mut table = "| metric | | labels | |\n|---|---|---|---|\n".to_owned();
    for Metric { name, sort, labels, help } in METRICS {
        let suffix = if sort == "counter" { "_total" } else { "" };
        writeln!(table, "| `k8s_monitor_{name}{suffix}` | {sort} | {labels} | {help} |").unwrap();
    }
    assert!(read("README.md").contains(&table), "put this table into README.md:\n{table}");
}

/// The files of `agents/` with their texts.
fn agents() -> BTreeMap<String, String> {
    let folder = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("agents")).unwrap();
    let names = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), read(&format!("agents/{name}")))).collect()
}

#[test]
fn every_agent_says_what_it_is_and_within_which_bounds() {
    for (file, text) in agents() {
        let (front, prompt) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
        let front: Value = serde_saphyr::from_str(front).unwrap();
        let fields: BTreeSet<&str> = front.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["name", "description", "model", "tools", "max_turns", "max_tokens", "timeout"];
        assert_eq!(fields, expected.into(), "{file}");
        assert_eq!(format!("{}.md", front["name"].as_str().unwrap()), file);
        for promise in ["INCONCLUSIVE", "never", "JSON", "fences"] {
            assert!(prompt.to_lowercase().contains(&promise.to_lowercase()), "{file}: {promise}");
        }
    }
}

#[test]
fn the_agents_of_the_manifests_are_those_of_the_folder_and_all_are_mounted() {
    let all = manifests();
    let data: BTreeMap<String, String> =
        serde_json::from_value(named(&all, "ConfigMap", "k8s-monitor-agents")["data"].clone()).unwrap();
    assert_eq!(data, agents());
    let pod = &one(&all, "Deployment")["spec"]["template"]["spec"];
    let mounted = pod["volumes"][0]["projected"]["sources"][1]["configMap"]["items"].as_array().unwrap();
    let mounted: BTreeMap<&str, &str> =
        mounted.iter().map(|i| (i["key"].as_str().unwrap(), i["path"].as_str().unwrap())).collect();
    let paths: Vec<String> = data.keys().map(|name| format!("agents/{name}")).collect();
    assert_eq!(mounted, data.keys().map(String::as_str).zip(paths.iter().map(String::as_str)).collect());
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], "/etc/k8s-monitor");
}

#[test]
fn the_example_of_env_names_every_variable_and_is_itself_a_good_configuration() {
    let example = read(".env.example");
    let lines = example.lines().map(|l| l.trim_start_matches('#')).filter(|l| !l.starts_with(' '));
    let written: BTreeSet<&str> = lines.filter_map(|l| l.split_once('=')).map(|(name, _)| name).collect();
    let known: BTreeSet<&str> = KEYS.iter().filter_map(|k| k.variable).collect();
    assert_eq!(written, known);
    // As it is, and once Slack is filled in.
    let filled_in =
        example.replace("#SLACK_BOT", "SLACK_BOT").replace("#SLACK_APP", "SLACK_APP").replace("#SLACK_CH", "SLACK_CH");
    for (text, expected) in [(example, "is not set, so alerts are printed and nothing is posted"), (filled_in, "")] {
        let dotenv = Some(Text { path: ".env.example".to_owned(), text });
        let (_, warnings) = Config::load(&Sources { purpose: Purpose::Run, dotenv, ..Sources::default() }).unwrap();
        assert_eq!(warnings.iter().map(|w| w.message.as_str()).collect::<String>(), expected);
    }
}

#[test]
fn compose_makes_no_folder_where_k3s_will_write_its_kubeconfig() {
    let compose: Value = serde_saphyr::from_str(&read("docker-compose.yml")).unwrap();
    let service = &compose["services"]["k8s-monitor"];
    let mount = &service["volumes"][0];
    assert_eq!(mount["target"], service["environment"]["KUBECONFIG"]);
    assert_eq!(mount["bind"]["create_host_path"], false);
}

/// Every document of the kustomization, by file.
fn manifests() -> Vec<(String, Value)> {
    let kustomization: Value = serde_saphyr::from_str(&read("manifests/k3s/kustomization.yaml")).unwrap();
    let mut all = Vec::new();
    for file in kustomization["resources"].as_array().unwrap() {
        let file = file.as_str().unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&read(&format!("manifests/k3s/{file}"))).unwrap() {
            all.push((file.to_owned(), document));
        }
    }
    all
}

fn one<'a>(all: &'a [(String, Value)], kind: &str) -> &'a Value {
    let found: Vec<&Value> = all.iter().filter(|(_, m)| m["kind"] == kind).map(|(_, m)| m).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

fn named<'a>(all: &'a [(String, Value)], kind: &str, name: &str) -> &'a Value {
    all.iter().map(|(_, m)| m).find(|m| m["kind"] == kind && m["metadata"]["name"] == name).unwrap()
}

#[test]
fn the_cluster_role_allows_exactly_what_is_read() {
    let all = manifests();
    let mut granted = BTreeSet::new();
    let texts =
        |v: &Value| -> Vec<String> { v.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect() };
    for rule in one(&all, "ClusterRole")["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    granted.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    let besides = [
        ("", "pods/log", "get"),
        ("metrics.k8s.io", "pods", "list"),
        ("apps", "controllerrevisions", "list"),
        ("argoproj.io", "applications", "get"),
        ("kustomize.toolkit.fluxcd.io", "kustomizations", "get"),
        ("helm.toolkit.fluxcd.io", "helmreleases", "get"),
        ("source.toolkit.fluxcd.io", "gitrepositories", "get"),
        ("source.toolkit.fluxcd.io", "ocirepositories", "get"),
        ("source.toolkit.fluxcd.io", "buckets", "get"),
        ("source.toolkit.fluxcd.io", "helmrepositories", "get"),
        ("helm.cattle.io", "helmcharts", "get"),
    ];
    let mut needed =
        BTreeSet::from(besides.map(|(group, what, verb)| (group.to_owned(), what.to_owned(), verb.to_owned())));
    for kind in Kind::ALL.into_iter().chain(Kind::CHANGED) {
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        for verb in ["get", "list", "watch"] {
            needed.insert((group.to_owned(), kind.plural().to_owned(), verb.to_owned()));
        }
    }
    assert_eq!(granted, needed);
}

#[test]
fn every_manifest_is_named_k8s_monitor_and_none_is_a_secret() {
    let all = manifests();
    for (file, manifest) in &all {
        assert!(manifest["metadata"]["name"].as_str().unwrap().starts_with("k8s-monitor"), "{file}");
        assert_ne!(manifest["kind"], "Secret", "{file}: applying must not overwrite tokens");
    }
    // Whoever applies the folder file by file gets the same.
    let files = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("manifests/k3s")).unwrap();
    let there: BTreeSet<String> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    let listed = all.into_iter().map(|(file, _)| file).chain(["kustomization.yaml".to_owned()]);
    assert_eq!(there, listed.collect());
}

#[test]
fn the_settings_of_the_manifests_are_a_good_configuration_of_the_bot() {
    let all = manifests();
    let container = &one(&all, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    // In the order of Kubernetes: the image, the Secret (here with a database of its own), the manifest.
    let dockerfile = read("Dockerfile");
    let of_image = dockerfile.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    let mut env: BTreeMap<String, String> =
        of_image.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect();
    assert_eq!(env["DATABASE_URL"], "sqlite:/data/k8s-monitor.db");
    let secret: Value = serde_saphyr::from_str(&read("manifests/secret.example.yaml")).unwrap();
    for (name, value) in secret["stringData"].as_object().unwrap() {
        env.insert(name.clone(), value.as_str().unwrap().into());
    }
    env.insert("DATABASE_URL".into(), "postgres://bot@db/k8s".into());
    for variable in container["env"].as_array().unwrap() {
        env.insert(variable["name"].as_str().unwrap().into(), variable["value"].as_str().unwrap().into());
    }
    let text = named(&all, "ConfigMap", "k8s-monitor")["data"]["k8s-monitor.toml"].as_str().unwrap().to_owned();
    let file = Some(Text { path: env["K8S_MONITOR_CONFIG"].clone(), text });
    let sources = Sources { purpose: Purpose::Run, env, file, ..Sources::default() };
    let (config, warnings) = Config::load(&sources).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.slack.channels, ["alerts"]);
    assert_eq!(config.database_url.expose_secret(), "postgres://bot@db/k8s");
    assert_eq!(container["ports"][0]["containerPort"], config.http_listen.unwrap().port());
}
