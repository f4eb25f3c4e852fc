//! Events: evidence, never state. They are updated in place and expire after an hour.

use jiff::Timestamp;

use super::{Meta, ObjectReference, Text, Time, has_meta, slim};

slim! {
    /// A core/v1 Event.
    Event {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] involved_object: Option<ObjectReference>,
        #[prost(string, tag = "3")] reason: Text,
        #[prost(string, tag = "4")] message: Text,
        #[prost(message, optional, tag = "6")] first_timestamp: Option<Time>,
        #[prost(message, optional, tag = "7")] last_timestamp: Option<Time>,
        #[prost(int32, tag = "8")] count: i32,
        #[prost(string, tag = "9")] #[serde(rename = "type")] kind: Text,
        #[prost(message, optional, tag = "10")] event_time: Option<Time>,
        #[prost(message, optional, tag = "11")] series: Option<EventSeries>,
    }
    /// A repeated event.
    EventSeries {
        #[prost(int32, tag = "1")] count: i32,
        #[prost(message, optional, tag = "2")] last_observed_time: Option<Time>,
    }
}
has_meta!(Event);

/// What is told as normal and read all the same: kills by a probe, and that the certificates of K3s are fine again.
const READ: [&str; 2] = ["Killing", "CertificateExpirationOK"];

impl Event {
    /// Whether anybody reads it. Most events say that all goes well: pods that are scheduled, images that are pulled.
    pub(crate) fn is_read(&self) -> bool {
        self.kind != "Normal" || READ.contains(&self.reason.as_str())
    }

    /// When it was last seen: of the series, else the event time, else the last timestamp, else its creation.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.series
            .as_ref()
            .and_then(|s| s.last_observed_time)
            .or(self.event_time)
            .or(self.last_timestamp)
            .map(Time::at)
            .or_else(|| self.meta().created())
    }

    /// How often it was seen; at least once.
    pub fn times(&self) -> i32 {
        self.series.as_ref().map_or(self.count, |s| s.count).max(1)
    }
}
