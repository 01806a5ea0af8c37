//! Passwords: argon2id, with the parameters that the crate's authors take from OWASP (19 MiB, two
//! passes).

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use ocelli_core::Secret;

use super::AccessError;

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// A hash of no known password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$\
                      7Uv3fOS8nLDkfbXxjO4SV4M5Hpi1ZvJzTAmcGSnEu3Q";

/// The hash of a new password, with its salt and parameters.
pub(super) fn hash(password: &Secret) -> Result<String, AccessError> {
    let text = password.expose();
    if text.chars().count() < PASSWORD_CHARS_MIN {
        return Err(AccessError::Refused(format!(
            "the password is too short: {PASSWORD_CHARS_MIN} characters at least"
        )));
    }
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(AccessError::Refused(format!(
            "the password is too long: {PASSWORD_BYTES_MAX} bytes at most"
        )));
    }
    Argon2::default()
        .hash_password(text.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| AccessError::Storage(format!("argon2: {error}")))
}

/// Whether `password` is the one that was hashed. With no hash it costs as much time and says no,
/// so that nobody learns from the time which users there are.
pub(super) fn verify(password: &Secret, stored: Option<&str>) -> bool {
    let text = password.expose();
    if text.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(stored.unwrap_or(NOBODY)) else {
        return false;
    };
    let fits = Argon2::default()
        .verify_password(text.as_bytes(), &parsed)
        .is_ok();
    fits && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits() {
        let hash = hash(&Secret::new("correct horse battery")).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify(&Secret::new("correct horse battery"), Some(&hash)));
        assert!(!verify(&Secret::new("correct horse batterz"), Some(&hash)));
        assert!(!verify(&Secret::new("correct horse battery"), None));
        assert!(!verify(&Secret::new("correct horse battery"), Some("junk")));
    }

    #[test]
    fn the_hash_of_nobody_is_read() {
        // Otherwise an unknown user would be answered faster than a known one.
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(hash(&Secret::new("too short")).is_err());
        assert!(hash(&Secret::new("x".repeat(257))).is_err());
        assert!(hash(&Secret::new("x".repeat(256))).is_ok());
    }
}
