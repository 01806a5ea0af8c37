//! Raw H.264 and H.265 byte streams. They carry no times: pictures come at an even rate.

use bytes::Bytes;
use ocelli_core::{
    Codec, StageError,
    seam::{SourceItem, SourcePacket},
};

use super::{demux::Demux, input::Input};
use crate::bitstream::{access_unit, annexb, parameter_sets::ParameterSets};

/// Pictures a second where nothing says how many.
const RATE: f64 = 25.0;
const READ_BYTES: usize = 64 * 1024;

pub(super) struct Raw {
    input: Input,
    at: u64,
    buffer: Vec<u8>,
    codec: Codec,
    units: annexb::AccessUnits,
    at_end: bool,
    rate: Option<f64>,
    sets: ParameterSets,
    /// Pictures so far.
    count: u64,
    waiting: Option<SourcePacket>,
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
            count: 0,
            waiting: None,
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
}

impl Demux for Raw {
    fn next(&mut self) -> Result<Option<SourceItem>, StageError> {
        if let Some(packet) = self.waiting.take() {
            return Ok(Some(SourceItem::Packet(packet)));
        }
        let data = match self.next_access_unit() {
            Ok(Some(data)) => data,
            Ok(None) => return Ok(None),
            Err(StageError::Corrupt(reason)) => return Ok(Some(SourceItem::Corrupt { reason })),
            Err(other) => return Err(other),
        };
        let head = access_unit::head(self.codec, &data);
        let parameters = self.sets.observe(&head)?;
        let key = head.key;
        let Some(sequence) = self.sets.sequence() else {
            return Ok(Some(SourceItem::Corrupt {
                reason: "a picture before the first parameter sets".to_owned(),
            }));
        };
        let rate = self.rate.or(sequence.rate).unwrap_or(RATE);
        let at_micros = (self.count as f64 * 1e6 / rate).round() as i64;
        self.count += 1;
        let packet = SourcePacket {
            dts_micros: at_micros,
            pts_micros: at_micros,
            camera_wall: None,
            key,
            data,
        };
        if let Some(parameters) = parameters {
            self.waiting = Some(packet);
            return Ok(Some(SourceItem::Parameters(parameters)));
        }
        Ok(Some(SourceItem::Packet(packet)))
    }
}
