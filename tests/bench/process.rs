//! The bot's release binary as a process of its own, with what it holds in memory.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use k8s_monitor::sandbox::slack::Options;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::Instant,
};

/// How long `check` takes for the whole cluster, from its start to its end.
pub(crate) async fn check(kubeconfig: &Path) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let check = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .args(["check", "--output", "json"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .output()
        .await?;
    let took = started.elapsed();
    let said: serde_json::Value = serde_json::from_slice(&check.stdout)
        .with_context(|| format!("check said: {}", String::from_utf8_lossy(&check.stderr)))?;
    ensure!(said["blind"].as_array().is_some_and(Vec::is_empty), "check could not see {}", said["blind"]);
    Ok(took)
}

/// A running bot.
pub(crate) struct Bot {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Bot {
    /// Starts it, with Slack at that address or without Slack, and with that configuration file.
    pub(crate) fn start(kubeconfig: &Path, slack: Option<&str>, config: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("k8s-monitor.toml"), config)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let tokens = Options::default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"));
        command
            .arg("run")
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("KUBECONFIG", kubeconfig)
            .env("DATABASE_URL", format!("sqlite:{}", folder.path().join("bot.db").display()))
            .env("HTTP_LISTEN", format!("127.0.0.1:{port}"))
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match slack {
            None => command.env("SLACK_ENABLED", "false"),
            Some(url) => command
                .env("SLACK_API_URL", url)
                .env("SLACK_BOT_TOKEN", &tokens.bot_token)
                .env("SLACK_APP_TOKEN", &tokens.app_token)
                .env("SLACK_CHANNEL", "alerts"),
        };
        Ok(Self { child: command.spawn()?, port, folder })
    }

    /// Whether `/readyz` says that the picture is complete.
    pub(crate) async fn was_ready(&self) -> bool {
        let answer = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n\r\n").await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        answer.await.is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
    }

    /// Waits until the picture is complete.
    pub(crate) async fn is_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while !self.was_ready().await {
            ensure!(self.child.try_wait()?.is_none(), "the bot ended");
            ensure!(started.elapsed() < Duration::from_mins(2), "not ready after two minutes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("bot.db")
    }

    /// Processor time it has used.
    pub(crate) fn processor(&self) -> Result<Duration> {
        let id = self.child.id().context("it ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let after_name = stat.rsplit_once(')').context("no name")?.1;
        let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        // A tick is a hundredth of a second on every Linux there is.
        Ok(Duration::from_millis(ticks.sum::<u64>().saturating_mul(10)))
    }

    /// Resident memory now and at its peak, in MiB.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let id = self.child.id().context("it ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<u64>().ok());
            kib.map(|kib| kib / 1024).with_context(|| format!("no {name}"))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
