//! Any bytes as packets and reports of a track.

#![no_main]

#[path = "../allocation.rs"]
mod allocation;

use libfuzzer_sys::fuzz_target;
use ocelli_media::source::rtsp::fuzz;

fuzz_target!(|data: &[u8]| fuzz::packets(data));
