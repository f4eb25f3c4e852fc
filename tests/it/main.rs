//! What the bot does, as people see it. The modules are the table of contents.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod again;
mod catalogue;
mod changes;
mod check;
mod clusters;
mod delivery;
mod escalation;
mod github;
mod gitops;
mod harness;
mod jobs;
mod keeping;
mod left_alone;
mod lifecycle;
mod logs;
mod monitoring;
mod objects;
mod prototype;
mod replicas;
mod settings;
mod stored;
mod timelines;
mod usage;
mod warnings;
mod watching;
