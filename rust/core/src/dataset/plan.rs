//! From sample indices to chunk reads.
//!
//! Consecutive indices in one chunk become one run, so that a scan costs per run and not per
//! sample; runs of one chunk become one job, so that no chunk is fetched twice in a call.

use std::collections::HashMap;
use std::ops::Range;

use super::state::Tensor;
use crate::error::{Error, Kind, Result};
use crate::format::ChunkId;

/// Consecutive samples of one chunk that land in consecutive output slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Number of the run, in slot order.
    pub(crate) id: usize,
    /// First output position.
    pub(crate) slot: u64,
    /// First index inside the chunk.
    pub(crate) local: u64,
    pub(crate) count: u64,
}

/// All runs of one chunk.
#[derive(Debug)]
pub(crate) struct ChunkRuns {
    pub(crate) chunk: ChunkId,
    /// Global indices of the samples in the chunk.
    pub(crate) samples: Range<u64>,
    pub(crate) runs: Vec<Run>,
}

/// What a read has to touch.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In order of the first slot they serve.
    pub(crate) chunks: Vec<ChunkRuns>,
    /// Samples in each run, by run id.
    pub(crate) run_counts: Vec<u64>,
}

/// Plans a read of `index`, in its order, repeats allowed.
///
/// # Errors
/// `IndexOutOfRange`, and `Unsupported` for tiled samples.
pub(crate) fn plan(tensor: &Tensor, index: &[u64]) -> Result<Plan> {
    let tiles = &tensor.history()?.tiles;
    let length = tensor.chunk_ids.num_samples();
    let mut plan = Plan { chunks: Vec::new(), run_counts: Vec::new() };
    let mut by_chunk: HashMap<ChunkId, usize> = HashMap::new();
    let mut current: Option<(usize, Range<u64>, Run)> = None;
    for (slot, &global) in (0_u64..).zip(index) {
        if let Some((_, samples, run)) = &mut current
            && samples.contains(&global)
            && global - samples.start == run.local + run.count
            && tiles.is_empty()
        {
            run.count += 1;
            continue;
        }
        plan.close(current.take());
        if global >= length {
            return Err(out_of_range(global, length).at_index(global));
        }
        let found = tensor.chunk_ids.locate(global).ok_or_else(|| {
            Error::new(Kind::Corrupt, "the chunk index does not cover the sample").at_index(global)
        })?;
        if found.tiles > 1 || tiles.get(global).is_some() {
            return Err(Error::unsupported("samples that are cut into tiles").at_index(global));
        }
        let samples = found.first..found.last + 1;
        let at = *by_chunk.entry(found.id).or_insert_with(|| {
            plan.chunks.push(ChunkRuns {
                chunk: found.id,
                samples: samples.clone(),
                runs: Vec::new(),
            });
            plan.chunks.len() - 1
        });
        let id = plan.run_counts.len();
        plan.run_counts.push(0);
        current =
            Some((at, samples.clone(), Run { id, slot, local: global - samples.start, count: 1 }));
    }
    plan.close(current);
    Ok(plan)
}

impl Plan {
    fn close(&mut self, open: Option<(usize, Range<u64>, Run)>) {
        let Some((at, _, run)) = open else { return };
        if let Some(count) = self.run_counts.get_mut(run.id) {
            *count = run.count;
        }
        if let Some(chunk) = self.chunks.get_mut(at) {
            chunk.runs.push(run);
        }
    }
}

fn out_of_range(index: u64, length: u64) -> Error {
    Error::new(
        Kind::IndexOutOfRange,
        format!("index {index} is out of range: the tensor has {length} samples"),
    )
}
