//! Why something could not be read: told apart by what it means, said with where and how to mend it.

use std::{error::Error, fmt, time::Duration};

/// Why a read failed. None of these ever means that an object is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The account may not do this.
    Forbidden {
        /// `list`, `watch`, `get`.
        verb: &'static str,
        /// The resource in the words of RBAC: `pods`, `pods/log`.
        resource: String,
        /// Where; None means everywhere.
        namespace: Option<String>,
    },
    /// The cluster does not have this API: not applicable, nothing is missed.
    NotServed {
        /// The resource.
        resource: String,
        /// Group and version.
        api_version: String,
    },
    /// The server does not know who we are.
    Unauthorized {
        /// Address of the server.
        server: String,
    },
    /// No connection.
    Unreachable {
        /// Address of the server.
        server: String,
        /// What the network said.
        why: String,
    },
    /// The server is not the one it should be, or the certificates do not fit.
    Tls {
        /// Address of the server.
        server: String,
        /// What is wrong.
        why: String,
    },
    /// No answer in time.
    TimedOut {
        /// Address of the server.
        server: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server has too much to do, and says when to come again.
    Busy {
        /// HTTP status: 429 or 503.
        status: u16,
        /// How long it asks to be left alone.
        wait: Duration,
    },
    /// A watch is open, or opened again and again, and nothing comes: no change, no bookmark.
    Silent {
        /// The resource.
        resource: &'static str,
        /// How long nothing was heard.
        after: Duration,
    },
    /// The version to go on from is too old; a fresh list is needed.
    Gone,
    /// An answer that is not one of Kubernetes.
    Garbage {
        /// Address of the server.
        server: String,
        /// What came instead.
        what: String,
    },
    /// The server failed or refused, and said so.
    Failed {
        /// HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
}

impl ReadError {
    /// Whether the other kinds need not be asked. A large kind may take too long where the others do not, so a time-out counts
    /// only while nothing was read.
    pub fn holds_for_all(&self, nothing_was_read: bool) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Unreachable { .. } | Self::Tls { .. } => true,
            Self::TimedOut { .. } => nothing_was_read,
            Self::Forbidden { .. }
            | Self::NotServed { .. }
            | Self::Busy { .. }
            | Self::Silent { .. }
            | Self::Gone
            | Self::Garbage { .. }
            | Self::Failed { .. } => false,
        }
    }
}

impl ReadError {
    /// Whether the same may be read later although nobody mends anything.
    pub fn is_worth_trying_again(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Busy { .. } | Self::Silent { .. } | Self::Gone => {
                true
            }
            Self::Failed { status, .. } => *status >= 500,
            Self::Forbidden { .. }
            | Self::NotServed { .. }
            | Self::Unauthorized { .. }
            | Self::Tls { .. }
            | Self::Garbage { .. } => false,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { verb, resource, namespace } => {
                let (place, flag) = match namespace {
                    Some(ns) => (format!("in namespace {ns}"), format!("-n {ns}")),
                    None => ("in the whole cluster".to_owned(), "--all-namespaces".to_owned()),
                };
                write!(
                    f,
                    "not allowed to {verb} {resource} {place}: give the bot's account the verb {verb:?} on {resource:?} (ask with `kubectl auth can-i {verb} {resource} {flag}`)"
                )
            }
            Self::NotServed { resource, api_version } => {
                write!(f, "this cluster does not serve {resource} of {api_version}")
            }
            Self::Unauthorized { server } => write!(
                f,
                "{server} does not accept our credentials (401): the token or certificate is wrong or has expired"
            ),
            Self::Unreachable { server, why } => {
                write!(f, "{server} cannot be reached ({why}): is the address right, is the API server running?")
            }
            Self::Tls { server, why } => write!(
                f,
                "no trusted connection to {server} ({why}): does the certificate authority in the kubeconfig belong to this server?"
            ),
            Self::TimedOut { server, after } => write!(f, "{server} did not answer within {} s", after.as_secs_f32()),
            Self::Busy { status, wait } => {
                write!(
                    f,
                    "the API server answered {status}: it is busy and asks to be left alone for {} s",
                    wait.as_secs()
                )
            }
            Self::Silent { resource, after } => {
                let (minutes, seconds) = (after.as_secs() / 60, after.as_secs());
                let time = if minutes > 0 { format!("{minutes} min") } else { format!("{seconds} s") };
                write!(f, "nothing heard of {resource} for {time}")
            }
            Self::Gone => f.write_str("the version to go on from is too old (410)"),
            Self::Garbage { server, what } => {
                write!(
                    f,
                    "{server} answered with {what}, which is not the Kubernetes API: is a proxy or login page in between?"
                )
            }
            Self::Failed { status, said } => write!(f, "the API server answered {status}: {said}"),
        }
    }
}

impl Error for ReadError {}

/// Sorts what the connection said into a certificate problem and everything else.
pub(super) fn connection(server: &str, error: &(dyn Error + 'static)) -> ReadError {
    let server = server.to_owned();
    let why = capped(&innermost(error));
    if has_tls(error) { ReadError::Tls { server, why } } else { ReadError::Unreachable { server, why } }
}

/// Walks an error and what is behind it, also behind an `io::Error`, which hides its own inside.
fn walk<'a>(error: &'a (dyn Error + 'static), visit: &mut dyn FnMut(&'a (dyn Error + 'static))) {
    visit(error);
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && let Some(inner) = io.get_ref()
    {
        return walk(inner, visit);
    }
    if let Some(next) = error.source() {
        walk(next, visit);
    }
}

fn has_tls(error: &(dyn Error + 'static)) -> bool {
    let mut found = false;
    walk(error, &mut |e| found |= e.is::<rustls::Error>());
    found
}

/// The last error of the chain usually says it best ("Connection refused").
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    walk(error, &mut |e| text = e.to_string());
    text
}

/// Text from outside on one line, at most 300 characters.
pub(super) fn capped(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 300 {
        return line;
    }
    line.chars().take(299).chain(['…']).collect()
}
