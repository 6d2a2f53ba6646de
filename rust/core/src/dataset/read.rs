//! Reading samples: index -> plan -> fetch -> decode into the caller's memory.

use std::sync::Arc;

use bytes::Bytes;

use super::Dataset;
use super::chunk_job::{ChunkJob, ChunkPart, Source};
use super::decode::{Array, Decoder};
use super::layout::{Content, Layout};
use super::limits::Limits;
use super::output::{
    EachSink, Listener, Sink, StackSink, check_separate, room_for, stack, text_of,
};
use super::plan::{Plan, plan};
use super::state::{State, Tensor};
use crate::dtype::Dtype;
use crate::engine::{Engine, Interrupt};
use crate::error::{Error, Kind, Result, quoted};
use crate::fetch::{self, Failures};
use crate::format::{TensorMeta, keys};
use crate::memory::Buffer;

/// How often a read starts over when chunks were replaced while it ran.
const MAX_REPLANS: usize = 3;

/// In which form samples are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// One array with a leading axis; samples must have equal shapes.
    Stack,
    /// One array for each sample.
    List,
    /// The stored bytes of each sample; of a link, those of the object.
    Bytes,
    /// Text.
    Text,
    /// JSON text.
    Json,
    /// Link and creds key.
    Path,
}

impl ReadMode {
    const fn noun(self) -> &'static str {
        match self {
            Self::Stack | Self::List => "an array",
            Self::Bytes => "bytes",
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Path => "a link",
        }
    }
}

/// What a read returns, in the order of the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Elements of all samples.
    Stack {
        /// Element type.
        dtype: Dtype,
        /// Number of samples, then the shape of one.
        shape: Vec<u64>,
        /// Elements in C order, little-endian.
        data: Buffer,
    },
    /// An array for each sample.
    List(Vec<Array>),
    /// Bytes of each sample.
    Bytes(Vec<Bytes>),
    /// Text of each sample.
    Text(Vec<String>),
    /// JSON of each sample.
    Json(Vec<Bytes>),
    /// Link and creds key of each sample.
    Path(Vec<(String, Option<String>)>),
}

/// A planned read of one tensor, detached from the state it was planned on.
pub(crate) struct Reading<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) name: &'a str,
    pub(crate) index: &'a [u64],
    pub(crate) meta: TensorMeta,
    pub(crate) decoder: Decoder,
    jobs: Vec<ChunkJob>,
    run_counts: Vec<u64>,
    /// Creds key of each sample, for links.
    pub(crate) creds: Vec<Option<String>>,
    generation: u64,
}

impl Dataset {
    /// Reads the samples at `index` of a tensor, in that order, repeats allowed.
    ///
    /// # Errors
    /// The failure of the lowest position in `index` wins, with the others in
    /// [`Error::failures`]; it names tensor and index.
    pub fn read(
        &self,
        name: &str,
        index: &[u64],
        mode: ReadMode,
        interrupt: &dyn Interrupt,
    ) -> Result<Column> {
        self.replanning(name, index, false, interrupt, |reading| {
            match (mode, reading.decoder.layout.content) {
                (ReadMode::Stack | ReadMode::List, Content::Link) => {
                    reading.linked_arrays(mode, interrupt)
                }
                (ReadMode::Bytes, Content::Link) => reading.linked_bytes(interrupt),
                (ReadMode::Path, Content::Link) => reading.paths(interrupt),
                (ReadMode::Stack, Content::Numeric(_)) => reading.stacked(interrupt),
                (ReadMode::List, Content::Numeric(_)) => {
                    Ok(Column::List(reading.arrays(interrupt)?))
                }
                (ReadMode::Bytes, _) => Ok(Column::Bytes(reading.stored(interrupt)?)),
                (ReadMode::Text, Content::Text) => reading.texts(interrupt),
                (ReadMode::Json, Content::Json | Content::List) => {
                    Ok(Column::Json(reading.plain(interrupt)?))
                }
                (mode, content) => Err(Error::new(
                    Kind::InvalidInput,
                    format!(
                        "a sample that is {} cannot be read as {}",
                        content.noun(),
                        mode.noun()
                    ),
                )),
            }
        })
    }

    /// Shapes of the samples at `index`, without decoding them where the dataset says them.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn shapes(
        &self,
        name: &str,
        index: &[u64],
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Vec<u64>>> {
        let place = |error: Error| error.at_path(self.path()).at_tensor(name);
        let Some(companion) = self.shape_companion(name).map_err(place)? else {
            return self.stored_shapes(name, index, interrupt);
        };
        let rows = self
            .replanning(&companion, index, false, interrupt, |reading| reading.arrays(interrupt))?;
        let place = |at: usize, error: Error| match index.get(at) {
            Some(index) => error.at_path(self.path()).at_tensor(&companion).at_index(*index),
            None => error,
        };
        let shape = |(at, row)| shape_row(row).map_err(|error| place(at, error));
        let mut shapes = rows.iter().enumerate().map(shape).collect::<Result<Vec<_>>>()?;
        let (places, doubted) = self.doubtful(name, index, &shapes)?;
        if !doubted.is_empty() {
            let stored = self.stored_shapes(name, &doubted, interrupt)?;
            for (at, shape) in places.into_iter().zip(stored) {
                if let Some(place) = shapes.get_mut(at) {
                    *place = shape;
                }
            }
        }
        Ok(shapes)
    }

    /// The rows of a shape companion that cannot be true, by place and by sample: older versions
    /// wrote `()` for a scalar that they stored as `(1,)`, and the reference does not keep up with
    /// changes inside of samples.
    fn doubtful(
        &self,
        name: &str,
        index: &[u64],
        shapes: &[Vec<u64>],
    ) -> Result<(Vec<usize>, Vec<u64>)> {
        let state = self.state();
        let meta = &state.tensor(name)?.meta;
        if meta.is_link || meta.max_shape.is_empty() {
            // Links show what they lead to, which may have changed since; without bounds, nothing is
            // known.
            return Ok(Default::default());
        }
        let possible = |shape: &Vec<u64>| {
            // What an empty sample has where its rank was not known.
            *shape == [0]
                || (shape.len() == meta.max_shape.len()
                    && shape.iter().zip(&meta.max_shape).all(|(length, most)| length <= most)
                    && shape.iter().zip(&meta.min_shape).all(|(length, least)| length >= least))
        };
        let doubted = shapes.iter().zip(index).enumerate();
        Ok(doubted
            .filter(|(_, (shape, _))| !possible(shape))
            .map(|(at, (_, index))| (at, *index))
            .unzip())
    }

    /// The shapes in the tables of the chunks, or of linked images.
    fn stored_shapes(
        &self,
        name: &str,
        index: &[u64],
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Vec<u64>>> {
        self.replanning(name, index, true, interrupt, |reading| {
            if reading.decoder.layout.content == Content::Link {
                return reading.linked_shapes(interrupt);
            }
            let decoder = reading.decoder.clone();
            let sink =
                EachSink::new(index.len(), |view, local| decoder.shape(view.shape_of(local)))?;
            reading.run(&sink, interrupt)?;
            sink.finish()
        })
    }

    fn shape_companion(&self, name: &str) -> Result<Option<String>> {
        let state = self.state();
        let tensor = state.tensor(name)?;
        let content = Layout::of(&tensor.meta)?.content;
        if !matches!(content, Content::Numeric(_) | Content::Link) {
            return Ok(None);
        }
        let key = tensor.meta.links.iter().find(|(_, link)| {
            link.extend.as_deref() == Some("extend_shape") && tensor.sequence.is_none()
        });
        key.map(|(key, _)| {
            state.meta.name_of(key).map(str::to_owned).ok_or_else(|| {
                let message =
                    format!("the shapes are in {}, which the dataset does not list", quoted(key));
                Error::new(Kind::Corrupt, message)
            })
        })
        .transpose()
    }

    /// Plans and runs a read; once more when chunks were replaced in between, by a flush of this
    /// handle or by another process.
    fn replanning<T>(
        &self,
        name: &str,
        index: &[u64],
        tables_only: bool,
        interrupt: &dyn Interrupt,
        run: impl Fn(&mut Reading<'_>) -> Result<T>,
    ) -> Result<T> {
        self.check_open()?;
        let place = |error: Error| error.at_tensor(name).at_path(self.path());
        self.load_history(name, interrupt).map_err(place)?;
        let mut tries = 0;
        loop {
            let mut reading =
                Reading::new(self, name, index, tables_only, &self.state()).map_err(place)?;
            let generation = reading.generation;
            match run(&mut reading) {
                Err(error)
                    if error.kind() == Kind::Chunk
                        && tries < MAX_REPLANS
                        && (self.state().generation != generation
                            || self.refresh_chunks(name, interrupt).map_err(place)?) =>
                {
                    tries += 1;
                }
                result => return result.map_err(place),
            }
        }
    }
}

impl<'a> Reading<'a> {
    fn new(
        dataset: &'a Dataset,
        name: &'a str,
        index: &'a [u64],
        tables_only: bool,
        state: &State,
    ) -> Result<Self> {
        let tensor = state.tensor(name)?;
        let layout = Layout::of(&tensor.meta)
            .map_err(|error| error.at_file(&keys::tensor_meta(&state.commit, &tensor.key)))?;
        let Plan { chunks, run_counts } = plan(tensor, index)?;
        let ndim = Some(tensor.meta.max_shape.len()).filter(|ndim| *ndim > 0);
        let limits = dataset.limits();
        let mut jobs = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let source = match memory_view(tensor, &chunk, layout.chunk_lz4, &dataset.limits())? {
                Some(view) => Source::Memory(Arc::new(view)),
                None => Source::Stored {
                    store: dataset.store().clone(),
                    key: tensor.chunk_key(&state.commit, chunk.chunk)?,
                    cache: Arc::clone(dataset.cache()),
                    samples: chunk.samples.end - chunk.samples.start,
                    lz4: layout.chunk_lz4,
                    limits,
                },
            };
            jobs.push(ChunkJob { source, runs: chunk.runs, tables_only });
        }
        Ok(Self {
            dataset,
            name,
            index,
            meta: tensor.meta.clone(),
            decoder: Decoder { layout, ndim, max_sample_bytes: limits.max_sample_bytes },
            jobs,
            run_counts,
            creds: creds_keys(state, tensor, index)?,
            generation: state.generation,
        })
    }

    /// Fetches the chunks and hands their samples to `sink`.
    pub(crate) fn run(&mut self, sink: &impl Sink, interrupt: &dyn Interrupt) -> Result<()> {
        let jobs = std::mem::take(&mut self.jobs);
        let process = |part: ChunkPart, failures: &Failures| {
            let key = part.key().map(str::to_owned);
            let listener = ChunkListener { reading: self, key, failures };
            let (runs, view, _permit) = part.open();
            match view {
                Ok(view) => runs.iter().for_each(|run| sink.take(&view, run, &listener)),
                Err(error) => listener.failed(runs.first().map_or(0, |run| run.slot), error),
            }
        };
        let engine = Engine::current()?;
        fetch::run(&engine, jobs, &self.dataset.limits().fetch, interrupt, process)
    }

    /// Adds tensor and index to the error of one slot.
    pub(crate) fn place(&self, slot: u64, error: Error) -> Error {
        let error = error.at_tensor(self.name).at_path(self.dataset.path());
        match usize::try_from(slot).ok().and_then(|slot| self.index.get(slot)) {
            Some(index) => error.at_index(*index),
            None => error,
        }
    }

    fn stacked(&mut self, interrupt: &dyn Interrupt) -> Result<Column> {
        let fixed = !self.meta.max_shape.is_empty() && self.meta.min_shape == self.meta.max_shape;
        if !fixed {
            let arrays = self.arrays(interrupt)?;
            let dtype = self.decoder.layout.dtype().unwrap_or(Dtype::Float64);
            let (shape, dtype, data) = stack(&arrays, dtype, &self.meta.max_shape)?;
            return Ok(Column::Stack { dtype, shape, data });
        }
        let dtype = self.decoder.dtype()?;
        let count = self.index.len() as u64;
        let shape = self.meta.max_shape.clone();
        let (one, mut data) = room_for(count, &shape, dtype, self.decoder.max_sample_bytes)?;
        let counts = self.run_counts.clone();
        let sink = StackSink::new(self.decoder.clone(), shape.clone(), one, &counts, &mut data)?;
        self.run(&sink, interrupt)?;
        drop(sink);
        Ok(Column::Stack { dtype, shape: leading(count, &shape), data })
    }

    fn arrays(&mut self, interrupt: &dyn Interrupt) -> Result<Vec<Array>> {
        let decoder = self.decoder.clone();
        let sink =
            EachSink::new(self.index.len(), |view, local| decoder.array(view.sample(local)?))?;
        self.run(&sink, interrupt)?;
        sink.finish()
    }

    fn stored(&mut self, interrupt: &dyn Interrupt) -> Result<Vec<Bytes>> {
        let sink = EachSink::new(self.index.len(), |view, local| Ok(view.sample(local)?.bytes))?;
        self.run(&sink, interrupt)?;
        sink.finish()
    }

    fn plain(&mut self, interrupt: &dyn Interrupt) -> Result<Vec<Bytes>> {
        let decoder = self.decoder.clone();
        let sink =
            EachSink::new(self.index.len(), |view, local| decoder.plain(&view.sample(local)?))?;
        self.run(&sink, interrupt)?;
        sink.finish()
    }

    /// Stored text of each sample: text itself, or the path of a link.
    pub(crate) fn strings(&mut self, interrupt: &dyn Interrupt) -> Result<Vec<String>> {
        let decoder = self.decoder.clone();
        let sink = EachSink::new(self.index.len(), |view, local| {
            text_of(&decoder.plain(&view.sample(local)?)?)
        })?;
        self.run(&sink, interrupt)?;
        sink.finish()
    }

    fn texts(&mut self, interrupt: &dyn Interrupt) -> Result<Column> {
        Ok(Column::Text(self.strings(interrupt)?))
    }

    fn paths(&mut self, interrupt: &dyn Interrupt) -> Result<Column> {
        let paths = self.strings(interrupt)?;
        Ok(Column::Path(paths.into_iter().zip(self.creds.iter().cloned()).collect()))
    }
}

/// Names sample and chunk in what fails while one chunk is decoded.
struct ChunkListener<'a> {
    reading: &'a Reading<'a>,
    /// Storage key, unless the chunk was in memory.
    key: Option<String>,
    failures: &'a Failures,
}

impl Listener for ChunkListener<'_> {
    fn failed(&self, slot: u64, error: Error) {
        let error = self.reading.place(slot, error);
        let error = match &self.key {
            Some(key) => error.at_file(key),
            None => error,
        };
        self.failures.push(slot, error);
    }

    fn obsolete(&self, slot: u64) -> bool {
        self.failures.obsolete(slot)
    }
}

pub(crate) fn leading(count: u64, shape: &[u64]) -> Vec<u64> {
    let mut all = vec![count];
    all.extend_from_slice(shape);
    all
}

/// The chunk as it stands in memory, where it is open or not stored yet.
fn memory_view(
    tensor: &Tensor,
    chunk: &super::plan::ChunkRuns,
    lz4: bool,
    limits: &Limits,
) -> Result<Option<super::chunk_view::ChunkView>> {
    let Some(writing) = &tensor.writing else { return Ok(None) };
    if let Some(file) = writing.sealed.get(&chunk.chunk) {
        return super::chunk_view::ChunkView::from_file(file, lz4, limits).map(Some);
    }
    match &writing.tail {
        Some(tail) if tail.id == chunk.chunk => {
            super::chunk_view::ChunkView::of_builder(&tail.builder, &chunk.runs).map(Some)
        }
        _ => Ok(None),
    }
}

/// The creds key of each link.
fn creds_keys(state: &State, tensor: &Tensor, index: &[u64]) -> Result<Vec<Option<String>>> {
    if !tensor.meta.is_link {
        return Ok(Vec::new());
    }
    check_separate(index.len())?;
    index
        .iter()
        .map(|&index| match tensor.creds.number_of(index) {
            None | Some(0) => Ok(None),
            Some(number) => {
                state.creds.key_of(number).map(|key| Some(key.to_owned())).ok_or_else(|| {
                    Error::new(
                        Kind::Corrupt,
                        format!(
                            "sample uses creds key number {number}, which linked_creds.json lacks"
                        ),
                    )
                    .at_index(index)
                })
            }
        })
        .collect()
}

/// A row of the shape companion: int64 there, though no axis is over 32 bits (format 2.1).
fn shape_row(row: &Array) -> Result<Vec<u64>> {
    row.data
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| u32::try_from(i64::from_le_bytes(*bytes)).map(u64::from))
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::new(Kind::Corrupt, "a stored shape has an axis that cannot be"))
}
