//! Where renamed repositories lead goes in; the addresses of further questions come out right at once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use url::Url;

use crate::changes::deployed::RepoName;

/// More renamed repositories are followed anew each time.
const MOST: usize = 200;

/// Repositories that GitHub has under another name now.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// The path they have now (`/repositories/1296269`).
    now: Mutex<BTreeMap<RepoName, String>>,
}

impl Moved {
    /// Remembers where a question about a repository leads, and says so once.
    pub(super) fn note(&self, repo: &RepoName, from: &Url, to: &Url) {
        let Some((before, rest)) = split(repo, from.path()) else { return };
        let Some(at) = to.path().strip_suffix(rest).filter(|at| !at.is_empty() && *at != before) else { return };
        let mut now = self.now();
        if (now.len() < MOST || now.contains_key(repo)) && now.insert(repo.clone(), at.to_owned()).is_none() {
            tracing::warn!(%repo, "the repository was renamed or moved on GitHub; it is still found, but please name it anew");
        }
    }

    /// The address that a question has now.
    pub(super) fn of(&self, repo: &RepoName, url: &Url) -> Url {
        let mut url = url.clone();
        if let (Some(at), Some((_, rest))) = (self.now().get(repo), split(repo, url.path())) {
            let path = format!("{at}{rest}");
            url.set_path(&path);
        }
        url
    }

    /// Which these are.
    pub(super) fn all(&self) -> Vec<RepoName> {
        self.now().keys().cloned().collect()
    }

    fn now(&self) -> MutexGuard<'_, BTreeMap<RepoName, String>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path up to the repository, and what is behind it.
fn split<'a>(repo: &RepoName, path: &'a str) -> Option<(&'a str, &'a str)> {
    let name = format!("/repos/{repo}");
    let end = path.find(&name)?.saturating_add(name.len());
    path.split_at_checked(end).filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
}
