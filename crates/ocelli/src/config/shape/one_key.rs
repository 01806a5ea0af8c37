//! Things of which a map has one key, their kind: rules and sinks.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::RuleShape;

impl<'de> Deserialize<'de> for RuleShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, configuration) = deserializer.deserialize_map(OneKey("rule"))?;
        Ok(Self {
            kind,
            configuration,
        })
    }
}

/// A sink: one key, its kind.
#[derive(Debug, Clone)]
pub(in crate::config) struct SinkShape {
    pub(in crate::config) kind: String,
    pub(in crate::config) configuration: serde_json::Value,
}

impl<'de> Deserialize<'de> for SinkShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, configuration) = deserializer.deserialize_map(OneKey("sink"))?;
        Ok(Self {
            kind,
            configuration,
        })
    }
}

/// A map with one key, the kind of what is named.
struct OneKey(&'static str);

impl<'de> Visitor<'de> for OneKey {
    type Value = (String, serde_json::Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map with one key, the kind of the {}", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let what = self.0;
        let Some((kind, configuration)) = map.next_entry::<String, _>()? else {
            return Err(de::Error::custom(format_args!(
                "expected one key, the kind of the {what}"
            )));
        };
        match map.next_key::<String>()? {
            None => Ok((kind, configuration)),
            Some(second) => Err(de::Error::custom(format_args!(
                "`{second}` stands beside `{kind}`: a {what} has one key, its kind"
            ))),
        }
    }
}
