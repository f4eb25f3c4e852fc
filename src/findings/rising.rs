//! The restarts that were seen of a container in; whether they come ever more often, as evidence, out.

use jiff::{SignedDuration, Timestamp};

use super::{Evidence, Look, evidence, pods::Seen};
use crate::cluster::{History, ObjectRef, TransitionKind};

/// What is compared: three times so long, and how people call it.
const WINDOWS: [(SignedDuration, &str); 2] =
    [(SignedDuration::from_hours(1), "hours"), (SignedDuration::from_hours(24), "days")];
/// Fewer restarts than this in the last of the three are chance.
const ENOUGH: usize = 3;

/// That a container, in whichever pod of its owner, is restarted ever more often.
pub(crate) fn restarts(owner: &ObjectRef, seen: &Seen<'_>, look: &Look<'_>) -> Option<Evidence> {
    let all: Vec<_> = look.history.since(owner, Timestamp::MIN).collect();
    // What was forgotten would look like a time without restarts.
    let known_since = if all.len() < History::KEPT { Timestamp::MIN } else { all.first()?.at };
    let of_container = |kind: &TransitionKind| matches!(kind, TransitionKind::Restarted { container, .. } if *container == seen.status.name);
    let at: Vec<Timestamp> = all.iter().filter(|t| of_container(&t.kind)).map(|t| t.at).collect();
    let text = in_words(&at, known_since, look.now)?;
    Some(evidence::piece(evidence::source(seen), &text, None))
}

/// `restarted ever more often: 1, 2 and 4 times in the last three hours`.
fn in_words(at: &[Timestamp], known_since: Timestamp, now: Timestamp) -> Option<String> {
    WINDOWS.into_iter().find_map(|(length, name)| {
        let back = |times: i32| now.checked_sub(length.checked_mul(times)?).ok();
        let within = |times: i32| Some((back(times)?, back(times - 1)?));
        let count = |times: i32| within(times).map(|(from, to)| at.iter().filter(|t| **t > from && **t <= to).count());
        let [first, second, third] = [count(3)?, count(2)?, count(1)?];
        let rises = first > 0 && second > first && third > second && third >= ENOUGH && known_since <= back(3)?;
        rises
            .then(|| format!("restarted ever more often: {first}, {second} and {third} times in the last three {name}"))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HOURS: i64 = 60;

    #[rstest]
    #[case::never(&[], "")]
    #[case::ever_more_often(&[150, 100, 70, 50, 30, 10], "restarted ever more often: 1, 2 and 3 times in the last three hours")]
    #[case::over_days(&[60 * HOURS, 40 * HOURS, 30 * HOURS, 20 * HOURS, 10 * HOURS, 5 * HOURS],
        "restarted ever more often: 1, 2 and 3 times in the last three days")]
    #[case::two_are_chance(&[100, 50, 30], "")]
    #[case::all_of_a_sudden(&[50, 40, 30, 20, 10], "")]
    #[case::less_often(&[170, 160, 150, 100, 70, 50], "")]
    #[case::as_often(&[150, 130, 100, 70, 50, 30], "")]
    #[case::on_the_border_counted_once(&[180, 120, 110, 60, 50, 30, 0], "restarted ever more often: 1, 2 and 3 times in the last three hours")]
    fn restarts_that_rise_are_told(#[case] minutes_ago: &[i64], #[case] expected: &str) {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let at: Vec<Timestamp> = minutes_ago.iter().map(|ago| now - SignedDuration::from_mins(*ago)).collect();
        assert_eq!(in_words(&at, Timestamp::MIN, now).unwrap_or_default(), expected);
        // Of what was forgotten nothing can be said.
        assert_eq!(in_words(&at, now - SignedDuration::from_mins(90), now), None);
    }
}
