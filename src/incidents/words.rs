//! Durations as people say them, and instants a duration later.

use jiff::{SignedDuration, Timestamp};

/// An instant so much later; the last there is, if that is beyond it.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `42 s`, `9 min`, `3 h 20 min`, `5 days`; what is left of a unit is cut, not rounded up.
pub fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (1..48, _) if minutes % 60 == 0 => format!("{hours} h"),
        (1..48, _) => format!("{hours} h {} min", minutes % 60),
        (_, _) => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(-5, "0 s")]
    #[case(0, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(599, "9 min")]
    #[case(3600, "1 h")]
    #[case(12_000, "3 h 20 min")]
    #[case(172_799, "47 h 59 min")]
    #[case(432_000, "5 days")]
    fn durations_read_like_speech(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(in_words(SignedDuration::from_secs(seconds)), expected);
    }
}
