//! Tables of single checks, by what they look at; and the list of everything that must never open an incident.
#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]

mod deletion;
mod ignored;
mod moving;
mod never_opens;
mod nodes;
mod pods;
mod services;
mod times;
