//! The parts of an alert's text, each a line or less: what is wrong, who is hit, what to do, where the incident is in its life.

use super::{ACKNOWLEDGED, FIRING, HIT_BY_NAME, NAME, RESOLVED, SHOWN, SILENCED, SYMPTOM, Times, sentence};
use crate::{
    alerts::blocks::{cap, escape_line},
    findings::{CLUSTER, ConditionClass, FORBIDDEN, REFUSED, REGISTRY, ServiceHit, UNREADABLE},
    incidents::{
        Hit, Incident, MemberState, Severity, Silenced,
        digest::{FIRST_LOOK, is_digest},
        in_words,
    },
};

/// `chores-backend serves nobody`, `api is degraded: 1 of 2 ready`. Not escaped, for one line.
pub fn headline(incident: &Incident) -> String {
    let name = cap(&incident.owner.name, NAME);
    let impact = &incident.impact;
    let finding = incident.headline();
    let reason = || cap(finding.map_or("something is wrong", |f| f.reason.as_str()), NAME);
    match (finding.map(|f| f.class), impact.ready, impact.desired) {
        (Some(ConditionClass::Many), _, _) => many(incident),
        (Some(ConditionClass::Blind), _, _) => {
            let why = match finding.map_or("", |f| f.reason.as_str()) {
                REFUSED => "its API does not accept my credentials",
                FORBIDDEN => "I may not read anything",
                UNREADABLE => "its API gives no usable answer",
                _ => "its API does not answer",
            };
            format!("I cannot see {name}: {why}")
        }
        (Some(ConditionClass::PartlyBlind), _, _) => format!("I do not see everything in {name}"),
        (Some(ConditionClass::NodeDown), _, _) => format!("node {name} is down"),
        (Some(ConditionClass::RegistryDown), _, _) => format!("images of {name} cannot be pulled"),
        (Some(ConditionClass::JobFailed), _, _) => format!("{} {name} failed", incident.owner.kind),
        (Some(ConditionClass::WebhookDown), _, _) => format!("writes are refused: webhook {name} has no backend"),
        (Some(ConditionClass::ApiServiceDown | ConditionClass::MetricsApiDown), _, _) => {
            format!("API {name} is not served")
        }
        (Some(ConditionClass::CertificateExpired), _, _) => format!("a certificate of {name} has expired"),
        (Some(ConditionClass::CertificateExpires), _, _) => format!("a certificate of {name} expires within a day"),
        (Some(ConditionClass::CertificateNotReady), _, _) => format!("a certificate of {name} is not renewed"),
        (Some(ConditionClass::IngressBroken), _, _) => format!("Ingress {name} leads nowhere"),
        (Some(ConditionClass::ScalingBroken), _, _) => format!("autoscaler {name} cannot scale"),
        (Some(ConditionClass::VolumeFailed), _, _) => format!("volume {name} has failed"),
        (Some(ConditionClass::NodePressure), _, _) => format!("node {name}: {}", reason()),
        (Some(ConditionClass::CronStopped), _, _) => format!("CronJob {name} does not run when it is due"),
        (Some(ConditionClass::StuckTerminating), _, _) => {
            format!("{} {name} is being deleted and does not go", incident.owner.kind)
        }
        (Some(ConditionClass::NoEndpoints), _, _) => format!("Service {name} has no endpoints"),
        (_, Some(ready), Some(desired)) if impact.quorum_lost => {
            format!("{name} has lost its quorum: {ready} of {desired} ready")
        }
        _ if impact.is_unserved() && !impact.services.is_empty() => format!("{name} serves nobody"),
        (_, Some(ready), Some(desired)) if impact.is_unserved() => {
            format!("{name} is down: {ready} of {desired} ready")
        }
        (_, Some(ready), Some(desired)) if ready < desired => {
            format!("{name} is degraded: {ready} of {desired} ready")
        }
        (Some(class), _, _) if impact.only_old_pods_serve => format!("{name}: {}, the old ones serve", new_pods(class)),
        (Some(ConditionClass::RolloutStuck), _, _) => format!("{name}: the rollout is stuck, the old pods serve"),
        (Some(ConditionClass::VolumeFull), _, _) => format!("{name}: a volume is nearly full"),
        (Some(ConditionClass::NearLimit | ConditionClass::VolumeNearLimit), _, _) => {
            format!("{name} is about to reach a limit")
        }
        (Some(ConditionClass::Volume), _, _) if incident.owner.kind == "PersistentVolumeClaim" => {
            format!("volume claim {name} is not bound")
        }
        _ => format!("{name}: {}", reason()),
    }
}

/// `production: 12 problems began within minutes, 3 of them are over`.
fn many(incident: &Incident) -> String {
    let all = incident.members.len();
    let over = incident.members.iter().filter(|member| member.state == MemberState::Resolved).count();
    let began = if incident.owner.kind == FIRST_LOOK {
        "were there before I began to watch it"
    } else {
        "began within minutes"
    };
    let over = match over {
        0 => String::new(),
        1 => ", 1 of them is over".to_owned(),
        some => format!(", {some} of them are over"),
    };
    format!("{}: {all} problems {began}{over}", cap(&incident.owner.name, NAME))
}

/// What is wrong with the pods of a rollout.
fn new_pods(class: ConditionClass) -> &'static str {
    match class {
        ConditionClass::Crash => "new pods crash",
        ConditionClass::OutOfMemory => "new pods run out of memory",
        ConditionClass::ImagePull => "new pods cannot pull their image",
        ConditionClass::CannotCreateContainer | ConditionClass::Volume => "new pods cannot start",
        ConditionClass::Unschedulable => "new pods find no node",
        ConditionClass::Refused => "new pods are refused",
        ConditionClass::KubeletRefused => "new pods are refused by their node",
        ConditionClass::Evicted => "new pods are evicted",
        ConditionClass::NotReady
        | ConditionClass::RolloutStuck
        | ConditionClass::ReplicasMissing
        | ConditionClass::Many
        | ConditionClass::Blind
        | ConditionClass::PartlyBlind
        | ConditionClass::NodeDown
        | ConditionClass::VolumeFull
        | ConditionClass::NearLimit
        | ConditionClass::VolumeNearLimit
        | ConditionClass::WebhookDown
        | ConditionClass::ApiServiceDown
        | ConditionClass::MetricsApiDown
        | ConditionClass::CertificateExpired
        | ConditionClass::CertificateExpires
        | ConditionClass::CertificateNotReady
        | ConditionClass::IngressBroken
        | ConditionClass::VolumeFailed
        | ConditionClass::ScalingBroken
        | ConditionClass::NodePressure
        | ConditionClass::NoEndpoints
        | ConditionClass::CronStopped
        | ConditionClass::StuckTerminating
        | ConditionClass::RegistryDown
        | ConditionClass::JobFailed => "new pods do not become ready",
    }
}

/// What it was about, once nothing of it is wrong any more.
fn well(incident: &Incident) -> String {
    let name = cap(&incident.owner.name, NAME);
    match (incident.headline().map(|f| f.class), incident.impact.ready, incident.impact.desired) {
        (Some(ConditionClass::Blind | ConditionClass::PartlyBlind), _, _) => format!("I see {name} again"),
        (Some(ConditionClass::Many), _, _) => format!("{name}: all of them are over"),
        (Some(ConditionClass::RegistryDown), _, _) => format!("images of {name} are pulled again"),
        (_, Some(ready), Some(desired)) if desired > 0 && ready >= desired => {
            format!("{name}: {ready} of {desired} ready again")
        }
        _ => format!("{name}: nothing is wrong with it any more"),
    }
}

/// The headline with the severity or what became of it; safe.
pub(super) fn title(incident: &Incident, times: &Times<'_>) -> String {
    let severity = incident.severity;
    let of = cluster(incident, times);
    if let Some(end) = incident.resolution.as_ref().filter(|_| !incident.is_open()) {
        let lasted = in_words(end.at.duration_since(incident.since));
        let name = cap(&escape_line(&incident.owner.name), NAME);
        let by = end.by.as_ref().map(|by| format!(" by {}", person(by))).unwrap_or_default();
        return format!("Resolved{by} after {lasted} · {of}{name}: {} (was {})", sentence(&end.reason), incident.peak);
    }
    if let Some(parent) = parent(incident) {
        return format!("Part {parent} · {of}{}", escape_line(&headline(incident)));
    }
    match (incident.healthy_since, &incident.acknowledged) {
        (Some(_), _) => format!("{severity} · recovering · {of}{}", escape_line(&well(incident))),
        (None, _) if incident.silenced.is_some() => {
            format!("{severity} · silenced · {of}{}", escape_line(&headline(incident)))
        }
        (None, Some(_)) => format!("{severity} · acknowledged · {of}{}", escape_line(&headline(incident))),
        (None, None) => format!("{severity} · {of}{}", escape_line(&headline(incident))),
    }
}

/// Where there are several clusters, which one it is; what is wrong with a cluster as a whole names it anyhow.
fn cluster(incident: &Incident, times: &Times<'_>) -> String {
    let names_it = incident.owner.kind == CLUSTER || is_digest(&incident.owner);
    if times.is_one_of_many && !names_it {
        format!("{} · ", cap(&escape_line(times.cluster), NAME))
    } else {
        String::new()
    }
}

pub(super) fn emoji(incident: &Incident) -> &'static str {
    match incident.severity {
        _ if !incident.is_open() => "✅",
        _ if incident.parent.is_some() => "⚪",
        Severity::Sev1 | Severity::Sev2 | Severity::Sev3 | Severity::Sev4 => emoji_of(incident.severity),
    }
}

pub(super) fn emoji_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Sev1 => "🔴",
        Severity::Sev2 => "🟠",
        Severity::Sev3 => "🟡",
        Severity::Sev4 => "⚪",
    }
}

pub(super) fn colour(incident: &Incident) -> &'static str {
    match (incident.is_open(), &incident.acknowledged) {
        (false, _) => RESOLVED,
        (true, _) if incident.parent.is_some() => SYMPTOM,
        (true, _) if incident.silenced.is_some() => SILENCED,
        (true, Some(_)) => ACKNOWLEDGED,
        (true, None) => FIRING,
    }
}

/// What is wrong, and why as far as it is proved.
pub(super) fn cause(incident: &Incident) -> String {
    incident.headline().map_or_else(|| "nothing is known of the cause".to_owned(), |f| sentence(&f.message))
}

/// `0 of 2 replicas ready · Deployment shop/api (P0)`; nothing of the cluster itself, which is in the headline.
pub(super) fn who(incident: &Incident) -> Option<String> {
    if incident.owner.kind == CLUSTER || incident.owner.kind == REGISTRY {
        return None;
    }
    let owner = sentence(&incident.owner.to_string());
    let matters = match (incident.stake.priority, incident.stake.role) {
        (Some(priority), Some(role)) => format!("{priority}, {role}"),
        (Some(priority), None) => priority.to_string(),
        (None, Some(role)) => role.to_string(),
        (None, None) => "unlisted".to_owned(),
    };
    let replicas = incident.impact.ready.zip(incident.impact.desired);
    let replicas = replicas.map(|(ready, desired)| format!("{ready} of {desired} replicas ready · "));
    Some(format!("{}{owner} ({matters})", replicas.unwrap_or_default()))
}

/// The findings beside the one of the headline.
pub(super) fn others(incident: &Incident) -> Option<String> {
    let others = incident.findings.values().skip(1);
    let shown: Vec<String> = others.take(SHOWN).map(|f| cap(&escape_line(&f.reason), NAME)).collect();
    let all = incident.findings.len().saturating_sub(1);
    (!shown.is_empty()).then(|| format!("Also: {}{}", shown.join(", "), more(all, SHOWN)))
}

/// Whose symptom it is: `of INC-2026-11-24-002 (Node n1)`.
pub(super) fn parent(incident: &Incident) -> Option<String> {
    let parent = incident.parent.as_ref()?;
    let cause = incident.symptom_of.as_ref().map(|cause| format!(" ({})", cap(&escape_line(&cause.to_string()), NAME)));
    Some(format!("of {}{}", cap(&escape_line(&parent.0), NAME), cause.unwrap_or_default()))
}

/// Whom it hits besides its owner, the worst first: `Hit: 12 workloads, 9 of them serve nobody: shop/api (P0), shop/web, ...`.
pub(super) fn hit_too(incident: &Incident) -> Option<String> {
    let hits = &incident.hits;
    let named = |hit: &Hit| {
        let name = cap(&escape_line(&format!("{}/{}", hit.owner.namespace, hit.owner.name)), NAME);
        hit.stake.priority.map_or_else(|| name.clone(), |priority| format!("{name} ({priority})"))
    };
    let shown: Vec<String> = hits.named.iter().take(HIT_BY_NAME).map(named).collect();
    let workloads = if hits.all == 1 { "1 workload".to_owned() } else { format!("{} workloads", hits.all) };
    let unserved = match hits.unserved {
        0 => String::new(),
        all if all == hits.all && all == 1 => ", which serves nobody".to_owned(),
        all if all == hits.all => ", none of which serves anybody".to_owned(),
        1 => ", 1 of them serves nobody".to_owned(),
        some => format!(", {some} of them serve nobody"),
    };
    (!hits.is_empty())
        .then(|| format!("Hit: {workloads}{unserved}: {}{}", shown.join(", "), more(hits.all, HIT_BY_NAME)))
}

/// Services that have no endpoint left, its own and those of whom it hits.
pub(super) fn hit(incident: &Incident) -> Option<String> {
    let of_hits = incident.hits.named.iter().flat_map(|hit| &hit.impact.services);
    let empty: Vec<&ServiceHit> =
        incident.impact.services.iter().chain(of_hits).filter(|s| s.ready_endpoints == 0).collect();
    let named = |s: &&ServiceHit| cap(&escape_line(&format!("{}/{}", s.namespace, s.name)), NAME);
    let shown: Vec<String> = empty.iter().take(SHOWN).map(named).collect();
    match empty.len() {
        0 => None,
        1 => Some(format!("Hit: Service {} has no ready endpoint", shown.join(""))),
        all => Some(format!("Hit: Services {}{} have no ready endpoint", shown.join(", "), more(all, SHOWN))),
    }
}

/// How often it was wrong before, and what these times have in common.
pub(super) fn before(incident: &Incident, times: &Times<'_>) -> Option<String> {
    let before = incident.before.as_ref()?;
    let often = match before.times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    };
    let patterns: Vec<String> =
        before.patterns.iter().map(|pattern| format!("; {}", pattern.in_words(&times.now.zone_name()))).collect();
    Some(format!("Before: {often} within 30 days, last {}{}", times.say(before.last), patterns.concat()))
}

pub(super) fn todo(incident: &Incident) -> Option<String> {
    let todo = incident.headline().map(|f| sentence(&f.recommendation)).filter(|todo| !todo.is_empty());
    todo.map(|todo| format!("Do: {todo}"))
}

/// Where the incident is in its life, where that is not "firing".
pub(super) fn state(incident: &Incident, times: &Times<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(parent) = parent(incident).filter(|_| incident.is_open()) {
        lines.push(format!("Part {parent}: everything is told there"));
    }
    lines.extend(acknowledged(incident, times));
    lines.extend(silenced(incident, times));
    if let Some(why) = incident.frozen.as_ref().filter(|_| incident.is_open()) {
        lines.push(format!("I cannot judge it at the moment, so it stays as it was: {}", sentence(why)));
    }
    if let Some(since) = incident.healthy_since.filter(|_| incident.is_open()) {
        lines.push(format!("Well since {}; resolved if it stays so", times.say(since)));
    }
    if incident.reopened > 0 {
        let time = ordinal(incident.reopened.saturating_add(1));
        let hold = in_words(incident.hold());
        lines.push(format!("Flapping, {time} time within a day: it counts as resolved once it was well for {hold}"));
    }
    lines
}

pub(super) fn acknowledged(incident: &Incident, times: &Times<'_>) -> Option<String> {
    let ack = incident.acknowledged.as_ref()?;
    let note = if ack.note.trim().is_empty() { String::new() } else { format!(": {}", sentence(&ack.note)) };
    Some(format!("Acknowledged by {} at {}{note}", person(&ack.by), times.say(ack.at)))
}

/// Until when nobody hears of it, who wants it so, and why.
pub(super) fn silenced(incident: &Incident, times: &Times<'_>) -> Option<String> {
    let silence = incident.silenced.as_ref().filter(|_| incident.is_open())?;
    let of = match &silence.of {
        Silenced::Incident(_) => String::new(),
        of @ (Silenced::Service(_) | Silenced::Workload { .. } | Silenced::Namespace(_) | Silenced::Check(_)) => {
            format!(", with all of {}", cap(&escape_line(&of.to_string()), NAME))
        }
    };
    let why = if silence.reason.is_empty() { String::new() } else { format!(": {}", sentence(&silence.reason)) };
    Some(format!("Silenced by {} until {}{of}{why}", person(&silence.by), times.say(silence.until)))
}

/// That nobody takes care of it any more although somebody did, because it is worse than what was known then.
pub(super) fn no_longer(before: Option<&Incident>, incident: &Incident, times: &Times<'_>) -> Option<String> {
    let before = before.filter(|_| incident.acknowledged.is_none())?.acknowledged.as_ref()?;
    let (by, at) = (person(&before.by), times.say(before.at));
    Some(format!("{by} acknowledged it at {at}, before this: it is not acknowledged any more"))
}

/// What a thread says in between: the cause, and how many are ready.
pub(super) fn now(incident: &Incident) -> String {
    let replicas = incident.impact.ready.zip(incident.impact.desired);
    let replicas = replicas.map(|(ready, desired)| format!(" · {ready} of {desired} ready")).unwrap_or_default();
    let hits = match incident.hits.all {
        0 => String::new(),
        1 => " · 1 workload is hit".to_owned(),
        all => format!(" · {all} workloads are hit"),
    };
    format!("{} · {}{replicas}{hits}", incident.severity, cause(incident))
}

/// Who acknowledged it is asked whether that still holds.
pub(super) fn reminder(incident: &Incident, times: &Times<'_>) -> String {
    let id = cap(&escape_line(&incident.id.0), NAME);
    let Some(ack) = &incident.acknowledged else { return format!("{id} is not acknowledged") };
    let ago = in_words(times.now.at.duration_since(ack.at));
    format!(
        "{} you acknowledged {id} {ago} ago, and it is still wrong: {}\nIf nobody works on it any more: `/k8s unack {id}`",
        person(&ack.by),
        cause(incident)
    )
}

/// Why it is this bad, and its times; each time once.
pub(super) fn small_print(incident: &Incident, times: &Times<'_>) -> String {
    let mut parts = Vec::new();
    if incident.is_open() {
        parts.push(format!("{} because {}", incident.severity, sentence(&incident.why)));
    }
    let mut last = times.say(incident.since);
    parts.push(format!("since {last}"));
    let over = incident.resolution.as_ref().filter(|_| !incident.is_open()).map(|end| ("resolved", end.at));
    for (what, at) in [("seen", incident.opened_at), over.unwrap_or(("updated", incident.updated_at))] {
        let at = times.say(at);
        if at != last {
            parts.push(format!("{what} {at}"));
            last = at;
        }
    }
    parts.join(" · ")
}

/// `2nd`, `3rd`, `11th`.
fn ordinal(n: u32) -> String {
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// A mention for the id of a Slack user, else the name as text.
pub(super) fn person(by: &str) -> String {
    let is_id =
        by.len() >= 2 && by.starts_with(['U', 'W']) && by.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_id { format!("<@{by}>") } else { cap(&escape_line(by), NAME) }
}

fn more(all: usize, shown: usize) -> String {
    all.checked_sub(shown).filter(|n| *n > 0).map(|n| format!(" and {n} more")).unwrap_or_default()
}
