//! Creating datasets, groups and tensors with their hidden companions.

use std::collections::{BTreeMap, HashMap};

use super::lock::{Acquired, WriteLock};
use super::registry::{self, Waiting};
use super::state::{RootDirty, State, Tensor};
use super::{Dataset, OpenOptions};
use crate::engine::{Engine, Interrupt};
use crate::error::{Error, Kind, Result, quoted};
use crate::format::{
    DatasetMeta, FIRST_COMMIT, Link, LinkedCreds, MAIN_BRANCH, RawJson, TensorMeta, VERSION,
    VersionTree, check_tensor_name, keys,
};
use crate::storage::Store;

/// `max_chunk_size` of the shape and info companions, as the reference has it (format 1.4).
const COMPANION_MAX_CHUNK_BYTES: u64 = 4_000_000;

/// What a new tensor is to be.
#[derive(Debug, Clone, Default)]
pub struct TensorSpec {
    /// Htype without `link[...]` or `sequence[...]`; `None` leaves it to the first sample.
    pub htype: Option<String>,
    /// Numpy dtype name or JSON schema; `None` leaves it to the first sample.
    pub dtype: Option<String>,
    /// Numpy type string, where the dtype was inferred.
    pub typestr: Option<String>,
    /// Compression of each sample.
    pub sample_compression: Option<String>,
    /// Compression of each chunk.
    pub chunk_compression: Option<String>,
    /// Whether samples are sequences.
    pub is_sequence: bool,
    /// Whether samples are links.
    pub is_link: bool,
    /// Whether users do not see it.
    pub hidden: bool,
    /// Whether linked objects are looked at when they are appended.
    pub verify: bool,
    /// Largest chunk, in bytes; `None` is 16 MB.
    pub max_chunk_size: Option<u64>,
    /// Size over which a sample may be cut into tiles, in bytes; -1 is never.
    pub tiling_threshold: Option<i64>,
    /// Fields of the htype's own.
    pub extra: BTreeMap<String, RawJson>,
    /// `tensor_info.json`, for htypes that have one from the start.
    pub info: Option<Vec<u8>>,
    /// Whether a hidden tensor keeps what was known of each sample's file.
    pub info_companion: bool,
    /// Whether a hidden tensor keeps each sample's shape.
    pub shape_companion: bool,
    /// Whether a hidden tensor keeps an identity for each row.
    pub id_companion: bool,
}

impl Dataset {
    /// Creates an empty dataset in an empty place.
    ///
    /// # Errors
    /// `DatasetExists`, `PathNotEmpty`, `Locked`, and those of the store.
    pub fn create(store: Store, options: &OpenOptions, interrupt: &dyn Interrupt) -> Result<Self> {
        let url = store.url().to_owned();
        Self::create_unplaced(store, options, interrupt).map_err(|error| error.at_path(&url))
    }

    fn create_unplaced(
        store: Store,
        options: &OpenOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Self> {
        if Self::exists(&store, interrupt)? {
            return Err(Error::new(Kind::DatasetExists, "a dataset is already at this path")
                .with_hint(
                    "open it with deeplake.load(path), or pass overwrite=True to replace it",
                ));
        }
        let engine = Engine::current()?;
        let place = store.clone();
        if engine.block_on(async move { place.has_any().await }, interrupt)? {
            return Err(Error::new(
                Kind::PathNotEmpty,
                "the path holds files but no dataset, and they would be mixed up",
            )
            .with_hint(
                "choose an empty path, or remove what is there with delete(path, force=True)",
            ));
        }
        // A handle on a dataset that was here before must not write into this one.
        let mut claim = registry::claim(&store, MAIN_BRANCH, Waiting::Dropped, interrupt)?;
        claim.forget_earlier(interrupt)?;
        let options = OpenOptions { read_only: Some(false), ..options.clone() };
        let lock = match WriteLock::acquire(&store, FIRST_COMMIT, &options, interrupt)? {
            Acquired::Held(lock) => Some(lock),
            Acquired::NotNeeded | Acquired::Refused(_) => None,
        };
        let state = State {
            tree: VersionTree::new(),
            commit: FIRST_COMMIT.to_owned(),
            branch: MAIN_BRANCH.to_owned(),
            is_head: true,
            meta: DatasetMeta::default(),
            tensors: HashMap::new(),
            creds: LinkedCreds::default(),
            info: Vec::new(),
            diff: None,
            dirty: RootDirty { meta: true, ..RootDirty::default() },
            generation: 0,
        };
        let tree = state.tree.to_bytes();
        let dataset = Self::from_parts(store.clone(), state, &options, lock, true, None);
        let fsync = options.fsync;
        let write_tree = async move {
            store.put(keys::VERSION_CONTROL_INFO, tree.into()).await?;
            if fsync { store.sync(&[keys::VERSION_CONTROL_INFO.to_owned()]).await } else { Ok(()) }
        };
        engine.block_on(write_tree, interrupt)?;
        dataset.flush(interrupt)?;
        claim.hand_over(&dataset, &options, interrupt)?;
        Ok(dataset)
    }

    /// Creates a group, and those above it.
    ///
    /// # Errors
    /// `GroupExists`, `TensorExists`, `InvalidInput` for a bad name, `ReadOnly`.
    pub fn create_group(&self, name: &str, interrupt: &dyn Interrupt) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        let name = check_tensor_name(name)?;
        let mut state = self.state_mut();
        if state.meta.groups.contains(&name) {
            return Err(Error::new(
                Kind::GroupExists,
                format!("there is a group {} already", quoted(&name)),
            ));
        }
        if state.meta.key_of(&name).is_some() {
            return Err(taken(&name));
        }
        check_above(&state, &name)?;
        add_groups(&mut state.meta, &name);
        state.dirty.meta = true;
        Ok(())
    }

    /// Creates a tensor with its companions.
    ///
    /// # Errors
    /// `TensorExists`, `GroupExists`, `InvalidInput` for a bad name, `ReadOnly`.
    pub fn create_tensor(
        &self,
        name: &str,
        spec: &TensorSpec,
        interrupt: &dyn Interrupt,
    ) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        let name = check_tensor_name(name)?;
        let mut state = self.state_mut();
        if state.meta.key_of(&name).is_some() {
            return Err(taken(&name));
        }
        if state.meta.groups.contains(&name) {
            return Err(Error::new(
                Kind::GroupExists,
                format!("there is a group {}", quoted(&name)),
            ));
        }
        check_above(&state, &name)?;
        let key = free_key(&state, &name);
        let mut meta = meta_of(&name, spec);
        let mut companions = Vec::new();
        for (wanted, companion) in [
            (spec.info_companion, Companion::Info),
            (spec.shape_companion, Companion::Shape),
            (spec.id_companion, Companion::Id),
        ] {
            if wanted {
                let name = companion.name(&name);
                if state.meta.key_of(&name).is_some() {
                    return Err(taken(&name).with_hint(
                        "the new tensor needs that name for a hidden one of its own; give it \
                         another name",
                    ));
                }
                let key = free_key(&state, &name);
                meta.links.insert(key.clone(), companion.link(spec.htype.as_deref()));
                companions.push((key, companion.meta(&name)));
            }
        }
        if let Some((group, _)) = name.rsplit_once('/') {
            add_groups(&mut state.meta, group);
        }
        add_tensor(&mut state, &key, meta, spec.info.clone())?;
        for (key, meta) in companions {
            add_tensor(&mut state, &key, meta, None)?;
        }
        state.dirty.meta = true;
        Ok(())
    }
}

fn taken(name: &str) -> Error {
    Error::new(Kind::TensorExists, format!("there is a tensor {} already", quoted(name)))
        .at_tensor(name)
}

/// Tensors hold no tensors: nothing above `name` may be one, nor the key that one still has since
/// it was renamed, or their files would lie in one folder.
fn check_above(state: &State, name: &str) -> Result<()> {
    let mut above = name.rsplit_once('/').map(|(above, _)| above);
    while let Some(group) = above {
        if state.meta.key_of(group).is_some() || state.tensors.contains_key(group) {
            return Err(taken(group));
        }
        above = group.rsplit_once('/').map(|(above, _)| above);
    }
    Ok(())
}

/// The name itself, unless a renamed tensor still has it as its key, or as the folder of its key
/// (format 1.4).
fn free_key(state: &State, name: &str) -> String {
    let is_taken = |key: &str| {
        let below = |other: &String| {
            other.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        state.tensors.keys().any(below)
    };
    let mut key = name.to_owned();
    while is_taken(&key) {
        key = format!("{name}_{:04x}", rand::random::<u16>());
    }
    key
}

fn add_groups(meta: &mut DatasetMeta, name: &str) {
    let mut group = Some(name);
    while let Some(name) = group {
        if !meta.groups.iter().any(|known| known == name) {
            meta.groups.push(name.to_owned());
        }
        group = name.rsplit_once('/').map(|(above, _)| above);
    }
}

fn add_tensor(state: &mut State, key: &str, meta: TensorMeta, info: Option<Vec<u8>>) -> Result<()> {
    let name = meta.name.clone().unwrap_or_else(|| key.to_owned());
    let hidden = meta.hidden;
    let mut tensor = Tensor::new(key, meta, state.commit == FIRST_COMMIT);
    let writing = tensor.writing_mut()?;
    // As the reference has it for htypes whose info exists from the start.
    writing.diff.info_updated = info.is_some();
    writing.dirty.meta = true;
    writing.dirty.data = true;
    writing.dirty.info = info.is_some();
    writing.info = info;
    state.tensors.insert(key.to_owned(), tensor);
    state.meta.tensors.push(key.to_owned());
    state.meta.tensor_names.insert(name, key.to_owned());
    if hidden {
        state.meta.hidden_tensors.push(key.to_owned());
    }
    Ok(())
}

fn meta_of(name: &str, spec: &TensorSpec) -> TensorMeta {
    TensorMeta {
        version: VERSION.to_owned(),
        name: Some(name.to_owned()),
        htype: spec.htype.clone(),
        dtype: spec.dtype.clone(),
        typestr: spec.typestr.clone(),
        sample_compression: spec.sample_compression.clone(),
        chunk_compression: spec.chunk_compression.clone(),
        max_chunk_size: spec.max_chunk_size,
        tiling_threshold: spec.tiling_threshold,
        hidden: spec.hidden,
        is_sequence: spec.is_sequence,
        is_link: spec.is_link,
        verify: spec.verify,
        extra: spec.extra.clone(),
        ..TensorMeta::default()
    }
}

/// The hidden tensors that go with a tensor (format 1.4).
#[derive(Debug, Clone, Copy)]
enum Companion {
    Info,
    Shape,
    Id,
}

impl Companion {
    fn name(self, owner: &str) -> String {
        match self {
            Self::Info => keys::info_name(owner),
            Self::Shape => keys::shape_name(owner),
            Self::Id => keys::id_name(owner),
        }
    }

    fn link(self, htype: Option<&str>) -> Link {
        let (extend, update) = match self {
            Self::Info => ("extend_info", Some("update_info")),
            Self::Shape if htype == Some("list") => ("extend_len", Some("update_len")),
            Self::Shape => ("extend_shape", Some("update_shape")),
            Self::Id => ("extend_id", None),
        };
        Link {
            extend: Some(extend.to_owned()),
            flatten_sequence: !matches!(self, Self::Id),
            update: update.map(str::to_owned),
        }
    }

    fn meta(self, name: &str) -> TensorMeta {
        let (htype, dtype, max_chunk_size) = match self {
            Self::Info => (Some("json"), Some("Any"), Some(COMPANION_MAX_CHUNK_BYTES)),
            Self::Shape => (None, Some("int64"), Some(COMPANION_MAX_CHUNK_BYTES)),
            Self::Id => (None, None, None),
        };
        TensorMeta {
            version: VERSION.to_owned(),
            name: Some(name.to_owned()),
            htype: htype.map(str::to_owned),
            dtype: dtype.map(str::to_owned),
            max_chunk_size,
            hidden: true,
            verify: true,
            ..TensorMeta::default()
        }
    }
}
