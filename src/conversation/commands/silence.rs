//! `/k8s silence <what> <time> [reason]`: nothing is told of something for a time.

use jiff::SignedDuration;

use super::{
    Answer, Change, Command, usage,
    which::{Which, first_word, which},
};
use crate::{
    conversation::{nearest, reply, standing::Standing},
    findings::checks,
    incidents::{IncidentId, Silenced},
};

/// The longest silence: what is never to be told is left alone in the configuration.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// The command.
pub const COMMAND: Command = Command {
    word: "silence",
    aliases: &["mute", "snooze"],
    usage: "/k8s silence <what> <time> [reason]",
    help: "tells nothing of an incident, a namespace, a workload, a service or a check for a time, SEV-1 included",
    examples: &[
        "/k8s silence INC-2026-11-24-001 2h waiting for the disk",
        "/k8s silence namespace shop 1h30m we move it",
        "/k8s silence shop/api 1d",
        "/k8s silence service orders 4h",
        "/k8s silence check certificate 7d",
    ],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    let (first, others) = first_word(rest);
    let is_sort =
        matches!(first.to_lowercase().as_str(), "namespace" | "ns" | "service" | "check" | "incident" | "workload");
    let (sort, name, others) = match is_sort.then(|| first_word(others)) {
        Some((name, others)) => (first.to_lowercase(), name, others),
        None => (String::new(), first, others),
    };
    if name.is_empty() {
        return usage(&COMMAND, "What is to be silent?");
    }
    let of = match meant(&sort, name, standing) {
        Ok(of) => of,
        Err(answer) => return answer,
    };
    let (time, reason) = first_word(others);
    if time.is_empty() {
        return usage(&COMMAND, "For how long?");
    }
    match how_long(time) {
        Some(time) if time < SHORTEST || time > LONGEST => {
            usage(&COMMAND, &format!("{} is not from 1m to 30d.", reply::code(&written(time))))
        }
        Some(time) => Answer::Change(Change::Silence { of, time, reason: reason.to_owned() }),
        None => usage(&COMMAND, &format!("{} is no time: write 30m, 2h or 1d.", reply::code(time))),
    }
}

/// What somebody means; without a word that says what it is, what there is by that name.
fn meant(sort: &str, name: &str, standing: &Standing) -> Result<Silenced, Answer> {
    let tidy = name.trim_matches(['`', '\'', '"', ',']);
    let checks: Vec<&str> = checks::ALL.iter().map(|check| check.name()).collect();
    let services: Vec<&str> = standing.clusters.iter().flat_map(|c| c.services.iter().map(String::as_str)).collect();
    let namespaces = standing.namespaces();
    let known =
        |names: &[&str]| names.iter().find(|known| known.eq_ignore_ascii_case(tidy)).map(|&known| known.to_owned());
    let unknown = |what: &str, names: &[&str]| {
        let near = nearest(tidy, names.iter().copied());
        let hint = if near.is_empty() {
            String::new()
        } else {
            format!(" Did you mean {}?", near.iter().map(|n| reply::code(n)).collect::<Vec<_>>().join(" or "))
        };
        Answer::Say(reply::line(format!("There is no {what} {}.{hint}", reply::code(tidy))))
    };
    let incident = || {
        which(tidy, &COMMAND, standing).map(|(Which::Open(id) | Which::InFull(id))| Silenced::Incident(IncidentId(id)))
    };
    let workload =
        |(namespace, name): (&str, &str)| Silenced::Workload { namespace: namespace.to_owned(), name: name.to_owned() };
    match sort {
        "incident" => incident(),
        "check" => known(&checks).map(Silenced::Check).ok_or_else(|| unknown("check", &checks)),
        "service" => {
            known(&services).map(Silenced::Service).ok_or_else(|| unknown("service in the catalogue", &services))
        }
        // What cannot be seen is taken at its word.
        "namespace" | "ns" => match namespaces {
            None => Ok(Silenced::Namespace(tidy.to_owned())),
            Some(names) => known(&names)
                .map(Silenced::Namespace)
                .ok_or_else(|| Answer::Say(reply::unknown_namespace(tidy, &names))),
        },
        _ if tidy.contains('/') => {
            match tidy.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty()) {
                Some(it) => Ok(workload(it)),
                None => Err(usage(&COMMAND, "A workload is written namespace/name.")),
            }
        }
        "workload" => Err(usage(&COMMAND, "A workload is written namespace/name.")),
        _ if tidy.to_uppercase().starts_with("INC-") || tidy.trim_start_matches('#').parse::<u32>().is_ok() => {
            incident()
        }
        _ => {
            let all = [
                known(&services).map(Silenced::Service),
                known(&checks).map(Silenced::Check),
                namespaces.as_deref().and_then(known).map(Silenced::Namespace),
            ];
            let found: Vec<Silenced> = all.into_iter().flatten().collect();
            match found.as_slice() {
                [one] => Ok(one.clone()),
                [] => {
                    let names: Vec<&str> =
                        checks.iter().chain(&services).chain(namespaces.iter().flatten()).copied().collect();
                    Err(unknown("incident, namespace, service or check", &names))
                }
                several => {
                    let several: Vec<String> = several.iter().map(|it| reply::code(&it.to_string())).collect();
                    Err(usage(&COMMAND, &format!("{} is not clear: {}?", reply::code(tidy), several.join(" or "))))
                }
            }
        }
    }
}

/// `30m`, `2h`, `1d`, `1h30m`; with or without `for`.
pub(crate) fn how_long(text: &str) -> Option<SignedDuration> {
    let text = text.trim().to_lowercase();
    // A day is 24 hours here, as a person who says it at night means it.
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) => (days.parse::<i64>().ok()?, rest),
        None => (0, text.as_str()),
    };
    let rest = if rest.is_empty() { SignedDuration::ZERO } else { rest.parse::<SignedDuration>().ok()? };
    let days = SignedDuration::from_hours(days.checked_mul(24)?);
    days.checked_add(rest).filter(SignedDuration::is_positive)
}

fn written(time: SignedDuration) -> String {
    crate::incidents::in_words(time)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::conversation::{
        commands::{answer, said},
        standing::samples,
    };

    #[rstest]
    #[case("silence INC-2026-11-24-001 2h waiting", "-> silence INC-2026-11-24-001 for 2 h: waiting")]
    #[case("silence 1 2h \"it is known\"", "-> silence INC-2026-11-24-001 for 2 h: it is known")]
    #[case("silence shop 90m", "-> silence namespace shop for 1 h 30 min: ")]
    #[case("silence namespace shop 1d we move it", "-> silence namespace shop for 24 h: we move it")]
    #[case("mute shop/api 1h30m", "-> silence workload shop/api for 1 h 30 min: ")]
    #[case("silence service orders 7d", "-> silence service orders for 7 days: ")]
    #[case("silence check crash-loop 1h", "-> silence check crash-loop for 1 h: ")]
    #[case("silence crash-loop 1h", "-> silence check crash-loop for 1 h: ")]
    #[case("silence shpo 1h", "There is no incident, namespace, service or check `shpo`. Did you mean `shop`?")]
    #[case("silence check crashloop 1h", "There is no check `crashloop`. Did you mean `crash-loop`?")]
    #[case("silence service order 1h", "There is no service in the catalogue `order`. Did you mean `orders`?")]
    #[case(
        "silence namespace zebra 1h",
        "There is no namespace `zebra`. There are 4: `default`, `kube-system`, `shop`, `shop-staging`."
    )]
    #[case("silence 9 1h", "I know no open incident `9`. Open: `INC-2026-11-24-001`, `INC-2026-11-24-002`.")]
    fn what_is_to_be_silent_is_found_by_what_people_type(#[case] typed: &str, #[case] expected: &str) {
        assert_eq!(said(answer(typed, &samples::broken())), expected);
    }

    #[rstest]
    #[case("silence", "What is to be silent?")]
    #[case("silence shop", "For how long?")]
    #[case("silence shop soon", "`soon` is no time: write 30m, 2h or 1d.")]
    #[case("silence shop 60d", "`60 days` is not from 1m to 30d.")]
    #[case("silence shop 5s", "`5 s` is not from 1m to 30d.")]
    #[case("silence workload api 1h", "A workload is written namespace/name.")]
    fn what_is_missing_is_asked_for(#[case] typed: &str, #[case] expected: &str) {
        let answered = said(answer(typed, &samples::broken()));
        assert_eq!(answered.lines().next(), Some(expected));
        assert!(answered.contains("for example `/k8s silence shop/api 1d`"), "{answered}");
    }

    #[rstest]
    #[case("30m", Some(1800))]
    #[case("1d", Some(86_400))]
    #[case("1d12h", Some(129_600))]
    #[case("2H", Some(7200))]
    #[case("0m", None)]
    #[case("-1h", None)]
    #[case("999999999999999999d", None)]
    #[case("h", None)]
    fn times_are_read_as_people_write_them(#[case] text: &str, #[case] seconds: Option<i64>) {
        assert_eq!(how_long(text).map(|time| time.as_secs()), seconds);
    }
}
