//! The gate `motion`: what of a quiet stream is worth decoding besides its key pictures.

use ocelli_core::{
    Codec, CodecParameters, Packet,
    seam::{PacketGate, PacketSight, PacketVerdict},
};

use super::{Calmness, MacroblockGate, MacroblockLook, StreamClass, THRESHOLD, sizes::SizeGate};
use crate::bitstream::{
    annexb,
    h264::{MacroblockMap, ParseError, Parser, Unsupported},
};

/// One in so many pictures of a group is parsed.
const EVERY: u64 = 3;
/// Pictures in a row that cannot be read, before the gate goes by sizes.
const DAMAGED_MAX: u32 = 25;

/// Parses every third picture between key pictures and looks at its macroblock map; goes by the
/// sizes of packets where the coding cannot be parsed, and says so.
pub(super) struct MotionGate {
    way: Way,
    /// Place of the last packet in its group; the key picture is 0. `None` before the first.
    position: Option<u64>,
}

/// How it judges.
enum Way {
    Maps(Box<Maps>),
    Sizes(&'static str, SizeGate),
    Keys,
}

struct Maps {
    parser: Parser,
    map: MacroblockMap,
    gate: MacroblockGate,
    calmness: Calmness,
    last: Option<MacroblockLook>,
    damaged: u32,
}

impl MotionGate {
    /// A gate for a stream of these parameters.
    pub(super) fn new(parameters: &CodecParameters) -> Self {
        let way = match parameters.codec {
            Codec::Mjpeg => Way::Keys,
            Codec::H265 => Way::sizes("H.265 is not parsed"),
            Codec::H264 => Way::Maps(Box::new(Maps {
                parser: Parser::with_sets(&parameters.parameter_sets),
                map: MacroblockMap::new(),
                gate: MacroblockGate::new(THRESHOLD),
                calmness: Calmness::new(),
                last: None,
                damaged: 0,
            })),
        };
        Self {
            way,
            position: None,
        }
    }

    /// Moves on to `packet`; its place in its group, if that began.
    fn place(&mut self, packet: &Packet) -> Option<u64> {
        if !packet.key {
            self.position = self.position.map(|position| position + 1);
            return self.position;
        }
        self.position = Some(0);
        match &mut self.way {
            Way::Maps(maps) => maps.begin_group(packet),
            Way::Sizes(_, sizes) => sizes.begin_group(),
            Way::Keys => {}
        }
        self.position
    }
}

impl PacketGate for MotionGate {
    fn judge(&mut self, packet: &Packet) -> PacketVerdict {
        let Some(position) = self.place(packet).filter(|_| !packet.key) else {
            return PacketVerdict::Skip;
        };
        let changed = match &mut self.way {
            Way::Maps(maps) => match maps.look(packet, position) {
                Ok(changed) => changed,
                Err(reason) => {
                    self.way = Way::sizes(reason);
                    false
                }
            },
            Way::Sizes(_, sizes) => sizes.look(packet.data.len()),
            Way::Keys => false,
        };
        if changed {
            PacketVerdict::DecodeFromKey
        } else {
            PacketVerdict::Skip
        }
    }

    fn pass(&mut self, packet: &Packet) {
        self.place(packet);
    }

    fn refute(&mut self) {
        match &mut self.way {
            Way::Maps(maps) => {
                if let Some(look) = &maps.last {
                    maps.gate.refute(look);
                }
            }
            Way::Sizes(_, sizes) => sizes.refute(),
            Way::Keys => {}
        }
    }

    fn sight(&self) -> PacketSight {
        match &self.way {
            Way::Maps(maps) => match (maps.calmness.share(), maps.calmness.class()) {
                (None, _) => PacketSight::Learning,
                (Some(_), StreamClass::Calm) => PacketSight::Calm,
                (Some(_), StreamClass::Boiling) => PacketSight::Boiling,
            },
            Way::Sizes(reason, _) => PacketSight::Sizes(reason),
            Way::Keys => PacketSight::Keys,
        }
    }
}

impl Way {
    fn sizes(reason: &'static str) -> Self {
        Self::Sizes(reason, SizeGate::default())
    }
}

impl Maps {
    /// Takes the parameter sets that stand before a key picture.
    fn begin_group(&mut self, packet: &Packet) {
        self.gate.begin_group();
        for unit in annexb::units(&packet.data) {
            match unit.first().map_or(0, |head| head & 0x1f) {
                1..=5 => break,
                _ => self.parser.take_set(unit),
            }
        }
    }

    /// Looks at a picture if it is its turn; whether it changed. An error says why no picture of
    /// this stream can be read.
    fn look(&mut self, packet: &Packet, position: u64) -> Result<bool, &'static str> {
        let boils =
            self.calmness.share().is_some() && self.calmness.class() == StreamClass::Boiling;
        // Of a boiling stream one in a group is parsed, to notice when it becomes calm.
        let due = if boils {
            position == EVERY
        } else {
            MacroblockGate::is_due(position, EVERY)
        };
        if !due {
            return Ok(false);
        }
        match self.parser.parse(&packet.data, &mut self.map) {
            Ok(()) => self.damaged = 0,
            Err(ParseError::Unsupported(unsupported)) => return Err(refusal(unsupported)),
            Err(_damage) => {
                self.damaged += 1;
                return if self.damaged > DAMAGED_MAX {
                    Err("its slices cannot be read")
                } else {
                    Ok(false)
                };
            }
        }
        if !self.map.is_predicted() {
            return Ok(false);
        }
        let class = self.calmness.learn(self.map.coded_share());
        if boils && class == StreamClass::Calm {
            // What was learnt is of another kind of stream.
            self.gate.reset();
        }
        let look = self.gate.look(&self.map);
        self.last = Some(look);
        // While the class is not known, what stands out is decoded too: it costs a few groups.
        let known = self.calmness.share().is_some();
        Ok(look.triggered && (class == StreamClass::Calm || !known))
    }
}

fn refusal(unsupported: Unsupported) -> &'static str {
    match unsupported {
        Unsupported::Bidirectional => "B pictures are not parsed",
        Unsupported::Interlaced => "interlaced pictures are not parsed",
        Unsupported::Switching
        | Unsupported::SliceGroups
        | Unsupported::SliceOrder
        | Unsupported::DataPartitions => "its kind of slices is not parsed",
        Unsupported::ChromaFormat | Unsupported::BitDepth => "its kind of samples is not parsed",
        Unsupported::Size => "pictures of its size are not parsed",
    }
}
