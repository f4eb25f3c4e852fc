//! The bot against a real Kubernetes API server with real controllers: the pretend cluster is ours, the truth is upstream's.
#![expect(clippy::indexing_slicing, reason = "a test that indexes wrongly fails, as it should")]

mod answers;
mod bot;
mod broken;
mod findings;
mod manifests;
mod outage;
mod plane;
mod rollout;
