//! Memory that decoded samples are handed out in, and used again.
//!
//! Fresh memory is not free: the first touch of its pages takes up to a fourth of the time that
//! decoding a photograph into them does. Whoever reads batch after batch drops about as much as the
//! next one needs, so large arrays go back to a small store of such memory rather than to the
//! system.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use crate::engine::fork::Mutex;
use crate::error::{Error, Kind, Result};

/// Smaller arrays come from the allocator, which uses their memory again by itself.
const MIN_BYTES: usize = 256 << 10;

/// Bytes that wait at most: what a batch of some hundred photographs takes, and a fourth of what
/// chunks in memory may take.
const MAX_WAITING_BYTES: usize = 512 << 20;

/// Memory that waits is taken for arrays that use at least this part of it.
const LEAST_USE: usize = 2;

static WAITING: Mutex<Waiting> = Mutex::new(Waiting { buffers: Vec::new(), bytes: 0 });

#[derive(Debug)]
struct Waiting {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Waiting {
    /// The tightest memory for `bytes`.
    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let fits = |capacity: usize| capacity >= bytes && capacity / LEAST_USE <= bytes;
        let (at, _) = self
            .buffers
            .iter()
            .map(Vec::capacity)
            .enumerate()
            .filter(|(_, capacity)| fits(*capacity))
            .min_by_key(|(_, capacity)| *capacity)?;
        let found = self.buffers.swap_remove(at);
        self.bytes -= found.capacity();
        Some(found)
    }

    /// Keeps `memory`, or gives it back where enough waits already.
    fn keep(&mut self, memory: Vec<u8>) -> Option<Vec<u8>> {
        if self.bytes + memory.capacity() > MAX_WAITING_BYTES {
            return Some(memory);
        }
        self.bytes += memory.capacity();
        self.buffers.push(memory);
        None
    }
}

/// Bytes with one owner, whose memory is used again when it is dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// So many zeros.
    ///
    /// # Errors
    /// `LimitExceeded` when the system has no such memory.
    pub fn zeroed(bytes: usize) -> Result<Self> {
        if let Some(mut memory) = waiting(bytes) {
            memory.clear();
            memory.resize(bytes, 0);
            return Ok(Self(memory));
        }
        // Asks first, since a failed allocation of `vec!` ends the process.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
            Error::new(Kind::LimitExceeded, format!("there is no memory for {bytes} bytes"))
                .with_hint("read fewer samples at a time")
        })?;
        Ok(Self(vec![0; bytes]))
    }

    /// So many bytes for who is about to write all of them: they may be those of an array that is
    /// gone.
    ///
    /// # Errors
    /// As [`Buffer::zeroed`].
    pub fn to_fill(bytes: usize) -> Result<Self> {
        match waiting(bytes) {
            Some(mut memory) => {
                memory.resize(bytes, 0);
                Ok(Self(memory))
            }
            None => Self::zeroed(bytes),
        }
    }
}

/// Memory for `bytes` that waits, with what was in it.
fn waiting(bytes: usize) -> Option<Vec<u8>> {
    if bytes < MIN_BYTES {
        return None;
    }
    WAITING.lock().unwrap_or_else(PoisonError::into_inner).take(bytes)
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.0);
        if memory.capacity() >= MIN_BYTES {
            // What is not kept is freed behind the lock.
            let freed = WAITING.lock().unwrap_or_else(PoisonError::into_inner).keep(memory);
            drop(freed);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_waits_is_taken_by_who_can_use_most_of_it() {
        let mut waiting = Waiting { buffers: Vec::new(), bytes: 0 };
        for capacity in [3 << 20, 1 << 20, 2 << 20] {
            assert!(waiting.keep(Vec::with_capacity(capacity)).is_none());
        }
        assert_eq!(waiting.bytes, 6 << 20);
        assert_eq!(waiting.take((1 << 20) + 1).unwrap().capacity(), 2 << 20);
        assert!(waiting.take(4 << 20).is_none(), "none is so large");
        assert!(waiting.take(400 << 10).is_none(), "none is so small");
        assert_eq!(waiting.take(1 << 20).unwrap().capacity(), 1 << 20);
        assert_eq!(waiting.bytes, 3 << 20);
    }

    #[test]
    fn no_more_waits_than_is_stated() {
        let mut waiting = Waiting { buffers: Vec::new(), bytes: 0 };
        let one = MAX_WAITING_BYTES / 4;
        let refused = (0..6).filter_map(|_| waiting.keep(Vec::with_capacity(one))).count();
        assert_eq!((refused, waiting.bytes), (2, 4 * one));
    }

    #[test]
    fn buffers_have_the_length_asked_for_whatever_was_there_before() {
        for bytes in [0, 1, MIN_BYTES, (1 << 20) + 1, 1 << 20, MIN_BYTES + 7, 1_500_000] {
            let mut buffer = Buffer::to_fill(bytes).unwrap();
            assert_eq!(buffer.len(), bytes);
            buffer.fill(7);
            assert!(Buffer::zeroed(bytes).unwrap().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn what_no_system_has_is_refused() {
        for refused in [Buffer::zeroed(usize::MAX / 2), Buffer::to_fill(usize::MAX / 2)] {
            assert_eq!(refused.unwrap_err().kind(), Kind::LimitExceeded);
        }
    }
}
