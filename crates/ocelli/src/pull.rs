//! Fetches a model of the catalogue from its authors.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::models::{self, KnownModel};

/// How long a pull may take.
const PULL_WITHIN: Duration = Duration::from_mins(10);
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Why a model could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nobody publishes it.
    #[error("nobody publishes `{0}`: there is nothing to pull")]
    NotPublished(String),
    /// The other side could not be reached, or refused.
    #[error(
        "cannot fetch {url}: {reason}\nwhere the network is closed, fetch it elsewhere and put it \
         into {folder} as {file}"
    )]
    Unreachable {
        /// Where it is.
        url: String,
        /// Why not.
        reason: String,
        /// Where it belongs.
        folder: String,
        /// Under which name.
        file: String,
    },
    /// What came is something else.
    #[error(
        "what came from {url} has {bytes} bytes and the hash {found}, expected {expected}: nothing was kept"
    )]
    Different {
        /// Where it came from.
        url: String,
        /// How much came.
        bytes: usize,
        /// Its hash.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// It could not be kept.
    #[error("cannot keep it: {0}")]
    Disk(#[from] io::Error),
}

/// Fetches `model` into the data directory. Size and hash are checked before anything is kept.
pub fn pull(model: &KnownModel, data_dir: &Path) -> Result<PathBuf, PullError> {
    pull_with(model, data_dir, fetch)
}

fn pull_with(
    model: &KnownModel,
    data_dir: &Path,
    fetch: impl Fn(&str, u64) -> Result<Vec<u8>, String>,
) -> Result<PathBuf, PullError> {
    let Some(url) = &model.url else {
        return Err(PullError::NotPublished(model.id.clone()));
    };
    let folder = models::pulled_dir(data_dir);
    let bytes = fetch(url, model.bytes).map_err(|reason| PullError::Unreachable {
        url: url.clone(),
        reason,
        folder: folder.display().to_string(),
        file: model.file.clone(),
    })?;
    let found = models::sha256(&bytes);
    if found != model.sha256 {
        return Err(PullError::Different {
            url: url.clone(),
            bytes: bytes.len(),
            found,
            expected: model.sha256.clone(),
        });
    }
    fs::create_dir_all(&folder)?;
    let file = folder.join(&model.file);
    let part = folder.join(format!("{}.part", model.file));
    let mut writer = fs::File::create(&part)?;
    writer.write_all(&bytes)?;
    writer.sync_all()?;
    fs::rename(&part, &file)?;
    Ok(file)
}

/// At most one byte more than `bytes_wanted`.
fn fetch(url: &str, bytes_wanted: u64) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .https_only(true)
        .max_redirects(0)
        .timeout_global(Some(PULL_WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let answer = agent.get(url).call().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the answer is {}", answer.status()));
    }
    let mut bytes = Vec::new();
    answer
        .into_body()
        .into_reader()
        .take(bytes_wanted + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> KnownModel {
        KnownModel {
            sha256: models::sha256(b"weights"),
            bytes: 7,
            ..models::find("fastestdet-352").unwrap().clone()
        }
    }

    #[test]
    fn what_has_the_hash_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let model = published();
        let file = pull_with(&model, dir.path(), |_, _| Ok(b"weights".to_vec())).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"weights");
        assert_eq!(model.load(dir.path()).unwrap(), b"weights".as_slice());
    }

    #[test]
    fn what_is_something_else_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let model = published();
        let error = pull_with(&model, dir.path(), |_, _| Ok(b"weightz".to_vec())).unwrap_err();
        assert!(matches!(error, PullError::Different { .. }), "{error}");
        let closed = |_: &str, _| Err("the network is closed".to_owned());
        let error = pull_with(&model, dir.path(), closed).unwrap_err();
        assert!(error.to_string().contains(&model.file), "{error}");
        let unpublished = KnownModel { url: None, ..model };
        assert!(pull(&unpublished, dir.path()).is_err());
        assert!(
            !models::pulled_dir(dir.path())
                .join(&unpublished.file)
                .exists()
        );
    }
}
