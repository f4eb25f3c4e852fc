//! What was rolled out, what was committed and what broke come in as stories; whether the right commit is named comes out.

mod delivery;
mod innocent;
mod monorepo;
mod tied;
pub(crate) mod words;

use super::Story;
use crate::{
    changes::{Brought, GitHistory, attribute, correlate, deployed::Listed, unread},
    incidents::{Changed, ImageCommits},
};

/// So many patches are read, as the bot does.
const READ: usize = 2;

/// A story of Git with its right answer.
pub(crate) struct GitStory {
    /// Its rollouts, what broke, and how sure may be said. The rollout in it is right if no commit is.
    pub(crate) story: Story,
    /// What is in Git: the patches are read as the bot reads them.
    git: GitHistory,
    /// Whether the patches can be read.
    is_readable: bool,
    /// The commit that is the cause, by its letter; None: no commit may be named.
    right: Option<char>,
    /// What is to be told of the image: `5.7.0...5.8.0 2 ahead`.
    image: Option<&'static str>,
}

impl GitStory {
    pub(crate) fn found(&self) -> Changed {
        let Story { rollouts, symptom, .. } = &self.story;
        let changed = correlate(rollouts, symptom);
        attribute(changed, rollouts, &self.read(), symptom)
    }

    /// What is known of Git once the bot has read what it reads.
    fn read(&self) -> GitHistory {
        let known = |it: &Brought| Brought { files: None, ..it.clone() };
        let mut git = GitHistory { commits: self.git.commits.iter().map(known).collect(), ..self.git.clone() };
        let newest = self.story.rollouts.iter().find(|it| it.at <= words::at(1) && it.at >= words::at(-24 * 60));
        let Some(newest) = newest.filter(|_| self.is_readable) else { return git };
        while let Some(sha) = unread(newest, &git.commits, READ).map(|it| it.commit.sha.clone()) {
            let at = git.commits.iter().position(|it| it.commit.sha == sha).unwrap();
            let files = self.git.commits[at].files.clone();
            git.commits[at].files = files.or(Some(Listed { items: Vec::new(), has_more: false }));
        }
        git
    }

    /// Whether the first that is told names the right commit, or none where none may be named.
    pub(crate) fn is_right(&self, found: &Changed) -> bool {
        let commit = found.first().and_then(|first| first.commit.as_ref());
        let is_commit = match self.right {
            Some(right) => commit.is_some_and(|commit| commit.commit.text == words::short(right)),
            None => self.story.is_right(found) && (self.story.right.is_none() || commit.is_none()),
        };
        let image = found.first().and_then(|first| first.image.as_deref()).map(image);
        let is_image = self.image.is_none_or(|right| image.is_some_and(|image| image == right));
        // What could not be asked is said.
        is_commit && is_image && self.git.unknown.iter().all(|why| found.unknown.contains(why))
    }

    pub(crate) fn says_too_much(&self, found: &Changed) -> bool {
        self.story.says_too_much(found)
    }

    /// `the name | right aaaaaaa | found #2 HIGH 100 | aaaaaaa, 5.7.0...5.8.0 2 ahead`.
    pub(crate) fn line(&self, found: &Changed) -> String {
        let stands = || self.story.right.as_ref().map(|right| right.replace("rollout ", ""));
        let right = self.right.map(words::short).or_else(stands).unwrap_or_else(|| "none".to_owned());
        let first = found.first().map_or("none | none".to_owned(), |first| {
            let commit = first.commit.as_ref().map_or("none".to_owned(), |commit| {
                let sure = if commit.is_sure { "" } else { ", guessed" };
                format!("{}{sure}", commit.commit.text)
            });
            let image = first.image.as_deref().map(|it| format!(", {}", image(it))).unwrap_or_default();
            let change = first.change.replace("rollout ", "");
            format!("{change} {} {} | {commit}{image}", first.confidence, first.score)
        });
        let mut line = format!("{} | {right} | {first}", self.story.name);
        for why in &found.unknown {
            line.push_str(", not known: ");
            line.push_str(why);
        }
        line
    }
}

/// `5.7.0...5.8.0 2 ahead`.
fn image(image: &ImageCommits) -> String {
    let way = if image.is_backwards { "back" } else { "ahead" };
    format!("{} {} {way}", image.range.text, image.count)
}

/// All stories of Git.
pub(crate) fn stories() -> Vec<GitStory> {
    [tied::stories(), delivery::stories(), monorepo::stories(), innocent::stories()].into_iter().flatten().collect()
}
