//! Two versions of an image come in; by which names its repository may know them come out: as they are, as Git tags often are, as commits.

use crate::changes::deployed::Release;

/// The ranges between two versions that may be there, the likeliest first; none if they name nothing that Git knows.
pub fn ranges(from: &str, to: &str) -> Vec<(String, String)> {
    if is_digest(from) || is_digest(to) {
        return Vec::new();
    }
    if let (Some(from), Some(to)) = (commit(from), commit(to)) {
        return vec![(from.to_owned(), to.to_owned())];
    }
    let plain = (from.to_owned(), to.to_owned());
    // Most tag `v5.8.0` what they build as `5.8.0`; some the other way round.
    let others = match (from.strip_prefix('v'), to.strip_prefix('v')) {
        (Some(from), Some(to)) => (from.to_owned(), to.to_owned()),
        _ => (format!("v{from}"), format!("v{to}")),
    };
    let is_number = |version: &str| version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    if is_number(from) && is_number(to) { vec![others, plain] } else { vec![plain, others] }
}

/// The range between the tags of two releases that end in these versions: `api-5.8.0`, `charts/v5.8.0`.
pub fn released(releases: &[Release], from: &str, to: &str) -> Option<(String, String)> {
    Some((tag_of(releases, from)?, tag_of(releases, to)?))
}

fn tag_of(releases: &[Release], version: &str) -> Option<String> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let ends_so = |tag: &&str| {
        let before = tag.strip_suffix(version);
        before.is_some_and(|it| !it.ends_with(|c: char| c.is_ascii_digit() || c == '.'))
    };
    let mut tags = releases.iter().map(|release| release.tag.as_str()).filter(ends_so);
    // Where several parts of a repository are released by themselves it is not known which this is.
    let (tag, others) = (tags.next()?, tags.next());
    others.is_none().then(|| tag.to_owned())
}

/// The commit that a version is or ends in: `9f3c2ab`, `sha-9f3c2ab`, `main-9f3c2ab0`.
fn commit(version: &str) -> Option<&str> {
    let last = version.rsplit(['-', '_', '.']).next()?;
    let is_commit = (7..=40).contains(&last.len())
        && last.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        // A date is none.
        && last.bytes().any(|b| b.is_ascii_alphabetic());
    is_commit.then_some(last)
}

fn is_digest(version: &str) -> bool {
    version.len() == 64 && version.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_number("5.7.0", "5.8.0", "v5.7.0...v5.8.0 5.7.0...5.8.0")]
    #[case::as_tagged("v5.7.0", "v5.8.0", "v5.7.0...v5.8.0 5.7.0...5.8.0")]
    #[case::commits("sha-9f3c2ab", "sha-1b2c3d4", "9f3c2ab...1b2c3d4")]
    #[case::branches_with_commits("main-9f3c2ab0", "main-1b2c3d4e", "9f3c2ab0...1b2c3d4e")]
    #[case::dates("20261123", "20261124", "20261123...20261124 v20261123...v20261124")]
    #[case::from_a_commit_to_a_version("9f3c2ab", "5.8.0", "9f3c2ab...5.8.0 v9f3c2ab...v5.8.0")]
    fn versions_are_looked_for_as(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
        let found = ranges(from, to).iter().map(|(from, to)| format!("{from}...{to}")).collect::<Vec<_>>().join(" ");
        assert_eq!(found, expected);
    }

    #[test]
    fn digests_are_no_names_of_git() {
        assert!(ranges(&"0a".repeat(32), &"0b".repeat(32)).is_empty());
    }

    #[rstest]
    #[case::of_one_part(&["api-5.7.0", "api-5.8.0", "api-15.8.0"], Some("api-5.7.0...api-5.8.0"))]
    #[case::in_a_folder(&["api/v5.7.0", "api/v5.8.0"], Some("api/v5.7.0...api/v5.8.0"))]
    #[case::of_two_parts(&["api-5.7.0", "api-5.8.0", "web-5.8.0"], None)]
    #[case::not_released(&["api-5.7.0"], None)]
    #[case::longer_numbers(&["api-1.5.7.0", "api-5.8.0"], None)]
    fn releases_that_end_so(#[case] tags: &[&str], #[case] expected: Option<&str>) {
        let release = |tag: &&str| Release {
            tag: (*tag).to_owned(),
            name: (*tag).to_owned(),
            is_prerelease: false,
            published_at: None,
            author: None,
            url: None,
        };
        let releases: Vec<Release> = tags.iter().map(release).collect();
        let found = released(&releases, "5.7.0", "5.8.0").map(|(from, to)| format!("{from}...{to}"));
        assert_eq!(found.as_deref(), expected);
    }
}
