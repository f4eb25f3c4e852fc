//! Time as a value: the system's clock, or one moved by hand in tests.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Tells the time and wakes sleepers.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that only moves when told.
    ByHand(watch::Sender<Timestamp>),
}

impl Clock {
    /// A clock that stands at `at` until it is advanced.
    pub fn by_hand(at: Timestamp) -> Self {
        Self::ByHand(watch::Sender::new(at))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the time is read")]
            Self::System => Timestamp::now(),
            Self::ByHand(at) => *at.borrow(),
        }
    }

    /// Moves a clock by hand; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::ByHand(at) = self {
            at.send_modify(|now| *now = now.checked_add(by).unwrap_or(Timestamp::MAX));
        }
    }

    /// Returns at `until`, at once if that is past. The system's clock may be stepped, so it looks again every minute.
    pub async fn sleep_until(&self, until: Timestamp) {
        match self {
            Self::System => loop {
                let left = until.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_mins(1))).await;
            },
            Self::ByHand(at) => {
                let mut moves = at.subscribe();
                // The sender is held by `self`, so waiting cannot fail.
                if moves.wait_for(|now| *now >= until).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
