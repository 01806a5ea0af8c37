//! Messages that wait for an eye: bounded in bytes.
//!
//! Live packets that find it full are dropped by their stream up to its next key picture;
//! recordings wait for room. Messages without pictures are few and small and always fit.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use ocelli_core::{
    Packet, StreamId,
    wire::{ToEye, encode_to_eye},
};
use tokio::sync::{Notify, futures::OwnedNotified};

/// Bytes of packets that may wait for one eye.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of one stream among them: one stream never takes all the room.
const STREAM_BYTES_MAX: usize = 1024 * 1024;

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room now.
    Full,
    /// The eye is gone.
    Closed,
}

/// The queue towards one eye.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    emptied: Arc<Notify>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<ToEye>,
    bytes: usize,
    by_stream: HashMap<StreamId, usize>,
    closed: bool,
}

impl Outbox {
    /// Appends a message that is not a packet. Without effect once the eye is gone.
    pub(crate) fn push(&self, message: ToEye) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.messages.push_back(message);
            drop(queue);
            self.filled.notify_one();
        }
    }

    /// Appends a packet, and directly before it what it needs, if there is room; else gives the
    /// packet back.
    pub(crate) fn push_packet(
        &self,
        packet: Packet,
        before: Option<ToEye>,
    ) -> Result<(), (Refused, Packet)> {
        let bytes = packet.data.len();
        let mut queue = self.lock();
        if queue.closed {
            return Err((Refused::Closed, packet));
        }
        let of_stream = queue.by_stream.get(&packet.stream).copied().unwrap_or(0);
        // A single packet larger than its share passes when nothing of its stream waits.
        let stream_full = of_stream > 0 && of_stream + bytes > STREAM_BYTES_MAX;
        if stream_full || (queue.bytes > 0 && queue.bytes + bytes > BYTES_MAX) {
            return Err((Refused::Full, packet));
        }
        queue.messages.extend(before);
        queue.bytes += bytes;
        *queue.by_stream.entry(packet.stream).or_default() += bytes;
        queue.messages.push_back(ToEye::Packet(packet));
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Resolves when something has left the queue after this call, or the eye is gone.
    pub(crate) fn room(&self) -> OwnedNotified {
        Arc::clone(&self.emptied).notified_owned()
    }

    /// Waits for messages and encodes some of them; `false` when the eye is gone.
    pub(crate) async fn drain(&self, out: &mut BytesMut, bytes_max: usize) -> bool {
        loop {
            {
                let mut queue = self.lock();
                while out.len() < bytes_max
                    && let Some(message) = queue.messages.pop_front()
                {
                    if let ToEye::Packet(packet) = &message {
                        queue.forget(packet);
                    }
                    if let Err(error) = encode_to_eye(&message, out) {
                        // Sources and configuration are held below the caps; a message over one
                        // is a bug that costs this message only.
                        tracing::error!(%error, "a message to an eye is over its cap");
                    }
                }
                if queue.closed {
                    return false;
                }
            }
            if !out.is_empty() {
                self.emptied.notify_waiters();
                return true;
            }
            self.filled.notified().await;
        }
    }

    /// The eye is gone: what waits is of no use, and whoever waits goes on.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.messages.clear();
        queue.by_stream.clear();
        queue.bytes = 0;
        drop(queue);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    /// Whether the eye is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Bytes of packets that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// What an eye would read.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<ToEye> {
        let mut queue = self.lock();
        queue.bytes = 0;
        queue.by_stream.clear();
        queue.messages.drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn forget(&mut self, packet: &Packet) {
        let bytes = packet.data.len();
        self.bytes -= bytes;
        if let Some(of_stream) = self.by_stream.get_mut(&packet.stream) {
            *of_stream -= bytes;
            if *of_stream == 0 {
                self.by_stream.remove(&packet.stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ocelli_core::{MediaTime, MonoTime, WallSource, WallTime};

    use super::*;

    fn packet(stream: u32, bytes: usize) -> Packet {
        Packet {
            stream: StreamId(stream),
            generation: 0,
            dts: MediaTime::default(),
            pts: MediaTime::default(),
            received: MonoTime::default(),
            wall: WallTime::default(),
            wall_source: WallSource::Receive,
            key: true,
            repeated: false,
            data: Bytes::from(vec![0; bytes]),
        }
    }

    fn push(outbox: &Outbox, packet: Packet) -> Result<(), Refused> {
        outbox
            .push_packet(packet, None)
            .map_err(|(refused, _packet)| refused)
    }

    #[tokio::test]
    async fn one_stream_takes_its_share_and_all_take_the_rest() {
        let outbox = Outbox::default();
        assert_eq!(push(&outbox, packet(0, STREAM_BYTES_MAX / 2)), Ok(()));
        assert_eq!(push(&outbox, packet(0, STREAM_BYTES_MAX / 2)), Ok(()));
        assert_eq!(push(&outbox, packet(0, 1)), Err(Refused::Full));
        for stream in 1..8 {
            assert_eq!(push(&outbox, packet(stream, STREAM_BYTES_MAX)), Ok(()));
        }
        assert_eq!(push(&outbox, packet(9, 1)), Err(Refused::Full));
        assert_eq!(outbox.bytes(), BYTES_MAX);

        let room = outbox.room();
        let mut out = BytesMut::new();
        assert!(outbox.drain(&mut out, usize::MAX).await);
        assert_eq!(outbox.bytes(), 0);
        assert!(out.len() > BYTES_MAX);
        room.await;
        assert_eq!(push(&outbox, packet(0, 1)), Ok(()));
        outbox.close();
        assert_eq!(push(&outbox, packet(0, 1)), Err(Refused::Closed));
        assert!(!outbox.drain(&mut BytesMut::new(), 1).await);
    }

    #[tokio::test]
    async fn one_packet_over_the_share_passes_alone() {
        let outbox = Outbox::default();
        assert_eq!(push(&outbox, packet(0, 3 * STREAM_BYTES_MAX)), Ok(()));
        assert_eq!(push(&outbox, packet(0, 1)), Err(Refused::Full));
        assert_eq!(push(&outbox, packet(1, 1)), Ok(()));
    }
}
