//! Query parameters, read strictly: an unknown name, a repeated single value and an unreadable
//! value are all told at once.

use std::{convert::Infallible, fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use ocelli_core::WallTime;

use super::problem::{Problem, Wrong};

/// Most parameters of a request.
const PARAMETERS_MAX: usize = 1000;

/// The parameters of a request that have not been taken yet.
#[derive(Debug)]
pub(crate) struct Query {
    left: Vec<(String, String)>,
    wrong: Vec<Wrong>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn read(text: &str) -> Self {
        let left = url::form_urlencoded::parse(text.as_bytes())
            .take(PARAMETERS_MAX)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self {
            left,
            wrong: Vec::new(),
        }
    }

    /// Takes the value of a parameter that may stand once.
    pub(crate) fn one<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let mut texts = self.texts(name);
        if texts.len() > 1 {
            self.refuse(name, "it stands more than once");
            return None;
        }
        let text = texts.pop()?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, error);
                None
            }
        }
    }

    /// Takes the values of a parameter that may stand several times.
    pub(crate) fn many<T: FromStr<Err: Display>>(&mut self, name: &str, most: usize) -> Vec<T> {
        let texts = self.texts(name);
        if texts.len() > most {
            self.refuse(name, format_args!("it stands more than {most} times"));
            return Vec::new();
        }
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.refuse(name, error),
            }
        }
        values
    }

    /// Takes a time, RFC 3339.
    pub(crate) fn time(&mut self, name: &str) -> Option<WallTime> {
        let text: String = self.one(name)?;
        let time = WallTime::from_rfc3339(&text);
        if time.is_none() {
            self.refuse(name, "not a time such as 2026-11-24T08:30:00Z");
        }
        time
    }

    /// Takes a number between `least` and `most`, or `otherwise` where there is none.
    pub(crate) fn number(&mut self, name: &str, least: u64, most: u64, otherwise: u64) -> u64 {
        match self.one::<u64>(name) {
            Some(number) if (least..=most).contains(&number) => number,
            Some(_) => {
                self.refuse(name, format_args!("not between {least} and {most}"));
                otherwise
            }
            None => otherwise,
        }
    }

    /// Notes that a value cannot be.
    pub(crate) fn refuse(&mut self, name: &str, detail: impl Display) {
        self.wrong.push(Wrong {
            at: name.to_owned(),
            detail: detail.to_string(),
        });
    }

    /// Ends the reading: an error if anything was wrong or is left.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _value) in std::mem::take(&mut self.left) {
            let name: String = name.chars().take(64).collect();
            self.refuse(&name, "there is no such parameter");
        }
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.wrong))
        }
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        self.left.retain_mut(|(have, value)| {
            let wanted = have == name;
            if wanted {
                texts.push(std::mem::take(value));
            }
            !wanted
        });
        texts
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::Label;

    use super::*;

    #[test]
    fn what_is_asked_is_read() {
        let mut query =
            Query::read("label=car&limit=7&label=bus&name=a%20b&from=2026-11-24T08:30:00Z");
        assert_eq!(query.many::<Label>("label", 15), [Label::Car, Label::Bus]);
        assert_eq!(query.number("limit", 1, 10, 5), 7);
        assert_eq!(query.number("other", 1, 10, 5), 5);
        assert_eq!(query.one::<String>("name").as_deref(), Some("a b"));
        assert!(query.time("from").is_some());
        query.finish().unwrap();
    }

    #[test]
    fn everything_wrong_is_told() {
        let mut query =
            Query::read("label=face&limit=11&tag=a&tag=b&frm=x&from=yesterday&kind=a&kind=b");
        assert!(query.many::<Label>("label", 15).is_empty());
        assert_eq!(query.number("limit", 1, 10, 5), 5);
        assert_eq!(query.one::<String>("tag"), None);
        assert_eq!(query.time("from"), None);
        assert!(query.many::<String>("kind", 1).is_empty());
        let problem = query.finish().unwrap_err();
        assert_eq!(problem.status(), 422);
        let body = serde_json::to_value(&problem).unwrap();
        let at: Vec<&str> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|wrong| wrong["at"].as_str().unwrap())
            .collect();
        assert_eq!(at, ["label", "limit", "tag", "from", "kind", "frm"]);
    }
}
