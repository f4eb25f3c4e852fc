//! The only code that opens sockets; each constructor takes its base URL.

pub mod github;
pub mod kubernetes;
pub mod page;
pub mod slack;
pub mod slack_socket;
