//! How many requests a web server gets at once: most are not made for what object stores are.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use reqwest::Url;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::fork::Mutex;
use crate::engine::process::PerProcess;
use crate::error::{Error, Result};

/// One request's place at its host, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// Hosts in use, each with the number of requests that it may get.
type Hosts = Mutex<HashMap<(String, usize), Arc<Semaphore>>>;

/// A forked child counts its own requests: nobody would give back those of its parent.
static HOSTS: PerProcess<Hosts> = PerProcess::new();

/// Waits until fewer than `most` requests of this process are under way at the URL's host.
///
/// # Errors
/// [`crate::Kind::Internal`] when the count was closed, which nobody does.
pub(super) async fn wait_for_slot(url: &Url, most: usize) -> Result<Slot> {
    let permit = semaphore_of(url, most.clamp(1, Semaphore::MAX_PERMITS)).acquire_owned().await;
    let permit = permit.map_err(|_| Error::internal("the slots of a host were closed"))?;
    Ok(Slot { _permit: permit })
}

fn semaphore_of(url: &Url, most: usize) -> Arc<Semaphore> {
    let host = url.host_str().unwrap_or_default();
    let host = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
    let hosts = HOSTS.get_or_init(|| Mutex::new(HashMap::new()));
    let mut hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = hosts.get(&(host.clone(), most)) {
        return Arc::clone(known);
    }
    // Those that nobody uses now, so that a million hosts do not stay.
    hosts.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
    Arc::clone(hosts.entry((host, most)).or_insert_with(|| Arc::new(Semaphore::new(most))))
}
