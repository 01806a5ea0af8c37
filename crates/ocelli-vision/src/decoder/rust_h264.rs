//! H.264 in safe Rust, through the crate `rusty_h264-decoder`.
//!
//! It gives pictures in decoding order; where the stream reorders, they are put in order of their
//! times here. Samples are those of libavcodec. Of damage it says less: a slice coded with CABAC
//! that is cut short is decoded to the picture's end with zeros, without an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ocelli_core::{
    Codec, CodecParameters, MediaTime, Packet, Picture, PictureBuffer, StageError, seam::Decoder,
    settings::DecoderKind,
};
use rusty_h264_decoder::{DecodeError, Decoder as Inner};

use super::Entry;
use crate::coded::{self, H264Sets};

pub(super) const KIND: Entry = Entry {
    kind: DecoderKind::Rust,
    open: |parameters| Ok(Box::new(RustH264::open(parameters)?)),
};

/// Pictures held back to put them in order: the most that H.264 allows.
const HELD_MAX: usize = 16;

struct RustH264 {
    inner: Inner,
    /// The last parameter sets, for a decoder that starts anew.
    sets: H264Sets,
    /// They have been given to the decoder.
    primed: bool,
    reordered: bool,
    held: Vec<Picture>,
}

impl RustH264 {
    fn open(parameters: &CodecParameters) -> Result<Self, StageError> {
        if parameters.codec != Codec::H264 {
            return Err(StageError::Rejected(format!(
                "the decoder `rust` reads H.264 only, not {}",
                parameters.codec.as_str()
            )));
        }
        Ok(Self {
            inner: Inner::new(),
            sets: coded::h264_sets(&parameters.parameter_sets).unwrap_or_default(),
            primed: false,
            reordered: parameters.reordered,
            held: Vec::new(),
        })
    }

    fn start_anew(&mut self) {
        self.inner = Inner::new();
        self.primed = false;
    }

    fn decode_inner(&mut self, data: &[u8]) -> Result<Option<Planes>, StageError> {
        if let Some(sets) = coded::h264_sets(data) {
            self.sets = sets;
        } else if !self.primed && !self.sets.bytes.is_empty() {
            self.inner.decode(&self.sets.bytes).map_err(stage_error)?;
        }
        self.primed = true;
        let frame = self.inner.decode(data).map_err(stage_error)?;
        Ok(frame.map(|frame| Planes {
            width: frame.width,
            height: frame.height,
            samples: [frame.y, frame.u, frame.v],
        }))
    }

    /// Gives out what no later packet can come before.
    fn release(&mut self, before: MediaTime, pictures: &mut Vec<Picture>) {
        self.held.sort_by_key(|picture| picture.at);
        let surplus = self.held.len().saturating_sub(HELD_MAX);
        let ready = self.held.partition_point(|picture| picture.at < before);
        pictures.extend(self.held.drain(..ready.max(surplus)));
    }
}

impl Decoder for RustH264 {
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        // A panic in a decoder is a damaged picture here; its state is thrown away.
        let result = catch_unwind(AssertUnwindSafe(|| self.decode_inner(&packet.data)))
            .unwrap_or_else(|_panic| {
                Err(StageError::Corrupt(
                    "the decoder stumbled over the coded picture".to_owned(),
                ))
            });
        match result {
            Ok(Some(frame)) => {
                let picture = picture(frame, packet, self.sets.full_range)?;
                if self.reordered {
                    self.held.push(picture);
                    // Times of later packets are at least their decoding times.
                    self.release(packet.dts, pictures);
                } else {
                    pictures.push(picture);
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => {
                self.held.clear();
                self.start_anew();
                Err(error)
            }
        }
    }

    fn flush(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        self.held.sort_by_key(|picture| picture.at);
        pictures.append(&mut self.held);
        self.start_anew();
        Ok(())
    }
}

fn stage_error(error: DecodeError) -> StageError {
    match error {
        DecodeError::Unsupported(tool) => StageError::Rejected(format!(
            "the decoder `rust` does not know {tool}: use `libavcodec`"
        )),
        other => StageError::Corrupt(other.to_string()),
    }
}

fn picture(frame: Planes, packet: &Packet, full_range: bool) -> Result<Picture, StageError> {
    let (width, height) = (frame.width as u32, frame.height as u32);
    coded::bounds(width, height)?;
    Ok(Picture {
        stream: packet.stream,
        at: packet.pts,
        received: packet.received,
        wall: packet.wall,
        wall_source: packet.wall_source,
        width,
        height,
        chroma_shift_x: 1,
        chroma_shift_y: 1,
        full_range,
        key: packet.key,
        buffer: Box::new(frame),
    })
}

struct Planes {
    width: usize,
    height: usize,
    samples: [Vec<u8>; 3],
}

impl PictureBuffer for Planes {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        let stride = if index == 0 {
            self.width
        } else {
            self.width.div_ceil(2)
        };
        match self.samples.get(index) {
            Some(samples) => (samples, stride),
            None => (&[], 0),
        }
    }
}
