//! The log: to stderr, without secrets.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt::time::SystemTime};

/// A filter that is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a filter of the log: expected `error`, `warn`, `info`, `debug`, `trace`, or `part=level,...`"
)]
pub struct NotAFilter(String);

/// Starts logging what `filter` lets through, or from `otherwise` on where there is none. Only the
/// first call has an effect.
pub fn start(filter: Option<&str>, otherwise: &str) -> Result<(), NotAFilter> {
    let text = filter.unwrap_or(otherwise);
    let filter = EnvFilter::try_new(text).map_err(|_error| NotAFilter(text.to_owned()))?;
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_timer(SystemTime)
        .with_target(text.contains("debug") || text.contains("trace"))
        .try_init();
    // It runs already: tests in one process.
    drop(started);
    Ok(())
}
