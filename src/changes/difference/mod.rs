//! What is different between two pod templates: two JSON objects come in, the differences come out, the most telling first.

#[cfg(test)]
mod any_template;
mod container;
mod env;
mod image;
mod normal;
mod pair;
mod probe;
mod scheduling;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod touches;
mod volume;
mod words;

use serde_json::Value;

pub use touches::Touches;

/// One difference of two templates; its `Display` is what people read. What was secret in it is masked already.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// The container it is in; None if it is the pod's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// What is different.
    pub field: Field,
    /// What was there; None if nothing was. The same as `to` where what differs must not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is there now; None if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A container of a template.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What it is to its pod.
    pub role: Role,
}

/// What a container is to its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The only one; then it need not be named.
    Only,
    /// The one the pod is there for: the first, or the one that an annotation names.
    Main,
    /// It runs beside the main one.
    Sidecar,
    /// It runs before the others start.
    Init,
}

/// A probe of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Holds the others back until the container has started.
    Startup,
    /// Without it no traffic.
    Readiness,
    /// Without it a restart.
    Liveness,
}

/// What of a template is different. Names in it are redacted and capped like values.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The image, as it is asked for.
    Image,
    /// When the image is pulled.
    PullPolicy,
    /// A Secret with credentials of a registry.
    PullSecret,
    /// The container itself.
    Container,
    /// The order in which init containers run.
    InitOrder,
    /// The limit of a resource: `memory`, `cpu`.
    Limit(String),
    /// The request of a resource.
    Request(String),
    /// All of a probe, or what it asks.
    Probe(Probe),
    /// One setting of a probe, in words.
    ProbeSetting(Probe, String),
    /// An environment variable.
    Env(String),
    /// An environment variable whose value is now read from somewhere else.
    EnvSource(String),
    /// All the variables of a `ConfigMap` or Secret.
    EnvFrom,
    /// What is run in place of the image's entry point.
    Command,
    /// The arguments; of several only those that differ.
    Arguments,
    /// Where it is run.
    WorkingDirectory,
    /// `preStop`, `postStart`.
    Hook(String),
    /// A port, by its name; empty if it has none.
    Port(String),
    /// A volume of settings or of the pod's own.
    Volume(String),
    /// A volume that is storage: a claim, a disk, a folder of the node.
    Storage(String),
    /// Where a volume is mounted.
    Mount(String),
    /// A label that a node must have.
    NodeSelector(String),
    /// A taint that is tolerated.
    Toleration,
    /// Which nodes are wanted, or the company of which pods: in words.
    Affinity(String),
    /// How the pods are spread.
    Spread,
    /// Something else that decides where and when it runs, in words.
    Scheduling(String),
    /// As whom it runs, and what it may do: in words.
    Security(String),
    /// The service account.
    ServiceAccount,
    /// A label of the pods.
    Label(String),
    /// An annotation of the pods.
    Annotation(String),
    /// Nothing but a mark to start the pods anew, and what sets it.
    Restart(String),
    /// Anything else, by its path.
    Other(String),
}

/// What is different between two pod templates, the most telling first; nothing if they mean the same.
///
/// Each is the `spec.template` of a workload as the API server gives it, or the `data.spec.template` of a `ControllerRevision`.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (before, after) = (normal::normal(before), normal::normal(after));
    let mut found = Found::default();
    template::template(pair::Pair::new(&before, &after), &mut found);
    let mut all = found.differences;
    all.sort_by_key(|difference| difference.field.rank());
    all
}

/// Differences as they are found.
#[derive(Debug, Default)]
struct Found {
    /// Where it is looked.
    container: Option<Container>,
    differences: Vec<Difference>,
}

impl Found {
    /// Notes a difference; what was there and what is there is made fit to be shown.
    fn say(&mut self, field: Field, (from, to): (Option<String>, Option<String>)) {
        let (from, to) = if field == Field::Image {
            // Where it was built is told by all of it.
            (from.map(|f| text::name(&f)), to.map(|t| text::name(&t)))
        } else {
            text::shown(from, to)
        };
        self.differences.push(Difference { container: self.container.clone(), field, from, to });
    }

    /// Notes what went and what came of a set: as one difference if that is one thing each.
    fn say_each(&mut self, field: &Field, gone: Vec<String>, new: Vec<String>) {
        if let ([from], [to]) = (gone.as_slice(), new.as_slice()) {
            return self.say(field.clone(), (Some(from.clone()), Some(to.clone())));
        }
        for from in gone {
            self.say(field.clone(), (Some(from), None));
        }
        for to in new {
            self.say(field.clone(), (None, Some(to)));
        }
    }
}
