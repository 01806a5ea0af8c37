//! What fuzzing calls: parsers of what a camera sends that nothing outside can see. Compiled for
//! fuzzing alone.

use ocelli_core::{Codec, Packet, seam::SourceItem};

use super::{
    auth::Auth,
    message::{self, Message},
    receiver::Receiver,
    sdp::{Description, Track},
    session,
};

/// Answers, packets and requests of a camera, one after the other.
pub fn messages(mut bytes: &[u8]) {
    let mut auth = Auth::new(None);
    while let Ok(Some((message, taken))) = message::first(bytes) {
        assert!(taken > 0 && taken <= bytes.len());
        bytes = &bytes[taken..];
        if let Message::Response(response) = message {
            drop(auth.challenge(&response));
            session::understand(&response);
        }
    }
}

/// The description of a stream.
pub fn description(bytes: &[u8]) {
    if let Ok(track) = Description::parse(bytes).track() {
        drop(Receiver::new(track, None, false, false));
    }
}

/// Packets of a track: one byte of codec and way, then for each packet one byte of what it is, two
/// of length, and its payload.
pub fn packets(bytes: &[u8]) {
    let Some((&how, mut rest)) = bytes.split_first() else {
        return;
    };
    let track = Track {
        codec: [Codec::H264, Codec::H265, Codec::Mjpeg][usize::from(how % 3)],
        payload_type: 96,
        clock_hz: 90_000,
        sets: Vec::new(),
        control: None,
    };
    let mut receiver = Receiver::new(track, None, how & 64 > 0, how & 128 > 0);
    let (mut sequence, mut time) = (0_u16, 0_u32);
    while let Some(([what, high, low], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let payload;
        (payload, rest) = after.split_at(length);
        if what & 1 > 0 {
            receiver.rtcp(payload);
            continue;
        }
        // Mostly in order, mostly of the same picture.
        sequence = sequence.wrapping_add(if what & 2 > 0 { 3 } else { 1 });
        if what & 4 > 0 {
            time = time.wrapping_add(u32::from(*what) << 7);
        }
        let marker = what & 8 << 4;
        let mut packet = vec![0x80, marker | 96];
        packet.extend(sequence.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend_from_slice(payload);
        let whole = if what & 16 > 0 { payload } else { &packet };
        if receiver.rtp(whole).is_err() {
            return;
        }
        while let Some(item) = receiver.pop() {
            if let SourceItem::Packet(packet) = item {
                assert!(packet.data.len() <= Packet::BYTES_MAX);
            }
        }
    }
}
