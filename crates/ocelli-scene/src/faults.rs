//! What a scene had to refuse.

use serde::{Deserialize, Serialize};

/// Counts of bad input and of limits that were reached, since the scene began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Boxes with a number that is not finite, without area, or outside the picture.
    pub bad_boxes: u64,
    /// Boxes beyond the most that one look may have; the least certain are left out.
    pub boxes_over: u64,
    /// Looks at a time that was looked at before, or at an earlier one.
    pub looks_not_later: u64,
    /// Times that lay so far back that the scene began anew.
    pub timelines_restarted: u64,
    /// Objects beyond the most that are followed at once.
    pub tracks_over: u64,
    /// States of another version or damaged: the scene began anew.
    pub states_refused: u64,
    /// States without the memory of some rules, for lack of room.
    pub states_cut: u64,
}
