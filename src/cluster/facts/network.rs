//! Services, EndpointSlices, Ingresses and their classes: who serves, and by which way traffic comes in.

use super::{Labels, Meta, Slim, Text, has_meta, nullable, slim};

slim! {
    /// A Service.
    Service {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ServiceSpec>,
    }
    /// What a Service asks for.
    ServiceSpec {
        #[prost(message, repeated, tag = "1")] ports: Box<[ServicePort]>,
        #[prost(btree_map = "string, string", tag = "2")] selector: Labels,
        #[prost(string, tag = "3")] #[serde(rename = "clusterIP")] cluster_ip: Text,
        #[prost(string, tag = "4")] #[serde(rename = "type")] kind: Text,
        #[prost(bool, tag = "13")] publish_not_ready_addresses: bool,
    }
    /// A port of a Service.
    ServicePort {
        #[prost(string, tag = "1")] name: Text,
        #[prost(int32, tag = "3")] port: i32,
    }
    /// An EndpointSlice.
    EndpointSlice {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, repeated, tag = "2")] endpoints: Box<[Endpoint]>,
    }
    /// One backend of a Service.
    Endpoint {
        #[prost(string, repeated, tag = "1")] addresses: Box<[Text]>,
        #[prost(message, optional, tag = "2")] conditions: Option<EndpointConditions>,
        #[prost(message, optional, tag = "4")] target_ref: Option<EndpointTarget>,
    }
    /// The Pod behind a backend, in the namespace of its slice.
    EndpointTarget {
        #[prost(string, tag = "1")] kind: Text,
        #[prost(string, tag = "3")] name: Text,
    }
    /// Readiness of a backend; not set counts as ready.
    EndpointConditions {
        #[prost(bool, optional, tag = "1")] ready: Option<bool>,
        #[prost(bool, optional, tag = "2")] serving: Option<bool>,
        #[prost(bool, optional, tag = "3")] terminating: Option<bool>,
    }
    /// An Ingress.
    Ingress {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<IngressSpec>,
        #[prost(message, optional, tag = "3")] status: Option<IngressStatus>,
    }
    /// What an Ingress asks for.
    IngressSpec {
        #[prost(message, optional, tag = "1")] default_backend: Option<IngressBackend>,
        #[prost(message, repeated, tag = "3")] rules: Box<[IngressRule]>,
        #[prost(string, tag = "4")] ingress_class_name: Text,
    }
    /// Where an Ingress sends traffic; one that names a resource instead of a Service is not kept.
    IngressBackend {
        #[prost(message, optional, tag = "4")] service: Option<IngressService>,
    }
    /// The Service an Ingress names, in its own namespace.
    IngressService {
        #[prost(string, tag = "1")] name: Text,
        #[prost(message, optional, tag = "2")] port: Option<IngressPort>,
    }
    /// The port of that Service, by its name or its number.
    IngressPort {
        #[prost(string, tag = "1")] name: Text,
        #[prost(int32, tag = "2")] number: i32,
    }
    /// The paths of a rule.
    IngressPaths {
        #[prost(message, repeated, tag = "1")] paths: Box<[IngressPath]>,
    }
    /// One path of a rule.
    IngressPath {
        #[prost(string, tag = "1")] path: Text,
        #[prost(message, optional, tag = "2")] backend: Option<IngressBackend>,
    }
    /// Where an Ingress is.
    IngressStatus {
        #[prost(message, optional, tag = "1")] load_balancer: Option<IngressAddresses>,
    }
    /// The addresses a controller gave an Ingress.
    IngressAddresses {
        #[prost(message, repeated, tag = "1")] ingress: Box<[IngressAddress]>,
    }
    /// One address of an Ingress.
    IngressAddress {
        #[prost(string, tag = "1")] ip: Text,
        #[prost(string, tag = "2")] hostname: Text,
    }
    /// An IngressClass.
    IngressClass {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<IngressClassSpec>,
    }
    /// Who serves an IngressClass.
    IngressClassSpec {
        #[prost(string, tag = "1")] controller: Text,
    }
}
has_meta!(Service, EndpointSlice, Ingress, IngressClass);

impl EndpointSlice {
    /// A backend is known by its Pod; only one without has to be known by its address.
    pub(crate) fn keep_what_is_read(&mut self) {
        for endpoint in self.endpoints.iter_mut().filter(|endpoint| endpoint.target_ref.is_some()) {
            endpoint.addresses = Box::default();
        }
    }
}

/// One rule of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IngressRule {
    /// `host` of the Kubernetes API.
    pub host: Text,
    /// `http.paths` of the Kubernetes API.
    pub paths: Box<[IngressPath]>,
}

/// How a rule is decoded. JSON writes the paths beside the host, protobuf in a message of their own.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WireIngressRule {
    /// `host` of the Kubernetes API.
    #[prost(string, tag = "1")]
    pub host: String,
    /// The paths, if it has any.
    #[prost(message, optional, tag = "2")]
    pub value: Option<WireIngressRuleValue>,
}

/// What a rule says of a protocol; there is only one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WireIngressRuleValue {
    /// `http` of the Kubernetes API.
    #[prost(message, optional, tag = "1")]
    pub http: Option<<IngressPaths as Slim>::Wire>,
}

impl Slim for IngressRule {
    type Wire = WireIngressRule;

    fn slim(wire: WireIngressRule) -> Self {
        let paths = wire.value.and_then(|value| value.http).map(|http| IngressPaths::slim(http).paths);
        Self { host: wire.host.into(), paths: paths.unwrap_or_default() }
    }
}

impl<'de> serde::Deserialize<'de> for WireIngressRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Written {
            #[serde(deserialize_with = "nullable")]
            host: String,
            #[serde(deserialize_with = "nullable")]
            http: Option<<IngressPaths as Slim>::Wire>,
        }
        let Written { host, http } = Written::deserialize(deserializer)?;
        Ok(Self { host, value: http.map(|http| WireIngressRuleValue { http: Some(http) }) })
    }
}

/// A Service an Ingress sends traffic to, and for what.
#[derive(Clone, Copy, Debug)]
pub struct IngressRoute<'a> {
    /// The host of the rule; empty for any.
    pub host: &'a str,
    /// The path; empty for any, and for the default backend.
    pub path: &'a str,
    /// The Service.
    pub service: &'a IngressService,
}

impl Ingress {
    /// Everything it sends to a Service.
    pub fn routes(&self) -> impl Iterator<Item = IngressRoute<'_>> {
        let default = self.spec.iter().filter_map(|spec| spec.default_backend.as_ref()?.service.as_ref());
        let default = default.map(|service| IngressRoute { host: "", path: "", service });
        let rules = self.spec.iter().flat_map(|spec| spec.rules.iter());
        let routes = rules.flat_map(|rule| {
            rule.paths.iter().filter_map(|path| {
                let service = path.backend.as_ref()?.service.as_ref()?;
                Some(IngressRoute { host: &rule.host, path: &path.path, service })
            })
        });
        default.chain(routes).filter(|route| !route.service.name.is_empty())
    }

    /// The class it names; empty if it names none.
    pub fn class(&self) -> &str {
        self.spec.as_ref().map_or("", |spec| spec.ingress_class_name.as_str())
    }

    /// Whether a controller gave it an address.
    pub fn has_address(&self) -> bool {
        let addresses = self.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        addresses.is_some_and(|addresses| !addresses.ingress.is_empty())
    }
}

impl Endpoint {
    /// Whether traffic goes here.
    pub fn is_ready(&self) -> bool {
        self.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true)
    }
}
