//! Artificial jobs: order, bounds, the failure rule, interruption, and that nothing waits for ever.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use proptest::prelude::*;

use super::*;
use crate::engine::{Engine, Interrupt, NeverInterrupted};
use crate::error::{Kind, MAX_FAILURES};

/// Far less than what would be waited for, and far more than a busy machine needs.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What the jobs of a test do together.
#[derive(Default)]
struct World {
    started: Mutex<Vec<u64>>,
    running: AtomicI64,
    most_running: AtomicI64,
    bytes: AtomicI64,
    most_bytes: AtomicI64,
}

impl World {
    fn add(value: &AtomicI64, most: &AtomicI64, by: i64) {
        most.fetch_max(value.fetch_add(by, Ordering::SeqCst) + by, Ordering::SeqCst);
    }
}

/// Counts itself as running, and its bytes as held, until dropped.
struct Counted {
    world: Arc<World>,
    bytes: i64,
}

impl Counted {
    fn new(world: &Arc<World>, bytes: i64) -> Self {
        World::add(&world.bytes, &world.most_bytes, bytes);
        Self { world: Arc::clone(world), bytes }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.world.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

struct Running(Arc<World>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Step {
    index: u64,
    bytes: u64,
    before_ms: u64,
    after_ms: u64,
    fails: bool,
    panics: bool,
    world: Arc<World>,
}

struct Output {
    index: u64,
    _counted: Counted,
    _permit: Permit,
}

fn step(world: &Arc<World>, index: u64) -> Step {
    let world = Arc::clone(world);
    Step { index, bytes: 1024, before_ms: 0, after_ms: 0, fails: false, panics: false, world }
}

fn steps(world: &Arc<World>, count: u64) -> Vec<Step> {
    (0..count).map(|index| step(world, index)).collect()
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn failure(index: u64) -> Error {
    Error::new(Kind::Storage, format!("job {index}"))
}

impl Job for Step {
    type Output = Output;

    fn index(&self) -> u64 {
        self.index
    }

    fn run(self, budget: Budget) -> BoxFuture<'static, Result<Output>> {
        async move {
            self.world.started.lock().unwrap().push(self.index);
            World::add(&self.world.running, &self.world.most_running, 1);
            let _running = Running(Arc::clone(&self.world));
            pause(self.before_ms).await;
            let permit = budget.acquire(self.bytes).await?;
            let counted = Counted::new(&self.world, i64::try_from(self.bytes).unwrap());
            pause(self.after_ms).await;
            assert!(!self.panics, "as asked");
            if self.fails {
                return Err(failure(self.index));
            }
            Ok(Output { index: self.index, _counted: counted, _permit: permit })
        }
        .boxed()
    }
}

fn limits(max_requests: usize, max_bytes_in_flight: u64) -> Limits {
    Limits { max_requests, max_bytes_in_flight }
}

fn run_all<F>(jobs: Vec<Step>, limits: Limits, process: F) -> Result<()>
where
    F: Fn(Output, &Failures) + Sync,
{
    run(&Engine::current().unwrap(), jobs, &limits, &NeverInterrupted, process)
}

#[test]
fn everything_is_processed_once_into_borrowed_memory() {
    let world = Arc::default();
    let seen: Vec<AtomicUsize> = (0..500).map(|_| AtomicUsize::new(0)).collect();
    let mut jobs = steps(&world, 500);
    jobs.reverse();
    run_all(jobs, Limits::default(), |output, _| {
        seen[usize::try_from(output.index).unwrap()].fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    assert_eq!(world.bytes.load(Ordering::SeqCst), 0);
}

#[test]
fn jobs_start_in_order_of_their_index() {
    let world = Arc::default();
    let mut jobs = steps(&world, 100);
    jobs.reverse();
    run_all(jobs, limits(1, 1 << 20), |_, _| ()).unwrap();
    assert_eq!(*world.started.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn requests_and_bytes_are_bounded() {
    let world = Arc::default();
    let mut jobs = steps(&world, 200);
    for job in &mut jobs {
        job.bytes = 10 * 1024 + job.index % 7 * 1024;
        (job.before_ms, job.after_ms) = (job.index % 3, job.index % 2);
    }
    run_all(jobs, limits(16, 64 * 1024), |_, _| ()).unwrap();
    assert!(world.most_running.load(Ordering::SeqCst) <= 16);
    assert!(world.most_running.load(Ordering::SeqCst) > 1);
    assert!(world.most_bytes.load(Ordering::SeqCst) <= 64 * 1024);
    assert!(world.most_bytes.load(Ordering::SeqCst) > 16 * 1024);
}

#[test]
fn one_too_large_item_takes_the_whole_budget_and_passes() {
    let world = Arc::default();
    let mut jobs = steps(&world, 20);
    for job in jobs.iter_mut().filter(|job| job.index % 5 == 0) {
        job.bytes = 10 * 1024 * 1024;
    }
    run_all(jobs, limits(8, 4 * 1024), |_, _| ()).unwrap();
    // The large ones alone: nothing else is held beside them.
    assert_eq!(world.most_bytes.load(Ordering::SeqCst), 10 * 1024 * 1024);
    let world = Arc::default();
    run_all(steps(&world, 5), limits(0, 0), |_, _| ()).unwrap();
}

#[test]
fn a_slow_process_holds_back_requests() {
    let world = Arc::<World>::default();
    let (waiting, most) = (AtomicI64::new(0), AtomicI64::new(0));
    let mut jobs = steps(&world, 60);
    jobs.iter_mut().for_each(|job| job.bytes = 0);
    run_all(jobs, limits(4, 1 << 30), |_, _| {
        let started = i64::try_from(world.started.lock().unwrap().len()).unwrap();
        let processed = waiting.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(started - processed, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
    })
    .unwrap();
    // At most 4 running and 4 that were fetched, with those in the threads' hands.
    assert!(most.load(Ordering::SeqCst) <= 12, "{most:?}");
}

#[test]
fn failing_while_others_wait_for_bytes_ends_the_run() {
    let world = Arc::default();
    let mut jobs = steps(&world, 50);
    for job in &mut jobs {
        (job.bytes, job.after_ms) = (4 * 1024, 1);
        job.fails = job.index >= 20;
    }
    let error = run_all(jobs, limits(32, 4 * 1024), |_, _| ()).unwrap_err();
    assert_eq!(error.message(), "job 20");
    assert_eq!(error.failures()[0].message(), "job 20");
}

#[test]
fn failures_above_are_cancelled_and_those_below_finished() {
    let world = Arc::<World>::default();
    let mut jobs = steps(&world, 40);
    for job in &mut jobs {
        job.before_ms = if job.index > 5 { 60_000 } else { 30 };
    }
    jobs[5].fails = true;
    jobs[5].before_ms = 0;
    let processed = AtomicUsize::new(0);
    let start = Instant::now();
    let count = |_: Output, _: &Failures| {
        processed.fetch_add(1, Ordering::Relaxed);
    };
    let error = run_all(jobs, limits(20, 1 << 20), count).unwrap_err();
    assert_eq!(error.message(), "job 5");
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!(processed.load(Ordering::Relaxed), 5);
    // Those above may be cancelled before they begin.
    assert!(world.started.lock().unwrap().len() <= 20);
}

#[test]
fn process_reports_positions_of_its_own() {
    let world = Arc::default();
    let error = run_all(steps(&world, 300), limits(8, 1 << 20), |output, failures| {
        // Each job serves its position and one far above.
        failures.push(output.index + 1000, failure(output.index + 1000));
        if output.index % 2 == 1 {
            failures.push(output.index, failure(output.index));
        }
    })
    .unwrap_err();
    assert_eq!(error.message(), "job 1");
    assert!(error.failures().len() <= MAX_FAILURES);
    assert_eq!(error.failures()[0].message(), "job 1");
    assert!(error.failures().len() > 1);
}

#[test]
fn failures_are_capped_at_the_lowest() {
    let shared = failures::Shared::default();
    for index in (0..1000).rev() {
        shared.push(index, 0, failure(index));
    }
    let error = shared.take_error().unwrap();
    assert_eq!(error.failures().len(), MAX_FAILURES);
    assert_eq!(error.failures()[MAX_FAILURES - 1].message(), format!("job {}", MAX_FAILURES - 1));
}

#[test]
fn panics_become_internal_errors() {
    let world = Arc::default();
    let mut jobs = steps(&world, 10);
    jobs[3].panics = true;
    let error = run_all(jobs, Limits::default(), |_, _| ()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Internal, "a fetch broke: as asked"));
    let error = run_all(steps(&world, 10), Limits::default(), |output, _| {
        assert!(output.index < 4, "no {}", output.index);
    })
    .unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Internal, "the processing broke: no 4"));
}

#[test]
fn holding_one_permit_and_asking_for_another_is_refused() {
    let engine = Engine::current().unwrap();
    let budget = Budget::new(1 << 20);
    let asked = async {
        let first = budget.acquire(10).await?;
        let second = budget.acquire(10).await;
        drop(first);
        budget.acquire(10).await?;
        Ok(second.unwrap_err().kind())
    };
    assert_eq!(engine.block_on(asked, &NeverInterrupted).unwrap(), Kind::Internal);
}

#[test]
fn pool_threads_may_not_wait_for_themselves() {
    let engine = Engine::current().unwrap();
    let world = Arc::default();
    let jobs = steps(&world, 1);
    let error = engine.pool().install(|| run_all(jobs, Limits::default(), |_, _| ())).unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
}

/// Asks to stop when so many jobs are done.
struct StopAfter {
    done: u64,
    told: AtomicU64,
}

impl StopAfter {
    fn new(done: u64) -> Self {
        Self { done, told: AtomicU64::new(0) }
    }
}

impl Interrupt for StopAfter {
    fn stop_requested(&self) -> bool {
        self.told.load(Ordering::Relaxed) >= self.done
    }

    fn progress(&self, done: u64) {
        self.told.store(done, Ordering::Relaxed);
    }
}

#[test]
fn an_interrupt_ends_the_run_while_jobs_hang() {
    let engine = Engine::current().unwrap();
    let world = Arc::default();
    let mut jobs = steps(&world, 100);
    jobs.iter_mut().skip(10).for_each(|job| job.before_ms = 60_000);
    let start = Instant::now();
    let stop = StopAfter::new(10);
    let error = run(&engine, jobs, &limits(32, 1 << 20), &stop, |_, _| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!(stop.told.load(Ordering::Relaxed), 10);
}

#[test]
fn an_interrupt_is_heard_while_outputs_stream_in() {
    let engine = Engine::current().unwrap();
    let world = Arc::default();
    let stop = StopAfter::new(20);
    let slow = |_: Output, _: &Failures| std::thread::sleep(Duration::from_millis(1));
    let error = run(&engine, steps(&world, 20_000), &limits(8, 1 << 20), &stop, slow).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert!(stop.told.load(Ordering::Relaxed) < 10_000);
}

#[test]
fn no_jobs_are_no_work() {
    run_all(Vec::new(), Limits::default(), |_, _| ()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever the timing: the lowest failing position is the error, and all below is processed.
    #[test]
    fn the_lowest_failure_always_wins(
        plan in proptest::collection::vec((0_u64..4, 0_u64..3, 0_u8..12, 0_u64..12_000), 1..60),
        max_requests in 1_usize..20,
        max_bytes in 1_u64..20_000,
    ) {
        let world = Arc::default();
        let mut jobs = steps(&world, plan.len() as u64);
        let mut lowest = None;
        for (job, (before_ms, after_ms, fate, bytes)) in jobs.iter_mut().zip(&plan) {
            (job.before_ms, job.after_ms, job.bytes) = (*before_ms, *after_ms, *bytes);
            job.fails = *fate == 0;
            if *fate <= 1 {
                lowest = lowest.or(Some(job.index));
            }
        }
        let processed = Mutex::new(Vec::new());
        let result = run_all(jobs, limits(max_requests, max_bytes), |output, failures| {
            if plan[usize::try_from(output.index).unwrap()].2 == 1 {
                failures.push(output.index, failure(output.index));
            } else {
                processed.lock().unwrap().push(output.index);
            }
        });
        let mut processed = processed.into_inner().unwrap();
        processed.sort_unstable();
        processed.dedup();
        match (result, lowest) {
            (Ok(()), None) => prop_assert_eq!(processed.len(), plan.len()),
            (Err(error), Some(lowest)) => {
                prop_assert_eq!(error.message(), format!("job {lowest}"));
                let below: Vec<u64> =
                    processed.into_iter().filter(|index| *index < lowest).collect();
                prop_assert_eq!(below, (0..lowest).collect::<Vec<_>>());
            }
            (result, lowest) => prop_assert!(false, "{result:?} {lowest:?}"),
        }
        // Cancelled jobs let go a moment after the run has ended.
        let start = Instant::now();
        while world.bytes.load(Ordering::SeqCst) != 0 {
            prop_assert!(start.elapsed() < Duration::from_secs(5));
            std::thread::yield_now();
        }
    }
}
