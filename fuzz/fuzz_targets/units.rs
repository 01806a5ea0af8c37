//! Any bytes as units of H.264 and H.265, and as JPEG: parameter sets, heads of pictures, and whole
//! pictures of H.264 for the map of their macroblocks.

#![no_main]

#[path = "../allocation.rs"]
mod allocation;

use libfuzzer_sys::fuzz_target;
use ocelli_core::{Codec, CodecParameters};
use ocelli_media::bitstream::{
    access_unit,
    annexb::units,
    h264::{MacroblockMap, Parser},
    jpeg,
    parameter_sets::ParameterSets,
    sequence,
};

fuzz_target!(|data: &[u8]| {
    for codec in [Codec::H264, Codec::H265] {
        for unit in units(data) {
            if let Ok(sequence) = sequence::read(codec, unit) {
                assert!(CodecParameters::size_is_sane(
                    sequence.width,
                    sequence.height
                ));
            }
        }
        let mut sets = ParameterSets::new(codec);
        drop(sets.observe(&access_unit::head(codec, data)));
    }
    jpeg::size(data);
    // Pictures are parted by delimiters.
    let mut parser = Parser::new();
    let mut map = MacroblockMap::default();
    let mut rest = data;
    while !rest.is_empty() {
        let end = rest
            .windows(4)
            .skip(1)
            .position(|bytes| bytes == [0, 0, 1, 9])
            .map_or(rest.len(), |at| at + 1);
        let (picture, after) = rest.split_at(end);
        drop(parser.parse(picture, &mut map));
        rest = after;
    }
});
