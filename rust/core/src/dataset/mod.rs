//! Datasets: the read path, the write path and what is published when.
//!
//! A [`Dataset`] is one handle on one branch or commit. Reads run concurrently, each on the state
//! it was planned on; writes are serialised and change nothing until everything about them is
//! known to be right. Chunk bytes, credentials and requests belong to the rooms below.

mod append;
mod cache;
mod cast;
mod chunk_job;
mod chunk_view;
mod companions;
mod create;
mod creds;
mod decode;
mod info;
mod layout;
mod lifetime;
mod limits;
mod link_read;
mod link_write;
mod lock;
mod open;
mod output;
mod pack;
mod plan;
mod prepare;
mod publish;
mod read;
mod registry;
mod state;
mod turns;

use std::sync::atomic::AtomicBool;
use std::sync::{self, Arc, PoisonError};
use std::time::Duration;

use crate::engine::Interrupt;
use crate::engine::fork::{Held, Mutex, RwLock};
use crate::error::Result;
use crate::format::version::compare_versions;
use crate::format::{RawJson, TensorMeta, VERSION};
use crate::links::{LinkPool, Policy};
use crate::storage::{Addresses, HttpPolicy, Store};

use cache::ChunkCache;
use lock::WriteLock;
use state::State;
use turns::Turns;

pub use create::TensorSpec;
pub use decode::Array;
pub use lifetime::Notice;
pub use limits::Limits;
pub use prepare::{Batch, ColumnInput, SampleInput, Samples, Settle};
pub use read::{Column, ReadMode};

/// How to open or create a dataset.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Branch or commit; `None` is the head of `main`.
    pub address: Option<String>,
    /// `Some(false)` insists on writing; `None` writes when the lock and the store allow it.
    pub read_only: Option<bool>,
    /// Whether lengths of metas, encoders and companions are compared; `None` means yes.
    pub check_integrity: Option<bool>,
    /// Whether the write lock is taken and respected.
    pub lock_enabled: bool,
    /// How long to wait for the lock; `None` is for ever.
    pub lock_timeout: Option<Duration>,
    /// How often a held lock is renewed; it is good for 300 s, so that a few tries may fail.
    pub lock_renewal: Duration,
    /// Memory for chunks kept between reads, in bytes.
    pub memory_cache_bytes: u64,
    /// Whether a flush waits until local disks hold what it wrote, so that it survives a loss of
    /// power.
    pub fsync: bool,
    /// Bounds on requests in flight and on samples.
    pub limits: Limits,
    /// Where http(s) links may lead.
    pub link_addresses: Addresses,
    /// Whether links of a remote dataset may lead to files of this machine.
    pub allow_local_links: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            address: None,
            read_only: None,
            check_integrity: None,
            lock_enabled: true,
            lock_timeout: Some(Duration::ZERO),
            lock_renewal: Duration::from_secs(120),
            memory_cache_bytes: 2_000_000_000,
            fsync: true,
            limits: Limits::default(),
            link_addresses: Addresses::default(),
            allow_local_links: false,
        }
    }
}

impl OpenOptions {
    /// What the links of a dataset in `store` may do. Who can write a local dataset could read this
    /// machine's files anyway; a remote one may be anybody's.
    pub(crate) fn link_policy(&self, store: &Store) -> Policy {
        let http = HttpPolicy {
            addresses: self.link_addresses,
            max_requests_per_host: self.limits.max_requests_per_host,
            max_unannounced_bytes: self.limits.max_sample_bytes,
        };
        Policy { http, local_files: self.allow_local_links || !store.is_remote() }
    }
}

/// A commit, as a log shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitRecord {
    /// Commit id.
    pub id: String,
    /// Who committed.
    pub author: Option<String>,
    /// When, in seconds since 1970.
    pub time: Option<f64>,
    /// What the author wrote, as JSON text.
    pub message: Option<RawJson>,
}

/// A handle on a dataset; clones share it.
#[derive(Debug, Clone)]
pub struct Dataset {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    store: Store,
    state: RwLock<State>,
    /// Changes come one at a time. Never taken in a forked child, whose handle only reads.
    changes: Arc<Turns>,
    /// The process that opened the handle; in a forked child it only reads.
    pid: u32,
    /// Held as long as the dataset is open for writing.
    lock: Mutex<Option<WriteLock>>,
    /// Whether locks are taken and respected.
    lock_enabled: bool,
    cache: Arc<ChunkCache>,
    links: LinkPool,
    limits: Limits,
    fsync: bool,
    writable: AtomicBool,
    closed: AtomicBool,
    /// Why the handle is read-only although that was not asked for.
    notice: Mutex<Option<Notice>>,
}

impl Dataset {
    /// The dataset's path or URL, without credentials.
    #[must_use]
    pub fn path(&self) -> &str {
        self.inner.store.url()
    }

    /// The branch that is open.
    #[must_use]
    pub fn branch(&self) -> String {
        self.state().branch.clone()
    }

    /// The last commit below what is open; `None` before the first.
    #[must_use]
    pub fn commit_id(&self) -> Option<String> {
        let state = self.state();
        if !state.is_head {
            return Some(state.commit.clone());
        }
        state.tree.committed_parent(&state.commit).map(str::to_owned)
    }

    /// The commit whose files are open: a head, or a commit of the past.
    #[must_use]
    pub fn pending_commit_id(&self) -> String {
        self.state().commit.clone()
    }

    /// Whether the head of a branch is open, which takes changes.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.state().is_head
    }

    /// All branches, in the order of their creation.
    #[must_use]
    pub fn branches(&self) -> Vec<String> {
        self.state().tree.branches().map(|(name, _)| name.to_owned()).collect()
    }

    /// The commits that led to what is open, newest first.
    #[must_use]
    pub fn commits(&self) -> Vec<CommitRecord> {
        let state = self.state();
        let lineage = state.tree.lineage(&state.commit);
        lineage
            .into_iter()
            .filter_map(|id| state.tree.commit(id).map(|node| (id, node)))
            .filter(|(_, node)| node.commit_time.is_some())
            .map(|(id, node)| CommitRecord {
                id: id.to_owned(),
                author: node.commit_user_name.clone(),
                time: node.commit_time,
                message: node.commit_message.clone(),
            })
            .collect()
    }

    /// Names of the tensors in order of creation; with `hidden`, the companions too.
    #[must_use]
    pub fn tensor_names(&self, hidden: bool) -> Vec<String> {
        let state = self.state();
        let keys = state.meta.tensors.iter();
        keys.filter(|key| hidden || !state.meta.hidden_tensors.contains(key))
            .map(|key| state.meta.name_of(key).unwrap_or(key).to_owned())
            .collect()
    }

    /// The newest version that wrote a meta of the dataset, where it is newer than the one whose
    /// format this package knows (format 1.6).
    #[must_use]
    pub fn newer_version(&self) -> Option<String> {
        let state = self.state();
        let metas = state.tensors.values().map(|tensor| &tensor.meta.version);
        let newer = |version: &&String| {
            compare_versions(version, VERSION).is_ok_and(std::cmp::Ordering::is_gt)
        };
        let by_version =
            |a: &&String, b: &&String| compare_versions(a, b).unwrap_or(std::cmp::Ordering::Equal);
        metas.chain([&state.meta.version]).filter(newer).max_by(by_version).cloned()
    }

    /// Whether the dataset may be deleted as a whole.
    #[must_use]
    pub fn allow_delete(&self) -> bool {
        self.state().meta.allow_delete
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.state().meta.groups.clone()
    }

    /// The meta of a tensor.
    ///
    /// # Errors
    /// `TensorNotFound`.
    pub fn tensor_meta(&self, name: &str) -> Result<TensorMeta> {
        self.check_open()?;
        Ok(self.state().tensor(name)?.meta.clone())
    }

    /// The storage key of a tensor.
    ///
    /// # Errors
    /// `TensorNotFound`.
    pub fn tensor_key(&self, name: &str) -> Result<String> {
        Ok(self.state().key_of(name)?.to_owned())
    }

    /// Visible length of a tensor: sequences where there are any, else samples.
    ///
    /// # Errors
    /// `TensorNotFound`.
    pub fn num_samples(&self, name: &str) -> Result<u64> {
        self.check_open()?;
        Ok(self.state().tensor(name)?.len())
    }

    /// Says whether the dataset may be deleted as a whole.
    ///
    /// # Errors
    /// `ReadOnly`.
    pub fn set_allow_delete(&self, allow: bool, interrupt: &dyn Interrupt) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        let mut state = self.state_mut();
        state.dirty.meta |= state.meta.allow_delete != allow;
        state.meta.allow_delete = allow;
        Ok(())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn cache(&self) -> &Arc<ChunkCache> {
        &self.inner.cache
    }

    pub(crate) fn links(&self) -> &LinkPool {
        &self.inner.links
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    pub(crate) fn state(&self) -> Held<sync::RwLockReadGuard<'_, State>> {
        self.inner.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> Held<sync::RwLockWriteGuard<'_, State>> {
        self.inner.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
