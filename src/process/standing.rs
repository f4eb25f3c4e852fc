//! How things stand at this moment, from what the loop knows and the store's counts.

use jiff::{SignedDuration, Timestamp};

use super::Mind;
use crate::{
    app::{App, Site, lease},
    clients::{github::GitHub, kubernetes::Patience, slack_socket::SOCKETS},
    cluster::{ClusterId, Kind, Visibility},
    config::GitHubCredentials,
    conversation::standing::{
        Blind, ClusterStanding, Cycle, OutboxStanding, Part, SocketStanding, Standing, WatchStanding,
    },
    schedule,
    store::StoreError,
};

impl Mind {
    /// When each watch of what can be seen last heard something.
    fn fresh(&self, now: Timestamp) -> Vec<WatchStanding> {
        let fresh = Patience::default().stale;
        let seen = self.watches.iter().filter(|(scope, _)| {
            let known = self.index.sight().known(scope.kind, scope.namespace.as_deref());
            matches!(known, Some(Visibility::Seen(_)))
        });
        seen.filter_map(|(scope, watch)| {
            let heard = watch.last_frame()?;
            let is_fresh = now.duration_since(heard).unsigned_abs() < fresh;
            Some(WatchStanding { kind: scope.kind, namespace: scope.namespace.clone(), heard, is_fresh })
        })
        .collect()
    }

    /// The value every answer of this cluster is made from.
    pub(super) async fn standing(&self, app: &Site) -> Result<Standing, StoreError> {
        bot(app, vec![self.of_cluster(app).await?]).await
    }

    /// How the cluster stands.
    pub(super) async fn of_cluster(&self, app: &Site) -> Result<ClusterStanding, StoreError> {
        let now = app.clock.now();
        Ok(ClusterStanding {
            name: self.name.clone(),
            unwatched: None,
            elsewhere: None,
            next_pass: schedule::next(&app.config.schedule, self.last_pass, now),
            id: Some(self.cluster.clone()),
            complete: self.complete,
            blind: Blind::all_of(self.index.sight()),
            unmeasured: self.unmeasured(),
            watches: self.fresh(now),
            incidents: self.open.values().cloned().collect(),
            cycles: cycles(app, &self.cluster).await?,
            counts: Kind::ALL.into_iter().map(|kind| (kind, self.index.count(kind))).collect(),
            namespaces: self.index.namespaces().into_iter().collect(),
            services: self.priorities.catalogue().services.iter().map(|service| service.name.clone()).collect(),
            silences: self.silences.iter().filter(|silence| silence.until > now).cloned().collect(),
        })
    }
}

/// The last passes of a cluster, as they are told.
pub(super) async fn cycles(app: &App, cluster: &ClusterId) -> Result<Vec<Cycle>, StoreError> {
    let told = |cycle: crate::store::Cycle| Cycle {
        at: cycle.finished,
        status: cycle.status,
        findings: usize::try_from(cycle.findings).unwrap_or(usize::MAX),
        alerts: usize::try_from(cycle.alerts).unwrap_or(usize::MAX),
        took: cycle.finished.duration_since(cycle.started).max(SignedDuration::ZERO),
    };
    Ok(app.store.last_cycles(cluster, 3).await?.into_iter().map(told).collect())
}

/// How the bot stands, with these clusters.
pub(super) async fn bot(app: &App, clusters: Vec<ClusterStanding>) -> Result<Standing, StoreError> {
    let outbox = app.store.counts().await?;
    Ok(Standing {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: app.clock.now(),
        zone: app.config.zone.clone(),
        started_at: app.started,
        clusters,
        outbox: OutboxStanding {
            waiting: usize::try_from(outbox.pending).unwrap_or(usize::MAX),
            oldest: outbox.oldest_pending,
            stuck: usize::try_from(outbox.dead).unwrap_or(usize::MAX),
            written_down: written_down(app),
            last_error: app.store.outbox_error().await?,
        },
        sockets: app.sockets.get().map(|health| {
            let health = health.borrow();
            SocketStanding { open: health.sockets, wanted: SOCKETS, last_frame_at: health.last_frame_at }
        }),
        parts: with_trouble(parts(app), app.store.call_errors().await?),
    })
}

/// The file in which messages are that are not delivered.
fn written_down(app: &App) -> Option<(usize, String)> {
    let messages = *app.undelivered.borrow();
    let file = app.undelivered_file.as_ref().filter(|_| messages > 0)?;
    Some((messages, file.display().to_string()))
}

/// The catalogue of services, and what is wrong with its file.
fn services(app: &App) -> Part {
    let it = app.catalogue.borrow().clone();
    let state = match app.config.services_file.as_ref() {
        None => {
            Err("SERVICES_FILE is not set: priorities come from [priorities], annotations and what is built in"
                .to_owned())
        }
        Some(file) => Ok(format!("{} of {}", it.services, file.display())),
    };
    Part { name: "Services".to_owned(), state, troubles: it.broken.into_iter().chain(it.lints).collect() }
}

/// The part that calls.
const ESCALATION: &str = "Escalation";

/// Who is called while nobody acknowledges.
fn escalation(app: &App) -> Part {
    let steps: Vec<String> = app.config.escalation.iter().map(|step| format!("after {step}")).collect();
    let state = if steps.is_empty() {
        Err("escalation.steps is not set: nobody is called while nobody acknowledges".to_owned())
    } else {
        Ok(steps.join(", "))
    };
    Part { name: ESCALATION.to_owned(), state, troubles: Vec::new() }
}

/// Nobody is paged while that waits, so it is said where people look for who is called.
fn with_trouble(mut parts: Vec<Part>, of_calls: Vec<String>) -> Vec<Part> {
    if let Some(part) = parts.iter_mut().find(|part| part.name == ESCALATION) {
        part.troubles.extend(of_calls);
    }
    parts
}

/// The store that several may share, and who stands by.
fn with_others(standbys: &[String]) -> String {
    let names: Vec<String> =
        standbys.iter().map(|holder| format!("process {}", lease::clusters_and_process(holder).1)).collect();
    match names.as_slice() {
        [] => "PostgreSQL".to_owned(),
        [one] => format!("PostgreSQL; {one} stands by"),
        many => format!("PostgreSQL; {} replicas stand by: {}", many.len(), many.join(", ")),
    }
}

/// Each part of the bot: configured with what, or missing with what that means.
pub fn parts(app: &App) -> Vec<Part> {
    let part = |name: &str, state: Result<&str, &str>| Part {
        name: name.to_owned(),
        state: state.map(str::to_owned).map_err(str::to_owned),
        troubles: Vec::new(),
    };
    let config = &app.config;
    let slack = match (&app.slack, &config.slack.app_token) {
        (Some(_), Some(_)) => Ok("alerts, commands, buttons and threads"),
        // What is there is not missing.
        (Some(_), None) => Ok("alerts only; without SLACK_APP_TOKEN there are no commands, buttons or threads"),
        (None, _) if !config.slack.enabled => Err("SLACK_ENABLED is false: alerts are printed to the terminal"),
        (None, _) => Err("SLACK_BOT_TOKEN is not set: alerts are printed to the terminal"),
    };
    let model = match &config.anthropic.token {
        Some(_) => Ok("a key is set; explanations by a model come in a later version"),
        None => Err("ANTHROPIC_API_KEY is not set: answers come from the evidence alone"),
    };
    vec![
        part(
            "Store",
            Ok(&if app.store.is_shared() { with_others(&app.standbys.borrow()) } else { "SQLite".to_owned() }),
        ),
        Part { troubles: app.rooms.borrow().troubles.clone(), ..part("Slack", slack) },
        services(app),
        escalation(app),
        part("Model", model),
        github(app),
    ]
}

/// What is asked of GitHub, and what stands in the way.
fn github(app: &App) -> Part {
    let config = &app.config.github;
    let state = match &config.credentials {
        _ if app.github.is_none() => Err("GITHUB_TOKEN is not set: no commits and pull requests in alerts".to_owned()),
        GitHubCredentials::None => Ok("public repositories only, 60 requests an hour: no token is set".to_owned()),
        GitHubCredentials::Token(_) => Ok("commits and pull requests, with a token".to_owned()),
        GitHubCredentials::App { id, .. } => Ok(format!("commits and pull requests, as GitHub App {id}")),
    };
    let renamed = app.github.iter().flat_map(GitHub::renamed);
    let renamed = renamed.map(|repo| format!("repository {repo} has another name on GitHub now: write that one"));
    let trouble = app.github_trouble.borrow().clone();
    Part { name: "GitHub".to_owned(), state, troubles: trouble.into_iter().chain(renamed).collect() }
}
