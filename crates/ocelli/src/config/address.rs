//! Addresses of cameras and recordings. The text itself never stands in an error: it may hold a
//! password.

use std::path::Path;

use ocelli_core::Secret;
use url::Url;

/// An address, and the credentials that stood in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    /// Without credentials.
    pub(super) url: Url,
    /// The user.
    pub(super) user: Option<String>,
    /// The password.
    pub(super) password: Option<Secret>,
}

/// Reads an address: a URL, or a path below `folder` if it is relative. Err: a lowercase fragment.
pub(super) fn read(text: &str, folder: &Path) -> Result<Address, String> {
    if !text.contains("://") && !text.starts_with("file:") {
        let path = folder.join(text);
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let url = Url::from_file_path(path).map_err(|()| "not a path of a file".to_owned())?;
        return Ok(Address {
            url,
            user: None,
            password: None,
        });
    }
    let mut url = Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
    let user = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?.flatten();
    // Both are cleared even where one is empty: `rtsp://:@host`.
    let cleared = url
        .set_username("")
        .and_then(|()| url.set_password(None))
        .is_ok();
    if !cleared && (user.is_some() || password.is_some()) {
        return Err("an address of this kind has no user".to_owned());
    }
    Ok(Address {
        url,
        user,
        password: password.map(Secret::new),
    })
}

/// Percent-decoded text; none where there is nothing.
fn decoded(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(|text| Some(text.into_owned()))
        .map_err(|_not_utf8| "user or password are not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_split_off() {
        let address = read("rtsp://vie%40wer:s3%3Acret@cam:8554/a?b=c", Path::new("/x")).unwrap();
        assert_eq!(address.url.as_str(), "rtsp://cam:8554/a?b=c");
        assert_eq!(address.user.as_deref(), Some("vie@wer"));
        assert_eq!(address.password, Some(Secret::new("s3:cret")));
        let address = read("rtsp://cam/a", Path::new("/x")).unwrap();
        assert_eq!((address.user, address.password), (None, None));
    }

    #[test]
    fn paths_become_files() {
        for (text, url) in [
            ("clip.mp4", "file:///x/clip.mp4"),
            ("/a/b c.mp4", "file:///a/b%20c.mp4"),
            ("file:///a.mp4", "file:///a.mp4"),
        ] {
            assert_eq!(read(text, Path::new("/x")).unwrap().url.as_str(), url);
        }
    }

    #[test]
    fn errors_do_not_echo() {
        for text in [
            "rtsp://u:s3cret@[::1/a",
            "://s3cret",
            "rtsp://u:%ff%fes3cret@cam/",
        ] {
            let error = read(text, Path::new("/x")).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
