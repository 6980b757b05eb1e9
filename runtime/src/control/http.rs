//! As much of HTTP/1.1 as a control endpoint needs: one request a connection, a bounded head and body.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes of the request line and the headers.
const MAX_HEAD_BYTES: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// Bytes of a body; the largest request there is holds two paths.
const MAX_BODY_BYTES: usize = 64 << 10;
/// From the connection to the last byte of its request, and for each write of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// `GET`.
    pub(super) method: String,
    /// Decoded, without the query: `/v1/jobs/overview`.
    pub(super) path: String,
    /// What follows the `?`, as it stands.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// Why there is no request: the status that says so, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) u16, pub(super) String);

impl Request {
    /// The only value of this header.
    ///
    /// # Errors
    /// A refusal if it is there twice: which one counts would be a guess.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values =
            self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            _ => Err(Refusal(400, format!("header {name} is there twice"))),
        }
    }

    /// The value of this parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(found, _)| *found == name)
            .map(|pair| pair.1)
    }
}

/// Reads a request. `None`: the other side connected and said nothing.
pub(super) fn read_request(stream: &TcpStream) -> Result<Option<Request>, Refusal> {
    let mut reader = BufReader::new(Patient { stream, until: Instant::now() + PATIENCE });
    let head = read_head(&mut reader)?;
    if head.is_empty() {
        return Ok(None);
    }
    let mut request = parse_head(&head)?;
    request.body = read_body(&request, &mut reader)?;
    Ok(Some(request))
}

/// Writes an answer, and that the connection ends with it.
pub(super) fn write_response(mut stream: &TcpStream, response: &Response) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\n{}\r\n",
        response.status,
        reason(response.status),
        response.content_type,
        response.body.len(),
        if response.status == 401 { "www-authenticate: Bearer\r\n" } else { "" },
    )
    .into_bytes();
    bytes.extend_from_slice(&response.body);
    stream.write_all(&bytes)?;
    stream.shutdown(std::net::Shutdown::Write)
}

/// Gives up at one instant for the whole request: a timeout per read could be fed byte by byte.
struct Patient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// Everything up to and including the empty line.
fn read_head(reader: &mut impl BufRead) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    loop {
        let line_at = head.len();
        let allowed = (MAX_HEAD_BYTES + 1 - head.len()) as u64;
        reader.by_ref().take(allowed).read_until(b'\n', &mut head).map_err(slow)?;
        if head.len() > MAX_HEAD_BYTES {
            return Err(Refusal(431, format!("the head is longer than {MAX_HEAD_BYTES} bytes")));
        }
        match head.get(line_at..) {
            Some(b"\r\n" | b"\n") if line_at > 0 => return Ok(head),
            Some(line) if line.ends_with(b"\n") => {}
            _ if head.is_empty() => return Ok(head),
            _ => return Err(Refusal(400, "the request ends in its head".to_owned())),
        }
    }
}

fn parse_head(head: &[u8]) -> Result<Request, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let whole = parsed.parse(head).map_err(|error| Refusal(400, format!("no HTTP request: {error}")))?;
    let (Some(method), Some(target), true) = (parsed.method, parsed.path, whole.is_complete()) else {
        return Err(Refusal(400, "no HTTP request".to_owned()));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = |value: &[u8]| {
        let text =
            std::str::from_utf8(value).map_err(|_| Refusal(400, "a header is not UTF-8".to_owned()))?;
        Ok(text.trim().to_owned())
    };
    let pairs =
        parsed.headers.iter().map(|header| Ok((header.name.to_ascii_lowercase(), text(header.value)?)));
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: pairs.collect::<Result<_, _>>()?,
        body: Vec::new(),
    })
}

fn read_body(request: &Request, reader: &mut impl Read) -> Result<Vec<u8>, Refusal> {
    if request.header("transfer-encoding")?.is_some() {
        return Err(Refusal(411, "a body needs a content-length".to_owned()));
    }
    let length: usize = match request.header("content-length")? {
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().unwrap_or(usize::MAX),
        Some(text) => return Err(Refusal(400, format!("content-length is {text:?}"))),
        None => 0,
    };
    if length > MAX_BODY_BYTES {
        return Err(Refusal(413, format!("the body is longer than {MAX_BODY_BYTES} bytes")));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(slow)?;
    Ok(body)
}

fn slow(error: std::io::Error) -> Refusal {
    Refusal(408, format!("the request did not arrive: {error}"))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
