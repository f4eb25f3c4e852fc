//! The one gate: who may do what, where. Every command, button and question passes it.

use std::fmt;

use super::{
    from_slack::Asker,
    reply::{code, escape},
};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read: help, status, questions in a thread.
    Read,
    /// Run an analysis.
    Analyze,
    /// Acknowledge an incident, or take that back.
    Acknowledge,
    /// Close an incident by hand.
    Resolve,
    /// Silence something for a time, or end that.
    Silence,
}

/// On what. Everybody who may act at all may act on every cluster and namespace; narrower rules have their place here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The bot and its clusters as a whole.
    Everything,
    /// One namespace.
    Namespace(String),
    /// One incident.
    Incident(String),
}

/// What sort of account a person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum PersonKind {
    Member,
    Guest,
    Bot,
    Foreign,
    Deleted,
}

/// A person as Slack knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Person {
    pub id: String,
    pub name: String,
    pub team_id: String,
    pub kind: PersonKind,
}

/// Who may act: members of this workspace in these channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The workspace (`T0123`).
    pub team_id: String,
    /// The channels' ids.
    pub channels: Vec<String>,
}

/// Why not, in words that say who may and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The sentence, as Slack's mrkdwn; safe to show.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// Whether the asker may do that; the reason and the way if not.
pub fn may(asker: &Asker, action: Action, scope: &Scope, policy: &Policy, person: &Person) -> Result<(), Refusal> {
    let wish = match (action, scope) {
        (Action::Read, _) => "asking me".to_owned(),
        (Action::Analyze, Scope::Namespace(namespace)) => format!("analyzing {}", code(namespace)),
        (Action::Analyze, Scope::Everything | Scope::Incident(_)) => "running an analysis".to_owned(),
        (Action::Acknowledge, Scope::Incident(incident)) => format!("acknowledging {}", escape(incident)),
        (Action::Acknowledge, Scope::Everything | Scope::Namespace(_)) => "acknowledging".to_owned(),
        (Action::Resolve, Scope::Incident(incident)) => format!("closing {}", escape(incident)),
        (Action::Resolve, Scope::Everything | Scope::Namespace(_)) => "closing an incident".to_owned(),
        (Action::Silence, _) => "silencing".to_owned(),
    };
    let refuse = |why: &str| Err(Refusal { text: format!("{why}, so {wish} is not possible. {}", who_may(policy)) });
    if person.id != asker.user {
        return refuse("I could not tell who you are");
    }
    match person.kind {
        PersonKind::Guest => return refuse("You are a guest in this workspace"),
        PersonKind::Foreign => return refuse("You are from another workspace"),
        PersonKind::Bot => return refuse("You are a bot"),
        PersonKind::Deleted => return refuse("Your account is deactivated"),
        PersonKind::Member => {}
    }
    if !asker.team.is_empty() && asker.team != policy.team_id && person.team_id != policy.team_id {
        return refuse("You are from another workspace");
    }
    if !policy.channels.contains(&asker.channel) {
        return refuse("This is not one of my channels");
    }
    Ok(())
}

/// Whether somebody who writes to the bot directly is told where it answers: members are, nobody else learns of channels.
pub fn may_ask_elsewhere(asker: &Asker, policy: &Policy, person: &Person) -> bool {
    let anywhere = Policy { channels: vec![asker.channel.clone()], ..policy.clone() };
    may(asker, Action::Read, &Scope::Everything, &anywhere, person).is_ok()
}

fn who_may(policy: &Policy) -> String {
    let channels: Vec<_> = policy.channels.iter().map(|c| format!("<#{}>", escape(c))).collect();
    match channels.as_slice() {
        [] => "Slack has found none of my channels yet: an administrator checks SLACK_CHANNEL.".to_owned(),
        [one] => format!("Full members of this workspace may, in {one}."),
        [first @ .., last] => format!("Full members of this workspace may, in {} and {last}.", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_member_in_the_channel(PersonKind::Member, "T1", "C1", "")]
    #[case::a_member_of_another_workspace_of_the_organisation(PersonKind::Member, "T2", "C1", "")]
    #[case::elsewhere(
        PersonKind::Member,
        "T1",
        "C9",
        "This is not one of my channels, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    #[case::in_a_direct_message(
        PersonKind::Member,
        "T1",
        "D1",
        "This is not one of my channels, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    #[case::a_guest(
        PersonKind::Guest,
        "T1",
        "C1",
        "You are a guest in this workspace, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    #[case::a_stranger(
        PersonKind::Foreign,
        "T9",
        "C1",
        "You are from another workspace, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    #[case::a_bot(
        PersonKind::Bot,
        "T1",
        "C1",
        "You are a bot, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    #[case::somebody_who_left(
        PersonKind::Deleted,
        "T1",
        "C1",
        "Your account is deactivated, so acknowledging INC-1 is not possible. Full members of this workspace may, in <#C1> and <#C2>."
    )]
    fn only_members_in_the_configured_channels_may(
        #[case] kind: PersonKind,
        #[case] team: &str,
        #[case] channel: &str,
        #[case] refusal: &str,
    ) {
        let asker = Asker { user: "U2".into(), channel: channel.into(), team: team.into() };
        let person = Person { id: "U2".into(), name: "ana".into(), team_id: "T1".into(), kind };
        let policy = Policy { team_id: "T1".into(), channels: vec!["C1".into(), "C2".into()] };
        let scope = Scope::Incident("INC-1".into());
        let said =
            may(&asker, Action::Acknowledge, &scope, &policy, &person).map_or_else(|r| r.text, |()| String::new());
        assert_eq!(said, refusal);
    }

    #[test]
    fn a_person_who_is_not_the_asker_proves_nothing() {
        let asker = Asker { user: "U3".into(), channel: "C1".into(), team: "T1".into() };
        let person = Person { id: "U2".into(), name: "ana".into(), team_id: "T1".into(), kind: PersonKind::Member };
        let policy = Policy { team_id: "T1".into(), channels: vec!["C1".into()] };
        assert!(may(&asker, Action::Read, &Scope::Everything, &policy, &person).is_err());
    }
}
