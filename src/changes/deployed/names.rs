//! Texts that name a repository or a commit go in; names that are safe in an address, or nothing, come out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name of an owner or a repository that GitHub gives is 100 characters.
const LONGEST: usize = 100;

/// A repository as GitHub names it: `owner/name`. Case does not matter to GitHub; what was written is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName {
    owner: String,
    name: String,
}

/// The full name of a commit: 40 or 64 hexadecimal digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

/// A text that is no name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadName {
    what: &'static str,
}

impl RepoName {
    /// From `owner/name`.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let bad = BadName { what: "a repository is written owner/name" };
        let (owner, name) = text.trim().split_once('/').ok_or_else(|| bad.clone())?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        if is_part(owner) && is_part(name) {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(bad)
        }
    }

    /// Whose it is: a person or an organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its name without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Letters, digits, `-`, `_` and `.`; not `.` and `..`, which lead elsewhere in an address.
fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= LONGEST
        && part != "."
        && part != ".."
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

impl CommitSha {
    /// From a full name; abbreviations are none.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(BadName { what: "a commit is named by 40 or 64 hexadecimal digits" })
        }
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people write it.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RepoName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for CommitSha {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl From<RepoName> for String {
    fn from(repo: RepoName) -> Self {
        repo.to_string()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("shop/api", Some("shop/api"))]
    #[case(" Shop/.github ", Some("Shop/.github"))]
    #[case("shop/api.git", Some("shop/api"))]
    #[case("shop", None)]
    #[case("shop/api/tree", None)]
    #[case("shop/..", None)]
    #[case("shop/a?b", None)]
    #[case("/api", None)]
    fn a_repository_is_an_owner_and_a_name(#[case] text: &str, #[case] read: Option<&str>) {
        assert_eq!(RepoName::parse(text).ok().map(|repo| repo.to_string()).as_deref(), read);
    }

    #[rstest]
    #[case("9F3C2AB09F3C2AB09F3C2AB09F3C2AB09F3C2AB0", Some("9f3c2ab"))]
    #[case("9f3c2ab", None)]
    #[case("zf3c2ab09f3c2ab09f3c2ab09f3c2ab09f3c2ab0", None)]
    fn a_commit_is_named_in_full(#[case] text: &str, #[case] short: Option<&str>) {
        assert_eq!(CommitSha::parse(text).ok().map(|sha| sha.short().to_owned()).as_deref(), short);
    }
}
