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

/// The path of ONNX Runtime: `OCELLI_ONNXRUNTIME`, or beside the executable, or in `../lib` of its
/// folder, or in `.deps` of the source tree that it was built in, or where the system keeps
/// libraries.
pub fn find_onnx_runtime() -> Result<PathBuf, RuntimeError> {
    if let Some(path) = std::env::var_os("OCELLI_ONNXRUNTIME").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let executable = std::env::current_exe().unwrap_or_default();
    let candidates = candidates(&executable, |folder| folder.join("Cargo.lock").is_file());
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| RuntimeError::NotFound {
        looked_at: candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// Where the library may lie for this executable. Folders above it are no place to load code from,
/// as anyone may write to some of them, unless one of them is a source tree.
fn candidates(executable: &Path, is_source_tree: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    if let Some(folder) = executable.parent() {
        candidates.push(folder.join(FILE));
        if let Some(above) = folder.parent() {
            candidates.push(above.join("lib").join(FILE));
        }
        let tree = folder.ancestors().find(|folder| is_source_tree(folder));
        candidates.extend(tree.map(|tree| tree.join(".deps").join(FILE)));
    }
    let system = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    candidates.extend(system.map(|folder| Path::new(folder).join(FILE)));
    candidates
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_looked_for_beside_the_executable_and_in_its_source_tree_alone() {
        let mut installed = candidates(Path::new("/opt/ocelli/bin/ocelli-eye"), |_| false);
        installed.retain(|path| path.starts_with("/opt"));
        let expected = ["/opt/ocelli/bin", "/opt/ocelli/lib"];
        assert_eq!(
            installed,
            expected.map(|folder| Path::new(folder).join(FILE))
        );

        let built = Path::new("/home/me/ocelli/target/debug/ocelli-eye");
        let candidates = candidates(built, |folder| folder == Path::new("/home/me/ocelli"));
        assert!(candidates.contains(&Path::new("/home/me/ocelli/.deps").join(FILE)));
        assert!(!candidates.contains(&Path::new("/home/me/.deps").join(FILE)));
    }

    #[test]
    fn a_file_that_is_no_library_is_said_with_its_path() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let error = init_onnx_runtime(path).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml cannot be used"), "{error}");
    }
}
