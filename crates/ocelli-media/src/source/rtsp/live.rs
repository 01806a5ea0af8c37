//! A session that plays.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ocelli_core::{StageError, seam::SourceItem};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    time::{Instant, Sleep},
};

use super::{
    connection::Connection,
    message::{self, MESSAGE_BYTES_MAX, Malformed, Message, Response},
    receiver::Receiver,
    udp::{Received, UdpPair},
};

/// Without a picture for this long a camera has failed.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The longest time from one look at the clock to the next.
const TICK_MAX: Duration = Duration::from_secs(5);
/// The longest time without a word to the camera: routers on the way forget as well.
const QUIET_MAX: Duration = Duration::from_secs(30);
/// Bytes that are read at a time. A message and what comes with it fit.
const READ_BYTES: usize = 128 * 1024;
const _: () = assert!(READ_BYTES > MESSAGE_BYTES_MAX && READ_BYTES > 65_535 + 4);

thread_local! {
    /// Bytes are read here and taken out again in one go: a stream holds no buffer of its own.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// How packets come.
pub(super) enum Way {
    /// On this channel of the connection, reports on the next.
    Channel(u8),
    Udp(UdpPair),
}

/// See the module.
pub(super) struct Live {
    /// `None` once it is torn down.
    connection: Option<Connection>,
    receiver: Receiver,
    way: Way,
    control: String,
    session: String,
    clock: Pin<Box<Sleep>>,
    tick: Duration,
    watch: Watch,
    keep_alive: KeepAlive,
    /// Bytes of requests that are still to be sent.
    unsent: Vec<u8>,
    failed: Option<StageError>,
}

/// Since when nothing has come.
struct Watch {
    pictures: u64,
    since: Instant,
}

struct KeepAlive {
    every: Duration,
    last: Instant,
    has_get_parameter: bool,
}

impl Live {
    pub(super) fn new(
        mut connection: Connection,
        receiver: Receiver,
        way: Way,
        control: String,
        session: String,
        timeout: Duration,
    ) -> Self {
        let every = (timeout / 2).min(QUIET_MAX);
        let tick = every.min(TICK_MAX);
        let now = Instant::now();
        let unread = std::mem::take(&mut connection.unread);
        let mut live = Self {
            connection: Some(connection),
            receiver,
            way,
            control,
            session,
            clock: Box::pin(tokio::time::sleep(tick)),
            tick,
            watch: Watch {
                pictures: 0,
                since: now,
            },
            keep_alive: KeepAlive {
                every,
                last: now,
                has_get_parameter: false,
            },
            unsent: Vec::new(),
            failed: None,
        };
        // What came with the answer.
        match (live.take_messages(&unread), &mut live.connection) {
            (Ok(taken), Some(connection)) => connection.unread = unread[taken..].to_vec(),
            (Ok(_), None) => {}
            (Err(error), _) => live.failed = Some(error),
        }
        live
    }

    /// The next item; an error is the last.
    pub(super) fn poll_item(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SourceItem, StageError>> {
        loop {
            if let Some(item) = self.receiver.pop() {
                return Poll::Ready(Ok(item));
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Err(error));
            }
            let came = READ.with_borrow_mut(|buffer| self.poll_read(cx, buffer));
            match came {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    self.failed = Some(error);
                    continue;
                }
            }
            if let Err(error) = self.poll_clock(cx).and_then(|()| self.poll_send(cx)) {
                self.failed = Some(error);
                continue;
            }
            return Poll::Pending;
        }
    }

    /// Whether something came.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Result<bool, StageError> {
        let mut came = false;
        if let Way::Udp(pair) = &self.way {
            while let Poll::Ready(received) = pair.poll_receive(cx, buffer) {
                match received.map_err(broken)? {
                    Received::Packet(bytes) => self.receiver.rtp(&buffer[..bytes])?,
                    Received::Report(bytes) => self.receiver.rtcp(&buffer[..bytes]),
                }
                came = true;
            }
        }
        Ok(self.poll_connection(cx, buffer)? || came)
    }

    fn poll_connection(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Result<bool, StageError> {
        let Some(connection) = &mut self.connection else {
            return Ok(false);
        };
        // What came last time without an end goes before.
        let before = connection.unread.len();
        buffer[..before].copy_from_slice(&connection.unread);
        let mut read = ReadBuf::new(buffer);
        read.set_filled(before);
        let read_bytes = match Pin::new(&mut connection.stream).poll_read(cx, &mut read) {
            Poll::Pending => return Ok(false),
            Poll::Ready(result) => {
                result.map_err(broken)?;
                read.filled().len() - before
            }
        };
        if read_bytes == 0 {
            return Err(StageError::Unavailable(
                "the camera closed the connection".to_owned(),
            ));
        }
        let filled = read.filled();
        let taken = self.take_messages(filled)?;
        if let Some(connection) = &mut self.connection {
            connection.unread.clear();
            connection.unread.extend_from_slice(&filled[taken..]);
        }
        Ok(true)
    }

    /// Takes all whole messages; returns how many bytes they have.
    fn take_messages(&mut self, bytes: &[u8]) -> Result<usize, StageError> {
        let mut at = 0;
        while let Some((message, taken)) = message::first(&bytes[at..]).map_err(lost_track)? {
            at += taken;
            match message {
                Message::Frame { channel, packet } => {
                    if let Way::Channel(own) = &self.way {
                        match channel.checked_sub(*own) {
                            Some(0) => self.receiver.rtp(packet)?,
                            Some(1) => self.receiver.rtcp(packet),
                            // Some cameras send tracks that were not asked for.
                            _ => {}
                        }
                    }
                }
                Message::Response(response) => self.take_answer(&response)?,
                Message::Request { cseq } => self.unsent.extend(message::refusal(cseq)),
            }
        }
        Ok(at)
    }

    /// Takes the answer to a word that kept the session alive.
    fn take_answer(&mut self, response: &Response) -> Result<(), StageError> {
        self.keep_alive.has_get_parameter |= response.header("Public").is_some_and(|methods| {
            methods
                .split(',')
                .any(|method| method.trim() == "GET_PARAMETER")
        });
        match (response.status, &mut self.connection) {
            // A new nonce: the next request uses it.
            (401, Some(connection)) => connection.auth.challenge(response),
            (454, _) => Err(StageError::Unavailable(
                "the camera ended the session (454)".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Looks at the clock: has the camera fallen silent, is a word due?
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Result<(), StageError> {
        while self.clock.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if self.watch.pictures != self.receiver.pictures() {
                self.watch = Watch {
                    pictures: self.receiver.pictures(),
                    since: now,
                };
            } else if now.duration_since(self.watch.since) >= SILENCE_MAX {
                return Err(StageError::Unavailable(format!(
                    "no picture for {} s",
                    SILENCE_MAX.as_secs()
                )));
            }
            if now.duration_since(self.keep_alive.last) >= self.keep_alive.every {
                self.keep_alive.last = now;
                self.say_a_word();
            }
            self.clock.as_mut().reset(now + self.tick);
        }
        Ok(())
    }

    /// A request that does nothing: first one that asks what else there is, for not all cameras take
    /// the one that is meant for this.
    fn say_a_word(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        // What the camera has not even taken in half a time-out is not repeated.
        if !self.unsent.is_empty() {
            return;
        }
        let method = if self.keep_alive.has_get_parameter {
            "GET_PARAMETER"
        } else {
            "OPTIONS"
        };
        let session = [("Session", self.session.as_str())];
        self.unsent = connection.next_request(method, &self.control, &session);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), StageError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        while !self.unsent.is_empty() {
            match Pin::new(&mut connection.stream).poll_write(cx, &self.unsent) {
                Poll::Pending => break,
                Poll::Ready(written) => {
                    self.unsent.drain(..written.map_err(broken)?);
                }
            }
        }
        // What does not leave now is tried again when there is room.
        if let Poll::Ready(flushed) = Pin::new(&mut connection.stream).poll_flush(cx) {
            flushed.map_err(broken)?;
        }
        if self.unsent.len() > MESSAGE_BYTES_MAX {
            return Err(StageError::Unavailable(
                "the camera asks and does not listen".to_owned(),
            ));
        }
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let (control, session) = (&mut self.control, &mut self.session);
            connection.tear_down(std::mem::take(control), std::mem::take(session));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn broken(error: std::io::Error) -> StageError {
    StageError::Unavailable(format!("the connection to the camera failed: {error}"))
}

/// A camera that has played is one: what is no message now is damage.
fn lost_track(malformed: Malformed) -> StageError {
    StageError::Unavailable(format!(
        "the camera's bytes cannot be followed: {malformed}"
    ))
}
