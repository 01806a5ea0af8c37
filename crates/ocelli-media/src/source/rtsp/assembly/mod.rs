//! Pictures put together from the payloads of RTP packets.

mod jpeg;
mod jpeg_tables;
#[cfg(test)]
mod tests;
mod units;

use ocelli_core::{Codec, Packet};

pub(crate) use self::jpeg_tables::HUFFMAN;
use self::{jpeg::JpegAssembly, units::UnitAssembly};

/// What is put together of one track.
pub(super) struct Assembly {
    kind: Kind,
    /// RTP time of what is being put together.
    time: Option<u32>,
    /// A packet of this picture is missing, or could not be read: the rest of it is left aside.
    is_spoiled: bool,
}

enum Kind {
    Units(UnitAssembly),
    Jpeg(JpegAssembly),
}

/// What a payload leads to, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The picture before this packet, where nothing else marked its end.
    pub(super) before: Option<Picture>,
    /// The picture that this packet ends.
    pub(super) picture: Option<Picture>,
    /// Why the picture of this packet is given up.
    pub(super) corrupt: Option<&'static str>,
}

/// A whole picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) time: u32,
    /// Annex B, or a JPEG file.
    pub(super) data: Vec<u8>,
}

impl Assembly {
    pub(super) fn new(codec: Codec) -> Self {
        let kind = match codec {
            Codec::H264 | Codec::H265 => Kind::Units(UnitAssembly::new(codec)),
            Codec::Mjpeg => Kind::Jpeg(JpegAssembly::default()),
        };
        Self {
            kind,
            time: None,
            // Whoever joins may come in the middle of a picture.
            is_spoiled: true,
        }
    }

    /// Packets are missing before the next one.
    pub(super) fn lose(&mut self) {
        self.drop_picture();
        self.is_spoiled = true;
    }

    fn drop_picture(&mut self) {
        match &mut self.kind {
            Kind::Units(units) => units.clear(),
            Kind::Jpeg(jpeg) => jpeg.clear(),
        }
    }

    /// Takes the next payload.
    pub(super) fn push(&mut self, time: u32, marker: bool, payload: &[u8]) -> Step {
        let mut step = Step::default();
        if self.time != Some(time) {
            step.before = self.time_changed();
        }
        if self.is_spoiled {
            // After a loss a picture may be whole again where its first packet is there: its time
            // is new, or the one before was marked as the last.
            let begins = match &self.kind {
                Kind::Units(units) => units.can_begin(payload),
                Kind::Jpeg(_) => jpeg::begins(payload),
            };
            if self.time == Some(time) || !begins {
                self.time = Some(time);
                self.is_spoiled = !marker;
                return step;
            }
            self.is_spoiled = false;
        }
        self.time = Some(time);
        let taken = match &mut self.kind {
            Kind::Units(units) => units.push(payload),
            Kind::Jpeg(jpeg) => jpeg.push(payload),
        };
        let taken = taken.and_then(|()| {
            if self.bytes() > Packet::BYTES_MAX {
                Err("a picture of more than 4 MB")
            } else {
                Ok(())
            }
        });
        if let Err(reason) = taken {
            step.corrupt = Some(reason);
            self.drop_picture();
            self.is_spoiled = !marker;
            return step;
        }
        if marker {
            step.picture = self.finish(time);
        }
        step
    }

    /// Ends the picture that the packets before belong to.
    fn time_changed(&mut self) -> Option<Picture> {
        let before = self.time?;
        if self.is_spoiled {
            return None;
        }
        self.finish(before)
    }

    /// The picture, if it is one. What is no picture yet, like parameter sets that a camera gives a
    /// time and a mark of their own, is kept for the next.
    fn finish(&mut self, time: u32) -> Option<Picture> {
        let data = match &mut self.kind {
            Kind::Units(units) => units.finish(),
            Kind::Jpeg(jpeg) => jpeg.finish(),
        }?;
        Some(Picture { time, data })
    }

    fn bytes(&self) -> usize {
        match &self.kind {
            Kind::Units(units) => units.bytes(),
            Kind::Jpeg(jpeg) => jpeg.bytes(),
        }
    }
}
