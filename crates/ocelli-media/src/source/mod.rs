//! Where packets come from. One file (or folder) and one line in [`SOURCES`] for each kind; the
//! scheme of an address picks the kind.

pub mod file;
pub mod rtsp;

use std::{fmt, path::PathBuf, sync::Arc};

use ocelli_core::{Secret, StageError, seam::Source};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

/// User and password of a camera, split off its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The configuration file or the command line asks: loopback and recordings are allowed.
    Operator,
    /// The API asks: no loopback, and recordings only below this folder, if any.
    Remote {
        /// The folder.
        files_below: Option<PathBuf>,
    },
}

/// What a configuration says of one source.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// The address, without credentials.
    pub url: Url,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// Options of the kind.
    pub options: Map<String, Value>,
    /// Who asks.
    pub reach: Reach,
}

/// One kind of source.
pub struct SourceKind {
    /// Its name.
    pub name: &'static str,
    /// One line for people: a lowercase phrase without a full stop.
    pub summary: &'static str,
    /// Schemes of the addresses that it takes.
    pub schemes: &'static [&'static str],
    /// JSON Schema of its options.
    pub options_schema: fn() -> Value,
    /// Makes one; nothing is connected yet.
    pub build: fn(SourceRequest) -> Result<Arc<dyn Source>, StageError>,
}

impl fmt::Debug for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every kind of source.
pub const SOURCES: &[&SourceKind] = &[&rtsp::KIND, &file::KIND];

/// The kind that takes addresses of this scheme.
pub fn kind_of(scheme: &str) -> Option<&'static SourceKind> {
    SOURCES
        .iter()
        .copied()
        .find(|kind| kind.schemes.contains(&scheme))
}

/// Makes the source that the scheme of the address asks for.
///
/// # Errors
/// [`StageError::Rejected`] for an unknown scheme, an unknown option, or an address that may not be
/// reached.
pub fn build(request: SourceRequest) -> Result<Arc<dyn Source>, StageError> {
    let scheme = request.url.scheme();
    let Some(kind) = kind_of(scheme) else {
        let known: Vec<&str> = SOURCES
            .iter()
            .flat_map(|kind| kind.schemes.iter().copied())
            .collect();
        return Err(StageError::Rejected(format!(
            "no source takes `{scheme}:` addresses, expected one of: {}",
            known.join(", ")
        )));
    };
    (kind.build)(request)
}

/// Takes user and password out of an address. Percent-encoding in them is undone.
///
/// # Errors
/// [`StageError::Rejected`] where the text is no address; the text is not repeated.
pub fn split_credentials(text: &str) -> Result<(Url, Option<Credentials>), StageError> {
    let mut url = Url::parse(text)
        .map_err(|error| StageError::Rejected(format!("not an address: {error}")))?;
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map(String::from)
            .map_err(|_not_utf8| {
                StageError::Rejected("user or password of the address are not UTF-8".to_owned())
            })
    };
    let user = decode(url.username())?;
    let password = url.password().map(decode).transpose()?;
    if user.is_empty() && password.is_none() {
        return Ok((url, None));
    }
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    if cleared.is_err() {
        return Err(StageError::Rejected(
            "an address of this kind has no user".to_owned(),
        ));
    }
    let credentials = Credentials {
        user,
        password: Secret::new(password.unwrap_or_default()),
    };
    Ok((url, Some(credentials)))
}

/// Reads the options of a kind.
pub(crate) fn options<T: DeserializeOwned>(options: Map<String, Value>) -> Result<T, StageError> {
    serde_json::from_value(Value::Object(options))
        .map_err(|error| StageError::Rejected(format!("options of the source: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_split_off_and_decoded() {
        let (url, credentials) =
            split_credentials("rtsp://user%40site:p%3Aa%2Fs@[::1]:8554/main?x=1").unwrap();
        assert_eq!(url.as_str(), "rtsp://[::1]:8554/main?x=1");
        let credentials = credentials.unwrap();
        assert_eq!(credentials.user, "user@site");
        assert_eq!(credentials.password.expose(), "p:a/s");
        assert!(!format!("{credentials:?}").contains("p:a/s"));
        let (_, none) = split_credentials("rtsp://cam.site.example/").unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        let error = split_credentials("rtsp://user:hunter2@:99999/").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn folder_and_list_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/source");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name != "mod")
            .collect();
        names.sort();
        let mut listed: Vec<&str> = SOURCES.iter().map(|kind| kind.name).collect();
        listed.sort_unstable();
        assert_eq!(names, listed);
    }
}
