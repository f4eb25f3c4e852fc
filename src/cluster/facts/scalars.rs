//! Identities and times as they are kept: 16 bytes of a uid, 8 of a time.

use std::{
    fmt,
    num::{NonZeroI64, NonZeroU8},
};

use jiff::Timestamp;
use prost::Message;

use super::Slim;

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
}
