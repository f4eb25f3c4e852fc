//! Answers with their `ETag` go in; what GitHub calls unchanged comes out, as long as the least recently used had room.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use url::Url;

/// What an entry takes beside its texts: keys and pointers.
const OVERHEAD: usize = 200;

/// How much is kept of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBound {
    /// Bytes, all in all.
    pub bytes: usize,
    /// Answers.
    pub entries: usize,
}

impl Default for CacheBound {
    fn default() -> Self {
        Self { bytes: 4 << 20, entries: 1000 }
    }
}

/// An answer as it is kept: what was read of it, not what was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// GitHub's word for this state.
    pub(super) etag: String,
    /// When GitHub last said so.
    pub(super) at: Timestamp,
    /// The value, as JSON: redacted, without what is not read.
    pub(super) value: Vec<u8>,
    /// Where the next page is.
    pub(super) next: Option<Url>,
}

/// How long an answer is true without asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// Not at all: it is asked whether it did.
    Asked,
    /// As long as that.
    For(SignedDuration),
    /// For good: what is named by its content does not change.
    ForGood,
}

impl Stays {
    /// Whether what was true then is true now.
    pub(super) fn is_true_of(self, at: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Asked => false,
            Self::For(how_long) => (SignedDuration::ZERO..=how_long).contains(&now.duration_since(at)),
            Self::ForGood => true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Cache {
    bound: CacheBound,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, (u64, Arc<Kept>)>,
    /// By when they were used last.
    used: BTreeMap<u64, String>,
    clock: u64,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(bound: CacheBound) -> Self {
        Self { bound, state: Mutex::default() }
    }

    /// What is kept of that question; it is then the most recently used.
    pub(super) fn get(&self, question: &str) -> Option<Arc<Kept>> {
        let mut state = self.state();
        let now = state.tick();
        let (used, kept) = state.answers.get_mut(question)?;
        let (before, kept) = (std::mem::replace(used, now), Arc::clone(kept));
        state.used.remove(&before);
        state.used.insert(now, question.to_owned());
        Some(kept)
    }

    /// Keeps an answer; what was used least recently makes room. One that is larger than the whole bound is not kept.
    pub(super) fn put(&self, question: &str, kept: Kept) {
        let mut state = self.state();
        state.remove(question);
        let size = size(question, &kept);
        if size > self.bound.bytes || self.bound.entries == 0 {
            return;
        }
        while state.bytes.saturating_add(size) > self.bound.bytes || state.answers.len() >= self.bound.entries {
            let Some((_, oldest)) = state.used.first_key_value() else { break };
            let oldest = oldest.clone();
            state.remove(&oldest);
        }
        let now = state.tick();
        state.bytes = state.bytes.saturating_add(size);
        state.used.insert(now, question.to_owned());
        state.answers.insert(question.to_owned(), (now, Arc::new(kept)));
    }

    /// How much is kept now.
    pub(super) fn size(&self) -> CacheBound {
        let state = self.state();
        CacheBound { bytes: state.bytes, entries: state.answers.len() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }

    fn remove(&mut self, question: &str) {
        if let Some((used, kept)) = self.answers.remove(question) {
            self.used.remove(&used);
            self.bytes = self.bytes.saturating_sub(size(question, &kept));
        }
    }
}

/// The question is held twice.
fn size(question: &str, kept: &Kept) -> usize {
    let next = kept.next.as_ref().map_or(0, |url| url.as_str().len());
    [question.len(), question.len(), kept.etag.len(), kept.value.len(), next]
        .iter()
        .sum::<usize>()
        .saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Kept {
        Kept { etag: "e".into(), at: Timestamp::UNIX_EPOCH, value: vec![b'x'; bytes], next: None }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::new(CacheBound { bytes: 10_000, entries: 2 });
        cache.put("a", answer(1));
        cache.put("b", answer(1));
        assert!(cache.get("a").is_some(), "used");
        cache.put("c", answer(1));
        assert_eq!(["a", "b", "c"].map(|key| cache.get(key).is_some()), [true, false, true]);
    }

    #[test]
    fn the_bound_in_bytes_holds_and_what_is_too_large_is_not_kept() {
        let cache = Cache::new(CacheBound { bytes: 1000, entries: 100 });
        for key in ["a", "b", "c", "d"] {
            cache.put(key, answer(200));
            assert!(cache.size().bytes <= 1000, "{:?}", cache.size());
        }
        assert_eq!(cache.size(), CacheBound { bytes: 806, entries: 2 });
        cache.put("d", answer(900));
        assert_eq!(cache.size(), CacheBound { bytes: 403, entries: 1 }, "the old answer is not true any more");
        assert!(cache.get("c").is_some() && cache.get("d").is_none());
    }

    #[test]
    fn a_new_answer_takes_the_place_of_the_old() {
        let cache = Cache::new(CacheBound::default());
        cache.put("a", answer(200));
        cache.put("a", answer(100));
        assert_eq!(cache.size(), CacheBound { bytes: 303, entries: 1 });
        assert_eq!(cache.get("a").unwrap().value.len(), 100);
    }
}
