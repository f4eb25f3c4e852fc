//! What of a pod comes from `ConfigMap`s: variables by their key, all keys at once, and volumes. Values and other sources are not kept.

use super::{List, Pod, Slim, Text, slim};

/// Every namespace has it, every pod mounts it, and Kubernetes alone writes it.
const OF_EVERY_POD: &str = "kube-root-ca.crt";

slim! {
    /// A variable, as far as it comes from a ConfigMap.
    EnvVar {
        #[prost(message, optional, tag = "3")] value_from: Option<EnvSource>,
    }
    /// Where a variable comes from.
    EnvSource {
        #[prost(message, optional, tag = "3")] config_map_key_ref: Option<ConfigKey>,
    }
    /// A key of a ConfigMap. JSON writes the name beside the key, protobuf in a message of its own.
    ConfigKey {
        #[prost(message, optional, tag = "1")] #[serde(flatten)] of: Option<LocalName>,
        #[prost(string, tag = "2")] key: Text,
    }
    /// The name of an object in the same namespace.
    LocalName {
        #[prost(string, tag = "1")] name: Text,
    }
    /// All keys of a ConfigMap as variables.
    EnvFrom {
        #[prost(message, optional, tag = "2")] config_map_ref: Option<ConfigName>,
    }
    /// A ConfigMap. JSON writes its name itself, protobuf in a message of its own.
    ConfigName {
        #[prost(message, optional, tag = "1")] #[serde(flatten)] of: Option<LocalName>,
    }
    /// A volume that is put together from several sources.
    Projected {
        #[prost(message, repeated, tag = "1")] sources: Box<[ProjectedSource]>,
    }
    /// One of them.
    ProjectedSource {
        #[prost(message, optional, tag = "3")] config_map: Option<ConfigName>,
    }
}

/// The variables of a container that come from a key of a `ConfigMap`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfigKeys(List<(Text, Text)>);

impl Slim for ConfigKeys {
    type Wire = Vec<<EnvVar as Slim>::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        let key = |wire| EnvVar::slim(wire).value_from?.config_map_key_ref;
        let named = |key: ConfigKey| Some((key.of?.name, key.key)).filter(|(name, _)| !name.is_empty());
        Self(wire.into_iter().filter_map(key).filter_map(named).collect())
    }
}

/// The `ConfigMap`s all of whose keys are variables of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfigNames(List<Text>);

impl Slim for ConfigNames {
    type Wire = Vec<<EnvFrom as Slim>::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        Self(wire.into_iter().filter_map(|wire| EnvFrom::slim(wire).config_map_ref?.name()).collect())
    }
}

impl ConfigName {
    /// Its name, unless it is that of every pod.
    pub(super) fn name(self) -> Option<Text> {
        self.of.map(|of| of.name).filter(|name| !name.is_empty() && name != OF_EVERY_POD)
    }
}

/// A use that a pod makes of a `ConfigMap` of its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigUse<'a> {
    /// The `ConfigMap`.
    pub name: &'a str,
    /// The key; None: all of them.
    pub key: Option<&'a str>,
    /// The container that reads it at its start; None: it is a volume.
    pub container: Option<&'a str>,
}

impl Pod {
    /// What it uses of `ConfigMap`s.
    pub fn configs(&self) -> impl Iterator<Item = ConfigUse<'_>> {
        self.spec.iter().flat_map(|spec| {
            let containers = spec.init_containers.iter().chain(&spec.containers);
            let variables = containers.flat_map(|container| {
                let of = Some(container.name.as_str());
                let keys = container.env.0.iter();
                let keys = keys.map(move |(name, key)| ConfigUse { name, key: Some(key), container: of });
                let whole = container.env_from.0.iter().map(move |name| ConfigUse { name, key: None, container: of });
                keys.chain(whole)
            });
            variables.chain(spec.config_volumes.iter().map(|name| ConfigUse { name, key: None, container: None }))
        })
    }
}
