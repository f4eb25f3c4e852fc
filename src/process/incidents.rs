//! What the checks say of an owner becomes a transition of its incident, with its outbox rows, in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Mind,
    first_look::{self, FirstLook},
    rollouts::{self, Concern},
    scene::{self, Judged},
};
use crate::{
    alerts::{self, Outgoing, message},
    app::Site,
    cluster::ObjectRef,
    config::Detection,
    findings::{self, Impact, REGISTRY, Verdict},
    incidents::{
        self, Beside, Changed, Digest, Hit, Incident, Member, Stake, Step,
        digest::{self, is_digest},
        escalation::Habits,
        step,
    },
    store::{StoreError, TransitionRequest},
};

/// How long after a failure an owner is judged again; doubles with each, up to the longest.
const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(5);
const LAST_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// Judges owners whose time has come.
pub(super) async fn judge_due(app: &Site, mind: &mut Mind) {
    let now = app.clock.now();
    let due: BTreeSet<_> = mind.due.iter().filter(|(_, at)| **at <= now).map(|(owner, _)| owner.clone()).collect();
    if due.iter().any(|owner| owner.kind == findings::CLUSTER) {
        // What can be seen changed a while ago, and with it what can be said of all others.
        first_look::judge_everything(app, mind).await;
        return;
    }
    consider(app, mind, due).await;
}

/// Judges everything, unless that waits for the next pass.
pub(super) async fn judge_if_watching(app: &Site, mind: &mut Mind) {
    if mind.complete && app.config.detection == Detection::Watch {
        first_look::judge_everything(app, mind).await;
    }
}

/// What the checks say now of every owner there is, and of the owner of every open incident.
pub(super) fn look_at_all(app: &Site, mind: &mut Mind) -> Round {
    let mut owners: BTreeSet<_> = mind.index.owners().collect();
    owners.extend(mind.open.keys().cloned());
    owners.insert(findings::sight_owner(&mind.name));
    look(app, mind, &owners)
}

/// Judges these owners now and writes what changed. What cannot be written is tried again; one owner never holds up the others.
pub(super) async fn consider(app: &Site, mind: &mut Mind, owners: BTreeSet<ObjectRef>) {
    let round = look(app, mind, &owners);
    settle(app, mind, round).await;
}

/// Owners of whom something may have to be said, with what the checks say of them.
#[derive(Debug, Default)]
pub(super) struct Round(BTreeMap<ObjectRef, Judged>);

impl Round {
    /// How much the checks found wrong; what follows from it (a registry, a digest, blindness) is not counted again.
    pub(super) fn findings(&self) -> usize {
        let follows = |owner: &ObjectRef| owner.kind == REGISTRY || owner.kind == findings::CLUSTER || is_digest(owner);
        let judged = self.0.iter().filter(|(owner, _)| !follows(owner)).flat_map(|(_, (judgements, _))| judgements);
        judged.filter(|judgement| matches!(judgement.verdict, Verdict::Wrong(_))).count()
    }

    /// The incidents of which people would hear for the first time after this round, if there were no digest.
    pub(super) fn would_tell(&self, app: &Site, mind: &Mind) -> BTreeSet<ObjectRef> {
        let now = app.clock.now();
        let is_told = |owner: &ObjectRef, judged: &Judged| {
            let before = mind.open.get(owner);
            let known = known(mind, owner, judged.clone());
            let after = step(before, &now_step(app, mind, owner, (&known, None), now));
            let is_new = !before.is_some_and(Incident::is_told) && owner.kind != findings::CLUSTER;
            is_new && after.is_some_and(|it| it.is_open() && it.severity.is_said() && it.symptom_of.is_none())
        };
        let round = self.0.iter().filter(|(owner, _)| !is_digest(owner));
        round.filter(|(owner, judged)| is_told(owner, judged)).map(|(owner, _)| owner.clone()).collect()
    }
}

/// Judges owners and finds the causes of what is wrong. What is well and was so before needs no more.
fn look(app: &Site, mind: &mut Mind, owners: &BTreeSet<ObjectRef>) -> Round {
    let now = app.clock.now();
    let mut round = BTreeMap::new();
    for owner in owners {
        let (judged, again) = scene::look_at(app, mind, owner, now);
        if mind.scene.is_well(owner) && !mind.open.contains_key(owner) {
            mind.scene.waits_no_more(owner);
            mind.failures.remove(owner);
            match again {
                Some(at) => drop(mind.due.insert(owner.clone(), at)),
                None => drop(mind.due.remove(owner)),
            }
        } else {
            round.insert(owner.clone(), judged);
        }
    }
    for owner in scene::regroup(mind, owners, now) {
        // What is said of a registry follows from the others.
        if owner.kind == REGISTRY || !round.contains_key(&owner) {
            let judged = scene::judge(app, mind, &owner, now);
            round.insert(owner, judged);
        }
    }
    Round(round)
}

/// Writes what changed, causes first and digests last.
pub(super) async fn settle(app: &Site, mind: &mut Mind, round: Round) {
    let digest = digest_for(app, mind, &round).await;
    let Round(mut round) = round;
    let owners: Vec<ObjectRef> = round.keys().cloned().collect();
    let changes = changes_of(mind, &owners);
    let mut absorbed = BTreeSet::new();
    for owner in mind.scene.in_order(round.keys().cloned().collect()) {
        let Some(judged) = round.remove(&owner).filter(|_| !is_digest(&owner)) else { continue };
        let was_open = mind.open.contains_key(&owner);
        try_one(app, mind, &owner, (judged, digest.as_ref())).await;
        if !was_open && mind.open.contains_key(&owner) {
            absorbed.extend(mind.scene.hit_by(&owner).filter(|hit| mind.open.contains_key(*hit)).cloned());
        }
    }
    // What was told before its cause was is part of that from now on.
    for owner in absorbed {
        let judged = scene::judge(app, mind, &owner, app.clock.now());
        try_one(app, mind, &owner, (judged, digest.as_ref())).await;
    }
    // One of them tells of a change that hit several.
    let keys = changes.symmetric_difference(&changes_of(mind, &owners)).map(|(_, key)| key.clone()).collect();
    let open: Vec<&Incident> = mind.open.values().collect();
    for owner in incidents::outdated(&keys, &open) {
        let judged = scene::judge(app, mind, &owner, app.clock.now());
        try_one(app, mind, &owner, (judged, digest.as_ref())).await;
    }
    let digests = mind.open.keys().filter(|owner| is_digest(owner)).cloned().collect::<Vec<_>>();
    for owner in digests {
        try_one(app, mind, &owner, (Judged::default(), None)).await;
    }
}

/// What may explain the open incidents of these owners, by which the same change is known elsewhere.
fn changes_of(mind: &Mind, owners: &[ObjectRef]) -> BTreeSet<(ObjectRef, String)> {
    let key = |owner: &ObjectRef| Some((owner.clone(), mind.open.get(owner)?.changed.as_ref()?.key()?));
    owners.iter().filter_map(key).collect()
}

/// Considers one owner unless that failed a moment ago.
async fn try_one(app: &Site, mind: &mut Mind, owner: &ObjectRef, what: (Judged, Option<&ObjectRef>)) {
    let now = app.clock.now();
    if mind.failures.contains_key(owner) && mind.due.get(owner).is_some_and(|again| *again > now) {
        return;
    }
    match consider_one(app, mind, owner, what).await {
        Ok(()) => drop(mind.failures.remove(owner)),
        Err(error) => {
            tracing::error!(%error, %owner, "an incident could not be written and is tried again");
            postpone(app, mind, owner.clone()).await;
        }
    }
}

/// An owner is judged again a little later. If it is the store that does not answer, it is left alone until then.
async fn postpone(app: &Site, mind: &mut Mind, owner: ObjectRef) {
    let failures = mind.failures.entry(owner.clone()).or_default();
    let wait = FIRST_RETRY.checked_mul(1_i32 << (*failures).min(8)).map_or(LAST_RETRY, |wait| wait.min(LAST_RETRY));
    *failures = failures.saturating_add(1);
    let is_away = app.store.ping().await.is_err();
    // Asking takes its time where nobody answers.
    let again = app.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
    mind.due.insert(owner, again);
    if is_away {
        mind.store_is_away_until = Some(again);
    }
}

/// The digest that tells of what is new in this round, if it is much: of what was there before the bot, or of a storm.
async fn digest_for(app: &Site, mind: &mut Mind, round: &Round) -> Option<ObjectRef> {
    let now = app.clock.now();
    let new = round.would_tell(app, mind);
    let kind = match mind.first_look {
        _ if new.is_empty() => return None,
        FirstLook::InDigest => digest::FIRST_LOOK,
        FirstLook::OneByOne => return None,
        FirstLook::Outstanding | FirstLook::Partial(_) | FirstLook::Unsaid | FirstLook::Done => {
            mind.scene.is_storm(new, app.config.storm_from, now).then_some(digest::STORM)?
        }
    };
    let owner = digest::owner(kind, &mind.name);
    if !mind.open.contains_key(&owner) {
        // It needs a name before anything can be part of it; as long as it is empty it is not said.
        try_one(app, mind, &owner, (Judged::default(), None)).await;
    }
    // What is silenced is not told, and so nothing new is told in it.
    mind.open.get(&owner).is_some_and(|digest| digest.silenced.is_none()).then_some(owner)
}

/// What a step of an owner reads.
struct Known {
    judged: Judged,
    stake: Arc<Stake>,
    hits: Vec<Hit>,
    beside: Vec<Beside>,
    members: Vec<Member>,
    changed: Option<Arc<Changed>>,
}

fn known(mind: &Mind, owner: &ObjectRef, judged: Judged) -> Known {
    if !is_digest(owner) {
        let stake = Arc::new(mind.priorities.stake_of(owner, &mind.index));
        let (hits, beside) = (mind.scene.hits(owner), mind.scene.beside(owner));
        let changed = rollouts::explain(mind, owner, &judged.0);
        return Known { judged, stake, hits, beside, members: Vec::new(), changed };
    }
    let before = mind.open.get(owner).map(|it| it.members.as_slice()).unwrap_or_default();
    let members = digest::members(before, &mind.open.values(), owner, message::headline);
    let judged = (vec![digest::judgement(owner, &members)], Impact::default());
    Known { judged, stake: Arc::default(), hits: Vec::new(), beside: Vec::new(), members, changed: None }
}

fn now_step<'a>(
    app: &'a Site,
    mind: &'a Mind,
    owner: &'a ObjectRef,
    (known, digest): (&'a Known, Option<&'a ObjectRef>),
    now: Timestamp,
) -> Step<'a> {
    let of = |owner: &'a ObjectRef| Some(Digest { owner, incident: &mind.open.get(owner)?.id });
    Step {
        cluster: &mind.cluster,
        owner,
        judgements: &known.judged.0,
        impact: Some(&known.judged.1),
        stake: &known.stake,
        policy: &app.config.policy,
        beside: &known.beside,
        silences: &mind.silences,
        habits: habits(app),
        standing: scene::standing(mind, owner, now),
        hits: &known.hits,
        members: &known.members,
        digest: digest.and_then(of),
        last: mind.over_by_hand.get(owner),
        changed: known.changed.as_ref(),
        past: mind.past.get(owner).map(Vec::as_slice).unwrap_or_default(),
        zone: &app.config.zone,
        now,
    }
}

/// How people are told again of what nobody takes care of.
fn habits(app: &Site) -> Habits<'_> {
    Habits { reminds_after: app.config.reminds_after, escalation: &app.config.escalation }
}

async fn consider_one(
    app: &Site,
    mind: &mut Mind,
    owner: &ObjectRef,
    (judged, digest): (Judged, Option<&ObjectRef>),
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let known = known(mind, owner, judged);
    let judgements = &known.judged.0;
    let due = |mind: &mut Mind, at: Option<Timestamp>| {
        let at = at.into_iter().chain(mind.scene.released_until(owner)).filter(|at| *at > now).min();
        match at {
            Some(at) => drop(mind.due.insert(owner.clone(), at)),
            None => drop(mind.due.remove(owner)),
        }
    };
    let opens = if mind.open.contains_key(owner) || is_digest(owner) {
        None
    } else {
        step(None, &now_step(app, mind, owner, (&known, digest), now))
    };
    if let Some(opens) = opens
        && let Some(until) = wait(app, mind, &opens, now)
    {
        let at = incidents::due(None, judgements, (&app.config.policy, Habits::default()), now)
            .map_or(until, |at| at.min(until));
        due(mind, Some(at));
        // What is read meanwhile is there when people hear of it.
        rollouts::consider(mind, owner, Concern::of(&opens), now);
        return Ok(());
    }
    mind.scene.waits_no_more(owner);
    let now_step = now_step(app, mind, owner, (&known, digest), now);
    let before = mind.open.get(owner);
    let was_told = before.is_some_and(Incident::is_told);
    // In memory first: most changes change nothing that is stored.
    if step(before, &now_step).as_ref() != before {
        if let Some(until) = mind.store_is_away_until.filter(|until| *until > now) {
            mind.due.insert(owner.clone(), until);
            return Ok(());
        }
        let channels = app.channels.clone();
        let posted = AtomicUsize::new(0);
        let done = app
            .store
            .transition(
                TransitionRequest { cluster: mind.cluster.clone(), owner: owner.clone(), fence: app.fence(), now },
                |open, last| step(open, &Step { last: last.or(now_step.last), ..now_step }),
                |before, after| {
                    let rows = alerts::say(before, after, &channels, &app.times(now));
                    // Set, not added: a transaction may be tried several times.
                    posted.store(rows.iter().filter(|row| is_alert(row)).count(), Ordering::Relaxed);
                    rows
                },
            )
            .await?;
        mind.store_is_away_until = None;
        if done.rows > 0 {
            mind.rows += done.rows;
            mind.said += posted.into_inner();
            app.outbox_wake.wake();
        }
        let is_told = done.after.as_ref().is_some_and(Incident::is_told);
        if is_told && !was_told && !is_digest(owner) && !mind.first_look.is_going_on() {
            mind.scene.told(now);
        }
        match done.after {
            Some(after) if after.is_open() => {
                let past = mind.past.entry(owner.clone()).or_default();
                past.retain(|began| began.at != after.opened_at);
                past.push(after.beginning());
                tracing::info!(incident = %after.id, severity = %after.severity, %owner, "incident");
                mind.open.insert(owner.clone(), after);
            }
            _ => {
                mind.open.remove(owner);
            }
        }
    }
    if !mind.over_by_hand.get(owner).is_some_and(|over| over.is_believed_over(now)) {
        mind.over_by_hand.remove(owner);
    }
    let doubted = mind.over_by_hand.get(owner).and_then(Incident::doubted_at);
    let again = findings::looks_again(owner, &scene::look(app, mind, now));
    let log = mind.logs.consider(owner, mind.open.get(owner), now);
    let concern = mind.open.get(owner).and_then(Concern::of);
    let reads = rollouts::consider(mind, owner, concern, now);
    let set = (&app.config.policy, habits(app));
    let at = incidents::due(mind.open.get(owner), judgements, set, now);
    let at = at.into_iter().chain(again).chain(log).chain(doubted).chain(reads).min();
    due(mind, at);
    Ok(())
}

/// Until when an incident that would open now waits for its cause or company. What was there before the bot waits no more.
fn wait(app: &Site, mind: &mut Mind, opens: &Incident, now: Timestamp) -> Option<Timestamp> {
    let wait = if mind.first_look.is_going_on() { SignedDuration::ZERO } else { scene::first_post_wait(app) };
    Some(mind.scene.waits_until(opens, wait, now)).filter(|until| *until > now)
}

/// Whether people are notified by it, not only shown it.
fn is_alert(row: &Outgoing) -> bool {
    match row {
        Outgoing::Post { .. } => true,
        Outgoing::Reply { broadcast, .. } => *broadcast,
        Outgoing::Edit { .. }
        | Outgoing::ReplyTo { .. }
        | Outgoing::Respond { .. }
        | Outgoing::Webhook { .. }
        | Outgoing::PagerDuty { .. } => false,
    }
}
