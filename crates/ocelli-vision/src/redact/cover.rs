//! What of a picture is filled: whole blocks of 8 x 8 pixels, so that neither the halved colour
//! planes nor the shape of what is covered say anything.

use ocelli_core::BBox;

use super::canvas::Canvas;

/// Side of a block in pixels of the canvas.
pub(super) const BLOCK: usize = 8;

/// Which blocks are filled.
#[derive(Clone)]
pub(super) struct Cover {
    columns: usize,
    rows: usize,
    width: usize,
    height: usize,
    filled: Vec<bool>,
}

impl Cover {
    /// Nothing is filled yet of a canvas of this size.
    pub(super) fn open(width: usize, height: usize) -> Self {
        let (columns, rows) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
        Self {
            columns,
            rows,
            width,
            height,
            filled: vec![false; columns * rows],
        }
    }

    /// Fills the block that a cell of 2 x 2 pixels is in.
    pub(super) fn fill_cell(&mut self, x: usize, y: usize) {
        self.filled[2 * y / BLOCK * self.columns + 2 * x / BLOCK] = true;
    }

    /// Whether the block that a cell of 2 x 2 pixels is in is filled.
    pub(super) fn has_cell(&self, x: usize, y: usize) -> bool {
        self.filled[2 * y / BLOCK * self.columns + 2 * x / BLOCK]
    }

    /// Fills the neighbours of what is filled.
    pub(super) fn dilate(&mut self) {
        let before = self.filled.clone();
        for y in 0..self.rows {
            for x in 0..self.columns {
                let near = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
                self.filled[y * self.columns + x] = near(y, self.rows)
                    .any(|y| near(x, self.columns).any(|x| before[y * self.columns + x]));
            }
        }
    }

    /// Fills every block that `bbox` touches.
    pub(super) fn fill(&mut self, bbox: BBox) {
        let (columns, rows) = (self.columns as f32, self.rows as f32);
        let scale_x = self.width as f32 / BLOCK as f32;
        let scale_y = self.height as f32 / BLOCK as f32;
        let left = (bbox.x * scale_x).floor().clamp(0.0, columns) as usize;
        let right = (bbox.right() * scale_x).ceil().clamp(0.0, columns) as usize;
        let top = (bbox.y * scale_y).floor().clamp(0.0, rows) as usize;
        let bottom = (bbox.bottom() * scale_y).ceil().clamp(0.0, rows) as usize;
        for row in top..bottom {
            let row = &mut self.filled[row * self.columns..][..self.columns];
            if left < right {
                row[left..right].fill(true);
            }
        }
    }

    /// Opens every block that lies in `bbox` whole.
    pub(super) fn reveal(&mut self, bbox: BBox) {
        let scale_x = self.width as f32 / BLOCK as f32;
        let scale_y = self.height as f32 / BLOCK as f32;
        let left = (bbox.x * scale_x).ceil().max(0.0) as usize;
        let right = ((bbox.right() * scale_x).floor().max(0.0) as usize).min(self.columns);
        let top = (bbox.y * scale_y).ceil().max(0.0) as usize;
        let bottom = ((bbox.bottom() * scale_y).floor().max(0.0) as usize).min(self.rows);
        for row in top..bottom {
            let row = &mut self.filled[row * self.columns..][..self.columns];
            if left < right {
                row[left..right].fill(false);
            }
        }
    }

    /// The share of blocks that are open, 0..1.
    pub(super) fn share_open(&self) -> f32 {
        let open = self.filled.iter().filter(|filled| !**filled).count();
        open as f32 / self.filled.len().max(1) as f32
    }

    /// Fills what is to be filled.
    pub(super) fn apply(&self, canvas: &mut Canvas) {
        for y in 0..self.rows {
            let row = &self.filled[y * self.columns..][..self.columns];
            for x in (0..self.columns).filter(|&x| row[x]) {
                let (left, top) = (x * BLOCK, y * BLOCK);
                canvas.fill((left, top), (left + BLOCK, top + BLOCK));
            }
        }
    }
}

/// `bbox` grown on each side by a share of its own size.
pub(super) fn grown(bbox: BBox, share: f32) -> BBox {
    let (x, y) = (bbox.w * share, bbox.h * share);
    BBox {
        x: bbox.x - x,
        y: bbox.y - y,
        w: bbox.w + 2.0 * x,
        h: bbox.h + 2.0 * y,
    }
}

/// Where a vehicle carries its number plate: the lower band of its box, and a little around it.
pub(super) fn number_plate(bbox: BBox) -> BBox {
    let band = BBox {
        y: bbox.y + bbox.h * 0.5,
        h: bbox.h * 0.5,
        ..bbox
    };
    grown(band, 0.15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_rounds_outwards_and_revealing_inwards() {
        let bbox = BBox::from_corners(0.15, 0.15, 0.85, 0.85);
        let mut cover = Cover::open(80, 80);
        cover.fill(bbox);
        assert!((cover.share_open() - 0.36).abs() < 1e-6, "8 x 8 of 10 x 10");
        let mut cover = Cover::open(80, 80);
        cover.fill(BBox::from_corners(-1.0, -1.0, 2.0, 2.0));
        cover.reveal(bbox);
        assert!((cover.share_open() - 0.36).abs() < 1e-6, "6 x 6 of 10 x 10");
    }

    #[test]
    fn a_filled_block_takes_its_neighbours_along() {
        let mut cover = Cover::open(80, 80);
        cover.fill_cell(0, 0);
        cover.fill_cell(20, 20);
        cover.dilate();
        assert!(
            (cover.share_open() - (1.0 - 0.13)).abs() < 1e-6,
            "2 x 2 and 3 x 3"
        );
        assert!(cover.has_cell(16, 24) && !cover.has_cell(12, 16));
    }
}
