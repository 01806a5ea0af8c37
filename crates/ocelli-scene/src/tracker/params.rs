//! The tracker's numbers in one place, each with how it was found.

/// Numbers of the tracker. The defaults were searched on detections of a campus road and of
/// simulated streets at 25 to 1 looks a second; results are flat around them.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Standard deviation of a detected box's middle, in its sides.
    pub seen_sd: f32,
    /// Standard deviation of a detected box's sides, in themselves.
    pub side_sd: f32,
    /// Change of a box's sides within a second, in themselves.
    pub side_change: f32,
    /// Factor on the prior speed of each group of labels.
    pub speed_scale: f32,
    /// Factor on the change of speed of each group of labels.
    pub change_scale: f32,
    /// Spread of a true match around the prediction beyond the filter's own, in sizes: boxes
    /// change shape under occlusion.
    pub match_sd: f32,
    /// Spread of the logarithm of a true match's sides.
    pub shape_sd: f32,
    /// Weight of the overlap beside the motion's likelihood.
    pub iou_weight: f32,
    /// Weight of the direction of travel.
    pub heading_weight: f32,
    /// A match that costs more is none, where one box would stand on an area of its own size.
    pub cost_max: f32,
    /// How much more a match may cost where boxes are rare: factor on the logarithm of the boxes
    /// of such objects that stand on an area of the object's size.
    pub rare_weight: f32,
    /// The most that this adds.
    pub rare_max: f32,
    /// Subtracted from that for the detector's unsure boxes.
    pub cost_max_low: f32,
    /// Extra cost of an object that is not confirmed yet.
    pub unconfirmed_cost: f32,
    /// A sure box begins an object from the threshold plus this on.
    pub birth_margin: f32,
    /// Extra cost of a new object that has not moved.
    pub standing_cost: f32,
    /// An unseen object that is expected outside the picture is kept for this share of the time.
    pub left_patience: f32,
    /// Share of the shift that well-known objects have in common which is taken for the camera's.
    pub shake_share: f32,
    /// Looks that confirm an object.
    pub confirm_looks: u32,
    /// Sum of scores that confirms an object at two looks.
    pub confirm_score: f32,
    /// An unconfirmed object may be unseen so long, in seconds.
    pub tentative_secs: f32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            seen_sd: 0.25,
            side_sd: 0.25,
            side_change: 0.1,
            speed_scale: 1.4,
            change_scale: 0.71,
            match_sd: 0.11,
            shape_sd: 0.12,
            iou_weight: 5.8,
            heading_weight: 4.9,
            cost_max: 5.2,
            rare_weight: 2.1,
            rare_max: 4.2,
            cost_max_low: 2.0,
            unconfirmed_cost: 0.81,
            birth_margin: 0.0,
            standing_cost: 1.5,
            left_patience: 0.5,
            shake_share: 1.0,
            confirm_looks: 3,
            confirm_score: 1.2,
            tentative_secs: 0.2,
        }
    }
}
