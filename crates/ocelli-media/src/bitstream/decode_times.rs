//! Decoding times for streams that only say when pictures are shown: RTP, Matroska.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

/// The most pictures that H.264 and H.265 hold back.
const DEPTH_MAX: usize = 16;

/// Gives each picture, in decoding order, a decoding time: the times of showing in ascending order,
/// late by as many pictures as may be held back, so that no picture is shown before it is decoded.
#[derive(Debug)]
pub struct DecodeTimes {
    /// How many pictures may be held back; grows where nothing said so and it proves too small.
    depth: usize,
    /// Times of showing that no picture was decoded at yet, one for each picture of `depth`.
    waiting: BinaryHeap<Reverse<i64>>,
    /// Times of showing of the last pictures.
    recent: VecDeque<i64>,
    last: Option<i64>,
}

impl DecodeTimes {
    /// Begins a timeline. `reorder`: as [`super::sequence::Sequence::reorder`]; where it is not
    /// known, pictures are taken to keep their order until one does not.
    pub fn new(reorder: Option<u32>) -> Self {
        Self {
            depth: reorder.map_or(0, |depth| (depth as usize).min(DEPTH_MAX)),
            waiting: BinaryHeap::new(),
            recent: VecDeque::with_capacity(DEPTH_MAX),
            last: None,
        }
    }

    /// The decoding time of the next picture, in the unit of `shown`. Never goes back. `step` is the
    /// usual time from picture to picture, for the first ones.
    pub fn next(&mut self, shown: i64, step: i64) -> i64 {
        let held_back = self.recent.iter().filter(|&&before| before > shown).count();
        self.depth = self.depth.max(held_back);
        if self.recent.len() == DEPTH_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(shown);
        let before = self.waiting.len();
        self.waiting.push(Reverse(shown));
        let least = self.waiting.peek().map_or(shown, |&Reverse(least)| least);
        let decoded = if before >= self.depth {
            self.waiting.pop();
            least
        } else {
            let missing = (self.depth - before) as i64;
            least.saturating_sub(step.saturating_mul(missing))
        };
        let decoded = self.last.map_or(decoded, |last| decoded.max(last));
        self.last = Some(decoded);
        decoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(reorder: Option<u32>, shown: &[i64]) -> Vec<i64> {
        let mut times = DecodeTimes::new(reorder);
        shown.iter().map(|&shown| times.next(shown, 10)).collect()
    }

    #[test]
    fn pictures_in_order_are_decoded_when_they_are_shown() {
        for reorder in [None, Some(0)] {
            assert_eq!(times(reorder, &[5, 15, 25, 40]), [5, 15, 25, 40]);
        }
    }

    #[test]
    fn pictures_out_of_order_are_decoded_before_they_are_shown() {
        // I P B B P B B
        let shown = [0, 30, 10, 20, 60, 40, 50];
        assert_eq!(times(Some(1), &shown), [-10, 0, 10, 20, 30, 40, 50]);
        let late = times(Some(2), &shown);
        assert_eq!(late, [-20, -10, 0, 10, 20, 30, 40]);
        assert!(
            late.iter()
                .zip(&shown)
                .all(|(decoded, shown)| decoded <= shown)
        );
    }

    #[test]
    fn what_nobody_said_is_learned() {
        let shown = [0, 30, 10, 20, 60, 40, 50, 90, 70, 80];
        let learned = times(None, &shown);
        assert!(
            learned.windows(2).all(|pair| pair[0] <= pair[1]),
            "{learned:?}"
        );
        assert_eq!(learned[4..], [30, 40, 50, 60, 70, 80]);
    }

    proptest::proptest! {
        #[test]
        fn never_goes_back(
            shown in proptest::collection::vec(proptest::prelude::any::<i64>(), 0..100),
            reorder in proptest::option::of(0_u32..40),
        ) {
            let decoded = times(reorder, &shown);
            proptest::prop_assert!(decoded.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
