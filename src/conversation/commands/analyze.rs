//! `/k8s analyze <namespace>`: every check on a namespace now; the texts from its start to its result.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Answer, Command, usage};
use crate::{
    alerts::Message,
    clock::Now,
    cluster::{Kind, ObjectRef},
    conversation::{
        reply,
        standing::{Blind, Standing},
    },
    findings::Finding,
    incidents::Incident,
};

/// Findings shown in full.
const SHOWN: usize = 10;

/// The command.
pub const COMMAND: Command = Command {
    word: "analyze",
    aliases: &["analyse", "check", "analysis"],
    usage: "/k8s analyze <namespace>",
    help: "looks at a namespace now and posts what is wrong in it, with the evidence",
    examples: &["/k8s analyze shop"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let mut words = rest.split_whitespace().filter(|w| !matches!(*w, "-n" | "--namespace" | "namespace" | "ns"));
    let Some(namespace) = words.next() else {
        return usage(&COMMAND, "Which namespace?");
    };
    if words.next().is_some() {
        return usage(&COMMAND, "One namespace at a time, please.");
    }
    let namespace = namespace.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_lowercase();
    match standing.namespaces() {
        // Where namespaces cannot be seen, the analysis itself says what it could not see.
        Some(known) if !known.contains(&namespace.as_str()) => {
            Answer::Say(reply::unknown_namespace(&namespace, &known))
        }
        Some(_) | None => Answer::Analyze { namespace },
    }
}

/// What an analysis found.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Analysis<'a> {
    pub namespace: &'a str,
    /// What is wrong in it, and with the nodes on which its pods run.
    pub findings: &'a [Finding],
    /// What looks wrong but is within its waiting time, and when that is over.
    pub pending: &'a [(Finding, Timestamp)],
    /// Of what nothing can be said, and why.
    pub unknown: &'a BTreeMap<String, BTreeSet<ObjectRef>>,
    /// What is left alone on purpose, by why.
    pub ignored: &'a BTreeMap<String, BTreeSet<ObjectRef>>,
    /// Open incidents of the namespace, and of those nodes.
    pub incidents: &'a [Incident],
    /// What could not be seen, of the whole cluster.
    pub blind: &'a [Blind],
    /// How many objects of the namespace were looked at.
    pub looked_at: &'a BTreeMap<Kind, usize>,
    pub took: SignedDuration,
    pub now: Now<'a>,
}

/// At once: it has begun. Slack shows each answer to a command as a message of its own. What could not be read up to now is said, since the answer may then take its time.
pub fn started(namespace: &str, blind: &[Blind], now: Now<'_>) -> Message {
    let lost: Vec<_> = blind.iter().filter(|b| b.required && b.hides(namespace)).collect();
    let mut lines = vec![format!("Looking at {} now; the result follows.", reply::code(namespace))];
    if let Some(first) = lost.first() {
        let mut what: Vec<_> = lost.iter().take(3).map(|b| b.kind.plural().to_owned()).collect();
        what.extend(lost.len().checked_sub(3).filter(|more| *more > 0).map(|more| format!("{more} more kinds")));
        lines.push(format!(
            "Up to now I cannot read {} (since {}): {}. I try again.",
            what.join(", "),
            now.tell(first.since),
            reply::quote(&first.why, 200)
        ));
    }
    reply::say(&lines)
}

/// When it takes long: what is still being read.
pub fn progress(namespace: &str, left: &[Kind]) -> Message {
    let names: Vec<_> = left.iter().take(SHOWN).map(|kind| kind.plural()).collect();
    let more = left.len().checked_sub(SHOWN).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {}", reply::count(more, "more kind", "more kinds")));
    reply::line(format!("Still looking at {}; not read yet: {}{more}", reply::code(namespace), names.join(", ")))
}

/// It could not be done.
pub fn failed(namespace: &str, why: &str) -> Message {
    let why = reply::quote(why, 300);
    let end = if why.ends_with(['.', '?', '!']) { "" } else { "." };
    reply::line(format!(
        "The analysis of {} did not finish: {why}{end} This says nothing about its health.",
        reply::code(namespace)
    ))
}

/// The result. Without findings it is healthy only if nothing looks wrong, everything could be judged, and nothing that is
/// required was hidden.
pub fn result(analysis: &Analysis<'_>) -> Message {
    let namespace = reply::code(analysis.namespace);
    let blind: Vec<_> = analysis.blind.iter().filter(|b| b.hides(analysis.namespace)).collect();
    let unseen = blind.iter().any(|b| b.required) || !analysis.unknown.is_empty();
    let objects: usize = analysis.looked_at.values().sum();
    let seen = seen(analysis.looked_at);
    let found = reply::count(analysis.findings.len(), "finding", "findings");
    let waiting = match analysis.pending.len() {
        1 => "1 thing looks wrong".to_owned(),
        n => format!("{n} things look wrong"),
    };
    let mut lines = vec![match (analysis.findings.len(), analysis.pending.len(), unseen) {
        (0, 0, true) => {
            format!("*{namespace}: I cannot say.* Nothing is wrong in what I see, but I do not see everything.")
        }
        (0, _, true) => {
            format!("*{namespace}: {waiting}*, still within the waiting time, and I do not see everything.")
        }
        (0, 0, false) if objects == 0 => format!("*{namespace} is empty*: nothing runs there, so nothing is wrong."),
        (0, 0, false) if !analysis.ignored.is_empty() => format!("*{namespace}: nothing is wrong in what I look at.*"),
        (0, 0, false) => format!("*{namespace}: nothing is wrong.*"),
        (0, _, false) => format!("*{namespace}: {waiting}*, still within the waiting time."),
        (_, _, true) => format!("*{namespace}: {found}*, and I do not see everything."),
        (_, _, false) => format!("*{namespace}: {found}*"),
    }];
    for finding in analysis.findings.iter().take(SHOWN) {
        lines.extend(reply::finding_lines(finding, analysis.now));
    }
    if analysis.findings.len() > SHOWN {
        lines.push(format!("... and {} more", analysis.findings.len() - SHOWN));
    }
    for (finding, due) in analysis.pending.iter().take(SHOWN) {
        lines.push(format!(
            "• *{}* looks wrong, still within its waiting time (until {}): {}",
            reply::escape(&finding.owner.to_string()),
            analysis.now.tell(*due),
            reply::quote(&finding.message, 400)
        ));
    }
    for (why, owners) in analysis.unknown.iter().take(SHOWN) {
        lines.push(format!("I cannot judge {}: {}", named(owners), reply::quote(why, 300)));
    }
    for (why, owners) in analysis.ignored.iter().take(SHOWN) {
        lines.push(format!("I leave alone {}: {}", named(owners), reply::quote(why, 300)));
    }
    if !analysis.incidents.is_empty() {
        let ids: Vec<_> = analysis
            .incidents
            .iter()
            .take(SHOWN)
            .map(|i| format!("{} ({})", reply::escape(&i.id.0), i.severity))
            .collect();
        lines.push(format!("Open incidents: {}", ids.join(", ")));
    }
    lines.extend(reply::blind_lines(blind, SHOWN, analysis.now));
    let looked = if seen.is_empty() { "nothing".to_owned() } else { seen };
    let millis = analysis.took.as_millis();
    lines.push(format!(
        "_Looked at {looked} in {}.{} s, by rules; no model was asked._",
        millis / 1000,
        millis % 1000 / 100
    ));
    reply::say(&lines)
}

/// `Deployment shop/api, Deployment shop/web and 4 more`.
fn named(owners: &BTreeSet<ObjectRef>) -> String {
    let named: Vec<_> = owners.iter().take(3).map(|owner| reply::escape(&owner.to_string())).collect();
    let more = owners.len().checked_sub(named.len()).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    format!("{}{more}", named.join(", "))
}

/// `1 Node, 14 Deployments, 120 Pods`.
pub(crate) fn seen(counts: &BTreeMap<Kind, usize>) -> String {
    let is_told = |kind: Kind| {
        kind.is_required() && kind != Kind::ReplicaSet
            || matches!(kind, Kind::CronJob | Kind::Ingress | Kind::HorizontalPodAutoscaler | Kind::Certificate)
    };
    let many = |kind: Kind| format!("{kind}{}", if kind.name().ends_with('s') { "es" } else { "s" });
    let told = counts.iter().filter(|(kind, n)| **n > 0 && is_told(**kind));
    told.map(|(kind, n)| reply::count(*n, kind.name(), &many(*kind))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{answer, said};
    use super::*;
    use crate::{conversation::standing::samples, findings::Cause, incidents::Severity};
    use insta::assert_snapshot;

    static NOTHING_UNKNOWN: BTreeMap<String, BTreeSet<ObjectRef>> = BTreeMap::new();

    fn analysis<'a>(findings: &'a [Finding], blind: &'a [Blind], looked_at: &'a BTreeMap<Kind, usize>) -> Analysis<'a> {
        Analysis {
            namespace: "shop",
            findings,
            pending: &[],
            unknown: &NOTHING_UNKNOWN,
            ignored: &NOTHING_UNKNOWN,
            incidents: &[],
            blind,
            looked_at,
            took: SignedDuration::from_millis(420),
            now: samples::now("14:09:00"),
        }
    }

    #[test]
    fn a_namespace_that_exists_is_analyzed() {
        let standing = samples::healthy();
        assert_snapshot!(said(answer("analyze shop", &standing)), @"-> analyze shop");
        assert_snapshot!(said(answer("analyze -n SHOP", &standing)), @"-> analyze shop");
        assert_snapshot!(said(answer("analyze shpo", &standing)), @"There is no namespace `shpo`. Did you mean `shop`?");
        assert_snapshot!(said(answer("analyze", &standing)), @r"
        Which namespace?
        `/k8s analyze &lt;namespace&gt;`: looks at a namespace now and posts what is wrong in it, with the evidence
           for example `/k8s analyze shop`
        ");
    }

    #[test]
    fn where_namespaces_cannot_be_seen_the_analysis_runs() {
        let mut standing = samples::healthy();
        standing.clusters[0].blind = vec![Blind {
            kind: Kind::Namespace,
            namespace: None,
            since: standing.now,
            why: "forbidden".into(),
            required: true,
        }];
        assert_eq!(said(answer("analyze anything", &standing)), "-> analyze anything");
    }

    #[test]
    fn the_result_names_what_is_wrong_with_its_evidence() {
        let counts = [(Kind::Pod, 12), (Kind::Deployment, 1)].into();
        let findings = [samples::finding()];
        let incidents = [samples::incident(1, Severity::Sev1)];
        let found = Analysis { incidents: &incidents, ..analysis(&findings, &[], &counts) };
        assert_snapshot!(result(&found).text, @r"
        *`shop`: 1 finding*
        • *Deployment shop/api* · OOMKilled · since 13:57 UTC (12 min)
           Container app was killed 6 times for using more than its 256Mi of memory
           Hit: 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready
           _Pod shop/api-1 container app_ (14:05 UTC): terminated: OOMKilled, exit code 137 &lt;script&gt; &amp; *stars*
           Do: Raise the memory limit or find the leak
        Open incidents: INC-2026-11-24-001 (SEV-1)
        _Looked at 12 Pods, 1 Deployment in 0.4 s, by rules; no model was asked._
        ");
        assert_snapshot!(result(&analysis(&[], &[], &counts)).text, @r"
        *`shop`: nothing is wrong.*
        _Looked at 12 Pods, 1 Deployment in 0.4 s, by rules; no model was asked._
        ");
        assert_snapshot!(result(&analysis(&[], &[], &BTreeMap::new())).text, @r"
        *`shop` is empty*: nothing runs there, so nothing is wrong.
        _Looked at nothing in 0.4 s, by rules; no model was asked._
        ");
    }

    #[test]
    fn a_finding_says_because_of_what_it_is() {
        let node = ObjectRef { kind: "Node".into(), namespace: "".into(), name: "n1".into() };
        let cause = Some(Cause { owner: node, why: "The node was low on resource: memory.".into() });
        let findings = [Finding { cause, ..samples::finding() }];
        let counts = [(Kind::Pod, 12)].into();
        let text = result(&analysis(&findings, &[], &counts)).text;
        assert!(text.contains("\n   Because of *Node n1*: The node was low on resource: memory.\n   Hit:"), "{text}");
    }

    #[test]
    fn it_is_never_healthy_when_something_required_is_hidden() {
        let counts = [(Kind::Deployment, 1)].into();
        let pods = Blind {
            kind: Kind::Pod,
            namespace: None,
            since: samples::at("14:00:00"),
            why: "forbidden".into(),
            required: true,
        };
        let events = Blind { kind: Kind::Event, required: false, ..pods.clone() };
        let elsewhere = Blind { namespace: Some("other".into()), ..pods.clone() };
        assert_snapshot!(result(&analysis(&[], &[pods], &counts)).text, @r"
        *`shop`: I cannot say.* Nothing is wrong in what I see, but I do not see everything.
        Not seen: Pod everywhere since 14:00 UTC (9 min): forbidden
        _Looked at 1 Deployment in 0.4 s, by rules; no model was asked._
        ");
        assert_snapshot!(result(&analysis(&[], &[events, elsewhere], &counts)).text, @r"
        *`shop`: nothing is wrong.*
        Not seen: Event everywhere since 14:00 UTC (9 min), optional: forbidden
        _Looked at 1 Deployment in 0.4 s, by rules; no model was asked._
        ");
    }

    #[test]
    fn what_looks_wrong_and_what_nobody_knows_is_not_nothing() {
        let counts = [(Kind::Deployment, 3)].into();
        let pending = [(samples::finding(), samples::at("14:10:00"))];
        let object = |kind: &'static str, name: &str| ObjectRef {
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
        };
        let owners = ["api", "cart", "pay", "web"].map(|name| object("Deployment", name)).into();
        let unknown = [("node n1 does not report on its pods".to_owned(), owners)].into();
        let base = analysis(&[], &[], &counts);
        assert_snapshot!(result(&Analysis { pending: &pending, ..base }).text, @"
        *`shop`: 1 thing looks wrong*, still within the waiting time.
        • *Deployment shop/api* looks wrong, still within its waiting time (until 14:10 UTC): Container app was killed 6 times for using more than its 256Mi of memory
        _Looked at 3 Deployments in 0.4 s, by rules; no model was asked._
        ");
        assert_snapshot!(result(&Analysis { unknown: &unknown, ..base }).text, @"
        *`shop`: I cannot say.* Nothing is wrong in what I see, but I do not see everything.
        I cannot judge Deployment shop/api, Deployment shop/cart, Deployment shop/pay and 1 more: node n1 does not report on its pods
        _Looked at 3 Deployments in 0.4 s, by rules; no model was asked._
        ");
        let ignored = [(
            "ignored by the annotation k8s-monitor.io/ignore of Namespace shop".to_owned(),
            [object("Deployment", "api")].into(),
        )]
        .into();
        assert_snapshot!(result(&Analysis { ignored: &ignored, ..base }).text, @"
        *`shop`: nothing is wrong in what I look at.*
        I leave alone Deployment shop/api: ignored by the annotation k8s-monitor.io/ignore of Namespace shop
        _Looked at 3 Deployments in 0.4 s, by rules; no model was asked._
        ");
        assert_snapshot!(result(&Analysis { pending: &pending, unknown: &unknown, ..base }).text.lines().next().unwrap(), @"*`shop`: 1 thing looks wrong*, still within the waiting time, and I do not see everything.");
    }

    #[test]
    fn on_the_way_people_hear_what_is_going_on() {
        let now = samples::now("14:09:00");
        let lost = |kind| Blind {
            kind,
            namespace: None,
            since: samples::at("14:02:00"),
            why: "connection refused".into(),
            required: kind.is_required(),
        };
        assert_snapshot!(started("shop", &[lost(Kind::Event)], now).text, @"Looking at `shop` now; the result follows.");
        assert_snapshot!(started("shop", &[lost(Kind::Pod), lost(Kind::Job)], now).text, @"
        Looking at `shop` now; the result follows.
        Up to now I cannot read pods, jobs (since 14:02 UTC): connection refused. I try again.
        ");
        assert_snapshot!(progress("shop", &[Kind::Pod, Kind::Event]).text, @"Still looking at `shop`; not read yet: pods, events");
        assert_snapshot!(failed("shop", "no connection to https://k3s:6443").text, @"The analysis of `shop` did not finish: no connection to https://k3s:6443. This says nothing about its health.");
    }
}
