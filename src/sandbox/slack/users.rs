//! Who somebody is: `users.info` and `users.list`.

use serde_json::{Value, json};

use super::api::Answer;
use super::args::Args;
use super::conversations::page;
use super::state::{PersonRow, Standing, State};

fn json_of(person: &PersonRow) -> Value {
    let is = |standing| person.standing == standing;
    json!({
        "id": person.id, "team_id": person.team(), "name": person.name, "real_name": person.name,
        "deleted": is(Standing::Deactivated), "is_bot": is(Standing::Bot), "is_app_user": false,
        "is_restricted": is(Standing::Guest) || is(Standing::SingleChannelGuest),
        "is_ultra_restricted": is(Standing::SingleChannelGuest), "is_stranger": is(Standing::Foreigner),
        "is_admin": false, "is_owner": false, "is_primary_owner": false, "tz": "Etc/UTC", "tz_label": "UTC", "tz_offset": 0,
        "profile": {"real_name": person.name, "display_name": person.name, "team": person.team()}, "updated": 1_700_000_000,
    })
}

pub(crate) fn info(state: &State, args: &Args) -> Answer {
    let person = args.text("user").and_then(|user| state.people.get(user)).ok_or("user_not_found")?;
    Ok(json!({"user": json_of(person)}))
}

pub(crate) fn list(state: &State, args: &Args) -> Answer {
    let (members, next) = page(state.people.values().map(json_of).collect(), args)?;
    Ok(json!({"members": members, "cache_ts": 1_700_000_000, "response_metadata": {"next_cursor": next}}))
}
