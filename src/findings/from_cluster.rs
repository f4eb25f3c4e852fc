//! Runs every check on an owner, or on all.
use super::{Judgement, Look};
use crate::cluster::ObjectRef;
/// The verdicts of all checks that judge this owner.
pub fn judge(_owner: &ObjectRef, _look: &Look<'_>) -> Vec<Judgement> {
    Vec::new()
}
/// The verdicts on every owner of the cluster.
pub fn judge_all(look: &Look<'_>) -> Vec<Judgement> {
    look.index.owners().flat_map(|o| judge(&o, look)).collect()
}
