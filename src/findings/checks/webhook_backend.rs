//! `webhook-backend`: an admission webhook that refuses writes when it cannot be asked has nobody who answers.

use std::collections::BTreeMap;

use super::references::{last_change, trouble};
use crate::{
    cluster::{
        Fact, Kind, ObjectRef, Text,
        facts::{Meta, ServiceReference, Webhook},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{conclude, fact},
    },
};

const NAME: &str = "webhook-backend";
/// A pod of the backend that is replaced is away for less than this.
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long the Service of a webhook may be missing or serve nobody.",
    60,
    (0, 86_400),
);
/// How many resources or webhooks are named.
const NAMED: usize = 4;

/// A fail-closed webhook without a backend.
#[derive(Debug)]
pub(crate) struct WebhookBackend;

impl Check for WebhookBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "The Service of an admission webhook with failurePolicy Fail does not exist or has no ready endpoint.",
            why: "The API server refuses every write the webhook is to be asked about: often no pod of the whole cluster can be created.",
            fix: "Bring back the pods behind the Service; if what owned the webhook was removed, delete its configuration.",
            grace: "60 s from the loss of the Service or of its last endpoint.",
            silent: "failurePolicy Ignore; webhooks asked by URL, through an ExternalName, or about nothing.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Service, Kind::EndpointSlice]
    }

    fn judges(&self, kind: &str) -> bool {
        matches!(kind, "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration")
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let fact = fact(owner, look);
        let (meta, webhooks): (&Meta, Vec<Webhook<'_>>) = if let Some(Fact::ValidatingWebhookConfiguration(all)) = fact
        {
            (all.meta(), all.webhooks().collect())
        } else if let Some(Fact::MutatingWebhookConfiguration(all)) = fact {
            (all.meta(), all.webhooks().collect())
        } else {
            return Verdict::NotWanted("deleted".into());
        };
        let mut by_service: BTreeMap<(&str, &str), Vec<Webhook<'_>>> = BTreeMap::new();
        for webhook in webhooks.into_iter().filter(|w| w.fails_closed && !w.rules.is_empty()) {
            if let Some(ServiceReference { namespace, name }) = webhook.service.filter(|s| !s.name.is_empty()) {
                by_service.entry((namespace, name)).or_default().push(webhook);
            }
        }
        let (mut troubles, mut nobody_knows) = (Vec::new(), None);
        for ((namespace, name), webhooks) in by_service {
            let (reason, lacks, proof) = match backend(namespace, name, look) {
                Backend::Serves => continue,
                Backend::Unknown(why) => {
                    nobody_knows = Some(why);
                    continue;
                }
                Backend::Missing => ("ServiceMissing", "does not exist", "not found".to_owned()),
                Backend::Empty(all) => ("NoEndpoints", "has no ready endpoint", format!("0 of {all} endpoints ready")),
            };
            let message = format!(
                "Service {namespace}/{name} {lacks}, so the API server refuses to {} (webhook {})",
                refused(&webhooks),
                listed(webhooks.iter().map(|w| w.name), "and"),
            );
            // A cluster that starts has pods that are not ready yet; who owns the webhook is much older.
            let of_endpoints = || look.index.unserved_since(namespace, name);
            let since = last_change(owner, meta, look).or_else(of_endpoints).or(meta.created());
            let since = since.unwrap_or(look.now);
            let mut it = trouble(
                owner,
                (ConditionClass::WebhookDown, Level::Critical),
                reason,
                message,
                (since, look.settings.time(&GRACE)),
            );
            it.evidence.push(evidence::piece(format!("Service {namespace}/{name}"), &proof, None));
            it.recommendation = format!(
                "Bring back what serves it: kubectl -n {namespace} get service,endpointslices,pods; only if it was removed for good: kubectl delete {} {}",
                owner.kind.to_lowercase(),
                owner.name
            );
            troubles.push(it);
        }
        match nobody_knows {
            Some(why) if troubles.is_empty() => Verdict::Unknown(why),
            _ => conclude(NAME, owner, look, &Pods::default(), troubles),
        }
    }
}

/// Whether somebody answers behind a Service.
enum Backend {
    Serves,
    /// There is no such Service.
    Missing,
    /// It has so many endpoints, none of them ready.
    Empty(usize),
    Unknown(String),
}

fn backend(namespace: &str, name: &str, look: &Look<'_>) -> Backend {
    let Some(service) = look.index.service(namespace, name) else {
        return look.index.cannot_tell_missing(Kind::Service, namespace).map_or(Backend::Missing, Backend::Unknown);
    };
    if service.spec.as_ref().is_some_and(|spec| spec.kind == "ExternalName") {
        return Backend::Serves;
    }
    let Some(endpoints) = look.index.endpoints_of(namespace, name) else { return Backend::Missing };
    if endpoints.ready_endpoints > 0 {
        return Backend::Serves;
    }
    let unknown = |kind| look.index.cannot_tell_missing(kind, namespace);
    match unknown(Kind::EndpointSlice)
        .filter(|_| endpoints.endpoints == 0)
        .and_then(|why| unknown(Kind::Pod).map(|_| why))
    {
        Some(why) => Backend::Unknown(why),
        None => Backend::Empty(endpoints.endpoints),
    }
}

/// `create or update pods in the whole cluster`: what the webhooks of one Service are asked about, each thing once.
fn refused(webhooks: &[Webhook<'_>]) -> String {
    let mut all: Vec<String> = Vec::new();
    for webhook in webhooks {
        let of = match (webhook.some_namespaces, webhook.some_objects) {
            (false, false) => "in the whole cluster",
            (true, false) => "in the namespaces it selects",
            (false, true) => "where it selects the object",
            (true, true) => "in the namespaces and of the objects it selects",
        };
        let (mut operations, mut resources) = (Vec::new(), Vec::new());
        for rule in webhook.rules {
            operations.extend(rule.operations.iter().map(|o| if o == "*" { "write".into() } else { o.to_lowercase() }));
            resources.extend(rule.rule.iter().flat_map(|rule| {
                let group = rule.api_groups.iter().find(|group| *group != "*").map(|group| -> &str { group });
                rule.resources.iter().map(move |resource| named(resource, group))
            }));
        }
        let operations = listed(operations.iter().map(Text::as_str), "or");
        let what = format!("{operations} {} {of}", listed(resources.iter().map(String::as_str), "and"));
        if !all.contains(&what) {
            all.push(what);
        }
    }
    all.join("; to ")
}

/// A resource of a rule, with its group if that is not one of Kubernetes itself.
fn named(resource: &str, group: Option<&str>) -> String {
    match (resource.trim_end_matches("/*"), group.filter(|group| group.contains('.'))) {
        ("*", Some(group)) => format!("everything of {group}"),
        ("*", None) => "everything".to_owned(),
        (resource, Some(group)) => format!("{resource}.{group}"),
        (resource, None) => resource.to_owned(),
    }
}

/// `pods, deployments and 2 more`: the first few of a list, each once.
fn listed<'a>(all: impl Iterator<Item = &'a str>, before_the_last: &str) -> String {
    let mut each: Vec<&str> = Vec::new();
    for one in all.filter(|one| !one.is_empty()) {
        if !each.contains(&one) {
            each.push(one);
        }
    }
    let more = each.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("{more} more"));
    let mut shown: Vec<&str> = each.into_iter().take(NAMED).chain(more.as_deref()).collect();
    match (shown.pop(), shown.is_empty()) {
        (None, _) => String::new(),
        (Some(one), true) => one.to_owned(),
        (Some(last), false) => format!("{} {before_the_last} {last}", shown.join(", ")),
    }
}
