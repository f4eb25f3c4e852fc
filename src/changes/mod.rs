//! What was changed just before: two versions of an object come in, their differences in words come out.

mod difference;

pub use difference::{Container, Difference, Field, Probe, Role, Touches, differences};
