//! Several clusters: a name for people and where each is, from `clusters`.

use std::path::PathBuf;

use super::{Place, values::Values};

/// The key.
const KEY: &str = "clusters";
/// The word for the cluster in which the bot runs.
const IN_CLUSTER: &str = "in-cluster";
/// The longest name: it stands in every message.
const LONGEST: usize = 63;

/// One of several clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterEntry {
    /// As people call it.
    pub name: String,
    /// Where it is.
    pub place: ClusterPlace,
}

/// Where a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterPlace {
    /// The bot runs in it, with its service account.
    Inside,
    /// A context of the kubeconfig.
    Context(String),
    /// The current context of a kubeconfig of its own, as each K3s has one.
    Kubeconfig(PathBuf),
}

/// The clusters, each once; none: there is one, as `[cluster]` says.
pub(super) fn read(values: &mut Values<'_>) -> Vec<ClusterEntry> {
    let mut all: Vec<ClusterEntry> = Vec::new();
    for written in values.list(KEY) {
        match entry(&written) {
            Ok(entry) if all.iter().any(|other| other.name == entry.name) => {
                let remedy = "give each a name of its own: \"home=default\", \"edge=/etc/edge.yaml\"";
                values.problem(KEY, format!("two are called {:?}", entry.name), remedy);
            }
            Ok(entry) if all.iter().any(|other| other.place == entry.place) => {
                values.problem(KEY, format!("{written:?} is there twice"), "take one of them out");
            }
            Ok(entry) => all.push(entry),
            Err((why, remedy)) => values.problem(KEY, format!("{written:?} {why}"), remedy),
        }
    }
    for key in ["cluster.name", "cluster.context"] {
        if !all.is_empty()
            && values.place(key).is_some_and(|place| place != Place::Default)
            && values.text(key).is_some()
        {
            values.warn(key, "is ignored because clusters is set", "write \"NAME=CONTEXT\" there, and remove this");
        }
    }
    all
}

type Mistake = (&'static str, &'static str);

/// `home`, `home=default`, `edge=/etc/edge.yaml`, `in-cluster`.
fn entry(written: &str) -> Result<ClusterEntry, Mistake> {
    let (name, place) =
        written.split_once('=').map_or((None, written), |(name, place)| (Some(name.trim()), place.trim()));
    let place = if place.is_empty() {
        return Err(("does not say where it is", "write a context of the kubeconfig, a path, or in-cluster"));
    } else if place == IN_CLUSTER {
        ClusterPlace::Inside
    } else if ["/", "./", "../"].iter().any(|path| place.starts_with(path)) {
        ClusterPlace::Kubeconfig(place.into())
    } else if place.starts_with('~') {
        return Err(("begins with ~, which nobody replaces here", "write the whole path"));
    } else {
        ClusterPlace::Context(place.to_owned())
    };
    let name = match (name, &place) {
        (Some(name), _) => name,
        (None, ClusterPlace::Kubeconfig(_)) => return Err(("has no name", "write NAME=/path/of/kubeconfig.yaml")),
        (None, ClusterPlace::Inside | ClusterPlace::Context(_)) => written.trim(),
    };
    let is_good = |c: char| !c.is_whitespace() && !c.is_control() && !"`\"'<>,=".contains(c);
    if name.is_empty() || name.chars().count() > LONGEST || !name.chars().all(is_good) {
        return Err(("has no good name", "write NAME=CONTEXT, the name without blanks and at most 63 characters long"));
    }
    Ok(ClusterEntry { name: name.to_owned(), place })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("home", "home", ClusterPlace::Context("home".into()))]
    #[case("prod = gke_acme_europe-west1_prod", "prod", ClusterPlace::Context("gke_acme_europe-west1_prod".into()))]
    #[case("arn:aws:eks:eu:1:cluster/a", "arn:aws:eks:eu:1:cluster/a", ClusterPlace::Context("arn:aws:eks:eu:1:cluster/a".into()))]
    #[case("in-cluster", "in-cluster", ClusterPlace::Inside)]
    #[case("home=in-cluster", "home", ClusterPlace::Inside)]
    #[case("edge=/etc/edge.yaml", "edge", ClusterPlace::Kubeconfig("/etc/edge.yaml".into()))]
    fn a_cluster_has_a_name_and_a_place(#[case] written: &str, #[case] name: &str, #[case] place: ClusterPlace) {
        assert_eq!(entry(written), Ok(ClusterEntry { name: name.to_owned(), place }));
    }

    #[rstest]
    #[case("/etc/edge.yaml", "has no name")]
    #[case("edge=", "does not say where it is")]
    #[case("edge=~/edge.yaml", "begins with ~, which nobody replaces here")]
    #[case("=home", "has no good name")]
    #[case("my home=home", "has no good name")]
    fn a_mistake_is_told(#[case] written: &str, #[case] why: &str) {
        assert_eq!(entry(written).unwrap_err().0, why);
    }
}
