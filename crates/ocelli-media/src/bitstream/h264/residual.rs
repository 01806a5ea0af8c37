//! Residual of a macroblock: passed over, but counted, for later blocks depend on the counts
//! (ITU-T H.264 7.3.5.3).

use super::{
    column::{Column, Edge, Kind},
    entropy::{ABSENT, Block, Entropy},
    error::Damage,
};

const STRIDE: usize = 8;

/// Coefficients of a plane's 4x4 blocks, with those to the left and above.
#[derive(Debug, Clone, Copy)]
struct Counts([u8; 64]);

impl Counts {
    fn at(&self, x: usize, y: usize) -> u8 {
        self.0[((y + 1) * STRIDE + x + 1) & 63]
    }

    fn left(&self, x: usize, y: usize) -> u8 {
        self.0[((y + 1) * STRIDE + x) & 63]
    }

    fn top(&self, x: usize, y: usize) -> u8 {
        self.0[(y * STRIDE + x + 1) & 63]
    }

    fn set(&mut self, x: usize, y: usize, count: u8) {
        self.0[((y + 1) * STRIDE + x + 1) & 63] = count;
    }

    /// Begins with nothing inside.
    fn of<const SIZE: usize>(left: [u8; SIZE], top: [u8; SIZE]) -> Self {
        let mut counts = Self([0; 64]);
        for at in 0..SIZE {
            counts.0[((at + 1) * STRIDE) & 63] = left[at];
            counts.0[(at + 1) & 63] = top[at];
        }
        counts
    }
}

/// The x and y of 4x4 block `at` of quarter `quarter`, in blocks.
fn block_place(quarter: usize, at: usize) -> (usize, usize) {
    (quarter % 2 * 2 + at % 2, quarter / 2 * 2 + at / 2)
}

/// Passes over the residual of the macroblock `now`, and leaves the counts in it.
pub(super) fn skip<E: Entropy>(
    entropy: &mut E,
    now: &mut Column,
    left: Option<&Column>,
    top: Option<&Column>,
) -> Result<(), Damage> {
    // What is not there counts as coded for intra macroblocks in arithmetic coding (9.3.3.1.1.9).
    let absent = if E::ARITHMETIC && !now.kind.is_intra() {
        0
    } else {
        ABSENT
    };
    let outside = Edge {
        luma: [absent; 4],
        chroma: [[absent; 2]; 2],
        ..Edge::default()
    };
    let left_edge = left.map_or(&outside, |left| &left.right);
    let top_edge = top.map_or(&outside, |top| &top.bottom);
    let direct = Direct {
        left: left.map(|left| left.direct),
        top: top.map(|top| top.direct),
        absent,
    };
    luma(entropy, now, [left_edge, top_edge], &direct)?;
    if now.pattern >> 4 != 0 {
        chroma(entropy, now, [left_edge, top_edge], &direct)?;
    }
    Ok(())
}

/// The flags of direct current around.
struct Direct {
    left: Option<u8>,
    top: Option<u8>,
    absent: u8,
}

impl Direct {
    /// Of the left and the top, for the plane whose flag is `mask`.
    fn around(&self, mask: u8) -> (u8, u8) {
        let of = |flags: Option<u8>| flags.map_or(self.absent, |flags| flags & mask);
        (of(self.left), of(self.top))
    }
}

fn luma<E: Entropy>(
    entropy: &mut E,
    now: &mut Column,
    [left, top]: [&Edge; 2],
    direct: &Direct,
) -> Result<(), Damage> {
    let mut counts = Counts::of(left.luma, top.luma);
    let kind = if now.kind == Kind::IntraWhole {
        // Variable-length codes go by the counts of the first block instead.
        let (left, top) = if E::ARITHMETIC {
            direct.around(1)
        } else {
            (counts.left(0, 0), counts.top(0, 0))
        };
        let count = entropy.block(Block::LumaDc, left, top)?;
        now.direct |= u8::from(count > 0);
        Block::LumaAc
    } else {
        Block::Luma
    };
    for quarter in 0..4 {
        if now.pattern >> quarter & 1 == 0 {
            continue;
        }
        if E::ARITHMETIC && now.transform_8x8 {
            let count = entropy.block(Block::Luma8x8, 0, 0)?;
            for at in 0..4 {
                let (x, y) = block_place(quarter, at);
                counts.set(x, y, count);
            }
            continue;
        }
        for at in 0..4 {
            let (x, y) = block_place(quarter, at);
            let count = entropy.block(kind, counts.left(x, y), counts.top(x, y))?;
            counts.set(x, y, count);
        }
    }
    for at in 0..4 {
        now.bottom.luma[at] = counts.at(at, 3);
        now.right.luma[at] = counts.at(3, at);
    }
    Ok(())
}

fn chroma<E: Entropy>(
    entropy: &mut E,
    now: &mut Column,
    [left, top]: [&Edge; 2],
    direct: &Direct,
) -> Result<(), Damage> {
    for plane in 0..2 {
        let mask = 2 << plane;
        let (left, top) = direct.around(mask);
        if entropy.block(Block::ChromaDc, left, top)? > 0 {
            now.direct |= mask;
        }
    }
    if now.pattern >> 4 != 2 {
        return Ok(());
    }
    for plane in 0..2 {
        let mut counts = Counts::of(left.chroma[plane], top.chroma[plane]);
        for at in 0..4 {
            let (x, y) = (at % 2, at / 2);
            let count = entropy.block(Block::ChromaAc, counts.left(x, y), counts.top(x, y))?;
            counts.set(x, y, count);
        }
        for at in 0..2 {
            now.bottom.chroma[plane][at] = counts.at(at, 1);
            now.right.chroma[plane][at] = counts.at(1, at);
        }
    }
    Ok(())
}
