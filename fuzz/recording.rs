//! A recording, read to its end or its first error.

use ocelli_core::{Packet, seam::SourceItem};
use ocelli_media::source::file::demux::Demuxer;

pub fn read(data: &[u8]) {
    let Ok(demuxer) = Demuxer::of_bytes(data.to_vec(), None) else {
        return;
    };
    for item in demuxer.take(5_000) {
        if let Ok(SourceItem::Packet(packet)) = item {
            assert!(packet.data.len() <= Packet::BYTES_MAX);
        }
    }
}
