//! The address of a repository comes in; the host and the name that a forge knows it by come out.

use crate::{
    changes::deployed::RepoName,
    findings::{cap, redact},
};

/// A repository of a forge: GitHub, or an Enterprise of one's own. Whether the host is one is for the reader to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// In lower case, without a port: `github.com`.
    pub host: String,
    /// Its name there.
    pub name: RepoName,
}

/// Where over a port that is hardly ever closed GitHub's SSH is.
const SSH_OVER_443: &str = "ssh.github.com";

/// The repository that an address to clone from names (`https://`, `ssh://`, `git@host:owner/name.git`); None for what is none, such as
/// an image, a repository of charts, or a group within a group.
pub fn repository(url: &str) -> Option<Repository> {
    let url = url.trim();
    let (authority, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let is_of_git = ["https", "http", "ssh", "git", "git+ssh"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
            rest.split_once('/').filter(|_| is_of_git)?
        }
        None => url.split_once(':')?,
    };
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let host = match host.strip_prefix("www.").unwrap_or(&host) {
        SSH_OVER_443 => "github.com",
        host => host,
    };
    let is_host = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) && !host.is_empty();
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let name = RepoName::parse(path).ok().filter(|_| is_host)?;
    Some(Repository { host: host.to_owned(), name })
}

/// An address as it is written, without who logs in and with what.
pub(super) fn without_credentials(url: &str) -> String {
    let url = url.trim();
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let plain = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or(authority))
        }
        None => url.to_owned(),
    };
    cap(&redact(&plain), super::LONGEST)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://github.com/acme/gitops", Some("github.com acme/gitops"))]
    #[case("https://github.com/acme/gitops.git", Some("github.com acme/gitops"))]
    #[case("https://GitHub.com/Acme/GitOps/", Some("github.com Acme/GitOps"))]
    #[case("https://www.github.com/acme/gitops.git/", Some("github.com acme/gitops"))]
    #[case("https://bot:ghp_0123456789abcdef@github.com/acme/gitops.git", Some("github.com acme/gitops"))]
    #[case("https://ghe.acme.example:8443/platform/gitops.git?ref=main", Some("ghe.acme.example platform/gitops"))]
    #[case("ssh://git@github.com/acme/gitops.git", Some("github.com acme/gitops"))]
    #[case("ssh://git@ssh.github.com:443/acme/gitops.git", Some("github.com acme/gitops"))]
    #[case("git@github.com:acme/gitops.git", Some("github.com acme/gitops"))]
    #[case("git@ghe.acme.example:platform/gitops", Some("ghe.acme.example platform/gitops"))]
    #[case::a_group_in_a_group("https://gitlab.com/acme/platform/gitops.git", None)]
    #[case::charts("https://charts.acme.example", None)]
    #[case::an_image("oci://ghcr.io/acme/manifests", None)]
    #[case("s3://bucket/path", None)]
    #[case("acme/gitops", None)]
    #[case("https://github.com/acme/..", None)]
    #[case("https:///acme/gitops", None)]
    #[case("", None)]
    fn an_address_to_clone_from_names_a_repository(#[case] url: &str, #[case] expected: Option<&str>) {
        let found = repository(url).map(|it| format!("{} {}", it.host, it.name));
        assert_eq!(found.as_deref(), expected);
    }

    #[rstest]
    #[case("https://github.com/acme/gitops.git", "https://github.com/acme/gitops.git")]
    #[case("https://bot:s3cr3t@github.com/acme/gitops", "https://github.com/acme/gitops")]
    #[case("https://ghe.example/a/b?token=abc", "https://ghe.example/a/b")]
    #[case("ssh://git@github.com/acme/gitops", "ssh://github.com/acme/gitops")]
    #[case("git@github.com:acme/gitops.git", "git@github.com:acme/gitops.git")]
    #[case("https://host@", "https://")]
    fn nobody_sees_who_logs_in(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(without_credentials(url), expected);
    }
}
