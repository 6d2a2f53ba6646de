//! The threads of a process: a few for I/O (tokio), one a core for decoding (rayon).
//!
//! Owns the runtime, the pool, the waiting of calling threads and their interruption; knows nothing
//! of stores and datasets. After a fork the child builds an engine of its own; the parent's, whose
//! threads are not there, is neither used nor dropped.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Kind, Result};

pub mod fork;
pub(crate) mod process;

use process::PerProcess;

/// How often a waiting thread asks whether it should stop.
pub const INTERRUPT_INTERVAL: Duration = Duration::from_millis(50);

/// Threads that drive sockets and timers: they never compute, so two serve hundreds of requests.
const IO_THREADS: usize = 2;

/// Threads for blocking calls (local files, credential sources): enough for the default number of
/// requests in flight, twice.
const MAX_BLOCKING_THREADS: usize = 128;

/// What a caller that waits can say and hear. Called on the calling thread only.
pub trait Interrupt: Sync {
    /// Whether the caller wants the work to end (Ctrl-C).
    fn stop_requested(&self) -> bool;

    /// Told about twenty times a second how many parts of the work are done.
    fn progress(&self, done: u64) {
        let _ = done;
    }
}

/// An [`Interrupt`] that never asks to stop.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverInterrupted;

impl Interrupt for NeverInterrupted {
    fn stop_requested(&self) -> bool {
        false
    }
}

/// The error of a call that was asked to stop.
#[must_use]
pub fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted")
}

/// Runtime and pool of this process.
pub struct Engine {
    runtime: Runtime,
    pool: ThreadPool,
}

static ENGINES: PerProcess<Arc<Engine>> = PerProcess::new();

impl Engine {
    /// The engine of this process, built at the first call.
    ///
    /// # Errors
    /// [`Kind::Internal`] when the system refuses the threads.
    pub fn current() -> Result<Arc<Self>> {
        ENGINES.get_or_try_init(|| Self::build().map(Arc::new)).map(Arc::clone)
    }

    fn build() -> Result<Self> {
        fork::watch()?;
        let _no_fork = fork::enter();
        let runtime = Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("lakebed-io")
            .enable_all()
            .build()
            .map_err(|error| no_threads(&error))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new()
            .num_threads(cores)
            .thread_name(|number| format!("lakebed-cpu-{number}"))
            .build()
            .map_err(|error| no_threads(&error))?;
        // The first work of a pool makes what all pools of a process share; it must not be left
        // half made in a child.
        pool.broadcast(|_| ());
        Ok(Self { runtime, pool })
    }

    /// The decode pool: one thread a core. Nothing that waits for I/O may run on it.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        debug_assert!(!fork::is_inside(), "work on the pool under a lock that forks wait for");
        &self.pool
    }

    /// The I/O runtime. Nothing that computes for long may run on it.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Waits for `future` on the calling thread, asking `interrupt` about every 50 ms whether to
    /// stop; then the future is dropped, which cancels what it waits for. The future may borrow.
    ///
    /// `interrupt` is asked outside of the runtime's context, so whatever it calls (a Python signal
    /// handler, say) may itself use the engine.
    ///
    /// # Errors
    /// What the future gives; [`Kind::Interrupted`]; [`Kind::Internal`] when called by a task of
    /// the runtime, which would stop it for all others.
    pub fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T>>,
        interrupt: &dyn Interrupt,
    ) -> Result<T> {
        debug_assert!(!fork::is_inside(), "waiting under a lock that forks wait for");
        if Handle::try_current().is_ok() {
            return Err(Error::internal("block_on was called from inside of the I/O runtime"));
        }
        let parker = Arc::new(Parker::current());
        let waker = Waker::from(Arc::clone(&parker));
        let mut future = pin!(future);
        let mut asked = Instant::now();
        loop {
            if parker.take()
                && let Poll::Ready(result) = self.poll(future.as_mut(), &waker)
            {
                return result;
            }
            if asked.elapsed() >= INTERRUPT_INTERVAL {
                if interrupt.stop_requested() {
                    return Err(interrupted());
                }
                asked = Instant::now();
            }
            parker.wait(INTERRUPT_INTERVAL.saturating_sub(asked.elapsed()));
        }
    }

    /// Runs `work` on the decode pool while the calling thread asks `interrupt` whether to stop;
    /// `work` is handed the answer, and is to end soon once it turns true.
    ///
    /// # Errors
    /// [`Kind::Interrupted`].
    pub fn compute<T: Send>(
        &self,
        work: impl FnOnce(&AtomicBool) -> T + Send,
        interrupt: &dyn Interrupt,
    ) -> Result<T> {
        debug_assert!(!fork::is_inside(), "computing under a lock that forks wait for");
        let stop = AtomicBool::new(false);
        let (sender, receiver) = std::sync::mpsc::channel();
        self.pool.in_place_scope(|scope| {
            let stop = &stop;
            // Nobody listens any more once the work was told to stop.
            scope.spawn(move |_| drop(sender.send(work(stop))));
            loop {
                match receiver.recv_timeout(INTERRUPT_INTERVAL) {
                    Ok(value) => return Ok(value),
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                        if interrupt.stop_requested() {
                            stop.store(true, Ordering::Release);
                            return Err(interrupted());
                        }
                    }
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                        return Err(Error::internal("work on the decode pool gave no result"));
                    }
                }
            }
        })
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
        let _context = self.handle().enter();
        future.poll(&mut TaskContext::from_waker(waker))
    }
}

fn no_threads(error: &dyn fmt::Display) -> Error {
    Error::internal(format!("the system does not give this process the threads it needs: {error}"))
        .with_hint("raise the limit of threads (ulimit -u, or the container's pids limit)")
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("cpu_threads", &self.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}

/// Wakes the thread that waits in [`Engine::block_on`].
struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    /// For the calling thread; woken from the start, so that the future is polled at once.
    fn current() -> Self {
        Self { thread: std::thread::current(), woken: AtomicBool::new(true) }
    }

    fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    fn wait(&self, at_most: Duration) {
        if !self.woken.load(Ordering::Acquire) {
            std::thread::park_timeout(at_most);
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct StopAfter(Instant, Duration);

    impl Interrupt for StopAfter {
        fn stop_requested(&self) -> bool {
            self.0.elapsed() >= self.1
        }
    }

    #[test]
    fn waits_for_timers_and_may_borrow() {
        let engine = Engine::current().unwrap();
        let text = String::from("borrowed");
        let length = engine
            .block_on(
                async {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok(text.len())
                },
                &NeverInterrupted,
            )
            .unwrap();
        assert_eq!(length, 8);
    }

    #[test]
    fn stop_request_drops_the_future() {
        struct Flag(Arc<AtomicUsize>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let flag = Flag(Arc::clone(&dropped));
        let start = Instant::now();
        let error = Engine::current()
            .unwrap()
            .block_on(
                async move {
                    let _flag = flag;
                    std::future::pending::<Result<()>>().await
                },
                &StopAfter(start, Duration::from_millis(60)),
            )
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_interrupt_may_use_the_engine_itself() {
        struct Nested;
        impl Interrupt for Nested {
            fn stop_requested(&self) -> bool {
                let engine = Engine::current().unwrap();
                engine.block_on(async { Ok(true) }, &NeverInterrupted).unwrap()
            }
        }
        let pending = std::future::pending::<Result<()>>();
        let error = Engine::current().unwrap().block_on(pending, &Nested).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
    }

    #[test]
    fn works_on_pool_threads_but_not_inside_the_runtime() {
        let engine = Engine::current().unwrap();
        let inner = Arc::clone(&engine);
        let seven =
            engine.pool().install(|| inner.block_on(async { Ok(7) }, &NeverInterrupted)).unwrap();
        assert_eq!(seven, 7);
        let inside = async { inner.block_on(async { Ok(7) }, &NeverInterrupted) };
        let error = engine.block_on(inside, &NeverInterrupted).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
    }

    #[test]
    fn one_engine_a_process() {
        assert!(Arc::ptr_eq(&Engine::current().unwrap(), &Engine::current().unwrap()));
    }
}
