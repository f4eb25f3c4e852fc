//! One step of an incident: what was, what the checks say now, what it becomes.
use super::{Incident, Priority};
use crate::{
    cluster::{ClusterId, ObjectRef},
    findings::Judgement,
};
use jiff::Timestamp;
/// What a step reads besides the incident itself.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The cluster.
    pub cluster: &'a ClusterId,
    /// The top owner.
    pub owner: &'a ObjectRef,
    /// What the checks say of it now.
    pub judgements: &'a [Judgement],
    /// Its priority, if listed.
    pub priority: Option<Priority>,
    /// Its last incident if that was resolved within the last 24 h: a new problem reopens it.
    pub last: Option<&'a Incident>,
    /// The present.
    pub now: Timestamp,
}
/// The incident after this step; None if there is none and none is needed.
pub fn step(before: Option<&Incident>, _step: &Step<'_>) -> Option<Incident> {
    before.cloned()
}
