//! Several clusters in the conversation: `--cluster NAME` in what is typed, and answers that say of which cluster they are.

use super::{
    commands::{Answer, Change, Query, changes::Of},
    nearest, reply,
    standing::{ClusterStanding, Standing},
};
use crate::{
    alerts::{Message, blocks::Blocks},
    cluster::Kind,
    incidents::Silenced,
};

/// The words that name a cluster. Phones write one long dash for two short ones.
const FLAGS: [&str; 3] = ["--cluster", "\u{2014}cluster", "\u{2013}cluster"];

/// What was typed without `--cluster NAME`, and the name as it is configured; what to say if there is no such cluster.
pub fn without_cluster(typed: &str, known: &[String]) -> Result<(String, Option<String>), Message> {
    let mut rest = Vec::new();
    let mut named = None;
    let mut words = typed.split(' ');
    while let Some(word) = words.next() {
        let name = match word.split_once('=') {
            Some((flag, name)) if FLAGS.contains(&flag) => Some(name),
            _ if FLAGS.contains(&word) => words.by_ref().find(|word| !word.is_empty()).or(Some("")),
            _ => None,
        };
        match name {
            Some(name) => named = Some(name.trim_matches(['`', '"', '\''])),
            None => rest.push(word),
        }
    }
    let Some(named) = named else { return Ok((typed.to_owned(), None)) };
    let alike = |name: &&String| name.eq_ignore_ascii_case(named);
    match known.iter().find(|name| *name == named).or_else(|| known.iter().find(alike)) {
        Some(name) => Ok((rest.join(" "), Some(name.clone()))),
        None => Err(unknown(named, known)),
    }
}

fn unknown(typed: &str, known: &[String]) -> Message {
    let all = known.iter().map(|name| reply::code(name)).collect::<Vec<_>>().join(", ");
    if typed.is_empty() {
        return reply::line(format!("Which cluster? I watch {all}."));
    }
    let near = nearest(typed, known.iter().map(String::as_str));
    let hint =
        near.first().map_or_else(|| format!("I watch {all}."), |near| format!("Did you mean {}?", reply::code(near)));
    reply::line(format!("I watch no cluster {}. {hint}", reply::code(typed)))
}

/// Whose an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// The cluster of this incident.
    OfIncident(&'a str),
    /// That cluster.
    Of(String),
    /// Of no single one: all are told of.
    All,
    /// Somebody has to say which.
    Which(Vec<String>),
}

/// Whose it is what somebody wants, who named no cluster: the one in which there is what was named, or whoever has to say.
pub fn whose<'a>(answer: &'a Answer, standing: &Standing) -> Whose<'a> {
    let with_namespace = |namespace: &str| {
        let may_have = |cluster: &&ClusterStanding| {
            let is_known = cluster.complete && !cluster.blind.iter().any(|blind| blind.kind == Kind::Namespace);
            !is_known || cluster.namespaces.iter().any(|known| known == namespace)
        };
        let having: Vec<&ClusterStanding> = standing.clusters.iter().filter(may_have).collect();
        // Nobody has it, so whoever types it knows better.
        if having.is_empty() { one_of(standing.clusters.iter()) } else { one_of(having.into_iter()) }
    };
    match answer {
        Answer::Say(_) | Answer::Ask(Query::Incidents { .. } | Query::History { .. }) => Whose::All,
        Answer::Change(
            Change::Acknowledge { incident, .. }
            | Change::Unacknowledge { incident }
            | Change::Resolve { incident, .. },
        )
        | Answer::Ask(Query::Show { incident }) => Whose::OfIncident(incident),
        Answer::Change(Change::Silence { of, .. }) => match of {
            Silenced::Incident(id) => Whose::OfIncident(&id.0),
            Silenced::Namespace(namespace) | Silenced::Workload { namespace, .. } => with_namespace(namespace),
            Silenced::Service(_) | Silenced::Check(_) => one_of(standing.clusters.iter()),
        },
        Answer::Change(Change::Unsilence { id }) => {
            one_of(standing.clusters.iter().filter(|cluster| cluster.silences.iter().any(|it| it.id == *id)))
        }
        Answer::Analyze { namespace } => with_namespace(namespace),
        Answer::Changes { of, .. } => match of {
            Of::Namespace(namespace) | Of::Workload { namespace, .. } => with_namespace(namespace),
            Of::Everything | Of::Service(_) => one_of(standing.clusters.iter()),
        },
        Answer::Ask(Query::Services) => one_of(standing.clusters.iter()),
    }
}

fn one_of<'a, 'b>(clusters: impl Iterator<Item = &'b ClusterStanding>) -> Whose<'a> {
    let mut names: Vec<String> = clusters.map(|cluster| cluster.name.clone()).collect();
    match names.len() {
        1 => Whose::Of(names.remove(0)),
        _ => Whose::Which(names),
    }
}

/// Several clusters are possible, and somebody has to say which.
pub fn which(typed: &str, names: &[String]) -> Message {
    let mut lines = vec!["In which cluster? Say it with `--cluster`:".to_owned()];
    lines.extend(
        names.iter().map(|name| format!("• {}", reply::code(&format!("/k8s {} --cluster {name}", typed.trim())))),
    );
    reply::say(&lines)
}

/// An answer that says of which cluster it is.
pub fn of_cluster(name: &str, message: Message) -> Message {
    let name = reply::escape(name);
    let mut head = Blocks::default();
    head.context(&[format!("Cluster *{name}*")]);
    let head = head.into_message("", None);
    let mut blocks = head.blocks;
    blocks.extend(message.blocks);
    Message { text: format!("{name}: {}", message.text), blocks, colour: message.colour }
}

/// The answers of several clusters as one, each under its name.
pub fn together(answers: &[(String, Message)]) -> Message {
    let lines = answers.iter().flat_map(|(name, message)| {
        let head = format!("Cluster *{}*", reply::escape(name));
        std::iter::once(head).chain(message.text.lines().map(str::to_owned)).collect::<Vec<_>>()
    });
    reply::say(&lines.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::conversation::{commands::answer, standing::samples};

    fn names() -> Vec<String> {
        vec!["home".to_owned(), "prod".to_owned()]
    }

    #[rstest]
    #[case("status", "status", None)]
    #[case("status --cluster prod", "status", Some("prod"))]
    #[case("--cluster prod status", "status", Some("prod"))]
    #[case("analyze shop --cluster=PROD", "analyze shop", Some("prod"))]
    #[case("ack 1 \u{2014}cluster `home` rolling back", "ack 1 rolling back", Some("home"))]
    #[case("silence shop/api 1h  two  blanks --cluster prod", "silence shop/api 1h  two  blanks", Some("prod"))]
    fn the_cluster_may_stand_anywhere(#[case] typed: &str, #[case] rest: &str, #[case] name: Option<&str>) {
        assert_eq!(without_cluster(typed, &names()), Ok((rest.to_owned(), name.map(str::to_owned))));
    }

    #[rstest]
    #[case("status --cluster prd", "I watch no cluster `prd`. Did you mean `prod`?")]
    #[case("status --cluster elsewhere", "I watch no cluster `elsewhere`. I watch `home`, `prod`.")]
    #[case("status --cluster", "Which cluster? I watch `home`, `prod`.")]
    fn a_cluster_nobody_knows_is_told(#[case] typed: &str, #[case] said: &str) {
        assert_eq!(without_cluster(typed, &names()).unwrap_err().text, said);
    }

    /// `production` has the namespaces shop, shop-staging and an open incident; `edge` has shop, too, and `garden`.
    #[rstest]
    #[case("status", Whose::All)]
    #[case("incidents 7", Whose::All)]
    #[case("ack 1", Whose::OfIncident("INC-2026-11-24-001"))]
    #[case("analyze garden", Whose::Of("edge".into()))]
    #[case("analyze shop", Whose::Which(vec!["production".into(), "edge".into()]))]
    #[case("silence garden/api 1h", Whose::Of("edge".into()))]
    #[case("silence gardn/api 1h", Whose::Which(vec!["production".into(), "edge".into()]))]
    #[case("silence crash-loop 1h", Whose::Which(vec!["production".into(), "edge".into()]))]
    #[case("unsilence 3", Whose::Of("production".into()))]
    #[case("changes garden", Whose::Of("edge".into()))]
    #[case("changes", Whose::Which(vec!["production".into(), "edge".into()]))]
    #[case("services", Whose::Which(vec!["production".into(), "edge".into()]))]
    fn what_is_named_says_whose_it_is(#[case] typed: &str, #[case] expected: Whose<'_>) {
        let standing = samples::two_clusters();
        assert_eq!(whose(&answer(typed, &standing), &standing), expected);
    }
}
