//! Flagged pixels, joined to components of eight neighbours.

use super::luma::{HEIGHT, Patch, WIDTH};

/// A flagged pixel needs so many flagged neighbours.
const NEIGHBOURS_MIN: usize = 2;
/// A component needs so many pixels.
const PIXELS_MIN: usize = 3;

/// One component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Component {
    pub(super) score: f32,
    pub(super) patch: Patch,
}

/// The components of pixels whose weight is above 0, without lonely ones.
pub(super) fn components(weights: &[f32]) -> Vec<Component> {
    let mut left: Vec<bool> = (0..weights.len())
        .map(|at| weights[at] > 0.0 && flagged_around(weights, at) >= NEIGHBOURS_MIN)
        .collect();
    let mut found = Vec::new();
    let mut open = Vec::new();
    for start in 0..left.len() {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        open.push(start);
        let (mut score, mut pixels) = (0.0, 0);
        let mut patch = Patch {
            left: WIDTH,
            top: HEIGHT,
            right: 0,
            bottom: 0,
        };
        while let Some(at) = open.pop() {
            let (x, y) = (at % WIDTH, at / WIDTH);
            score += weights[at];
            pixels += 1;
            patch.left = patch.left.min(x);
            patch.right = patch.right.max(x);
            patch.top = patch.top.min(y);
            patch.bottom = patch.bottom.max(y);
            open.extend(around(at).filter(|&at| std::mem::take(&mut left[at])));
        }
        if pixels >= PIXELS_MIN {
            found.push(Component { score, patch });
        }
    }
    found
}

fn flagged_around(weights: &[f32], at: usize) -> usize {
    around(at).filter(|&at| weights[at] > 0.0).count()
}

/// The neighbours of a pixel.
fn around(at: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % WIDTH, at / WIDTH);
    let rows = y.saturating_sub(1)..=(y + 1).min(HEIGHT - 1);
    rows.flat_map(move |row| {
        let columns = x.saturating_sub(1)..=(x + 1).min(WIDTH - 1);
        columns.map(move |column| row * WIDTH + column)
    })
    .filter(move |&other| other != at)
}
