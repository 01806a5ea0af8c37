//! Any bytes as the description of a stream.

#![no_main]

#[path = "../allocation.rs"]
mod allocation;

use libfuzzer_sys::fuzz_target;
use ocelli_media::source::rtsp::fuzz;

fuzz_target!(|data: &[u8]| fuzz::description(data));
