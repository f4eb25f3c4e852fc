//! `certificate`: a certificate has expired, or is not issued or renewed; of cert-manager, and of K3s itself.

use jiff::{SignedDuration, Timestamp};

use super::references::trouble;
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Certificate as Issued, Condition, Event, Node, Time, Uid},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "certificate";
/// To prove the ownership of a name takes its time.
const GRACE: Parameter = Parameter::time(
    (NAME, "grace"),
    "How long a certificate may be not issued, or its renewal may fail.",
    900,
    (0, 86_400),
);
const OVERDUE: Parameter = Parameter::time(
    (NAME, "overdue"),
    "How long after its time of renewal a certificate may be not renewed although nothing failed.",
    3600,
    (0, 604_800),
);
const SOON: Parameter = Parameter::time(
    (NAME, "soon"),
    "With so much left of a certificate that is not renewed it is SEV-2.",
    604_800,
    (3600, 7_776_000),
);
const AT_ONCE: Parameter = Parameter::time(
    (NAME, "at_once"),
    "With so much left of a certificate that is not renewed it is treated as expired.",
    86_400,
    (0, 2_592_000),
);
/// K3s looks at its certificates every 30 min and says each time what is near its end; an event is kept for an hour.
const SAID_FOR: SignedDuration = SignedDuration::from_mins(65);
/// What K3s says of its certificates, of its certificate authorities, and when all is well.
const NEAR_ITS_END: &str = "CertificateExpirationWarning";
const AUTHORITY_NEAR_ITS_END: &str = "CACertificateExpirationWarning";
const FINE: &str = "CertificateExpirationOK";

/// A certificate is at its end.
#[derive(Debug)]
pub(crate) struct Certificate;

impl Check for Certificate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A Certificate of cert-manager has expired, is not issued, or is not renewed at its time; K3s warns that its own certificates near their end.",
            why: "Once it has expired nobody trusts what it is for: a site, a webhook, or a node.",
            fix: "See why the issuer refuses; K3s renews its certificates when it is restarted.",
            grace: "15 min for one that is not issued or whose renewal fails, 1 h for one that was not renewed at its time; none for one that has expired, or for the warning of K3s.",
            silent: "Certificates that are renewed in time. Secrets are never read, so certificates that nobody manages are not seen.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[]
    }

    fn judges(&self, kind: &str) -> bool {
        matches!(kind, "Certificate" | "Node")
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, OVERDUE, SOON, AT_ONCE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let found = match fact(owner, look) {
            Some(Fact::Certificate(certificate)) => of_cert_manager(owner, certificate, look),
            Some(Fact::Node(node)) if is_of_k3s(node) => {
                if let Some(why) = look.index.sight().blind(Kind::Event, "default") {
                    return Verdict::Unknown(format!("cannot read events: {why}"));
                }
                of_k3s(owner, node, look)
            }
            Some(_) => None,
            None => return Verdict::NotWanted("deleted".into()),
        };
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }

    /// It gets worse by time alone: a week before its end, a day before, and then; and its time of renewal comes.
    fn looks_again(&self, owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
        let Some(Fact::Certificate(certificate)) = fact(owner, look) else { return None };
        let end = certificate.not_after()?;
        let steps = [look.settings.time(&SOON), look.settings.time(&AT_ONCE), SignedDuration::ZERO]
            .map(|left| end.checked_sub(left).ok());
        steps.into_iter().flatten().chain(certificate.renewal()).filter(|at| *at > look.now).min()
    }
}

/// Class and level by what is left of a certificate that is not renewed.
fn by_what_is_left(not_after: Timestamp, look: &Look<'_>) -> (ConditionClass, Level) {
    let left = not_after.duration_since(look.now);
    if left <= SignedDuration::ZERO {
        (ConditionClass::CertificateExpired, Level::Critical)
    } else if left <= look.settings.time(&AT_ONCE) {
        (ConditionClass::CertificateExpires, Level::Critical)
    } else if left <= look.settings.time(&SOON) {
        (ConditionClass::CertificateNotReady, Level::High)
    } else {
        (ConditionClass::CertificateNotReady, Level::Warning)
    }
}

fn of_cert_manager(owner: &ObjectRef, certificate: &Issued, look: &Look<'_>) -> Option<Trouble> {
    let ready = certificate.condition("Ready");
    let unready = ready.filter(|c| c.status == "False");
    let issuing = certificate.condition("Issuing").filter(|c| c.status == "False" && !c.message.is_empty());
    let failed = certificate.status.as_ref().and_then(|status| status.last_failure_time).map(Time::at);
    let not_after = certificate.not_after();
    let says = |condition: &Condition| condition.message.trim_end_matches('.').to_owned();
    let why =
        issuing.or(unready).map(says).filter(|said| !said.is_empty()).unwrap_or_else(|| "cause unknown".to_owned());
    let of = match certificate.spec.as_ref().and_then(|spec| spec.dns_names.first()) {
        Some(name) => format!("the certificate of {name}"),
        None => "the certificate".to_owned(),
    };
    let turned = unready.and_then(|c| c.last_transition_time).map(Time::at);
    let grace = look.settings.time(&GRACE);
    // Where the issuer is gone nothing fails: the request waits for ever.
    let overdue = certificate.renewal().filter(|at| *at <= look.now);
    let (message, reason, since, grace, (class, level)) = match (not_after, overdue) {
        (Some(end), _) if end <= look.now => {
            let message = format!("{of} expired on {} and was not renewed: {why}", date(end));
            (message, "Expired", end, SignedDuration::ZERO, by_what_is_left(end, look))
        }
        (Some(end), _) if unready.is_some() || failed.is_some() => {
            let message = format!("{of} is valid until {} only, and its renewal is failing: {why}", date(end));
            (message, "RenewalFailing", turned.or(failed)?, grace, by_what_is_left(end, look))
        }
        (None, _) if unready.is_some() => {
            let message = format!("{of} is not issued: {why}");
            let since = turned.or(certificate.meta().created()).unwrap_or(look.now);
            (message, "NotIssued", since, grace, (ConditionClass::CertificateNotReady, Level::High))
        }
        (Some(end), Some(due)) => {
            let message = format!(
                "{of} is valid until {} only, and was not renewed at its time, {}: {why}",
                date(end),
                date(due)
            );
            (message, "NotRenewed", due, look.settings.time(&OVERDUE), by_what_is_left(end, look))
        }
        (Some(_), None) | (None, _) => return None,
    };
    let mut it = trouble(owner, (class, level), reason, message, (since, grace));
    for condition in [ready, issuing].into_iter().flatten() {
        it.evidence.push(evidence::piece(
            format!("{owner} condition {}", condition.kind),
            &evidence::with_message(&format!("{} {}", condition.status, condition.reason), &condition.message),
            condition.last_transition_time.map(Time::at),
        ));
    }
    it.evidence.extend(evidence::warnings(look, &certificate.meta().uid, 2));
    it.recommendation = format!(
        "See what the issuer answers: kubectl -n {} describe certificate,certificaterequest,order,challenge",
        owner.namespace
    );
    Some(it)
}

fn is_of_k3s(node: &Node) -> bool {
    let version = node
        .status
        .as_ref()
        .and_then(|status| status.node_info.as_ref())
        .map_or("", |info| info.kubelet_version.as_str());
    version.contains("+k3s") || version.contains("+rke2")
}

fn of_k3s(owner: &ObjectRef, node: &Node, look: &Look<'_>) -> Option<Trouble> {
    let from = look.now.checked_sub(SAID_FOR).unwrap_or(Timestamp::MIN);
    // K3s writes the node's name where others write its uid.
    let (uid, name) = (node.meta().uid, Uid::from(node.meta().name.as_str()));
    let by_name = look.index.events_of(&name).filter(|_| uid != name);
    let events: Vec<&Event> = look.index.events_of(&uid).chain(by_name).collect();
    let said = |reason: &str| {
        let newest = events.iter().copied().filter(|e| e.reason == reason).max_by_key(|event| event.last_seen());
        newest.filter(|event| event.last_seen().is_some_and(|at| at >= from))
    };
    let fine_since = said(FINE).and_then(Event::last_seen);
    let is_current = |event: &&Event| event.last_seen() > fine_since;
    let (own, authority) = (said(NEAR_ITS_END).filter(is_current), said(AUTHORITY_NEAR_ITS_END).filter(is_current));
    let event = own.or(authority)?;
    let listed = event.message.split_once(": ").map_or(event.message.as_str(), |(_, list)| list);
    let (what, class, level, todo) = if own.is_some() {
        let end = ends_named(listed).min();
        let (class, level) =
            end.map_or((ConditionClass::CertificateNotReady, Level::High), |end| by_what_is_left(end, look));
        let todo = "K3s renews them when it is restarted on this node: systemctl restart k3s (or k3s-agent)".to_owned();
        ("certificates", class, level.min(Level::High), todo)
    } else {
        let todo = "Plan to rotate them: k3s certificate rotate-ca; agents must be given the new ones".to_owned();
        ("certificate authorities", ConditionClass::CertificateNotReady, Level::Warning, todo)
    };
    let since = evidence::first_seen(event).unwrap_or(look.now);
    let message = format!("{what} of this node have expired or are near their end: {listed}");
    let mut it = trouble(owner, (class, level), &event.reason, message, (since, SignedDuration::ZERO));
    it.evidence.extend([own, authority].into_iter().flatten().map(evidence::of_event));
    it.recommendation = todo;
    Some(it)
}

/// The instants a text names.
fn ends_named(text: &str) -> impl Iterator<Item = Timestamp> {
    text.split_whitespace().filter_map(|word| word.trim_end_matches([',', ';', '.']).parse().ok())
}

/// `2026-11-24 14:00 UTC`.
fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
