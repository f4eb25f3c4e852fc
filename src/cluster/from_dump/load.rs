//! Dumps from disk: a file, a folder of them, or the standard input.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{Dump, DumpProblem};

/// There is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file or folder named cannot be read.
    #[error("cannot read {place}: {source}")]
    Unreadable {
        /// What was named.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// The folder has no dump in it.
    #[error("{} has no *.json, *.yaml or *.yml file in it", .0.display())]
    Empty(PathBuf),
}

impl Dump {
    /// Reads a file, all `*.json`, `*.yaml` and `*.yml` files of a folder in the order of their names, or (`-`) the standard input.
    pub fn load(from: &Path) -> Result<Self, LoadError> {
        let unreadable = |source| LoadError::Unreadable { place: from.display().to_string(), source };
        if from == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|source| LoadError::Unreadable { place: "the standard input".to_owned(), source })?;
            return Ok(Self::read_bytes("standard input", &bytes));
        }
        if !fs::metadata(from).map_err(unreadable)?.is_dir() {
            return Ok(Self::read_bytes(&from.display().to_string(), &fs::read(from).map_err(unreadable)?));
        }
        let entries: io::Result<Vec<_>> = fs::read_dir(from).map_err(unreadable)?.collect();
        let mut files: Vec<PathBuf> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| {
            let extension = file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
            matches!(extension.as_deref(), Some("json" | "yaml" | "yml")) && file.is_file()
        });
        files.sort();
        if files.is_empty() {
            return Err(LoadError::Empty(from.to_owned()));
        }
        let mut dump = Self::default();
        for file in files {
            let name = file.display().to_string();
            match fs::read(&file) {
                Ok(bytes) => dump.absorb(Self::read_bytes(&name, &bytes)),
                Err(error) => dump.absorb(Self::unreadable(&name, format!("cannot be read: {error}"))),
            }
        }
        Ok(dump)
    }

    /// Reads a file as it is on disk: UTF-8, or UTF-16 with its mark (what a redirection in Windows' shell makes).
    pub fn read_bytes(file: &str, bytes: &[u8]) -> Self {
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
            _ => std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| error.to_string()),
        };
        match text {
            Ok(text) => Self::read(&[(file, text)]),
            Err(error) => Self::unreadable(file, format!("not text: {error}")),
        }
    }

    fn unreadable(file: &str, what: String) -> Self {
        let problem = DumpProblem { file: file.to_owned(), document: 1, item: None, what };
        Self { problems: vec![problem], ..Self::default() }
    }

    fn absorb(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.problems.extend(other.problems);
        self.ignored += other.ignored;
        self.newest = self.newest.max(other.newest);
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().copied().map(unit)).collect::<Result<_, _>>().map_err(|error| error.to_string())
}
