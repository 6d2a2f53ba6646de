//! The http clients of this process, shared by all its stores.
//!
//! A client keeps open connections that tasks of the runtime serve, so a forked child has clients
//! of its own; stores look them up at every request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use super::counters::Counters;
use super::http::{Addresses, Resolver};
use crate::engine::fork;
use crate::engine::process::PerProcess;
use crate::error::Error;

/// A server that does not even accept the connection in this time is taken as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reply, or the next part of it, may be awaited.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Unused connections are closed before servers do it (they wait 20 s or more), as a request sent
/// on a connection that the server is closing fails.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// An upload may take its idle time and as long as this speed needs.
const MIN_UPLOAD_BYTES_PER_S: u64 = 64 * 1024;

/// Reads of stores: the time between two parts of a reply is bounded.
static READ: PerProcess<Client> = PerProcess::new();

/// Requests with a body, whose reply comes only after the upload.
static UPLOAD: PerProcess<Client> = PerProcess::new();

/// Reads of linked URLs, which may lead only to some addresses: to public ones, to private ones
/// too, to all.
static PUBLIC_LINKS: PerProcess<Client> = PerProcess::new();
static PRIVATE_LINKS: PerProcess<Client> = PerProcess::new();
static ANY_LINKS: PerProcess<Client> = PerProcess::new();

/// This process's client of a kind, built at its first use: reading the system's certificates
/// takes a while.
fn client(
    kind: &'static PerProcess<Client>,
    configure: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<&'static Client, Error> {
    kind.get_or_try_init(|| {
        // The libraries below set themselves up here, once a process.
        let _no_fork = fork::enter();
        let base = Client::builder()
            .user_agent(concat!("lakebed/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .redirect(Policy::none())
            // Many connections carry bulk data better than one multiplexed one.
            .http1_only();
        configure(base).build().map_err(|error| {
            Error::internal(format!("no http client could be made: {}", innermost(&error)))
        })
    })
}

/// The client for linked URLs that may lead to these addresses.
pub(super) fn links(allowed: Addresses) -> Result<&'static Client, Error> {
    let kind = match allowed {
        Addresses::Public => &PUBLIC_LINKS,
        Addresses::Private => &PRIVATE_LINKS,
        Addresses::Any => &ANY_LINKS,
    };
    client(kind, |base| {
        let base = base.read_timeout(IDLE_TIMEOUT).dns_resolver(Resolver(allowed));
        // A proxy would connect in our place, to addresses that nobody here sees.
        if allowed == Addresses::Public { base.no_proxy() } else { base }
    })
}

/// The last cause of an error: the plainest sentence, and one without URLs.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// What `object_store` sends its requests by: counts them and hands them to this process's client.
#[derive(Clone)]
pub(super) struct Wire {
    counters: Arc<Counters>,
}

impl Wire {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.counters.request();
        let length = request.body().content_length() as u64;
        let failed = |error| HttpError::new(HttpErrorKind::Unknown, error);
        if length == 0 {
            let read = client(&READ, |base| base.read_timeout(IDLE_TIMEOUT)).map_err(failed)?;
            return read.call(request).await;
        }
        let upload = client(&UPLOAD, |base| base).map_err(failed)?;
        let allowed = IDLE_TIMEOUT + Duration::from_secs(length / MIN_UPLOAD_BYTES_PER_S);
        let reply = tokio::time::timeout(allowed, upload.call(request)).await;
        reply.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
    }
}
