//! Any bytes as a recording; the seeds are such files.

#![no_main]

#[path = "../allocation.rs"]
mod allocation;
#[path = "../recording.rs"]
mod recording;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recording::read(data));
