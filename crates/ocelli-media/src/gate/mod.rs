//! The packet gate: judges by what is coded, before anything is decoded.

mod class;
mod macroblock;
mod motion;
mod sizes;

use ocelli_core::{CodecParameters, seam::PacketGate, settings::GateKind};

pub use class::{Calmness, StreamClass};
pub use macroblock::{MacroblockGate, MacroblockLook, Region, THRESHOLD, changes};

/// The packet gate of a stream: `None` where what is decoded does not depend on what is coded.
pub fn build(kind: GateKind, parameters: &CodecParameters) -> Option<Box<dyn PacketGate>> {
    match kind {
        GateKind::Always | GateKind::Keyframes => None,
        GateKind::Motion => Some(Box::new(motion::MotionGate::new(parameters))),
    }
}
