//! Tracks and detections as MOT challenge text, for evaluation, frames and pixels counted from 1
//! (<https://arxiv.org/abs/1603.00831>): `frame,id,left,top,width,height,conf,-1,-1,-1` and
//! `frame,-1,left,top,width,height,score,label,1`.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::StreamExt as _;
use ocelli_core::{
    BBox, Detection, MediaTime, Tag,
    seam::{Pace, Source, SourceItem, SourceStream},
    wire::TrackBox,
};

/// Times that differ by less are one picture, in microseconds.
const SAME_PICTURE_MICROS: i64 = 500;

/// The pictures of a recording: their size, and when they are shown on the stream's timeline.
#[derive(Clone, Default)]
pub struct Pictures(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    /// Pixels.
    size: (u32, u32),
    first_dts_micros: Option<i64>,
    /// In order.
    micros: Vec<i64>,
}

impl Pictures {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_size(&self, width: u32, height: u32) {
        self.shown().size = (width, height);
    }

    /// Width and height in pixels, as the recording says.
    pub fn size(&self) -> (u32, u32) {
        self.shown().size
    }

    fn note(&self, dts_micros: i64, pts_micros: i64) {
        let mut shown = self.shown();
        let first = *shown.first_dts_micros.get_or_insert(dts_micros);
        let micros = pts_micros - first;
        let place = shown.micros.partition_point(|&other| other < micros);
        shown.micros.insert(place, micros);
    }

    /// The number of the picture that is shown at `at`, from 1. All pictures before it are known
    /// when it is looked at: a decoder gives pictures out in this order.
    pub fn number(&self, at: MediaTime) -> usize {
        let shown = self.shown();
        let before = at.micros - SAME_PICTURE_MICROS;
        shown.micros.partition_point(|&other| other < before) + 1
    }
}

/// A source whose pictures are counted.
pub struct Counted {
    source: Arc<dyn Source>,
    pictures: Pictures,
}

impl Counted {
    /// Counts the pictures of `source` in `pictures`.
    pub fn new(source: Arc<dyn Source>, pictures: Pictures) -> Self {
        Self { source, pictures }
    }
}

impl Source for Counted {
    fn pace(&self) -> Pace {
        self.source.pace()
    }

    fn open(&self) -> SourceStream {
        let pictures = self.pictures.clone();
        Box::pin(self.source.open().inspect(move |item| match item {
            Ok(SourceItem::Packet(packet)) => {
                pictures.note(packet.dts_micros, packet.pts_micros);
            }
            Ok(SourceItem::Parameters(of)) => pictures.note_size(of.width, of.height),
            _ => {}
        }))
    }

    fn address(&self) -> String {
        self.source.address()
    }
}

/// Writes the boxes of one stream.
pub struct MotWriter<W: Write> {
    to: W,
    pictures: Pictures,
    /// Tags by their order of appearance, from 1.
    numbers: HashMap<Tag, usize>,
}

impl<W: Write> MotWriter<W> {
    /// Writes to `to`.
    pub fn new(to: W, pictures: Pictures) -> Self {
        Self {
            to,
            pictures,
            numbers: HashMap::new(),
        }
    }

    /// Writes what was seen in one look. Boxes that were not seen but predicted are left out.
    pub fn look(&mut self, at: MediaTime, boxes: &[TrackBox]) -> io::Result<()> {
        let frame = self.pictures.number(at);
        for one in boxes.iter().filter(|one| one.seen) {
            let next = self.numbers.len() + 1;
            let number = *self.numbers.entry(one.tag).or_insert(next);
            let place = self.place(one.bbox);
            writeln!(
                self.to,
                "{frame},{number},{place},{:.4},-1,-1,-1",
                one.score
            )?;
        }
        Ok(())
    }

    /// Writes what a detector found in one look.
    pub fn detections(&mut self, at: MediaTime, items: &[Detection]) -> io::Result<()> {
        let frame = self.pictures.number(at);
        for one in items {
            let (place, label) = (self.place(one.bbox), one.label);
            writeln!(self.to, "{frame},-1,{place},{:.4},{label},1", one.score)?;
        }
        Ok(())
    }

    /// Left, top, width and height in pixels.
    fn place(&self, bbox: BBox) -> String {
        let (width, height) = self.pictures.size();
        let (width, height) = (f64::from(width), f64::from(height));
        format!(
            "{:.2},{:.2},{:.2},{:.2}",
            f64::from(bbox.x) * width + 1.0,
            f64::from(bbox.y) * height + 1.0,
            f64::from(bbox.w) * width,
            f64::from(bbox.h) * height,
        )
    }

    /// Writes everything that waits.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{BBox, Label};

    use super::*;

    fn seen(tag: u64, seen: bool) -> TrackBox {
        TrackBox {
            tag: Tag(tag),
            label: Label::Person,
            bbox: BBox {
                x: 0.25,
                y: 0.5,
                w: 0.1,
                h: 0.2,
            },
            score: 0.5,
            seen,
            stationary: false,
        }
    }

    #[test]
    fn frames_are_counted_by_picture_and_tags_in_order() {
        let pictures = Pictures::default();
        // Shown in the order 0, 1, 2, 3; decoded 0, 2, 1, 3, on a timeline that begins at 7 s.
        for (dts, pts) in [(0, 40), (40, 120), (80, 80), (120, 160)] {
            pictures.note(7_000_000 + dts * 1000, 7_000_000 + pts * 1000);
        }
        pictures.note_size(100, 50);
        let mut text = Vec::new();
        let mut writer = MotWriter::new(&mut text, pictures);
        let at = |millis: i64| MediaTime {
            micros: millis * 1000,
        };
        writer.look(at(40), &[seen(9, true)]).unwrap();
        writer
            .look(at(120), &[seen(4, true), seen(9, false)])
            .unwrap();
        writer.look(at(160), &[seen(9, true)]).unwrap();
        let found = Detection {
            bbox: seen(9, true).bbox,
            label: Label::Car,
            score: 0.25,
        };
        writer.detections(at(160), &[found]).unwrap();
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "1,1,26.00,26.00,10.00,10.00,0.5000,-1,-1,-1\n\
             3,2,26.00,26.00,10.00,10.00,0.5000,-1,-1,-1\n\
             4,1,26.00,26.00,10.00,10.00,0.5000,-1,-1,-1\n\
             4,-1,26.00,26.00,10.00,10.00,0.2500,car,1\n"
        );
    }
}
