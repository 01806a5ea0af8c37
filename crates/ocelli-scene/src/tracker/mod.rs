//! Joins boxes over time by motion alone: no vector of anybody's appearance exists here.
//!
//! The parts, and where they come from:
//! * a Kalman filter with real time steps ([`kalman`]);
//! * association in cascades, with the detector's unsure boxes last (ByteTrack: Zhang et al., ECCV
//!   2022), by the likelihood of the motion ([`association`]), solved as a sparse linear
//!   assignment ([`assignment`]);
//! * after a gap, the filter is walked again along the straight way between the two observations
//!   (OC-SORT: Cao et al., CVPR 2023);
//! * a shake of the camera is taken out by the shift that most objects share ([`camera_motion`]).

mod assignment;
mod association;
mod camera_motion;
mod cascade;
mod kalman;
mod kind;
mod object;
mod params;

pub(crate) use cascade::{TRACKS_MAX, Tracker};
pub(crate) use object::Object;
pub use params::Params;
