//! What must be said about an incident's change of state.
use crate::incidents::Incident;
/// What must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {}
/// Decides what must be said when an incident changed from `previous` to `now`.
pub fn needs_update(_previous: Option<&Incident>, _now: &Incident) -> Vec<Alert> {
    Vec::new()
}
