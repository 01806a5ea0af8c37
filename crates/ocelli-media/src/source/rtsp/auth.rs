//! Answers to a camera that asks who is there (RFC 2617: Basic; RFC 7616: Digest).

use std::fmt;

use http_auth::{PasswordClient, PasswordParams};
use ocelli_core::StageError;

use super::{super::Credentials, message::Response};

/// Who watches, and how the camera wants to be told.
pub(super) struct Auth {
    credentials: Option<Credentials>,
    client: Option<PasswordClient>,
}

/// Shows no credential.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(..)")
    }
}

impl Auth {
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            client: None,
        }
    }

    /// Takes the challenges of a response of status 401; the strongest that is understood counts.
    ///
    /// # Errors
    /// [`StageError::Rejected`] where there are no credentials, or no challenge is understood.
    pub(super) fn challenge(&mut self, response: &Response) -> Result<(), StageError> {
        if self.credentials.is_none() {
            return Err(StageError::Rejected(
                "the camera asks for user and password".to_owned(),
            ));
        }
        let builder = response
            .headers("WWW-Authenticate")
            .fold(PasswordClient::builder(), |builder, challenges| {
                builder.challenges(challenges)
            });
        let client = builder.build().map_err(|_error| {
            StageError::Rejected(
                "the camera asks for a password in a way that is not known here".to_owned(),
            )
        })?;
        self.client = Some(client);
        Ok(())
    }

    /// The header that goes with a request, once the camera has asked for it.
    pub(super) fn header(&mut self, method: &str, uri: &str) -> Option<String> {
        let credentials = self.credentials.as_ref()?;
        self.client
            .as_mut()?
            .respond(&PasswordParams {
                username: &credentials.user,
                password: credentials.password.expose(),
                uri,
                method,
                body: Some(&[]),
            })
            .ok()
    }
}
