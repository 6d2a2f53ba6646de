//! When a request that failed is sent again: one policy for all that is reached by http.
//!
//! Owns the waits, the bounds and the count of tries; what a reply means is the caller's business.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::error::Detail;
use super::http_date;

/// Tries in a row that came to nothing, the first one included, after which there is no other.
const MAX_TRIES: u32 = 10;

/// The same where there was not even a connection: a wrong address is to be told soon.
const MAX_UNREACHED_TRIES: u32 = 5;

/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(8);

/// However patient the process: a request is sent again as it was signed, and S3 takes signatures
/// for a quarter of an hour.
const MAX_RETRY: Duration = Duration::from_secs(600);

/// No request has been sent of which nothing has come.
const NEVER: u64 = u64::MAX;

/// How patient this process is with servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long an operation that gets no further is tried again.
    pub retry: Duration,
    /// How long a reply, or the next part of it, is awaited.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { retry: Duration::from_secs(60), idle: Duration::from_secs(30) }
    }
}

/// What was set, in milliseconds; 0 = the default.
static RETRY_MS: AtomicU64 = AtomicU64::new(0);
static IDLE_MS: AtomicU64 = AtomicU64::new(0);

impl Patience {
    /// Makes it this process's, for all requests that begin from now on.
    pub fn set(self) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        RETRY_MS.store(ms(self.retry), Ordering::Relaxed);
        IDLE_MS.store(ms(self.idle), Ordering::Relaxed);
    }

    /// This process's.
    #[must_use]
    pub fn current() -> Self {
        let set = |ms: &AtomicU64, default| match ms.load(Ordering::Relaxed) {
            0 => default,
            ms => Duration::from_millis(ms),
        };
        let Self { retry, idle } = Self::default();
        Self { retry: set(&RETRY_MS, retry), idle: set(&IDLE_MS, idle) }
    }
}

/// What kept a try from succeeding, where another one may do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setback {
    /// There was no connection, so nothing was sent.
    Unreached,
    /// The request was sent, and its reply did not come whole. It may have had its effect.
    Lost,
    /// The server answered that it cannot now, and how long it wants to be left alone.
    Refused(Option<Duration>),
}

/// The tries of one operation; one that continues a reply that broke off shares them.
#[derive(Debug)]
pub(super) struct Attempts {
    patience: Patience,
    started: Instant,
    /// All that were sent.
    tries: AtomicU32,
    /// Those in a row that brought nothing.
    failed: AtomicU32,
    /// When the first of these was sent, in milliseconds after the start; else `NEVER`.
    since_ms: AtomicU64,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            patience: Patience::current(),
            started: Instant::now(),
            tries: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            since_ms: AtomicU64::new(NEVER),
        }
    }
}

impl Attempts {
    /// Counts a request that is about to be sent.
    pub(super) fn sending(&self) {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let (order, now) = (Ordering::Relaxed, self.now_ms());
        // Whoever was first said when it began.
        let _ = self.since_ms.compare_exchange(NEVER, now, order, order);
    }

    /// Notes that something came that need not come again.
    pub(super) fn progressed(&self) {
        self.failed.store(0, Ordering::Relaxed);
        self.since_ms.store(NEVER, Ordering::Relaxed);
    }

    /// How long to wait before the next try; nothing when there is to be none.
    pub(super) fn wait(&self, setback: Setback) -> Option<Duration> {
        let failed = self.failed.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let most = if setback == Setback::Unreached { MAX_UNREACHED_TRIES } else { MAX_TRIES };
        if failed >= most {
            return None;
        }
        let asked = match setback {
            Setback::Refused(Some(asked)) => asked,
            _ => Duration::ZERO,
        };
        let wait = asked.saturating_add(jittered(failed));
        self.is_patient_for(wait).then_some(wait)
    }

    /// Whether it is worth a request to continue what broke off.
    pub(super) fn may_continue(&self) -> bool {
        self.is_patient_for(Duration::ZERO)
    }

    fn is_patient_for(&self, wait: Duration) -> bool {
        let spent = match self.since_ms.load(Ordering::Relaxed) {
            NEVER => Duration::ZERO,
            since => Duration::from_millis(self.now_ms().saturating_sub(since)),
        };
        spent.saturating_add(wait) <= self.patience.retry.min(MAX_RETRY)
    }

    /// Whether a request was sent before.
    pub(super) fn has_begun(&self) -> bool {
        self.tries.load(Ordering::Relaxed) > 0
    }

    /// How many requests were sent, and in what time.
    pub(super) fn spent(&self) -> (u32, f64) {
        (self.tries.load(Ordering::Relaxed).max(1), self.started.elapsed().as_secs_f64())
    }

    /// The end of it.
    pub(super) fn gave_up(&self, detail: Detail) -> GaveUp {
        let (tries, seconds) = self.spent();
        GaveUp { tries, seconds, detail }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NEVER)
    }
}

/// Half of the wait is random, so that those who failed together do not come back together.
fn jittered(failed: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
    let most = FIRST_WAIT.saturating_mul(doubled).min(MAX_WAIT);
    most.mul_f64(0.5 + 0.5 * rand::random::<f64>())
}

/// No try of an operation succeeded, and there will be no other.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub(super) struct GaveUp {
    pub(super) tries: u32,
    pub(super) seconds: f64,
    /// What became of the last one.
    pub(super) detail: Detail,
}

/// The time that a `Retry-After` header asks for: seconds, or a date.
pub(super) fn asked_wait(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    // One that has passed: at once.
    Some(http_date::parse(value)?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(retry: Duration) -> Attempts {
        Attempts { patience: Patience { retry, ..Patience::default() }, ..Attempts::default() }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn tries_are_bounded_and_waits_grow() {
        for (setback, most) in [
            (Setback::Unreached, MAX_UNREACHED_TRIES),
            (Setback::Lost, MAX_TRIES),
            (Setback::Refused(None), MAX_TRIES),
        ] {
            let attempts = attempts(LONG);
            for failed in 1..most {
                let wait = attempts.wait(setback).unwrap();
                let doubled = FIRST_WAIT * 2_u32.pow(failed - 1);
                assert!(wait <= doubled.min(MAX_WAIT) && wait >= doubled.min(MAX_WAIT) / 2);
            }
            assert_eq!(attempts.wait(setback), None);
        }
    }

    #[test]
    fn whatever_comes_renews_tries_and_time() {
        let attempts = attempts(LONG);
        while attempts.wait(Setback::Lost).is_some() {}
        attempts.progressed();
        assert!(attempts.wait(Setback::Lost).is_some_and(|wait| wait <= FIRST_WAIT));
    }

    #[test]
    fn servers_are_left_alone_as_long_as_they_ask_or_given_up() {
        let asked = Duration::from_secs(7);
        let wait = attempts(LONG).wait(Setback::Refused(Some(asked))).unwrap();
        assert!(wait >= asked && wait <= asked + FIRST_WAIT);
        let short = attempts(Duration::from_secs(5));
        assert_eq!(short.wait(Setback::Refused(Some(asked))), None);
        for longer_than_signatures_hold in [MAX_RETRY, Duration::MAX] {
            let asked = Setback::Refused(Some(longer_than_signatures_hold));
            assert_eq!(attempts(LONG).wait(asked), None);
        }
    }

    #[test]
    fn time_in_which_nothing_comes_ends_tries() {
        let attempts = attempts(Duration::from_millis(1));
        let later = || std::thread::sleep(Duration::from_millis(5));
        attempts.sending();
        later();
        assert!(!attempts.may_continue());
        assert_eq!(attempts.wait(Setback::Refused(None)), None);
        // What came may wait to be read for as long as the reader likes.
        attempts.progressed();
        later();
        assert!(attempts.may_continue());
        attempts.sending();
        later();
        assert!(!attempts.may_continue());
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now = http_date::parse("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |number| Some(Duration::from_secs(number));
        for (value, wait) in [
            ("7", seconds(7)),
            (" 0 ", seconds(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)),
            ("Sun, 06 Nov 1994 08:40:37 GMT", seconds(0)),
            ("-1", None),
            ("99999999999999999999", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(asked_wait(value, now), wait, "{value}");
        }
    }
}
