//! The bytes that may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Budgets are counted in this unit, so that 4 TiB fit into the semaphore's 32-bit requests.
const UNIT_BYTES: u64 = 1024;

/// The right of one job to take a part of the bytes in flight.
///
/// A job holds one [`Permit`] at a time: jobs that held a part while they wait for another could
/// wait for each other for ever.
#[derive(Debug)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: u32,
    held: Arc<AtomicBool>,
}

/// Bytes taken from a [`Budget`], given back when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _units: OwnedSemaphorePermit,
    held: Arc<AtomicBool>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.held.store(false, Ordering::Release);
    }
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let total = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, most);
        Self { units: Arc::new(Semaphore::new(total as usize)), total, held: Arc::default() }
    }

    /// Another job's right to the same bytes.
    pub(super) fn share(&self) -> Self {
        Self { units: Arc::clone(&self.units), total: self.total, held: Arc::default() }
    }

    /// Waits until so many bytes are free. A request for more than the whole budget takes all of
    /// it. Whoever came first is served first.
    ///
    /// # Errors
    /// [`crate::Kind::Internal`] when the job holds a permit already.
    pub async fn acquire(&self, bytes: u64) -> Result<Permit> {
        if self.held.load(Ordering::Acquire) {
            return Err(Error::internal("a job asked for bytes while it holds some"));
        }
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.total);
        let permit = Arc::clone(&self.units).acquire_many_owned(units).await;
        let units = permit.map_err(|_| Error::internal("the byte budget was closed"))?;
        self.held.store(true, Ordering::Release);
        Ok(Permit { _units: units, held: Arc::clone(&self.held) })
    }
}
