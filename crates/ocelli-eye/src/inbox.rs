//! Messages that wait for the shard: bounded in bytes, between the thread that reads the socket
//! and the one that works.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use ocelli_core::wire::ToEye;

/// Bytes that may wait. When they do, the reader stops, the socket fills, and the parent sheds.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// The queue. One message over the limit is taken when the queue is empty, so none is stuck.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<(ToEye, usize)>,
    bytes: usize,
    closed: bool,
}

impl Inbox {
    /// Waits for room and appends.
    pub fn push(&self, message: ToEye) {
        let bytes = match &message {
            ToEye::Packet(packet) => packet.data.len(),
            ToEye::Model { bytes, .. } => bytes.len(),
            _ => 64,
        };
        let mut queue = self.lock();
        while queue.bytes + bytes > BYTES_MAX && !queue.messages.is_empty() && !queue.closed {
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        queue.bytes += bytes;
        queue.messages.push_back((message, bytes));
        self.changed.notify_all();
    }

    /// Waits for a message; `None` when the queue is closed and empty. Also returns how many
    /// messages wait behind it.
    pub fn pop(&self) -> Option<(ToEye, usize)> {
        let mut queue = self.lock();
        loop {
            if let Some((message, bytes)) = queue.messages.pop_front() {
                queue.bytes -= bytes;
                self.changed.notify_all();
                return Some((message, queue.messages.len()));
            }
            if queue.closed {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No more messages come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
