//! Who of some workloads needs whom to work: everything cluster DNS, and what the catalogue says of their services.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalogue, Role, Service};
use crate::cluster::{ClusterIndex, ObjectRef};

/// The relations of some workloads, found out once for all of them.
#[derive(Debug, Default)]
pub struct Relations<'a> {
    of: BTreeMap<&'a ObjectRef, &'a Service>,
    /// The services that need each of those services, by their names.
    needed_by: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Relations<'a> {
    /// The relations of these workloads.
    pub(super) fn of(
        catalogue: &'a Catalogue,
        among: impl Iterator<Item = &'a ObjectRef>,
        index: &ClusterIndex,
    ) -> Self {
        if catalogue.services.is_empty() {
            return Self::default();
        }
        let of: BTreeMap<_, _> = among.filter_map(|who| Some((who, catalogue.service_of(who, index)?))).collect();
        let mut needed_by = BTreeMap::new();
        for service in of.values() {
            needed_by.entry(service.name.as_str()).or_insert_with(|| {
                catalogue.needed_by(service).into_iter().map(|who| who.name.as_str()).collect::<BTreeSet<_>>()
            });
        }
        Self { of, needed_by }
    }

    /// Whether a workload needs another, which has that role.
    pub fn needs(&self, who: &ObjectRef, what: &ObjectRef, role: Option<Role>) -> bool {
        let is_listed = || {
            let (who, what) = (self.of.get(who)?, self.of.get(what)?);
            Some(self.needed_by.get(what.name.as_str())?.contains(who.name.as_str()))
        };
        who != what && (role == Some(Role::ClusterDns) || is_listed() == Some(true))
    }
}
