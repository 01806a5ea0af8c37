//! What H.264, H.265 and JPEG bytes say without decoding a picture.

pub mod access_unit;
pub mod annexb;
pub mod bits;
pub mod decode_times;
pub(crate) mod entries;
pub mod h264;
pub mod jpeg;
pub mod parameter_sets;
pub mod picture_order;
pub mod sequence;
