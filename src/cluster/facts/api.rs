//! What the API server asks others for: admission webhooks and aggregated APIs.

use super::{LabelSelector, List, Meta, ReportedCondition, Text, has_meta, slim};

slim! {
    /// A ValidatingWebhookConfiguration.
    ValidatingWebhookConfiguration {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, repeated, tag = "2")] webhooks: Box<[ValidatingWebhook]>,
    }
    /// A MutatingWebhookConfiguration.
    MutatingWebhookConfiguration {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, repeated, tag = "2")] webhooks: Box<[MutatingWebhook]>,
    }
    /// A webhook that may refuse; `failurePolicy` not set means `Fail`.
    ValidatingWebhook {
        #[prost(string, tag = "1")] name: Text,
        #[prost(message, optional, tag = "2")] client_config: Option<WebhookClient>,
        #[prost(message, repeated, tag = "3")] rules: Box<[WebhookRule]>,
        #[prost(string, tag = "4")] failure_policy: Text,
        #[prost(message, optional, tag = "5")] namespace_selector: Option<LabelSelector>,
        #[prost(message, optional, tag = "10")] object_selector: Option<LabelSelector>,
        #[prost(message, repeated, tag = "11")] match_conditions: Box<[MatchCondition]>,
    }
    /// A webhook that may change what is written; `failurePolicy` not set means `Fail`.
    MutatingWebhook {
        #[prost(string, tag = "1")] name: Text,
        #[prost(message, optional, tag = "2")] client_config: Option<WebhookClient>,
        #[prost(message, repeated, tag = "3")] rules: Box<[WebhookRule]>,
        #[prost(string, tag = "4")] failure_policy: Text,
        #[prost(message, optional, tag = "5")] namespace_selector: Option<LabelSelector>,
        #[prost(message, optional, tag = "11")] object_selector: Option<LabelSelector>,
        #[prost(message, repeated, tag = "12")] match_conditions: Box<[MatchCondition]>,
    }
    /// Whom a webhook asks: a Service, or an address, which is not kept.
    WebhookClient {
        #[prost(message, optional, tag = "1")] service: Option<ServiceReference>,
    }
    /// A Service of any namespace.
    ServiceReference {
        #[prost(string, tag = "1")] namespace: Text,
        #[prost(string, tag = "2")] name: Text,
    }
    /// Which writes a webhook is asked about. JSON writes the rule beside its operations, protobuf in a message of its own.
    WebhookRule {
        #[prost(string, repeated, tag = "1")] operations: List<Text>,
        #[prost(message, optional, tag = "2")] #[serde(flatten)] rule: Option<ResourceRule>,
    }
    /// The resources of a rule.
    ResourceRule {
        #[prost(string, repeated, tag = "1")] api_groups: List<Text>,
        #[prost(string, repeated, tag = "3")] resources: List<Text>,
    }
    /// A further condition of a webhook; only that there is one.
    MatchCondition {
        #[prost(string, tag = "1")] name: Text,
    }
    /// An APIService.
    ApiService {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ApiServiceSpec>,
        #[prost(message, optional, tag = "3")] status: Option<ApiServiceStatus>,
    }
    /// Who serves an API; without a Service the API server itself.
    ApiServiceSpec {
        #[prost(message, optional, tag = "1")] service: Option<ServiceReference>,
        #[prost(string, tag = "2")] group: Text,
        #[prost(string, tag = "3")] version: Text,
    }
    /// Whether an API is served.
    ApiServiceStatus {
        #[prost(message, repeated, tag = "1")] conditions: Box<[ReportedCondition]>,
    }
}
has_meta!(ValidatingWebhookConfiguration, MutatingWebhookConfiguration, ApiService);

/// What both sorts of webhooks have.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// Its name.
    pub name: &'a str,
    /// The Service it asks; None if it asks an address.
    pub service: Option<&'a ServiceReference>,
    /// Which writes it is asked about.
    pub rules: &'a [WebhookRule],
    /// Whether a write is refused when it cannot be asked.
    pub fails_closed: bool,
    /// Whether it is asked about the objects of some namespaces only.
    pub some_namespaces: bool,
    /// Whether it is asked about some objects only, by their labels or by further conditions.
    pub some_objects: bool,
}

macro_rules! has_webhooks {
    ($($configuration:ident),*) => { $(
        impl $configuration {
            /// Its webhooks.
            pub fn webhooks(&self) -> impl Iterator<Item = Webhook<'_>> {
                self.webhooks.iter().map(|webhook| Webhook {
                    name: &webhook.name,
                    service: webhook.client_config.as_ref().and_then(|client| client.service.as_ref()),
                    rules: &webhook.rules,
                    fails_closed: webhook.failure_policy != "Ignore",
                    some_namespaces: webhook.namespace_selector.as_ref().is_some_and(narrows),
                    some_objects: webhook.object_selector.as_ref().is_some_and(narrows)
                        || !webhook.match_conditions.is_empty(),
                })
            }
        }
    )* };
}
has_webhooks!(ValidatingWebhookConfiguration, MutatingWebhookConfiguration);

/// Whether a selector leaves something out.
fn narrows(selector: &LabelSelector) -> bool {
    !selector.match_labels.is_empty() || !selector.match_expressions.is_empty()
}

impl ApiService {
    /// The condition of that type, if it is set.
    pub fn condition(&self, kind: &str) -> Option<&ReportedCondition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// The Service that serves it; None if the API server itself does.
    pub fn service(&self) -> Option<&ServiceReference> {
        self.spec.as_ref()?.service.as_ref()
    }

    /// Whether it serves what autoscalers scale by (`metrics.k8s.io` and its relatives).
    pub fn measures(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.group == "metrics.k8s.io" || spec.group.ends_with(".metrics.k8s.io"))
    }
}
