//! What comes over the wire may be anything: an eye can be taken over.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use bytes::{Bytes, BytesMut};
use ocelli_core::{
    Codec, CodecParameters, StreamId, Want,
    wire::{FrameReader, FromEye, ToEye, encode_from_eye, encode_to_eye},
};
use proptest::prelude::*;

/// A frame: a kind, a length that may be wrong, and a body.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frame = (
        any::<u8>(),
        prop::option::weighted(0.2, any::<u32>()),
        prop::collection::vec(any::<u8>(), 0..80),
    );
    prop::collection::vec(frame, 0..20).prop_map(|frames| {
        let mut bytes = Vec::new();
        for (kind, length, body) in frames {
            bytes.push(kind);
            bytes.extend(length.unwrap_or(body.len() as u32).to_le_bytes());
            bytes.extend(body);
        }
        bytes
    })
}

/// Reads all that there is, and what of it has a meaning is said again.
fn read(bytes: &[u8]) -> usize {
    let (mut to_eye, mut from_eye) = (FrameReader::to_eye(), FrameReader::from_eye());
    to_eye.buffer().extend_from_slice(bytes);
    from_eye.buffer().extend_from_slice(bytes);
    let (mut understood, mut said) = (0, BytesMut::new());
    while let Ok(Some(frame)) = to_eye.next_frame() {
        if let Ok(message) = frame.into_to_eye() {
            understood += usize::from(encode_to_eye(&message, &mut said).is_ok());
        }
    }
    while let Ok(Some(frame)) = from_eye.next_frame() {
        if let Ok(message) = frame.into_from_eye() {
            understood += usize::from(encode_from_eye(&message, &mut said).is_ok());
        }
    }
    understood
}

fn messages() -> BytesMut {
    let mut bytes = BytesMut::new();
    let stream = StreamId(7);
    let parameters = CodecParameters {
        codec: Codec::H264,
        parameter_sets: Bytes::from_static(&[0, 0, 0, 1, 0x67, 1, 2, 3]),
        width: 640,
        height: 360,
        reordered: false,
    };
    for message in [
        ToEye::Parameters {
            stream,
            generation: 3,
            parameters,
        },
        ToEye::Release {
            stream,
            moving: true,
        },
        ToEye::Stop,
    ] {
        encode_to_eye(&message, &mut bytes).unwrap();
    }
    let want = Want::Keys {
        every_micros: 1_000_000,
        hold: true,
    };
    encode_from_eye(&FromEye::Want { stream, want }, &mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_said_is_understood() {
    assert_eq!(
        read(&messages()),
        3,
        "up to what the other way does not know"
    );
}

proptest! {
    #[test]
    fn frames_of_anything_never_panic(bytes in frames()) {
        read(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = messages();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read(&bytes[..cut.index(bytes.len())]);
        read(&bytes);
    }

    /// However long a frame says that it is, little memory is taken before it comes.
    #[test]
    fn lengths_are_checked_before_anything_is_allocated(kind in any::<u8>(), length in any::<u32>()) {
        for mut reader in [FrameReader::to_eye(), FrameReader::from_eye()] {
            reader.buffer().extend_from_slice(&[kind]);
            reader.buffer().extend_from_slice(&length.to_le_bytes());
            let read = reader.next_frame();
            prop_assert!(reader.buffer().capacity() <= 2 << 20, "{}", reader.buffer().capacity());
            prop_assert!(length == 0 || !matches!(read, Ok(Some(_))));
        }
    }
}
