//! RTSP 1.0 messages (RFC 2326) as a client sees them: responses and interleaved packets read,
//! requests written. All limits hold before anything is allocated.

use std::fmt::Write as _;

use ocelli_core::StageError;

/// The most bytes of a message's lines.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most bytes of a message's body: a description of the stream.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a whole message.
pub(super) const MESSAGE_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;

/// What a camera sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Response(Response),
    /// A request of the camera's own: none is served.
    Request {
        cseq: Option<u32>,
    },
    /// A packet on an interleaved channel (10.12).
    Frame {
        channel: u8,
        packet: &'a [u8],
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in whatever case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All headers of this name.
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &str> + use<'_> {
        let name = name.to_ascii_lowercase();
        self.headers
            .iter()
            .filter(move |(have, _)| have.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn cseq(&self) -> Option<u32> {
        self.header("CSeq")?.parse().ok()
    }
}

/// What is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("what answers is not an RTSP server")]
    NotRtsp,
    #[error("an answer with more than {HEAD_BYTES_MAX} bytes of headers")]
    HeadTooLong,
    #[error("an answer with a body of more than {BODY_BYTES_MAX} bytes")]
    BodyTooLong,
}

impl From<Malformed> for StageError {
    fn from(malformed: Malformed) -> Self {
        Self::Rejected(malformed.to_string())
    }
}

/// The first message of `input` and the bytes it takes; `None` asks for more bytes. Bytes that are
/// only a line end are taken with it.
pub(super) fn first(input: &[u8]) -> Result<Option<(Message<'_>, usize)>, Malformed> {
    let empty = input
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let message = match &input[empty..] {
        [] => None,
        [b'$', rest @ ..] => frame(rest).map(|(frame, taken)| (frame, taken + 1)),
        [byte, ..] if byte.is_ascii_uppercase() => text(&input[empty..])?,
        _ => return Err(Malformed::NotRtsp),
    };
    Ok(message.map(|(message, taken)| (message, empty + taken)))
}

fn frame(after_dollar: &[u8]) -> Option<(Message<'_>, usize)> {
    let [channel, high, low, rest @ ..] = after_dollar else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let packet = rest.get(..length)?;
    let frame = Message::Frame {
        channel: *channel,
        packet,
    };
    Some((frame, 3 + length))
}

fn text(input: &[u8]) -> Result<Option<(Message<'_>, usize)>, Malformed> {
    let Some(head_bytes) = head_end(&input[..input.len().min(HEAD_BYTES_MAX)]) else {
        return if input.len() < HEAD_BYTES_MAX {
            Ok(None)
        } else {
            Err(Malformed::HeadTooLong)
        };
    };
    let head = String::from_utf8_lossy(&input[..head_bytes]);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split_ascii_whitespace();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    };
    let body_bytes = match header("Content-Length") {
        None => 0,
        Some(value) => value
            .parse()
            .ok()
            .filter(|&bytes| bytes <= BODY_BYTES_MAX)
            .ok_or(Malformed::BodyTooLong)?,
    };
    let end = head_bytes + body_bytes;
    let first_word = words.next().unwrap_or_default();
    let is_response = first_word.starts_with("RTSP/");
    if !is_response
        && !words
            .next_back()
            .is_some_and(|last| last.starts_with("RTSP/"))
    {
        return Err(Malformed::NotRtsp);
    }
    let Some(body) = input.get(head_bytes..end) else {
        return Ok(None);
    };
    if !is_response {
        let cseq = header("CSeq").and_then(|value| value.parse().ok());
        return Ok(Some((Message::Request { cseq }, end)));
    }
    let status = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or(Malformed::NotRtsp)?;
    let response = Response {
        status,
        headers,
        body: body.to_vec(),
    };
    Ok(Some((Message::Response(response), end)))
}

/// Where the empty line ends.
fn head_end(head: &[u8]) -> Option<usize> {
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

/// Writes a request. Line ends in `headers` would be an injection; there are none in what is written
/// here, and they are left out of what comes from a camera.
pub(super) fn request(method: &str, uri: &str, cseq: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!(
        "{method} {uri} RTSP/1.0\r\nCSeq: {cseq}\r\nUser-Agent: ocelli/{}\r\n",
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in headers {
        let value: String = value.chars().filter(|char| !char.is_control()).collect();
        // Writing to a string does not fail.
        _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Refuses a camera's own request.
pub(super) fn refusal(cseq: Option<u32>) -> Vec<u8> {
    let mut text = "RTSP/1.0 501 Not Implemented\r\n".to_owned();
    if let Some(cseq) = cseq {
        // Writing to a string does not fail.
        _ = write!(text, "CSeq: {cseq}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_and_packets_in_pieces_of_any_size() {
        let all = b"\r\nRTSP/1.0 200 OK\r\ncseq: 7\r\nno colon\r\nX: a: b\r\nContent-Length: 4\r\n\r\nv=0\n\
            $\x01\x00\x02\xaa\xbbRTSP/1.0 404 Not Found\nCSeq:8\n\n\
            OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\n\r\n";
        for cut in 0..all.len() {
            let (mut input, mut found) = (all[..cut].to_vec(), Vec::new());
            for part in [&[][..], &all[cut..]] {
                input.extend_from_slice(part);
                while let Some((message, taken)) = first(&input).unwrap() {
                    found.push(format!("{message:?}"));
                    input.drain(..taken);
                }
            }
            assert!(input.is_empty(), "cut at {cut}");
            assert_eq!(found.len(), 4, "{found:?}");
        }
        let Some((Message::Response(response), _)) = first(all).unwrap() else {
            panic!("a response comes first");
        };
        assert_eq!((response.status, response.cseq()), (200, Some(7)));
        assert_eq!(response.header("x"), Some("a: b"));
        assert_eq!(response.body, b"v=0\n");
    }

    #[test]
    fn limits_hold_before_the_bytes_come() {
        let endless = [b"RTSP/1.0 200 OK\r\n".to_vec(), vec![b'A'; HEAD_BYTES_MAX]].concat();
        assert_eq!(first(&endless), Err(Malformed::HeadTooLong));
        for length in ["65537", "99999999999999999999", "-1", "x"] {
            let long = format!("RTSP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n");
            assert_eq!(
                first(long.as_bytes()),
                Err(Malformed::BodyTooLong),
                "{length}"
            );
        }
        let allowed = format!("RTSP/1.0 200 OK\r\nContent-Length: {BODY_BYTES_MAX}\r\n\r\n");
        assert_eq!(first(allowed.as_bytes()), Ok(None));
        for other in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            b"SSH-2.0-server\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"RTSP/1.0 OK\r\n\r\n",
        ] {
            assert_eq!(first(other), Err(Malformed::NotRtsp));
        }
    }

    #[test]
    fn requests_hold_no_line_end_of_others() {
        let bytes = request("PLAY", "rtsp://h/", 3, &[("Session", "1\r\nX: 2")]);
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\nSession: 1X: 2\r\n\r\n"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(
            start in proptest::sample::select(vec!["", "$", "RTSP/1.0 200 OK\r\n", "RTSP/1.0 200 OK\r\nContent-Length: "]),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        ) {
            let bytes = [start.as_bytes(), &bytes].concat();
            if let Ok(Some((_, taken))) = first(&bytes) {
                proptest::prop_assert!(taken > 0 && taken <= bytes.len());
            }
        }
    }
}
