//! The http clients of this process, shared by all its stores, and what sends a store's requests.
//!
//! A client keeps open connections that tasks of the runtime serve, so a forked child has clients
//! of its own; stores look them up at every request. Requests that fail are tried again here (see
//! `retry`), one by one: of a long listing only the page that failed.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use reqwest::header::{CONTENT_LENGTH, DATE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, StatusCode};

use super::access::Tls;
use super::counters::Counters;
use super::error::Detail;
use super::hopeless::{Optional, judge};
use super::http::{Addresses, Resolver};
use super::log::Asked;
use super::retry::{Attempts, Patience, Setback, asked_wait};
use super::{listing, reply};
use crate::engine::fork;
use crate::engine::process::PerProcess;
use crate::error::{Error, Kind};

/// A server that does not even accept the connection in this time is taken as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Unused connections are closed before servers do it (they wait 20 s or more), as a request sent
/// on a connection that the server is closing fails.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// An upload may take its idle time and as long as this speed needs.
const MIN_UPLOAD_BYTES_PER_S: u64 = 64 * 1024;

/// Where S3 says which region a bucket is in.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// What a client is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    /// Reads of stores: the time between two parts of a reply is bounded.
    Read,
    /// Requests with a body, whose reply comes only after the upload.
    Upload,
    /// Reads of linked URLs, which may lead only to these addresses.
    Links(Addresses),
}

/// The clients by use, by whose certificates they trust, and by how long they wait.
type Clients = fork::Mutex<HashMap<(Use, Tls, Duration), Client>>;

static CLIENTS: PerProcess<Clients> = PerProcess::new();

/// This process's client of a kind, built at its first use: reading the system's certificates
/// takes a while.
fn client(usage: Use, tls: &Tls) -> Result<Client, Error> {
    let clients = CLIENTS.get_or_try_init(|| Ok::<_, Error>(fork::Mutex::new(HashMap::new())))?;
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = Patience::current().idle;
    let key = (usage, tls.clone(), idle);
    if let Some(client) = clients.get(&key) {
        return Ok(client.clone());
    }
    let client = build(usage, tls, idle)?;
    clients.insert(key, client.clone());
    Ok(client)
}

fn build(usage: Use, tls: &Tls, idle: Duration) -> Result<Client, Error> {
    // The libraries below set themselves up here, once a process.
    let _no_fork = fork::enter();
    let mut builder = Client::builder()
        .user_agent(concat!("lakebed/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT.min(idle))
        .pool_idle_timeout(POOL_IDLE)
        .redirect(Policy::none())
        // Many connections carry bulk data better than one multiplexed one.
        .http1_only();
    builder = match usage {
        Use::Read => builder.read_timeout(idle),
        Use::Upload => builder,
        Use::Links(allowed) => {
            let builder = builder.read_timeout(idle).dns_resolver(Resolver(allowed));
            // A proxy would connect in our place, to addresses that nobody here sees.
            if allowed == Addresses::Public { builder.no_proxy() } else { builder }
        }
    };
    if let Some(path) = &tls.ca_bundle {
        builder = builder.tls_certs_only(certificates(path)?);
    }
    if !tls.verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    builder.build().map_err(|error| {
        Error::internal(format!("no http client could be made: {}", innermost(&error)))
    })
}

/// The authorities in a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let shown = path.display();
    let refuse = |why: String| {
        Error::new(Kind::InvalidInput, format!("the CA bundle {shown} cannot be used: {why}"))
    };
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| refuse(innermost(&error)))?;
    if found.is_empty() {
        return Err(refuse("it holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

/// The client for linked URLs that may lead to these addresses.
pub(super) fn links(allowed: Addresses) -> Result<Client, Error> {
    client(Use::Links(allowed), &Tls::default())
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
    tls: Arc<Tls>,
    counters: Arc<Counters>,
    region: Arc<fork::Mutex<Option<String>>>,
}

impl Wire {
    /// # Errors
    /// [`Kind::InvalidInput`] when the CA bundle cannot be used.
    pub(super) fn new(tls: &Tls, counters: Arc<Counters>) -> Result<Self, Error> {
        if let Some(path) = &tls.ca_bundle {
            certificates(path)?;
        }
        let region = Arc::new(fork::Mutex::new(None));
        Ok(Self { tls: Arc::new(tls.clone()), counters, region })
    }

    /// The region that the last refusal named in its header, once.
    pub(super) fn take_region(&self) -> Option<String> {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note_region(&self, reply: &HttpResponse) {
        let status = reply.status();
        if !(status.is_redirection() || status == StatusCode::BAD_REQUEST) {
            return;
        }
        let named = reply.headers().get(REGION_HEADER).and_then(|value| value.to_str().ok());
        if let Some(region) = named {
            *self.region.lock().unwrap_or_else(PoisonError::into_inner) = Some(region.to_owned());
        }
    }

    /// Sends a request, counts it and tells of it.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.counters.request();
        let asked = Asked::new(request.method(), request.uri(), request.body().content_length());
        let reply = self.pass_on(request).await;
        if let Some(asked) = asked {
            let size = |reply: &HttpResponse| {
                reply.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
            };
            let head = |reply: &HttpResponse| (reply.status().as_u16(), size(reply));
            asked.heard(reply.as_ref().map(head).map_err(|error| error as _));
        }
        reply
    }

    async fn pass_on(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let length = request.body().content_length() as u64;
        let failed = |error| HttpError::new(HttpErrorKind::Unknown, error);
        if length == 0 {
            return client(Use::Read, &self.tls).map_err(failed)?.call(request).await;
        }
        let upload = client(Use::Upload, &self.tls).map_err(failed)?;
        let allowed =
            Patience::current().idle + Duration::from_secs(length / MIN_UPLOAD_BYTES_PER_S);
        let reply = tokio::time::timeout(allowed, upload.call(request)).await;
        reply.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
    }

    /// One request. Its reply is whole, but for the body of an object, which comes as it is read.
    async fn attempt(
        &self,
        request: HttpRequest,
        attempts: &Arc<Attempts>,
    ) -> Result<HttpResponse, Failure> {
        let is_list = is_list(&request);
        let is_object = request.method() == Method::GET && !is_list;
        let used = Optional::of(&request);
        let reply = judge(used, self.send(request).await)?;
        self.note_region(&reply);
        if reply.status().is_success() && is_object {
            let attempts = Arc::clone(attempts);
            return Ok(reply.map(|body| {
                let watched = body.map_frame(move |frame| {
                    attempts.progressed();
                    frame
                });
                HttpResponseBody::new(watched)
            }));
        }
        let (head, body) = reply.into_parts();
        let body = body.bytes().await?;
        if head.status.is_success() {
            let is_deletion = used == Some(Optional::BatchDelete);
            if let Some(detail) = is_deletion.then(|| reply::partly(&body)).flatten() {
                return Err(Failure::Passing(Setback::Refused(None), detail));
            }
            let body = if is_list { listing::protect(body) } else { body };
            return Ok(HttpResponse::from_parts(head, body.into()));
        }
        if let Some(detail) = reply::passing(head.status.as_u16(), &body) {
            let asked = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let asked = asked.and_then(|value| asked_wait(value, SystemTime::now()));
            return Err(Failure::Passing(Setback::Refused(asked), detail));
        }
        let date = head.headers.get(DATE).and_then(|value| value.to_str().ok());
        if let Some(skew) = reply::skew(&body, date, SystemTime::now()) {
            return Err(Failure::Final(HttpError::new(HttpErrorKind::Unknown, skew)));
        }
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

/// Why one request failed.
enum Failure {
    /// Another one may do better.
    Passing(Setback, Detail),
    /// Trying again makes no sense.
    Final(HttpError),
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let setback = match error.kind() {
            HttpErrorKind::Connect => Setback::Unreached,
            HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Request => {
                Setback::Lost
            }
            _ => return Self::Final(error),
        };
        Self::Passing(setback, reply::transport_detail(&error))
    }
}

fn is_list(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|part| part == "list-type=2")
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
        let attempts = request.extensions().get::<Arc<Attempts>>().cloned().unwrap_or_default();
        let gave_up = |detail| HttpError::new(HttpErrorKind::Unknown, attempts.gave_up(detail));
        // Then `object_store` continues a body that broke off: its head is nothing new.
        let continues = attempts.has_begun();
        if continues {
            self.counters.retry();
            if !attempts.may_continue() {
                return Err(gave_up(Detail::new("the reply broke off again and again")));
            }
        }
        loop {
            attempts.sending();
            let (setback, detail) = match self.attempt(request.clone(), &attempts).await {
                Ok(reply) => {
                    if !continues {
                        attempts.progressed();
                    }
                    return Ok(reply);
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(setback, detail)) => (setback, detail),
            };
            let Some(wait) = attempts.wait(setback) else { return Err(gave_up(detail)) };
            tokio::time::sleep(wait).await;
            self.counters.retry();
        }
    }
}
