//! Where the cluster is: paths, values of variables and a context go in, the connection to use and why comes out.

use std::{
    io,
    path::{Path, PathBuf},
};

use http::Uri;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::SecretString;

/// Where a Pod finds its service account.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Where K3s leaves the kubeconfig of its administrator.
pub const K3S_KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";

/// The name of the cluster the bot runs in, if it is given no other.
const IN_CLUSTER: &str = "in-cluster";

/// What is known about where a cluster might be; the environment is read by the configuration, not here.
#[derive(Clone, Debug)]
pub struct Places {
    /// The context that was asked for; a service account has none, so naming one means a kubeconfig.
    pub context: Option<String>,
    /// `KUBECONFIG`: one path, or several separated by `:`.
    pub kubeconfig: Option<String>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `KUBERNETES_SERVICE_HOST`.
    pub service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`.
    pub service_port: Option<String>,
    /// The folder of the service account.
    pub service_account: PathBuf,
    /// The kubeconfig of K3s.
    pub k3s: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            context: None,
            kubeconfig: None,
            home: None,
            service_host: None,
            service_port: None,
            service_account: SERVICE_ACCOUNT.into(),
            k3s: K3S_KUBECONFIG.into(),
        }
    }
}

/// How to reach one cluster.
#[derive(Clone)]
pub struct ClusterConfig {
    pub(super) kube: kube::Config,
    name: String,
}

impl std::fmt::Debug for ClusterConfig {
    /// Only the address: the rest may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterConfig").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl ClusterConfig {
    /// A server at that address, with that bearer token; its name is the address.
    pub fn at(server: &str, token: Option<SecretString>) -> Result<Self, NoCluster> {
        let server: Uri = server.parse().map_err(|error| NoCluster::broken("the server's address", error))?;
        let mut kube = kube::Config::new(server);
        kube.auth_info.token = token;
        let mut config = Self { kube, name: String::new() };
        config.name = config.server();
        Ok(config)
    }

    /// The same, under the name that people gave it.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// What the cluster is called where it was found: the context of the kubeconfig, `in-cluster`, else the server's address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the API server, for people.
    pub fn server(&self) -> String {
        let uri = &self.kube.cluster_url;
        match (uri.scheme_str(), uri.authority()) {
            // Without what might be before an `@`.
            (Some(scheme), Some(authority)) => {
                let host = authority.as_str().rsplit('@').next().unwrap_or_default();
                format!("{scheme}://{host}{}", uri.path().trim_end_matches('/'))
            }
            _ => uri.path().to_owned(),
        }
    }
}

/// The cluster that was found.
#[derive(Debug)]
pub struct Found {
    /// How to reach it.
    pub config: ClusterConfig,
    /// What was chosen, for people: `context default of /etc/rancher/k3s/k3s.yaml, https://127.0.0.1:6443`.
    pub described: String,
    /// What was passed over and should be known.
    pub warnings: Vec<String>,
}

/// No cluster: everything that was tried, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum NoCluster {
    /// Nothing there.
    #[error(
        "no Kubernetes cluster found. Tried: {}. Set KUBECONFIG to a kubeconfig file, or run inside the cluster with a service account",
        .0.join("; ")
    )]
    Nowhere(Vec<String>),
    /// Something is there but cannot be used; going on would mean another cluster than the one that was meant.
    #[error("{place} cannot be used: {why}")]
    Broken {
        /// The file or the variable.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

impl NoCluster {
    fn broken(place: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Broken { place: format!("{place}"), why: format!("{why}") }
    }
}

/// Looks for the cluster: the service account of the Pod, `KUBECONFIG`, `~/.kube/config`, K3s.
pub async fn find(places: &Places) -> Result<Found, NoCluster> {
    let mut tried = Vec::new();
    let mut warnings = Vec::new();

    if let Some(context) = &places.context {
        tried.push(format!("in-cluster service account (passed over: it has no context {context:?})"));
    } else if places.service_account.join("token").exists() {
        return in_cluster(places);
    } else {
        tried.push(format!("in-cluster service account ({} is not there)", places.service_account.display()));
    }

    for (files, explicit) in candidates(places) {
        let name = named(&files);
        match read(&files)? {
            Read::Missing(missing) => {
                let missing = missing.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
                if explicit {
                    warnings.push(format!("KUBECONFIG names {missing}, which does not exist; looking elsewhere"));
                    tried.push(format!("KUBECONFIG ({missing} does not exist)"));
                } else {
                    tried.push(format!("{missing} (does not exist)"));
                }
            }
            Read::Kubeconfig(kubeconfig, missing) => {
                warnings
                    .extend(missing.iter().map(|f| format!("KUBECONFIG names {}, which does not exist", f.display())));
                match connect(*kubeconfig, &name, places.context.as_deref()).await? {
                    Ok((config, described)) => return Ok(Found { config, described, warnings }),
                    Err(why) => tried.push(format!("{name} ({why})")),
                }
            }
        }
    }
    Err(NoCluster::Nowhere(tried))
}

/// The cluster this process runs in, and no other.
pub fn find_inside(places: &Places) -> Result<Found, NoCluster> {
    if places.service_account.join("token").exists() {
        return in_cluster(places);
    }
    let why = format!("{} is not there, so this is no Pod", places.service_account.display());
    Err(NoCluster::broken("in-cluster", why))
}

/// The current context of that kubeconfig, and no other.
pub async fn find_in(kubeconfig: &Path) -> Result<Found, NoCluster> {
    let name = kubeconfig.display();
    match read(&[kubeconfig.to_owned()])? {
        Read::Missing(_) => Err(NoCluster::broken(name, "it does not exist")),
        Read::Kubeconfig(read, _) => match connect(*read, &name.to_string(), None).await? {
            Ok((config, described)) => Ok(Found { config, described, warnings: Vec::new() }),
            Err(why) => Err(NoCluster::broken(name, why)),
        },
    }
}

fn named(files: &[PathBuf]) -> String {
    files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(":")
}

/// The context of a kubeconfig, with a word on it; or why it has none that is meant.
async fn connect(
    kubeconfig: Kubeconfig,
    name: &str,
    context: Option<&str>,
) -> Result<Result<(ClusterConfig, String), String>, NoCluster> {
    let known: Vec<_> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    let wanted = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone());
    let Some(context) = wanted.filter(|c| !c.is_empty()).or_else(|| only(&known)) else {
        return Ok(Err(format!("has no current context; it knows: {}", or_none(&known))));
    };
    if !known.contains(&context) {
        return Ok(Err(format!("has no context {context:?}; it knows: {}", or_none(&known))));
    }
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let kube = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| NoCluster::broken(format!("context {context} of {name}"), chain(&error)))?;
    let config = ClusterConfig { kube, name: context.clone() };
    let described = format!("context {context} of {name}, {}", config.server());
    Ok(Ok((config, described)))
}

/// The kubeconfigs to look at in their order, and whether somebody named them.
fn candidates(places: &Places) -> Vec<(Vec<PathBuf>, bool)> {
    let named: Vec<PathBuf> =
        places.kubeconfig.iter().flat_map(|v| v.split(':')).filter(|p| !p.is_empty()).map(PathBuf::from).collect();
    let mut all = Vec::new();
    if !named.is_empty() {
        all.push((named, true));
    }
    all.extend(places.home.iter().map(|home| (vec![home.join(".kube/config")], false)));
    all.push((vec![places.k3s.clone()], false));
    all
}

enum Read {
    /// None of the files is there.
    Missing(Vec<PathBuf>),
    /// What the files hold together, and which of them are not there.
    Kubeconfig(Box<Kubeconfig>, Vec<PathBuf>),
}

fn read(files: &[PathBuf]) -> Result<Read, NoCluster> {
    let mut merged: Option<Kubeconfig> = None;
    let mut missing = Vec::new();
    for file in files {
        match Kubeconfig::read_from(file) {
            Ok(next) => {
                let together = match merged.take() {
                    None => next,
                    Some(first) => first.merge(next).map_err(|e| NoCluster::broken(file.display(), chain(&e)))?,
                };
                merged = Some(together);
            }
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(file.clone());
            }
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::PermissionDenied => {
                let why = "permission denied: run as a user who may read it (for K3s root, or a copy of the file)";
                return Err(NoCluster::broken(file.display(), why));
            }
            Err(error) => return Err(NoCluster::broken(file.display(), chain(&error))),
        }
    }
    Ok(merged.map_or(Read::Missing(missing.clone()), |k| Read::Kubeconfig(Box::new(k), missing)))
}

fn in_cluster(places: &Places) -> Result<Found, NoCluster> {
    let folder = &places.service_account;
    let host = places.service_host.as_deref().filter(|h| !h.is_empty()).unwrap_or("kubernetes.default.svc");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = places.service_port.as_deref().filter(|p| !p.is_empty()).unwrap_or("443");
    let server = format!("https://{host}:{port}");
    let uri = server.parse().map_err(|error| {
        NoCluster::broken(format!("KUBERNETES_SERVICE_HOST / KUBERNETES_SERVICE_PORT ({server})"), error)
    })?;
    let mut kube = kube::Config::new(uri);
    kube.root_cert_file = Some(existing(&folder.join("ca.crt"))?);
    kube.auth_info.token_file = Some(existing(&folder.join("token"))?.display().to_string());
    let config = ClusterConfig { kube, name: IN_CLUSTER.to_owned() };
    let described = format!("service account of this Pod ({}), {}", folder.display(), config.server());
    Ok(Found { config, described, warnings: Vec::new() })
}

fn existing(file: &Path) -> Result<PathBuf, NoCluster> {
    std::fs::metadata(file).map_err(|error| NoCluster::broken(file.display(), error))?;
    Ok(file.to_owned())
}

fn only(known: &[String]) -> Option<String> {
    match known {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn or_none(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// An error with what is behind it, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- {name: ca, cluster: {server: 'https://127.0.0.1:1001'}}\n- {name: cb, cluster: {server: 'https://127.0.0.1:1002'}}\nusers:\n- {name: u, user: {token: t}}\ncontexts:\n- {name: a, context: {cluster: ca, user: u}}\n- {name: b, context: {cluster: cb, user: u}}\n";

    fn empty_machine(folder: &tempfile::TempDir) -> Places {
        Places {
            home: Some(folder.path().join("home")),
            service_account: folder.path().join("account"),
            k3s: folder.path().join("k3s.yaml"),
            ..Places::default()
        }
    }

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[tokio::test]
    async fn nothing_there_names_everything_that_was_tried() {
        let folder = tempfile::tempdir().unwrap();
        let said = find(&empty_machine(&folder)).await.unwrap_err().to_string();
        for part in ["service account", "home/.kube/config", "k3s.yaml", "KUBECONFIG"] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }

    #[tokio::test]
    async fn a_service_account_comes_first_unless_a_context_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut places = empty_machine(&folder);
        write(&places.service_account.join("token"), "t");
        write(&places.service_account.join("ca.crt"), "");
        write(&places.k3s, TWO);
        places.service_host = Some("fd00::1".into());
        let found = find(&places).await.unwrap();
        assert!(found.described.ends_with("https://[fd00::1]:443"), "{}", found.described);
        assert_eq!(found.config.name(), "in-cluster");

        places.context = Some("b".into());
        let found = find(&places).await.unwrap();
        assert_eq!(found.described, format!("context b of {}, https://127.0.0.1:1002", places.k3s.display()));
        assert_eq!(found.config.name(), "b");
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_warns_and_the_next_place_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let mut places = empty_machine(&folder);
        places.kubeconfig = Some("/nowhere/config".into());
        write(&places.k3s, TWO);
        let found = find(&places).await.unwrap();
        assert_eq!(found.warnings, ["KUBECONFIG names /nowhere/config, which does not exist; looking elsewhere"]);
        assert_eq!(found.config.server(), "https://127.0.0.1:1001");
    }

    #[tokio::test]
    async fn a_broken_kubeconfig_never_leads_to_another_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let mut places = empty_machine(&folder);
        let broken = folder.path().join("broken");
        write(&broken, "clusters: [");
        write(&places.k3s, TWO);
        places.kubeconfig = Some(broken.display().to_string());
        assert!(matches!(find(&places).await, Err(NoCluster::Broken { .. })));
    }

    #[tokio::test]
    async fn an_unknown_context_is_answered_with_those_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut places = empty_machine(&folder);
        write(&places.k3s, TWO);
        places.context = Some("c".into());
        let said = find(&places).await.unwrap_err().to_string();
        assert!(said.contains("has no context \"c\"; it knows: a, b"), "{said}");
    }
}
