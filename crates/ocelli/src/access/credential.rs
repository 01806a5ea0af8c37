//! Random secrets, and the hashes that are kept of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ocelli_core::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::AccessError;

/// What an API token starts with, so that a scanner for leaked secrets knows it.
const TOKEN_PREFIX: &str = "ocelli_";

/// SHA-256 of a secret of 256 random bits: there is nothing to guess, so no slow hash is needed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Of the text of a secret.
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// As it is stored.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the stored one, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// 256 random bits as 43 characters.
pub(crate) fn random_secret() -> Result<Secret, AccessError> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(AccessError::random)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bits)))
}

/// A new API token: its public id, and the text that its owner keeps.
pub(crate) fn new_token() -> Result<(String, Secret), AccessError> {
    let mut bits = [0; 9];
    getrandom::fill(&mut bits).map_err(AccessError::random)?;
    let id = URL_SAFE_NO_PAD.encode(bits).replace(['-', '_'], "0");
    let secret = random_secret()?;
    let text = Secret::new(format!("{TOKEN_PREFIX}{id}_{}", secret.expose()));
    Ok((id, text))
}

/// The public id in a token's text, if it has the shape of one.
pub(crate) fn token_id(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(TOKEN_PREFIX)?;
    let (id, secret) = rest.split_once('_')?;
    (id.len() == 12 && secret.len() == 43).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_show_their_id() {
        let (id, text) = new_token().unwrap();
        let (other, text_other) = new_token().unwrap();
        assert_ne!(id, other);
        assert_ne!(text.expose(), text_other.expose());
        assert_eq!(token_id(text.expose()), Some(id.as_str()));
        for bad in [
            "",
            "ocelli_",
            "ocelli_abc_def",
            "bearer",
            "ocelli_\u{1f441}",
        ] {
            assert_eq!(token_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn digests_compare() {
        let digest = Digest::of("one");
        assert!(digest.is(Digest::of("one").bytes()));
        assert!(!digest.is(Digest::of("two").bytes()));
        assert!(!digest.is(b"short"));
    }
}
