//! What was changed just before: versions of an object, and what GitHub tells, come in; differences in words, who made them, and how well
//! they explain what is wrong come out.

mod actor;
mod correlation;
pub mod deployed;
mod difference;
mod fit;
mod from_git;
pub mod gitops;
mod proof;
mod rollout;
mod settings;
mod since;
#[cfg(test)]
mod stories;
mod symptom;
mod undo;

pub use actor::{Actor, TEMPLATE, Tool, actor, keeper};
pub use correlation::correlate;
pub use difference::{Container, Difference, Field, Probe, Role, Touches, differences};
pub use fit::{Fit, fit};
pub use from_git::{
    Brought, Deployed, GitHistory, Images, Names, Place, Places, Tie, attribute, deployment_of, images, places, ranges,
    released, tie, unread,
};
pub use rollout::{Before, Rollout, rollouts};
pub use settings::{Became, Concern, Grip, Reach, Read, Reading, SettingChange, beside, change, reading};
pub use since::since;
pub use symptom::Symptom;
