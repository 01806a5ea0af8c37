//! Any bytes as messages between the parent and an eye, both ways.

#![no_main]

#[path = "../allocation.rs"]
mod allocation;

use libfuzzer_sys::fuzz_target;
use ocelli_core::wire::{FrameReader, encode_from_eye, encode_to_eye};

fuzz_target!(|data: &[u8]| {
    let mut reader = FrameReader::to_eye();
    reader.buffer().extend_from_slice(data);
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Ok(message) = frame.into_to_eye() {
            // What was understood can be said again, unless it was too long to begin with.
            drop(encode_to_eye(&message, &mut Default::default()));
        }
    }
    let mut reader = FrameReader::from_eye();
    reader.buffer().extend_from_slice(data);
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Ok(message) = frame.into_from_eye() {
            drop(encode_from_eye(&message, &mut Default::default()));
        }
    }
});
