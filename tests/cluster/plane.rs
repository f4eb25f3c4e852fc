//! A real control plane of its own for each test: etcd and API server, and on request the controllers, scheduler and simulated nodes.
#![expect(clippy::disallowed_types, reason = "tests write to the cluster; the bot cannot")]

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use ring::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Who may do everything.
pub(crate) const ADMIN: &str = "token-of-the-administrator";
/// Known to the API server, and allowed nothing.
pub(crate) const NOBODY: &str = "token-of-nobody";
/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running control plane. Dropping it ends its processes.
pub(crate) struct Plane {
    etcd_port: u16,
    api_port: u16,
    api: Option<Child>,
    /// Only kept: they end with it.
    others: Vec<Child>,
    /// Made when the API server answers.
    client: Option<Client>,
    /// Last, so that nobody writes in it any more when it is removed.
    folder: TempDir,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| String::from_utf8_lossy(&self.body).into_owned())
    }
}

impl Plane {
    /// etcd and the API server.
    pub(crate) async fn bare() -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir()?;
        let mut plane = Self {
            etcd_port: free_port()?,
            api_port: free_port()?,
            api: None,
            others: Vec::new(),
            client: None,
            folder,
        };
        let (client, peer) =
            (format!("http://127.0.0.1:{}", plane.etcd_port), format!("http://127.0.0.1:{}", free_port()?));
        let data = plane.path("etcd");
        let etcd = [
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
        ];
        plane.others.push(plane.spawn("etcd", &etcd)?);
        let (private, public) = signing_keys()?;
        std::fs::write(plane.path("sa.key"), private)?;
        std::fs::write(plane.path("sa.pub"), public)?;
        let tokens = format!("{ADMIN},admin,1,\"system:masters\"\n{NOBODY},nobody,2\n");
        std::fs::write(plane.path("tokens.csv"), tokens)?;
        plane.starts_api_server().await?;
        Ok(plane)
    }

    /// With controllers, scheduler and two simulated nodes: Deployments are rolled out as in real life.
    pub(crate) async fn full() -> Result<Self> {
        let mut plane = Self::bare().await?;
        let kubeconfig = plane.kubeconfig_file(ADMIN)?;
        let given = |flag: &str| format!("--{flag}={}", kubeconfig.display());
        let common = || -> Result<Vec<String>> {
            Ok(vec![
                given("kubeconfig"),
                given("authentication-kubeconfig"),
                given("authorization-kubeconfig"),
                "--leader-elect=false".to_owned(),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={}", free_port()?),
            ])
        };
        let mut of_manager = common()?;
        // Simulated nodes send no heartbeats.
        of_manager.push("--node-monitor-grace-period=1h".to_owned());
        let manager = plane.spawn("kube-controller-manager", &of_manager)?;
        let scheduler = plane.spawn("kube-scheduler", &common()?)?;
        let stages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/kwok.yaml");
        let nodes = plane.spawn(
            "kwok",
            &[given("kubeconfig"), "--manage-all-nodes=true".to_owned(), format!("--config={}", stages.display())],
        )?;
        plane.others.extend([manager, scheduler, nodes]);
        for name in ["kwok-0", "kwok-1"] {
            plane.create(&node(name)).await?;
        }
        plane
            .until("both nodes are ready", async |plane| {
                let nodes = plane.get("/api/v1/nodes").await?.json()?;
                let ready = |node: &Value| {
                    let of_node = node.pointer("/status/conditions").and_then(Value::as_array).cloned();
                    of_node.unwrap_or_default().iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
                        && node.pointer("/spec/taints").is_none()
                };
                Ok(nodes["items"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(ready)))
            })
            .await?;
        Ok(plane)
    }

    /// Starts the API server, and waits until it is ready.
    pub(crate) async fn starts_api_server(&mut self) -> Result<()> {
        let arguments = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--secure-port={}", self.api_port),
            "--bind-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--cert-dir={}", self.path("certificates").display()),
            format!("--token-auth-file={}", self.path("tokens.csv").display()),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.path("sa.pub").display()),
            format!("--service-account-signing-key-file={}", self.path("sa.key").display()),
            "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ];
        self.api = Some(self.spawn("kube-apiserver", &arguments)?);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Its certificate is made at its first start.
            if self.certificate().exists() {
                let client = self.client_of(ADMIN)?;
                let ready = ask(&client, Method::GET, "/readyz", "", Vec::new()).await;
                // The two namespaces every cluster has come a moment later.
                if ready.is_ok_and(|answer| answer.status == 200)
                    && ask(&client, Method::GET, "/api/v1/namespaces/kube-system", "", Vec::new()).await?.status == 200
                    && ask(&client, Method::GET, "/api/v1/namespaces/default", "", Vec::new()).await?.status == 200
                {
                    self.client = Some(client);
                    return Ok(());
                }
            }
            if let Some(ended) = self.api.as_mut().and_then(|api| api.try_wait().transpose()) {
                bail!("the API server ended ({:?}): {}", ended?, self.log("kube-apiserver"));
            }
            if tokio::time::Instant::now() > deadline {
                bail!("the API server is not ready after {PATIENCE:?}: {}", self.log("kube-apiserver"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills the API server as a machine that loses power.
    pub(crate) async fn kills_api_server(&mut self) -> Result<()> {
        if let Some(mut api) = self.api.take() {
            api.kill().await?;
        }
        Ok(())
    }

    /// Makes etcd forget everything before the present.
    pub(crate) async fn compacts(&self) -> Result<()> {
        let etcd = Client::try_from(Config::new(format!("http://127.0.0.1:{}", self.etcd_port).parse()?))?;
        let post = async |path: &str, body: Value| -> Result<Value> {
            let answer = ask(&etcd, Method::POST, path, "application/json", body.to_string().into_bytes()).await?;
            ensure!(answer.status == 200, "etcd said {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
            answer.json()
        };
        let now = post("/v3/kv/range", json!({"key": "AA=="})).await?;
        let revision = now.pointer("/header/revision").context("no revision")?.clone();
        post("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await?;
        Ok(())
    }

    /// A kubeconfig for a token, as a file.
    pub(crate) fn kubeconfig_file(&self, token: &str) -> Result<PathBuf> {
        let path = self.path(&format!("kubeconfig-{}", self.others.len() + token.len()));
        std::fs::write(&path, self.kubeconfig(token))?;
        Ok(path)
    }

    fn kubeconfig(&self, token: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\nclusters:\n- name: real\n  cluster: {{server: \"{}\", certificate-authority: \"{}\"}}\nusers:\n- name: someone\n  user: {{token: \"{token}\"}}\ncontexts:\n- name: real\n  context: {{cluster: real, user: someone}}\n",
            self.url(),
            self.certificate().display(),
        )
    }

    /// Address of the API server.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    /// Port of the API server.
    pub(crate) fn port(&self) -> u16 {
        self.api_port
    }

    /// The certificate of the API server with its authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("certificates").join("apiserver.crt")
    }

    /// A client with that token.
    pub(crate) fn client_of(&self, token: &str) -> Result<Client> {
        client_of(&self.kubeconfig(token))
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().context("the API server does not run")
    }

    /// Reads something as the administrator.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        ask(self.client()?, Method::GET, path, "", Vec::new()).await
    }

    /// Creates an object, with its status if it has one; gives back what the server made of it.
    pub(crate) async fn create(&self, object: &Value) -> Result<Value> {
        let made = self.write(Method::POST, &collection(object)?, "application/json", object.to_string()).await?;
        match object.get("status") {
            Some(status) => self.set_status(object, status).await,
            None => Ok(made),
        }
    }

    /// Replaces the status of an object, as its controller or kubelet would.
    pub(crate) async fn set_status(&self, object: &Value, status: &Value) -> Result<Value> {
        let path = format!("{}/status", path_of(object)?);
        self.write(Method::PATCH, &path, "application/merge-patch+json", json!({"status": status}).to_string()).await
    }

    /// Changes an object by a merge patch.
    pub(crate) async fn patch(&self, path: &str, change: &Value) -> Result<Value> {
        self.write(Method::PATCH, path, "application/merge-patch+json", change.to_string()).await
    }

    /// Applies one document of YAML, as `kubectl apply --server-side` does.
    pub(crate) async fn apply(&self, document: &str) -> Result<Value> {
        let object: Value = serde_saphyr::from_str(document)?;
        let path = format!("{}?fieldManager=kubectl&force=true", path_of(&object)?);
        self.write(Method::PATCH, &path, "application/apply-patch+yaml", document.to_owned()).await
    }

    /// Writes, and expects the server to agree.
    pub(crate) async fn write(&self, method: Method, path: &str, content_type: &str, body: String) -> Result<Value> {
        let answer = ask(self.client()?, method.clone(), path, content_type, body.clone().into_bytes()).await?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path} was answered {}: {}\n{body}",
            answer.status,
            String::from_utf8_lossy(&answer.body),
        );
        answer.json()
    }

    /// A token of a service account, as its Pod would have.
    pub(crate) async fn token_of(&self, namespace: &str, account: &str) -> Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}});
        let made = self.write(Method::POST, &path, "application/json", request.to_string()).await?;
        Ok(made.pointer("/status/token").and_then(Value::as_str).context("no token")?.to_owned())
    }

    /// Waits until something is true of the cluster.
    pub(crate) async fn until(&self, what: &str, is_true: impl AsyncFn(&Self) -> Result<bool>) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_true(self).await? {
            ensure!(tokio::time::Instant::now() < deadline, "it did not come true that {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// A path in the folder of this control plane.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spawn(&self, program: &str, arguments: &[String]) -> Result<Child> {
        let log = File::create(self.path(&format!("{program}.log")))?;
        Command::new(binary(program)?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {program}"))
    }

    /// The last lines a program wrote.
    fn log(&self, program: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("{program}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
    }
}

/// A client for a kubeconfig.
pub(crate) fn client_of(kubeconfig: &str) -> Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let runtime = tokio::runtime::Handle::current();
    let config = tokio::task::block_in_place(|| {
        runtime.block_on(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()))
    })?;
    Ok(Client::try_from(config)?)
}

/// Sends one request and reads the whole answer.
pub(crate) async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<Answer> {
    let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    let response = client.send(request.body(Body::from(body))?).await?;
    let status = response.status().as_u16();
    Ok(Answer { status, body: response.into_body().collect().await?.to_bytes().to_vec() })
}

/// Where a program of the control plane is: in `KUBEBUILDER_ASSETS`, else where the build puts it.
fn binary(name: &str) -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the tests' own settings are no configuration of the bot")]
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let built = of("HOME").unwrap_or_default().join(".cache/k8s-monitor/control-plane");
    let places: Vec<PathBuf> = of("KUBEBUILDER_ASSETS").into_iter().chain([built.clone()]).collect();
    places.iter().map(|place| place.join(name)).find(|path| path.exists()).with_context(|| {
        format!(
            "there is no {name} in {}; build a control plane: tests/cluster/tools/build {}",
            places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" or "),
            built.display()
        )
    })
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The keys that sign tokens of service accounts and prove them, as PEM.
fn signing_keys() -> Result<(String, String)> {
    /// What stands before a public key on the curve P-256 (`SubjectPublicKeyInfo`).
    const P256: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let (algorithm, random) = (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok().context("no key could be made")?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random).ok().context("no key")?;
    let public = [&P256, pair.public_key().as_ref()].concat();
    let pem = |what: &str, der: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN {what} KEY-----\n{}\n-----END {what} KEY-----\n", lines.join("\n"))
    };
    Ok((pem("PRIVATE", private.as_ref()), pem("PUBLIC", &public)))
}

/// The path of the collection an object belongs to.
fn collection(object: &Value) -> Result<String> {
    let text = |field: &str| object[field].as_str().with_context(|| format!("no {field} in {object}"));
    let (version, kind) = (text("apiVersion")?, text("kind")?);
    let root = if version.contains('/') { "apis" } else { "api" };
    let plural = format!("{}s", kind.to_lowercase());
    Ok(match object.pointer("/metadata/namespace").and_then(Value::as_str).filter(|ns| !ns.is_empty()) {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    })
}

/// The path of an object.
pub(crate) fn path_of(object: &Value) -> Result<String> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).context("no name")?;
    Ok(format!("{}/{name}", collection(object)?))
}

fn node(name: &str) -> Value {
    let room = json!({"cpu": "8", "memory": "16Gi", "pods": "110"});
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "capacity": room},
    })
}
