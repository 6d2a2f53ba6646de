//! Publishing: chunks first, then encoders, then metas, and only then the old chunks go.
//!
//! A reader that opens in between sees either state whole: the metas it finds name only chunks
//! that are there (format 4.6 says what goes wrong otherwise).

use bytes::Bytes;
use futures::stream::{self, TryStreamExt};

use super::Dataset;
use super::pack::chunk_file;
use super::state::{State, Tensor};
use crate::engine::{Engine, Interrupt};
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
        let _writer = self.start_change(interrupt)?;
        let publish = Publish::of(&self.state())?;
        if publish.is_empty() {
            return Ok(());
        }
        self.check_lock()?;
        let obsolete = publish.obsolete.clone();
        let store = self.store().clone();
        let engine = Engine::current()?;
        engine
            .block_on(async move { publish.write(&store).await }, interrupt)
            .map_err(|error| error.at_path(self.path()))?;
        self.state_mut().settle_published();
        for key in &obsolete {
            self.cache().forget(key);
        }
        let store = self.store().clone();
        let deleted = engine.block_on(async move { store.delete(&obsolete).await }, interrupt);
        match deleted {
            Err(error) if error.kind() != Kind::Interrupted => {
                // Published all the same: what stays behind are chunks that nobody names.
                tracing::warn!(path = self.path(), %error, "replaced chunks could not be removed");
                Ok(())
            }
            result => result,
        }
    }

    /// Stores full chunks of a long append ahead of the flush.
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
        let store = self.store().clone();
        let write = async move { write_all(&store, chunks).await };
        Engine::current()?.block_on(write, interrupt)?;
        let mut state = self.state_mut();
        for (key, id) in ids {
            state.by_key_mut(&key)?.writing_mut()?.sealed.remove(&id);
        }
        Ok(())
    }

    fn check_lock(&self) -> Result<()> {
        let lock = self.inner.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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

    async fn write(self, store: &Store) -> Result<()> {
        if let Some(creds) = self.creds {
            write_creds(store, creds).await?;
        }
        for stage in [self.chunks, self.encoders, self.metas, self.root] {
            write_all(store, stage).await?;
        }
        Ok(())
    }
}

async fn write_all(store: &Store, objects: Vec<(String, Bytes)>) -> Result<()> {
    stream::iter(objects.into_iter().map(Ok))
        .try_for_each_concurrent(MAX_PARALLEL_WRITES, |(key, bytes)| async move {
            store.put(&key, bytes).await.map_err(|error| error.at_file(&key))
        })
        .await
}

/// The file belongs to all branches: keys that another writer added are kept (format 9.3).
async fn write_creds(store: &Store, mut creds: LinkedCreds) -> Result<()> {
    if let Some(stored) = store.get_optional(keys::LINKED_CREDS).await? {
        creds.merge(&LinkedCreds::parse(&stored)?);
    }
    store.put(keys::LINKED_CREDS, creds.to_bytes().into()).await
}

impl State {
    /// Notes that storage holds what this state says.
    fn settle_published(&mut self) {
        self.dirty = super::state::RootDirty::default();
        self.generation += 1;
        for writing in self.tensors.values_mut().filter_map(|tensor| tensor.writing.as_mut()) {
            writing.dirty = super::state::TensorDirty::default();
            writing.sealed.clear();
            writing.obsolete.clear();
            if let Some(tail) = &mut writing.tail {
                tail.stored = true;
            }
        }
    }
}
