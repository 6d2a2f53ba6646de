//! Random numbers that a forked child does not share with its parent.

/// A random number. The generator's state is copied by a fork, the process id is not; mixed in, it
/// keeps ids of parent and child apart.
pub(crate) fn unique_u64() -> u64 {
    rand::random::<u64>() ^ u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
