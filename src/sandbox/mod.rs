//! A pretend world that speaks the real protocols on loopback: for `k8s-monitor demo` and for the tests.

pub mod github;
pub mod kubernetes;
pub mod slack;
