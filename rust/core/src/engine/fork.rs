//! Forks wait until no thread is in the middle of a short piece of work on shared memory.
//!
//! A forked child has none of its parent's other threads: a lock that one of them held stays locked
//! for ever, and what it was changing stays half changed. So every thread [`enter`]s before it takes
//! a lock that outlives a call, and a fork, by whatever library, first waits until nobody is inside.
//! [`Mutex`] and [`RwLock`] do that by themselves.
//!
//! Inside, nothing may wait: not for I/O, not for another thread, not for the interpreter, which the
//! thread that forks holds. The engine's own ways to wait check that in builds with debug
//! assertions.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{self, LockResult, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

/// Threads inside, and [`FORKING`].
static INSIDE: AtomicU32 = AtomicU32::new(0);

/// Set while a fork waits or is under way: nobody enters.
const FORKING: u32 = 1 << 31;

/// A fork takes about a millisecond, most stays inside far less.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

thread_local! {
    /// How often this thread has entered without leaving.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Proof that no fork happens until it is dropped, by the thread that got it.
#[derive(Debug)]
pub(crate) struct Inside(PhantomData<*const ()>);

/// Waits for a fork under way and holds up the next one.
pub(crate) fn enter() -> Inside {
    let depth = DEPTH.get();
    // Who is inside already must not wait for a fork, which waits for him.
    if depth == 0 {
        let free = |inside: u32| (inside & FORKING == 0).then_some(inside + 1);
        while INSIDE.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free).is_err() {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
    DEPTH.set(depth + 1);
    Inside(PhantomData)
}

/// Whether this thread holds up forks.
pub(super) fn is_inside() -> bool {
    DEPTH.get() > 0
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Makes forks of this process wait from now on, however they are made.
///
/// # Errors
/// [`crate::Kind::Internal`] when the system has no memory for it.
pub fn watch() -> Result<()> {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    if handlers::register() {
        return Ok(());
    }
    WATCHED.store(false, Ordering::SeqCst);
    Err(Error::internal("the system does not tell this process of its forks: it has no memory"))
}

#[cfg(unix)]
mod handlers {
    use super::{DEPTH, FORKING, INSIDE, LOOK_AGAIN, Ordering};

    #[expect(unsafe_code, reason = "std tells nobody of a fork")]
    pub(super) fn register() -> bool {
        // SAFETY: the functions are never unloaded (Python keeps extension modules for good), do
        // not unwind, and only touch atomics and a thread-local without destructor, which is
        // allowed on both sides of a fork.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) == 0 }
    }

    /// In the thread that forks.
    extern "C" fn before() {
        while INSIDE.fetch_or(FORKING, Ordering::SeqCst) & FORKING != 0 {
            // Another thread forks.
            std::thread::sleep(LOOK_AGAIN);
        }
        let own = u32::from(DEPTH.get() > 0);
        while INSIDE.load(Ordering::SeqCst) & !FORKING != own {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// In the parent and in the child.
    extern "C" fn after() {
        INSIDE.fetch_and(!FORKING, Ordering::SeqCst);
    }
}

#[cfg(not(unix))]
mod handlers {
    /// There is no fork here.
    pub(super) fn register() -> bool {
        true
    }
}

/// A lock that is free in a forked child. As `std::sync::Mutex`, for work that never waits.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<Held<sync::MutexGuard<'_, T>>> {
        let inside = enter();
        held(inside, self.0.lock())
    }
}

/// A lock that is free in a forked child. As `std::sync::RwLock`, for work that never waits.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> LockResult<Held<sync::RwLockReadGuard<'_, T>>> {
        let inside = enter();
        held(inside, self.0.read())
    }

    pub(crate) fn write(&self) -> LockResult<Held<sync::RwLockWriteGuard<'_, T>>> {
        let inside = enter();
        held(inside, self.0.write())
    }
}

/// What a lock guards, until it is dropped.
pub(crate) struct Held<G> {
    /// Above `_inside`, so that the lock is free before a fork may happen.
    guard: G,
    _inside: Inside,
}

fn held<G>(inside: Inside, locked: LockResult<G>) -> LockResult<Held<G>> {
    match locked {
        Ok(guard) => Ok(Held { guard, _inside: inside }),
        Err(poisoned) => {
            let guard = poisoned.into_inner();
            Err(PoisonError::new(Held { guard, _inside: inside }))
        }
    }
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

impl<G: fmt::Debug> fmt::Debug for Held<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_enters_as_often_as_it_leaves() {
        assert!(!is_inside());
        let outer = enter();
        let inner = enter();
        drop(outer);
        assert!(is_inside());
        drop(inner);
        assert!(!is_inside());
    }

    #[test]
    fn locks_keep_forks_out_while_they_are_held() {
        let lock = RwLock::new(1);
        let read = lock.read().unwrap();
        assert!(is_inside());
        drop(read);
        *lock.write().unwrap() += 1;
        assert_eq!(*Mutex::new(2).lock().unwrap(), *lock.read().unwrap());
        assert!(!is_inside());
    }

    #[cfg(unix)]
    #[test]
    #[expect(unsafe_code, reason = "the system call under test, which std does not offer")]
    fn a_fork_waits_until_what_a_thread_changes_is_whole() {
        static HALVES: Mutex<(u32, u32)> = Mutex::new((0, 0));
        watch().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut halves = HALVES.lock().unwrap();
                halves.0 = 1;
                sender.send(()).unwrap();
                // Long enough for the fork below to come in between, if it could.
                std::thread::sleep(Duration::from_millis(100));
                halves.1 = 1;
            });
            receiver.recv().unwrap();
            // SAFETY: the child only looks at a lock, without waiting for it, and ends.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let whole = HALVES.0.try_lock().is_ok_and(|halves| *halves == (1, 1));
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(i32::from(!whole)) };
            }
            let mut status = -1;
            // SAFETY: `status` lives across the call, which writes one integer to it.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0);
        });
        // The parent goes on as well.
        assert_eq!(*HALVES.lock().unwrap(), (1, 1));
    }

    #[test]
    fn a_poisoned_lock_still_opens() {
        let lock = Mutex::new(1);
        std::thread::scope(|scope| {
            let broken = scope.spawn(|| {
                let _held = lock.lock().unwrap();
                panic!("while it is held");
            });
            assert!(broken.join().is_err());
        });
        assert_eq!(*lock.lock().unwrap_or_else(PoisonError::into_inner), 1);
        assert!(!is_inside());
    }
}
