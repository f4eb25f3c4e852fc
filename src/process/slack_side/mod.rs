//! The bot's side of Slack: who it is there, where its channels are and what stands in the way; and the sockets.

mod inbox;

use std::sync::Arc;

use futures::FutureExt;
use jiff::SignedDuration;

use crate::{
    alerts::{Channels, Outgoing, Rooms, is_channel_id, message, outbox::TERMINAL},
    app::App,
    clients::{
        slack::{Problem, Slack, SlackError, missing_scopes},
        slack_socket::{self, RawEnvelope, SOCKETS, SocketHandle},
    },
    config::SlackConfig,
    conversation::permissions::Policy,
    incidents::Severity,
    store::StoreError,
};

/// The part of `/readyz` that says whether Slack takes what is to be sent.
const SLACK: &str = "slack";
/// How long to wait before Slack is asked again how it is, and before an envelope that was not dealt with is handed over again.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// How long to wait before a database that did not answer is asked again.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// Where alerts go, as it is configured; without Slack to the terminal.
pub fn channels(config: &SlackConfig, is_there: bool) -> Channels {
    if !is_there {
        return Channels::one(TERMINAL);
    }
    let of = |severity| config.channels_for(severity).to_vec();
    Channels {
        sev1: of(Severity::Sev1),
        sev2: of(Severity::Sev2),
        sev3: of(Severity::Sev3),
        of_escalation: config.of_escalation.clone(),
    }
}

/// Starts asking Slack who the bot is and where its channels are, and taking what people say. Nothing here waits for Slack: what
/// it does not answer is said in words and asked again.
pub fn begin(app: &Arc<App>) {
    if app.slack.is_none() {
        return;
    }
    app.health.not_ready(SLACK, "Slack was not asked yet");
    app.spawn_vital("the task that asks Slack how it is", keep_looking(Arc::clone(app)));
    app.spawn_vital("the task that takes what people say", inbox::listen(Arc::clone(app)));
}

/// Opens the sockets of the one that sends; what waits for it in the wrong channel is readdressed first.
pub async fn connect(app: &Arc<App>) -> Option<SocketHandle> {
    app.slack.as_ref()?;
    if let Err(error) = readdress(app).await {
        tracing::error!(%error, "what waits for a channel that is not configured any more stays there");
    }
    // It may be known by now where the channels are.
    app.outbox_wake.wake();
    match open_sockets(app, SOCKETS).await? {
        Ok(handle) => {
            if app.sockets.set(handle.health()).is_err() {
                tracing::debug!("the sockets were opened before");
            }
            Some(handle)
        }
        Err(error) => {
            tracing::error!(%error, "no Socket Mode: commands, buttons and threads do not work");
            None
        }
    }
}

/// Opens one socket for a bot that stands by: what people say is stored, and dealt with by who watches. Who the bot is must be
/// known first, so that what people say to each other is not stored.
///
/// # Errors
/// What Slack said; it may be tried again.
pub async fn listen_only(app: &Arc<App>) -> Option<Result<SocketHandle, SlackError>> {
    let slack = app.slack.as_ref()?;
    app.config.slack.app_token.as_ref()?;
    if app.me.get().is_none() {
        match slack.identity().await {
            Ok(identity) => app.me.get_or_init(|| identity.user_id),
            Err(error) => return Some(Err(error)),
        };
    }
    open_sockets(app, 1).await
}

/// None without Slack or without the token for sockets.
async fn open_sockets(app: &Arc<App>, wanted: u32) -> Option<Result<SocketHandle, SlackError>> {
    let (slack, app_token) = (app.slack.as_ref()?, app.config.slack.app_token.as_ref()?);
    let receiver = {
        let app = Arc::clone(app);
        Arc::new(move |envelope: RawEnvelope| {
            let app = Arc::clone(&app);
            async move { inbox::receive(&app, envelope).await }.boxed()
        })
    };
    let life = (&app.tasks, &app.stop);
    Some(slack_socket::start(slack, app_token, receiver, app.clock.clone(), life, wanted).await)
}

/// What waits for a channel that is not configured any more goes where alerts go now, as its incident is now: a mended
/// `SLACK_CHANNEL` heals what the wrong one held up.
async fn readdress(app: &App) -> Result<(), StoreError> {
    let configured = app.config.slack.all_channels();
    let channels = app.channels.clone();
    let now = app.clock.now();
    // Answers go to ids that are not configured; they are none of these rows.
    let is_stray = |channel: &String| !configured.contains(channel);
    for row in app.store.waiting_posts().await?.into_iter().filter(|row| is_stray(&row.destination)) {
        let Some(row) = app.store.take(row.id, now).await? else { continue };
        let Outgoing::Post { message, .. } = &row.outgoing else { continue };
        let mut posts = Vec::new();
        for channel in channels.of(Severity::Sev1) {
            let post = Outgoing::Post { channel, message: message.clone() };
            // It waited for another wrong channel, too, or one of several was right.
            if !app.store.is_said(&post).await? {
                posts.push(post);
            }
        }
        app.store.replace(&row, &posts, now).await?;
    }
    for (id, from) in app.store.waiting_destinations().await? {
        if !is_stray(&from) {
            continue;
        }
        let Some(incident) = app.store.incident(&id).await? else { continue };
        let name = app.name_of(&incident.cluster).await?;
        let message = message::root(&incident, &app.times(&name, now));
        let posts: Vec<_> = channels
            .of(incident.worst)
            .into_iter()
            .map(|channel| Outgoing::Post { channel, message: message.clone() })
            .collect();
        tracing::warn!(incident = %id, %from, "an alert waited for a channel that is not configured any more");
        app.store.readdress((&id, &from), &incident.cluster, &posts, now).await?;
    }
    Ok(())
}

/// Asks Slack who the bot is and where its channels are until everything works, and again when the sender has doubts.
async fn keep_looking(app: Arc<App>) {
    let Some(slack) = &app.slack else { return };
    let mut app_token = None;
    let mut before: Option<Vec<String>> = None;
    loop {
        let call = app.doubts.calls();
        if app.stop.run_until_cancelled(look(&app, slack, &mut app_token)).await.is_none() {
            return;
        }
        let troubles = app.rooms.borrow().troubles.clone();
        let now = app.clock.now();
        if troubles.is_empty() {
            app.health.ready(SLACK);
        } else {
            app.health.not_ready(SLACK, troubles.join("; "));
        }
        if before.as_ref() != Some(&troubles) {
            for trouble in &troubles {
                tracing::error!("Slack: {trouble}");
            }
            // Something was mended, if only by a start: what waited for it need not wait any longer.
            if let Err(error) = app.store.hurry(now).await {
                tracing::warn!(%error, "what waits for Slack is sent a little later");
            }
        }
        app.outbox_wake.wake();
        app.inbox_wake.wake();
        let at = now.saturating_add(AGAIN).unwrap_or(now);
        let next = (!troubles.is_empty()).then_some(at);
        before = Some(troubles);
        app.pulse.send_modify(|pulse| pulse.slack = Some((call, next)));
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(at), if next.is_some() => {}
            () = app.doubts.called(), if next.is_none() => {
                // Many messages that fail at once are one reason to ask.
                let soon = now.saturating_add(SOON).unwrap_or(now);
                app.pulse.send_modify(|pulse| pulse.slack = Some((app.doubts.calls(), Some(soon))));
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    () = app.clock.sleep_until(soon) => {}
                }
            }
        }
    }
}

/// Learns who the bot is and which channels are meant, and what stands in the way.
async fn look(app: &App, slack: &Slack, app_token: &mut Option<Result<(), String>>) {
    let configured = app.config.slack.all_channels();
    let mut rooms = Rooms { ids: app.rooms.borrow().ids.clone(), ..Rooms::default() };
    let mut reasons = Vec::new();
    match slack.identity().await {
        Ok(identity) => {
            rooms.troubles.extend(missing_scopes(slack, &identity).await.map(|problem| problem.to_string()));
            for name in &configured {
                if let Err(why) = find(slack, name, &mut rooms).await {
                    reasons.push((name, why.clone()));
                    rooms.troubles.push(why);
                }
            }
            let channels = configured.iter().filter_map(|name| rooms.id_of(name).map(str::to_owned)).collect();
            // Once it is known who the bot is, what people said is answered: who may ask must be known by then.
            app.people.send_replace(Policy { team_id: identity.team_id, channels });
            app.me.get_or_init(|| identity.user_id);
        }
        Err(error) => {
            let why = if error.is_permanent() {
                rooms.lost.extend(configured.iter().cloned());
                Problem::Token { key: "SLACK_BOT_TOKEN", error }.to_string()
            } else {
                in_words(&error)
            };
            reasons.extend(configured.iter().map(|name| (name, why.clone())));
            rooms.troubles.push(why);
        }
    }
    rooms.troubles.extend(app_token_trouble(app, slack, app_token).await);
    for (name, why) in reasons {
        // Where it is known, the sender hears from Slack itself what is wrong.
        if rooms.id_of(name).is_none()
            && let Err(error) = app.store.held(name, &why).await
        {
            tracing::warn!(%error, "why messages wait could not be written down");
        }
    }
    app.rooms.send_replace(rooms);
}

/// Finds a configured channel; an error says why the bot cannot use it.
async fn find(slack: &Slack, name: &str, rooms: &mut Rooms) -> Result<(), String> {
    let known = match rooms.id_of(name) {
        // Asking for one is cheaper than for all of them.
        Some(id) => Some(slack.channel(id).await),
        None => None,
    };
    let found = match known {
        // The name may mean another channel by now.
        Some(Err(error)) if error.is_permanent() && !is_channel_id(name) => slack.resolve_channel(name).await,
        Some(found) => found,
        None => slack.resolve_channel(name).await,
    };
    let channel = found.map_err(|error| {
        if error.is_permanent() {
            rooms.lost.insert(name.to_owned());
        }
        in_words(&error)
    })?;
    rooms.ids.insert(name.to_owned(), channel.id);
    if channel.is_member { Ok(()) } else { Err(SlackError::not_in_channel(&channel.name).to_string()) }
}

/// A question without an answer was only a question: nothing has to be looked up.
fn in_words(error: &SlackError) -> String {
    if let SlackError::Unknown { why, .. } = error {
        format!("Slack does not answer ({why})")
    } else {
        error.to_string()
    }
}

/// What is wrong with the app token; Slack is asked until it has an answer, and what it refused stays refused until a restart.
async fn app_token_trouble(app: &App, slack: &Slack, known: &mut Option<Result<(), String>>) -> Option<String> {
    let token = app.config.slack.app_token.as_ref()?;
    if known.is_none() {
        match slack.can_open_sockets(token).await {
            Ok(()) => *known = Some(Ok(())),
            Err(error) if error.is_permanent() => {
                *known = Some(Err(Problem::Token { key: "SLACK_APP_TOKEN", error }.to_string()));
            }
            // It is said of the bot token, too, and the sockets are tried again by themselves.
            Err(error) => tracing::debug!(%error, "the app token could not be tested"),
        }
    }
    known.clone().and_then(Result::err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_alerts_go_is_known_without_slack_and_without_slack_it_is_the_terminal() {
        let config = SlackConfig { channels: vec!["alerts".to_owned()], ..SlackConfig::default() };
        assert_eq!(channels(&config, true), Channels::one("alerts"));
        assert_eq!(channels(&config, false), Channels::one(TERMINAL));
    }
}
