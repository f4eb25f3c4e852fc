//! What is wrong with the configuration: each problem with its key, its place and a remedy; all of them together.

use std::fmt;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the compiled-in default.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A line of `.env`.
    Dotenv {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// An option of the command line.
    Flag {
        /// As written: `--context`.
        flag: String,
    },
    /// A file that holds a secret, and where the file is named.
    SecretFile {
        /// The file.
        path: String,
        /// Where it is named.
        named: Box<Place>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } | Self::Dotenv { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag { flag } => f.write_str(flag),
            Self::SecretFile { path, named } => write!(f, "file {path} ({named})"),
        }
    }
}

/// One thing that is wrong, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the variable.
    pub key: String,
    /// Where it was written; None if it is missing.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} ({place}): {}", self.key, self.message)?,
            None => write!(f, "{}: {}", self.key, self.message)?,
        }
        write!(f, "; {}", self.remedy)
    }
}

/// Something a person should know that does not stop the start.
pub type Warning = Problem;

/// Every problem that was found, and what else the person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct ConfigErrors {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "{count} {} in the configuration", if count == 1 { "problem" } else { "problems" })?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
