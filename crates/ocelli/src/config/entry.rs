//! A stream as it is written into the file.

use std::fmt;

use url::Url;

/// What is written of one stream. A password is never among it, only the variable that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its name.
    pub name: String,
    /// Its address, without credentials.
    pub url: Url,
    /// User of the camera.
    pub user: Option<String>,
    /// Whether the camera asks for a password.
    pub has_password: bool,
    /// Options of the source, in its own words.
    pub source: serde_json::Map<String, serde_json::Value>,
    /// The profile that it follows.
    pub profile: String,
}

impl StreamEntry {
    /// The variable of the environment that the password is taken from: `LOBBY_PASSWORD`.
    pub fn password_variable(&self) -> String {
        let upper = |c: char| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        };
        let name: String = self.name.chars().map(upper).collect();
        // A variable does not begin with a digit, and the address of a camera often does.
        let camera = if name.starts_with(|c: char| c.is_ascii_digit()) {
            "CAMERA_"
        } else {
            ""
        };
        format!("{camera}{name}_PASSWORD")
    }
}

/// YAML, to stand below `streams:`.
impl fmt::Display for StreamEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}:", scalar(&self.name))?;
        writeln!(f, "    url: {}", scalar(self.url.as_str()))?;
        if let Some(user) = &self.user {
            writeln!(f, "    user: {}", scalar(user))?;
        }
        if self.has_password {
            writeln!(f, "    password: ${{{}}}", self.password_variable())?;
        }
        if !self.source.is_empty() {
            // JSON is YAML.
            let source = serde_json::Value::Object(self.source.clone());
            writeln!(f, "    source: {source}")?;
        }
        write!(f, "    profile: {}", scalar(&self.profile))
    }
}

/// The text as YAML reads it: as it is, or between quotes.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:?&=@%+~".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !text.ends_with(':')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// A name out of a recording's file, or of a camera's host and path.
pub(super) fn name_of(url: &Url) -> String {
    let file = url.to_file_path().ok().filter(|_| url.scheme() == "file");
    let stem = file
        .as_ref()
        .and_then(|file| file.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_else(|| {
        let host = url.host_str().unwrap_or_default();
        format!("{host}{}", url.path())
    });
    let fitting: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let fitting = fitting.trim_matches('-');
    if fitting.is_empty() {
        return "stream".to_owned();
    }
    fitting[..fitting.len().min(48)].to_owned()
}

impl StreamEntry {
    /// An entry named after its address.
    pub fn new(url: Url, profile: impl Into<String>) -> Self {
        Self {
            name: name_of(&url),
            url,
            user: None,
            has_password: false,
            source: serde_json::Map::new(),
            profile: profile.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{LoadOptions, load};

    #[test]
    fn what_is_written_is_read_as_it_was_meant() {
        for (name, url, user) in [
            ("lobby", "rtsp://cam1.site.example/main", Some("viewer")),
            (
                "1-east",
                "rtsp://10.0.0.9:8554/cam/realmonitor?channel=1&subtype=1",
                Some("a: #b, \"c\""),
            ),
            ("no", "rtsp://cam/a,b[0]{c}#d", None),
        ] {
            let mut entry = StreamEntry::new(Url::parse(url).unwrap(), "door");
            entry.name = name.to_owned();
            entry.user = user.map(str::to_owned);
            entry.has_password = user.is_some();
            entry.source.insert("transport".to_owned(), "udp".into());
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("ocelli.yaml");
            let profile = "profiles: { door: { purpose: seeing, retention: 1d } }";
            fs::write(&file, format!("{profile}\nstreams:\n{entry}\n")).unwrap();
            let variable = entry.password_variable();
            let variables = |asked: &str| (asked == variable).then(|| "hunter2".to_owned());
            let options = LoadOptions {
                data_dir: None,
                variables: &variables,
            };
            let configuration =
                load(&file, &options).unwrap_or_else(|errors| panic!("{errors} of\n{entry}"));
            let stream = &configuration.streams[name];
            assert_eq!(stream.url, entry.url);
            assert_eq!(stream.user.as_deref(), user);
            assert_eq!(
                stream.password.as_ref().map(ocelli_core::Secret::expose),
                user.map(|_| "hunter2")
            );
            assert_eq!(stream.source["transport"], "udp");
        }
    }

    #[test]
    fn variables_are_names_of_variables() {
        let url = Url::parse("rtsp://10.0.0.9/").unwrap();
        let entry = StreamEntry::new(url, "door");
        assert_eq!(entry.name, "10-0-0-9");
        assert_eq!(entry.password_variable(), "CAMERA_10_0_0_9_PASSWORD");
    }
}
