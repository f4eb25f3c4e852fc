//! Services and EndpointSlices: who serves.

use super::{Labels, List, Meta, ObjectReference, Text, has_meta, slim};

slim! {
    /// A Service.
    Service {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ServiceSpec>,
    }
    /// What a Service asks for.
    ServiceSpec {
        #[prost(btree_map = "string, string", tag = "2")] selector: Labels,
        #[prost(string, tag = "3")] #[serde(rename = "clusterIP")] cluster_ip: Text,
        #[prost(string, tag = "4")] #[serde(rename = "type")] kind: Text,
        #[prost(bool, tag = "13")] publish_not_ready_addresses: bool,
    }
    /// An EndpointSlice.
    EndpointSlice {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, repeated, tag = "2")] endpoints: Box<[Endpoint]>,
    }
    /// One backend of a Service.
    Endpoint {
        #[prost(string, repeated, tag = "1")] addresses: List<Text>,
        #[prost(message, optional, tag = "2")] conditions: Option<EndpointConditions>,
        #[prost(message, optional, tag = "4")] target_ref: Option<ObjectReference>,
    }
    /// Readiness of a backend; not set counts as ready.
    EndpointConditions {
        #[prost(bool, optional, tag = "1")] ready: Option<bool>,
        #[prost(bool, optional, tag = "2")] serving: Option<bool>,
        #[prost(bool, optional, tag = "3")] terminating: Option<bool>,
    }
}
has_meta!(Service, EndpointSlice);

impl Endpoint {
    /// Whether traffic goes here.
    pub fn is_ready(&self) -> bool {
        self.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true)
    }
}
