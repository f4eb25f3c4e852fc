//! The texts of alerts, as Block Kit and as plain text.
