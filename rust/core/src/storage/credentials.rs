//! Secrets and their renewal: asked for once, ahead of time, and never shown.
//!
//! Owns when a source is asked; where secrets come from is the source's business.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

use super::error::Refusal;
use crate::engine::process::PerProcess;
use crate::error::{Error, Kind, Result};

/// Credentials are renewed at most this long before they run out.
const MAX_REFRESH_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Credentials are not used any more when they run out so soon: a request takes a while.
const MAX_USE_MARGIN: Duration = Duration::from_secs(10);

/// How long to wait before a source is asked again: after it failed while the old credentials are
/// good, or when it gives credentials that are out of time by our clock (which may be wrong).
const RETRY_SOURCE: Duration = Duration::from_secs(5);

/// Lives longer than this are as good as endless.
const MAX_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// An AWS access key with its secret. Has no `Debug` that shows them.
#[derive(Clone, PartialEq)]
pub struct AwsSecret {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// When they run out, in seconds since 1970; `None` = never, or unknown.
    pub expires_unix: Option<f64>,
}

/// Whether a text can stand in the header that signs a request.
pub(super) fn fits_header(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

impl AwsSecret {
    /// Refuses what cannot be signed with: a line break, say, that came along when a key was copied.
    fn check(self) -> Result<Self> {
        let token = self.session_token.as_deref().unwrap_or_default();
        let what = if !fits_header(&self.access_key) {
            "access key id"
        } else if self.secret_key.contains(char::is_control) {
            "secret access key"
        } else if !fits_header(token) {
            "session token"
        } else {
            return Ok(self);
        };
        let message = format!("the {what} has a line break or another character that no key has");
        Err(Error::new(Kind::Authentication, message)
            .with_hint("check how it was copied: often there is a line break at its end"))
    }
}

impl fmt::Debug for AwsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecret").finish_non_exhaustive()
    }
}

/// Where secrets come from.
pub trait SecretSource: Send + Sync {
    /// Fetches the secret; may block. Called off the runtime, by one thread at a time.
    ///
    /// # Errors
    /// Why there is none; the message must not hold a secret.
    fn fetch(&self) -> Result<AwsSecret>;
}

/// The secret of one source: fetched when first needed, renewed before it runs out, once for all
/// who wait; after a fork, fetched anew.
pub struct CredentialCache {
    source: Arc<dyn SecretSource>,
    states: PerProcess<Arc<State>>,
}

/// What one process knows.
#[derive(Default)]
struct State {
    issued: Mutex<Option<Issued>>,
    /// Held while the source is asked.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// A secret and its times.
#[derive(Clone)]
struct Issued {
    secret: Arc<AwsCredential>,
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

impl Issued {
    fn new(secret: AwsSecret, generation: u64) -> Self {
        let now = Instant::now();
        let life = secret.expires_unix.and_then(remaining);
        let (refresh_at, dead_at) = match life {
            None => (None, None),
            Some(Duration::ZERO) => (now.checked_add(RETRY_SOURCE), None),
            Some(life) => {
                let ahead = |margin: Duration| now.checked_add(life.saturating_sub(margin));
                (ahead(MAX_REFRESH_AHEAD.min(life / 4)), ahead(MAX_USE_MARGIN.min(life / 10)))
            }
        };
        let secret = Arc::new(AwsCredential {
            key_id: secret.access_key,
            secret_key: secret.secret_key,
            token: secret.session_token,
        });
        let (final_answer, after_refusal) = (false, false);
        Self { secret, generation, refresh_at, dead_at, final_answer, after_refusal }
    }

    fn same_secret(&self, other: &AwsSecret) -> bool {
        self.secret.key_id == other.access_key
            && self.secret.secret_key == other.secret_key
            && self.secret.token == other.session_token
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

impl State {
    fn issued(&self) -> Option<Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, issued: Issued) {
        *self.issued.lock().unwrap_or_else(PoisonError::into_inner) = Some(issued);
    }

    fn change(&self, change: impl FnOnce(&mut Issued)) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issued) = issued.as_mut() {
            change(issued);
        }
    }
}

async fn ask(source: Arc<dyn SecretSource>) -> Result<AwsSecret> {
    tokio::task::spawn_blocking(move || source.fetch())
        .await
        .map_err(|error| Error::internal(format!("the credential source broke: {error}")))?
        .and_then(AwsSecret::check)
}

/// Asks the source and keeps what it gives. The caller holds `asking`.
async fn renew(source: Arc<dyn SecretSource>, state: &State) -> Result<Issued> {
    let secret = ask(source).await?;
    let generation = match state.issued() {
        Some(old) if old.same_secret(&secret) => old.generation,
        Some(old) => old.generation.saturating_add(1),
        None => 1,
    };
    let issued = Issued::new(secret, generation);
    state.set(issued.clone());
    Ok(issued)
}

impl CredentialCache {
    /// A cache before its first fetch.
    pub fn new(source: Arc<dyn SecretSource>) -> Self {
        Self { source, states: PerProcess::new() }
    }

    fn state(&self) -> Result<&Arc<State>> {
        self.states.get_or_try_init(|| Ok(Arc::default()))
    }

    /// The secret to sign with now, and its generation.
    async fn issued(&self) -> Result<Issued> {
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
    fn renew_in_background(&self, state: &Arc<State>) {
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

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialProvider for CredentialCache {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.issued().await {
            Ok(issued) => Ok(issued.secret),
            Err(error) => {
                Err(object_store::Error::Generic { store: "credentials", source: Box::new(error) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
