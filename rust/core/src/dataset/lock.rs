//! The write lock of the format: one writer for each head, on every storage that others can see.
//!
//! The file holds who (a host and a process) and until when (format 4.7). The reference never
//! renews its lock; this one is renewed until it is released. Behind the 18 bytes of the format
//! stands who the owner is, for people; the reference ignores that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::OpenOptions;
use crate::engine::process::PerProcess;
use crate::engine::{Engine, Interrupt, NeverInterrupted};
use crate::error::{Error, Kind, Result};
use crate::format::{LockFile, keys};
use crate::storage::{Store, Version};

/// How long a lock is good for without renewal.
const LIFE: Duration = Duration::from_secs(300);
/// As [`LIFE`], of the locks that guard a single write.
const SHORT_LIFE: Duration = Duration::from_secs(10);
/// Wait before the lock is read back, as the reference has it.
const SETTLE_LOCAL: Duration = Duration::from_millis(10);
const SETTLE_REMOTE: Duration = Duration::from_millis(500);
/// How often a waiting writer looks again.
const RETRY: Duration = Duration::from_millis(200);
/// How long a call that failed, or was interrupted, may still take to give its lock back.
const LET_GO: Duration = Duration::from_millis(300);

/// A write lock that is held, and renewed in the background.
#[derive(Debug)]
pub(crate) struct WriteLock {
    store: Store,
    key: String,
    pid: u32,
    lost: Arc<AtomicBool>,
    renewal: Option<JoinHandle<()>>,
}

/// How asking for the lock ended.
#[derive(Debug)]
pub(crate) enum Acquired {
    Held(WriteLock),
    /// Locking is switched off, or nobody else can see the store.
    NotNeeded,
    /// Not to be had; why, where the user did not ask for read-only.
    Refused(Option<String>),
}

impl WriteLock {
    /// Takes the lock of a head, waiting as long as the options say.
    ///
    /// # Errors
    /// `Locked` or the store's refusal, when the options insist on writing.
    pub(crate) fn acquire(
        store: &Store,
        commit: &str,
        options: &OpenOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Acquired> {
        if !options.lock_enabled || store.url().starts_with("mem://") {
            return Ok(Acquired::NotNeeded);
        }
        let key = keys::dataset_lock(commit);
        let engine = Engine::current()?;
        let asked = (store.clone(), key.clone(), options.lock_timeout);
        let wait = async move { wait_for_lock(&asked.0, &asked.1, asked.2).await };
        let insist = options.read_only == Some(false);
        match engine.block_on(wait, interrupt) {
            Ok(None) => {
                Ok(Acquired::Held(Self::held(store.clone(), key, options.lock_renewal, &engine)))
            }
            Ok(Some(owner)) if insist => Err(Error::new(
                Kind::Locked,
                format!("the dataset is locked for writing by {owner}"),
            )
            .with_hint("wait with lock_timeout=seconds, or open it with read_only=True")),
            Ok(Some(owner)) => Ok(Acquired::Refused(Some(format!("it is locked by {owner}")))),
            Err(error) if !insist && error.kind() == Kind::Authorization => Ok(Acquired::Refused(
                Some(format!("the credentials do not allow writing: {error}")),
            )),
            Err(error) if !insist && error.kind() == Kind::ReadOnly => {
                Ok(Acquired::Refused(Some(error.to_string())))
            }
            Err(error) => {
                // The lock may be written already, and what comes next must not find it.
                let_go(store, &key, &engine);
                Err(error)
            }
        }
    }

    /// Removes the lock file if that takes no time, for a call that has failed for other reasons.
    pub(crate) fn abandon(mut self) {
        self.stop_renewal();
        self.pid = 0;
        if let Ok(engine) = Engine::current() {
            let_go(&self.store, &self.key, &engine);
        }
    }

    fn held(store: Store, key: String, every: Duration, engine: &Engine) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let renew = renew_forever(store.clone(), key.clone(), every, Arc::clone(&lost));
        let renewal = Some(engine.handle().spawn(renew));
        Self { store, key, pid: std::process::id(), lost, renewal }
    }

    /// Whether this is the lock of the head `commit`.
    pub(crate) fn is_of(&self, commit: &str) -> bool {
        self.key == keys::dataset_lock(commit)
    }

    /// Whether another writer took the lock over, so that publishing would overwrite its work.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Removes the lock file, unless it is another's by now.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn release(mut self, interrupt: &dyn Interrupt) -> Result<()> {
        self.stop_renewal();
        if self.pid != std::process::id() {
            return Ok(());
        }
        let (store, key) = (self.store.clone(), self.key.clone());
        self.pid = 0;
        Engine::current()?.block_on(async move { release(&store, &key).await }, interrupt)
    }

    /// Ends a lock without touching its file, which somebody else has by now.
    pub(crate) fn forget(mut self) {
        self.stop_renewal();
        self.pid = 0;
    }

    fn stop_renewal(&mut self) {
        let renewal = self.renewal.take();
        // In a forked child the task belongs to a runtime that is not there.
        if self.pid == std::process::id()
            && let Some(renewal) = renewal
        {
            renewal.abort();
        }
    }
}

impl Drop for WriteLock {
    /// A handle that is dropped without `close` still gives the lock back, in the background.
    fn drop(&mut self) {
        self.stop_renewal();
        if self.pid != std::process::id() {
            return;
        }
        if let Ok(engine) = Engine::current() {
            let (store, key) = (self.store.clone(), self.key.clone());
            engine.handle().spawn(async move {
                if let Err(error) = release(&store, &key).await {
                    tracing::warn!(%key, %error, "the write lock could not be released");
                }
            });
        }
    }
}

/// `None` once the lock is held; else a description of who holds it.
async fn wait_for_lock(
    store: &Store,
    key: &str,
    timeout: Option<Duration>,
) -> Result<Option<String>> {
    let started = Instant::now();
    loop {
        let Some(owner) = try_lock(store, key).await? else { return Ok(None) };
        if timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
            return Ok(Some(owner));
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn try_lock(store: &Store, key: &str) -> Result<Option<String>> {
    // The reference, and stores that do not decide, may write over it even then.
    let settle = if store.is_remote() { SETTLE_REMOTE } else { SETTLE_LOCAL };
    take(store, key, LIFE, settle).await
}

/// Takes a lock that is free, for a while. `None` once it is held; else who holds it.
async fn take(
    store: &Store,
    key: &str,
    life: Duration,
    settle: Duration,
) -> Result<Option<String>> {
    let seen = look(store, key).await?;
    if let Seen::Lock(lock, owner, _) = &seen
        && !is_free(lock)
    {
        return Ok(Some(describe(lock, owner.clone())));
    }
    // Where the store decides conditional writes, one of two racing writers wins here.
    if write_own(store, key, seen, life).await? {
        tokio::time::sleep(settle).await;
    }
    Ok(match look(store, key).await? {
        Seen::Lock(lock, ..) if is_own(&lock) => None,
        Seen::Lock(lock, owner, _) => Some(describe(&lock, owner)),
        Seen::Nothing | Seen::Broken(_) => Some("another process that has just let go".to_owned()),
    })
}

/// Does a short `work` on a file that all branches share, under the lock `key` that guards it.
///
/// Such a lock is good for 10 s, and waited for as long (format 4.7). There is no time to settle: a
/// store that creates conditionally lets one win, and the reference, which overwrites what it did
/// not see, then waits 0.5 s before it works itself.
///
/// # Errors
/// `Locked`, those of the store, and those of `work`.
pub(crate) async fn while_locked<T>(
    store: &Store,
    key: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    /// The lock file tells processes apart; this, what one process does at the same time.
    static ONE: PerProcess<tokio::sync::Mutex<()>> = PerProcess::new();
    if store.url().starts_with("mem://") {
        return work.await;
    }
    let _one = ONE.get_or_init(tokio::sync::Mutex::default).lock().await;
    let started = Instant::now();
    loop {
        let held_by = take(store, key, SHORT_LIFE, Duration::ZERO).await?;
        let Some(owner) = held_by else { break };
        if started.elapsed() > SHORT_LIFE {
            let message = format!("{key} is held by {owner}");
            return Err(Error::new(Kind::Locked, message)
                .with_hint("try again once they are done")
                .at_file(key));
        }
        tokio::time::sleep(RETRY).await;
    }
    let done = work.await;
    // What was done is done; a lock that stays ends by itself.
    if let Err(error) = release(store, key).await {
        tracing::warn!(%key, %error, "a lock could not be released");
    }
    done
}

/// What is found in the place of the lock.
enum Seen {
    Nothing,
    /// A cut file, left by a writer that died while writing it.
    Broken(Version),
    Lock(LockFile, Option<String>, Version),
}

async fn look(store: &Store, key: &str) -> Result<Seen> {
    let Some((bytes, version)) = store.get_versioned(key).await? else { return Ok(Seen::Nothing) };
    let owner = LockFile::owner_of(&bytes).map(str::to_owned);
    Ok(match LockFile::parse(&bytes) {
        Ok(lock) => Seen::Lock(lock, owner, version),
        Err(_) => Seen::Broken(version),
    })
}

/// Writes our own lock in the place of what was seen there; `false` when that has changed since.
async fn write_own(store: &Store, key: &str, seen: Seen, life: Duration) -> Result<bool> {
    let lock = own_lock(life).into();
    match seen {
        Seen::Nothing => store.put_new(key, lock).await,
        Seen::Broken(was) | Seen::Lock(.., was) => store.put_if_unchanged(key, lock, &was).await,
    }
}

async fn renew_forever(store: Store, key: String, every: Duration, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(every).await;
        let renewed = async {
            let seen = look(&store, &key).await?;
            if matches!(&seen, Seen::Lock(lock, ..) if !is_own(lock)) {
                return Ok(false);
            }
            let renewed = write_own(&store, &key, seen, LIFE).await?;
            Ok::<_, Error>(renewed || owns(&store, &key).await?)
        };
        match renewed.await {
            Ok(true) => {}
            Ok(false) => {
                lost.store(true, Ordering::Release);
                return;
            }
            Err(error) => tracing::warn!(%key, %error, "the write lock could not be renewed"),
        }
    }
}

/// Removes our own lock file within [`LET_GO`]; what is left in its place is ours, so that this
/// process takes it again, and others once it is over or has expired.
fn let_go(store: &Store, key: &str, engine: &Engine) {
    let removed = async {
        match tokio::time::timeout(LET_GO, release(store, key)).await {
            Ok(Err(error)) => tracing::warn!(%key, %error, "the write lock was not released"),
            Err(_) => tracing::warn!(%key, "the write lock was not released in time"),
            Ok(Ok(())) => {}
        }
        Ok(())
    };
    drop(engine.block_on(removed, &NeverInterrupted));
}

async fn release(store: &Store, key: &str) -> Result<()> {
    if owns(store, key).await? {
        store.delete(&[key.to_owned()]).await?;
    }
    Ok(())
}

async fn owns(store: &Store, key: &str) -> Result<bool> {
    Ok(matches!(look(store, key).await?, Seen::Lock(lock, ..) if is_own(&lock)))
}

fn own_lock(life: Duration) -> Vec<u8> {
    let expires = now() + life.as_secs_f64();
    let lock = LockFile { node_id: node_id(), expires, tag: std::process::id() };
    lock.to_bytes(&format!("lakebed, process {} on {}", std::process::id(), host_name()))
}

fn is_own(lock: &LockFile) -> bool {
    lock.node_id == node_id() && lock.tag == std::process::id()
}

/// Expired, our own, or left by a process of this very machine that is no more.
fn is_free(lock: &LockFile) -> bool {
    !lock.is_live(now()) || is_own(lock) || (lock.node_id == node_id() && !process_lives(lock.tag))
}

fn describe(lock: &LockFile, owner: Option<String>) -> String {
    let seconds = (lock.expires - now()).max(0.0).round();
    match owner {
        Some(owner) => format!("{owner} (for {seconds} s more unless it is renewed)"),
        None => format!("process {} of another program (for {seconds} s more)", lock.tag),
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// Names this machine, boot and process namespace: inside of it, process ids mean something.
fn node_id() -> [u8; 6] {
    static NODE: PerProcess<[u8; 6]> = PerProcess::new();
    *NODE.get_or_init(|| {
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok();
        let space = std::fs::read_link("/proc/self/ns/pid").ok();
        match (boot, space) {
            (Some(boot), Some(space)) => {
                let mut hash = 0xcbf2_9ce4_8422_2325_u64;
                for byte in boot.iter().chain(space.as_os_str().as_encoded_bytes()) {
                    hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
                let [a, b, c, d, e, f, _, _] = hash.to_le_bytes();
                [a, b, c, d, e, f]
            }
            // Elsewhere a process only knows itself.
            _ => rand::random(),
        }
    })
}

fn process_lives(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "an unnamed host".to_owned() } else { name.to_owned() }
}
