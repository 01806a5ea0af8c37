//! Decoders and detectors from the outside.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests may panic and say what they measured"
)]

mod clip;
mod damage;
mod decoders;
mod detectors;
mod painted;
mod pets;
mod redact;
mod stills;
mod tensors;
