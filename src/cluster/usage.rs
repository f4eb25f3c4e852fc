//! How full things are that have a limit: readings come in, what is near its limit and since when comes out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{ObjectKey, Text, Visibility};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// Memory of a container of a Pod, against its limit.
    Memory {
        /// The Pod.
        pod: ObjectKey,
        /// The container.
        container: Text,
    },
    /// Bytes of the volume of a claim.
    Bytes(ObjectKey),
    /// Files of the volume of a claim.
    Inodes(ObjectKey),
}

/// Where readings come from; what one of them measures is not known while it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Meter {
    /// The metrics API: memory.
    Metrics,
    /// The kubelets: volumes.
    Kubelets,
}

impl Gauge {
    /// Who measures it.
    pub fn meter(&self) -> Meter {
        match self {
            Self::Memory { .. } => Meter::Metrics,
            Self::Bytes(_) | Self::Inodes(_) => Meter::Kubelets,
        }
    }

    /// The Pod or the claim.
    pub fn object(&self) -> &ObjectKey {
        match self {
            Self::Memory { pod, .. } => pod,
            Self::Bytes(claim) | Self::Inodes(claim) => claim,
        }
    }
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of what.
    pub gauge: Gauge,
    /// How much is used (bytes, files).
    pub used: u64,
    /// How much there can be; 0 is no limit.
    pub limit: u64,
}

/// Something near its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearLimit {
    /// Since when it is: a reading that was too much, and none since that was [`Usage::BELOW`] percent less.
    pub since: Timestamp,
    /// When it was read last.
    pub at: Timestamp,
    /// How much is used (bytes, files).
    pub used: u64,
    /// How much there can be.
    pub limit: u64,
    /// How much was used when it came near its limit.
    pub first: u64,
}

impl NearLimit {
    /// Whether it was not read for too long.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= Usage::STALE
    }

    /// How much it grew since it is near its limit, in which time, and in which time it is full at that pace. None: it has not
    /// grown by a percent yet, was not watched for long enough, or would take more than [`Usage::FAR`].
    pub fn slope(&self) -> Option<(u64, SignedDuration, SignedDuration)> {
        let grown = self.used.checked_sub(self.first)?;
        let within = self.at.duration_since(self.since);
        if within < Usage::WATCHED || grown < (self.limit / 100).max(1) {
            return None;
        }
        let left = self.limit.saturating_sub(self.used);
        let seconds = u128::from(left) * u128::try_from(within.as_secs()).ok()? / u128::from(grown);
        let full_in = SignedDuration::from_secs(i64::try_from(seconds).ok()?);
        (full_in <= Usage::FAR).then_some((grown, within, full_in))
    }

    /// How full it is, in percent, rounded down.
    pub fn percent(&self) -> u64 {
        percent(self.used, self.limit)
    }
}

/// What is near its limit. What is not is not kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// From which percentage on, where it is not [`Usage::FULL`].
    from: BTreeMap<Meter, u64>,
    near: BTreeMap<Gauge, NearLimit>,
    read: BTreeMap<Meter, Visibility>,
    /// Nodes whose kubelets answered when they were asked last.
    answered: BTreeSet<Text>,
}

impl Usage {
    /// From this percentage on something is near its limit, unless another is set.
    pub const FULL: u64 = 90;
    /// So much less, and it no longer is: between the two it stays what it was.
    pub const BELOW: u64 = 5;
    /// So long something near its limit is watched before its pace means anything.
    pub const WATCHED: SignedDuration = SignedDuration::from_mins(4);
    /// What is full after this is not worth a word: until then everything changes.
    pub const FAR: SignedDuration = SignedDuration::from_hours(30 * 24);
    /// What was last read so long ago is not known any more.
    pub const STALE: SignedDuration = SignedDuration::from_mins(15);

    /// Sets from which percentage on what a meter reads is near its limit.
    pub fn near_from(&mut self, meter: Meter, percent: u64) {
        self.from.insert(meter, percent);
    }

    /// Takes in what one meter read. Says what came near its limit, left it, or differs by a percent. What it did not read stays as
    /// it was: that a full volume is not read while its pod is down does not empty it.
    pub fn take(&mut self, meter: Meter, readings: Vec<Reading>, now: Timestamp) -> Vec<Gauge> {
        self.read.insert(meter, Visibility::Seen(now));
        let mut changed = Vec::new();
        let full = self.from.get(&meter).copied().unwrap_or(Self::FULL);
        for reading in readings {
            let Reading { gauge, used, limit } = reading;
            let percent = percent(used, limit);
            let before = self.near.get(&gauge).copied();
            let (since, first) = match before {
                // Of what was emptied in between, the pace begins anew.
                Some(near) if percent >= full.saturating_sub(Self::BELOW) => (near.since, near.first.min(used)),
                None if percent >= full => (now, used),
                Some(_) => {
                    self.near.remove(&gauge);
                    changed.push(gauge);
                    continue;
                }
                None => continue,
            };
            if before.is_none_or(|before| before.percent() != percent) {
                changed.push(gauge.clone());
            }
            self.near.insert(gauge, NearLimit { since, at: now, used, limit, first });
        }
        changed
    }

    /// Forgets what is no longer there: a container that was measured and ended, a claim that nobody mounts.
    pub fn forget(&mut self, is_gone: impl Fn(&Gauge, &NearLimit) -> bool) -> Vec<Gauge> {
        let gone = self.near.extract_if(.., |gauge, near| is_gone(gauge, near));
        gone.map(|(gauge, _)| gauge).collect()
    }

    /// A meter cannot be read, or does not exist: then nothing is near a limit by it. Says what was.
    pub fn lost(&mut self, meter: Meter, seen: Visibility) -> Vec<Gauge> {
        let exists = seen != Visibility::NotApplicable;
        let seen = match (self.read.get(&meter), seen) {
            (Some(Visibility::Blind { since, .. }), Visibility::Blind { why, .. }) => {
                Visibility::Blind { since: *since, why }
            }
            (_, seen) => seen,
        };
        self.read.insert(meter, seen);
        if exists { Vec::new() } else { self.forget(|gauge, _| gauge.meter() == meter) }
    }

    /// The kubelets of these nodes answered when all were asked last.
    pub fn answered(&mut self, nodes: BTreeSet<Text>) {
        self.answered = nodes;
    }

    /// Why it is not known how full the things of a pod are that runs on that node since then; None: what is not near its limit has
    /// room. A volume is measured through a pod that runs; memory that is younger than the loss of its meter was never full.
    pub fn unread(&self, meter: Meter, node: &str, since: Option<Timestamp>) -> Option<String> {
        match (meter, self.meter(meter)) {
            (_, Some(Visibility::NotApplicable)) | (Meter::Metrics, Some(Visibility::Seen(_))) => None,
            (Meter::Metrics, Some(Visibility::Blind { since: lost, .. }))
                if since.is_some_and(|since| since > *lost) =>
            {
                None
            }
            (Meter::Kubelets, Some(_)) if self.answered.contains(&Text::from(node)) => {
                since.is_none().then(|| "not measured: its pod does not run".to_owned())
            }
            (_, Some(Visibility::Blind { why, .. })) => Some(format!("not measured: {why}")),
            (_, Some(Visibility::Seen(_)) | None) => Some("not measured yet".to_owned()),
        }
    }

    /// Whether a meter can be read; None: not tried yet.
    pub fn meter(&self, meter: Meter) -> Option<&Visibility> {
        self.read.get(&meter)
    }

    /// What of an object is near its limit.
    pub fn near_limit<'a>(&'a self, object: &'a ObjectKey) -> impl Iterator<Item = (&'a Gauge, &'a NearLimit)> {
        let first = Gauge::Memory { pod: object.clone(), container: Text::new() };
        // Most clusters have nothing near a limit, and everything is asked.
        let near = (!self.near.is_empty()).then_some(&self.near);
        let containers = near
            .into_iter()
            .flat_map(move |near| near.range(first.clone()..))
            .take_while(move |(gauge, _)| matches!(gauge, Gauge::Memory { pod, .. } if pod == object));
        let volume = [Gauge::Bytes(object.clone()), Gauge::Inodes(object.clone())];
        containers.chain(volume.into_iter().filter_map(move |gauge| near?.get_key_value(&gauge)))
    }

    /// Whether nothing is near its limit.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }
}

fn percent(used: u64, limit: u64) -> u64 {
    used.saturating_mul(100).checked_div(limit).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Kind;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    fn gauge() -> Gauge {
        Gauge::Bytes(ObjectKey { kind: Kind::PersistentVolumeClaim, namespace: "shop".into(), name: "data".into() })
    }

    fn take(usage: &mut Usage, minute: i64, used: u64) -> (usize, Option<(i64, u64)>) {
        let changed = usage.take(Meter::Kubelets, vec![Reading { gauge: gauge(), used, limit: 1000 }], at(minute));
        let near =
            usage.near_limit(gauge().object()).next().map(|(_, near)| (near.since.as_second() / 60, near.percent()));
        (changed.len(), near)
    }

    #[test]
    fn what_fills_up_is_near_its_limit_until_it_is_well_below() {
        let mut usage = Usage::default();
        let told: Vec<_> = [(0, 899), (1, 900), (2, 905), (3, 871), (4, 990), (5, 849), (6, 899)]
            .into_iter()
            .map(|(minute, used)| take(&mut usage, minute, used))
            .collect();
        let near = |percent| Some((1, percent));
        assert_eq!(told, [(0, None), (1, near(90)), (0, near(90)), (1, near(87)), (1, near(99)), (1, None), (0, None)]);
    }

    /// Readings by minute, and what is said in the end: grown by so much in so many minutes, full in so many.
    #[rstest::rstest]
    #[case::it_grows(&[(0, 900), (2, 910), (10, 950)], Some((50, 10, 10)))]
    #[case::it_stands_still(&[(0, 900), (10, 909)], None)]
    #[case::it_shrinks(&[(0, 950), (10, 900)], None)]
    #[case::too_early(&[(0, 900), (3, 990)], None)]
    #[case::it_is_full(&[(0, 900), (10, 1000)], Some((100, 10, 0)))]
    #[case::from_its_lowest(&[(0, 940), (5, 900), (20, 920)], Some((20, 20, 80)))]
    #[case::too_slow_to_matter(&[(0, 900), (100_000, 910)], None)]
    fn its_pace_tells_when_it_is_full(#[case] read: &[(i64, u64)], #[case] expected: Option<(u64, i64, i64)>) {
        let mut usage = Usage::default();
        for (minute, used) in read {
            take(&mut usage, *minute, *used);
        }
        let gauge = gauge();
        let near = usage.near_limit(gauge.object()).next().map(|(_, near)| *near);
        let slope = near.and_then(|near| near.slope());
        assert_eq!(slope.map(|(grown, within, left)| (grown, within.as_mins(), left.as_mins())), expected);
    }

    #[test]
    fn what_is_no_longer_read_stays_as_it_was_until_it_is_gone_or_its_meter() {
        let mut usage = Usage::default();
        take(&mut usage, 0, 950);
        usage.lost(Meter::Kubelets, Visibility::Blind { since: at(5), why: "forbidden".into() });
        usage.lost(Meter::Kubelets, Visibility::Blind { since: at(9), why: "forbidden".into() });
        assert_eq!(usage.meter(Meter::Kubelets), Some(&Visibility::Blind { since: at(5), why: "forbidden".into() }));
        assert_eq!(usage.take(Meter::Kubelets, vec![], at(25)), []);
        assert_eq!(usage.forget(|_, near| near.since == at(1)), []);
        assert_eq!(usage.lost(Meter::Metrics, Visibility::NotApplicable), []);
        assert!(!usage.is_empty());
        let mut other = usage.clone();
        assert_eq!(usage.forget(|_, near| near.since == at(0)), [gauge()]);
        assert_eq!(other.lost(Meter::Kubelets, Visibility::NotApplicable), [gauge()]);
        assert!(usage.is_empty() && other.is_empty());
    }

    #[test]
    fn what_counts_as_near_can_be_set() {
        let mut usage = Usage::default();
        usage.near_from(Meter::Kubelets, 70);
        let told = [(0, 699), (1, 700), (2, 650), (3, 649)].map(|(minute, used)| take(&mut usage, minute, used).1);
        assert_eq!(told, [None, Some((1, 70)), Some((1, 65)), None]);
    }

    #[test]
    fn what_has_no_limit_is_never_near_it() {
        let mut usage = Usage::default();
        usage.take(Meter::Kubelets, vec![Reading { gauge: gauge(), used: u64::MAX, limit: 0 }], at(0));
        assert!(usage.is_empty());
    }
}
