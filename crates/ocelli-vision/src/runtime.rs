//! Finding and loading ONNX Runtime.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use ort::environment::Environment;

/// The library's file name.
const FILE: &str = "libonnxruntime.so";

/// Why ONNX Runtime is not there.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Nowhere to be found.
    #[error(
        "{FILE} was not found: set OCELLI_ONNXRUNTIME to its path, or put it beside the executable (looked at: {looked_at})"
    )]
    NotFound {
        /// The paths that were tried.
        looked_at: String,
    },
    /// Found, but not one that can be used.
    #[error("ONNX Runtime at {path} cannot be used: {cause}")]
    Unusable {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// [`init_onnx_runtime`] was not called.
    #[error("ONNX Runtime is not loaded")]
    NotLoaded,
}

/// The path of ONNX Runtime: `OCELLI_ONNXRUNTIME`, or beside the executable, in `../lib` or `.deps`
/// of a folder above it, or where the system keeps libraries.
pub fn find_onnx_runtime() -> Result<PathBuf, RuntimeError> {
    if let Some(path) = std::env::var_os("OCELLI_ONNXRUNTIME").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let mut candidates = Vec::new();
    if let Ok(executable) = std::env::current_exe() {
        for folder in executable.ancestors().skip(1) {
            candidates.push(folder.join(FILE));
            candidates.push(folder.join("lib").join(FILE));
            candidates.push(folder.join(".deps").join(FILE));
        }
    }
    for folder in [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ] {
        candidates.push(Path::new(folder).join(FILE));
    }
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| RuntimeError::NotFound {
        looked_at: candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// Loads the library. Needed once, before any model; later calls do nothing.
pub fn init_onnx_runtime(path: &Path) -> Result<(), RuntimeError> {
    if ENVIRONMENT.get().is_some() {
        return Ok(());
    }
    let unusable = |cause: String| RuntimeError::Unusable {
        path: path.display().to_string(),
        cause,
    };
    let environment = ort::init_from(path)
        .map_err(|error| unusable(error.to_string()))?
        .with_name("ocelli")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    // A second thread that was faster has loaded the same library.
    ENVIRONMENT.get_or_init(|| environment);
    Ok(())
}

/// The environment that sessions are built in.
pub(crate) fn environment() -> Result<&'static Environment, RuntimeError> {
    ENVIRONMENT.get().ok_or(RuntimeError::NotLoaded)
}
