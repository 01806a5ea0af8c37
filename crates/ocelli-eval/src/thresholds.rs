//! Every threshold of the scores. They are constants, so that no run can be scored by its own.

/// The overlaps (IoU) at which HOTA is taken and over which it is averaged: 0.05 to 0.95
/// (Luiten et al. 2020, section 5).
pub const HOTA_ALPHAS: [f64; 19] = [
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85,
    0.9, 0.95,
];

/// The overlap (IoU) from which a box is a hit for MOTA and IDF1.
pub const HIT_IOU_MIN: f64 = 0.5;

/// The scores from which detections are taken for their recall and precision.
pub const DETECTION_SCORES: [f32; 18] = [
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85,
    0.9,
];

/// The precisions at which the recall of detections is given.
pub const DETECTION_PRECISIONS: [f64; 2] = [0.9, 0.5];

/// A tag and a true tag can only be one where they overlap in time by this share of the shorter.
pub const OVERLAP_SHARE_MIN: f64 = 0.5;

/// A tag and a true tag can only be one where the mean overlap (IoU) of their boxes is at least
/// this, over the times at which both exist.
pub const MEAN_IOU_MIN: f64 = 0.3;

/// A crossing or an entry is found if it is reported within this many seconds of the true one: a
/// stream that is looked at once a second needs two looks for an entry.
pub const INSTANT_SECS_MAX: f64 = 3.0;

/// Bounds of the lengths of passages by which scores are given, in seconds.
pub const LENGTH_SECS: [f64; 3] = [1.0, 2.0, 5.0];

/// True passages shorter than this are shown on their own and do not count as missed.
pub const PASSAGE_SECS_MIN: f64 = 1.0;

/// Standard deviations of a 95 % interval.
pub const INTERVAL_Z: f64 = 1.959_963_984_540_054;
