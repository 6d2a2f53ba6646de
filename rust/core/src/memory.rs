//! Memory that decoded samples are handed out in.
//!
//! Fresh memory is not free: the first touch of its pages of 4 KiB takes a fourth of the time that
//! decoding a photograph into them does. So large arrays lie in mappings for which Linux is asked
//! for pages of 2 MiB, which takes a sixth of that. A batch of images shares such mappings, and
//! each array still gives its own pages back when it is dropped, whatever the others do.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::error::{Error, Kind, Result};

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pages;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use pages::{Pages, Region};

/// Zeroed bytes with one owner, from the heap or from pages of their own.
pub struct Buffer(Repr);

enum Repr {
    Heap(Vec<u8>),
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Pages(Pages),
}

impl Buffer {
    /// So many zeros, in huge pages where that helps.
    ///
    /// # Errors
    /// `LimitExceeded` when the system has no such memory.
    pub fn zeroed(bytes: usize) -> Result<Self> {
        Slab::new().zeroed(bytes)
    }

    fn on_heap(bytes: usize) -> Result<Self> {
        // Asks first, since a failed allocation of `vec!` ends the process.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| no_memory(bytes))?;
        Ok(Self(Repr::Heap(vec![0; bytes])))
    }
}

/// Where the arrays of one read are cut from; dropped, what was not handed out goes back.
#[derive(Debug, Default)]
pub struct Slab {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    rest: std::sync::Mutex<Option<Region>>,
}

impl Slab {
    /// Nothing is taken yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many zeros.
    ///
    /// # Errors
    /// `LimitExceeded` when the system has no such memory.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub fn zeroed(&self, bytes: usize) -> Result<Buffer> {
        if bytes < pages::MIN_BYTES || !pages::huge_pages_are_offered() {
            return Buffer::on_heap(bytes);
        }
        let pages = if bytes >= pages::REGION_BYTES / 2 {
            Region::map(bytes).and_then(|mut own| own.cut(bytes))
        } else {
            let mut rest = self.rest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match rest.as_mut().and_then(|region| region.cut(bytes)) {
                Some(pages) => Some(pages),
                None => {
                    *rest = Region::map(pages::REGION_BYTES);
                    rest.as_mut().and_then(|region| region.cut(bytes))
                }
            }
        };
        pages.map(|pages| Buffer(Repr::Pages(pages))).ok_or_else(|| no_memory(bytes))
    }

    /// So many zeros.
    ///
    /// # Errors
    /// `LimitExceeded` when the system has no such memory.
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    pub fn zeroed(&self, bytes: usize) -> Result<Buffer> {
        Buffer::on_heap(bytes)
    }
}

fn no_memory(bytes: usize) -> Error {
    Error::new(Kind::LimitExceeded, format!("there is no memory for {bytes} bytes"))
        .with_hint("read fewer samples at a time")
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Heap(bytes) => bytes,
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Repr::Pages(pages) => pages,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Repr::Heap(bytes) => bytes,
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Repr::Pages(pages) => pages,
        }
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Heap(bytes))
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        self.to_vec().into()
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
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
    fn buffers_of_every_size_are_zeros_that_can_be_written() {
        let slab = Slab::new();
        for bytes in [0, 1, 4096, 300_000, 1_500_000, 5 << 20, 40 << 20] {
            let mut buffer = slab.zeroed(bytes).unwrap();
            assert_eq!(buffer.len(), bytes);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(7);
            assert!(buffer.iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn neighbours_keep_their_bytes_when_others_are_dropped() {
        let slab = Slab::new();
        let mut kept = Vec::new();
        for number in 0..200_u8 {
            let mut buffer = slab.zeroed(700_001 + usize::from(number)).unwrap();
            buffer.fill(number);
            if number % 3 == 0 {
                kept.push((number, buffer));
            }
        }
        drop(slab);
        for (number, buffer) in kept {
            assert!(buffer.iter().all(|byte| *byte == number), "{number}");
        }
    }

    #[test]
    fn threads_share_a_slab() {
        let slab = Slab::new();
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let slab = &slab;
                scope.spawn(move || {
                    let mut held: Vec<Buffer> =
                        (0..40).map(|_| slab.zeroed(900_000).unwrap()).collect();
                    held.iter_mut().for_each(|buffer| buffer.fill(thread));
                    assert!(held.iter().all(|buffer| buffer.iter().all(|byte| *byte == thread)));
                });
            }
        });
    }

    #[test]
    fn what_no_system_has_is_refused() {
        let error = Buffer::zeroed(usize::MAX / 2).unwrap_err();
        assert_eq!(error.kind(), Kind::LimitExceeded);
    }
}
