//! How GitHub is asked: a token, a GitHub App or nothing; the repository that the cluster is deployed from, and where a workload is in it.

use secrecy::SecretString;

use super::values::Values;
use crate::changes::{Deployed, deployed::RepoName};

/// How GitHub is asked.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    /// The address of its API, without a slash at its end.
    pub url: String,
    /// With what the bot proves who it is.
    pub credentials: GitHubCredentials,
    /// The repository that the cluster is deployed from.
    pub deployed: Option<Deployed>,
}

/// With what the bot proves who it is.
#[derive(Clone, Debug)]
pub enum GitHubCredentials {
    /// With nothing.
    None,
    /// With a token.
    Token(SecretString),
    /// As an installation of a GitHub App.
    App {
        /// App id or client id.
        id: String,
        /// The number of the installation.
        installation: u64,
        /// PEM.
        key: SecretString,
    },
}

impl GitHubConfig {
    /// Whether it is asked at all: nothing leaves for it unless somebody configured something of it.
    pub fn is_asked(&self) -> bool {
        self.deployed.is_some() || !matches!(self.credentials, GitHubCredentials::None)
    }
}

pub(super) fn read(values: &mut Values<'_>) -> GitHubConfig {
    GitHubConfig { url: values.address("github.api_url"), credentials: credentials(values), deployed: deployed(values) }
}

fn credentials(values: &mut Values<'_>) -> GitHubCredentials {
    let token = values.secret("github.token");
    let (id, key) = (values.text("github.app_id"), values.secret("github.app_private_key"));
    let installation = values.text("github.app_installation_id");
    let number = installation.as_ref().and_then(|text| text.parse().ok());
    if installation.is_some() && number.is_none() {
        let remedy = "write the number at the end of the address of the App's installation";
        values.problem("github.app_installation_id", "is not a number", remedy);
        return GitHubCredentials::None;
    }
    match (token, id, number, key) {
        (Some(token), None, None, None) => GitHubCredentials::Token(token),
        (None, Some(id), Some(installation), Some(key)) => GitHubCredentials::App { id, installation, key },
        (None, None, None, None) => GitHubCredentials::None,
        (Some(_), ..) => {
            let remedy = "remove github.token (GITHUB_TOKEN), or the three keys github.app_*";
            values.problem("github.token", "there are a token and a GitHub App", remedy);
            GitHubCredentials::None
        }
        (None, id, number, key) => {
            let missing = [
                ("github.app_id", id.is_none()),
                ("github.app_installation_id", number.is_none()),
                ("github.app_private_key", key.is_none()),
            ];
            for (key, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
                values.problem(key, "is not set, and the GitHub App needs it", "set it, or none of github.app_*");
            }
            GitHubCredentials::None
        }
    }
}

fn deployed(values: &mut Values<'_>) -> Option<Deployed> {
    let (owner, name) = (values.text("github.owner"), values.text("github.repository"));
    let paths = values.list("github.paths");
    let written = match (owner, name) {
        (_, Some(name)) if name.contains('/') => name,
        (Some(owner), Some(name)) => format!("{owner}/{name}"),
        (None, Some(name)) => name,
        (Some(_), None) => {
            let remedy = "set github.repository (GITHUB_REPO_NAME) as well, or not github.owner";
            values.warn("github.owner", "says nothing without github.repository", remedy);
            return None;
        }
        (None, None) => return None,
    };
    if paths.is_empty() {
        let remedy = "write the files and folders of a service there, as \"apps/{service}/\"";
        values.problem("github.paths", "is empty, so nothing is found in github.repository", remedy);
        return None;
    }
    match RepoName::parse(&written) {
        Ok(repo) => Some(Deployed { repo, paths }),
        Err(why) => {
            values.problem("github.repository", format!("{written:?}: {why}"), "write owner/name");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::super::{Config, Purpose, Sources};

    fn told(env: &[(&str, &str)]) -> String {
        let slack = [("SLACK_ENABLED", "false")];
        let env: BTreeMap<String, String> =
            slack.iter().chain(env).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match Config::load(&Sources { purpose: Purpose::Run, env, ..Sources::default() }) {
            Ok((config, warnings)) => {
                let deployed = config.github.deployed.as_ref().map(|it| it.repo.to_string()).unwrap_or_default();
                let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
                format!("asked: {} {deployed}{}", config.github.is_asked(), warnings.join("; "))
            }
            Err(errors) => errors.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    #[rstest]
    #[case::nothing(&[], "asked: false ")]
    #[case::a_token(&[("GITHUB_TOKEN", "t")], "asked: true ")]
    #[case::as_the_prototype_named_it(&[("GITHUB_REPO_OWNER", "acme"), ("GITHUB_REPO_NAME", "gitops")], "asked: true acme/gitops")]
    #[case::whole(&[("GITHUB_REPO_NAME", "acme/gitops"), ("GITHUB_REPO_OWNER", "other")], "asked: true acme/gitops")]
    #[case::no_owner(
        &[("GITHUB_REPO_NAME", "gitops")],
        "github.repository (environment GITHUB_REPO_NAME): \"gitops\": a repository is written owner/name; write owner/name"
    )]
    #[case::only_an_owner(
        &[("GITHUB_REPO_OWNER", "acme")],
        "asked: false github.owner (environment GITHUB_REPO_OWNER): says nothing without github.repository; set github.repository (GITHUB_REPO_NAME) as well, or not github.owner"
    )]
    #[case::half_an_app(
        &[("GITHUB_APP_ID", "7"), ("GITHUB_APP_PRIVATE_KEY", "k")],
        "github.app_installation_id: is not set, and the GitHub App needs it; set it, or none of github.app_*"
    )]
    #[case::no_number(
        &[("GITHUB_APP_ID", "7"), ("GITHUB_APP_INSTALLATION_ID", "x"), ("GITHUB_APP_PRIVATE_KEY", "k")],
        "github.app_installation_id (environment GITHUB_APP_INSTALLATION_ID): is not a number; write the number at the end of the address of the App's installation"
    )]
    #[case::both(
        &[("GITHUB_TOKEN", "t"), ("GITHUB_APP_ID", "7")],
        "github.token (environment GITHUB_TOKEN): there are a token and a GitHub App; remove github.token (GITHUB_TOKEN), or the three keys github.app_*"
    )]
    #[case::an_app(
        &[("GITHUB_APP_ID", "7"), ("GITHUB_APP_INSTALLATION_ID", "1"), ("GITHUB_APP_PRIVATE_KEY", "k")], "asked: true "
    )]
    fn how_github_is_asked(#[case] env: &[(&str, &str)], #[case] expected: &str) {
        assert_eq!(told(env), expected);
    }
}
