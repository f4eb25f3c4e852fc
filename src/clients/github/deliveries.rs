//! What can be asked of what left a repository: deployments, workflow runs and releases, bounded, each by a known number of requests.

use jiff::Timestamp;

use super::{
    GitHub, GitHubError, Importance,
    asking::{json, json_list},
    cache::Stays,
    questions::A_WHILE,
    wire::{WireDeployment, WireRelease, WireRuns, WireStatus},
};
use crate::changes::deployed::{CommitSha, Deployment, DeploymentStatus, Listed, Release, RepoName, WorkflowRun};

impl GitHub {
    /// Deployments made since then, newest first, at most 30; of the `statuses` newest the state is asked too. One request, and one
    /// for each of those.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn deployments(
        &self,
        repo: &RepoName,
        environment: Option<&str>,
        since: Timestamp,
        statuses: usize,
        importance: Importance,
    ) -> Result<Listed<Deployment>, GitHubError> {
        let mut query = vec![("per_page", "30")];
        query.extend(environment.map(|environment| ("environment", environment)));
        let mut question = self.question(repo, format!("deployments of {repo}"), &["deployments"], &query);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json_list::<WireDeployment, Deployment>).await?;
        let read = page.value.len();
        let mut items: Vec<Deployment> = page.value.into_iter().filter(|d| d.created_at >= since).collect();
        items.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
        let has_more = page.next.is_some() && items.len() == read;
        for deployment in items.iter_mut().take(statuses) {
            deployment.status = self.latest_status(repo, deployment.id, importance).await?;
        }
        Ok(Listed { items, has_more })
    }

    /// How a deployment stands; None if nobody said. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn latest_status(
        &self,
        repo: &RepoName,
        deployment: u64,
        importance: Importance,
    ) -> Result<Option<DeploymentStatus>, GitHubError> {
        let number = deployment.to_string();
        let place = format!("state of deployment {number} of {repo}");
        let question = self.question(repo, place, &["deployments", &number, "statuses"], &[("per_page", "1")]);
        let page =
            self.inner.ask(&question, self.asking(importance), json_list::<WireStatus, DeploymentStatus>).await?;
        Ok(page.value.into_iter().next())
    }

    /// Runs of workflows on a commit, newest first, at most 30. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn workflow_runs(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        importance: Importance,
    ) -> Result<Listed<WorkflowRun>, GitHubError> {
        let place = format!("workflow runs of commit {} of {repo}", sha.short());
        let query = [("head_sha", sha.as_str()), ("per_page", "30")];
        let mut question = self.question(repo, place, &["actions", "runs"], &query);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json::<WireRuns, Listed<WorkflowRun>>).await?;
        Ok(page.value)
    }

    /// Releases, newest first, at most 30. One request.
    ///
    /// # Errors
    /// What went wrong with GitHub.
    pub async fn releases(&self, repo: &RepoName, importance: Importance) -> Result<Listed<Release>, GitHubError> {
        let mut question = self.question(repo, format!("releases of {repo}"), &["releases"], &[("per_page", "30")]);
        question.stays = Stays::For(A_WHILE);
        let page = self.inner.ask(&question, self.asking(importance), json_list::<WireRelease, Release>).await?;
        Ok(Listed { items: page.value, has_more: page.next.is_some() })
    }
}
