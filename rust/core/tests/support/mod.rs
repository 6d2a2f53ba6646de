//! A server of a few lines that can misbehave on purpose, and the wait for a future.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use lakebed_core::Result;
use lakebed_core::engine::{Engine, NeverInterrupted};

/// What the server was asked: the first line and the headers, lower case.
pub(crate) type Request = (String, Vec<String>);

type Log = Arc<Mutex<Vec<Request>>>;

pub(crate) struct Server {
    address: String,
    seen: Log,
}

/// Reads one request, and answers it.
fn serve(log: &Log, mut stream: TcpStream, answer: &dyn Fn(usize, &Request, &mut TcpStream)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.by_ref().lines();
    let Some(Ok(first)) = lines.next() else { return };
    let headers: Vec<String> = lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .map(|line| line.to_lowercase())
        .collect();
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
    let request = (first, headers);
    let number = {
        let mut seen = log.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    answer(number, &request, &mut stream);
}

impl Server {
    /// Answers every request, on a thread of its own, by what `answer` writes, then closes the
    /// connection.
    pub(crate) fn start(
        answer: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (seen, answer) = (Log::default(), Arc::new(answer));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer, stream) =
                    (Arc::clone(&log), Arc::clone(&answer), stream.unwrap());
                std::thread::spawn(move || serve(&log, stream, &*answer));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn reply(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n");
    let length = format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), length.as_bytes(), body].concat()).unwrap();
}

pub(crate) fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Engine::current()?.block_on(future, &NeverInterrupted)
}
