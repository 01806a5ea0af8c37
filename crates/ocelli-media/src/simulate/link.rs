//! The sending half of a viewer's RTSP connection, with a bounded queue.

use std::{
    cell::{Cell, RefCell},
    io,
    num::NonZeroU32,
};

use bytes::{Buf as _, BytesMut};
use tokio::{net::TcpStream, sync::Notify};

use super::tls::Seal;

/// A queue that has been emptied gives back its memory above this.
const KEPT_BYTES: usize = 64 * 1024;

/// Room in the queue for answers alone.
const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// Shared by the connection's task, which reads requests and empties the queue, and by the pacer,
/// which sends pictures. Bytes go to the kernel at once as long as nothing waits.
pub(super) struct Link {
    pub(super) stream: TcpStream,
    /// Where the connection is one within TLS.
    seal: Option<Seal>,
    waiting: RefCell<BytesMut>,
    waiting_bytes_max: usize,
    closed: Cell<bool>,
    /// When the connection began, on the server's clock.
    pub(super) began_nanos: u64,
    /// A fault: nothing leaves but what [`Link::trickle`] lets through.
    rate: Cell<Option<NonZeroU32>>,
    /// Tells the connection's task that bytes wait, or that the connection is closed.
    pub(super) wake: Notify,
}

impl Link {
    pub(super) fn new(
        stream: TcpStream,
        seal: Option<Seal>,
        waiting_bytes_max: usize,
        began_nanos: u64,
    ) -> Self {
        Self {
            stream,
            seal,
            waiting: RefCell::default(),
            waiting_bytes_max,
            closed: Cell::new(false),
            began_nanos,
            rate: Cell::new(None),
            wake: Notify::new(),
        }
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Asks the connection's task to end.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.wake.notify_one();
    }

    /// Whether bytes wait for the viewer to take them.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// Whether the queue takes a picture of so many bytes.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let waiting = self.waiting.borrow().len();
        waiting == 0 || waiting + bytes <= self.waiting_bytes_max
    }

    /// Whether the queue takes one more answer: above the pictures, so that a viewer who is slow is
    /// still heard.
    pub(super) fn takes_answers(&self) -> bool {
        self.waiting.borrow().len() <= self.waiting_bytes_max + ANSWERS_BYTES_MAX
    }

    /// Sends all of `bytes`, after what waits. The caller asked [`Link::has_room`] where they are
    /// many.
    pub(super) fn send(&self, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        let Some(seal) = &self.seal else {
            return self.send_as_is(bytes);
        };
        let mut sealed = Vec::new();
        match seal.seal(bytes, &mut sealed) {
            Ok(()) => self.send_as_is(&sealed),
            Err(_gone) => self.close(),
        }
    }

    /// Reads what is there, at most so much, and appends it to `input`. Returns how many bytes came,
    /// 0 at the end; within TLS not all of them are the client's.
    pub(super) fn read(&self, input: &mut BytesMut, bytes: usize) -> io::Result<usize> {
        let Some(seal) = &self.seal else {
            input.reserve(bytes);
            return self.stream.try_read_buf(input);
        };
        let mut came = vec![0; bytes];
        let read = self.stream.try_read(&mut came)?;
        let mut answer = Vec::new();
        seal.open(&came[..read], input, &mut answer)?;
        if !answer.is_empty() {
            self.send_as_is(&answer);
        }
        Ok(read)
    }

    fn send_as_is(&self, bytes: &[u8]) {
        let mut waiting = self.waiting.borrow_mut();
        let mut rest = bytes;
        if waiting.is_empty() && self.rate.get().is_none() {
            match self.stream.try_write(bytes) {
                Ok(written) => rest = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_gone) => return self.close(),
            }
        }
        if !rest.is_empty() {
            waiting.extend_from_slice(rest);
            self.wake.notify_one();
        }
    }

    /// How many bytes may leave in a second.
    pub(super) fn rate(&self) -> Option<NonZeroU32> {
        self.rate.get()
    }

    /// Limits how many bytes may leave in a second, or no longer does.
    pub(super) fn set_rate(&self, rate: Option<NonZeroU32>) {
        self.rate.set(rate);
    }

    /// Gives the kernel what it takes of the queue.
    pub(super) fn flush(&self) {
        self.trickle(usize::MAX);
    }

    /// Gives the kernel what it takes of the queue, up to `bytes`.
    pub(super) fn trickle(&self, bytes: usize) {
        let mut waiting = self.waiting.borrow_mut();
        let mut left = bytes;
        while !waiting.is_empty() && left > 0 {
            let end = waiting.len().min(left);
            match self.stream.try_write(&waiting[..end]) {
                Ok(written) => {
                    waiting.advance(written);
                    left -= written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_gone) => return self.close(),
            }
        }
        if waiting.is_empty() && waiting.capacity() > KEPT_BYTES {
            *waiting = BytesMut::new();
        }
    }
}
