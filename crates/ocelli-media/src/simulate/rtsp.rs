//! RTSP 1.0 messages (RFC 2326): requests read, responses written.

use std::fmt::Write as _;

use bytes::{Buf as _, BytesMut};

/// The most bytes of a request's lines.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most bytes of a request's body, which is read and left aside.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;

/// What a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Request(Request),
    /// A frame on an interleaved channel: the client's RTCP. Its bytes are left aside.
    Frame,
}

/// A request, without its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) version: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The first header of this name, in whatever case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The sequence number, as far as it is one.
    pub(super) fn cseq(&self) -> Option<u32> {
        self.header("CSeq")?.parse().ok()
    }
}

/// The client sent something that is not RTSP; there is no way to find the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RTSP request")]
pub(super) struct Malformed;

/// Reads one connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Bytes of a body or a frame that are still to be left aside.
    skip: usize,
}

impl Reader {
    /// Takes the next whole message off the front of `input`; `None` asks for more bytes.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
        let skipped = self.skip.min(input.len());
        input.advance(skipped);
        self.skip -= skipped;
        if self.skip > 0 {
            return Ok(None);
        }
        while let Some(b'\r' | b'\n') = input.first() {
            input.advance(1);
        }
        match input.first() {
            None => Ok(None),
            Some(b'$') => Ok(self.take_frame(input)),
            Some(_) => self.take_request(input),
        }
    }

    fn take_frame(&mut self, input: &mut BytesMut) -> Option<Incoming> {
        let length = input.get(2..4)?;
        self.skip = usize::from(u16::from_be_bytes([length[0], length[1]]));
        input.advance(4);
        Some(Incoming::Frame)
    }

    fn take_request(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
        let first_is_method = input[0].is_ascii_uppercase();
        let Some(end) = find_end(&input[..input.len().min(HEAD_BYTES_MAX)]) else {
            return if first_is_method && input.len() < HEAD_BYTES_MAX {
                Ok(None)
            } else {
                Err(Malformed)
            };
        };
        let head = input.split_to(end);
        let request = std::str::from_utf8(&head)
            .ok()
            .and_then(parse)
            .ok_or(Malformed)?;
        let body_bytes = match request.header("Content-Length") {
            None => 0,
            Some(text) => text
                .parse()
                .ok()
                .filter(|&n| n <= BODY_BYTES_MAX)
                .ok_or(Malformed)?,
        };
        self.skip = body_bytes;
        Ok(Some(Incoming::Request(request)))
    }
}

/// Where the empty line ends.
fn find_end(head: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (at, &byte) in head.iter().enumerate() {
        if byte == b'\n' {
            if matches!(head[line_start..at], [] | [b'\r']) {
                return Some(at + 1);
            }
            line_start = at + 1;
        }
    }
    None
}

fn parse(head: &str) -> Option<Request> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split_ascii_whitespace();
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("RTSP/") {
        return None;
    }
    let mut headers = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Some(Request {
        method: method.to_owned(),
        uri: uri.to_owned(),
        version: version.to_owned(),
        headers,
    })
}

/// A response that is being written.
#[derive(Debug)]
pub(super) struct Response {
    head: String,
}

impl Response {
    /// Starts one with its status and the request's sequence number.
    pub(super) fn new(status: u16, cseq: Option<u32>) -> Self {
        let mut head = format!("RTSP/1.0 {status} {}\r\n", reason(status));
        if let Some(cseq) = cseq {
            head.push_str("CSeq: ");
            head.push_str(&cseq.to_string());
            head.push_str("\r\n");
        }
        Self { head }.header(
            "Server",
            concat!("ocelli-simulate/", env!("CARGO_PKG_VERSION")),
        )
    }

    /// Adds a header. Neither may contain a line end.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        debug_assert!(!value.contains(['\r', '\n']));
        // Writing to a string does not fail.
        _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// The whole response without a body.
    pub(super) fn bytes(mut self) -> Vec<u8> {
        self.head.push_str("\r\n");
        self.head.into_bytes()
    }

    /// The whole response with `body`.
    pub(super) fn bytes_with(self, kind: &str, body: &str) -> Vec<u8> {
        let length = body.len().to_string();
        let mut bytes = self
            .header("Content-Type", kind)
            .header("Content-Length", &length)
            .bytes();
        bytes.extend(body.as_bytes());
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        453 => "Not Enough Bandwidth",
        454 => "Session Not Found",
        455 => "Method Not Valid in This State",
        459 => "Aggregate Operation Not Allowed",
        461 => "Unsupported Transport",
        501 => "Not Implemented",
        505 => "RTSP Version Not Supported",
        551 => "Option Not Supported",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages of `bytes` when they arrive `step` at a time.
    fn read(bytes: &[u8], step: usize) -> Result<Vec<Incoming>, Malformed> {
        let (mut reader, mut input, mut messages) =
            (Reader::default(), BytesMut::new(), Vec::new());
        for chunk in bytes.chunks(step) {
            input.extend_from_slice(chunk);
            while let Some(message) = reader.take(&mut input)? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    #[test]
    fn requests_and_frames_in_pieces_of_any_size() {
        let bytes = b"\r\nOPTIONS * RTSP/1.0\r\ncseq: 7\r\nX: a: b \r\n\r\n$\x01\x00\x02\r\n\
            GET_PARAMETER rtsp://h/cam/1 RTSP/1.0\nCSeq:8\nContent-Length: 5\n\nabcde\
            $\x00\x00\x00TEARDOWN rtsp://h/ RTSP/1.0\r\n\r\n";
        for step in 1..bytes.len() {
            let messages = read(bytes, step).unwrap();
            assert_eq!(messages.len(), 5, "step {step}");
            let Incoming::Request(options) = &messages[0] else {
                panic!("{messages:?}");
            };
            assert_eq!(options.method, "OPTIONS");
            assert_eq!(options.uri, "*");
            assert_eq!(options.cseq(), Some(7));
            assert_eq!(options.header("x"), Some("a: b"));
            assert_eq!(messages[1], Incoming::Frame);
            assert!(matches!(&messages[2], Incoming::Request(r) if r.method == "GET_PARAMETER"));
            assert_eq!(messages[3], Incoming::Frame);
            assert!(matches!(&messages[4], Incoming::Request(r) if r.cseq().is_none()));
        }
    }

    #[test]
    fn garbage_and_excess_are_refused() {
        for bytes in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"PLAY\r\n\r\n",
            b"PLAY a b RTSP/1.0\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nno colon\r\n\r\n",
            b"PLAY \xff\xfe RTSP/1.0\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
            &[b'A'; HEAD_BYTES_MAX],
        ] {
            assert_eq!(read(bytes, 100), Err(Malformed));
        }
        assert_eq!(read(&[b'A'; HEAD_BYTES_MAX - 1], 100), Ok(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            drop(read(&bytes, 7));
        }
    }
}
