//! HorizontalPodAutoscalers: what they scale, and whether they can.

use super::{Meta, Text, Time, has_meta, slim};

slim! {
    /// A HorizontalPodAutoscaler.
    HorizontalPodAutoscaler {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<AutoscalerSpec>,
        #[prost(message, optional, tag = "3")] status: Option<AutoscalerStatus>,
    }
    /// What an autoscaler scales.
    AutoscalerSpec {
        #[prost(message, optional, tag = "1")] scale_target_ref: Option<ScaleTarget>,
        #[prost(int32, optional, tag = "2")] min_replicas: Option<i32>,
        #[prost(int32, tag = "3")] max_replicas: i32,
        #[prost(message, repeated, tag = "4")] metrics: Box<[ScalesBy]>,
    }
    /// What an autoscaler scales by, as far as it is a resource of the pods.
    ScalesBy {
        #[prost(message, optional, tag = "4")] resource: Option<ScalesByResource>,
    }
    /// A resource of the pods.
    ScalesByResource {
        #[prost(string, tag = "1")] name: Text,
        #[prost(message, optional, tag = "2")] target: Option<ResourceTarget>,
    }
    /// How much of it is to be used.
    ResourceTarget {
        #[prost(int32, optional, tag = "4")] average_utilization: Option<i32>,
    }
    /// The workload an autoscaler scales, in its own namespace.
    ScaleTarget {
        #[prost(string, tag = "1")] kind: Text,
        #[prost(string, tag = "2")] name: Text,
        #[prost(string, tag = "3")] api_version: Text,
    }
    /// Where an autoscaler is.
    AutoscalerStatus {
        #[prost(int32, tag = "3")] current_replicas: i32,
        #[prost(int32, tag = "4")] desired_replicas: i32,
        #[prost(message, repeated, tag = "6")] conditions: Box<[ReportedCondition]>,
    }
    /// A condition of an autoscaler or an APIService: its tags are not those of a Pod's condition.
    ReportedCondition {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(string, tag = "2")] status: Text,
        #[prost(message, optional, tag = "3")] last_transition_time: Option<Time>,
        #[prost(string, tag = "4")] reason: Text,
        #[prost(string, tag = "5")] message: Text,
    }
}
has_meta!(HorizontalPodAutoscaler);

impl HorizontalPodAutoscaler {
    /// The condition of that type, if the controller set it.
    pub fn condition(&self, kind: &str) -> Option<&ReportedCondition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// What it scales, if that is said.
    pub fn target(&self) -> Option<&ScaleTarget> {
        self.spec.as_ref()?.scale_target_ref.as_ref().filter(|target| !target.name.is_empty())
    }
}
