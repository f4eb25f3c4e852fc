//! Deployments, workflow runs, releases and repositories as GitHub sends them go in; our values come out.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Account, address, login, path, text};
use crate::{
    changes::deployed::{
        CommitSha, Conclusion, Deployment, DeploymentState, DeploymentStatus, Listed, Release, WorkflowRun,
    },
    findings::redact,
};

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireDeployment {
    id: u64,
    sha: CommitSha,
    #[serde(rename = "ref")]
    reference: String,
    environment: String,
    description: Option<String>,
    creator: Option<Account>,
    created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireStatus {
    state: DeploymentState,
    description: Option<String>,
    created_at: Timestamp,
    log_url: Option<String>,
    target_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireRuns {
    #[serde(default)]
    total_count: usize,
    workflow_runs: Vec<WireRun>,
}

#[derive(Debug, Deserialize)]
struct WireRun {
    id: u64,
    name: Option<String>,
    event: String,
    head_sha: CommitSha,
    head_branch: Option<String>,
    conclusion: Option<Conclusion>,
    run_attempt: Option<u64>,
    created_at: Timestamp,
    run_started_at: Option<Timestamp>,
    updated_at: Timestamp,
    actor: Option<Account>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireRelease {
    tag_name: String,
    name: Option<String>,
    #[serde(default)]
    prerelease: bool,
    published_at: Option<Timestamp>,
    author: Option<Account>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::clients::github) struct WireRepository {
    default_branch: String,
}

impl From<WireRepository> for String {
    fn from(wire: WireRepository) -> Self {
        path(&wire.default_branch)
    }
}

impl From<WireDeployment> for Deployment {
    fn from(wire: WireDeployment) -> Self {
        Self {
            id: wire.id,
            sha: wire.sha,
            reference: path(&wire.reference),
            environment: redact(&wire.environment),
            description: text(wire.description),
            creator: login(wire.creator),
            created_at: wire.created_at,
            status: None,
        }
    }
}

impl From<WireStatus> for DeploymentStatus {
    fn from(wire: WireStatus) -> Self {
        Self {
            state: wire.state,
            description: text(wire.description),
            created_at: wire.created_at,
            log_url: address(wire.log_url).or_else(|| address(wire.target_url)),
        }
    }
}

impl From<WireRuns> for Listed<WorkflowRun> {
    fn from(wire: WireRuns) -> Self {
        let has_more = wire.total_count > wire.workflow_runs.len();
        Self { items: wire.workflow_runs.into_iter().map(Into::into).collect(), has_more }
    }
}

impl From<WireRun> for WorkflowRun {
    fn from(wire: WireRun) -> Self {
        Self {
            id: wire.id,
            name: text(wire.name).unwrap_or_else(|| "workflow".to_owned()),
            event: redact(&wire.event),
            sha: wire.head_sha,
            branch: wire.head_branch.as_deref().map(path),
            conclusion: wire.conclusion,
            attempt: wire.run_attempt.unwrap_or(1),
            started_at: wire.run_started_at.unwrap_or(wire.created_at),
            updated_at: wire.updated_at,
            actor: login(wire.actor),
            url: address(wire.html_url),
        }
    }
}

impl From<WireRelease> for Release {
    fn from(wire: WireRelease) -> Self {
        let tag = path(&wire.tag_name);
        Self {
            name: text(wire.name).unwrap_or_else(|| tag.clone()),
            tag,
            is_prerelease: wire.prerelease,
            published_at: wire.published_at,
            author: login(wire.author),
            url: address(wire.html_url),
        }
    }
}
