//! One step of an incident: what was, what the checks say now, what it becomes; and when it must be looked at again.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Before, Beginning, Beside, Changed, Digest, Hit, Hits, Incident, IncidentId, Member, Outage, Policy, Resolution,
    Severity, Silence, Stake, Status, Telling,
    causes::SHOWS_WITHIN,
    digest::is_digest,
    escalation::Habits,
    in_words, later,
    rating::{ratings, thresholds},
    severity::{Raise, RaisedBy, Rating},
    silence_of, telling,
};
use crate::{
    cluster::{ClusterId, Kind, ObjectRef},
    findings::{CLUSTER, ConditionClass, Finding, Impact, Judgement, Verdict},
};

/// A problem of the same owner so soon after the resolution is the same incident.
pub const REOPENS_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// A failed Job is told for so long; then it is history.
pub const JOB_IS_TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Hold time of what cannot flap: something deleted, scaled to zero, or a Job that succeeded. Not zero, because a delete is
/// often the first half of a replacement.
pub const SETTLED_HOLD: SignedDuration = SignedDuration::from_mins(1);
/// So long something may not be seen before that is told: an API server that is restarted is back sooner.
pub(super) const UNSEEN_IS_TOLD_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// How an owner stands to what is wrong with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing else explains it.
    #[default]
    Alone,
    /// It is a symptom, since its cause is there; the cause's incident if that is open.
    Symptom {
        /// The owner of the cause.
        cause: &'a ObjectRef,
        /// Since when that is wrong.
        since: Timestamp,
        /// Its open incident.
        incident: Option<&'a IncidentId>,
    },
    /// It was a symptom a moment ago; whether it heals now is waited for.
    Released,
}

/// What a step reads besides the incident itself.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The cluster.
    pub cluster: &'a ClusterId,
    /// The top owner.
    pub owner: &'a ObjectRef,
    /// What the checks say of it now.
    pub judgements: &'a [Judgement],
    /// Who is hit at present, also when all is well; None: as the findings say.
    pub impact: Option<&'a Impact>,
    /// How much it matters, what it is, what is known of it.
    pub stake: &'a Arc<Stake>,
    /// How bad what is.
    pub policy: &'a Policy,
    /// The other P0 services that are hit at the same time.
    pub beside: &'a [Beside],
    /// What somebody wants to hear nothing of.
    pub silences: &'a [Silence],
    /// How people are told again.
    pub habits: Habits<'a>,
    /// What explains it.
    pub standing: Standing<'a>,
    /// Whom it hits.
    pub hits: &'a [Hit],
    /// The incidents it tells of, if it is a digest.
    pub members: &'a [Member],
    /// The digest that tells of it if it would be said for the first time now.
    pub digest: Option<Digest<'a>>,
    /// Its last incident if that was resolved within the last 24 h: a new problem reopens it.
    pub last: Option<&'a Incident>,
    /// What was changed before it; None: as far as it was known before.
    pub changed: Option<&'a Arc<Changed>>,
    /// The beginnings of earlier incidents of the owner.
    pub past: &'a [Beginning],
    /// The zone in which the same hour is the same.
    pub zone: &'a TimeZone,
    /// The present.
    pub now: Timestamp,
}

/// The incident after this step; None if there is none and none is needed. Equal to `before` if nothing changed.
pub fn step(before: Option<&Incident>, step: &Step<'_>) -> Option<Incident> {
    let wrong = wrong_now(step.judgements, step.now);
    match before {
        Some(open) if open.is_open() => {
            let mut after = go_on(open, wrong, step);
            telling::tell(Some(open), &mut after, step.habits, step.now);
            Some(after)
        }
        _ if wrong.is_empty() || step.standing != Standing::Alone => before.cloned(),
        _ if before.or(step.last).is_some_and(|last| last.is_believed_over(step.now)) => before.cloned(),
        _ => {
            let mut after = open(before.or(step.last), wrong, step);
            telling::tell(None, &mut after, step.habits, step.now);
            Some(after)
        }
    }
}

/// When the step must run again by time alone: something pending becomes wrong, a hold is over, the severity changes, a failed
/// Job becomes history. None if only news from the cluster can change anything.
pub fn due(
    incident: Option<&Incident>,
    judgements: &[Judgement],
    (policy, habits): (&Policy, Habits<'_>),
    now: Timestamp,
) -> Option<Timestamp> {
    let verdicts = judgements.iter().filter_map(|judgement| match &judgement.verdict {
        Verdict::Pending(_, due) => Some(*due),
        Verdict::Wrong(finding) if finding.class == ConditionClass::JobFailed => Some(told_until(finding)),
        Verdict::Wrong(_) | Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Unknown(_) | Verdict::Symptom(_) => {
            None
        }
    });
    let incident = incident.filter(|i| i.is_open());
    let own = incident.into_iter().flat_map(|open| {
        let hold = open.healthy_since.map(|since| later(since, hold(open, judgements, now)));
        // While all is well the severity stays as it was.
        let thresholds = open.healthy_since.is_none().then(|| thresholds(open, policy));
        let told = open.unseen_since.map(|since| later(since, UNSEEN_IS_TOLD_AFTER));
        let again = telling::due(open, habits);
        let heard = open.silenced.as_ref().map(|silence| silence.until);
        hold.into_iter().chain(told).chain(again).chain(heard).chain(thresholds.into_iter().flatten())
    });
    verdicts.chain(own).filter(|at| *at > now).min()
}

/// Opens an incident, or the last one again.
fn open(last: Option<&Incident>, wrong: BTreeMap<ConditionClass, Arc<Finding>>, step: &Step<'_>) -> Incident {
    let now = step.now;
    let since = wrong.values().map(|f| f.since).min().unwrap_or(now);
    let impact = impact_now(step, &wrong).unwrap_or_default();
    // A digest is about what begins now.
    let last = last.filter(|_| !is_digest(step.owner));
    let recent = last.filter(|l| l.resolution.as_ref().is_some_and(|r| now.duration_since(r.at) <= REOPENS_WITHIN));
    let mut incident = Incident {
        id: recent.map_or_else(|| IncidentId(String::new()), |l| l.id.clone()),
        cluster: step.cluster.clone(),
        owner: step.owner.clone(),
        parent: None,
        symptom_of: None,
        hits: Hits::after(&Hits::default(), step.hits, step.policy, now),
        status: Status::Open,
        severity: Severity::Sev4,
        why: String::new(),
        worst: recent.map_or(Severity::Sev4, |l| l.worst),
        peak: Severity::Sev4,
        stake: Arc::clone(step.stake),
        beside: beside(step, !wrong.is_empty()),
        raise: None,
        changed: step.changed.cloned(),
        outage: Outage::after(None, impact.is_unserved(), since, now),
        log: None,
        findings: wrong,
        impact,
        since,
        opened_at: recent.map_or(now, |l| l.opened_at),
        updated_at: now,
        healthy_since: None,
        unseen_since: None,
        frozen: None,
        reopened: recent.map_or(0, |l| l.reopened.saturating_add(1)),
        before: None,
        acknowledged: None,
        telling: Telling { aloud_at: None, repeats: 0, ..recent.map(|l| l.telling.clone()).unwrap_or_default() },
        silenced: None,
        resolution: None,
        members: step.members.to_vec(),
        version: recent.map_or(0, |l| l.version),
    };
    incident.before =
        recent.map_or_else(|| Before::of(step.past, incident.beginning(), step.zone), |l| l.before.clone());
    incident.silenced = silence_of(step.silences, &incident, now).cloned();
    rate(&mut incident, step);
    incident
}

/// An open incident goes on, is held, or is resolved.
fn go_on(before: &Incident, wrong: BTreeMap<ConditionClass, Arc<Finding>>, step: &Step<'_>) -> Incident {
    let now = step.now;
    let is_wrong = !wrong.is_empty();
    let (kept, unseen) = kept(before, step.judgements);
    let pending = step.judgements.iter().any(|j| matches!(j.verdict, Verdict::Pending(..)));
    let well = !is_wrong && !pending && unseen.is_none();

    let mut after = before.clone();
    after.members = step.members.to_vec();
    after.stake = Arc::clone(step.stake);
    after.beside = beside(step, is_wrong);
    after.changed = step.changed.or(before.changed.as_ref()).cloned();
    if let Some(impact) = impact_now(step, &wrong) {
        after.impact = impact;
    }
    let mut findings = wrong;
    for (class, finding) in kept {
        findings.entry(class).or_insert(finding);
    }
    // What was wrong stays readable while it is held, and after.
    if !findings.is_empty() {
        after.since = findings.values().map(|f| f.since).min().map_or(before.since, |since| since.min(before.since));
        after.findings = findings;
    }
    if after.follows_change() != before.follows_change() {
        after.before = Before::of(step.past, after.beginning(), step.zone);
    }
    after.unseen_since = unseen.is_some().then(|| before.unseen_since.unwrap_or(now));
    let is_told = after.unseen_since.is_some_and(|since| later(since, UNSEEN_IS_TOLD_AFTER) <= now);
    // The words of a lost connection differ from one try to the next.
    after.frozen = if is_told { before.frozen.clone().or(unseen) } else { None };
    belong(&mut after, before, step.standing, is_wrong);
    after.silenced = silence_of(step.silences, &after, now).cloned();
    // No check that complains is not health: as long as replicas are missing, nothing was observed to be well. What nobody wants
    // (deleted, scaled to zero) has none to miss.
    let short =
        step.impact.is_some_and(|i| matches!((i.ready, i.desired), (Some(ready), Some(desired)) if ready < desired));
    let wanted = step.judgements.iter().any(|j| matches!(j.verdict, Verdict::Healthy));
    let well = well && !(short && wanted);
    // What was not seen was not seen to be well: the hold begins anew.
    let seen_well_since = before.healthy_since.filter(|_| before.unseen_since.is_none());
    after.healthy_since = well.then(|| seen_well_since.unwrap_or(now));
    if after.unseen_since.is_none() {
        after.outage = Outage::after(before.outage, after.impact.is_unserved(), now, now);
        if !well {
            after.hits = Hits::after(&before.hits, step.hits, step.policy, now);
        }
    } else if after.frozen.is_none() {
        after.healthy_since = before.healthy_since;
    }
    match after.healthy_since {
        None => rate(&mut after, step),
        Some(_) if after.unseen_since.is_some() => {}
        Some(since) if now >= later(since, hold(&after, step.judgements, now)) => {
            after.status = Status::Resolved;
            after.outage = None;
            after.silenced = None;
            after.resolution = Some(Resolution { at: now, reason: ended_by(&after, since, step), by: None });
        }
        Some(_) => {}
    }
    if !after.looks_like(before) {
        after.updated_at = now;
    }
    after
}

/// Whether it is told of beside its cause. What was wrong before its cause is not absorbed by it.
fn belong(after: &mut Incident, before: &Incident, standing: Standing<'_>, is_wrong: bool) {
    match standing {
        // What is well, or cannot be seen, ends where it belongs.
        Standing::Alone if is_wrong && !after.is_in_digest() => (after.parent, after.symptom_of) = (None, None),
        Standing::Symptom { cause, since, incident: Some(incident) }
            if before.parent.is_some() || since <= later(before.since, SHOWS_WITHIN) =>
        {
            (after.parent, after.symptom_of) = (Some(incident.clone()), Some(cause.clone()));
        }
        // Its cause is about to be told: what nobody heard of yet waits for that.
        Standing::Symptom { cause, incident: None, .. } if !before.is_told() => after.symptom_of = Some(cause.clone()),
        Standing::Alone | Standing::Symptom { .. } | Standing::Released => {}
    }
}

/// Findings of before that are neither seen healthy nor replaced, and why the incident cannot be judged, if so.
fn kept(before: &Incident, judgements: &[Judgement]) -> (BTreeMap<ConditionClass, Arc<Finding>>, Option<String>) {
    let mut kept = BTreeMap::new();
    let mut frozen = None;
    for (class, finding) in &before.findings {
        let verdict = judgements.iter().find(|j| j.check == finding.check).map(|j| &j.verdict);
        match verdict {
            Some(Verdict::Wrong(_) | Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Symptom(_)) => continue,
            Some(Verdict::Pending(..)) => {}
            Some(Verdict::Unknown(why)) => frozen = frozen.or_else(|| Some(why.clone())),
            // Silence is not health.
            None => frozen = frozen.or_else(|| Some(format!("the check {} says nothing of it", finding.check))),
        }
        kept.insert(*class, finding.clone());
    }
    (kept, frozen)
}

/// What is wrong now by condition class. Two checks that see the same sort of trouble are one finding: the louder, then the
/// older. A failed Job that is history is no longer wrong.
fn wrong_now(judgements: &[Judgement], now: Timestamp) -> BTreeMap<ConditionClass, Arc<Finding>> {
    let mut wrong: BTreeMap<ConditionClass, Arc<Finding>> = BTreeMap::new();
    for judgement in judgements {
        let Verdict::Wrong(finding) = &judgement.verdict else { continue };
        if is_history(finding, now) {
            continue;
        }
        let rank = |f: &Finding| (f.severity, f.since);
        if wrong.get(&finding.class).is_none_or(|there| rank(finding) < rank(there)) {
            wrong.insert(finding.class, Arc::clone(finding));
        }
    }
    wrong
}

fn is_history(finding: &Finding, now: Timestamp) -> bool {
    finding.class == ConditionClass::JobFailed && now >= told_until(finding)
}

/// Counted from the newest thing that is known of the failure: a CronJob may have been failing for days.
fn told_until(finding: &Finding) -> Timestamp {
    let newest = finding.evidence.iter().filter_map(|e| e.at).max().map_or(finding.since, |at| at.max(finding.since));
    later(newest, JOB_IS_TOLD_FOR)
}

fn impact_now(step: &Step<'_>, wrong: &BTreeMap<ConditionClass, Arc<Finding>>) -> Option<Impact> {
    let of_findings = || {
        let counted = wrong.values().find(|f| f.impact.desired.is_some());
        counted.or_else(|| wrong.values().next()).map(|f| f.impact.clone())
    };
    step.impact.cloned().or_else(of_findings)
}

/// What is hit beside it, as long as something is wrong with it.
fn beside(step: &Step<'_>, is_wrong: bool) -> Vec<Beside> {
    if is_wrong { step.beside.to_vec() } else { Vec::new() }
}

fn rate(incident: &mut Incident, step: &Step<'_>) {
    let now = step.now;
    let recurs = step.policy.recurs_from > 0 && incident.reopened >= step.policy.recurs_from;
    if recurs && incident.raise.is_none() && !is_digest(&incident.owner) && incident.owner.kind != CLUSTER {
        let why = format!("it keeps coming back (reopened {} times)", step.policy.recurs_from);
        incident.raise = Some(Raise { by: RaisedBy::Recurrence, why, at: now });
    }
    let sure = incident.changed.as_deref().and_then(Changed::sure);
    let explains = sure.map(|it| Raise { by: RaisedBy::Change, why: format!("{} explains it", it.change), at: now });
    match incident.raise.as_ref().map(|raise| raise.by) {
        None => incident.raise = explains,
        // What is not sure any more does not lift.
        Some(RaisedBy::Change) if explains.is_none() => incident.raise = None,
        Some(RaisedBy::Change | RaisedBy::Recurrence) => {}
    }
    let Rating { severity, why, .. } = ratings(incident, step.policy, now).raised;
    // What cannot be seen cannot have become better.
    if incident.unseen_since.is_none() || severity <= incident.severity {
        incident.severity = severity;
        incident.why = why;
    }
    join_or_leave(incident, step.digest);
    // A symptom is not said, nor what nobody wants to hear of.
    if incident.symptom_of.is_none() && incident.silenced.is_none() {
        incident.worst = incident.worst.min(incident.severity);
        incident.peak = incident.peak.min(incident.severity);
    }
}

/// What would be said for the first time now is said in the digest, if there is one; a SEV-1 never only there.
fn join_or_leave(incident: &mut Incident, digest: Option<Digest<'_>>) {
    if incident.is_in_digest() && incident.severity == Severity::Sev1 {
        (incident.parent, incident.symptom_of) = (None, None);
    }
    // A cause explains what is in the digest, so it is said beside it.
    let is_apart = is_digest(&incident.owner) || incident.owner.kind == CLUSTER || !incident.hits.is_empty();
    if let Some(digest) = digest
        .filter(|_| !is_apart && !incident.is_told() && incident.symptom_of.is_none() && incident.silenced.is_none())
        && incident.severity == Severity::Sev2
    {
        (incident.parent, incident.symptom_of) = (Some(digest.incident.clone()), Some(digest.owner.clone()));
    }
}

/// How long it must be well before it is resolved.
fn hold(incident: &Incident, judgements: &[Judgement], now: Timestamp) -> SignedDuration {
    if is_digest(&incident.owner) {
        // Each of its incidents was held.
        return SignedDuration::ZERO;
    }
    let of_a_job = incident.findings.keys().all(|class| *class == ConditionClass::JobFailed);
    let history = judgements.iter().any(|j| matches!(&j.verdict, Verdict::Wrong(f) if is_history(f, now)));
    if of_a_job || history || not_wanted(incident, judgements).is_some() { SETTLED_HOLD } else { incident.hold() }
}

/// Why nobody wants it any more, if a check that found something says so.
fn not_wanted<'a>(incident: &Incident, judgements: &'a [Judgement]) -> Option<&'a str> {
    judgements.iter().find_map(|j| match &j.verdict {
        Verdict::NotWanted(why) if incident.findings.values().any(|f| f.check == j.check) => Some(why.as_ref()),
        Verdict::NotWanted(_)
        | Verdict::Wrong(_)
        | Verdict::Pending(..)
        | Verdict::Healthy
        | Verdict::Unknown(_)
        | Verdict::Symptom(_) => None,
    })
}

/// The reason of the resolution in words.
fn ended_by(incident: &Incident, well_since: Timestamp, step: &Step<'_>) -> String {
    let held = in_words(step.now.duration_since(well_since));
    if let Some(why) = not_wanted(incident, step.judgements) {
        return why.to_owned();
    }
    if incident.findings.contains_key(&ConditionClass::JobFailed) {
        let history =
            step.judgements.iter().any(|j| matches!(&j.verdict, Verdict::Wrong(f) if is_history(f, step.now)));
        return match (history, step.owner.watched_kind()) {
            (true, _) => "it failed over 24 h ago, and nothing failed since",
            // A Job cannot un-fail: this is another one of its name, which may still run.
            (false, Some(Kind::Job)) => "it was started anew and has not failed",
            (false, _) => "a later run succeeded",
        }
        .to_owned();
    }
    match (incident.headline().map(|f| f.class), incident.impact.ready, incident.impact.desired) {
        (Some(ConditionClass::Blind | ConditionClass::PartlyBlind), _, _) => {
            format!("everything could be read for {held}")
        }
        (Some(ConditionClass::Many), _, _) => "all of them are over".to_owned(),
        (Some(ConditionClass::RegistryDown), _, _) => format!("no pull from it has failed for {held}"),
        (_, Some(ready), Some(desired)) => format!("{ready} of {desired} replicas ready for {held}"),
        _ => format!("healthy for {held}"),
    }
}

#[cfg(test)]
#[path = "from_findings_tests.rs"]
mod tests;
