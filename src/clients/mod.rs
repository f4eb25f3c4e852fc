//! The only code that opens sockets; each constructor takes its base URL.

pub mod kubernetes;
