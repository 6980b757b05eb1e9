//! Lines of text from a server.

use std::io::Read;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::records::Records;
use super::{Poll, Source, SourceReader};
use crate::error::{Error, Result};
use crate::job::{Subtask, note};
use crate::operators::Out;

/// Tries to connect before the source is said not to be there.
const ATTEMPTS: u32 = 10;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(500);
/// For one of them.
const PATIENCE: Duration = Duration::from_secs(3);
/// How soon a silent connection is looked at again.
const SILENCE: Duration = Duration::from_millis(2);
/// Bytes read between two polls of the runtime.
const CHUNK_BYTES: usize = 64 << 10;

/// Lines that a server sends, by one subtask.
///
/// Not replayable: what had been sent before a failure is not sent again, and a line whose end has not arrived
/// when a savepoint is taken is not in it.
#[derive(Debug, Clone)]
pub struct SocketText {
    address: String,
    attempts: u32,
    pause: Duration,
}

impl SocketText {
    /// From the server at this `host:port`.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), attempts: ATTEMPTS, pause: PAUSE }
    }

    /// How often, and after which pauses, to try to connect.
    #[must_use]
    pub fn retry(mut self, attempts: u32, pause: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.pause = pause;
        self
    }

    fn connect(&self) -> Result<TcpStream> {
        let mut failure = None;
        for attempt in 0..self.attempts {
            if attempt > 0 {
                std::thread::sleep(self.pause);
            }
            match self.try_connect() {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Some(error),
            }
        }
        let what = format!("no server at {} after {} attempts", self.address, self.attempts);
        let error = Error::failed(what);
        Err(match failure {
            Some(cause) => error.caused_by(cause),
            None => error,
        })
    }

    fn try_connect(&self) -> std::io::Result<TcpStream> {
        let mut failure = std::io::ErrorKind::AddrNotAvailable.into();
        for address in self.address.to_socket_addrs()? {
            match connect(address) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Source for SocketText {
    type Item = String;
    type Split = ();
    type Reader = SocketReader;

    fn name(&self) -> &'static str {
        "socket"
    }

    fn is_replayable(&self) -> bool {
        false
    }

    fn parallelism(&self) -> Option<u32> {
        Some(1)
    }

    /// A connection has no parts and no position.
    fn splits(&self, _: u32) -> Result<Vec<()>> {
        Ok(Vec::new())
    }

    fn reader(&self, _: &Subtask, _: Vec<()>) -> Result<SocketReader> {
        let stream = self.connect()?;
        Ok(SocketReader {
            stream,
            address: self.address.clone(),
            lines: Records::default(),
            chunk: vec![0; CHUNK_BYTES],
        })
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct SocketReader {
    stream: TcpStream,
    address: String,
    lines: Records,
    chunk: Vec<u8>,
}

impl SocketReader {
    /// Emits whole lines that have arrived, as many as there is room for.
    fn take(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        self.lines.take(out.room(), |line| emit(line, out))?;
        self.lines.check()?;
        Ok(Poll::Ready)
    }
}

impl SourceReader for SocketReader {
    type Item = String;
    type Split = ();

    fn poll(&mut self, out: &mut Out<'_, String>) -> Result<Poll> {
        if self.lines.has_more() {
            return self.take(out);
        }
        match self.stream.read(&mut self.chunk) {
            Ok(0) => {
                note(&format!("{} closed the connection: that is the end of the input", self.address));
                self.lines.take_rest(|line| emit(line, out))?;
                Ok(Poll::End)
            }
            Ok(read) => {
                self.lines.push(self.chunk.get(..read).unwrap_or_default());
                self.take(out)
            }
            Err(error) if is_silence(error.kind()) => Ok(Poll::Idle(SILENCE)),
            Err(error) => {
                Err(Error::failed(format!("the connection to {} broke", self.address)).caused_by(error))
            }
        }
    }

    fn splits(&self) -> Vec<()> {
        Vec::new()
    }
}

/// Bytes that are no UTF-8 become U+FFFD, as in Java.
fn emit(line: &[u8], out: &mut Out<'_, String>) -> Result<()> {
    out.emit(&*String::from_utf8_lossy(line));
    Ok(())
}

fn is_silence(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}
