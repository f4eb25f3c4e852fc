//! What is wrong with everybody at present, held together: which causes there are, who is explained by them, who waits.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Mind;
use crate::{
    app::Site,
    cluster::{Kind, ObjectRef},
    config::Detection,
    findings::{self, Impact, Judgement, Known, Look, REGISTRY},
    incidents::{
        Beside, Hit, Incident, MOST_BESIDE, Outage, Standing,
        causes::{self, Ailing, Causes, World},
        digest::{STORM_WITHIN, is_digest},
        later,
    },
};

/// What is known across owners. It can be found anew from the cluster and the open incidents.
#[derive(Debug, Default)]
pub(super) struct Scene {
    ailing: BTreeMap<ObjectRef, Ailing>,
    causes: Causes,
    /// The P0 services that are hit for longest, whatever the cause.
    critical: Vec<Beside>,
    /// Until when it is waited whether that heals whose cause is gone.
    released: BTreeMap<ObjectRef, Timestamp>,
    /// Since when a first post waits for its cause or company, and whether people are to hear of it.
    waiting: BTreeMap<ObjectRef, (Timestamp, bool)>,
    /// When people last heard of something new.
    told: VecDeque<Timestamp>,
    /// Whether something changed since the causes were last found.
    dirty: bool,
}

/// What the checks say of an owner, and who is hit.
pub(super) type Judged = (Vec<Judgement>, Impact);

impl Scene {
    /// What was known before a restart.
    pub(super) fn remembered<'a>(open: impl Iterator<Item = &'a Incident>) -> Self {
        Self { causes: Causes::remembered(open), dirty: true, ..Self::default() }
    }

    /// Who needs whom may have changed: the causes are found anew.
    pub(super) fn look_again(&mut self) {
        self.dirty = true;
    }

    /// Whether nothing is known of an owner but that it is well.
    pub(super) fn is_well(&self, owner: &ObjectRef) -> bool {
        !self.ailing.contains_key(owner) && owner.kind != REGISTRY && owner.kind != findings::CLUSTER
    }

    /// The instant at which a first post has waited long enough; it waits from now on if it did not before.
    pub(super) fn waits_until(&mut self, opens: &Incident, wait: SignedDuration, now: Timestamp) -> Timestamp {
        let waits = self.waiting.entry(opens.owner.clone()).or_insert((now, false));
        waits.1 = opens.severity.is_said();
        later(waits.0, wait)
    }

    /// People hear of something new.
    pub(super) fn told(&mut self, now: Timestamp) {
        self.told.retain(|at| later(*at, STORM_WITHIN) > now);
        self.told.push_back(now);
    }

    /// Whether so much is new that it is told in one message: what people heard of lately, are to hear of now, and what waits.
    pub(super) fn is_storm(&self, new: BTreeSet<ObjectRef>, from: usize, now: Timestamp) -> bool {
        let lately = self.told.iter().filter(|at| later(**at, STORM_WITHIN) > now).count();
        let mut company = new;
        company.extend(self.waiting.iter().filter(|(_, (_, is_said))| *is_said).map(|(owner, _)| owner.clone()));
        lately.saturating_add(company.len()) >= from
    }

    /// Nothing of that owner waits any more.
    pub(super) fn waits_no_more(&mut self, owner: &ObjectRef) {
        self.waiting.remove(owner);
    }

    /// When an owner is looked at again because its cause is gone.
    pub(super) fn released_until(&self, owner: &ObjectRef) -> Option<Timestamp> {
        self.released.get(owner).copied()
    }

    /// The other owners that are short of replicas, or serve nobody, since about then; not those that this one explains.
    pub(super) fn beside_since<'a>(
        &'a self,
        owner: &'a ObjectRef,
        (from, to): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = (&'a ObjectRef, Timestamp)> {
        self.ailing.iter().filter_map(move |(other, it)| {
            let since = it.findings.iter().map(|finding| finding.since).min()?;
            let is_short = it.impact.ready.zip(it.impact.desired).is_some_and(|(ready, desired)| ready < desired);
            let is_other = other != owner && self.causes.of(other) != Some(owner);
            (is_other && is_short && since >= from && since <= to).then_some((other, since))
        })
    }

    /// The owners a cause explains.
    pub(super) fn hit_by<'a>(&'a self, cause: &ObjectRef) -> impl Iterator<Item = &'a ObjectRef> {
        self.causes.hit_by(cause)
    }

    /// The P0 services that are hit beside an owner; what it hits is its own.
    pub(super) fn beside(&self, owner: &ObjectRef) -> Vec<Beside> {
        let is_other = |it: &&Beside| it.owner != *owner && self.causes.of(&it.owner) != Some(owner);
        self.critical.iter().filter(is_other).take(MOST_BESIDE).cloned().collect()
    }

    /// Whom an owner hits.
    pub(super) fn hits(&self, owner: &ObjectRef) -> Vec<Hit> {
        causes::hits(&self.causes, owner, &self.ailing)
    }

    /// Causes come before what they explain, so that their incidents have names by then.
    fn rank(&self, owner: &ObjectRef) -> u8 {
        match &*owner.kind {
            findings::CLUSTER => 0,
            "Node" => 1,
            REGISTRY => 2,
            _ if self.causes.hit_by(owner).next().is_some() => 3,
            _ => 4,
        }
    }

    /// These owners, causes first.
    pub(super) fn in_order(&self, owners: BTreeSet<ObjectRef>) -> Vec<ObjectRef> {
        let mut owners: Vec<ObjectRef> = owners.into_iter().collect();
        owners.sort_by_cached_key(|owner| self.rank(owner));
        owners
    }

    fn note(&mut self, owner: &ObjectRef, ailing: Option<Ailing>) {
        let changed = match &ailing {
            Some(now) => self.ailing.get(owner) != Some(now),
            None => self.ailing.contains_key(owner),
        };
        if !changed {
            return;
        }
        self.dirty = true;
        match ailing {
            Some(ailing) => drop(self.ailing.insert(owner.clone(), ailing)),
            None => drop(self.ailing.remove(owner)),
        }
    }
}

/// What the checks look at.
pub(super) fn look<'a>(app: &'a Site, mind: &'a Mind, now: Timestamp) -> Look<'a> {
    Look {
        index: &mind.index,
        history: &mind.history,
        now,
        no_grace: false,
        settings: &app.config.settings,
        known: None,
    }
}

/// What the checks say of an owner now.
pub(super) fn judge(app: &Site, mind: &Mind, owner: &ObjectRef, now: Timestamp) -> Judged {
    judge_and(app, mind, owner, now, |_| ()).0
}

/// The same with more that is read from what was found out for it.
fn judge_and<T>(
    app: &Site,
    mind: &Mind,
    owner: &ObjectRef,
    now: Timestamp,
    more: impl FnOnce(&Look<'_>) -> T,
) -> (Judged, T) {
    let begun = Instant::now();
    let known = Known::of(owner);
    let look = look(app, mind, now).knowing(&known);
    let judgements = match &*owner.kind {
        findings::CLUSTER => vec![findings::judge_sight(owner, mind.index.sight(), now)],
        _ if is_digest(owner) => Vec::new(),
        REGISTRY => vec![mind.scene.causes.judgement(owner, mind.index.sight().blind(Kind::Pod, ""))],
        _ => findings::judge(owner, &look),
    };
    let judged = (judgements, findings::impact_of(owner, &look));
    let more = more(&look);
    app.metrics.evaluated(begun.elapsed().as_secs_f64());
    (judged, more)
}

/// Judges an owner, and remembers what is wrong with it. Also says when it is to be judged again by time alone.
pub(super) fn look_at(app: &Site, mind: &mut Mind, owner: &ObjectRef, now: Timestamp) -> (Judged, Option<Timestamp>) {
    let (judged, (nodes, again)) = judge_and(app, mind, owner, now, |look| {
        (findings::silent_nodes_of(owner, look), findings::looks_again(owner, look))
    });
    if owner.kind == findings::CLUSTER || owner.kind == REGISTRY || is_digest(owner) {
        return (judged, again);
    }
    let (judgements, impact) = &judged;
    let nodes = nodes.into_iter().map(|(node, _)| node).collect();
    let ailing = Ailing::after(mind.scene.ailing.get(owner), judgements, nodes, impact)
        .map(|it| Ailing { stake: Arc::new(mind.priorities.stake_of(owner, &mind.index)), ..it });
    mind.scene.note(owner, ailing);
    (judged, again)
}

/// Finds the causes of what is wrong now; the owners of whom something else is to be said than before.
pub(super) fn regroup(mind: &mut Mind, looked_at: &BTreeSet<ObjectRef>, now: Timestamp) -> BTreeSet<ObjectRef> {
    if !std::mem::take(&mut mind.scene.dirty) {
        return BTreeSet::new();
    }
    let relations = mind.priorities.relations(mind.scene.ailing.keys(), &mind.index);
    let needs = |who: &ObjectRef, what: &ObjectRef, role| relations.needs(who, what, role);
    let is_open = |owner: &ObjectRef| mind.open.contains_key(owner);
    let causes = Causes::find(&mind.scene.ailing, &World { needs: &needs, is_open: &is_open });
    let mut changed = causes.changed_from(&mind.scene.causes);
    // Who is hit is hit more or less than before.
    changed.extend(looked_at.iter().filter_map(|owner| causes.of(owner)).cloned());
    let before = std::mem::replace(&mut mind.scene.causes, causes);
    let Scene { ailing, causes, critical, released, waiting, .. } = &mut mind.scene;
    for owner in changed.iter().filter(|owner| before.of(owner).is_some() && causes.of(owner).is_none()) {
        if let Some(it) = ailing.get(owner) {
            released.insert(owner.clone(), later(now, it.release()));
        }
    }
    released.retain(|owner, _| ailing.contains_key(owner) && causes.of(owner).is_none());
    waiting.retain(|owner, _| causes.of(owner).is_none());
    let mut hit: Vec<Beside> = ailing.iter().filter_map(|(owner, it)| is_critical(owner, it)).collect();
    hit.sort_by(|a, b| (a.from, &a.owner).cmp(&(b.from, &b.owner)));
    let mut first: Vec<Beside> = Vec::new();
    for it in &hit {
        // Two workloads of one service are one service.
        if first.len() <= MOST_BESIDE && !first.iter().any(|known| known.name() == it.name()) {
            first.push(it.clone());
        }
    }
    if *critical != first {
        // Each of them may be one of two now, or no longer.
        let all = critical.iter().chain(&hit).map(|it| &it.owner).filter(|owner| ailing.contains_key(*owner));
        changed.extend(all.map(|owner| causes.of(owner).unwrap_or(owner)).cloned());
        *critical = first;
    }
    changed
}

/// A P0 service that is degraded or serves nobody, for something that counts.
fn is_critical(owner: &ObjectRef, it: &Ailing) -> Option<Beside> {
    let (unserved, counts) = (it.impact.is_unserved(), it.due.is_none());
    let is_short = it.impact.ready.zip(it.impact.desired).is_some_and(|(ready, desired)| ready < desired);
    let since = it.findings.iter().chain(&it.unseen).map(|finding| finding.since).min()?;
    let outage = unserved.then_some(Outage { since, ended: None });
    (counts && (is_short || unserved)).then(|| Beside::of(owner, &it.stake, since, outage)).flatten()
}

/// How an owner stands to what is wrong with others.
pub(super) fn standing<'a>(mind: &'a Mind, owner: &ObjectRef, now: Timestamp) -> Standing<'a> {
    let Scene { causes, released, .. } = &mind.scene;
    match causes.of(owner) {
        Some(cause) => {
            let since = causes.since(cause, &mind.scene.ailing).unwrap_or(now);
            Standing::Symptom { cause, since, incident: mind.open.get(cause).map(|incident| &incident.id) }
        }
        None if released.get(owner).is_some_and(|until| now < *until) => Standing::Released,
        None => Standing::Alone,
    }
}

/// How long a first post waits. By schedule it leaves with its pass.
pub(super) fn first_post_wait(app: &Site) -> SignedDuration {
    match app.config.detection {
        Detection::Watch => app.config.first_post_wait,
        Detection::Schedule => SignedDuration::ZERO,
    }
}
