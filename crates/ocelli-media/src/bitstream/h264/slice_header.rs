//! The head of a slice (ITU-T H.264 7.3.3).

use super::{
    error::{Damage, ParseError, Unsupported},
    parameters::{OrderCount, Picture, Sequence},
    reader::Reader,
};

/// What a slice says of its macroblocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SliceHeader {
    /// The first macroblock.
    pub(super) first: usize,
    pub(super) is_predicted: bool,
    /// It repeats a picture that is there: not to be parsed.
    pub(super) is_redundant: bool,
    /// Reference pictures of a P slice.
    pub(super) references: u8,
    /// Which initial contexts the arithmetic decoder takes, 0..=2.
    pub(super) contexts: u8,
    pub(super) qp: i32,
}

/// What stands first in a slice, and says which parameter sets the rest needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct SliceStart {
    pub(super) first: u32,
    kind: u32,
    pub(super) picture: u8,
}

impl SliceStart {
    /// Reads the start.
    pub(super) fn read(bits: &mut Reader<'_>) -> Result<Self, ParseError> {
        let first = bits.ue()?;
        let kind = bits.ue_to(9)? % 5;
        match kind {
            0 | 2 => {}
            1 => return Err(Unsupported::Bidirectional.into()),
            _ => return Err(Unsupported::Switching.into()),
        }
        let picture = bits.ue_to(255)? as u8;
        Ok(Self {
            first,
            kind,
            picture,
        })
    }
}

impl SliceHeader {
    /// Reads the rest of the header; `unit_head` is the first byte of the NAL unit.
    pub(super) fn read(
        start: SliceStart,
        unit_head: u8,
        sequence: &Sequence,
        picture: &Picture,
        bits: &mut Reader<'_>,
    ) -> Result<Self, ParseError> {
        let is_idr = unit_head & 0x1f == 5;
        let is_predicted = start.kind == 0;
        bits.skip(sequence.frame_num_bits);
        if sequence.fields && bits.bit() {
            return Err(Unsupported::Interlaced.into());
        }
        if is_idr {
            bits.ue()?; // idr_pic_id
        }
        skip_order(sequence, picture, bits)?;
        let is_redundant = picture.says_redundancy && bits.ue()? > 0;
        let mut references = picture.references;
        if is_predicted {
            if bits.bit() {
                references = bits.ue_to(31)? as u8 + 1;
            }
            skip_reordering(bits)?;
            if picture.is_weighted {
                skip_weights(bits, references, sequence.has_chroma)?;
            }
        }
        if unit_head & 0x60 != 0 {
            skip_marking(bits, is_idr)?;
        }
        let contexts = if picture.is_arithmetic && is_predicted {
            bits.ue_to(2)? as u8
        } else {
            0
        };
        let qp = picture.qp.saturating_add(bits.se()?);
        if !(0..=51).contains(&qp) {
            return Err(Damage::Range.into());
        }
        if picture.says_deblocking && bits.ue_to(2)? != 1 {
            bits.se()?; // slice_alpha_c0_offset_div2
            bits.se()?; // slice_beta_offset_div2
        }
        bits.check()?;
        Ok(Self {
            first: start.first as usize,
            is_predicted,
            is_redundant,
            references,
            contexts,
            qp,
        })
    }
}

fn skip_order(sequence: &Sequence, picture: &Picture, bits: &mut Reader<'_>) -> Result<(), Damage> {
    match sequence.order {
        OrderCount::Lsb(count) => {
            bits.skip(count);
            if picture.says_bottom_order {
                bits.se()?;
            }
        }
        OrderCount::Differences { always_zero: false } => {
            bits.se()?;
            if picture.says_bottom_order {
                bits.se()?;
            }
        }
        OrderCount::Differences { always_zero: true } | OrderCount::None => {}
    }
    Ok(())
}

/// 7.3.3.1. Each step reads a bit at least, and none are read behind the end.
fn skip_reordering(bits: &mut Reader<'_>) -> Result<(), Damage> {
    if bits.bit() {
        while bits.ue_to(3)? != 3 {
            bits.ue()?;
            bits.check()?;
        }
    }
    Ok(())
}

/// 7.3.3.2.
fn skip_weights(bits: &mut Reader<'_>, references: u8, has_chroma: bool) -> Result<(), Damage> {
    bits.ue()?;
    if has_chroma {
        bits.ue()?;
    }
    for _ in 0..references {
        if bits.bit() {
            bits.se()?;
            bits.se()?;
        }
        if has_chroma && bits.bit() {
            for _ in 0..4 {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// 7.3.3.3.
fn skip_marking(bits: &mut Reader<'_>, is_idr: bool) -> Result<(), Damage> {
    if is_idr {
        bits.skip(2);
    } else if bits.bit() {
        loop {
            let operation = bits.ue_to(6)?;
            let numbers = match operation {
                0 => return Ok(()),
                3 => 2,
                5 => 0,
                _ => 1,
            };
            for _ in 0..numbers {
                bits.ue()?;
            }
            bits.check()?;
        }
    }
    Ok(())
}
