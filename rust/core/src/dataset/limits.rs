//! How much a dataset may take at once; what users can set, with its defaults.

use crate::codec::DEFAULT_MAX_DECODED_BYTES;
use crate::error::{Result, Setting};
use crate::fetch;
use crate::storage::{Incoming, Store};

/// Few enough for a web server of somebody else's, which may block who asks too much.
const DEFAULT_MAX_REQUESTS_PER_HOST: usize = 16;

/// The limits of one handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way, and the bytes that they hold.
    pub fetch: fetch::Limits,
    /// Bytes of one decoded sample, and of one linked object.
    pub max_sample_bytes: u64,
    /// Requests of this process to one web server at the same time.
    pub max_requests_per_host: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch: fetch::Limits::default(),
            max_sample_bytes: DEFAULT_MAX_DECODED_BYTES as u64,
            max_requests_per_host: DEFAULT_MAX_REQUESTS_PER_HOST,
        }
    }
}

impl Limits {
    /// Bytes of one chunk, stored or decompressed. It may hold one sample as large as a sample may
    /// be, or many that together are more.
    pub(crate) fn max_chunk_bytes(&self) -> u64 {
        self.max_sample_bytes.max(self.fetch.max_bytes_in_flight)
    }

    /// The setting that [`Self::max_chunk_bytes`] comes from.
    pub(crate) fn chunk_setting(&self) -> Setting {
        if self.max_sample_bytes >= self.fetch.max_bytes_in_flight {
            Setting::MaxSampleBytes
        } else {
            Setting::MaxBytesInFlight
        }
    }

    /// Asks for a chunk, and refuses one that is too large before its body comes.
    ///
    /// # Errors
    /// `LimitExceeded`, and those of the store.
    pub(crate) async fn open_chunk(&self, store: &Store, key: &str) -> Result<Incoming> {
        let incoming = store.open_read(key).await?;
        incoming.within(self.max_chunk_bytes(), self.chunk_setting())
    }
}
