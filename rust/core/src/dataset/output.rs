//! Where decoded samples land: one array, a list of arrays, or plain bytes.
//!
//! Every slot is written once, by whichever thread decodes it.

use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::chunk_view::ChunkView;
use super::decode::{Array, Decoder, dynamic_shape, sample_bytes};
use super::layout::SampleCompression;
use super::plan::Run;
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::memory::Buffer;

/// Hears how the samples of a run fare.
pub(crate) trait Listener: Sync {
    /// The sample of a slot could not be had.
    fn failed(&self, slot: u64, error: Error);

    /// Whether nobody wants the sample of a slot any more.
    fn obsolete(&self, slot: u64) -> bool;
}

/// Takes the samples of a run.
pub(crate) trait Sink: Sync {
    /// Decodes the run's samples into their slots; leaves out those that are obsolete.
    fn take(&self, view: &ChunkView, run: &Run, listener: &impl Listener);
}

/// Memory of one array, cut into parts that threads fill independently.
pub(crate) struct RunSlots<'a>(Vec<Mutex<Option<&'a mut [u8]>>>);

impl<'a> RunSlots<'a> {
    /// Cuts `out` into parts of `counts` samples of `sample_bytes`.
    ///
    /// # Errors
    /// `Internal` when `out` is too small.
    pub(crate) fn new(mut out: &'a mut [u8], sample_bytes: usize, counts: &[u64]) -> Result<Self> {
        let mut parts = Vec::with_capacity(counts.len());
        for count in counts {
            let bytes =
                usize::try_from(*count).ok().and_then(|count| count.checked_mul(sample_bytes));
            let (part, rest) = bytes
                .and_then(|bytes| std::mem::take(&mut out).split_at_mut_checked(bytes))
                .ok_or_else(|| Error::internal("a stacked read has less room than samples"))?;
            parts.push(Mutex::new(Some(part)));
            out = rest;
        }
        Ok(Self(parts))
    }

    /// A part; each can be taken once.
    ///
    /// # Errors
    /// `Internal` when it was taken before.
    pub(crate) fn take(&self, part: u64) -> Result<&'a mut [u8]> {
        usize::try_from(part)
            .ok()
            .and_then(|part| self.0.get(part))
            .and_then(|part| part.lock().unwrap_or_else(PoisonError::into_inner).take())
            .ok_or_else(|| Error::internal("a part of a stacked read was filled twice"))
    }
}

/// One array of all samples, which must have equal shapes.
pub(crate) struct StackSink<'a> {
    decoder: Decoder,
    shape: Vec<u64>,
    sample_bytes: usize,
    runs: RunSlots<'a>,
}

impl<'a> StackSink<'a> {
    /// Fills `out`, sample after sample in slot order.
    pub(crate) fn new(
        decoder: Decoder,
        shape: Vec<u64>,
        sample_bytes: usize,
        run_counts: &[u64],
        out: &'a mut [u8],
    ) -> Result<Self> {
        let runs = RunSlots::new(out, sample_bytes, run_counts)?;
        Ok(Self { decoder, shape, sample_bytes, runs })
    }

    /// Plain elements need no decoding: whole blocks are copied.
    fn copy_blocks(&self, view: &ChunkView, run: &Run, out: &mut [u8]) -> Result<(), (u64, Error)> {
        let mut rest = out;
        let mut done = 0;
        while done < run.count {
            let slot = run.slot + done;
            let fail = |error| (slot, error);
            let block = view.block(run.local + done, run.count - done).map_err(fail)?;
            let shape = self.decoder.shape(block.shape).map_err(fail)?;
            if shape != self.shape {
                return Err(fail(dynamic_shape(&shape, &self.shape)));
            }
            if block.sample_bytes != self.sample_bytes as u64 {
                return Err(fail(wrong_size(block.sample_bytes, self.sample_bytes)));
            }
            let (part, after) =
                std::mem::take(&mut rest)
                    .split_at_mut_checked(block.bytes.len())
                    .ok_or_else(|| fail(Error::internal("a block is longer than its run")))?;
            part.copy_from_slice(&block.bytes);
            rest = after;
            done += block.count;
        }
        Ok(())
    }
}

impl Sink for StackSink<'_> {
    fn take(&self, view: &ChunkView, run: &Run, listener: &impl Listener) {
        let out = match self.runs.take(run.id as u64) {
            Ok(out) => out,
            Err(error) => return listener.failed(run.slot, error),
        };
        if self.decoder.layout.sample == SampleCompression::None || self.sample_bytes == 0 {
            if let Err((slot, error)) = self.copy_blocks(view, run, out) {
                listener.failed(slot, error);
            }
            return;
        }
        out.par_chunks_mut(self.sample_bytes).enumerate().for_each(|(at, out)| {
            let at = at as u64;
            if listener.obsolete(run.slot + at) {
                return;
            }
            let decoded = view
                .sample(run.local + at)
                .and_then(|stored| self.decoder.array_into(stored, &self.shape, out));
            if let Err(error) = decoded {
                listener.failed(run.slot + at, error);
            }
        });
    }
}

/// One value for each slot, set from any thread.
pub(crate) struct EachSlots<T>(Vec<OnceLock<T>>);

/// Samples that one read gives one by one: a gigabyte of places for them, before the first is
/// there. Only a damaged chunk index makes a tensor longer than that by accident.
pub(crate) const MAX_SEPARATE_SAMPLES: usize = 1 << 24;

impl<T> EachSlots<T> {
    /// Empty slots.
    ///
    /// # Errors
    /// `LimitExceeded` above [`MAX_SEPARATE_SAMPLES`].
    pub(crate) fn new(slots: usize) -> Result<Self> {
        check_separate(slots)?;
        Ok(Self((0..slots).map(|_| OnceLock::new()).collect()))
    }

    /// Sets a slot; a plan names each once, so that a second value cannot come.
    pub(crate) fn put(&self, slot: u64, value: T) {
        if let Some(place) = usize::try_from(slot).ok().and_then(|slot| self.0.get(slot)) {
            drop(place.set(value));
        }
    }

    /// All values, in slot order.
    ///
    /// # Errors
    /// `Internal` when one was never set.
    pub(crate) fn finish(self) -> Result<Vec<T>> {
        self.0
            .into_iter()
            .map(|slot| slot.into_inner().ok_or_else(|| Error::internal("a slot was not filled")))
            .collect()
    }
}

/// Refuses to give too many samples one by one.
///
/// # Errors
/// `LimitExceeded` above [`MAX_SEPARATE_SAMPLES`].
pub(crate) fn check_separate(samples: usize) -> Result<()> {
    if samples <= MAX_SEPARATE_SAMPLES {
        return Ok(());
    }
    let message = format!(
        "{samples} samples cannot be given one by one: {MAX_SEPARATE_SAMPLES} at a time are the \
         limit"
    );
    Err(Error::new(Kind::LimitExceeded, message).with_hint("read fewer samples at a time"))
}

/// One value for each sample, made by `make` from a chunk and the sample's index in it.
pub(crate) struct EachSink<T, F> {
    make: F,
    slots: EachSlots<T>,
}

impl<T, F> EachSink<T, F>
where
    T: Send + Sync,
    F: Fn(&ChunkView, u64) -> Result<T> + Sync,
{
    pub(crate) fn new(slots: usize, make: F) -> Result<Self> {
        Ok(Self { make, slots: EachSlots::new(slots)? })
    }

    /// All values, in slot order.
    ///
    /// # Errors
    /// `Internal` when one was never made.
    pub(crate) fn finish(self) -> Result<Vec<T>> {
        self.slots.finish()
    }
}

impl<T, F> Sink for EachSink<T, F>
where
    T: Send + Sync,
    F: Fn(&ChunkView, u64) -> Result<T> + Sync,
{
    fn take(&self, view: &ChunkView, run: &Run, listener: &impl Listener) {
        let one = |at: u64| {
            if listener.obsolete(run.slot + at) {
                return;
            }
            match (self.make)(view, run.local + at) {
                Ok(value) => self.slots.put(run.slot + at, value),
                Err(error) => listener.failed(run.slot + at, error),
            }
        };
        // Ranges of u64 have no exact length for rayon; a chunk's runs fit u32 (format 2.1).
        let count = u32::try_from(run.count).unwrap_or(u32::MAX);
        (0..count)
            .into_par_iter()
            .with_min_len(MIN_SAMPLES_A_TASK)
            .for_each(|at| one(u64::from(at)));
    }
}

/// Below this many samples a task of its own costs more than it saves; images are few a chunk
/// and large, so that the number stays small.
const MIN_SAMPLES_A_TASK: usize = 2;

/// Joins equal arrays into one with a leading axis.
///
/// # Errors
/// `DynamicShape` when they differ.
pub(crate) fn stack(
    arrays: &[Array],
    dtype: Dtype,
    empty_shape: &[u64],
) -> Result<(Vec<u64>, Dtype, Buffer)> {
    let Some(first) = arrays.first() else {
        let mut shape = vec![0];
        shape.extend_from_slice(empty_shape);
        return Ok((shape, dtype, Buffer::default()));
    };
    if let Some(other) =
        arrays.iter().find(|array| array.shape != first.shape || array.dtype != first.dtype)
    {
        return Err(dynamic_shape(&first.shape, &other.shape));
    }
    let mut data = Buffer::zeroed(first.data.len().saturating_mul(arrays.len()))?;
    if !first.data.is_empty() {
        let places = data.chunks_exact_mut(first.data.len());
        places.zip(arrays).for_each(|(place, array)| place.copy_from_slice(&array.data));
    }
    let mut shape = vec![arrays.len() as u64];
    shape.extend_from_slice(&first.shape);
    Ok((shape, first.dtype, data))
}

/// Zeroed memory for `count` samples of `shape`.
///
/// # Errors
/// `LimitExceeded` when there is not that much memory.
pub(crate) fn room_for(
    count: u64,
    shape: &[u64],
    dtype: Dtype,
    max_sample_bytes: u64,
) -> Result<(usize, Buffer)> {
    let one = sample_bytes(shape, dtype, max_sample_bytes)?;
    let too_much = || {
        Error::new(
            Kind::LimitExceeded,
            format!("{count} samples of shape {shape:?} and dtype {dtype} do not fit into memory"),
        )
        .with_hint("read fewer samples at a time")
    };
    let total = usize::try_from(count).ok().and_then(|count| count.checked_mul(one));
    let room = total.and_then(|total| Buffer::zeroed(total).ok()).ok_or_else(too_much)?;
    Ok((one, room))
}

fn wrong_size(is: u64, needs: usize) -> Error {
    Error::new(Kind::Corrupt, format!("sample has {is} bytes where its shape needs {needs}"))
}

/// Text of a sample.
///
/// # Errors
/// `Corrupt` when it is not UTF-8.
pub(crate) fn text_of(bytes: &Bytes) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Error::new(Kind::Corrupt, "the sample's text is not valid UTF-8"))
}
