//! The socket to the parent: frames in, frames out.

use std::{os::fd::OwnedFd, sync::Arc};

use bytes::BytesMut;
use ocelli_core::wire::{FrameReader, FromEye, ToEye, WireError, encode_from_eye};
use rustix::{
    io::{Errno, read, write},
    net::{Shutdown, shutdown},
};

use crate::inbox::Inbox;

/// Why the link ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The socket failed.
    #[error("the socket to the parent failed: {0}")]
    Socket(#[from] Errno),
    /// The parent sent something else.
    #[error("the parent's message does not decode: {0}")]
    Wire(#[from] WireError),
}

/// How the messages ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The parent asked for an end in order.
    Stop,
    /// The parent closed the socket, or is dead.
    ParentGone,
}

/// Reads messages into `inbox` until `Stop`, or until the parent is gone.
pub fn read_all(socket: &OwnedFd, inbox: &Inbox) -> Result<End, LinkError> {
    let mut frames = FrameReader::to_eye();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        while let Some(frame) = frames.next_frame()? {
            let message = frame.into_to_eye()?;
            let last = matches!(message, ToEye::Stop);
            inbox.push(message);
            if last {
                return Ok(End::Stop);
            }
        }
        match read(socket, chunk.as_mut_slice()) {
            Ok(0) | Err(Errno::CONNRESET) => return Ok(End::ParentGone),
            Ok(length) => frames.buffer().extend_from_slice(&chunk[..length]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The way to the parent.
pub struct Outlet {
    socket: Arc<OwnedFd>,
    pending: BytesMut,
}

impl Outlet {
    /// Writes to `socket`.
    pub fn new(socket: Arc<OwnedFd>) -> Self {
        Self {
            socket,
            pending: BytesMut::new(),
        }
    }

    /// Appends messages; [`Self::flush`] sends them.
    ///
    /// A message over its cap is left out and said: it is a bug of this process, and the parent
    /// would end the connection over it.
    pub fn put(&mut self, messages: &mut Vec<FromEye>) {
        for message in messages.drain(..) {
            if let Err(error) = encode_from_eye(&message, &mut self.pending) {
                tracing::error!(%error, "a message to the parent is over its cap");
            }
        }
    }

    /// Sends what was appended; waits while the parent is slow.
    pub fn flush(&mut self) -> Result<(), LinkError> {
        let mut sent = 0;
        while sent < self.pending.len() {
            match write(&self.socket, &self.pending[sent..]) {
                Ok(length) => sent += length,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// Says that nothing more comes.
    pub fn close(&self) {
        // The parent sees the end of the process as well; a failure here changes nothing.
        if let Err(error) = shutdown(&self.socket, Shutdown::Write) {
            tracing::debug!(%error, "the socket to the parent is closed already");
        }
    }
}
