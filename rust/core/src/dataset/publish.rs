//! Publishing: chunks first, then encoders, then metas, and only then the old chunks go.
//!
//! A reader that opens in between sees either state whole: the metas it finds name only chunks
//! that are there (format 4.6 says what goes wrong otherwise). Local disks keep that order over a
//! loss of power, too: chunks are synced before anything names them, and what names others before
//! those go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::Dataset;
use super::creds::save_creds;
use super::pack::chunk_file;
use super::state::{State, Tensor};
use super::turns::Grace;
use crate::engine::{Engine, Interrupt, interrupted};
use crate::error::{Error, Kind, Result};
use crate::format::{LinkedCreds, keys};
use crate::storage::Store;

/// Objects written at the same time.
const MAX_PARALLEL_WRITES: usize = 32;
/// Full chunks are stored before the flush once they take this much memory; until their encoders
/// are published nobody knows of them.
const MAX_SEALED_BYTES: usize = 64 << 20;

/// Objects to write, in the order of their stages.
#[derive(Debug, Default)]
struct Publish {
    chunks: Vec<(String, Bytes)>,
    encoders: Vec<(String, Bytes)>,
    metas: Vec<(String, Bytes)>,
    root: Vec<(String, Bytes)>,
    creds: Option<LinkedCreds>,
    obsolete: Vec<String>,
}

impl Dataset {
    /// Writes everything that waits. Does nothing on a handle that has nothing to write.
    ///
    /// # Errors
    /// `Conflict` when another writer took over; those of the store, after which everything that
    /// waits still waits.
    pub fn flush(&self, interrupt: &dyn Interrupt) -> Result<()> {
        self.check_open()?;
        if self.read_only() {
            return Ok(());
        }
        let _turn = self.take_turn(interrupt)?;
        self.check_open()?;
        // A second handle may have taken over meanwhile, which flushed this one.
        if self.read_only() { Ok(()) } else { self.publish(interrupt) }
    }

    /// As [`Dataset::flush`], for who has the turn.
    pub(crate) fn publish(&self, interrupt: &dyn Interrupt) -> Result<()> {
        let publish = Publish::of(&self.state())?;
        if publish.is_empty() {
            return Ok(());
        }
        self.check_lock()?;
        let obsolete = publish.obsolete.clone();
        let engine = Engine::current()?;
        let grace = Grace::new(interrupt);
        let store = self.store();
        let write = publish.write(store, self.inner.lock_enabled, self.inner.fsync, grace.stop());
        let creds = engine.block_on(write, &grace).map_err(|error| error.at_path(self.path()))?;
        self.state_mut().settle_published(creds);
        for key in &obsolete {
            self.cache().forget(key);
        }
        match engine.block_on(store.delete(&obsolete), &grace) {
            Err(error) if error.kind() != Kind::Interrupted => {
                // Published all the same: what stays behind are chunks that nobody names.
                tracing::warn!(path = self.path(), %error, "replaced chunks could not be removed");
                Ok(())
            }
            result => result,
        }
    }

    /// Stores full chunks of many appends ahead of the flush.
    pub(crate) fn store_sealed_early(&self, interrupt: &dyn Interrupt) -> Result<()> {
        let (chunks, ids) = {
            let state = self.state();
            let sealed = state.tensors.values().filter_map(|tensor| tensor.writing.as_ref());
            let waiting: usize = sealed.flat_map(|w| w.sealed.values()).map(Bytes::len).sum();
            if waiting <= MAX_SEALED_BYTES {
                return Ok(());
            }
            let mut chunks = Vec::new();
            let mut ids = Vec::new();
            for tensor in state.tensors.values() {
                let Some(writing) = &tensor.writing else { continue };
                for (id, file) in &writing.sealed {
                    chunks.push((tensor.chunk_key(&state.commit, *id)?, file.clone()));
                    ids.push((tensor.key.clone(), *id));
                }
            }
            (chunks, ids)
        };
        self.check_lock()?;
        let grace = Grace::new(interrupt);
        let write = write_synced(self.store(), [chunks], self.inner.fsync, grace.stop());
        Engine::current()?.block_on(write, &grace).map_err(|error| error.at_path(self.path()))?;
        let mut state = self.state_mut();
        for (key, id) in ids {
            state.by_key_mut(&key)?.writing_mut()?.sealed.remove(&id);
        }
        Ok(())
    }

    fn check_lock(&self) -> Result<()> {
        let lock = self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.as_ref().is_some_and(super::lock::WriteLock::is_lost) {
            return Err(Error::new(
                Kind::Conflict,
                "another writer has taken the lock over; writing now would overwrite its work",
            )
            .with_hint("open the dataset again and repeat what was not flushed")
            .at_path(self.path()));
        }
        Ok(())
    }
}

impl Publish {
    fn of(state: &State) -> Result<Self> {
        let mut publish = Self::default();
        // In the order of creation, so that what is written is the same every time.
        // Keys that lead out of the dataset have no tensor here, and nothing to be written.
        for tensor in state.meta.tensors.iter().filter_map(|key| state.tensors.get(key)) {
            publish.add_tensor(state, tensor)?;
        }
        let commit = &state.commit;
        if state.dirty.info {
            publish.root.push((keys::dataset_info(commit), state.info.clone().into()));
            if let Some(diff) = &state.diff {
                publish.root.push((keys::dataset_diff(commit), diff.to_bytes().into()));
            }
        }
        if state.dirty.meta {
            publish.root.push((keys::dataset_meta(commit), state.meta.to_bytes().into()));
        }
        if state.dirty.creds {
            publish.creds = Some(state.creds.clone());
        }
        Ok(publish)
    }

    fn add_tensor(&mut self, state: &State, tensor: &Tensor) -> Result<()> {
        let Some(writing) = &tensor.writing else { return Ok(()) };
        let (commit, key) = (&state.commit, &tensor.key);
        for (id, file) in &writing.sealed {
            self.chunks.push((tensor.chunk_key(commit, *id)?, file.clone()));
        }
        if let Some(tail) = writing.tail.as_ref().filter(|tail| !tail.stored) {
            let lz4 = tensor.meta.chunk_compression.as_deref() == Some("lz4");
            let file = chunk_file(&tail.builder, lz4);
            self.chunks.push((tensor.chunk_key(commit, tail.id)?, file));
        }
        if writing.dirty.data {
            self.add_encoders(state, tensor)?;
            self.encoders.push((keys::commit_diff(commit, key), writing.diff.to_bytes().into()));
        }
        if let Some(info) = writing.info.as_ref().filter(|_| writing.dirty.info) {
            self.encoders.push((keys::tensor_info(commit, key), info.clone().into()));
        }
        if writing.dirty.meta {
            self.metas.push((keys::tensor_meta(commit, key), tensor.meta.to_bytes().into()));
        }
        self.obsolete.extend(writing.obsolete.iter().cloned());
        Ok(())
    }

    fn add_encoders(&mut self, state: &State, tensor: &Tensor) -> Result<()> {
        let (commit, key, history) = (&state.commit, &tensor.key, tensor.history()?);
        let encoders = &mut self.encoders;
        encoders.push((keys::chunks_index(commit, key), tensor.chunk_ids.to_bytes().into()));
        encoders.push((keys::tiles_index(commit, key), history.tiles.to_bytes().into()));
        if tensor.meta.is_link {
            encoders.push((keys::creds_index(commit, key), tensor.creds.to_bytes().into()));
        }
        if let Some(sequence) = &tensor.sequence {
            encoders.push((keys::sequence_index(commit, key), sequence.to_bytes().into()));
        }
        if let Some(own) = &history.own {
            encoders.push((keys::chunk_set(commit, key), own.to_bytes().into()));
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
            && self.encoders.is_empty()
            && self.metas.is_empty()
            && self.root.is_empty()
            && self.creds.is_none()
    }

    /// Returns the creds keys as the file has them now, where they were stored.
    async fn write(
        self,
        store: &Store,
        lock_enabled: bool,
        fsync: bool,
        stop: &AtomicBool,
    ) -> Result<Option<LinkedCreds>> {
        write_synced(store, [self.chunks], fsync, stop).await?;
        let creds = match self.creds {
            Some(own) => Some(save_creds(store, own, lock_enabled, |_| Ok(())).await?),
            None => None,
        };
        if fsync && creds.is_some() {
            store.sync(&[keys::LINKED_CREDS.to_owned()]).await?;
        }
        write_synced(store, [self.encoders, self.metas, self.root], fsync, stop).await?;
        Ok(creds)
    }
}

/// Writes objects, those of a stage after those of the one before; then, where that was asked for,
/// makes all of them survive a loss of power.
async fn write_synced<const N: usize>(
    store: &Store,
    stages: [Vec<(String, Bytes)>; N],
    fsync: bool,
    stop: &AtomicBool,
) -> Result<()> {
    let written: Vec<String> = stages.iter().flatten().map(|(key, _)| key.clone()).collect();
    for stage in stages {
        write_all(store, stage, stop).await?;
    }
    if fsync { store.sync(&written).await } else { Ok(()) }
}

/// Writes objects until one fails or `stop` turns true. What is under way then is waited for: a
/// request that is given up may reach its object later, over what was written there since.
async fn write_all(store: &Store, objects: Vec<(String, Bytes)>, stop: &AtomicBool) -> Result<()> {
    let failure = Mutex::new(None);
    let fail = |error: Error| {
        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    };
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    stream::iter(objects)
        .for_each_concurrent(MAX_PARALLEL_WRITES, |(key, bytes)| async move {
            if failed() {
                return;
            }
            if stop.load(Ordering::Acquire) {
                fail(interrupted());
            } else if let Err(error) = store.put(&key, bytes).await {
                fail(error.at_file(&key));
            }
        })
        .await;
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

impl State {
    /// Notes that storage holds what this state says.
    fn settle_published(&mut self, creds: Option<LinkedCreds>) {
        self.creds = creds.unwrap_or_else(|| std::mem::take(&mut self.creds));
        self.dirty = super::state::RootDirty::default();
        self.generation += 1;
        for writing in self.tensors.values_mut().filter_map(|tensor| tensor.writing.as_mut()) {
            writing.dirty = super::state::TensorDirty::default();
            writing.sealed.clear();
            writing.obsolete.clear();
            writing.waiting_samples = 0;
            if let Some(tail) = &mut writing.tail {
                tail.stored = true;
            }
        }
    }
}
