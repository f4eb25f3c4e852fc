//! Everything read once: the first list of each watch, and no further once it is plain that nothing can be read.

use std::collections::BTreeMap;

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use super::{Change, Kubernetes, ReadError, Reason, Scope, Watched, Watcher, pages};
use crate::clock::Clock;

/// Pieces that wait to be taken in while the next are decoded.
const WAITING: usize = 4;

impl Kubernetes {
    /// Tells the first list of every scope as its watch would: `Begin`, what there is in pieces, then `Listed`; or `Lost`, where it
    /// cannot be read, which does not stop the others. The first scope is asked alone: if what it meets holds for all, none of the
    /// others is asked, and each has that reason. The others are asked at once, as `run` does.
    pub async fn read_once(&self, scopes: &[Scope], clock: &Clock, mut take: impl FnMut(Watched)) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let mut readers = JoinSet::new();
        let mut running: BTreeMap<Scope, AbortHandle> = BTreeMap::new();
        let start = |readers: &mut JoinSet<()>, running: &mut BTreeMap<Scope, AbortHandle>, scopes: &[Scope]| {
            for scope in scopes {
                let reader = read(self.clone(), scope.clone(), clock.clone(), sender.clone());
                running.insert(scope.clone(), readers.spawn(reader));
            }
        };
        let (first, mut others) = scopes.split_at(scopes.len().min(1));
        start(&mut readers, &mut running, first);
        while !running.is_empty()
            && let Some(watched) = receiver.recv().await
        {
            if !running.contains_key(&watched.scope) {
                continue;
            }
            let is_end = matches!(watched.change, Change::Listed { .. } | Change::Lost(_));
            if is_end && let Some(reader) = running.remove(&watched.scope) {
                reader.abort();
                let rest = std::mem::take(&mut others);
                if matches!(&watched.change, Change::Lost(why) if why.holds_for_all(true)) {
                    for scope in rest {
                        take(Watched { scope: scope.clone(), ..watched.clone() });
                    }
                } else {
                    start(&mut readers, &mut running, rest);
                }
            }
            take(watched);
        }
    }
}

/// What the watch of a scope has to say, until nobody listens. Who may list but not watch gets the list in pages.
async fn read(kubernetes: Kubernetes, scope: Scope, clock: Clock, out: mpsc::Sender<Watched>) {
    let (sender, mut receiver) = mpsc::channel::<Watched>(1);
    let watch = Watcher::new(kubernetes.clone(), scope.clone(), clock.clone());
    let hand_on = async {
        while let Some(watched) = receiver.recv().await {
            if matches!(watched.change, Change::Lost(ReadError::Forbidden { .. })) {
                return true;
            }
            if out.send(watched).await.is_err() {
                return false;
            }
        }
        false
    };
    let is_forbidden = tokio::select! {
        () = Box::pin(watch.run(sender)) => false,
        is_forbidden = hand_on => is_forbidden,
    };
    if !is_forbidden {
        return;
    }
    let out = &out;
    let say = |change| {
        let watched = Watched { scope: scope.clone(), at: clock.now(), received: Instant::now(), change };
        async move { out.send(watched).await.ok() }
    };
    let mut pages = kubernetes.pages(scope.kind, scope.namespace.as_deref(), pages::FACTS);
    loop {
        let page = match pages.next().await {
            Ok(page) => page,
            Err(why) => {
                say(Change::Lost(why)).await;
                return;
            }
        };
        if page.is_first {
            say(Change::Begin(Reason::Start)).await;
        }
        say(Change::Page(page.items)).await;
        if page.is_last {
            say(Change::Listed { resource_version: page.resource_version }).await;
            return;
        }
    }
}
