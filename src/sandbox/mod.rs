//! A pretend world on loopback (Slack workspace, Kubernetes API) for `demo` and for the tests.

pub mod kubernetes;
