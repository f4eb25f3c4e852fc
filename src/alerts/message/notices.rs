//! Messages that are not about an incident: a sample.

use super::{FIRING, Times};
use crate::alerts::{Message, blocks::Blocks};

/// A marked sample, to see whether alerts arrive.
pub fn test_alert(times: &Times<'_>) -> Message {
    let mut blocks = Blocks::default();
    blocks.section(
        "Nothing is wrong. Somebody asked for a sample, to see whether alerts arrive in this channel.\n\
         An alert says here what is wrong and why, who is hit and what to do.",
    );
    blocks.context(&[format!("sent {}", times.say(times.now))]);
    blocks.into_message("*TEST · this is what an alert looks like*", Some(FIRING))
}
