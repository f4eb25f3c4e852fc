//! Nodes and Namespaces.

use super::{Condition, Meta, Text, Time, has_meta, slim};

slim! {
    /// A Namespace.
    Namespace {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "3")] status: Option<NamespaceStatus>,
    }
    /// Where a Namespace is.
    NamespaceStatus {
        #[prost(string, tag = "1")] phase: Text,
        #[prost(message, repeated, tag = "2")] conditions: Box<[Condition]>,
    }
    /// A Node.
    Node {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<NodeSpec>,
        #[prost(message, optional, tag = "3")] status: Option<NodeStatus>,
    }
    /// What was asked of a Node.
    NodeSpec {
        #[prost(bool, tag = "4")] unschedulable: bool,
        #[prost(message, repeated, tag = "5")] taints: Box<[Taint]>,
    }
    /// A taint.
    Taint {
        #[prost(string, tag = "1")] key: Text,
        #[prost(string, tag = "2")] value: Text,
        #[prost(string, tag = "3")] effect: Text,
        #[prost(message, optional, tag = "4")] time_added: Option<Time>,
    }
    /// Where a Node is.
    NodeStatus {
        #[prost(message, repeated, tag = "4")] conditions: Box<[Condition]>,
        #[prost(message, repeated, tag = "5")] addresses: Box<[NodeAddress]>,
        #[prost(message, optional, tag = "6")] daemon_endpoints: Option<NodeDaemonEndpoints>,
        #[prost(message, optional, tag = "7")] node_info: Option<NodeInfo>,
    }
    /// Where a Node can be reached.
    NodeAddress {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(string, tag = "2")] address: Text,
    }
    /// Where the agents of a Node listen.
    NodeDaemonEndpoints {
        #[prost(message, optional, tag = "1")] kubelet_endpoint: Option<DaemonEndpoint>,
    }
    /// A port.
    DaemonEndpoint {
        #[prost(int32, tag = "1")] #[serde(rename = "Port")] port: i32,
    }
    /// What runs on a Node; a new boot id means it was restarted.
    NodeInfo {
        #[prost(string, tag = "3")] #[serde(rename = "bootID")] boot_id: Text,
        #[prost(string, tag = "7")] kubelet_version: Text,
    }
}
has_meta!(Namespace, Node);

impl Node {
    /// The condition of that type, if set.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// Address and port of its kubelet, if it says both.
    pub fn kubelet(&self) -> Option<(&str, u16)> {
        let status = self.status.as_ref()?;
        let address = status.addresses.iter().find(|a| a.kind == "InternalIP")?;
        let port = status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref()?.port;
        Some((address.address.as_str(), u16::try_from(port).ok().filter(|port| *port > 0)?))
    }

    /// The id of its last boot, if it says.
    pub fn boot_id(&self) -> Option<&str> {
        let info = self.status.as_ref()?.node_info.as_ref()?;
        Some(info.boot_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Whether the control plane runs here, by the label or the taint that marks it.
    pub fn is_control_plane(&self) -> bool {
        const ROLES: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
        ROLES.iter().any(|role| {
            self.meta().labels.contains_key(role)
                || self.spec.as_ref().is_some_and(|s| s.taints.iter().any(|t| t.key == *role))
        })
    }
}
