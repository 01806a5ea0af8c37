//! A token that the configuration names.

use ocelli_core::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Knows a token when it sees it, without keeping its text.
#[derive(Clone)]
pub struct TokenCheck([u8; 32]);

impl TokenCheck {
    /// Knows `token`.
    pub fn new(token: &Secret) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }

    /// Whether `presented` is the token. The time it takes says nothing about where they differ.
    pub fn admits(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.0.ct_eq(&presented).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_admitted() {
        let check = TokenCheck::new(&Secret::new("0123456789abcdef"));
        assert!(check.admits("0123456789abcdef"));
        for wrong in ["", "0123456789abcdee", "0123456789abcdef ", "1"] {
            assert!(!check.admits(wrong), "{wrong}");
        }
    }
}
