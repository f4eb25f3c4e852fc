//! A workload, its entry in the catalogue and the configured repository come in; where its files are in Git comes out.

use crate::changes::deployed::RepoName;

/// More places than this are not looked at for one workload: each costs a request.
const MOST: usize = 2;

/// A file or a folder in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The repository.
    pub repo: RepoName,
    /// The file or folder; empty: all of it.
    pub path: String,
}

/// Where a workload comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Where what is applied to the cluster is written.
    pub manifests: Vec<Place>,
    /// Where its image is built from, if that is somewhere else.
    pub code: Option<RepoName>,
    /// Places that are not looked at, as there are too many.
    pub left_out: usize,
}

impl Places {
    /// It is kept from there: what was guessed elsewhere is not looked at.
    pub fn kept_at(&mut self, repo: RepoName, path: &str) {
        let path = path.trim_start_matches("./").trim_matches(['/', '.']).to_owned();
        self.manifests = vec![Place { repo, path }];
        self.left_out = 0;
    }
}

/// The repository that the cluster is deployed from, if one is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The repository.
    pub repo: RepoName,
    /// Files and folders of a workload there: `{service}`, `{workload}` and `{namespace}` stand for its names.
    pub paths: Vec<String>,
}

/// What a workload is called.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "three names")]
pub struct Names<'a> {
    pub service: Option<&'a str>,
    pub workload: &'a str,
    pub namespace: &'a str,
}

/// Where a workload comes from: its entry's `paths` in its entry's repository, else the configured paths in the configured one. An
/// entry whose repository is another one than the configured and that names no paths is where the image is built.
pub fn places(names: Names<'_>, entry: Option<(&RepoName, &[String])>, deployed: Option<&Deployed>) -> Places {
    let patterns = deployed.iter().flat_map(|it| it.paths.iter().map(|path| (&it.repo, filled(path, names))));
    let mut found = Places::default();
    let mut manifests: Vec<(&RepoName, String)> = match (entry, deployed) {
        (Some((repo, paths)), _) if !paths.is_empty() => paths.iter().map(|path| (repo, path.clone())).collect(),
        (Some((repo, _)), Some(it)) if *repo != it.repo => {
            found.code = Some(repo.clone());
            patterns.collect()
        }
        (_, Some(_)) => patterns.collect(),
        // All that is committed there is not what runs, so none of it is suspected for its time alone.
        (Some((repo, _)), None) => {
            found.code = Some(repo.clone());
            Vec::new()
        }
        (None, None) => Vec::new(),
    };
    manifests.dedup();
    found.left_out = manifests.len().saturating_sub(MOST);
    let place =
        |(repo, path): (&RepoName, String)| Place { repo: repo.clone(), path: path.trim_matches('/').to_owned() };
    found.manifests = manifests.into_iter().take(MOST).map(place).collect();
    found
}

fn filled(path: &str, names: Names<'_>) -> String {
    path.replace("{service}", names.service.unwrap_or(names.workload))
        .replace("{workload}", names.workload)
        .replace("{namespace}", names.namespace)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_is_known(None, false, "")]
    #[case::as_configured(None, true, "acme/gitops base-apps/api.yaml, acme/gitops base-apps/api")]
    #[case::the_entry_is_nearer(
        Some(("acme/infra", &["apps/api", "apps/api.yaml", "charts/api"][..])), true,
        "acme/infra apps/api, acme/infra apps/api.yaml, 1 left out"
    )]
    #[case::the_entry_is_of_its_code(
        Some(("acme/api", &[][..])), true,
        "acme/gitops base-apps/api.yaml, acme/gitops base-apps/api, code acme/api"
    )]
    #[case::the_entry_is_of_the_same_repository(
        Some(("acme/gitops", &[][..])), true,
        "acme/gitops base-apps/api.yaml, acme/gitops base-apps/api"
    )]
    #[case::only_the_entry(Some(("acme/api", &[][..])), false, "code acme/api")]
    fn a_workload_comes_from(
        #[case] entry: Option<(&str, &[&str])>,
        #[case] is_configured: bool,
        #[case] expected: &str,
    ) {
        let repo = |name: &str| RepoName::parse(name).unwrap();
        let entry =
            entry.map(|(name, paths)| (repo(name), paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()));
        let deployed = Deployed {
            repo: repo("acme/gitops"),
            paths: vec!["base-apps/{service}.yaml".into(), "base-apps/{service}/".into()],
        };
        let names = Names { service: Some("api"), workload: "api-v2", namespace: "shop" };
        let found =
            places(names, entry.as_ref().map(|(repo, paths)| (repo, &**paths)), is_configured.then_some(&deployed));
        let manifests = found.manifests.iter().map(|it| format!("{} {}", it.repo, it.path));
        let code = found.code.iter().map(|repo| format!("code {repo}"));
        let left_out = (found.left_out > 0).then(|| format!("{} left out", found.left_out));
        assert_eq!(manifests.chain(code).chain(left_out).collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn what_keeps_it_knows_best() {
        let mut places = Places { left_out: 3, ..Places::default() };
        for (path, expected) in [("./apps/api/", "apps/api"), (".", ""), ("", ""), ("apps", "apps")] {
            places.kept_at(RepoName::parse("acme/infra").unwrap(), path);
            assert_eq!((places.manifests[0].path.as_str(), places.manifests.len(), places.left_out), (expected, 1, 0));
        }
    }

    #[test]
    fn names_stand_for_themselves() {
        let names = Names { service: None, workload: "api", namespace: "shop" };
        assert_eq!(filled("{namespace}/{service}/{workload}.yaml", names), "shop/api/api.yaml");
    }
}
