//! Appending a batch: prepare everything, then change the state in one step.

use std::collections::HashMap;

use super::companions;
use super::layout::{Content, Layout};
use super::prepare::{Batch, ColumnInput, Rows, Settle, prepare, settle};
use super::state::{State, Tensor};
use super::{Dataset, Notice, pack};
use crate::engine::{Interrupt, NeverInterrupted};
use crate::error::{Error, Kind, Result, quoted};
use crate::format::TensorMeta;

/// Batches up to this weight are packed in place, under the lock of the state: some 50 ms. Copying
/// the tensors' open chunks would cost small batches more than it gives.
const MAX_WEIGHT_IN_PLACE: u64 = 32 << 20;

/// A tensor's new rows, with everything that changes along with them.
#[derive(Debug)]
struct Prepared<'a> {
    key: String,
    name: String,
    settle: Settle,
    rows: Rows<'a>,
    bounds: Bounds,
    info: Option<Vec<u8>>,
    /// Numbers of the creds keys, for links.
    creds: Vec<u32>,
    used_creds: Vec<String>,
}

/// Elementwise bounds of the shapes of a batch.
#[derive(Debug, Default)]
struct Bounds {
    min: Vec<u64>,
    max: Vec<u64>,
    /// Whether some sample has no shape of its own.
    has_empty: bool,
}

impl Dataset {
    /// Appends a batch to one or more tensors.
    ///
    /// All or nothing: whatever fails, for whichever sample, the dataset stays as it was.
    ///
    /// # Errors
    /// Those of the lowest failing sample, with tensor and future index.
    pub fn extend(&self, batch: Batch<'_>, interrupt: &dyn Interrupt) -> Result<()> {
        let _turn = self.start_change(interrupt)?;
        // What earlier batches left, so that nothing can fail once this one is in.
        self.store_sealed_early(interrupt)?;
        let place = |error: Error| error.at_path(self.path());
        let mut prepared = Vec::new();
        for (name, input) in batch {
            self.prepare_column(&name, input, &mut prepared, interrupt)
                .map_err(|error| place(error.at_tensor(&name)))?;
        }
        for column in &prepared {
            self.load_writing(&column.name, interrupt)
                .map_err(|error| place(error.at_tensor(&column.name)))?;
        }
        if prepared.iter().map(|column| column.rows.weight()).sum::<u64>() > MAX_WEIGHT_IN_PLACE {
            self.apply_apart(prepared, interrupt).map_err(place)?;
        } else {
            let mut state = self.state_mut();
            for column in prepared {
                if let Err(error) = apply(&mut state, column) {
                    // The state is half changed: nothing of it may ever be stored.
                    self.stop_writing(Notice::broken(&error));
                    return Err(place(error));
                }
            }
        }
        Ok(())
    }

    /// Packs a large batch into copies of its tensors, which then take their places in one step:
    /// reads and forks need not wait meanwhile, and Ctrl-C leaves everything as it was.
    fn apply_apart(&self, batch: Vec<Prepared<'_>>, interrupt: &dyn Interrupt) -> Result<()> {
        let mut changed: HashMap<String, Tensor> = HashMap::new();
        let mut used_creds = Vec::new();
        for mut column in batch {
            let key = column.key.clone();
            let (commit, current) = {
                let state = self.state();
                (state.commit.clone(), state.by_key(&key)?.clone())
            };
            used_creds.append(&mut column.used_creds);
            let tensor = changed.entry(key).or_insert(current);
            append_rows(tensor, &commit, column, interrupt)?;
        }
        let mut state = self.state_mut();
        state.tensors.extend(changed);
        state.mark_used(&used_creds);
        Ok(())
    }

    /// Prepares the rows of a tensor and of its companions.
    fn prepare_column<'a>(
        &self,
        name: &str,
        input: ColumnInput<'a>,
        prepared: &mut Vec<Prepared<'a>>,
        interrupt: &dyn Interrupt,
    ) -> Result<()> {
        let (key, mut meta) = {
            let state = self.state();
            let tensor = state.tensor(name)?;
            (tensor.key.clone(), tensor.meta.clone())
        };
        settle(&mut meta, input.settle.clone());
        let layout = Layout::of(&meta)?;
        let max_sample_bytes = self.limits().max_sample_bytes;
        let mut settle = input.settle;
        let (rows, linked, creds, used_creds) = if layout.content == Content::Link {
            let links = self.prepare_links(&meta, input.samples, interrupt)?;
            if let Some(dtype) = links.dtype {
                settle.dtype = Some(dtype.name().to_owned());
                settle.typestr = Some(dtype.typestr().to_owned());
            }
            (links.rows, Some(links.shapes), links.numbers, links.used)
        } else {
            (
                prepare(&meta, &layout, input.samples, max_sample_bytes, interrupt)?,
                None,
                Vec::new(),
                Vec::new(),
            )
        };
        let keeps_shapes =
            meta.links.values().any(|link| link.extend.as_deref() == Some("extend_shape"));
        let bounds = match &linked {
            // The reference learns them from the companion, and keeps none without.
            Some(_) if !keeps_shapes => Bounds::default(),
            Some(shapes) => Bounds::of_links(shapes),
            None => Bounds::of(&rows),
        };
        if layout.content == Content::Link {
            check_creds_room(meta.length, rows.len())?;
        }
        for (companion, link) in &meta.links {
            let function = link.extend.as_deref().unwrap_or("");
            let rows = companions::rows(function, layout.content, &rows, linked.as_deref())?;
            prepared.push(self.companion(companion, function, rows)?);
        }
        let name = name.to_owned();
        let info = input.info;
        prepared.push(Prepared { key, name, settle, rows, bounds, info, creds, used_creds });
        Ok(())
    }

    fn companion<'a>(&self, key: &str, function: &str, rows: Rows<'a>) -> Result<Prepared<'a>> {
        let state = self.state();
        let tensor = state.by_key(key)?;
        check_companion_rank(&tensor.meta, &rows)?;
        let settle = match function {
            "extend_id" => Settle {
                htype: Some("generic".to_owned()),
                dtype: Some("uint64".to_owned()),
                typestr: Some("<u8".to_owned()),
            },
            "extend_info" => Settle::default(),
            _ => Settle {
                htype: Some("generic".to_owned()),
                dtype: Some("int64".to_owned()),
                typestr: None,
            },
        };
        Ok(Prepared {
            key: key.to_owned(),
            name: tensor.name().to_owned(),
            settle,
            bounds: Bounds::of(&rows),
            rows,
            info: None,
            creds: Vec::new(),
            used_creds: Vec::new(),
        })
    }
}

/// The creds index counts links in 32 bits.
fn check_creds_room(length: u64, count: u64) -> Result<()> {
    if length.saturating_add(count) <= u64::from(u32::MAX) {
        return Ok(());
    }
    let message = format!("a tensor of {length} links cannot take {count} more: 2^32 - 1 are all");
    Err(Error::new(Kind::LimitExceeded, message).with_hint("put the others into another tensor"))
}

/// Companions hold vectors, or scalars stored as vectors of one.
fn check_companion_rank(meta: &TensorMeta, rows: &Rows<'_>) -> Result<()> {
    let rank = match rows {
        Rows::Run { shape, .. } => shape.len(),
        Rows::Each(_) => 1,
    };
    if meta.max_shape.is_empty() || meta.max_shape.len() == rank {
        return Ok(());
    }
    let name = meta.name.as_deref().unwrap_or("");
    Err(Error::new(Kind::Corrupt, format!("the companion {} holds no vectors", quoted(name))))
}

/// Changes the state by the rows of one tensor.
fn apply(state: &mut State, column: Prepared<'_>) -> Result<()> {
    state.mark_used(&column.used_creds);
    let commit = state.commit.clone();
    // The caller is not asked: what it calls might wait for the state.
    append_rows(state.by_key_mut(&column.key)?, &commit, column, &NeverInterrupted)
}

impl State {
    fn mark_used(&mut self, creds_keys: &[String]) {
        for key in creds_keys {
            self.dirty.creds |= self.creds.mark_used(key);
        }
    }
}

/// Changes one tensor by its new rows.
fn append_rows(
    tensor: &mut Tensor,
    commit: &str,
    column: Prepared<'_>,
    interrupt: &dyn Interrupt,
) -> Result<()> {
    settle(&mut tensor.meta, column.settle);
    column.bounds.widen(&mut tensor.meta)?;
    pack::append(tensor, commit, &column.rows, interrupt)?;
    let count = column.rows.len();
    tensor.meta.length += count;
    for number in column.creds {
        tensor.creds.push(number, 1)?;
    }
    let writing = tensor.writing_mut()?;
    writing.diff.add_samples(count)?;
    writing.waiting_samples = writing.waiting_samples.saturating_add(count);
    writing.dirty.meta = true;
    writing.dirty.data = true;
    if let Some(info) = column.info {
        writing.info = Some(info);
        writing.dirty.info = true;
        writing.diff.info_updated = true;
    }
    Ok(())
}

impl Bounds {
    fn of(rows: &Rows<'_>) -> Self {
        let mut bounds = Self::default();
        match rows {
            Rows::Run { count: 0, .. } => {}
            Rows::Run { shape, .. } => bounds.add(shape),
            Rows::Each(rows) => {
                for row in rows {
                    match &row.shape {
                        Some(shape) => bounds.add(shape),
                        None => bounds.has_empty = true,
                    }
                }
            }
        }
        bounds
    }

    /// Shapes of linked objects count, but for those with an axis of zero (format 1.5).
    fn of_links(shapes: &[Option<Vec<u32>>]) -> Self {
        let mut bounds = Self::default();
        shapes
            .iter()
            .flatten()
            .filter(|shape| !shape.contains(&0))
            .for_each(|shape| bounds.add(shape));
        bounds
    }

    fn add(&mut self, shape: &[u32]) {
        if self.max.is_empty() {
            self.min = shape.iter().map(|dim| u64::from(*dim)).collect();
            self.max.clone_from(&self.min);
            return;
        }
        for (min, dim) in self.min.iter_mut().zip(shape) {
            *min = (*min).min(u64::from(*dim));
        }
        for (max, dim) in self.max.iter_mut().zip(shape) {
            *max = (*max).max(u64::from(*dim));
        }
    }

    /// Widens a tensor's bounds by the batch. Samples that are empty for want of a rank count as
    /// zeros as soon as there is one (format 2.2).
    fn widen(&self, meta: &mut TensorMeta) -> Result<()> {
        let had_only_empty = meta.max_shape.is_empty() && meta.length > 0 && !meta.is_link;
        if !self.max.is_empty() {
            meta.update_bounds(&self.min)?;
            meta.update_bounds(&self.max)?;
        }
        if had_only_empty || self.has_empty {
            let zeros = vec![0; meta.max_shape.len()];
            if !zeros.is_empty() {
                meta.update_bounds(&zeros)?;
            }
        }
        Ok(())
    }
}
