//! Anonymous mappings, cut into pieces that are unmapped one by one.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};

/// Smaller arrays come from the heap: they gain less than a mapping's calls cost.
pub(super) const MIN_BYTES: usize = 256 << 10;

/// Bytes mapped at once for the arrays of a batch: some twenty photographs.
pub(super) const REGION_BYTES: usize = 32 << 20;

/// What Linux calls a huge page on x86-64; not tried elsewhere.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The size of the others, which mappings are made of.
const PAGE_BYTES: usize = 4096;

/// Whether the system gives huge pages to who asks; else the heap, which is reused, is better.
pub(super) fn huge_pages_are_offered() -> bool {
    // Asked by all at first, rather than behind a lock that a fork could keep.
    static NEVER: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 2;
    match NEVER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
            let offered = setting.is_ok_and(|setting| !setting.contains("[never]"));
            NEVER.store(u8::from(!offered), Ordering::Relaxed);
            offered
        }
        never => never == 0,
    }
}

/// Pages that nobody else maps; unmapped when dropped.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    /// A multiple of the page size.
    bytes: usize,
}

// A mapping is memory with one owner, like that of a Vec.
#[expect(unsafe_code, reason = "raw pointers are neither, whatever they point to")]
// SAFETY: the pages belong to this value alone and to no thread.
unsafe impl Send for Mapping {}
#[expect(unsafe_code, reason = "raw pointers are neither, whatever they point to")]
// SAFETY: a shared mapping gives shared access only (`Pages::deref`).
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Splits after `bytes`, a multiple of the page size and at most the length.
    fn split(self, bytes: usize) -> (Self, Self) {
        let whole = std::mem::ManuallyDrop::new(self);
        let bytes = bytes.min(whole.bytes);
        #[expect(unsafe_code, reason = "the second half begins inside of the mapping")]
        // SAFETY: `bytes` is at most the mapping's length, so that the pointer stays in bounds or
        // one past the end, where a mapping of no bytes begins.
        let second = unsafe { whole.start.add(bytes) };
        (Self { start: whole.start, bytes }, Self { start: second, bytes: whole.bytes - bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let start = self.start.as_ptr().cast();
        #[expect(unsafe_code, reason = "gives the pages back to the system")]
        // SAFETY: the range is page-aligned, was mapped by `Region::map`, belongs to this value
        // alone, and nobody can reach it after this.
        unsafe {
            if libc::munmap(start, self.bytes) != 0 {
                // A hole may need one mapping more than the system allows: then at least the
                // memory goes back, and the addresses stay taken.
                libc::madvise(start, self.bytes, libc::MADV_DONTNEED);
            }
        }
    }
}

/// A mapping that pieces are cut from.
#[derive(Debug)]
pub(super) struct Region(Mapping);

impl Region {
    /// Maps room for `bytes`, aligned so that huge pages fit; `None` when the system refuses.
    pub(super) fn map(bytes: usize) -> Option<Self> {
        let wanted = whole_pages(bytes)?;
        let mapped = wanted.checked_add(HUGE_PAGE_BYTES)?;
        #[expect(unsafe_code, reason = "asks the system for pages")]
        // SAFETY: a new private mapping without a file, at an address that the system chooses,
        // aliases nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        let all = Mapping { start: NonNull::new(start.cast())?, bytes: mapped };
        let to_alignment = all.start.as_ptr().align_offset(HUGE_PAGE_BYTES);
        let (_before, aligned) = all.split(to_alignment);
        let (region, _behind) = aligned.split(wanted);
        #[expect(unsafe_code, reason = "asks for huge pages")]
        // SAFETY: advice about a range that is ours; it changes no content. Refused, the pages
        // are small, and nothing else differs.
        unsafe {
            libc::madvise(region.start.as_ptr().cast(), region.bytes, libc::MADV_HUGEPAGE);
        }
        Some(Self(region))
    }

    /// Cuts `bytes` off; `None` when there is no room for them.
    pub(super) fn cut(&mut self, bytes: usize) -> Option<Pages> {
        let pages = whole_pages(bytes)?;
        if bytes == 0 || pages > self.0.bytes {
            return None;
        }
        let none = Mapping { start: NonNull::dangling(), bytes: 0 };
        let (piece, rest) = std::mem::replace(&mut self.0, none).split(pages);
        self.0 = rest;
        Some(Pages { mapping: piece, bytes })
    }
}

/// A piece of a region: zeros until they are written.
#[derive(Debug)]
pub(super) struct Pages {
    mapping: Mapping,
    /// Used ones; at most those of the mapping.
    bytes: usize,
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "a mapping as a slice")]
        // SAFETY: the mapping holds at least `bytes` readable bytes, initialised to zero by the
        // system, and lives as long as the borrow of `self`.
        unsafe {
            std::slice::from_raw_parts(self.mapping.start.as_ptr(), self.bytes)
        }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        #[expect(unsafe_code, reason = "a mapping as a slice")]
        // SAFETY: as in `deref`; `&mut self` says that nobody else sees the bytes.
        unsafe {
            std::slice::from_raw_parts_mut(self.mapping.start.as_ptr(), self.bytes)
        }
    }
}

/// `bytes` rounded up to whole pages.
fn whole_pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        let mut region = Region::map(3 << 20).unwrap();
        assert_eq!(region.0.start.as_ptr().align_offset(HUGE_PAGE_BYTES), 0);
        let mut pieces = Vec::new();
        while let Some(piece) = region.cut(300_001) {
            pieces.push(piece);
        }
        assert_eq!(pieces.len(), (3 << 20) / whole_pages(300_001).unwrap());
        for pair in pieces.windows(2) {
            let [one, next] = pair else { unreachable!() };
            assert_eq!(one.as_ptr().wrapping_add(one.mapping.bytes), next.as_ptr());
        }
        assert!(region.cut(0).is_none());
    }
}
