//! What decoders yield becomes what is kept: strings that are short or shared, equal parts once for all objects that have them.
//!
//! A cluster of 10,000 pods says the same few thousand things again and again: the labels, containers and conditions of a pod are
//! those of its neighbours. They are kept once, counted, and forgotten with the last object that has them.

use std::{
    collections::BTreeMap,
    fmt,
    hash::Hash,
    num::{NonZeroI64, NonZeroU8},
    ops::Deref,
};

use internment::ArcIntern;
use jiff::Timestamp;
use prost::Message;
use serde::de::DeserializeOwned;

/// A string that is kept: up to 15 bytes in place, longer ones counted, so that a copy costs nothing.
pub use ecow::EcoString as Text;

/// What is kept of a value, and the form in which it is decoded from protobuf and JSON.
pub trait Slim: Sized {
    /// The form of the decoders.
    type Wire;

    /// Keeps what is kept of it.
    fn slim(wire: Self::Wire) -> Self;
}

/// A value with its own message in protobuf.
pub trait SlimMessage: Slim<Wire: Message + Default + DeserializeOwned> {}

impl<T: Slim<Wire: Message + Default + DeserializeOwned>> SlimMessage for T {}

macro_rules! as_it_is {
    ($($ty:ty),*) => { $(
        impl Slim for $ty {
            type Wire = Self;

            fn slim(wire: Self) -> Self {
                wire
            }
        }
    )* };
}
as_it_is!(i32, i64, bool, String);

impl Slim for Text {
    type Wire = String;

    fn slim(wire: String) -> Self {
        wire.into()
    }
}

impl<T: Slim> Slim for Option<T> {
    type Wire = Option<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.map(T::slim)
    }
}

impl<T: Slim> Slim for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

impl<T: Slim> Slim for Box<[T]> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

impl<T: Slim> Slim for Box<T> {
    type Wire = T::Wire;

    fn slim(wire: Self::Wire) -> Self {
        Self::new(T::slim(wire))
    }
}

impl<T: Slim> Slim for BTreeMap<String, T> {
    type Wire = BTreeMap<String, T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(|(key, value)| (key, T::slim(value))).collect()
    }
}

/// A value that is kept once for all objects that have an equal one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shared<T: Eq + Hash + Send + Sync + 'static>(ArcIntern<T>);

impl<T: Eq + Hash + Send + Sync + 'static> Shared<T> {
    /// The one that is equal to this.
    pub fn new(value: T) -> Self {
        Self(ArcIntern::new(value))
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Eq + Hash + Send + Sync + Default + 'static> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for Shared<T> {
    type Wire = T::Wire;

    fn slim(wire: Self::Wire) -> Self {
        Self::new(T::slim(wire))
    }
}

/// A list that is empty for most objects, and much the same for the others.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct List<T: Eq + Hash + Send + Sync + 'static>(Option<Shared<Box<[T]>>>);

impl<T: Eq + Hash + Send + Sync + 'static> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |shared| &***shared)
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let items: Box<[T]> = items.into_iter().collect();
        Self((!items.is_empty()).then(|| Shared::new(items)))
    }
}

impl<'a, T: Eq + Hash + Send + Sync + 'static> IntoIterator for &'a List<T> {
    type IntoIter = std::slice::Iter<'a, T>;
    type Item = &'a T;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        <[T]>::fmt(self, f)
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for List<T> {
    type Wire = Vec<T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::slim).collect()
    }
}

/// Names with values (labels, annotations, limits), in the order of the names.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Map<T: Eq + Hash + Send + Sync + 'static>(List<(Text, T)>);

/// Labels, selectors.
pub type Labels = Map<Text>;

impl<T: Eq + Hash + Send + Sync + 'static> Default for Map<T> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<T: Eq + Hash + Send + Sync + 'static> Map<T> {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether there is one of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.iter().map(|(name, _)| name)
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }
}

impl<T: Clone + Eq + Hash + Send + Sync + 'static> Map<T> {
    /// Whether all of the others are among these, with the same values.
    pub fn include(&self, others: &Self) -> bool {
        others.iter().all(|(name, value)| self.get(name) == Some(value))
    }

    /// Those whose name is wanted.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        if self.keys().all(|name| wanted(name)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|(name, _)| wanted(name)).cloned().collect())
    }
}

impl<N: Into<Text> + Ord, T: Eq + Hash + Send + Sync + 'static> FromIterator<(N, T)> for Map<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(items: I) -> Self {
        let sorted: BTreeMap<N, T> = items.into_iter().collect();
        Self(sorted.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<T: Eq + Hash + Send + Sync + fmt::Debug + 'static> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> Map<T> {
    fn pairs(&self) -> &[(Text, T)] {
        &self.0
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> PartialOrd for Map<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord + Eq + Hash + Send + Sync + 'static> Ord for Map<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.pairs().cmp(other.pairs())
    }
}

impl<T: Slim + Eq + Hash + Send + Sync + 'static> Slim for Map<T> {
    type Wire = BTreeMap<String, T::Wire>;

    fn slim(wire: Self::Wire) -> Self {
        Self(wire.into_iter().map(|(name, value)| (name.into(), T::slim(value))).collect())
    }
}

/// The identity of an object. Only whether two are the same can be asked, so 16 bytes are kept of its text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u64; 2]);

impl Uid {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl From<&str> for Uid {
    /// The digits themselves of a UUID, which all of Kubernetes' own are; 128 bits of a hash (FNV-1a) of anything else.
    fn from(text: &str) -> Self {
        let digits = || text.chars().filter(|c| *c != '-');
        let of_uuid = || {
            let is_uuid = text.len() == 36 && digits().count() == 32;
            is_uuid.then(|| digits().try_fold(0_u128, |all, c| Some(all << 4 | u128::from(c.to_digit(16)?))))?
        };
        let of_text = || {
            text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
                (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
            })
        };
        if text.is_empty() {
            return Self::default();
        }
        let bytes = of_uuid().unwrap_or_else(of_text).to_be_bytes();
        let half = |from: usize| {
            bytes.get(from..from.saturating_add(8)).and_then(|half| half.try_into().ok()).map_or(0, u64::from_be_bytes)
        };
        Self([half(0), half(8)])
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0;
        write!(f, "{high:016x}{low:016x}")
    }
}

impl Slim for Uid {
    type Wire = String;

    fn slim(wire: String) -> Self {
        wire.as_str().into()
    }
}

/// A `metav1.Time` or `metav1.MicroTime`: nanoseconds since 1970, which a 64-bit number holds from 1678 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroI64);

impl Time {
    /// As an instant.
    pub fn at(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0.get())).unwrap_or(Timestamp::MAX)
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.at().as_second()
    }
}

impl From<Timestamp> for Time {
    /// What lies outside of the range becomes its end; 1970 itself is a nanosecond late.
    fn from(at: Timestamp) -> Self {
        let nanos = at.as_nanosecond().clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Self(i64::try_from(nanos).ok().and_then(NonZeroI64::new).unwrap_or(NonZeroI64::from(NonZeroU8::MIN)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at())
    }
}

/// How a time is decoded: RFC 3339 in JSON, seconds and nanoseconds in protobuf.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct WireTime {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl<'de> serde::Deserialize<'de> for WireTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = <Timestamp as serde::Deserialize>::deserialize(deserializer)?;
        Ok(Self { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
    }
}

impl Slim for Time {
    type Wire = WireTime;

    fn slim(wire: WireTime) -> Self {
        let end = if wire.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::new(wire.seconds, wire.nanos).unwrap_or(end).into()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::cluster::facts::{Pod, ReplicaSet};

    fn pod(name: &str, node: &str) -> Pod {
        let written = json!({
            "metadata": {"name": name, "labels": {"app": "api", "tier": "web"}},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "acme/api:1"}],
                "volumes": [{"name": name, "configMap": {"name": "x"}}, {"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}]},
            "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}]},
        });
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn what_neighbours_have_in_common_is_kept_once() {
        let (one, other) = (pod("api-1", "n1"), pod("api-2", "n2"));
        let asked = |pod: &Pod| std::ptr::from_ref(&pod.spec.as_ref().unwrap().containers).addr();
        let labels = |pod: &Pod| std::ptr::from_ref(pod.meta().labels.get("app").unwrap()).addr();
        let said = |pod: &Pod| std::ptr::from_ref(&pod.condition("Ready").unwrap().status).addr();
        assert_eq!((asked(&one), labels(&one), said(&one)), (asked(&other), labels(&other), said(&other)));
        assert_eq!((one.node_name(), other.node_name()), ("n1", "n2"));
        assert_eq!(one.claims().collect::<Vec<_>>(), ["disk"]);
    }

    #[rstest]
    #[case("2f1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e5f", "2f1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e5f", true)]
    #[case("2f1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e5f", "2f1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e50", false)]
    #[case::a_node_by_its_name("n1", "n1", true)]
    #[case("n1", "n2", false)]
    #[case::no_hexadecimal("zf1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e5f", "yf1e9c1a-5a44-4f0e-9c2b-0a1b2c3d4e5f", false)]
    #[case("", "n1", false)]
    fn uids_are_the_same_if_their_text_is(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        assert_eq!(Uid::from(one) == Uid::from(other), same);
        assert_eq!(Uid::from(one).is_empty(), one.is_empty());
    }

    #[rstest]
    #[case(json!("2026-03-01T12:00:00Z"), "2026-03-01T12:00:00Z")]
    #[case(json!("2026-03-01T12:00:00.123456Z"), "2026-03-01T12:00:00.123456Z")]
    #[case::before_all_time(json!("0001-01-01T00:00:00Z"), "1677-09-21T00:12:43.145224192Z")]
    #[case::never(json!("9999-12-30T00:00:00Z"), "2262-04-11T23:47:16.854775807Z")]
    #[case::the_first_instant(json!("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00.000000001Z")]
    fn times_are_kept_to_the_nanosecond(#[case] written: serde_json::Value, #[case] kept: &str) {
        let wire: WireTime = serde_json::from_value(written).unwrap();
        assert_eq!(Time::slim(wire).at().to_string(), kept);
    }

    #[test]
    fn a_time_no_calendar_holds_is_cut() {
        let end = |seconds| Time::slim(WireTime { seconds, nanos: -7 }).at();
        assert!(end(i64::MAX) > end(0) && end(i64::MIN) < end(0));
    }

    #[test]
    fn names_are_found_whatever_their_order() {
        let labels: Labels =
            [("b", "2"), ("a", "1"), ("c", "3")].map(|(k, v)| (k, Text::from(v))).into_iter().collect();
        assert_eq!(labels.get("b").map(Text::as_str), Some("2"));
        assert_eq!(labels.get("d"), None);
        assert!(labels.include(&labels.only(|name| name != "b")) && !labels.only(|name| name == "a").include(&labels));
        assert!(labels.include(&Labels::default()));
    }

    #[test]
    fn an_old_replica_set_is_kept_by_its_name_its_owner_and_its_number() {
        let written = |replicas: i32| {
            json!({"metadata": {"name": "api-1", "labels": {"app": "api"}, "annotations": {"deployment.kubernetes.io/revision": "3", "other": "x"},
                "ownerReferences": [{"kind": "Deployment", "apiVersion": "apps/v1", "name": "api", "controller": true}]},
                "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "api"}}}}, "status": {"replicas": replicas}})
        };
        let kept = |replicas| {
            let set: ReplicaSet = serde_json::from_value(written(replicas)).unwrap();
            let mut fact = crate::cluster::Fact::ReplicaSet(Box::new(set));
            fact.keep_what_is_read();
            let crate::cluster::Fact::ReplicaSet(set) = fact else { panic!("it is one") };
            let revision = set.meta().annotations.get("deployment.kubernetes.io/revision").map(Text::to_string);
            (
                revision,
                set.meta().annotations.len(),
                set.meta().labels.len(),
                set.spec.as_ref().unwrap().template.is_some(),
            )
        };
        assert_eq!(kept(0), (Some("3".to_owned()), 1, 0, false));
        assert_eq!(kept(1), (Some("3".to_owned()), 1, 1, true));
    }
}
