//! What was changed just before: two versions of an object come in, their differences in words and who made them come out.

mod actor;
mod difference;

pub use actor::{Actor, TEMPLATE, Tool, actor, keeper};
pub use difference::{Container, Difference, Field, Probe, Role, Touches, differences};
