//! Packing rows into the chunks of a tensor (format 4.2).
//!
//! The last chunk takes samples while it stays under half of the tensor's largest chunk; then it
//! is sealed and a new one begins. A stored chunk is never changed in place: with its first new
//! sample it takes a fresh name, and the old one goes after the next publish.

use bytes::Bytes;

use super::prepare::Rows;
use super::state::{Tail, Tensor};
use crate::codec::lz4;
use crate::engine::{Interrupt, interrupted};
use crate::error::{Error, Result};
use crate::format::limits::MAX_CHUNK_DATA_BYTES;
use crate::format::{ChunkBuilder, ChunkId};

/// `max_chunk_size` of tensors that state none (format 4.1).
const DEFAULT_MAX_CHUNK_BYTES: u64 = 16_000_000;
/// Assumed ratio of lz4: a chunk that is compressed as a whole is filled by this much more.
const LZ4_FILL: u64 = 2;

/// Appends rows to the open end of a tensor.
///
/// # Errors
/// `Interrupted`, and those of a defect: rows were checked when they were prepared.
pub(crate) fn append(
    tensor: &mut Tensor,
    commit: &str,
    rows: &Rows<'_>,
    interrupt: &dyn Interrupt,
) -> Result<()> {
    let lz4 = tensor.meta.chunk_compression.as_deref() == Some("lz4");
    let max = tensor.meta.max_chunk_size.unwrap_or(DEFAULT_MAX_CHUNK_BYTES);
    let limit = if lz4 { max / 2 * LZ4_FILL } else { max / 2 }.min(MAX_CHUNK_DATA_BYTES);
    let ndim = Some(tensor.meta.max_shape.len()).filter(|ndim| *ndim > 0);
    let mut packer = Packer { tensor, commit, lz4, limit, interrupt };
    match rows {
        Rows::Run { shape, sample_bytes, count, data } => {
            packer.push_run(shape, *sample_bytes, *count, data)
        }
        Rows::Each(rows) => rows.iter().try_for_each(|row| {
            let bytes = &row.bytes;
            match &row.shape {
                Some(shape) => {
                    packer.room_for(bytes.len() as u64)?;
                    packer.open()?.builder.push(shape, bytes)?;
                }
                None => {
                    packer.room_for(0)?;
                    packer.open()?.builder.push_none(ndim)?;
                }
            }
            packer.count(1)
        }),
    }
}

struct Packer<'t> {
    tensor: &'t mut Tensor,
    commit: &'t str,
    lz4: bool,
    /// Data bytes over which a chunk takes no further sample.
    limit: u64,
    /// Asked before a chunk is sealed, which takes milliseconds.
    interrupt: &'t dyn Interrupt,
}

impl Packer<'_> {
    fn push_run(&mut self, shape: &[u32], size: usize, count: u64, data: &[u8]) -> Result<()> {
        let mut rest = data;
        let mut left = count;
        while left > 0 {
            self.room_for(size as u64)?;
            let used = self.open()?.builder.data_bytes();
            let room = self.limit.saturating_sub(used).checked_div(size as u64).unwrap_or(left);
            let fits = room.min(self.open()?.builder.room_samples()).clamp(1, left);
            let bytes = usize::try_from(fits).ok().and_then(|fits| fits.checked_mul(size));
            let (now, after) = bytes
                .and_then(|bytes| rest.split_at_checked(bytes))
                .ok_or_else(|| Error::internal("a run has less data than samples"))?;
            self.open()?.builder.push_run(shape, fits, now)?;
            self.count(fits)?;
            rest = after;
            left -= fits;
        }
        Ok(())
    }

    /// Seals the open chunk when it has no room for `bytes`, and makes sure that there is one.
    fn room_for(&mut self, bytes: u64) -> Result<()> {
        let limit = self.limit;
        let writing = self.tensor.writing_mut()?;
        let full = writing.tail.as_ref().is_some_and(|tail| {
            let used = tail.builder.data_bytes();
            let is_long = used > 0 && bytes > 0 && used.saturating_add(bytes) > limit;
            is_long || tail.builder.is_full()
        });
        if full {
            if self.interrupt.stop_requested() {
                return Err(interrupted());
            }
            self.seal()?;
        }
        self.rename_stored()
    }

    /// Closes the open chunk; what is stored already stays as it is.
    fn seal(&mut self) -> Result<()> {
        let lz4 = self.lz4;
        let writing = self.tensor.writing_mut()?;
        if let Some(tail) = writing.tail.take()
            && !tail.stored
        {
            writing.sealed.insert(tail.id, chunk_file(&tail.builder, lz4));
        }
        Ok(())
    }

    /// Gives the open chunk a name that storage does not have yet.
    fn rename_stored(&mut self) -> Result<()> {
        let old = match &self.tensor.writing_mut()?.tail {
            Some(tail) if !tail.stored => return Ok(()),
            Some(tail) => Some(tail.id),
            None => None,
        };
        let old = old.map(|id| self.tensor.chunk_key(self.commit, id).map(|key| (id, key)));
        let old = old.transpose()?;
        let id = self.fresh_id();
        if let Some(own) = self.tensor.history.as_mut().and_then(|history| history.own.as_mut()) {
            own.insert(id);
            if let Some((old, _)) = &old {
                own.remove(*old);
            }
        }
        let renamed = old.is_some();
        let writing = self.tensor.writing_mut()?;
        match (&mut writing.tail, old) {
            (Some(tail), Some((_, key))) => {
                writing.obsolete.push(key);
                tail.id = id;
                tail.stored = false;
            }
            (tail, _) => *tail = Some(Tail { id, builder: ChunkBuilder::new(), stored: false }),
        }
        if renamed {
            self.tensor.chunk_ids.set_last_id(id);
        }
        Ok(())
    }

    fn fresh_id(&self) -> ChunkId {
        loop {
            let id = ChunkId::random();
            if !self.tensor.chunk_ids.rows().iter().any(|row| row.id == id) {
                return id;
            }
        }
    }

    fn open(&mut self) -> Result<&mut Tail> {
        let tail = self.tensor.writing_mut()?.tail.as_mut();
        tail.ok_or_else(|| Error::internal("no chunk is open"))
    }

    /// Adds `count` samples of the open chunk to the chunk index.
    fn count(&mut self, count: u64) -> Result<()> {
        let id = self.open()?.id;
        match self.tensor.chunk_ids.rows().last() {
            Some(last) if last.id == id => self.tensor.chunk_ids.grow_last(count)?,
            _ => self.tensor.chunk_ids.push_chunk(id, count)?,
        }
        Ok(())
    }
}

/// The bytes of a chunk's file.
pub(crate) fn chunk_file(builder: &ChunkBuilder, lz4: bool) -> Bytes {
    let file = if lz4 {
        builder.to_bytes(&lz4::compress(builder.data()))
    } else {
        builder.to_bytes(builder.data())
    };
    Bytes::from(file)
}
