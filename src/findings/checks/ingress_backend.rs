//! `ingress-backend`: an Ingress sends traffic to what is not there, or is served by nobody.

use super::references::{trouble, unchanged_since};
use crate::{
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef,
        facts::{Ingress, IngressPort, IngressRoute},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "ingress-backend";
/// Who installs something applies its parts one after the other.
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How long an Ingress may name what is not there.", 120, (0, 86_400));
/// A port of this name is an instruction to the AWS controller; the Service named beside it is none.
const NO_SERVICE: &str = "use-annotation";
/// The older way to name a class; who uses it needs no IngressClass.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// Classes of GKE, whose controller knows them without an IngressClass.
const WITHOUT_OBJECT: &str = "gce";
/// How many of the classes there are is named.
const NAMED: usize = 3;

/// An Ingress leads nowhere.
#[derive(Debug)]
pub(crate) struct IngressBackend;

impl Check for IngressBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "An Ingress names a Service that does not exist or does not have that port, or a class that does not exist.",
            why: "Who comes in by it gets an error, or no controller serves it at all.",
            fix: "Correct the name or the port in the Ingress, or create the Service or the IngressClass.",
            grace: "2 min from its creation or the last change of what it names.",
            silent: "Its Service is there but has no endpoints (that is told of the workload); no class is named; classes of GKE; instructions to the AWS controller.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Ingress, Kind::Service]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "Ingress"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::Ingress(ingress)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        let mut nobody_knows = None;
        let mut found = Vec::new();
        for said in std::iter::once(class(owner, ingress, look))
            .chain(ingress.routes().map(|route| backend(owner, route, look)))
        {
            match said {
                Said::Fine => {}
                Said::Unknown(why) => nobody_knows = Some(why),
                Said::Wrong(wrong) => found.push(wrong),
            }
        }
        let Some(first) = found.first() else {
            return nobody_knows.map_or(Verdict::Healthy, Verdict::Unknown);
        };
        let since = unchanged_since(owner, ingress.meta(), look);
        let more = found.len().checked_sub(1).filter(|more| *more > 0);
        let more = more.map_or_else(String::new, |more| format!("; and {more} more of its routes lead nowhere"));
        let message = format!("{}{more}", first.message);
        let mut it: Trouble = trouble(
            owner,
            (ConditionClass::IngressBroken, Level::High),
            first.reason,
            message,
            (since, look.settings.time(&GRACE)),
        );
        it.evidence = found.iter().map(|wrong| evidence::piece(wrong.source.as_str(), &wrong.proof, None)).collect();
        it.recommendation = format!(
            "Correct the Ingress or create what it names: kubectl -n {} describe ingress {}",
            owner.namespace, owner.name
        );
        conclude(NAME, owner, look, &Pods::default(), vec![it])
    }
}

/// What is to be said of one thing an Ingress names.
enum Said {
    Fine,
    Unknown(String),
    Wrong(Wrong),
}

struct Wrong {
    reason: &'static str,
    message: String,
    /// Where it is read from, and what is read there.
    source: String,
    proof: String,
}

/// The class: wrong if there is none of that name.
fn class(owner: &ObjectRef, ingress: &Ingress, look: &Look<'_>) -> Said {
    let name = ingress.class();
    let is_older = ingress.meta().annotations.contains_key(CLASS_ANNOTATION);
    if name.is_empty() || is_older || name.starts_with(WITHOUT_OBJECT) {
        return Said::Fine;
    }
    let key = ObjectKey { kind: Kind::IngressClass, namespace: String::new().into(), name: name.into() };
    if look.index.get(&key).is_some() {
        return Said::Fine;
    }
    let Some(why) = look.index.cannot_tell_missing(Kind::IngressClass, "") else {
        let there: Vec<&str> =
            look.index.all(Kind::IngressClass).map(|class| class.meta().name.as_str()).take(NAMED).collect();
        let there = if there.is_empty() { "no class at all".to_owned() } else { there.join(", ") };
        return Said::Wrong(Wrong {
            reason: "ClassMissing",
            message: format!("class `{name}` does not exist, so no controller serves it (there is {there})"),
            source: format!("IngressClass {name}"),
            proof: "not found".to_owned(),
        });
    };
    if look.index.sight().blind(Kind::IngressClass, "").is_some() || is_served(ingress, look) {
        return Said::Unknown(why);
    }
    Said::Wrong(Wrong {
        reason: "NotServed",
        message: format!("no controller has taken it: it has no address, nor has any other of class `{name}`; {why}"),
        source: format!("{owner} status"),
        proof: "no address".to_owned(),
    })
}

/// Whether a controller is seen to serve the class, by the addresses it gives; also if that cannot be told.
fn is_served(ingress: &Ingress, look: &Look<'_>) -> bool {
    let never_lived = ingress.status.is_none() || ingress.meta().created().is_none();
    let all =
        look.index.all(Kind::Ingress).filter_map(|f| if let Fact::Ingress(other) = f { Some(other) } else { None });
    let mut same = all.filter(|other| other.class() == ingress.class());
    never_lived || same.any(|other| other.has_address())
}

/// A Service: wrong if it does not exist or has not that port.
fn backend(owner: &ObjectRef, route: IngressRoute<'_>, look: &Look<'_>) -> Said {
    let name = route.service.name.as_str();
    let port = route.service.port.as_ref();
    if port.is_some_and(|port| port.name == NO_SERVICE) {
        return Said::Fine;
    }
    let asked = match (route.host, route.path) {
        ("", "" | "/") => "everything".to_owned(),
        ("", path) => path.to_owned(),
        (host, "" | "/") => host.to_owned(),
        (host, path) => format!("{host}{path}"),
    };
    let source = format!("Service {}/{name}", owner.namespace);
    let Some(service) = look.index.service(&owner.namespace, name) else {
        return match look.index.cannot_tell_missing(Kind::Service, &owner.namespace) {
            Some(why) => Said::Unknown(why),
            None => Said::Wrong(Wrong {
                reason: "ServiceMissing",
                message: format!(
                    "Service `{name}`, to which it sends {asked}, does not exist in namespace {}",
                    owner.namespace
                ),
                source,
                proof: "not found".to_owned(),
            }),
        };
    };
    let Some(spec) = service.spec.as_ref().filter(|spec| spec.kind != "ExternalName") else { return Said::Fine };
    let Some(asks) = port.and_then(wanted) else { return Said::Fine };
    let has = |port: &crate::cluster::facts::ServicePort| match asks {
        Port::Named(name) => port.name == name,
        Port::Numbered(number) => port.port == number,
    };
    if spec.ports.iter().any(has) {
        return Said::Fine;
    }
    let there: Vec<String> = spec.ports.iter().map(|p| p.port.to_string()).collect();
    let asks = match asks {
        Port::Named(name) => format!("`{name}`"),
        Port::Numbered(number) => number.to_string(),
    };
    Said::Wrong(Wrong {
        reason: "PortMissing",
        message: format!("Service `{name}`, to which it sends {asked}, has no port {asks}"),
        source,
        proof: format!("ports: {}", if there.is_empty() { "none".to_owned() } else { there.join(", ") }),
    })
}

#[derive(Clone, Copy)]
enum Port<'a> {
    Named(&'a str),
    Numbered(i32),
}

/// The port an Ingress asks for, if it says one.
fn wanted(port: &IngressPort) -> Option<Port<'_>> {
    match (port.name.as_str(), port.number) {
        ("", 0) => None,
        ("", number) => Some(Port::Numbered(number)),
        (name, _) => Some(Port::Named(name)),
    }
}
