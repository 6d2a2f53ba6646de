//! Secrets and their renewal: asked for once, ahead of time, and never shown.
//!
//! Owns when a source is asked; where secrets come from is the source's business, what they are
//! is told in `secrets`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use object_store::CredentialProvider;

use super::error::Refusal;
use super::log;
use super::secrets::{AwsSecret, Secret};
use crate::engine::process::PerProcess;
use crate::error::{Error, Result};

/// Credentials are renewed at most this long before they run out.
const MAX_REFRESH_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Credentials are not used any more when they run out so soon: a request takes a while.
const MAX_USE_MARGIN: Duration = Duration::from_secs(10);

/// How long to wait before a source is asked again: after it failed while the old credentials are
/// good, or when it gives credentials that are out of time by our clock (which may be wrong).
const RETRY_SOURCE: Duration = Duration::from_secs(5);

/// Lives longer than this are as good as endless.
const MAX_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Where secrets come from.
pub trait SecretSource<S = AwsSecret>: Send + Sync {
    /// Fetches the secret; may block. Called off the runtime, by one thread at a time.
    ///
    /// # Errors
    /// Why there is none; the message must not hold a secret.
    fn fetch(&self) -> Result<S>;
}

/// The secret of one source: fetched when first needed, renewed before it runs out, once for all
/// who wait; after a fork, fetched anew.
pub struct CredentialCache<S: Secret = AwsSecret> {
    source: Arc<dyn SecretSource<S>>,
    states: PerProcess<Arc<State<S>>>,
}

/// What one process knows.
struct State<S: Secret> {
    issued: Mutex<Option<Issued<S>>>,
    /// Held while the source is asked.
    asking: Arc<tokio::sync::Mutex<()>>,
    /// How often it was asked.
    fetches: AtomicU64,
}

impl<S: Secret> Default for State<S> {
    fn default() -> Self {
        Self { issued: Mutex::default(), asking: Arc::default(), fetches: AtomicU64::new(0) }
    }
}

/// A secret and its times.
struct Issued<S: Secret> {
    secret: Arc<S::Signer>,
    /// Counts the secrets of this process, from 1.
    generation: u64,
    /// From when on a new one is fetched; `None` = never.
    refresh_at: Option<Instant>,
    /// From when on this one is not used; `None` = never.
    dead_at: Option<Instant>,
    /// Asking the source again because a store refused this one was of no use.
    final_answer: bool,
    /// It was fetched because a store refused the one before.
    after_refusal: bool,
}

// Derived, it would ask for secrets that can be copied.
impl<S: Secret> Clone for Issued<S> {
    fn clone(&self) -> Self {
        Self { secret: Arc::clone(&self.secret), ..*self }
    }
}

impl<S: Secret> Issued<S> {
    fn new(secret: S, generation: u64) -> Self {
        let now = Instant::now();
        let life = secret.expires_unix().and_then(remaining);
        let (refresh_at, dead_at) = match life {
            None => (None, None),
            Some(Duration::ZERO) => (now.checked_add(RETRY_SOURCE), None),
            Some(life) => {
                let ahead = |margin: Duration| now.checked_add(life.saturating_sub(margin));
                (ahead(MAX_REFRESH_AHEAD.min(life / 4)), ahead(MAX_USE_MARGIN.min(life / 10)))
            }
        };
        let secret = Arc::new(secret.into_signer());
        let (final_answer, after_refusal) = (false, false);
        Self { secret, generation, refresh_at, dead_at, final_answer, after_refusal }
    }
}

fn passed(time: Option<Instant>) -> bool {
    time.is_some_and(|time| time <= Instant::now())
}

/// The life left, zero if it is over; nothing when it never ends.
fn remaining(expires_unix: f64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let left = expires_unix - now;
    if left.is_nan() || left >= MAX_LIFE.as_secs_f64() {
        return None;
    }
    Some(Duration::try_from_secs_f64(left.max(0.0)).unwrap_or_default())
}

impl<S: Secret> State<S> {
    fn issued(&self) -> Option<Issued<S>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, issued: Issued<S>) {
        *self.issued.lock().unwrap_or_else(PoisonError::into_inner) = Some(issued);
    }

    fn change(&self, change: impl FnOnce(&mut Issued<S>)) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issued) = issued.as_mut() {
            change(issued);
        }
    }
}

async fn ask<S: Secret>(source: Arc<dyn SecretSource<S>>) -> Result<S> {
    let secret = tokio::task::spawn_blocking(move || source.fetch())
        .await
        .map_err(|error| Error::internal(format!("the credential source broke: {error}")))??;
    secret.check()?;
    Ok(secret)
}

/// Asks the source and keeps what it gives. The caller holds `asking`.
async fn renew<S: Secret>(source: Arc<dyn SecretSource<S>>, state: &State<S>) -> Result<Issued<S>> {
    state.fetches.fetch_add(1, Ordering::Relaxed);
    let secret = ask(source).await?;
    let generation = match state.issued() {
        Some(old) if secret.made(&old.secret) => old.generation,
        Some(old) => old.generation.saturating_add(1),
        None => 1,
    };
    let issued = Issued::new(secret, generation);
    state.set(issued.clone());
    tracing::info!(generation, "credentials fetched");
    Ok(issued)
}

impl<S: Secret> CredentialCache<S> {
    /// A cache before its first fetch.
    pub fn new(source: Arc<dyn SecretSource<S>>) -> Self {
        Self { source, states: PerProcess::new() }
    }

    fn state(&self) -> Result<&Arc<State<S>>> {
        self.states.get_or_try_init(|| Ok(Arc::default()))
    }

    /// The secret to sign with now, and its generation.
    async fn issued(&self) -> Result<Issued<S>> {
        let state = self.state()?;
        if let Some(issued) = state.issued().filter(|issued| !passed(issued.dead_at)) {
            if passed(issued.refresh_at) {
                self.renew_in_background(state);
            }
            return Ok(issued);
        }
        let _asking = state.asking.lock().await;
        match state.issued() {
            Some(issued) if !passed(issued.dead_at) => Ok(issued),
            _ => renew(Arc::clone(&self.source), state).await,
        }
    }

    /// Renews while the old secret is still good; nobody waits, and one attempt runs at a time.
    fn renew_in_background(&self, state: &Arc<State<S>>) {
        let Ok(asking) = Arc::clone(&state.asking).try_lock_owned() else { return };
        let (source, state) = (Arc::clone(&self.source), Arc::clone(state));
        tokio::spawn(async move {
            let _asking = asking;
            if state.issued().is_some_and(|issued| !passed(issued.refresh_at)) {
                return;
            }
            if let Err(error) = renew(source, &state).await {
                tracing::warn!(kind = error.kind().code(), "credentials could not be renewed yet");
                state.change(|issued| {
                    issued.refresh_at = Instant::now().checked_add(RETRY_SOURCE);
                });
            }
        });
    }

    /// How often the source was asked in this process, failures included.
    pub(super) fn fetches(&self) -> u64 {
        self.state().ok().map_or(0, |state| state.fetches.load(Ordering::Relaxed))
    }

    /// The generation that a request sent now is signed with; 0 before the first fetch.
    pub(super) fn generation(&self) -> u64 {
        self.state().ok().and_then(|state| state.issued()).map_or(0, |issued| issued.generation)
    }

    /// Called when a store refused a request signed with `generation`: whether there are other
    /// credentials now, so that one more try makes sense. Asks the source at most once for each
    /// generation.
    ///
    /// # Errors
    /// Why the source gave nothing.
    pub(super) async fn renewed(&self, generation: u64, refusal: Refusal) -> Result<bool> {
        let state = self.state()?;
        let _asking = state.asking.lock().await;
        let Some(old) = state.issued() else { return Ok(false) };
        if old.generation > generation.max(1) {
            return Ok(true);
        }
        // Fresh credentials that are denied something are simply not allowed to do it.
        if old.final_answer || (old.after_refusal && refusal == Refusal::Denied) {
            return Ok(false);
        }
        let new = renew(Arc::clone(&self.source), state).await?;
        let other = new.generation != old.generation;
        state.change(|issued| {
            issued.after_refusal = true;
            issued.final_answer = !other;
        });
        Ok(other)
    }
}

impl<S: Secret> fmt::Debug for CredentialCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Secret> CredentialProvider for CredentialCache<S> {
    type Credential = S::Signer;

    async fn get_credential(&self) -> object_store::Result<Arc<S::Signer>> {
        match self.issued().await {
            Ok(issued) => {
                log::signed(issued.generation);
                Ok(issued.secret)
            }
            Err(error) => {
                Err(object_store::Error::Generic { store: "credentials", source: Box::new(error) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
