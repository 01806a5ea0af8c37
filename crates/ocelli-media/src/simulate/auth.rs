//! Who may watch: Digest (RFC 7616, and RFC 2069 for what cameras speak) and Basic (RFC 7617).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::Md5;
use ocelli_core::Secret;
use sha2::Sha256;

/// A way to prove that one knows the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// Digest with SHA-256.
    DigestSha256,
    /// Digest with MD5, as nearly all cameras want it.
    DigestMd5,
    /// The password itself, readable on the wire.
    Basic,
}

/// The one user of simulated cameras.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// What is offered, in this order; nothing else is accepted. Many clients take the last that
    /// they know.
    pub schemes: Vec<AuthScheme>,
}

const REALM: &str = "ocelli-simulate";

impl Credentials {
    /// Digest with SHA-256, then with MD5.
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        Self {
            user: user.into(),
            password,
            schemes: vec![AuthScheme::DigestSha256, AuthScheme::DigestMd5],
        }
    }

    /// The values of the `WWW-Authenticate` headers of a 401.
    pub(super) fn challenges(&self, nonce: &str) -> Vec<String> {
        challenges(&self.schemes, nonce)
    }

    /// Whether `authorization` proves, for this request and nonce, that its sender knows the
    /// password.
    pub(super) fn admit(&self, authorization: &str, method: &str, uri: &str, nonce: &str) -> bool {
        let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return self.schemes.contains(&AuthScheme::Basic) && self.admits_basic(rest.trim());
        }
        scheme.eq_ignore_ascii_case("digest")
            && self
                .admits_digest(&parameters(rest), method, uri, nonce)
                .unwrap_or(false)
    }

    fn admits_basic(&self, encoded: &str) -> bool {
        let expected = format!("{}:{}", self.user, self.password.expose());
        STANDARD
            .decode(encoded)
            .is_ok_and(|given| is_same(&given, expected.as_bytes()))
    }

    /// `None` if something is missing or not as it was asked for.
    fn admits_digest(
        &self,
        given: &[(String, String)],
        method: &str,
        uri: &str,
        nonce: &str,
    ) -> Option<bool> {
        let get = |name: &str| {
            given
                .iter()
                .find(|(have, _)| have == name)
                .map(|(_, value)| value.as_str())
        };
        let (scheme, hash): (_, fn(&str) -> String) = match get("algorithm") {
            None => (AuthScheme::DigestMd5, md5_hex),
            Some(name) if name.eq_ignore_ascii_case("md5") => (AuthScheme::DigestMd5, md5_hex),
            Some(name) if name.eq_ignore_ascii_case("sha-256") => {
                (AuthScheme::DigestSha256, sha256_hex)
            }
            Some(_) => return None,
        };
        // Some clients sign the URL of the whole stream when they set up its track.
        let signed = get("uri").filter(|signed| !signed.is_empty() && uri.starts_with(signed))?;
        if !self.schemes.contains(&scheme)
            || get("username")? != self.user
            || get("realm")? != REALM
            || get("nonce")? != nonce
        {
            return None;
        }
        let secret = hash(&format!("{}:{REALM}:{}", self.user, self.password.expose()));
        let request = hash(&format!("{method}:{signed}"));
        let expected = match get("qop") {
            None => hash(&format!("{secret}:{nonce}:{request}")),
            Some("auth") => {
                let (count, own) = (get("nc")?, get("cnonce")?);
                hash(&format!("{secret}:{nonce}:{count}:{own}:auth:{request}"))
            }
            Some(_) => return None,
        };
        let response = get("response")?.to_ascii_lowercase();
        Some(is_same(response.as_bytes(), expected.as_bytes()))
    }
}

/// Asks for a proof by one of `schemes`.
pub(super) fn challenges(schemes: &[AuthScheme], nonce: &str) -> Vec<String> {
    schemes
        .iter()
        .map(|scheme| match scheme {
            AuthScheme::DigestSha256 => format!(
                "Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\""
            ),
            AuthScheme::DigestMd5 => format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\""),
            AuthScheme::Basic => format!("Basic realm=\"{REALM}\""),
        })
        .collect()
}

/// Compares without telling by the time where the first difference is.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len()
        && given
            .iter()
            .zip(expected)
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
}

fn md5_hex(text: &str) -> String {
    use md5::Digest as _;
    hex(&Md5::digest(text))
}

fn sha256_hex(text: &str) -> String {
    use sha2::Digest as _;
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// `name=value` and `name="quoted \" value"`, separated by commas; names in lower case. What is not
/// of this form is left out.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ', '\t']).to_ascii_lowercase();
        let after = after.trim_start();
        let value = if let Some(quoted) = after.strip_prefix('"') {
            let (value, tail) = unquote(quoted);
            rest = tail;
            value
        } else {
            let (value, tail) = after.split_once(',').unwrap_or((after, ""));
            rest = tail;
            value.trim().to_owned()
        };
        found.push((name, value));
    }
    found
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "rtsp://h/cam/0/";

    fn credentials(schemes: &[AuthScheme]) -> Credentials {
        Credentials {
            schemes: schemes.to_vec(),
            ..Credentials::new("vi\"ewer", Secret::new("s3cret"))
        }
    }

    /// What an independent client answers to the challenges.
    fn answer(credentials: &Credentials, password: &str, method: &str) -> String {
        let challenges = credentials.challenges("n0nce").join(", ");
        let mut client = http_auth::PasswordClient::try_from(challenges.as_str()).unwrap();
        let parameters = http_auth::PasswordParams {
            username: "vi\"ewer",
            password,
            uri: URI,
            method,
            body: Some(&[]),
        };
        client.respond(&parameters).unwrap()
    }

    #[test]
    fn an_independent_client_is_admitted() {
        use AuthScheme::{Basic, DigestMd5, DigestSha256};
        for schemes in [
            &[DigestMd5][..],
            &[DigestSha256],
            &[Basic],
            &[DigestSha256, DigestMd5],
            &[Basic, DigestMd5],
        ] {
            let credentials = credentials(schemes);
            let right = answer(&credentials, "s3cret", "PLAY");
            let track = "rtsp://h/cam/0/trackID=0";
            assert!(credentials.admit(&right, "PLAY", URI, "n0nce"), "{right}");
            assert!(credentials.admit(&right, "PLAY", track, "n0nce"), "{right}");
            let wrong = answer(&credentials, "guess", "PLAY");
            assert!(!credentials.admit(&wrong, "PLAY", URI, "n0nce"));
            if !right.starts_with("Basic") {
                assert!(!credentials.admit(&right, "PLAY", URI, "other"), "nonce");
                assert!(!credentials.admit(&right, "SETUP", URI, "n0nce"), "method");
                assert!(
                    !credentials.admit(&right, "PLAY", "rtsp://h/cam/1/", "n0nce"),
                    "URL"
                );
            }
        }
    }

    #[test]
    fn only_what_is_offered_is_accepted() {
        use AuthScheme::{Basic, DigestMd5, DigestSha256};
        for (offered, answered) in [
            (DigestMd5, Basic),
            (DigestMd5, DigestSha256),
            (DigestSha256, DigestMd5),
            (Basic, DigestMd5),
        ] {
            let answer = answer(&credentials(&[answered]), "s3cret", "PLAY");
            assert!(!credentials(&[offered]).admit(&answer, "PLAY", URI, "n0nce"));
        }
    }

    #[test]
    fn odd_headers_are_refused() {
        let credentials = credentials(&[AuthScheme::DigestMd5, AuthScheme::Basic]);
        for header in [
            "",
            "Digest",
            "Digest =",
            "Digest username=\"",
            "Digest username=\"vi\\\"ewer\", realm=\"ocelli-simulate\", nonce=\"n0nce\", uri=\"\"",
            "Basic",
            "Basic ====",
            "Bearer s3cret",
        ] {
            assert!(!credentials.admit(header, "PLAY", URI, "n0nce"), "{header}");
        }
    }

    #[test]
    fn the_example_of_rfc_7616() {
        // Section 3.9.1, without the server: the two hashes of the same request.
        let secret = md5_hex("Mufasa:http-auth@example.org:Circle of Life");
        let request = md5_hex("GET:/dir/index.html");
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let own = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        assert_eq!(
            md5_hex(&format!("{secret}:{nonce}:00000001:{own}:auth:{request}")),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
    }
}
