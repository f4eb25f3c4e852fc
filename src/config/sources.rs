//! The texts a configuration is made of, and the one place that reads them from the process.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    gather::gather,
    keys::FILE_VARIABLE,
    problem::{Place, Problem},
};

/// A file with its name as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a path and its text")]
pub struct Text {
    pub path: String,
    pub text: String,
}

/// What the configuration will be used for: it decides what must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown: everything is judged, nothing is required.
    #[default]
    Show,
    /// One look at a cluster: nothing is required, and what it does not use (Slack, the store, ...) is only warned about.
    Look,
    /// A post in Slack: where Slack is configured, a bot token and a channel are required.
    Post,
    /// The bot: the same; without an app-level token people can only read, which is said.
    Run,
}

/// Everything a configuration is made of, as plain texts.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What it is for.
    pub purpose: Purpose,
    /// The process's environment.
    pub env: BTreeMap<String, String>,
    /// `.env` of the working folder.
    pub dotenv: Option<Text>,
    /// The configuration file.
    pub file: Option<Text>,
    /// Values from the command line by key: the option as written, its value.
    pub flags: BTreeMap<&'static str, (String, String)>,
    /// Contents of the files that keys name (secrets, the catalogue), or why they cannot be read.
    pub named_files: BTreeMap<String, Result<String, String>>,
    /// What went wrong while reading.
    pub problems: Vec<Problem>,
}

impl Sources {
    /// Reads the process's environment, `.env`, the configuration file and the files they name.
    pub fn from_process(purpose: Purpose, file: Option<&Path>, flags: &[(&'static str, &str, Option<&str>)]) -> Self {
        let mut sources = Self { purpose, ..Self::default() };
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                sources.env.insert(name, value);
            }
        }
        sources.flags = flags
            .iter()
            .filter_map(|(key, flag, value)| Some((*key, ((*flag).to_owned(), (*value)?.to_owned()))))
            .collect();
        sources.dotenv = sources.read_if_there(Path::new(".env"), None);
        sources.read_file(file);
        for path in gather(&sources).named_files() {
            let text = fs::read_to_string(&path).map_err(|why| in_words(&why));
            sources.named_files.insert(path, text);
        }
        sources
    }

    fn read_file(&mut self, asked: Option<&Path>) {
        let by_variable = self.env.get(FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
        let (path, place) = match (asked, by_variable) {
            (Some(path), _) => (path.to_owned(), Some(Place::Flag { flag: "--config".to_owned() })),
            (None, Some(path)) => (path, Some(Place::Environment { variable: FILE_VARIABLE.to_owned() })),
            (None, None) => (PathBuf::from("k8s-monitor.toml"), None),
        };
        self.file = self.read_if_there(&path, place);
    }

    /// A file nobody asked for may be missing; one that was asked for may not.
    fn read_if_there(&mut self, path: &Path, asked_by: Option<Place>) -> Option<Text> {
        let shown = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Some(Text { path: shown, text }),
            Err(why) if asked_by.is_none() && why.kind() == io::ErrorKind::NotFound => None,
            Err(why) => {
                self.problems.push(Problem {
                    key: shown,
                    place: asked_by,
                    message: format!("cannot be read: {}", in_words(&why)),
                    remedy: "give the path of a readable file".to_owned(),
                });
                None
            }
        }
    }
}

fn in_words(why: &io::Error) -> String {
    let kind = why.kind();
    if kind == io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if kind == io::ErrorKind::InvalidData {
        "it is not UTF-8 text".to_owned()
    } else {
        why.to_string()
    }
}
