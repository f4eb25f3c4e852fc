//! The rules: one file each, which is also its documentation. `ALL` is the list; help texts and tables come from it.

mod crash_loop;

use super::Check;

/// Every check, the strongest causes first.
pub const ALL: &[&dyn Check] = &[&crash_loop::CrashLoop];
