//! How things are at the moment somebody asks for `/metrics`: from the pulse, the watches, the store and the sockets.

use std::sync::Arc;

use super::App;
use crate::{
    clients::github::GitHub,
    http::Scrape,
    incidents::Severity,
    telemetry::{GitHubNow, Moment, OfKind, OfOutcome, OfSeverity, OfState, OfWatch},
};

/// Tells the metrics. The loop is not asked: it may be what is stuck.
pub(super) fn of(app: &Arc<App>) -> Scrape {
    let app = Arc::downgrade(app);
    Arc::new(move || {
        let app = app.upgrade();
        Box::pin(async move {
            match app {
                Some(app) => app.metrics.tell(&now(&app).await),
                None => String::new(),
            }
        })
    })
}

async fn now(app: &App) -> Moment {
    let counts = app.store.counts().await.ok();
    let now = app.clock.now();
    let age = |at| now.duration_since(at).as_secs_f64().max(0.0);
    let mut moment = Moment {
        outbox: counts.map(|counts| (counts.pending, counts.dead)),
        undelivered: counts.map(|counts| (counts.held_up, counts.oldest_pending.map_or(0.0, age))),
        sockets: app.sockets.get().map(|health| health.borrow().sockets),
        standbys: app.standbys.borrow().len(),
        github: app.github.as_ref().map(of_github),
        ..Moment::default()
    };
    // What another process watches, that one tells.
    for site in app.sites().into_iter().filter(|site| site.right().is_held()) {
        let pulse = site.pulse.borrow();
        let cluster = || site.name.clone();
        moment
            .objects
            .extend(pulse.objects.iter().map(|(kind, n)| (OfKind { cluster: cluster(), kind: kind.name() }, *n)));
        moment.incidents.extend(Severity::ALL.into_iter().map(|severity| {
            let open = pulse.open.get(&severity).copied().unwrap_or(0);
            (OfSeverity { cluster: cluster(), severity: severity.name() }, open)
        }));
        for (scope, watch) in site.watches.get().into_iter().flatten() {
            let (kind, namespace) = (scope.kind.name(), scope.namespace.clone().unwrap_or_default());
            let state = pulse.watches.get(scope).copied().unwrap_or("unread");
            if let Some(at) = watch.last_frame() {
                let age = now.duration_since(at).as_secs_f64().max(0.0);
                moment.ages.push((OfWatch { cluster: cluster(), kind, namespace: namespace.clone() }, age));
            }
            moment.states.push(OfState { cluster: cluster(), kind, namespace, state });
        }
    }
    moment
}

fn of_github(github: &GitHub) -> GitHubNow {
    let outcomes = github.outcomes().into_iter().map(|(outcome, n)| (OfOutcome { outcome: outcome.name() }, n));
    let limit = github.budget().map(|it| (it.limit, it.remaining, it.reset));
    GitHubNow { outcomes: outcomes.collect(), limit }
}
