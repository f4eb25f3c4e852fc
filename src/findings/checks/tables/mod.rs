//! Tables of single checks, by what they look at; and the list of everything that must never open an incident.

mod deletion;
mod never_opens;
mod nodes;
mod pods;
mod services;
mod times;
