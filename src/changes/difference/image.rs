//! Two image references come in; what is different between them comes out, in as few words as tell it.

/// So much of a digest is shown.
const DIGEST: usize = 12;

/// A reference to an image, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    repository: &'a str,
    tag: &'a str,
    digest: &'a str,
}

impl<'a> Reference<'a> {
    fn of(image: &'a str) -> Self {
        let (named, digest) = image.split_once('@').unwrap_or((image, ""));
        let last = named.rfind('/').map_or(0, |at| at.saturating_add(1));
        let colon = named.get(last..).and_then(|name| name.find(':')).map(|at| at.saturating_add(last));
        let (repository, tag) = colon.and_then(|at| named.split_at_checked(at)).unwrap_or((named, ""));
        Self { repository, tag: tag.trim_start_matches(':'), digest }
    }

    /// The repository as the runtime understands it.
    fn full(&self) -> &'a str {
        let name = self.repository.strip_prefix("docker.io/").unwrap_or(self.repository);
        name.strip_prefix("library/").unwrap_or(name)
    }

    fn name(&self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or(self.repository)
    }

    /// What is behind the name, with the sign before it.
    fn version(&self) -> String {
        let tag = if self.tag.is_empty() { String::new() } else { format!(":{}", self.tag) };
        let digest = self.digest.rsplit(':').next().unwrap_or(self.digest);
        let digest: String = digest.chars().take(DIGEST).collect();
        if digest.is_empty() { tag } else { format!("{tag}@{digest}") }
    }
}

/// An image with all of its name.
pub(super) fn shortened(image: &str) -> String {
    let image = Reference::of(image);
    format!("{}{}", image.repository, image.version())
}

/// `api:5.7.0 → 5.8.0`; with all of the names if the image comes from elsewhere. None if nothing that is shown differs.
pub(super) fn change(from: &str, to: &str) -> Option<String> {
    let (old, new) = (Reference::of(from), Reference::of(to));
    let (before, after) = (old.version(), new.version());
    if old.full() != new.full() || before == after {
        return (shortened(from) != shortened(to)).then(|| format!("{} → {}", shortened(from), shortened(to)));
    }
    let name = new.name();
    let again = if before.is_empty() || after.is_empty() { name } else { "" };
    let after = if again.is_empty() { after.trim_start_matches(':') } else { &after };
    Some(format!("{name}{before} → {again}{after}"))
}
