//! A stream's addresses, and who is let in there.

use std::path::Path;

use ocelli_core::Secret;
use url::Url;

use super::{Resolver, check_reach};
use crate::config::{
    address::{self, Address},
    entry_place::Entry,
    secrets::secret,
    shape::StreamShape,
    tree::Place,
};

impl Resolver<'_> {
    fn address(&mut self, entry: &Entry<'_>, key: &str, text: &str) -> Option<Address> {
        let file = entry.own;
        let folder = file.parent().unwrap_or(Path::new("."));
        let read = address::read(text, folder).and_then(|address| {
            if self.from_api {
                check_reach(&address.url)?;
            }
            Ok(address)
        });
        read.map_err(|error| self.wrong(entry, &[key], error)).ok()
    }

    /// `url`, `detect_url`, user and password.
    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    pub(super) fn addresses(
        &mut self,
        entry: &Entry<'_>,
        shape: &StreamShape,
    ) -> Option<(Url, Option<Url>, Option<String>, Option<Secret>)> {
        let Some(url) = &shape.url else {
            let message = format!("the stream `{}` has no `url`", entry.key.text);
            self.wrong(entry, &["url"], message);
            return None;
        };
        let address = self.address(entry, "url", url)?;
        let detect = match &shape.detect_url {
            Some(text) => Some(self.address(entry, "detect_url", text)?),
            None => None,
        };
        let password = match &shape.password {
            None => None,
            Some(text) if self.from_api => Some(Secret::new(text)),
            Some(text) => match secret(text, Place::default(), self.variables) {
                Ok(secret) => Some(secret),
                Err(fault) => {
                    self.report(entry, &["password"], fault);
                    None
                }
            },
        };
        if address.password.is_some() && password.is_some() {
            let message = "a password stands in `url` as well";
            self.wrong(entry, &["password"], message);
        }
        if address.user.is_some() && shape.user.is_some() {
            self.wrong(entry, &["user"], "a user stands in `url` as well");
        }
        if let Some(detect) = &detect
            && (detect.user.is_some() || detect.password.is_some())
        {
            let message = "both addresses have one user: write it as `user` and `password`";
            self.wrong(entry, &["detect_url"], message);
        }
        let user = shape.user.clone().or(address.user);
        let password = password.or(address.password);
        if password.is_some() && user.is_none() {
            self.wrong(entry, &["password"], "a password without a `user`");
        }
        let detect = detect.map(|detect| detect.url);
        Some((address.url, detect, user, password))
    }
}
