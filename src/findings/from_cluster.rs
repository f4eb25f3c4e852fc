//! Runs every check on an owner, or on all; what is blind, deleted or not wanted is settled before a check is asked.

use std::{borrow::Cow, cell::OnceCell};

use jiff::Timestamp;

use super::{
    Check, Judgement, Look, Verdict, checks,
    ignore::Ignored,
    inhibition::inhibit,
    pods::Known,
    trouble::{fact, key},
};
use crate::cluster::{Fact, Kind, ObjectRef, facts::Workload};

/// The verdicts of all checks that judge this owner.
pub fn judge(owner: &ObjectRef, look: &Look<'_>) -> Vec<Judgement> {
    match look.knows(owner) {
        Some(_) => judge_known(owner, look),
        None => judge_known(owner, &look.knowing(&Known::of(owner))),
    }
}

fn judge_known(owner: &ObjectRef, look: &Look<'_>) -> Vec<Judgement> {
    let ignored = Ignored::of(owner, look);
    let wanted = OnceCell::new();
    let verdict = |check: &dyn Check| match ignored.why(check.name()) {
        Some(why) => Verdict::NotWanted(why),
        None => settle(check, owner, look, &wanted),
    };
    let mut judgements: Vec<Judgement> = checks::ALL
        .iter()
        .filter(|check| check.judges(&owner.kind))
        .map(|check| Judgement { check: check.name(), owner: owner.clone(), verdict: verdict(*check) })
        .collect();
    inhibit(&mut judgements);
    judgements
}

/// The verdicts on every owner of the cluster.
pub fn judge_all(look: &Look<'_>) -> Vec<Judgement> {
    look.index.owners().flat_map(|owner| judge(&owner, look)).collect()
}

/// Whether what a check judges is measured, by what it is allowed to be without.
pub fn is_measured(check: &str) -> bool {
    checks::ALL.iter().any(|it| it.name() == check && it.measured_by().is_some())
}

/// When an owner must be judged again by time alone although nothing was found.
pub fn looks_again(owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
    let checks = checks::ALL.iter().filter(|check| check.judges(&owner.kind) && look.settings.is_on(check.name()));
    checks.filter_map(|check| check.looks_again(owner, look)).filter(|at| *at > look.now).min()
}

/// The verdict of one check: unknown if it is blind, not wanted if nobody wants the owner to run, else what the check says.
fn settle(check: &dyn Check, owner: &ObjectRef, look: &Look<'_>, wanted: &OnceCell<Wanted>) -> Verdict {
    if !look.settings.is_on(check.name()) {
        return Verdict::NotWanted(format!("the check {} is switched off", check.name()).into());
    }
    let own = owner.watched_kind();
    let between = between(owner).filter(|_| check.reads().contains(&Kind::Pod));
    for kind in check.reads().iter().copied().chain(between).chain(own) {
        if let Some(why) = look.index.sight().blind(kind, &owner.namespace) {
            // A pod may name an owner whose kind is not read; the pod itself is still judged.
            if own != Some(kind) || check.reads().contains(&kind) || look.pods_of(owner).is_empty() {
                return Verdict::Unknown(format!("cannot read {}: {why}", kind.plural()));
            }
        }
    }
    match wanted.get_or_init(|| is_wanted(owner, look)).clone() {
        // What is there although nobody wants it is not healthy for that.
        Wanted::No(why) if check.judges_what_is_being_deleted() => {
            let verdict = check.verdict(owner, look);
            if verdict == Verdict::Healthy { Verdict::NotWanted(why) } else { verdict }
        }
        Wanted::No(why) | Wanted::Gone(why) => Verdict::NotWanted(why),
        Wanted::Yes => check.verdict(owner, look),
    }
}

/// Whether anybody wants an owner to run.
#[derive(Clone, Debug)]
enum Wanted {
    Yes,
    /// It is there, but not wanted, and why.
    No(Cow<'static, str>),
    /// It is not there, or no owner, and why.
    Gone(Cow<'static, str>),
}

fn is_wanted(owner: &ObjectRef, look: &Look<'_>) -> Wanted {
    if !look.index.contains(owner) && look.pods_of(owner).is_empty() {
        return Wanted::Gone("deleted".into());
    }
    if let Some(top) = above(owner, look) {
        return Wanted::Gone(format!("it belongs to {top}").into());
    }
    let fact = fact(owner, look);
    let is_leaving = fact.is_some_and(|fact| fact.meta().deletion_timestamp.is_some());
    let why = is_leaving.then_some("being deleted".into()).or_else(|| not_wanted(fact?));
    why.map_or(Wanted::Yes, Wanted::No)
}

/// The top owner of what is not one itself: an object is asked about when it appears, before it is known to whom it belongs.
fn above(owner: &ObjectRef, look: &Look<'_>) -> Option<ObjectRef> {
    let key = key(owner).filter(|key| look.index.get(key).is_some())?;
    Some(look.index.owner_of(&key)).filter(|top| top != owner)
}

/// The kind by which pods hang on an owner: without it the owner seems to have none, which is not health.
fn between(owner: &ObjectRef) -> Option<Kind> {
    let kind = owner.watched_kind()?;
    [(Kind::Deployment, Kind::ReplicaSet), (Kind::CronJob, Kind::Job)]
        .into_iter()
        .find_map(|(owner, between)| (owner == kind).then_some(between))
}

/// Why nobody wants an object to run, if so; what is being deleted is not asked here.
pub(super) fn not_wanted(fact: &Fact) -> Option<Cow<'static, str>> {
    const ZERO: &str = "scaled to zero";
    let why = match fact.workload()? {
        Workload::Deployment(d) => {
            let spec = d.spec.as_ref();
            if spec.is_some_and(|s| s.paused) {
                Some("paused")
            } else {
                (spec.and_then(|s| s.replicas) == Some(0)).then_some(ZERO)
            }
        }
        Workload::ReplicaSet(r) => (r.spec.as_ref().and_then(|s| s.replicas) == Some(0)).then_some(ZERO),
        Workload::StatefulSet(s) => (s.spec.as_ref().and_then(|s| s.replicas) == Some(0)).then_some(ZERO),
        Workload::DaemonSet(d) => d
            .status
            .as_ref()
            .is_some_and(|s| s.desired_number_scheduled == 0 && s.observed_generation > 0)
            .then_some("wanted on no node"),
        Workload::Job(j) => j.spec.as_ref().is_some_and(|s| s.suspend).then_some("suspended"),
        Workload::CronJob(c) => c.spec.as_ref().is_some_and(|s| s.suspend).then_some("suspended"),
        Workload::Pod(p) => (p.phase() == "Succeeded").then_some("completed"),
    };
    why.map(Cow::Borrowed)
}
