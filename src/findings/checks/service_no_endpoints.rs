//! `service-no-endpoints`: a Service selects nothing, or had endpoints and has none although its pods are ready.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Pod, Service, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        from_cluster::not_wanted,
        pods::Pods,
        trouble::{Trouble, conclude, fact, lost_endpoints},
    },
};

const NAME: &str = "service-no-endpoints";
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long a Service that served may have no endpoint.", 60, (0, 3600));
const NEW: Parameter = Parameter::time(
    (NAME, "new"),
    "How long a Service that never served may wait for its first pod.",
    600,
    (0, 86_400),
);

/// A Service has no endpoints.
#[derive(Debug)]
pub(crate) struct ServiceNoEndpoints;

impl Check for ServiceNoEndpoints {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A Service selects no pod at all, or it had endpoints and has none although its pods are ready.",
            why: "Whoever calls it gets no answer, and no pod looks wrong.",
            fix: "Compare its selector with the labels of the pods; the message names the nearest.",
            grace: "60 s if it served before, else 10 min from its creation.",
            silent: "No selector, ExternalName; pods that are wanted but not there, or not ready (they are told as their workload's trouble); workloads scaled to zero, paused or suspended; made by an operator and never used; headless ones of kube-system.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Service, Kind::Pod, Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "Service"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, NEW]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::Service(service)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        let spec = service.spec.as_ref();
        if spec.is_none_or(|s| s.selector.is_empty() || s.kind == "ExternalName") {
            return Verdict::NotWanted("it selects nothing by itself".into());
        }
        let pods: Vec<&Pod> = look.index.selected_by(service).collect();
        let found = if look.index.endpoints_of_ref(owner).is_some_and(|s| s.ready_endpoints > 0) {
            None
        } else if pods.is_empty() {
            match selects_nothing(owner, service, look) {
                Ok(found) => found,
                Err(why) => return Verdict::NotWanted(why.into()),
            }
        } else if let Some(newest) = ready_since(&pods, look) {
            lost_them(owner, service, newest, look)
        } else {
            return Verdict::NotWanted("its pods are not ready: that is told of their workload".into());
        };
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }
}

/// A Service whose selector matches no pod, unless that is as it is meant.
fn selects_nothing(owner: &ObjectRef, service: &Service, look: &Look<'_>) -> Result<Option<Trouble>, String> {
    let served = lost_endpoints(owner, look);
    let spec = service.spec.as_ref();
    let mut makers = look.index.would_be_selected_by(service).peekable();
    if makers.peek().is_some() {
        let wanted =
            makers.find(|maker| not_wanted(maker).is_none() && !matches!(maker, Fact::Job(_) | Fact::CronJob(_)));
        return Err(match wanted {
            Some(maker) => {
                let key = maker.key();
                format!("its pods are not there: that is told of {}", look.index.owner_of(&key))
            }
            None => "nobody wants the workloads it selects to run".to_owned(),
        });
    }
    if look.index.count(Kind::Pod) == 0 {
        return Err("no pod is known at all".to_owned());
    }
    let is_of_operator = service.meta().controller().is_some();
    let is_headless = spec.is_some_and(|s| s.cluster_ip == "None");
    if served.is_none() && (is_of_operator || (is_headless && owner.namespace == "kube-system")) {
        return Err("made beforehand, for pods that may come".to_owned());
    }
    let created = service.meta().created().unwrap_or(look.now);
    let (since, grace) = match served {
        Some(at) => (at.max(created), look.settings.time(&GRACE)),
        None => (created, look.settings.time(&NEW)),
    };
    let selector = spec.map_or_else(String::new, |s| in_words(s.selector.iter()));
    let near = nearest(service, look).map_or_else(String::new, |near| format!("; {near}"));
    let mut it = base(owner, "SelectsNothing", since, grace);
    it.message = format!("selector {selector} matches no pod{near}");
    it.level = if served.is_some() { Level::High } else { Level::Warning };
    it.evidence.push(evidence::piece(owner.to_string(), &format!("selector {selector}"), None));
    Ok(Some(it))
}

/// Since when the newest of the pods that are ready is so; None if none is.
fn ready_since(pods: &[&Pod], look: &Look<'_>) -> Option<Timestamp> {
    let ready = pods.iter().filter(|pod| pod.is_ready() && pod.meta().deleted().is_none());
    ready.map(|pod| pod.condition("Ready").and_then(|c| c.last_transition_time).map_or(look.now, Time::at)).max()
}

/// A Service that served, of which pods are ready, and that has no ready endpoint.
fn lost_them(owner: &ObjectRef, service: &Service, newest: Timestamp, look: &Look<'_>) -> Option<Trouble> {
    let lost = lost_endpoints(owner, look)?;
    // From slices that are not read nothing follows.
    if look.index.sight().blind(Kind::EndpointSlice, owner.namespace.as_str()).is_some() {
        return None;
    }
    let mut it = base(owner, "NoEndpoints", lost.max(newest), look.settings.time(&GRACE));
    "pods it selects are ready, and it has no ready endpoint, cause unknown".clone_into(&mut it.message);
    it.level = Level::High;
    it.evidence.extend(evidence::warnings(look, &service.meta().uid, 2));
    Some(it)
}

/// `app=api,tier=web`.
fn in_words<'a, K: AsRef<str> + 'a, V: AsRef<str> + 'a>(labels: impl Iterator<Item = (&'a K, &'a V)>) -> String {
    let pairs: Vec<String> = labels.map(|(key, value)| format!("{}={}", key.as_ref(), value.as_ref())).collect();
    pairs.join(",")
}

/// What there is in place of what is selected: pods that differ in one label only, by a slip of the pen if it is the only one.
fn nearest(service: &Service, look: &Look<'_>) -> Option<String> {
    let selector: Vec<(&str, &str)> =
        service.spec.iter().flat_map(|s| s.selector.iter()).map(|(k, v)| (k.as_ref(), v.as_ref())).collect();
    let mut best: Option<(usize, String)> = None;
    for fact in look.index.all_in(Kind::Pod, service.meta().namespace.as_str()) {
        let labels = &fact.meta().labels;
        let mut other = selector.iter().filter(|(k, v)| labels.get(k).is_none_or(|has| **has != **v));
        let (Some((key, wanted)), None) = (other.next(), other.next()) else { continue };
        let Some(has) = labels.get(key) else {
            if selector.len() > 1 {
                let rest = selector.iter().filter(|(k, _)| k != key).map(|(k, v)| format!("{k}={v}"));
                let said = format!("pods with {} exist, without the label {key}", rest.collect::<Vec<_>>().join(","));
                best = best.or(Some((usize::MAX, said)));
            }
            continue;
        };
        let distance = strsim::damerau_levenshtein(wanted, has);
        let is_slip = distance <= wanted.len().max(has.len()).div_ceil(3);
        if (selector.len() > 1 || is_slip) && best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, format!("pods with {key}={has} exist")));
        }
    }
    best.map(|(_, said)| said)
}

fn base(owner: &ObjectRef, reason: &str, since: Timestamp, grace: SignedDuration) -> Trouble {
    Trouble {
        object: owner.clone(),
        with: Vec::new(),
        class: ConditionClass::NoEndpoints,
        reason: reason.to_owned(),
        message: String::new(),
        since,
        grace,
        level: Level::Warning,
        log: None,
        evidence: Vec::new(),
        recommendation: format!(
            "Compare its selector with the labels of the pods: kubectl -n {0} describe service {1}; kubectl -n {0} get pods --show-labels",
            owner.namespace, owner.name
        ),
    }
}
