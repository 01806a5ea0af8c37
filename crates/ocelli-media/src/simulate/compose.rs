//! The packets of one picture, as they are or as a fault makes them; not yet stamped.

use ocelli_core::Codec;

use super::{
    clip::{ClipPicture, Packetised},
    huge,
    nal::{self, UnitKind},
    payload::{self, PREFIX_BYTES, RTP_HEADER_BYTES},
};

/// What [`fragments`] adds for each picture: 64 packets, 2.2 MB a second at 25 pictures.
const ENDLESS_PACKETS: usize = 64;

/// Appends a picture of `clip`. `with_sets` puts the clip's parameter sets before key pictures;
/// `is_huge` puts there one that claims [`huge::SIDE`], instead of the clip's own.
pub(super) fn picture(
    clip: &Packetised,
    picture: &ClipPicture,
    (with_sets, is_huge): (bool, bool),
    wire: &mut Vec<u8>,
) {
    let mut packets = &clip.wire[picture.start..picture.end];
    if picture.key && with_sets {
        for set in &clip.parameter_sets {
            payload::append(clip.codec, set, false, wire);
        }
    }
    if !is_huge {
        wire.extend_from_slice(packets);
        return;
    }
    if picture.key {
        let set = huge::sequence_parameter_set(clip.codec, huge::SIDE, huge::SIDE);
        payload::append(clip.codec, &set, false, wire);
    }
    while let Some((packet, rest)) = payload::split_packet(packets) {
        packets = rest;
        let unit = &packet[PREFIX_BYTES + RTP_HEADER_BYTES..];
        if nal::kind(clip.codec, unit) != UnitKind::SequenceParameterSet {
            wire.extend_from_slice(packet);
        }
    }
}

/// Appends fragments of a key picture's NAL unit that does not end; `begins` with the first one.
pub(super) fn fragments(codec: Codec, begins: bool, wire: &mut Vec<u8>) {
    let start = wire.len();
    let header: &[u8] = match codec {
        // IDR_W_RADL, temporal layer 0.
        Codec::H265 => &[19 << 1, 1],
        Codec::H264 | Codec::Mjpeg => &[0x65],
    };
    let mut unit = header.to_vec();
    // One packet more on either side, which holds the start and the end of the unit.
    let body_bytes = payload::PAYLOAD_BYTES_MAX - header.len() - 2;
    unit.resize(header.len() + (ENDLESS_PACKETS + 2) * body_bytes, 0xff);
    payload::append(codec, &unit, false, wire);
    let added = wire.split_off(start);
    let mut rest = &added[..];
    let mut index = 0;
    while let Some((packet, tail)) = payload::split_packet(rest) {
        rest = tail;
        if (index > 0 || begins) && !tail.is_empty() {
            wire.extend_from_slice(packet);
        }
        index += 1;
    }
}
