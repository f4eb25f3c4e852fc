//! What was rolled out to a workload that something is wrong with: read in a task of its own, held against what is wrong, part of the incident.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::{
    Mind,
    git::{self, Inquiry},
    incidents, settings,
    versions::{self, Versions},
};
use crate::{
    app::Site,
    changes::{Symptom, attribute, correlate, gitops, since},
    clients::kubernetes::ReadError,
    cluster::{
        Fact, Kind, ObjectKey, ObjectRef,
        facts::{self, Workload},
    },
    event::Event,
    findings::{ConditionClass, Finding, Judgement, Verdict, revision},
    incidents::{Changed, Incident, JUST_BEFORE, Severity, later, share},
};

/// So many are read at once.
const AT_ONCE: usize = 4;
/// So often it is tried again after something that may pass, each time after twice as long; the first time after a minute.
const MOST_TRIES: u32 = 5;
/// What breaks elsewhere so much earlier or later breaks at the same time.
const TOGETHER: SignedDuration = SignedDuration::from_mins(3);

/// What is known of rollouts, and what is to be read. It can be found anew from the open incidents.
#[derive(Debug)]
pub(super) struct Rollouts {
    of: BTreeMap<ObjectRef, Known>,
    wanted: Vec<(ObjectRef, Concern)>,
    places: Arc<Places>,
    /// Whether GitHub is asked as well.
    with_git: bool,
}

/// Who may read at the same time: one place for each reading of the cluster, and others for GitHub, which may be slow.
#[derive(Debug)]
struct Places {
    cluster: Semaphore,
    git: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self { cluster: Semaphore::new(AT_ONCE), git: Semaphore::new(AT_ONCE) }
    }
}

impl Rollouts {
    pub(super) fn new(with_git: bool) -> Self {
        Self { of: BTreeMap::new(), wanted: Vec::new(), places: Arc::default(), with_git }
    }
}

/// What is known of one workload.
#[derive(Debug)]
struct Known {
    /// The version that was in force when it was asked for.
    version: String,
    /// What was read; None: not yet.
    read: Option<Result<Versions, String>>,
    /// What GitHub told; None: nothing yet.
    git: Option<git::Answer>,
    /// Whether GitHub was asked, or is.
    is_git_asked: bool,
    /// The most others that broke at about the same time.
    elsewhere: usize,
    /// When it is read again because something stood in the way that may pass.
    again: Option<Timestamp>,
    /// How often it was.
    tries: u32,
}

/// What was read of a workload.
#[derive(Debug)]
pub struct RolloutsRead {
    owner: ObjectRef,
    read: Read,
    /// Whether nothing else comes of this reading.
    is_last: bool,
}

/// What one of the two tells.
#[derive(Debug)]
enum Read {
    Cluster(Box<Result<Versions, ReadError>>),
    Git(Box<git::Answer>),
}

/// What explains what is wrong with an owner, as far as was read; None: nothing was, or nothing is wrong.
pub(super) fn explain(mind: &Mind, owner: &ObjectRef, judgements: &[Judgement]) -> Option<Arc<Changed>> {
    let findings = wrong(judgements);
    let symptom = Symptom::of(&findings, mind.open.get(owner).map(|open| open.since))?;
    let by_rollouts = match mind.rollouts.of.get(owner) {
        Some(known) => Some(by_rollouts(mind, owner, known, &findings, symptom.clone())?),
        None => None,
    };
    let changed = settings::explain(mind, owner, &findings, &symptom, by_rollouts)?;
    let before = mind.open.get(owner).and_then(|it| it.changed.as_deref());
    let wrong: Vec<ConditionClass> = findings.iter().map(|finding| finding.class).collect();
    let changed = changed.or_before(before, &wrong);
    Some(Arc::new(share(changed, owner, mind.open.values())))
}

/// What of the rollouts explains it; None: they were not read yet.
fn by_rollouts(
    mind: &Mind,
    owner: &ObjectRef,
    known: &Known,
    findings: &[Arc<Finding>],
    symptom: Symptom,
) -> Option<Changed> {
    Some(match known.read.as_ref()? {
        Ok(versions) => {
            let elsewhere = known.elsewhere.max(elsewhere(mind, owner, symptom.began));
            let revisions = hit(mind, findings);
            let spared = well(mind, owner).difference(&revisions).cloned().collect();
            let symptom = Symptom { revisions, spared, elsewhere, ..symptom };
            let changed = correlate(&versions.rollouts, &symptom);
            let changed = match &known.git {
                Some(git) => attribute(changed, &versions.rollouts, &git.history, &symptom),
                None => changed,
            };
            let changed = Changed { since: since(&versions.rollouts, findings, symptom.began), ..changed };
            gitops::told(changed, versions.source.as_ref(), versions.unknown.as_deref(), symptom.began)
        }
        Err(why) => Changed { unknown: vec![why.clone()], ..Changed::default() },
    })
}

fn wrong(judgements: &[Judgement]) -> Vec<Arc<Finding>> {
    let wrong = judgements.iter().filter_map(|judgement| match &judgement.verdict {
        Verdict::Wrong(finding) => Some(Arc::clone(finding)),
        Verdict::Pending(..) | Verdict::Healthy | Verdict::NotWanted(_) | Verdict::Unknown(_) | Verdict::Symptom(_) => {
            None
        }
    });
    wrong.collect()
}

/// Whether an incident is told by itself, and since when something is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concern {
    is_meant: bool,
    pub(super) since: Timestamp,
    pub(super) severity: Severity,
}

impl Concern {
    /// Of an incident; None if it is over.
    pub(super) fn of(incident: &Incident) -> Option<Self> {
        // Also while nobody hears of it: if that changes, what was changed is known by then.
        let is_meant = incident.symptom_of.is_none() && incident.healthy_since.is_none();
        incident.is_open().then_some(Self { is_meant, since: incident.since, severity: incident.severity })
    }
}

/// Notes that the rollouts of an owner are to be read: when it has an incident, or is about to, when another version is in force, and
/// when something stood in the way that may have passed. When that will be comes out.
pub(super) fn consider(
    mind: &mut Mind,
    owner: &ObjectRef,
    concern: Option<Concern>,
    now: Timestamp,
) -> Option<Timestamp> {
    let Some(concern) = concern else {
        mind.rollouts.of.remove(owner);
        return None;
    };
    let version = in_force(mind, owner).filter(|_| concern.is_meant)?;
    let elsewhere = elsewhere(mind, owner, concern.since);
    let is_told = mind.rollouts.with_git && concern.severity.is_said();
    if let Some(known) = mind.rollouts.of.get_mut(owner) {
        // Whoever is well again broke at the same time nevertheless.
        known.elsewhere = known.elsewhere.max(elsewhere);
        // What was spared for SEV-1 is not spared any more.
        let is_spared = known.git.as_ref().is_some_and(|git| git.is_spared) && concern.severity == Severity::Sev1;
        // Of what nobody heard of at first GitHub was not asked.
        let is_told_now = is_told && !known.is_git_asked;
        let is_again = is_spared || is_told_now || known.again.is_some_and(|at| at <= now);
        if known.version == version && !is_again {
            return known.again;
        }
        // What was read is believed until more is.
        (known.version, known.again) = (version, None);
        known.is_git_asked |= is_told;
        if let Some(git) = &mut known.git {
            git.is_spared = false;
        }
    } else {
        let known = Known { version, read: None, git: None, is_git_asked: is_told, elsewhere, again: None, tries: 0 };
        mind.rollouts.of.insert(owner.clone(), known);
    }
    mind.rollouts.wanted.push((owner.clone(), concern));
    None
}

/// Reads what is to be read; nobody waits for it.
pub(super) fn begin(app: &Arc<Site>, mind: &mut Mind) {
    for (owner, concern) in std::mem::take(&mut mind.rollouts.wanted) {
        app.pulse.send_modify(|pulse| pulse.looks += 1);
        let (site, places) = (Arc::clone(app), Arc::clone(&mind.rollouts.places));
        let inquiry = git::inquiry(app, mind, &owner, concern);
        app.spawn(async move {
            // What is stopped is read anew at the next start.
            site.stop.run_until_cancelled(Box::pin(read(&site, owner, inquiry, &places))).await;
        });
    }
}

/// Reads the rollouts of a workload, and then what GitHub tells of them: who waits for the first does not wait for the second.
async fn read(site: &Site, owner: ObjectRef, inquiry: Option<Inquiry>, places: &Places) {
    // They are never closed.
    let place = places.cluster.acquire().await.ok();
    let found = versions::read(&site.kubernetes, &owner).await;
    drop(place);
    let (known, source) = found.as_ref().map(|it| (it.rollouts.clone(), it.source.clone())).unwrap_or_default();
    let (Some(github), Some(inquiry)) = (&site.github, inquiry.and_then(|it| it.with(source.as_ref()))) else {
        let read = RolloutsRead { owner, read: Read::Cluster(Box::new(found)), is_last: true };
        return site.send(Event::RolloutsRead(read)).await;
    };
    let read = RolloutsRead { owner: owner.clone(), read: Read::Cluster(Box::new(found)), is_last: false };
    site.send(Event::RolloutsRead(read)).await;
    let _place = places.git.acquire().await.ok();
    let answer = git::ask(site, github, &inquiry, &known).await;
    site.send(Event::RolloutsRead(RolloutsRead { owner, read: Read::Git(Box::new(answer)), is_last: true })).await;
}

/// What was read is held against what is wrong: the owner is judged with it.
pub(super) async fn arrived(app: &Site, mind: &mut Mind, read: RolloutsRead) {
    let RolloutsRead { owner, read, is_last } = read;
    if is_last {
        app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    }
    let now = app.clock.now();
    let Some(known) = mind.rollouts.of.get_mut(&owner) else { return };
    let again = match read {
        Read::Cluster(read) => {
            let again = read.as_ref().as_ref().err().filter(|error| error.is_worth_trying_again()).map(|_| now);
            known.read = Some((*read).map_err(|error| format!("what was rolled out cannot be read: {error}")));
            again
        }
        Read::Git(answer) => {
            let again = answer.again;
            known.git = Some(*answer);
            again
        }
    };
    if let Some(again) = again.filter(|_| known.tries < MOST_TRIES) {
        known.again = Some(again.max(later(now, SignedDuration::from_mins(1 << known.tries))));
        known.tries = known.tries.saturating_add(1);
    }
    incidents::consider(app, mind, BTreeSet::from([owner])).await;
}

/// The version of a workload's template that is in force; None of what has none.
pub(super) fn in_force(mind: &Mind, owner: &ObjectRef) -> Option<String> {
    match mind.index.get_ref(owner)?.workload()? {
        Workload::Deployment(_) => {
            let newest = mind.index.replica_sets_of(owner).max_by_key(|set| revision(set));
            newest.map(|set| format!("{} {}", set.meta().name, revision(set)))
        }
        Workload::StatefulSet(set) => Some(set.status.as_ref()?.update_revision.to_string()),
        Workload::DaemonSet(set) => Some(set.status.as_ref()?.observed_generation.to_string()),
        Workload::Pod(_) | Workload::ReplicaSet(_) | Workload::Job(_) | Workload::CronJob(_) => None,
    }
}

/// The versions of the pods at which it shows.
fn hit(mind: &Mind, findings: &[Arc<Finding>]) -> BTreeSet<String> {
    let pods = findings.iter().flat_map(|finding| &finding.objects);
    let pod = |object: &ObjectRef| {
        let key = ObjectKey { kind: Kind::Pod, namespace: object.namespace.clone(), name: object.name.clone() };
        match mind.index.get(&key) {
            Some(Fact::Pod(pod)) if &*object.kind == "Pod" => version_of(pod),
            _ => None,
        }
    };
    pods.filter_map(pod).collect()
}

/// The versions of the pods of an owner that are ready.
fn well(mind: &Mind, owner: &ObjectRef) -> BTreeSet<String> {
    mind.index.pods_of(owner).filter(|pod| pod.is_ready()).filter_map(version_of).collect()
}

/// The version of its owner's template that a pod was made from.
fn version_of(pod: &facts::Pod) -> Option<String> {
    let controller = pod.meta().controller()?;
    if &*controller.kind == "ReplicaSet" {
        return Some(controller.name.to_string());
    }
    let hash = pod.meta().labels.get("controller-revision-hash")?;
    // A StatefulSet writes the whole name there, a DaemonSet only the end of it.
    let is_whole = hash.starts_with(&format!("{}-", controller.name));
    Some(if is_whole { hash.to_string() } else { format!("{}-{hash}", controller.name) })
}

/// How many other workloads broke at about the same time as one although nothing was rolled out to them just before.
fn elsewhere(mind: &Mind, owner: &ObjectRef, began: Timestamp) -> usize {
    beside(mind, owner, began).count()
}

/// Those others.
pub(super) fn beside<'a>(
    mind: &'a Mind,
    owner: &'a ObjectRef,
    began: Timestamp,
) -> impl Iterator<Item = &'a ObjectRef> {
    let about = (later(began, -TOGETHER), later(began, TOGETHER));
    let others = mind.scene.beside_since(owner, about);
    others.filter(|(other, since)| !was_rolled_out(mind, other, *since)).map(|(other, _)| other)
}

/// When the newest `ReplicaSet` of a Deployment was made.
pub(super) fn newest_set(mind: &Mind, owner: &ObjectRef) -> Option<Timestamp> {
    mind.index.replica_sets_of(owner).filter_map(|set| set.meta().created()).max()
}

/// Whether a version was put in force shortly before it broke.
fn was_rolled_out(mind: &Mind, owner: &ObjectRef, since: Timestamp) -> bool {
    newest_set(mind, owner).is_some_and(|at| at <= since && later(at, JUST_BEFORE) >= since)
}
