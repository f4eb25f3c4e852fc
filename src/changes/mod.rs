//! What was changed just before: two versions of an object come in, their differences in words and who made them come out, and how well
//! they explain what is wrong.

mod actor;
mod correlation;
pub mod deployed;
mod difference;
mod fit;
mod proof;
mod rollout;
#[cfg(test)]
mod stories;
mod symptom;
mod undo;

pub use actor::{Actor, TEMPLATE, Tool, actor, keeper};
pub use correlation::correlate;
pub use difference::{Container, Difference, Field, Probe, Role, Touches, differences};
pub use fit::{Fit, fit};
pub use rollout::{Before, Rollout, rollouts};
pub use symptom::Symptom;
