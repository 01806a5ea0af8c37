//! Sources as the engine sees them.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod cameras;
mod media;
mod recordings;
