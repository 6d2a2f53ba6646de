//! Values that belong to one process, found again after a fork without touching a lock.
//!
//! A fork copies memory while other threads may hold any lock, and copies no threads. So what is
//! looked up after a fork must not sit behind a lock, and what the parent's threads serve (a
//! runtime, a connection pool) must be neither used nor dropped by the child. [`AppendList`] only
//! ever grows by one atomic exchange; [`PerProcess`] keeps one value a process id in such a list.

use std::convert::Infallible;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

struct Node<T> {
    value: T,
    pid: u32,
    next: *const Self,
}

/// A list that grows at its head and never shrinks; reading and growing take no lock.
///
/// Meant for a handful of entries: every look-up walks it.
pub(crate) struct AppendList<T: Send + Sync + 'static> {
    head: AtomicPtr<Node<T>>,
}

impl<T: Send + Sync + 'static> AppendList<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The entries with the ids of the processes that added them, newest first.
    fn nodes(&self) -> impl Iterator<Item = &Node<T>> {
        let mut next: *const Node<T> = self.head.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            #[expect(unsafe_code, reason = "entries are shared without a lock a fork could keep")]
            // SAFETY: a non-null pointer of the list comes from `Box::into_raw` in `push_onto`, was
            // published with Release and is read after Acquire; nodes are never changed afterwards
            // and freed only by `drop`, which needs `&mut self` and so outlives this borrow.
            let node = unsafe { next.as_ref() }?;
            next = node.next;
            Some(node)
        })
    }

    /// The entries, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.nodes().map(|node| &node.value)
    }

    /// Adds an entry.
    pub(crate) fn push(&self, value: T) {
        let mut value = value;
        while let Err(back) = self.push_onto(self.head.load(Ordering::Acquire), value) {
            value = back;
        }
    }

    /// Adds an entry if `head` is still the newest one, else gives the value back.
    fn push_onto(&self, head: *mut Node<T>, value: T) -> Result<(), T> {
        let node = Box::into_raw(Box::new(Node { value, pid: std::process::id(), next: head }));
        match self.head.compare_exchange(head, node, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(_) => {
                #[expect(unsafe_code, reason = "takes back what `Box::into_raw` gave above")]
                // SAFETY: the exchange failed, so `node` was not published and is still ours alone.
                let node = unsafe { Box::from_raw(node) };
                Err(node.value)
            }
        }
    }
}

impl<T: Send + Sync + 'static> Drop for AppendList<T> {
    fn drop(&mut self) {
        let pid = std::process::id();
        let mut next = *self.head.get_mut();
        while !next.is_null() {
            #[expect(unsafe_code, reason = "frees the nodes that `push_onto` leaked")]
            // SAFETY: every node came from `Box::into_raw`, is reached once, and `&mut self` says
            // that nobody else can reach it.
            let node = unsafe { Box::from_raw(next) };
            next = node.next.cast_mut();
            if node.pid != pid {
                // Another process made it: its threads are not here, so dropping could wait for
                // a lock that nobody will ever release.
                std::mem::forget(node);
            }
        }
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for AppendList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppendList").finish_non_exhaustive()
    }
}

/// One value for each process: a forked child makes its own and leaves the parent's alone.
#[derive(Debug)]
pub(crate) struct PerProcess<T: Send + Sync + 'static> {
    values: AppendList<T>,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    /// No value yet, in any process.
    pub(crate) const fn new() -> Self {
        Self { values: AppendList::new() }
    }

    /// This process's value, made by `make` if there is none. Threads that come at the same time
    /// may each make one; all get the same one, the others are dropped.
    pub(crate) fn get_or_try_init<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let mut made = None;
        loop {
            let head = self.values.head.load(Ordering::Acquire);
            if let Some(value) = self.get() {
                return Ok(value);
            }
            let value = match made.take() {
                Some(value) => value,
                None => make()?,
            };
            made = self.values.push_onto(head, value).err();
        }
    }

    /// As [`PerProcess::get_or_try_init`], for what cannot fail.
    pub(crate) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<_, Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    fn get(&self) -> Option<&T> {
        let pid = std::process::id();
        self.values.nodes().find(|node| node.pid == pid).map(|node| &node.value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn entries_come_back_newest_first() {
        let list = AppendList::new();
        list.push(1);
        list.push(2);
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn all_threads_see_every_entry_and_nothing_is_lost_on_drop() {
        let alive = Arc::new(());
        let list = AppendList::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250).for_each(|_| list.push(Arc::clone(&alive))));
            }
        });
        assert_eq!(list.iter().count(), 1000);
        drop(list);
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn racing_threads_agree_on_one_value() {
        let made = AtomicUsize::new(0);
        let slot = PerProcess::new();
        let seen: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        *slot
                            .get_or_try_init(|| Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed)))
                            .unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
    }
}
