//! `api-service-unavailable`: an API that another server serves for the API server is away.

use super::references::trouble;
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{ApiService, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "api-service-unavailable";
/// A pod of the backend that is replaced is away for less than this.
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long an API may be unavailable.", 60, (0, 86_400));

/// An aggregated API is away.
#[derive(Debug)]
pub(crate) struct ApiServiceUnavailable;

impl Check for ApiServiceUnavailable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "The condition Available of an APIService is False.",
            why: "Requests for that API fail, and namespaces cannot be deleted; without the metrics API autoscalers and kubectl top see nothing.",
            fix: "Bring back the Service and the pods behind it, or delete the APIService if what served it was removed.",
            grace: "60 s.",
            silent: "APIs that the API server serves itself.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::ApiService]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "APIService"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::ApiService(api)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        if api.service().is_none() {
            return Verdict::Healthy;
        }
        let Some(available) = api.condition("Available") else {
            return Verdict::Unknown("the APIService has no condition Available".into());
        };
        match available.status.as_str() {
            "True" => Verdict::Healthy,
            "False" => conclude(NAME, owner, look, &Pods::default(), vec![of(owner, api, look)]),
            _ => Verdict::Unknown("whether the API is available is not known to the API server".into()),
        }
    }
}

/// Whether the API server says that this API is away.
pub(crate) fn is_away(api: &ApiService) -> bool {
    api.service().is_some() && api.condition("Available").is_some_and(|c| c.status == "False")
}

fn of(owner: &ObjectRef, api: &ApiService, look: &Look<'_>) -> Trouble {
    let condition = api.condition("Available");
    let (reason, said) = condition.map_or(("", ""), |c| (c.reason.as_str(), c.message.as_str()));
    let since = condition.and_then(|c| c.last_transition_time).map_or(look.now, Time::at);
    let (class, level, means) = if api.measures() {
        (
            ConditionClass::MetricsApiDown,
            Level::Warning,
            "autoscalers and kubectl top see nothing, and no namespace can be deleted",
        )
    } else {
        (ConditionClass::ApiServiceDown, Level::High, "requests for it fail, and no namespace can be deleted")
    };
    let said = if said.is_empty() { "cause unknown" } else { said };
    let message = format!("the API is not served, so {means}: {}", said.trim_end_matches('.'));
    let reason = if reason.is_empty() { "Unavailable" } else { reason };
    let mut it = trouble(owner, (class, level), reason, message, (since, look.settings.time(&GRACE)));
    it.evidence.push(evidence::piece(
        format!("{owner} condition Available"),
        &evidence::with_message(&format!("False {reason}"), said),
        Some(since),
    ));
    if let Some(service) = api.service() {
        it.recommendation = format!(
            "Bring back what serves it: kubectl -n {} get service,endpointslices,pods; see kubectl get apiservice {}",
            service.namespace, owner.name
        );
    }
    if api.measures() {
        it.with = look
            .index
            .all(Kind::HorizontalPodAutoscaler)
            .filter(|fact| matches!(fact, Fact::HorizontalPodAutoscaler(h) if super::autoscaler::lacks_metrics(h)))
            .map(|fact| ObjectRef::from(fact.key()))
            .collect();
    }
    it
}
