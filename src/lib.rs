//! A bot that watches Kubernetes clusters, posts one clear alert in Slack when something that matters breaks, and answers there.

pub mod alerts;
pub mod app;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod conversation;
pub mod event;
pub mod findings;
pub mod http;
pub mod incidents;
pub mod process;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schedule;
pub mod services;
pub mod store;
pub mod telemetry;
