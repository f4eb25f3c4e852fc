//! Where the configured channels are in Slack: their names in, Slack's ids out, and in words what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

/// What Slack said of itself and of the configured channels when it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rooms {
    /// Slack's ids by configured name. One that was found once stays: a renamed channel keeps its id.
    pub ids: BTreeMap<String, String>,
    /// The configured channels that Slack does not have, or does not show to the bot with its token as it is.
    pub lost: BTreeSet<String>,
    /// What a person has to mend, each in a sentence.
    pub troubles: Vec<String>,
}

impl Rooms {
    /// The id of a channel that is configured by name or by id; None until Slack told it.
    pub fn id_of<'a>(&'a self, channel: &'a str) -> Option<&'a str> {
        self.ids.get(channel).map(String::as_str).or_else(|| is_channel_id(channel).then_some(channel))
    }

    /// Whether nothing reaches a channel until a person mends that.
    pub fn is_lost(&self, channel: &str) -> bool {
        self.lost.contains(channel)
    }

    /// The same words with the names people know in the place of Slack's ids.
    pub fn in_names(&self, text: &str) -> String {
        let named = self.ids.iter().filter(|(name, _)| !is_channel_id(name));
        named.fold(text.to_owned(), |text, (name, id)| text.replace(id.as_str(), &format!("#{name}")))
    }
}

/// Whether it is Slack's id of a channel: names are lower case, ids are not.
pub fn is_channel_id(text: &str) -> bool {
    text.starts_with(['C', 'G', 'D']) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_id_or_once_slack_told_it() {
        let rooms = Rooms { ids: [("alerts".to_owned(), "C1".to_owned())].into(), ..Rooms::default() };
        assert_eq!(rooms.id_of("alerts"), Some("C1"));
        assert_eq!(rooms.id_of("C0123"), Some("C0123"));
        assert_eq!(rooms.id_of("pager"), None);
        let by_id = Rooms { ids: [("C2".to_owned(), "C2".to_owned())].into(), ..Rooms::default() };
        assert_eq!(by_id.in_names("the bot is not in C2"), "the bot is not in C2");
        let twice =
            Rooms { ids: [("C1".to_owned(), "C1".to_owned()), ("alerts".to_owned(), "C1".to_owned())].into(), ..by_id };
        assert_eq!(twice.in_names("the bot is not in C1"), "the bot is not in #alerts");
        assert_eq!(rooms.in_names("the bot is not in C1: /invite it"), "the bot is not in #alerts: /invite it");
    }
}
