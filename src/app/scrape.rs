//! How things are at the moment somebody asks for `/metrics`: from the pulse, the watches, the store and the sockets.

use std::sync::Arc;

use super::App;
use crate::{
    http::Scrape,
    telemetry::{Moment, OfKind, OfSeverity, OfState, OfWatch},
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
    let outbox = app.store.counts().await.ok().map(|counts| (counts.pending, counts.dead));
    let now = app.clock.now();
    let pulse = app.pulse.borrow();
    let watches = app.watches.get().into_iter().flatten();
    let mut moment = Moment {
        objects: pulse.objects.iter().map(|(kind, n)| (OfKind { kind: kind.name() }, *n)).collect(),
        incidents: crate::incidents::Severity::ALL
            .into_iter()
            .map(|severity| (OfSeverity { severity: severity.name() }, pulse.open.get(&severity).copied().unwrap_or(0)))
            .collect(),
        outbox,
        sockets: app.sockets.get().map(|health| health.borrow().sockets),
        standbys: app.standbys.borrow().len(),
        ..Moment::default()
    };
    for (scope, watch) in watches {
        let (kind, namespace) = (scope.kind.name(), scope.namespace.clone().unwrap_or_default());
        let state = pulse.watches.get(scope).copied().unwrap_or("unread");
        if let Some(at) = watch.last_frame() {
            let age = now.duration_since(at).as_secs_f64().max(0.0);
            moment.ages.push((OfWatch { kind, namespace: namespace.clone() }, age));
        }
        moment.states.push(OfState { kind, namespace, state });
    }
    moment
}
