//! Which troubles have one cause in common: what is wrong with every owner in, what explains it and whom a cause hits out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{Hit, Incident, Role, Stake};
use crate::{
    cluster::ObjectRef,
    findings::{ConditionClass, Evidence, Finding, Impact, Judgement, Level, REGISTRY, Verdict},
};

/// From so many owners on it is the registry that is told of, not each of them.
pub const REGISTRY_IS_ONE_FROM: usize = 3;
/// A cause may show so much later than its symptoms: readiness is probed every ten seconds and given up at the third failure.
pub const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// What was explained and is still wrong is told by itself after its own grace anew, but not sooner than this.
const RELEASED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// ... and not later: a check that counts its grace from an older beginning gives a longer one than it waits.
const RELEASED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Troubles that follow from any other of the same owner.
pub(super) const FOLLOWS: [ConditionClass; 2] = [ConditionClass::RolloutStuck, ConditionClass::ReplicasMissing];
/// Troubles that somebody has who does not get what it needs.
const OF_A_NEED: [ConditionClass; 3] = [ConditionClass::Crash, ConditionClass::NotReady, ConditionClass::JobFailed];
/// The judgement of a registry, beside the checks.
const REGISTRY_CHECK: &str = "registry-down";
/// How many owners the finding of a registry names, and pieces of evidence it has.
const MOST_OBJECTS: usize = 20;
const MOST_EVIDENCE: usize = 3;

/// An owner with which something is wrong, or may be in a moment, or of which a part is where nobody can see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ailing {
    /// What is wrong.
    pub findings: Vec<Arc<Finding>>,
    /// What was wrong when it was last seen, and cannot be seen now.
    pub unseen: Vec<Arc<Finding>>,
    /// When the first of it counts; None if something counts already.
    pub due: Option<Timestamp>,
    /// The nodes with pods of it that do not report.
    pub silent_nodes: Vec<ObjectRef>,
    /// Who is hit.
    pub impact: Impact,
    /// How much it matters, what it is for the cluster.
    pub stake: Arc<Stake>,
}

impl Ailing {
    /// From what it was, and the verdicts on it now; None if it is well.
    pub fn after(
        before: Option<&Self>,
        judgements: &[Judgement],
        silent_nodes: Vec<ObjectRef>,
        impact: &Impact,
    ) -> Option<Self> {
        let findings: Vec<_> = judgements.iter().filter_map(|j| j.verdict.finding().cloned()).collect();
        let is_unseen = |f: &&Arc<Finding>| {
            judgements.iter().any(|j| j.check == f.check && matches!(j.verdict, Verdict::Unknown(_)))
        };
        let unseen: Vec<_> = before.into_iter().flat_map(Self::all).filter(is_unseen).cloned().collect();
        let short = impact.ready.zip(impact.desired).is_some_and(|(ready, desired)| ready < desired);
        let is_hit = !silent_nodes.is_empty() && (short || impact.is_unserved());
        if findings.is_empty() && unseen.is_empty() && !is_hit {
            return None;
        }
        let counts = judgements.iter().any(|j| matches!(j.verdict, Verdict::Wrong(_)));
        let dues =
            judgements.iter().filter_map(|j| if let Verdict::Pending(_, due) = j.verdict { Some(due) } else { None });
        let due = if counts { None } else { dues.min().or_else(|| before.and_then(|b| b.due)) };
        Some(Self { findings, unseen, due, silent_nodes, impact: impact.clone(), stake: Arc::default() })
    }

    /// How long it is given to heal once its cause is gone.
    pub fn release(&self) -> SignedDuration {
        let grace = self.all().map(|f| f.grace).max().unwrap_or(SignedDuration::ZERO);
        grace.clamp(RELEASED_AFTER, RELEASED_WITHIN)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Finding>> {
        self.findings.iter().chain(&self.unseen)
    }

    fn since(&self) -> Option<Timestamp> {
        self.all().map(|f| f.since).min()
    }
}

/// What the causes are found from, besides what is wrong.
pub struct World<'a> {
    /// Whether the first needs the second, which has that role, to work: cluster DNS, or what a catalogue of services says.
    pub needs: &'a dyn Fn(&ObjectRef, &ObjectRef, Option<Role>) -> bool,
    /// Whether there is an open incident of an owner.
    pub is_open: &'a dyn Fn(&ObjectRef) -> bool,
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// What explains whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes {
    explained: BTreeMap<ObjectRef, ObjectRef>,
    registries: BTreeMap<ObjectRef, Judgement>,
}

impl Causes {
    /// What was known before a restart: whom the open incidents hit, and whose symptom they were.
    pub fn remembered<'a>(open: impl Iterator<Item = &'a Incident>) -> Self {
        let mut explained = BTreeMap::new();
        for incident in open {
            if let Some(cause) = incident.symptom_of.as_ref().filter(|_| !incident.is_in_digest()) {
                explained.insert(incident.owner.clone(), cause.clone());
            }
            if incident.healthy_since.is_none() {
                explained.extend(incident.hits.named.iter().map(|hit| (hit.owner.clone(), incident.owner.clone())));
            }
        }
        Self { explained, registries: BTreeMap::new() }
    }

    /// Finds the causes.
    pub fn find(ailing: &BTreeMap<ObjectRef, Ailing>, world: &World<'_>) -> Self {
        let mut of_registry: BTreeMap<&ObjectRef, Vec<Unpulled<'_>>> = BTreeMap::new();
        for (owner, it) in ailing {
            let named = it.all().filter_map(|f| Some((&f.cause.as_ref()?.owner, f)));
            for (registry, finding) in named.filter(|(cause, _)| cause.kind == REGISTRY) {
                of_registry.entry(registry).or_default().push((owner, it, finding));
            }
        }
        of_registry.retain(|registry, hit| hit.len() >= REGISTRY_IS_ONE_FROM || (world.is_open)(registry));
        let unserved: Vec<_> =
            ailing.iter().filter(|(_, it)| it.impact.is_unserved()).map(|(owner, it)| (owner, it.stake.role)).collect();
        let explanations = Explanations { ailing, registries: of_registry.keys().copied().collect(), unserved, world };
        let direct: BTreeMap<&ObjectRef, &ObjectRef> =
            ailing.iter().filter_map(|(owner, it)| Some((owner, explanations.of(owner, it)?))).collect();
        let explained =
            direct.keys().filter_map(|owner| Some(((*owner).clone(), last(owner, &direct)?.clone()))).collect();
        let registries = of_registry
            .iter()
            .filter_map(|(registry, hit)| Some(((*registry).clone(), judge(registry, hit)?)))
            .collect();
        Self { explained, registries }
    }

    /// What explains an owner.
    pub fn of(&self, owner: &ObjectRef) -> Option<&ObjectRef> {
        self.explained.get(owner)
    }

    /// Since when a cause is wrong.
    pub fn since(&self, cause: &ObjectRef, ailing: &BTreeMap<ObjectRef, Ailing>) -> Option<Timestamp> {
        let of_registry = || self.registries.get(cause)?.verdict.finding().map(|finding| finding.since);
        ailing.get(cause).and_then(Ailing::since).or_else(of_registry)
    }

    /// Whom a cause hits.
    pub fn hit_by<'a>(&'a self, cause: &ObjectRef) -> impl Iterator<Item = &'a ObjectRef> {
        self.explained.iter().filter(move |(_, by)| *by == cause).map(|(owner, _)| owner)
    }

    /// What is said of a registry: wrong while it hits enough, healthy when nobody complains of it any more.
    pub fn judgement(&self, registry: &ObjectRef, blind: Option<&str>) -> Judgement {
        let quiet = || match blind {
            Some(why) => Verdict::Unknown(format!("cannot read pods: {why}")),
            None => Verdict::Healthy,
        };
        let said = self.registries.get(registry).cloned();
        said.unwrap_or_else(|| Judgement { check: REGISTRY_CHECK, owner: registry.clone(), verdict: quiet() })
    }

    /// The owners of whom something else is to be said than before: what explains them, or whom they hit.
    pub fn changed_from(&self, before: &Self) -> BTreeSet<ObjectRef> {
        let mut changed = BTreeSet::new();
        for (now, then) in [(self, before), (before, self)] {
            for (owner, cause) in
                now.explained.iter().filter(|(owner, cause)| then.explained.get(*owner) != Some(*cause))
            {
                changed.extend([owner.clone(), cause.clone()]);
            }
            let registries = now.registries.iter().filter(|(name, said)| then.registries.get(*name) != Some(*said));
            changed.extend(registries.map(|(name, _)| name.clone()));
        }
        changed
    }
}

/// The owners a cause hits, as its incident tells of them.
pub fn hits(causes: &Causes, cause: &ObjectRef, ailing: &BTreeMap<ObjectRef, Ailing>) -> Vec<Hit> {
    let began = |owner: &ObjectRef| ailing.get(owner).and_then(Ailing::since);
    let hit = causes.hit_by(cause).filter_map(|owner| Some((owner, ailing.get(owner)?)));
    hit.filter_map(|(owner, it)| {
        let since = it.since().or_else(|| it.silent_nodes.first().and_then(began)).or_else(|| began(cause))?;
        let classes: BTreeSet<ConditionClass> = it.findings.iter().map(|f| f.class).collect();
        Some(Hit::new(owner.clone(), classes.into_iter().collect(), it, since))
    })
    .collect()
}

/// What one owner's troubles are held against.
struct Explanations<'a> {
    ailing: &'a BTreeMap<ObjectRef, Ailing>,
    registries: BTreeSet<&'a ObjectRef>,
    unserved: Vec<(&'a ObjectRef, Option<Role>)>,
    world: &'a World<'a>,
}

impl<'a> Explanations<'a> {
    /// The strongest cause, if causes explain everything that is wrong with an owner.
    fn of(&self, owner: &ObjectRef, it: &'a Ailing) -> Option<&'a ObjectRef> {
        let mut causes = BTreeSet::new();
        for finding in &it.findings {
            match self.of_finding(owner, finding) {
                Some(cause) => drop(causes.insert((rank(cause), cause))),
                None if FOLLOWS.contains(&finding.class) => {}
                None => return None,
            }
        }
        for finding in &it.unseen {
            let cause = self.of_finding(owner, finding).or_else(|| self.unseen_on(it, finding))?;
            causes.insert((rank(cause), cause));
        }
        if it.findings.is_empty() {
            causes.extend(it.silent_nodes.iter().filter(|node| self.exists(node)).map(|node| (rank(node), node)));
        }
        causes.into_iter().map(|(_, cause)| cause).find(|cause| *cause != owner)
    }

    fn of_finding(&self, owner: &ObjectRef, finding: &'a Finding) -> Option<&'a ObjectRef> {
        if let Some(cause) = finding.cause.as_ref().map(|cause| &cause.owner).filter(|cause| self.exists(cause)) {
            return Some(cause);
        }
        if !OF_A_NEED.contains(&finding.class) {
            return None;
        }
        let shown = finding.since.checked_add(SHOWS_WITHIN).unwrap_or(Timestamp::MAX);
        let explains = |(need, role): &(&ObjectRef, Option<Role>)| {
            *need != owner
                && (self.world.needs)(owner, need, *role)
                && self.began(need).is_some_and(|began| began <= shown)
        };
        self.unserved.iter().copied().find(explains).map(|(need, _)| need)
    }

    /// The silent node because of which something is not seen any more, unless it was wrong before that.
    fn unseen_on(&self, it: &'a Ailing, finding: &Finding) -> Option<&'a ObjectRef> {
        let shown = finding.since.checked_add(SHOWS_WITHIN).unwrap_or(Timestamp::MAX);
        let explains = |node: &&ObjectRef| self.exists(node) && self.began(node).is_some_and(|began| began <= shown);
        it.silent_nodes.iter().find(explains)
    }

    /// When an owner began to be wrong; one of which nothing is known but that its node is silent, with the node.
    fn began(&self, owner: &ObjectRef) -> Option<Timestamp> {
        let it = self.ailing.get(owner)?;
        it.since().or_else(|| it.silent_nodes.first().and_then(|node| self.ailing.get(node)?.since()))
    }

    /// Whether a cause is wrong at present, or may be in a moment: both explain.
    fn exists(&self, cause: &ObjectRef) -> bool {
        if cause.kind == REGISTRY { self.registries.contains(cause) } else { self.ailing.contains_key(cause) }
    }
}

/// The stronger cause comes first.
fn rank(cause: &ObjectRef) -> u8 {
    match &*cause.kind {
        "Node" => 0,
        REGISTRY => 1,
        _ => 2,
    }
}

/// The last cause of a chain of causes: DNS is away because its node is. None if it is its own.
fn last<'a>(owner: &'a ObjectRef, direct: &BTreeMap<&'a ObjectRef, &'a ObjectRef>) -> Option<&'a ObjectRef> {
    let mut seen = BTreeSet::from([owner]);
    let mut at = *direct.get(owner)?;
    while let Some(next) = direct.get(at) {
        // Two that need each other: both are told of.
        if !seen.insert(at) {
            return None;
        }
        at = next;
    }
    Some(at)
}

/// An owner that could not pull, and by what.
type Unpulled<'a> = (&'a ObjectRef, &'a Ailing, &'a Arc<Finding>);

/// What is said of a registry that owners could not pull from.
fn judge(registry: &ObjectRef, hit: &[Unpulled<'_>]) -> Option<Judgement> {
    let (_, _, first) = hit.iter().min_by_key(|(owner, _, finding)| (finding.since, *owner))?;
    let name = &registry.name;
    let why = first.cause.as_ref().map_or("", |cause| cause.why.as_str());
    let mut evidence: Vec<Evidence> = Vec::new();
    for piece in hit.iter().flat_map(|(_, _, finding)| &finding.evidence) {
        if evidence.len() < MOST_EVIDENCE && !evidence.iter().any(|known| known.text == piece.text) {
            evidence.push(piece.clone());
        }
    }
    let finding = Finding {
        check: REGISTRY_CHECK.into(),
        owner: registry.clone(),
        objects: hit.iter().take(MOST_OBJECTS).map(|(owner, ..)| (*owner).clone()).collect(),
        class: ConditionClass::RegistryDown,
        reason: "RegistryUnreachable".to_owned(),
        message: format!("no node gets images of {name}: {why}"),
        since: first.since,
        severity: Level::High,
        impact: Impact::default(),
        evidence,
        recommendation: format!(
            "See whether {name} works (its status page, pull limits) and whether the nodes reach it: DNS, proxy, firewall, certificates"
        ),
        cause: None,
        log: None,
        grace: first.grace,
    };
    let is_seen = |(_, it, finding): &Unpulled<'_>| it.findings.contains(finding);
    let due = hit.iter().map(|(_, it, _)| it.due).min().flatten();
    let verdict = match due {
        _ if !hit.iter().any(is_seen) => Verdict::Unknown("the pods that cannot pull are not seen".to_owned()),
        None => Verdict::Wrong(Arc::new(finding)),
        Some(due) => Verdict::Pending(Arc::new(finding), due),
    };
    Some(Judgement { check: REGISTRY_CHECK, owner: registry.clone(), verdict })
}

#[cfg(test)]
#[path = "causes_tests.rs"]
mod tests;
