//! A difference of a rollout and the files of a commit come in; whether the commit makes that difference, and how plainly, comes out.

use super::Brought;
use crate::changes::{
    Difference, Field,
    deployed::{CommitFile, FileStatus, Patch},
    rollout::Rollout,
};

/// Values shorter than this say something only next to their name.
const TELLING: usize = 3;

/// How well a commit matches a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// It was read whole, and makes another one.
    Other,
    /// It was not read whole, or changes values so that are found everywhere (`true`, `1`).
    MayBe,
    /// It changes the same values in the same way.
    Same,
    /// The same, beside the name of the workload, of its container or of its image: a folder may be that of several.
    Named,
}

/// Whether what a difference changed can be found in a patch at all.
pub(super) fn tells(difference: &Difference) -> bool {
    !values(difference).is_empty()
}

/// How well a commit matches a difference of a rollout; what was not read may match.
pub(super) fn matches(rollout: &Rollout, difference: &Difference, commit: &Brought) -> Match {
    let Some(files) = &commit.files else { return Match::MayBe };
    let values = values(difference);
    let names = names(rollout, difference);
    // A value is changed in one place: within the lines of one hunk, or between a file that is gone and one that is new.
    let is_one_sided = |file: &&CommitFile| matches!(file.status, FileStatus::Added | FileStatus::Removed);
    let (moved, changed): (Vec<&CommitFile>, Vec<&CommitFile>) = files.items.iter().partition(is_one_sided);
    let of_lines = |path: &str, lines: &[&str]| {
        let best = values.iter().map(|value| of_values(&difference.field, value, lines)).max().unwrap_or(Match::Other);
        let is_there = |name: &String| holds(path, name, "-_") || lines.iter().any(|line| holds(line, name, "-_"));
        if best == Match::Same && names.iter().any(is_there) { Match::Named } else { best }
    };
    let of_hunks = changed.iter().flat_map(|file| hunks(file).into_iter().map(|lines| of_lines(&file.path, &lines)));
    let lines: Vec<&str> = moved.iter().flat_map(|file| hunks_of(file)).collect();
    let of_moved = of_lines(moved.first().map_or("", |file| &file.path), &lines);
    let best = of_hunks.max().unwrap_or(Match::Other).max(of_moved);
    let is_hidden = files.has_more || files.items.iter().any(hides);
    if is_hidden { best.max(Match::MayBe) } else { best }
}

/// Whether a commit changes versions of images and nothing else.
pub(super) fn is_of_images_only(commit: &Brought) -> bool {
    const KEYS: [&str; 5] = ["image:", "newTag:", "tag:", "digest:", "newName:"];
    let Some(files) = commit.files.as_ref().filter(|files| !files.has_more && !files.items.iter().any(hides)) else {
        return false;
    };
    let mut changed = files.items.iter().flat_map(hunks_of).filter_map(|line| line.strip_prefix(['-', '+'])).peekable();
    changed.peek().is_some() && changed.all(|line| KEYS.iter().any(|key| line.contains(key)))
}

/// Whether something of a file cannot be read; of one that was only renamed there is nothing to read.
fn hides(file: &CommitFile) -> bool {
    match file.patch {
        Patch::Whole(_) => false,
        Patch::Cut(_) | Patch::Withheld(_) => true,
        Patch::NotGiven => file.additions > 0 || file.deletions > 0,
    }
}

fn hunks_of(file: &CommitFile) -> impl Iterator<Item = &str> {
    file.patch.text().into_iter().flat_map(str::lines)
}

/// The lines of each hunk.
fn hunks(file: &CommitFile) -> Vec<Vec<&str>> {
    let mut hunks: Vec<Vec<&str>> = Vec::new();
    for line in hunks_of(file) {
        match hunks.last_mut() {
            Some(hunk) if !line.starts_with("@@") => hunk.push(line),
            Some(_) | None => hunks.push(vec![line]),
        }
    }
    hunks
}

/// A value before and after, as it may be written, and which signs beside it make it a part of something else.
struct Written {
    from: Option<String>,
    to: Option<String>,
    parts: &'static str,
}

/// The values before and after, as they may be written; none if they are not shown whole.
fn values(difference: &Difference) -> Vec<Written> {
    let (from, to) = (difference.from.clone(), difference.to.clone());
    let is_whole =
        |value: &Option<String>| value.as_ref().is_none_or(|value| !value.contains('…') && !value.is_empty());
    if from == to || !is_whole(&from) || !is_whole(&to) || !is_literal(&difference.field) {
        return Vec::new();
    }
    let mut all = vec![Written { from: from.clone(), to: to.clone(), parts: "._-" }];
    if difference.field == Field::Image
        && let Some((from, to)) = from.zip(to)
    {
        let mut either = |part: &dyn Fn(&str) -> Option<String>, parts| {
            if let (Some(from), Some(to)) = (part(&from), part(&to))
                && from != to
            {
                all.push(Written { from: Some(from), to: Some(to), parts });
            }
        };
        // The registry may be written elsewhere.
        either(&|image| image.rsplit('/').next().map(str::to_owned), "._-");
        // Kustomize and Helm write the tag by itself; behind another name it is that of another image.
        let parts = if to.contains('@') { "._-" } else { "._-:@" };
        either(&|image| version(image).map(str::to_owned), parts);
    }
    all
}

/// Whether a value is shown as it is written in a manifest, and not in words.
fn is_literal(field: &Field) -> bool {
    matches!(
        field,
        Field::Image
            | Field::PullPolicy
            | Field::Limit(_)
            | Field::Request(_)
            | Field::Env(_)
            | Field::WorkingDirectory
            | Field::NodeSelector(_)
            | Field::ServiceAccount
            | Field::Label(_)
            | Field::Annotation(_)
    )
}

/// The tag or digest of an image.
pub(super) fn version(image: &str) -> Option<&str> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest.rsplit(':').next().unwrap_or(digest)).filter(|it| !it.is_empty());
    }
    let last = image.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// What a patch may call what a difference is about: its workload, its image.
fn names(rollout: &Rollout, difference: &Difference) -> Vec<String> {
    let image = difference.to.as_deref().filter(|_| difference.field == Field::Image);
    let image = image.and_then(|image| image.split('@').next()?.rsplit('/').next()?.split(':').next());
    let names = [Some(rollout.owner.name.as_str()), image];
    names.into_iter().flatten().map(str::to_owned).collect()
}

/// How well lines match a value that became another one.
fn of_values(field: &Field, value: &Written, lines: &[&str]) -> Match {
    let of_side = |sign: char, side: &Option<String>| {
        let Some(side) = side else { return Match::Same };
        let found: Vec<&str> =
            lines.iter().filter_map(|it| it.strip_prefix(sign)).filter(|it| holds(it, side, value.parts)).collect();
        // The name of a variable stands in the line before.
        let about: &[&str] = if matches!(field, Field::Env(_)) { lines } else { &found };
        let (is_named, is_long) = (about.iter().any(|line| is_about(line, field)), side.len() >= TELLING);
        let is_telling = is_named || (is_long && (*field == Field::Image || !is_plain(side)));
        match found.is_empty() {
            false if is_telling => Match::Same,
            false if is_long => Match::MayBe,
            true | false => Match::Other,
        }
    };
    of_side('-', &value.from).min(of_side('+', &value.to))
}

/// A word or a number says little by itself.
fn is_plain(value: &str) -> bool {
    value.chars().all(char::is_alphabetic) || value.chars().all(|c| c.is_ascii_digit())
}

/// Whether a value stands in a line by itself; `parts` are signs that join it to what is beside it.
fn holds(line: &str, value: &str, parts: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || parts.contains(c);
    line.match_indices(value).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line.get(at.saturating_add(value.len())..).and_then(|tail| tail.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether a line names what a difference is about.
fn is_about(line: &str, field: &Field) -> bool {
    if let Field::Limit(name)
    | Field::Request(name)
    | Field::Env(name)
    | Field::Label(name)
    | Field::Annotation(name)
    | Field::NodeSelector(name) = field
    {
        return line.contains(name.as_str());
    }
    // However a chart calls them.
    (*field == Field::ServiceAccount && line.contains("serviceAccount"))
        || (*field == Field::PullPolicy && line.contains("ullPolicy"))
        || (*field == Field::WorkingDirectory && line.contains("workingDir"))
}
