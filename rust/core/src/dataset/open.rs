//! Opening: version tree, metas and encoders from storage, checked against each other.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::cache::ChunkCache;
use super::chunk_view::unpacked;
use super::limits::Limits;
use super::lock::{Acquired, WriteLock};
use super::registry::{self, Waiting};
use super::state::{History, RootDirty, State, Tail, Tensor, Writing};
use super::{Dataset, Inner, Notice, OpenOptions};
use crate::engine::fork::{Mutex, RwLock};
use crate::engine::{Engine, Interrupt};
use crate::error::{Error, Kind, Result, quoted};
use crate::format::{
    ChunkBuilder, ChunkHeader, ChunkIds, ChunkSet, CommitDiff, CommitNode, Creds, DatasetDiff,
    DatasetMeta, FIRST_COMMIT, LinkedCreds, Sequence, TensorMeta, Tiles, VersionTree,
    check_stored_key, keys,
};
use crate::links::LinkPool;
use crate::storage::Store;

/// Small files fetched at the same time while opening.
const MAX_PARALLEL_FILES: usize = 64;
/// Waits between looks at files that disagree: a publish takes a few round trips.
const PUBLISH_WAITS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(600)];

impl Dataset {
    /// Whether the store holds a dataset.
    ///
    /// # Errors
    /// Those of the store.
    pub fn exists(store: &Store, interrupt: &dyn Interrupt) -> Result<bool> {
        let store = store.clone();
        Engine::current()?.block_on(async move { is_dataset(&store).await }, interrupt)
    }

    /// Opens an existing dataset.
    ///
    /// # Errors
    /// `DatasetNotFound`, `CheckoutFailed`, `Corrupt`, `Locked`, and those of the store.
    pub fn open(store: Store, options: &OpenOptions, interrupt: &dyn Interrupt) -> Result<Self> {
        let url = store.url().to_owned();
        Self::open_unplaced(store, options, interrupt).map_err(|error| error.at_path(&url))
    }

    fn open_unplaced(
        store: Store,
        options: &OpenOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Self> {
        let engine = Engine::current()?;
        let check = options.check_integrity.unwrap_or(true);
        loop {
            let address = options.address.clone();
            let tree = engine.block_on(load_tree(store.clone()), interrupt)?;
            let at = tree.resolve(address.as_deref())?;
            if options.read_only == Some(false) && !at.is_head {
                return Err(Error::unsupported("opening a commit of the past for writing")
                    .with_hint("open the branch instead of the commit"));
            }
            if options.read_only == Some(true) || !at.is_head {
                let load = load_state(store.clone(), Some(tree), address, check);
                let state = engine.block_on(load, interrupt)?;
                return Ok(Self::from_parts(store, state, options, None, false, None));
            }
            // Openings of other processes are kept away by the lock, those of this one by the claim.
            let claim = registry::claim(&store, &at.branch, Waiting::Flushed, interrupt)?;
            let acquired = if claim.has_lock(&at.commit_id, options) {
                Acquired::NotNeeded
            } else {
                WriteLock::acquire(&store, &at.commit_id, options, interrupt)?
            };
            let (lock, notice, writable) = match acquired {
                Acquired::Held(lock) => (Some(lock), None, true),
                Acquired::NotNeeded => (None, None, true),
                Acquired::Refused(notice) => (None, notice.map(Notice::refused), false),
            };
            // Under the lock everything is read anew: it is what changes start from.
            let known = (!writable).then_some(tree);
            let load = load_state(store.clone(), known, address, check);
            let state = match engine.block_on(load, interrupt) {
                Ok(state) => state,
                Err(error) => {
                    // The failure to open is what the user needs to hear of, not that of letting go.
                    if let Some(lock) = lock {
                        lock.abandon();
                    }
                    return Err(error);
                }
            };
            if writable && state.commit != at.commit_id {
                // Somebody committed between the look and the lock: this lock is of a past head.
                lock.map_or(Ok(()), |lock| lock.release(interrupt))?;
                continue;
            }
            let dataset = Self::from_parts(store, state, options, lock, writable, notice);
            if writable {
                claim.hand_over(&dataset, options, interrupt)?;
            }
            return Ok(dataset);
        }
    }

    pub(crate) fn from_parts(
        store: Store,
        state: State,
        options: &OpenOptions,
        lock: Option<WriteLock>,
        writable: bool,
        notice: Option<Notice>,
    ) -> Self {
        let links = LinkPool::new(options.link_policy(&store));
        let inner = Inner {
            store,
            state: RwLock::new(state),
            changes: Arc::default(),
            pid: std::process::id(),
            lock: Mutex::new(lock),
            cache: Arc::new(ChunkCache::new(options.memory_cache_bytes)),
            links,
            lock_enabled: options.lock_enabled,
            limits: options.limits,
            fsync: options.fsync,
            writable: AtomicBool::new(writable),
            closed: AtomicBool::new(false),
            notice: Mutex::new(notice),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Loads what finds the chunks of a tensor, once.
    pub(crate) fn load_history(&self, name: &str, interrupt: &dyn Interrupt) -> Result<()> {
        let (key, commit, ancestors) = {
            let state = self.state();
            let tensor = state.tensor(name)?;
            if tensor.history.is_some() {
                return Ok(());
            }
            let lineage = state.tree.lineage(&state.commit);
            let ancestors: Vec<String> = lineage
                .into_iter()
                .skip(1)
                .filter(|commit| *commit != FIRST_COMMIT)
                .map(str::to_owned)
                .collect();
            (tensor.key.clone(), state.commit.clone(), ancestors)
        };
        let load = load_history(self.store().clone(), key.clone(), commit, ancestors);
        let history = Engine::current()?.block_on(load, interrupt)?;
        self.state_mut().by_key_mut(&key)?.history.get_or_insert(history);
        Ok(())
    }

    /// Looks up anew where the chunks of a tensor are: another process may have replaced them since
    /// this handle was opened. Returns whether anything changed.
    pub(crate) fn refresh_chunks(&self, name: &str, interrupt: &dyn Interrupt) -> Result<bool> {
        let (key, commit, length) = {
            let state = self.state();
            let tensor = state.tensor(name)?;
            if tensor.writing.is_some() && !self.read_only() {
                // What this handle writes, nobody else does.
                return Ok(false);
            }
            (tensor.key.clone(), state.commit.clone(), tensor.meta.length)
        };
        let store = self.store().clone();
        let place = (key.clone(), commit);
        let load = async move {
            let (key, commit) = place;
            let file = keys::chunks_index(&commit, &key);
            let bytes = store.get_optional(&file).await?.unwrap_or_default();
            let chunk_ids = ChunkIds::parse(&bytes).map_err(|error| at(error, &file))?;
            let own = match commit.as_str() {
                FIRST_COMMIT => None,
                _ => Some(load_chunk_set(store, commit, key).await?.1),
            };
            Ok((chunk_ids, own))
        };
        let (chunk_ids, own) = Engine::current()?.block_on(load, interrupt)?;
        let mut state = self.state_mut();
        let tensor = state.by_key_mut(&key)?;
        if chunk_ids == tensor.chunk_ids || chunk_ids.num_samples() < length {
            return Ok(false);
        }
        tensor.chunk_ids = chunk_ids;
        if let Some(history) = &mut tensor.history {
            history.own = own;
        }
        state.generation += 1;
        Ok(true)
    }

    /// Loads what appending to a tensor changes: its diff, and the last chunk where it is open.
    pub(crate) fn load_writing(&self, name: &str, interrupt: &dyn Interrupt) -> Result<()> {
        self.load_history(name, interrupt)?;
        let (key, diff_key, len, tail) = {
            let state = self.state();
            let tensor = state.tensor(name)?;
            if tensor.writing.is_some() {
                return Ok(());
            }
            let tail = tail_of(tensor, &state.commit)?;
            let diff_key = keys::commit_diff(&state.commit, &tensor.key);
            (tensor.key.clone(), diff_key, tensor.len(), tail)
        };
        let (store, limits) = (self.store().clone(), self.limits());
        let load = async move {
            let diff = match store.get_optional(&diff_key).await? {
                Some(bytes) => CommitDiff::parse(&bytes).map_err(|error| at(error, &diff_key))?,
                None => CommitDiff::first_change(len),
            };
            let tail = match tail {
                Some(found) => load_tail(&store, &limits, found).await?,
                None => None,
            };
            Ok(Writing { diff, tail, ..Writing::default() })
        };
        let writing = Engine::current()?.block_on(load, interrupt)?;
        self.state_mut().by_key_mut(&key)?.writing.get_or_insert(writing);
        Ok(())
    }
}

fn at(error: impl Into<Error>, file: &str) -> Error {
    let error: Error = error.into();
    error.at_file(file)
}

async fn is_dataset(store: &Store) -> Result<bool> {
    let meta = keys::dataset_meta(FIRST_COMMIT);
    if store.get_optional(&meta).await?.is_some() {
        return Ok(true);
    }
    Ok(store.get_optional(keys::VERSION_CONTROL_INFO).await?.is_some())
}

/// The version tree; rebuilt in memory from the commits' own files where it is missing or broken
/// (format 8.1), so that no history is lost from view.
async fn load_tree(store: Store) -> Result<VersionTree> {
    let stored = store.get_optional(keys::VERSION_CONTROL_INFO).await?;
    if let Some(bytes) = &stored
        && let Ok(tree) = VersionTree::parse(bytes)
    {
        return Ok(tree);
    }
    let meta = store.get_optional(&keys::dataset_meta(FIRST_COMMIT)).await?;
    if stored.is_none() && meta.is_none() {
        return Err(Error::new(Kind::DatasetNotFound, "there is no dataset at this path")
            .with_hint("check the path, or create one with deeplake.empty(path)"));
    }
    let listed = store.list("versions/").await?;
    let mut files = vec![keys::commit_info(FIRST_COMMIT)];
    files.extend(listed.into_iter().map(|entry| entry.key).filter(|key| is_commit_info(key)));
    let nodes: Vec<(String, CommitNode)> = stream::iter(files)
        .map(|file| {
            let store = store.clone();
            async move {
                let id = file.split('/').nth(1).unwrap_or(FIRST_COMMIT).to_owned();
                let bytes = store.get_optional(&file).await?;
                let node = bytes.map(|bytes| CommitNode::parse(&bytes)).transpose();
                Ok::<_, Error>(node.map_err(|error| at(error, &file))?.map(|node| (id, node)))
            }
        })
        .buffered(MAX_PARALLEL_FILES)
        .try_filter_map(|node| async move { Ok(node) })
        .try_collect()
        .await?;
    if nodes.is_empty() { Ok(VersionTree::new()) } else { Ok(VersionTree::from_nodes(nodes)?) }
}

fn is_commit_info(key: &str) -> bool {
    key.split('/').count() == 3 && key.ends_with("/commit_info.json")
}

/// Loads the state, and once more when its files disagree: a writer may be publishing, encoders
/// before metas. What still disagrees then is damage.
async fn load_state(
    store: Store,
    mut known: Option<VersionTree>,
    address: Option<String>,
    check: bool,
) -> Result<State> {
    let mut waits = PUBLISH_WAITS.iter();
    loop {
        let tree = match known.take() {
            Some(tree) => tree,
            None => load_tree(store.clone()).await?,
        };
        let state = load_state_once(&store, tree, address.as_deref()).await?;
        match (check_lengths(&state), waits.next()) {
            (Err(error), _) if !check => {
                tracing::debug!(%error, "opened without the integrity check");
                return Ok(state);
            }
            (Err(_), Some(wait)) => tokio::time::sleep(*wait).await,
            (Err(error), None) => return Err(error),
            (Ok(()), _) => return Ok(state),
        }
    }
}

async fn load_state_once(store: &Store, tree: VersionTree, address: Option<&str>) -> Result<State> {
    let place = tree.resolve(address)?;
    let meta_key = keys::dataset_meta(&place.commit_id);
    let info_key = keys::dataset_info(&place.commit_id);
    let diff_key = keys::dataset_diff(&place.commit_id);
    let (meta, creds, info, diff) = tokio::try_join!(
        store.get_optional(&meta_key),
        store.get_optional(keys::LINKED_CREDS),
        store.get_optional(&info_key),
        store.get_optional(&diff_key),
    )?;
    let meta = meta.ok_or_else(|| {
        Error::new(Kind::Corrupt, format!("{meta_key} is missing")).at_file(&meta_key)
    })?;
    let meta = DatasetMeta::parse(&meta).map_err(|error| at(error, &meta_key))?;
    let creds = creds.map(|bytes| LinkedCreds::parse(&bytes)).transpose();
    let creds = creds.map_err(|error| at(error, keys::LINKED_CREDS))?.unwrap_or_default();
    let info = info.map_or_else(Vec::new, |bytes| bytes.to_vec());
    let diff = diff.map(|bytes| DatasetDiff::parse(&bytes)).transpose();
    let diff = diff.map_err(|error| at(error, &diff_key))?;
    let tensors: HashMap<String, Tensor> = stream::iter(meta.tensors.clone())
        .filter(|key| std::future::ready(check_stored_key(key).is_ok()))
        .map(|key| load_tensor(store, &place.commit_id, key))
        .buffer_unordered(MAX_PARALLEL_FILES)
        .map_ok(|tensor| (tensor.key.clone(), tensor))
        .try_collect()
        .await?;
    Ok(State {
        tree,
        commit: place.commit_id,
        branch: place.branch,
        is_head: place.is_head,
        meta,
        tensors,
        creds,
        info,
        diff,
        dirty: RootDirty::default(),
        generation: 0,
    })
}

async fn load_tensor(store: &Store, commit: &str, key: String) -> Result<Tensor> {
    let meta_key = keys::tensor_meta(commit, &key);
    let meta = store.get_optional(&meta_key).await?.ok_or_else(|| {
        Error::new(Kind::Corrupt, format!("{meta_key} is missing")).at_file(&meta_key)
    })?;
    let meta = TensorMeta::parse(&meta).map_err(|error| at(error, &meta_key).at_tensor(&key))?;
    let index_key = keys::chunks_index(commit, &key);
    let bytes = store.get_optional(&index_key).await?.unwrap_or_default();
    let chunk_ids =
        ChunkIds::parse(&bytes).map_err(|error| at(error, &index_key).at_tensor(&key))?;
    let creds = if meta.is_link {
        let creds_key = keys::creds_index(commit, &key);
        let bytes = store.get_optional(&creds_key).await?.unwrap_or_default();
        Creds::parse(&bytes).map_err(|error| at(error, &creds_key).at_tensor(&key))?
    } else {
        Creds::default()
    };
    let sequence = if meta.is_sequence {
        let sequence_key = keys::sequence_index(commit, &key);
        let bytes = store.get_optional(&sequence_key).await?.unwrap_or_default();
        let parsed = Sequence::parse(&bytes);
        Some(parsed.map_err(|error| at(error, &sequence_key).at_tensor(&key))?)
    } else {
        None
    };
    Ok(Tensor { key, meta, chunk_ids, creds, sequence, history: None, writing: None })
}

async fn load_history(
    store: Store,
    key: String,
    commit: String,
    ancestors: Vec<String>,
) -> Result<History> {
    let tiles_key = keys::tiles_index(&commit, &key);
    let bytes = store.get_optional(&tiles_key).await?.unwrap_or_default();
    let tiles = Tiles::parse(&bytes).map_err(|error| at(error, &tiles_key))?;
    let own = if commit == FIRST_COMMIT {
        None
    } else {
        Some(load_chunk_set(store.clone(), commit, key.clone()).await?.1)
    };
    let sets: Vec<_> = stream::iter(ancestors)
        .map(|commit| load_chunk_set(store.clone(), commit, key.clone()))
        .buffered(MAX_PARALLEL_FILES)
        .try_collect()
        .await?;
    Ok(History { tiles, own, ancestors: Arc::from(sets) })
}

async fn load_chunk_set(store: Store, commit: String, key: String) -> Result<(String, ChunkSet)> {
    let file = keys::chunk_set(&commit, &key);
    let bytes = store.get_optional(&file).await?.unwrap_or_default();
    let set = ChunkSet::parse(&bytes).map_err(|error| at(error, &file))?;
    Ok((commit, set))
}

/// The last chunk of a tensor as storage has it.
struct StoredTail {
    id: crate::format::ChunkId,
    key: String,
    samples: u64,
    lz4: bool,
}

/// The last chunk, if this commit may add to it (format 4.2).
fn tail_of(tensor: &Tensor, commit: &str) -> Result<Option<StoredTail>> {
    let Some(last) = tensor.chunk_ids.num_samples().checked_sub(1) else { return Ok(None) };
    let Some(found) = tensor.chunk_ids.locate(last) else { return Ok(None) };
    let tiled = found.tiles > 1 || tensor.history()?.tiles.get(last).is_some();
    if tiled || !tensor.owns_chunk(found.id)? {
        return Ok(None);
    }
    let key = tensor.chunk_key(commit, found.id)?;
    let lz4 = tensor.meta.chunk_compression.as_deref() == Some("lz4");
    Ok(Some(StoredTail { id: found.id, key, samples: found.last + 1 - found.first, lz4 }))
}

/// The open chunk; `None` when it holds more samples than the chunk index knows, which a refused
/// batch of the reference leaves behind: what comes next goes into a chunk of its own.
async fn load_tail(store: &Store, limits: &Limits, tail: StoredTail) -> Result<Option<Tail>> {
    let read = async { limits.open_chunk(store, &tail.key).await?.read().await };
    let file = read.await.map_err(|error| at(error, &tail.key))?;
    let broken = |why: &str| {
        Error::new(Kind::Chunk, format!("cannot append to the chunk {}: {why}", tail.key))
            .at_file(&tail.key)
    };
    let header = ChunkHeader::parse(&file).map_err(|error| at(error, &tail.key))?;
    let data = file.get(header.data_start..).unwrap_or_default();
    let size = usize::try_from(header.positions.end());
    let size = size.map_err(|_| broken("its tables overflow"))?;
    let data = if tail.lz4 { unpacked(&header, data, limits) } else { Ok(data.to_vec()) };
    let data = data.map_err(|error| at(error, &tail.key))?;
    if data.len() != size {
        return Err(broken("its data is not as long as its tables say"));
    }
    let builder = ChunkBuilder::from_parts(header, data)?;
    match builder.num_samples().cmp(&tail.samples) {
        Ordering::Less => Err(broken("it holds fewer samples than the chunk index says")),
        Ordering::Equal => Ok(Some(Tail { id: tail.id, builder, stored: true })),
        Ordering::Greater => Ok(None),
    }
}

/// Compares what metas, encoders and companions say of a tensor's length (format 8.1).
fn check_lengths(state: &State) -> Result<()> {
    for tensor in state.tensors.values() {
        let wrong = |what: &str, is: u64, expected: u64| {
            Error::new(
                Kind::Corrupt,
                format!(
                    "tensor {}: {what} has {is} samples where {expected} are expected",
                    quoted(tensor.name())
                ),
            )
            .at_tensor(tensor.name())
            .at_file(&keys::tensor_meta(&state.commit, &tensor.key))
            .with_hint("check_integrity=False opens the dataset all the same")
        };
        let samples = tensor.chunk_ids.num_samples();
        if samples != tensor.meta.length {
            return Err(wrong("the chunk index", samples, tensor.meta.length));
        }
        for (key, link) in &tensor.meta.links {
            let expected = if link.flatten_sequence { tensor.meta.length } else { tensor.len() };
            let Some(companion) = state.tensors.get(key) else {
                return Err(wrong(&format!("the missing companion {}", quoted(key)), 0, expected));
            };
            if companion.meta.length != expected {
                return Err(wrong(
                    &format!("the companion {}", quoted(key)),
                    companion.meta.length,
                    expected,
                ));
            }
        }
    }
    Ok(())
}
