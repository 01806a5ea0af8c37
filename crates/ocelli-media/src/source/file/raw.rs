//! Raw H.264 and H.265 byte streams. They carry no times: pictures are shown at an even rate, in the
//! order that they say.

use std::collections::VecDeque;

use bytes::Bytes;
use ocelli_core::{
    Codec, StageError,
    seam::{SourceItem, SourcePacket},
};

use super::{demux::Demux, input::Input};
use crate::bitstream::{
    access_unit, annexb, parameter_sets::ParameterSets, picture_order::PictureOrder,
};

/// Pictures a second where nothing says how many.
const RATE: f64 = 25.0;
const READ_BYTES: usize = 64 * 1024;
/// The most pictures that H.264 and H.265 hold back.
const HELD_MAX: usize = 16;

pub(super) struct Raw {
    input: Input,
    at: u64,
    buffer: Vec<u8>,
    codec: Codec,
    units: annexb::AccessUnits,
    at_end: bool,
    rate: Option<f64>,
    sets: ParameterSets,
    order: PictureOrder,
    /// In decoding order.
    held: VecDeque<Held>,
    /// Pictures decoded and shown so far.
    decoded: i64,
    shown: i64,
}

/// What waits for its time of showing, and what stands between.
enum Held {
    Picture {
        data: Bytes,
        key: bool,
        count: i64,
        decoded: i64,
        /// Number in the order of showing, once it is known.
        shown: Option<i64>,
    },
    Item(SourceItem),
}

impl Raw {
    pub(super) fn open(input: Input, codec: Codec, rate: Option<f64>) -> Self {
        Self {
            input,
            at: 0,
            buffer: vec![0; READ_BYTES],
            codec,
            units: annexb::AccessUnits::new(codec),
            at_end: false,
            rate,
            sets: ParameterSets::new(codec),
            order: PictureOrder::default(),
            held: VecDeque::new(),
            decoded: 0,
            shown: 0,
        }
    }

    fn next_access_unit(&mut self) -> Result<Option<Bytes>, StageError> {
        loop {
            if let Some(unit) = self.units.next_unit(self.at_end)? {
                return Ok(Some(unit.freeze()));
            }
            if self.at_end {
                return Ok(None);
            }
            let length = self
                .input
                .read_at(self.at, &mut self.buffer)
                .map_err(|error| StageError::Unavailable(error.to_string()))?;
            self.at += length as u64;
            self.at_end = length == 0;
            self.units.push(&self.buffer[..length]);
        }
    }

    /// Takes an access unit in.
    fn take(&mut self, data: Bytes) -> Result<(), StageError> {
        let head = access_unit::head(self.codec, &data);
        if let Some(parameters) = self.sets.observe(&head)? {
            // What was decoded with other parameters is shown before.
            self.show_all_but(0);
            self.held
                .push_back(Held::Item(SourceItem::Parameters(parameters)));
        }
        if !self.sets.is_announced() {
            self.corrupt("a picture before the first parameter sets");
            return Ok(());
        }
        if head.slice.is_empty() {
            self.corrupt("parameter sets without a picture");
            return Ok(());
        }
        let place = self.order.next(&self.sets, head.slice);
        if place.is_none_or(|place| place.begins) {
            self.show_all_but(0);
        }
        let key = head.key;
        self.held.push_back(Held::Picture {
            key,
            count: place.map_or(0, |place| place.count),
            decoded: self.decoded,
            shown: None,
            data,
        });
        self.decoded += 1;
        self.show_all_but(if place.is_some() { self.depth() } else { 0 });
        Ok(())
    }

    fn corrupt(&mut self, reason: &str) {
        self.held.push_back(Held::Item(SourceItem::Corrupt {
            reason: reason.to_owned(),
        }));
    }

    /// How many pictures wait for one that is shown before them.
    fn depth(&self) -> usize {
        let reorder = self.sets.sequence().and_then(|sequence| sequence.reorder);
        reorder.map_or(HELD_MAX, |reorder| (reorder as usize).min(HELD_MAX))
    }

    /// Numbers pictures in the order of showing until no more than `rest` are without.
    fn show_all_but(&mut self, rest: usize) {
        loop {
            let mut without: Vec<(&i64, &mut Option<i64>)> = self
                .held
                .iter_mut()
                .filter_map(|held| match held {
                    Held::Picture { count, shown, .. } if shown.is_none() => Some((&*count, shown)),
                    _ => None,
                })
                .collect();
            if without.len() <= rest {
                return;
            }
            // The first of equals.
            if let Some((_, shown)) = without.iter_mut().min_by_key(|(count, _)| **count) {
                **shown = Some(self.shown);
                self.shown += 1;
            }
        }
    }

    /// The first item, if all is known of it.
    fn ready(&mut self) -> Option<SourceItem> {
        if let Held::Picture { shown: None, .. } = self.held.front()? {
            return None;
        }
        match self.held.pop_front()? {
            Held::Item(item) => Some(item),
            Held::Picture {
                data,
                key,
                decoded,
                shown,
                count: _,
            } => {
                let said = self.sets.sequence().and_then(|sequence| sequence.rate);
                let rate = self.rate.or(said).unwrap_or(RATE);
                let micros = |number: i64| (number as f64 * 1e6 / rate).round() as i64;
                Some(SourceItem::Packet(SourcePacket {
                    dts_micros: micros(decoded - self.depth() as i64),
                    pts_micros: micros(shown?),
                    camera_wall: None,
                    key,
                    data,
                }))
            }
        }
    }
}

impl Demux for Raw {
    fn next(&mut self) -> Result<Option<SourceItem>, StageError> {
        loop {
            if let Some(item) = self.ready() {
                return Ok(Some(item));
            }
            match self.next_access_unit() {
                Ok(Some(data)) => self.take(data)?,
                Ok(None) if self.held.is_empty() => return Ok(None),
                Ok(None) => self.show_all_but(0),
                Err(StageError::Corrupt(reason)) => self.corrupt(&reason),
                Err(other) => return Err(other),
            }
        }
    }
}
