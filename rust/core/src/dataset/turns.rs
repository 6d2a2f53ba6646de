//! One thread at a time: waiting for a turn, without missing Ctrl-C, and ending work gently.
//!
//! Who has the turn is plain data behind a lock that is held for moments only, so that a turn may
//! last as long as a change does, and a fork or a panic in the middle of it leaves nothing locked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::engine::{INTERRUPT_INTERVAL, Interrupt, interrupted};
use crate::error::Result;

/// How long work goes on that Ctrl-C should not cut through: most requests end in this time, and who
/// pressed the keys does not press them again.
const GRACE: Duration = Duration::from_millis(500);

/// Lets one thread through at a time.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    holder: Mutex<Option<ThreadId>>,
    given_back: Condvar,
}

/// A thread's turn; the next one comes when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Turns>);

impl Turns {
    /// Waits for this thread's turn; `None` when it has it already, as what a progress callback or
    /// a signal handler calls does.
    ///
    /// # Errors
    /// `Interrupted`.
    pub(crate) fn take(self: &Arc<Self>, interrupt: &dyn Interrupt) -> Result<Option<Turn>> {
        let this = std::thread::current().id();
        loop {
            let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
            match *holder {
                None => {
                    *holder = Some(this);
                    return Ok(Some(Turn(Arc::clone(self))));
                }
                Some(thread) if thread == this => return Ok(None),
                Some(_) => {
                    let waited = self.given_back.wait_timeout(holder, INTERRUPT_INTERVAL);
                    // Free again before anybody is asked: a signal handler may want a turn, too.
                    drop(waited);
                }
            }
            if interrupt.stop_requested() {
                return Err(interrupted());
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.given_back.notify_one();
    }
}

/// An [`Interrupt`] for work that is to stop between two steps, not inside of one: a request that
/// is given up may still reach its object, and then overwrite what was written there since.
pub(crate) struct Grace<'a> {
    interrupt: &'a dyn Interrupt,
    asked: OnceLock<Instant>,
    stop: AtomicBool,
}

impl<'a> Grace<'a> {
    pub(crate) fn new(interrupt: &'a dyn Interrupt) -> Self {
        Self { interrupt, asked: OnceLock::new(), stop: AtomicBool::new(false) }
    }

    /// Turns true when no further step should begin.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

impl Interrupt for Grace<'_> {
    fn stop_requested(&self) -> bool {
        if !self.interrupt.stop_requested() {
            return false;
        }
        self.stop.store(true, Ordering::Release);
        self.asked.get_or_init(Instant::now).elapsed() >= GRACE
    }

    fn progress(&self, done: u64) {
        self.interrupt.progress(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NeverInterrupted;
    use crate::error::Kind;

    struct Stop;

    impl Interrupt for Stop {
        fn stop_requested(&self) -> bool {
            true
        }
    }

    #[test]
    fn one_thread_at_a_time_and_none_is_forgotten() {
        let turns = Arc::<Turns>::default();
        let inside = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let turn = turns.take(&NeverInterrupted).unwrap();
                        assert!(turn.is_some());
                        assert!(!inside.swap(true, Ordering::AcqRel), "two at a time");
                        inside.store(false, Ordering::Release);
                    }
                });
            }
        });
    }

    #[test]
    fn a_thread_that_has_the_turn_is_told_so() {
        let turns = Arc::<Turns>::default();
        let turn = turns.take(&NeverInterrupted).unwrap();
        assert!(turns.take(&NeverInterrupted).unwrap().is_none());
        drop(turn);
        assert!(turns.take(&NeverInterrupted).unwrap().is_some());
    }

    #[test]
    fn waiting_for_a_turn_can_be_interrupted() {
        let turns = Arc::<Turns>::default();
        let _turn = turns.take(&NeverInterrupted).unwrap();
        let other = Arc::clone(&turns);
        let waited = std::thread::spawn(move || other.take(&Stop).map(|_| ())).join().unwrap();
        assert_eq!(waited.unwrap_err().kind(), Kind::Interrupted);
    }

    #[test]
    fn grace_stops_steps_at_once_and_waiting_later() {
        let grace = Grace::new(&Stop);
        assert!(!grace.stop().load(Ordering::Acquire));
        assert!(!grace.stop_requested(), "what is under way may end");
        assert!(grace.stop().load(Ordering::Acquire));
    }
}
