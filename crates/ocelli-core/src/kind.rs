//! Registration: a [`Kind`] ties a name in the configuration file to the code that builds it.
//!
//! Configuration is deserialised in place by the kind that the key names, so the struct that
//! describes a component lives in that component's file, and an error still points at its line.

use std::{fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

/// Builds a `T` from its configuration.
pub type Build<T> =
    fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Box<T>, erased_serde::Error>;

/// One named way to make a `T`.
pub struct Kind<T: ?Sized> {
    /// The key in the configuration file: lower case.
    pub name: &'static str,
    /// One line for `ocelli kinds` and the reference page: a lowercase phrase without a full stop.
    pub summary: &'static str,
    /// Makes one.
    pub build: Build<T>,
}

/// Reads `{ <kind>: <its configuration> }` with the given list.
pub struct OneOf<T: ?Sized + 'static>(pub &'static [&'static Kind<T>]);

impl<'de, T: ?Sized> DeserializeSeed<'de> for OneOf<T> {
    type Value = Box<T>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Box<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<T: ?Sized> OneOf<T> {
    fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|kind| kind.name).collect();
        names.join(", ")
    }
}

impl<'de, T: ?Sized> Visitor<'de> for OneOf<T> {
    type Value = Box<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map with one key, one of: {}", self.names())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Box<T>, A::Error> {
        let name: String = map.next_key()?.ok_or_else(|| {
            A::Error::custom(format_args!("expected one key, one of: {}", self.names()))
        })?;
        let Some(kind) = self.0.iter().find(|kind| kind.name == name) else {
            return Err(A::Error::custom(format_args!(
                "unknown kind `{name}`, expected one of: {}",
                self.names()
            )));
        };
        let built = map.next_value_seed(BuildSeed(kind.build, PhantomData))?;
        match map.next_key::<String>()? {
            None => Ok(built),
            Some(extra) => Err(A::Error::custom(format_args!(
                "a second kind `{extra}` beside `{name}`: write one kind in each map"
            ))),
        }
    }
}

struct BuildSeed<T: ?Sized>(Build<T>, PhantomData<T>);

impl<'de, T: ?Sized> DeserializeSeed<'de> for BuildSeed<T> {
    type Value = Box<T>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Box<T>, D::Error> {
        (self.0)(&mut <dyn erased_serde::Deserializer<'_>>::erase(
            deserializer,
        ))
        .map_err(D::Error::custom)
    }
}

/// Deserialises a configuration struct: what nearly every [`Kind::build`] does first.
pub fn deserialize<C: serde::de::DeserializeOwned>(
    config: &mut dyn erased_serde::Deserializer<'_>,
) -> Result<C, erased_serde::Error> {
    erased_serde::deserialize(config)
}
