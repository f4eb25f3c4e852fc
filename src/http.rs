//! `/healthz` (is the process alive) and `/readyz` (does it see and reach what it needs), with a JSON body that says why; `/metrics`.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    routing::get,
};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// How long the process's loop may stand still before it counts as stuck.
pub const STUCK: SignedDuration = SignedDuration::from_secs(60);

/// How the process is: shared by those who know and by the server that tells.
#[derive(Clone, Debug)]
pub struct Health {
    clock: Clock,
    state: Arc<Mutex<HealthState>>,
}

#[derive(Debug)]
struct HealthState {
    /// When each loop last went on.
    beats: BTreeMap<String, Timestamp>,
    started: Timestamp,
    /// How often the ticker of the schedule had to be started anew, and when it last was.
    ticker: (u64, Option<Timestamp>),
    parts: BTreeMap<String, Result<(), String>>,
    /// Who watches while this replica stands by.
    stands_by: Option<String>,
}

impl Health {
    /// A process that has just started: alive; none of its parts is ready yet.
    pub fn new(clock: Clock, parts: &[&str]) -> Self {
        let parts = parts.iter().map(|p| ((*p).to_owned(), Err("not yet".to_owned()))).collect();
        let state =
            HealthState { beats: BTreeMap::new(), started: clock.now(), ticker: (0, None), parts, stands_by: None };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// A loop of the process goes on. To be called for every event and every tick.
    pub fn beat(&self, who: &str) {
        let now = self.clock.now();
        let beats = &mut self.lock().beats;
        match beats.get_mut(who) {
            Some(beat) => *beat = now,
            None => drop(beats.insert(who.to_owned(), now)),
        }
    }

    /// A loop has ended, as it should.
    pub fn forget(&self, who: &str) {
        self.lock().beats.remove(who);
    }

    /// The ticker of the schedule had fallen silent and was started anew.
    pub fn ticker_restarted(&self) {
        let now = self.clock.now();
        let ticker = &mut self.lock().ticker;
        *ticker = (ticker.0.saturating_add(1), Some(now));
    }

    /// A part works: the first picture of a cluster is complete, the store answers, the sockets are up.
    pub fn ready(&self, part: &str) {
        self.lock().parts.insert(part.to_owned(), Ok(()));
    }

    /// A part does not work (any more).
    pub fn not_ready(&self, part: &str, why: impl Into<String>) {
        self.lock().parts.insert(part.to_owned(), Err(why.into()));
    }

    /// This replica stands by, and that is all it has to do; `why` says who watches. None: not any more.
    pub fn stands_by(&self, why: Option<&str>) {
        self.lock().stands_by = why.map(str::to_owned);
    }

    /// Answer of `/healthz`.
    pub fn healthz(&self) -> (StatusCode, Value) {
        let now = self.clock.now();
        let (beat, (restarts, last)) = {
            let state = self.lock();
            // The one that stands still for longest counts: the others may do all their work.
            (state.beats.values().min().copied().unwrap_or(state.started), state.ticker)
        };
        let still = now.duration_since(beat);
        let (status, mut body) = if still > STUCK {
            let why = format!("nothing was handled for {} s (limit {} s)", still.as_secs(), STUCK.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "stuck", "why": why, "last_beat": beat}))
        } else {
            (StatusCode::OK, json!({"status": "ok", "last_beat": beat}))
        };
        if let (Some(last), Some(body)) = (last, body.as_object_mut()) {
            let ticker = json!({"why": "it fell silent and was started anew", "times": restarts, "last": last});
            body.insert("ticker".to_owned(), ticker);
        }
        (status, body)
    }

    /// Answer of `/readyz`. A replica that stands by is ready: it does what it is there for.
    pub fn readyz(&self) -> (StatusCode, Value) {
        let state = self.lock();
        if let Some(why) = &state.stands_by {
            return (StatusCode::OK, json!({"status": "stands by", "why": why}));
        }
        let parts: BTreeMap<&str, &str> = state
            .parts
            .iter()
            .map(|(part, how)| (part.as_str(), how.as_ref().err().map_or("ok", String::as_str)))
            .collect();
        if state.parts.values().all(Result::is_ok) {
            (StatusCode::OK, json!({"status": "ready", "parts": parts}))
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "not ready", "parts": parts}))
        }
    }

    fn lock(&self) -> MutexGuard<'_, HealthState> {
        // Nothing panics while it is held, and plain values cannot be half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells every metric as it is now, as `OpenMetrics` text.
pub type Scrape = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// How the process is.
    pub health: Health,
    /// Its metrics.
    pub scrape: Scrape,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("health", &self.health).finish_non_exhaustive()
    }
}

/// What a collector is told of the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes.
pub fn router(served: Served) -> Router {
    let answer = |(status, body): (StatusCode, Value)| (status, Json(body));
    let metrics =
        async move |State(served): State<Served>| ([(header::CONTENT_TYPE, OPEN_METRICS)], (served.scrape)().await);
    Router::new()
        .route("/healthz", get(async move |State(served): State<Served>| answer(served.health.healthz())))
        .route("/readyz", get(async move |State(served): State<Served>| answer(served.health.readyz())))
        .route("/metrics", get(metrics))
        .with_state(served)
}

/// Serves until `stop`; requests in flight are answered.
pub async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(served)).with_graceful_shutdown(stop.cancelled_owned()).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    fn started() -> (Clock, Health) {
        let clock = Clock::by_hand("2026-11-24T10:00:00Z".parse().unwrap());
        (clock.clone(), Health::new(clock, &["cluster", "store"]))
    }

    #[test]
    fn a_loop_that_stands_still_is_stuck_until_it_goes_on() {
        let (clock, health) = started();
        clock.advance(Duration::from_mins(1));
        assert_eq!(health.healthz().0, StatusCode::OK);
        clock.advance(Duration::from_secs(31));
        let (status, body) = health.healthz();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["why"], "nothing was handled for 91 s (limit 60 s)");
        health.beat("production");
        assert_eq!(health.healthz().0, StatusCode::OK);
    }

    #[test]
    fn a_ticker_that_was_started_anew_is_told_and_no_reason_to_kill_the_process() {
        let (_, health) = started();
        assert_eq!(health.healthz().1, json!({"status": "ok", "last_beat": "2026-11-24T10:00:00Z"}));
        health.ticker_restarted();
        health.ticker_restarted();
        let (status, body) = health.healthz();
        assert_eq!(status, StatusCode::OK);
        let why = "it fell silent and was started anew";
        assert_eq!(body["ticker"], json!({"why": why, "times": 2, "last": "2026-11-24T10:00:00Z"}));
    }

    #[test]
    fn ready_means_that_every_part_is_and_the_answer_names_those_that_are_not() {
        let (_, health) = started();
        health.ready("store");
        assert_eq!(
            health.readyz(),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({"status": "not ready", "parts": {"cluster": "not yet", "store": "ok"}})
            )
        );
        health.ready("cluster");
        assert_eq!(health.readyz().0, StatusCode::OK);
        health.not_ready("store", "the database does not answer");
        assert_eq!(health.readyz().1["parts"]["store"], "the database does not answer");
    }

    #[tokio::test]
    async fn all_answers_are_served_over_http() {
        let (_, health) = started();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let scrape: Scrape = Arc::new(|| Box::pin(async { "# EOF\n".to_owned() }));
        let served = Served { health, scrape };
        let asking = async {
            let mut heads = Vec::new();
            for path in ["/healthz", "/readyz", "/metrics", "/secrets"] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let request = format!("GET {path} HTTP/1.1\r\nhost: k8s-monitor\r\nconnection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                heads.push(answer.lines().next().unwrap().to_owned());
                assert_eq!(
                    answer.contains(OPEN_METRICS) && answer.ends_with("# EOF\n"),
                    path == "/metrics",
                    "{answer}"
                );
            }
            stop.cancel();
            heads
        };
        let (served, heads) = tokio::join!(serve(listener, served, stop.clone()), asking);
        served.unwrap();
        let expected =
            ["HTTP/1.1 200 OK", "HTTP/1.1 503 Service Unavailable", "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"];
        assert_eq!(heads, expected);
    }
}
