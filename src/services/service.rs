//! A service of the catalogue: what it is, how much it matters, what it needs, and what is known of it.

use jiff::SignedDuration;

use super::{Pattern, Priority};

/// One entry of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// As people call it; unique with the aliases of all services.
    pub name: String,
    /// Other names of it: of its workload, of its application in `GitOps`.
    pub aliases: Vec<String>,
    /// Where it runs; None: its names are looked for everywhere.
    pub namespace: Option<String>,
    /// Its workloads, if they are not called like it.
    pub workloads: Vec<Pattern>,
    /// How much it matters; None is `Unlisted`.
    pub priority: Option<Priority>,
    /// What it is for, in a sentence.
    pub purpose: String,
    /// The names of the services it needs.
    pub dependencies: Vec<String>,
    /// The names of the services that need it.
    pub dependents: Vec<String>,
    /// How long it may serve nobody before that is worse; None: the default of its priority.
    pub max_downtime: Option<SignedDuration>,
    /// What is known to happen.
    pub known_issues: Vec<KnownIssue>,
    /// How many replicas it should have.
    pub replicas: Option<u16>,
    /// Whether it holds data that others cannot do without.
    pub data_layer: bool,
    /// How its health is asked for, in words.
    pub health_check: String,
    /// The addresses under which it is reached from outside.
    pub ingress: Vec<String>,
    /// The repository it is deployed from, `owner/name`.
    pub repository: String,
    /// Its files and folders there.
    pub paths: Vec<String>,
    /// Who is responsible: the id of a user (`U...`) or of a group (`S...`) in Slack.
    pub owner: Option<String>,
    /// Where the entry begins in its file, from 1.
    pub line: usize,
}

/// Something that is known to happen to a service, and is not told as long as it is what was expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KnownIssue {
    /// In words, for people.
    pub text: String,
    /// The names of the checks that see it. None: it lowers nothing, and is only shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// How long it may take; None: as long as the service may be down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<SignedDuration>,
}

impl Service {
    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// Whether it goes by that name; small and capital letters are the same.
    pub fn is_called(&self, name: &str) -> bool {
        self.names().any(|own| own.eq_ignore_ascii_case(name))
    }
}
