//! The dataset as this handle sees it: version tree, metas, encoders and what is not stored yet.
//!
//! Plain data under one lock. Nothing here does I/O; `open` fills it, `append` changes it and
//! `publish` writes it out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Kind, Result, quoted};
use crate::format::{
    ChunkBuilder, ChunkId, ChunkIds, ChunkSet, CommitDiff, Creds, DatasetDiff, DatasetMeta,
    FIRST_COMMIT, LinkedCreds, Sequence, TensorMeta, Tiles, VersionTree, check_stored_key, keys,
};

/// Everything a handle knows about its dataset.
#[derive(Debug)]
pub(crate) struct State {
    /// Commits and branches.
    pub(crate) tree: VersionTree,
    /// The commit whose files are read, and written when it is a head.
    pub(crate) commit: String,
    /// Its branch.
    pub(crate) branch: String,
    /// Whether `commit` is the uncommitted head of its branch.
    pub(crate) is_head: bool,
    /// `dataset_meta.json` of `commit`.
    pub(crate) meta: DatasetMeta,
    /// Tensors by key, hidden ones included.
    pub(crate) tensors: HashMap<String, Tensor>,
    /// Names of the creds keys.
    pub(crate) creds: LinkedCreds,
    /// `dataset_info.json` of `commit`; empty when there is none.
    pub(crate) info: Vec<u8>,
    /// What this commit changed beside the tensors; loaded before the first change.
    pub(crate) diff: Option<DatasetDiff>,
    /// Root files that differ from storage.
    pub(crate) dirty: RootDirty,
    /// Counts publishes, so that a reader can tell that its plan is out of date.
    pub(crate) generation: u64,
}

/// Which files of the dataset itself wait to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RootDirty {
    pub(crate) meta: bool,
    pub(crate) info: bool,
    pub(crate) creds: bool,
}

/// One tensor, visible or hidden.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    /// Its storage key (format 1.4).
    pub(crate) key: String,
    pub(crate) meta: TensorMeta,
    pub(crate) chunk_ids: ChunkIds,
    /// Creds key numbers of a link tensor; empty otherwise.
    pub(crate) creds: Creds,
    /// Boundaries of a sequence tensor.
    pub(crate) sequence: Option<Sequence>,
    /// Loaded when samples are first read or written.
    pub(crate) history: Option<History>,
    /// Loaded when the tensor is first written.
    pub(crate) writing: Option<Writing>,
}

/// What is needed to find a tensor's chunks.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Samples that are cut into tiles.
    pub(crate) tiles: Tiles,
    /// Chunks owned by the commit that is open; `None` in the first commit, which keeps no list.
    pub(crate) own: Option<ChunkSet>,
    /// Chunk sets of the commits before it, nearest first, without the first commit.
    pub(crate) ancestors: Arc<[(String, ChunkSet)]>,
}

/// The writable side of a tensor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writing {
    pub(crate) diff: CommitDiff,
    /// `tensor_info.json`, once it was changed here.
    pub(crate) info: Option<Vec<u8>>,
    /// The chunk that takes the next samples.
    pub(crate) tail: Option<Tail>,
    /// Full chunks that are not stored yet.
    pub(crate) sealed: BTreeMap<ChunkId, Bytes>,
    /// Storage keys of chunks that were replaced; removed after the next publish.
    pub(crate) obsolete: Vec<String>,
    /// Samples that no publish has told of yet.
    pub(crate) waiting_samples: u64,
    pub(crate) dirty: TensorDirty,
}

/// Which files of a tensor wait to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TensorDirty {
    pub(crate) meta: bool,
    pub(crate) info: bool,
    /// Encoders and `commit_diff`.
    pub(crate) data: bool,
}

/// The last chunk of a tensor, open for more samples.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) id: ChunkId,
    pub(crate) builder: ChunkBuilder,
    /// Whether storage holds exactly this under `id`.
    pub(crate) stored: bool,
}

impl State {
    /// The key of the tensor called `name`.
    ///
    /// # Errors
    /// `TensorNotFound`.
    pub(crate) fn key_of(&self, name: &str) -> Result<&str> {
        let key = self.meta.key_of(name).ok_or_else(|| {
            Error::new(Kind::TensorNotFound, format!("the dataset has no tensor {}", quoted(name)))
                .at_tensor(name)
        })?;
        Ok(key)
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// `TensorNotFound`.
    pub(crate) fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.by_key(self.key_of(name)?)
    }

    /// The tensor with this key; metas name only tensors that were loaded.
    pub(crate) fn by_key(&self, key: &str) -> Result<&Tensor> {
        self.tensors.get(key).ok_or_else(|| unloaded(key))
    }

    /// As [`State::by_key`], to change it.
    pub(crate) fn by_key_mut(&mut self, key: &str) -> Result<&mut Tensor> {
        self.tensors.get_mut(key).ok_or_else(|| unloaded(key))
    }

    /// Samples that were appended since the last publish, those of companions left out.
    pub(crate) fn waiting_samples(&self) -> u64 {
        let visible = self.tensors.values().filter(|tensor| !tensor.meta.hidden);
        visible.filter_map(|tensor| tensor.writing.as_ref()).map(|w| w.waiting_samples).sum()
    }
}

/// Why there is no tensor under a key that a meta names. Keys that lead out of the dataset are never
/// loaded; the other tensors are not made unreadable by them.
fn unloaded(key: &str) -> Error {
    match check_stored_key(key) {
        Err(error) => Error::from(error).at_tensor(key),
        Ok(()) => {
            let key_shown = quoted(key);
            let message =
                format!("dataset_meta.json names the tensor {key_shown} and does not list it");
            Error::new(Kind::Corrupt, message).at_tensor(key)
        }
    }
}

fn not_loaded_first(key: &str) -> Error {
    Error::internal(format!("tensor {} is not loaded", quoted(key)))
}

impl Tensor {
    /// A tensor that has no samples and no files yet.
    pub(crate) fn new(key: &str, meta: TensorMeta, in_first_commit: bool) -> Self {
        Self {
            key: key.to_owned(),
            meta,
            chunk_ids: ChunkIds::default(),
            creds: Creds::default(),
            sequence: None,
            history: Some(History {
                tiles: Tiles::default(),
                own: (!in_first_commit).then(ChunkSet::default),
                ancestors: Arc::from([]),
            }),
            writing: Some(Writing { diff: CommitDiff::created(), ..Writing::default() }),
        }
    }

    /// The name users see.
    pub(crate) fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or(&self.key)
    }

    /// Visible length: sequences where there are any, else samples.
    pub(crate) fn len(&self) -> u64 {
        self.sequence.as_ref().map_or(self.meta.length, Sequence::num_sequences)
    }

    /// Storage key of a chunk of this tensor, as seen from `commit`.
    pub(crate) fn chunk_key(&self, commit: &str, id: ChunkId) -> Result<String> {
        let history = self.history()?;
        let own = history.own.iter().map(|set| (commit, set));
        let sets = own.chain(history.ancestors.iter().map(|(commit, set)| (commit.as_str(), set)));
        for (commit, set) in sets {
            if let Some(owner) = set.get(id) {
                let commit = owner.commit.as_deref().unwrap_or(commit);
                let key = owner.key.as_deref().unwrap_or(&self.key);
                return Ok(keys::chunk(commit, key, id));
            }
        }
        Ok(keys::chunk(FIRST_COMMIT, &self.key, id))
    }

    /// Whether the open commit may rewrite this chunk.
    pub(crate) fn owns_chunk(&self, id: ChunkId) -> Result<bool> {
        Ok(match &self.history()?.own {
            None => true,
            Some(set) => set.get(id).is_some_and(|owner| owner.commit.is_none()),
        })
    }

    /// What finds chunks.
    ///
    /// # Errors
    /// `Internal` when it was not loaded first.
    pub(crate) fn history(&self) -> Result<&History> {
        self.history.as_ref().ok_or_else(|| not_loaded_first(&self.key))
    }

    /// The writable side.
    ///
    /// # Errors
    /// `Internal` when it was not loaded first.
    pub(crate) fn writing_mut(&mut self) -> Result<&mut Writing> {
        self.writing.as_mut().ok_or_else(|| not_loaded_first(&self.key))
    }
}
