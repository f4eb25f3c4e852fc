//! A difference comes in; the words come out that somebody on call reads in five seconds.

use std::{borrow::Cow, fmt};

use super::{Container, Difference, Field, Probe, Role, image};
use crate::findings::MASK;

/// How the values of a field are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Within: `memory limit 512Mi removed`.
    Within,
    /// Behind a name that says enough if it is gone: `env PORT added: 80`, `env PORT removed`.
    Behind,
    /// Behind, also of what is gone: `arguments removed: --fast`.
    AlwaysBehind,
    /// As what a label is to be: `node selector disk=ssd added`.
    Joined,
    /// As what is set now: `hostNetwork true`.
    Set,
    /// Not: nobody can read them in a line.
    Not,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.container.as_ref().map(place).unwrap_or_default();
        let subject = self.field.subject();
        if self.field == Field::Container {
            return self.container_itself(f);
        }
        if let Field::Restart(by) = &self.field {
            return write!(f, "restarted by hand ({by})");
        }
        if let Field::EnvSource(_) = self.field {
            return write!(f, "{subject}{place} now comes from {}", self.to.as_deref().unwrap_or_default());
        }
        if let Field::Security(words) = &self.field {
            let what = Self { field: Field::Other(words.clone()), container: None, ..self.clone() };
            return write!(f, "security{place}: {what}");
        }
        let (value, verb) = match (&self.from, &self.to) {
            (Some(from), Some(to)) => {
                return match self.change(from, to) {
                    Some(change) => write!(f, "{subject}{place}{} {change}", self.sign(&place)),
                    None => write!(f, "{subject}{place} changed"),
                };
            }
            (None, None) => return write!(f, "{subject}{place} changed"),
            (Some(from), None) => (from, "removed"),
            (None, Some(to)) => (to, "added"),
        };
        let is_gone = self.to.is_none();
        let says_nothing = value.is_empty() || value == MASK;
        match self.field.told() {
            Told::Within | Told::Behind | Told::AlwaysBehind | Told::Joined | Told::Set if says_nothing => {
                write!(f, "{subject}{place} {verb}")
            }
            Told::Not => write!(f, "{subject}{place} {verb}"),
            Told::Behind if is_gone => write!(f, "{subject}{place} {verb}"),
            Told::Behind | Told::AlwaysBehind => write!(f, "{subject}{place} {verb}: {value}"),
            Told::Joined => write!(f, "{subject}={value} {verb}"),
            Told::Set if !is_gone => write!(f, "{subject} {value}{place}"),
            Told::Set | Told::Within => write!(f, "{subject} {value}{place} {verb}"),
        }
    }
}

/// Where it is, if that needs to be said.
fn place(container: &Container) -> String {
    match container.role {
        Role::Only => String::new(),
        Role::Main => format!(" of {}", container.name),
        Role::Sidecar => format!(" of sidecar {}", container.name),
        Role::Init => format!(" of init container {}", container.name),
    }
}

impl Difference {
    fn container_itself(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(container) = &self.container else {
            return f.write_str("containers changed");
        };
        let sort = match container.role {
            Role::Only | Role::Main => "container",
            Role::Sidecar => "sidecar",
            Role::Init => "init container",
        };
        let name = &container.name;
        match &self.to {
            Some(image) if image.is_empty() => write!(f, "{sort} {name} added"),
            Some(image) => write!(f, "{sort} {name} added: image {}", image::shortened(image)),
            None => write!(f, "{sort} {name} removed"),
        }
    }

    /// What became of what; None if that is not to be seen.
    fn change(&self, from: &str, to: &str) -> Option<String> {
        if self.field == Field::Image {
            return image::change(from, to);
        }
        if from == to || self.field.told() == Told::Not {
            return None;
        }
        let sort =
            ["ConfigMap ", "Secret ", "claim ", "volume ", "host path "].into_iter().find(|s| from.starts_with(s));
        let to = sort.and_then(|sort| to.strip_prefix(sort)).unwrap_or(to);
        let or_empty = |text: &str| if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() };
        Some(format!("{} → {}", or_empty(from), or_empty(to)))
    }

    /// What stands between the subject and a change.
    fn sign(&self, place: &str) -> &'static str {
        let is_sentence = matches!(
            self.field,
            Field::InitOrder | Field::Label(_) | Field::Volume(_) | Field::Storage(_) | Field::Mount(_)
        );
        if matches!(self.field, Field::Command | Field::Arguments) {
            " changed:"
        } else if is_sentence || !place.is_empty() {
            ":"
        } else {
            ""
        }
    }
}

impl Field {
    fn told(&self) -> Told {
        match self {
            Self::Affinity(_) => Told::Not,
            Self::Arguments => Told::AlwaysBehind,
            Self::NodeSelector(_) => Told::Joined,
            Self::Scheduling(_) | Self::Security(_) | Self::Other(_) => Told::Set,
            Self::Env(_)
            | Self::EnvSource(_)
            | Self::Probe(_)
            | Self::Command
            | Self::Hook(_)
            | Self::Volume(_)
            | Self::Storage(_)
            | Self::Mount(_)
            | Self::Label(_)
            | Self::Annotation(_) => Told::Behind,
            Self::Image
            | Self::PullPolicy
            | Self::PullSecret
            | Self::Container
            | Self::InitOrder
            | Self::Limit(_)
            | Self::Request(_)
            | Self::ProbeSetting(..)
            | Self::EnvFrom
            | Self::WorkingDirectory
            | Self::Port(_)
            | Self::Toleration
            | Self::Spread
            | Self::ServiceAccount
            | Self::Restart(_) => Told::Within,
        }
    }

    fn subject(&self) -> Cow<'_, str> {
        match self {
            Self::Image => "image".into(),
            Self::PullPolicy => "pull policy".into(),
            Self::PullSecret => "pull secret".into(),
            Self::Container => "container".into(),
            Self::InitOrder => "init containers run in another order".into(),
            Self::Limit(resource) => format!("{} limit", of_resource(resource)).into(),
            Self::Request(resource) => format!("{} request", of_resource(resource)).into(),
            Self::Probe(probe) => format!("{} probe", of_probe(*probe)).into(),
            Self::ProbeSetting(probe, setting) => format!("{} {setting}", of_probe(*probe)).into(),
            Self::Env(name) | Self::EnvSource(name) => format!("env {name}").into(),
            Self::EnvFrom => "env from".into(),
            Self::Command => "command".into(),
            Self::Arguments => "arguments".into(),
            Self::WorkingDirectory => "working directory".into(),
            Self::Hook(hook) => format!("{hook} hook").into(),
            Self::Port(name) if name.is_empty() => "port".into(),
            Self::Port(name) => format!("port {name}").into(),
            Self::Volume(name) | Self::Storage(name) => format!("volume {name}").into(),
            Self::Mount(path) => format!("mount {path}").into(),
            Self::NodeSelector(label) => format!("node selector {label}").into(),
            Self::Toleration => "toleration".into(),
            Self::Spread => "topology spread".into(),
            Self::ServiceAccount => "service account".into(),
            Self::Label(name) => format!("label {name}").into(),
            Self::Annotation(name) => format!("annotation {name}").into(),
            Self::Affinity(words)
            | Self::Scheduling(words)
            | Self::Security(words)
            | Self::Restart(words)
            | Self::Other(words) => words.into(),
        }
    }
}

fn of_resource(resource: &str) -> &str {
    if resource == "cpu" { "CPU" } else { resource }
}

fn of_probe(probe: Probe) -> &'static str {
    match probe {
        Probe::Startup => "startup",
        Probe::Readiness => "readiness",
        Probe::Liveness => "liveness",
    }
}
