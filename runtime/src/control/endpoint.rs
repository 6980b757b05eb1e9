//! The job's control endpoint: HTTP on loopback, a thread for each of a few connections.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use spt_format::{Error, Result};

use super::guard::Guard;
use super::http::{Refusal, Response, read_request, write_response};
use super::operations::Operations;
use super::routes::Routes;
use super::under_way::UnderWay;
use crate::config::Configuration;
use crate::job::JobControl;

/// Connections at once; a further one is turned away.
const MAX_CONNECTIONS: usize = 32;
/// How long the end of a job waits for those who have not fetched the outcome of their request.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Where an endpoint listens and whom it lets in.
#[derive(Debug, Clone, Default)]
pub struct EndpointOptions {
    /// The first free port of this range; 0 is any.
    pub ports: (u16, u16),
    /// The token that every request must bear.
    pub token: Option<String>,
}

/// A control endpoint that listens. Dropping it ends it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    operations: Operations,
    under_way: Arc<UnderWay>,
    closing: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens for requests to this job.
    ///
    /// # Errors
    /// If no port of the range is free.
    pub fn open(
        job: Arc<dyn JobControl>,
        configuration: Configuration,
        options: EndpointOptions,
    ) -> Result<Self> {
        let listener = listen(options.ports)?;
        let address = listener.local_addr().map_err(|error| Error::io("listen", "127.0.0.1", error))?;
        let (operations, under_way) = (Operations::default(), Arc::<UnderWay>::default());
        let server = Arc::new(Server {
            guard: Guard { port: address.port(), token: options.token },
            routes: Routes { job, configuration, operations: operations.clone() },
            connections: AtomicUsize::new(0),
            under_way: Arc::clone(&under_way),
        });
        let closing = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closing);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || server.accept(&listener, &stop))
            .map_err(|error| Error::io("start a thread", "control", error))?;
        Ok(Self { address, operations, under_way, closing, listener: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it once everyone has the outcome of their request, or after a few seconds.
    pub fn close(self) {
        self.operations.settle(LAST_ANSWERS);
        self.under_way.settle(LAST_ANSWERS);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // Wakes the listener, which looks at the flag.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

fn listen((first, last): (u16, u16)) -> Result<TcpListener> {
    let mut failure = None;
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Some(error),
        }
    }
    let place = format!("127.0.0.1, ports {first} to {last}");
    let cause = failure.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
    Err(Error::new(spt_format::ErrorKind::Io { action: "listen" }, place).caused_by(cause))
}

struct Server {
    guard: Guard,
    routes: Routes,
    connections: AtomicUsize,
    under_way: Arc<UnderWay>,
}

impl Server {
    fn accept(self: &Arc<Self>, listener: &TcpListener, closing: &AtomicBool) {
        while !closing.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                // Out of file descriptors, for instance: it passes.
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream) {
        if self.connections.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
            self.connections.fetch_sub(1, Ordering::AcqRel);
            let full = Refusal(503, format!("more than {MAX_CONNECTIONS} connections"));
            let _ = write_response(&stream, &full.into());
            return;
        }
        let server = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("connection".to_owned()).spawn(move || {
            let connection = Connection { server: &server };
            connection.serve(&stream);
        });
        if spawned.is_err() {
            self.connections.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Answers the request of a connection; whether there was one and the answer has gone out.
    fn answer(&self, stream: &TcpStream) -> bool {
        let request = read_request(stream);
        let _under_way = self.under_way.begin();
        let answered = match request {
            Ok(None) => return false,
            Ok(Some(request)) => self.guard.check(&request).and_then(|()| self.routes.answer(&request)),
            Err(refusal) => Err(refusal),
        };
        write_response(stream, &answered.unwrap_or_else(Response::from)).is_ok()
    }
}

/// One of the few connections; it is over when dropped, also by a panic.
struct Connection<'a> {
    server: &'a Server,
}

impl Connection<'_> {
    fn serve(&self, stream: &TcpStream) {
        if self.server.answer(stream) {
            drain(stream);
        }
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.server.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Closing a connection with unread bytes resets it, and the answer with it: they are read first, some of them.
fn drain(mut stream: &TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let mut left = [0; 4096];
    for _ in 0..64 {
        match stream.read(&mut left) {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
}
