//! H.264, H.265 and MJPEG through FFmpeg's libavcodec: one thread, and no delay where pictures are
//! not reordered.

use std::{borrow::Cow, collections::VecDeque};

use ocelli_core::{
    Codec, CodecParameters, Packet, Picture, PictureBuffer, StageError, seam::Decoder,
    settings::DecoderKind,
};

use crate::coded;

use super::{
    Entry,
    avcodec::{AvError, Context, Frame, Layout},
};

pub(super) const KIND: Entry = Entry {
    kind: DecoderKind::Libavcodec,
    open: |parameters| Ok(Box::new(Libavcodec::open(parameters)?)),
};

/// Packets whose pictures may still be inside the decoder. H.264 and H.265 hold back 16 pictures
/// at most; a packet that never gave one falls out at this length.
const WAITING_MAX: usize = 64;

struct Libavcodec {
    context: Context,
    codec: Codec,
    /// Packets without their bytes, oldest first, by the number they were sent with.
    waiting: VecDeque<(i64, Packet)>,
    next_number: i64,
}

impl Libavcodec {
    fn open(parameters: &CodecParameters) -> Result<Self, StageError> {
        let codec = parameters.codec;
        let context = Context::open(codec, &parameters.parameter_sets, !parameters.reordered)
            .map_err(|error| match error {
                AvError::NoDecoder => StageError::Rejected(format!(
                    "this build of FFmpeg has no decoder for {}",
                    codec.as_str()
                )),
                AvError::NoMemory => out_of_memory(),
                AvError::Invalid => StageError::Rejected(format!(
                    "the {} parameter sets are not valid",
                    codec.as_str()
                )),
            })?;
        Ok(Self {
            context,
            codec,
            waiting: VecDeque::new(),
            next_number: 0,
        })
    }

    /// Appends every picture that is ready.
    fn collect(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        let mut damaged = false;
        loop {
            match self.context.receive() {
                Ok(None) => break,
                Ok(Some(frame)) if frame.is_damaged() => damaged = true,
                Ok(Some(frame)) => {
                    if let Some(packet) = self.packet_of(frame.number()) {
                        pictures.push(picture(frame, &packet)?);
                    }
                }
                Err(error) => return Err(self.give_up(error)),
            }
        }
        if damaged {
            Err(self.give_up(AvError::Invalid))
        } else {
            Ok(())
        }
    }

    fn packet_of(&mut self, number: i64) -> Option<Packet> {
        let place = self.waiting.iter().position(|&(sent, _)| sent == number)?;
        self.waiting.remove(place).map(|(_, packet)| packet)
    }

    /// Forgets the damaged group: decoding goes on at the next key picture.
    fn give_up(&mut self, error: AvError) -> StageError {
        self.context.flush();
        self.waiting.clear();
        match error {
            AvError::NoMemory => out_of_memory(),
            AvError::Invalid | AvError::NoDecoder => {
                StageError::Corrupt("the coded picture is damaged".to_owned())
            }
        }
    }
}

impl Decoder for Libavcodec {
    fn decode(&mut self, packet: &Packet, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        let number = self.next_number;
        self.next_number += 1;
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
        }
        let times = Packet {
            data: bytes::Bytes::new(),
            ..packet.clone()
        };
        self.waiting.push_back((number, times));
        let data = match self.codec {
            Codec::H265 => coded::h265_without_messages(&packet.data),
            Codec::H264 | Codec::Mjpeg => Cow::Borrowed(&packet.data[..]),
        };
        if let Err(error) = self.context.send(&data, number) {
            return Err(self.give_up(error));
        }
        self.collect(pictures)
    }

    fn flush(&mut self, pictures: &mut Vec<Picture>) -> Result<(), StageError> {
        let ended = self.context.send_end();
        let collected = match ended {
            Ok(()) => self.collect(pictures),
            Err(error) => Err(self.give_up(error)),
        };
        self.context.flush();
        self.waiting.clear();
        collected
    }
}

fn out_of_memory() -> StageError {
    StageError::Exhausted("no memory for a decoder".to_owned())
}

fn picture(frame: Frame, packet: &Packet) -> Result<Picture, StageError> {
    let (width, height) = frame.size();
    coded::bounds(width, height)?;
    let layout = frame.layout().map_err(|format| {
        StageError::Rejected(format!(
            "the sample format (FFmpeg's number {format}) is not looked at: ask the camera for 8-bit 4:2:0"
        ))
    })?;
    Ok(Picture {
        stream: packet.stream,
        at: packet.pts,
        received: packet.received,
        wall: packet.wall,
        wall_source: packet.wall_source,
        width,
        height,
        chroma_shift_x: layout.chroma_shift_x,
        chroma_shift_y: layout.chroma_shift_y,
        full_range: layout.full_range || frame.is_full_range(),
        key: packet.key || frame.is_key(),
        buffer: Box::new(Planes {
            frame,
            layout,
            width,
            height,
        }),
    })
}

struct Planes {
    frame: Frame,
    layout: Layout,
    width: u32,
    height: u32,
}

impl PictureBuffer for Planes {
    fn plane(&self, index: usize) -> (&[u8], usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        match index {
            0 => self.frame.plane(0, width, height),
            1 | 2 if self.layout.colour => self.frame.plane(
                index,
                width.div_ceil(1 << self.layout.chroma_shift_x),
                height.div_ceil(1 << self.layout.chroma_shift_y),
            ),
            _ => (&[], 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use bytes::Bytes;
    use ocelli_core::{ErrorClass, MediaTime, MonoTime, StreamId, WallSource, WallTime};

    use super::*;

    /// One key picture of this width.
    fn packet(width: u32) -> Packet {
        let source = format!("testsrc=size={width}x16:rate=10:duration=0.1");
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &source])
            .args(["-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p"])
            .args(["-f", "h264", "-"])
            .output()
            .unwrap();
        assert!(output.status.success());
        Packet {
            stream: StreamId(0),
            generation: 0,
            dts: MediaTime::default(),
            pts: MediaTime::default(),
            received: MonoTime::default(),
            wall: WallTime::default(),
            wall_source: WallSource::Receive,
            key: true,
            repeated: false,
            data: Bytes::from(output.stdout),
        }
    }

    #[test]
    fn a_size_that_was_not_seen_before_ends_inside_without_a_frame() {
        let parameters = CodecParameters {
            codec: Codec::H264,
            parameter_sets: Bytes::new(),
            width: 0,
            height: 0,
            reordered: false,
        };
        // Straight into libavcodec, without the check in safe Rust that stands before it.
        let mut decoder = Libavcodec::open(&parameters).unwrap();
        let mut pictures = Vec::new();
        let error = decoder.decode(&packet(8208), &mut pictures).unwrap_err();
        // A frame would have been rejected for its size.
        assert_eq!(error.class(), ErrorClass::Corrupt);
        decoder.decode(&packet(64), &mut pictures).unwrap();
        assert_eq!(pictures.len(), 1);
    }
}
