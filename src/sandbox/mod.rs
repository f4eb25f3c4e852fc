//! A pretend world on loopback (Slack workspace, Kubernetes API) that speaks the real protocols, for `demo` and for the tests.

pub mod kubernetes;
pub mod slack;
