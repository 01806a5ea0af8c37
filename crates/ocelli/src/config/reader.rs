//! A node of the tree as serde's deserialiser.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::StrDeserializer,
};

use super::{
    de::Trouble,
    tree::{Key, Node, Value},
};

/// Reads a node.
pub(super) struct Reader<'a>(pub(super) &'a Node);

impl<'a> Reader<'a> {
    fn text(&self) -> Result<&'a str, Trouble> {
        match &self.0.value {
            Value::Scalar { text, .. } => Ok(text),
            _ => Err(Trouble::expected("a text", self.0)),
        }
    }

    fn plain(&self, what: &str) -> Result<&'a str, Trouble> {
        match &self.0.value {
            Value::Scalar { text, plain: true } => Ok(text),
            _ => Err(Trouble::expected(what, self.0)),
        }
    }

    fn number<N: std::str::FromStr>(&self, what: &str) -> Result<N, Trouble> {
        let text = self.plain(what)?;
        let wrong = |_| Trouble::custom(format_args!("expected {what}")).at(self.0.place);
        text.parse().map_err(wrong)
    }

    fn float(&self) -> Result<f64, Trouble> {
        let number: f64 = self.number("a number")?;
        if number.is_finite() {
            Ok(number)
        } else {
            Err(Trouble::custom("expected a finite number").at(self.0.place))
        }
    }
}

/// What a plain scalar means where anything may stand.
enum Meaning {
    Truth(bool),
    Natural(u64),
    Integer(i64),
    Float(f64),
    Text,
}

fn meaning(text: &str) -> Meaning {
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    // A leading zero is kept: `0012` is a name, not a number.
    let digits = text.trim_start_matches(['+', '-']);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.contains('.');
    match text {
        "true" | "True" | "TRUE" => Meaning::Truth(true),
        "false" | "False" | "FALSE" => Meaning::Truth(false),
        _ if !numeric || padded => Meaning::Text,
        _ => text
            .parse()
            .map(Meaning::Natural)
            .or_else(|_| text.parse().map(Meaning::Integer))
            .or_else(|_| match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Meaning::Float(number)),
                _ => Err(()),
            })
            .unwrap_or(Meaning::Text),
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let place = self.0.place;
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, plain: true } => match meaning(text) {
                Meaning::Truth(value) => visitor.visit_bool(value),
                Meaning::Natural(value) => visitor.visit_u64(value),
                Meaning::Integer(value) => visitor.visit_i64(value),
                Meaning::Float(value) => visitor.visit_f64(value),
                Meaning::Text => visitor.visit_str(text),
            },
            Value::Scalar { text, plain: false } => visitor.visit_str(text),
            Value::List(_) => return self.deserialize_seq(visitor),
            Value::Map(_) => return self.deserialize_map(visitor),
        }
        .map_err(|trouble: Trouble| trouble.at(place))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        match self.plain("`true` or `false`")? {
            "true" | "True" | "TRUE" => visitor.visit_bool(true),
            "false" | "False" | "FALSE" => visitor.visit_bool(false),
            _ => Err(Trouble::custom("expected `true` or `false`")),
        }
        .map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let number = self.number("a whole number from 0 on")?;
        let read = visitor.visit_u64(number);
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let number = self.number("a whole number")?;
        let read = visitor.visit_i64(number);
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let number = self.float()?;
        let read = visitor.visit_f64(number);
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let read = visitor.visit_str(self.text()?);
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        match self.0.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let Value::List(items) = &self.0.value else {
            return Err(Trouble::expected("a list", self.0));
        };
        let read = visitor.visit_seq(Items { items, next: 0 });
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        match &self.0.value {
            Value::List(items) if items.len() != length => {
                let message = format!("expected a list of {length}, found {}", items.len());
                Err(Trouble::custom(message).at(self.0.place))
            }
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let Value::Map(entries) = &self.0.value else {
            return Err(Trouble::expected("a map", self.0));
        };
        let read = visitor.visit_map(Entries { entries, next: 0 });
        read.map_err(|trouble: Trouble| trouble.at(self.0.place))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let place = self.0.place;
        match &self.0.value {
            Value::Scalar { text, .. } => {
                let access = Variant {
                    name: text,
                    content: None,
                };
                visitor.visit_enum(access).map_err(|t| t.at(place))
            }
            Value::Map(entries) => {
                let [(key, content)] = entries.as_slice() else {
                    let names = variants.join(", ");
                    let message = format!("expected one key, one of: {names}");
                    return Err(Trouble::custom(message).at(place));
                };
                let access = Variant {
                    name: &key.text,
                    content: Some(content),
                };
                let read = visitor.visit_enum(access);
                read.map_err(|trouble| match trouble.path.as_slice() {
                    [] => trouble.at(key.place),
                    _ => trouble.inside(0),
                })
            }
            _ => Err(Trouble::expected(variants.join(" or "), self.0)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 char bytes byte_buf unit unit_struct tuple_struct identifier
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Trouble;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let read = seed.deserialize(Reader(item));
        read.map(Some)
            .map_err(|trouble| trouble.at(item.place).inside(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'a> {
    entries: &'a [(Key, Node)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Trouble;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        let Some((key, _)) = self.entries.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let text: StrDeserializer<'_, Trouble> = key.text.as_str().into_deserializer();
        let read = seed.deserialize(text);
        read.map(Some)
            .map_err(|trouble| trouble.at(key.place).inside(index))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Trouble> {
        let index = self.next.saturating_sub(1);
        let Some((_, node)) = self.entries.get(index) else {
            return Err(Trouble::custom("a value without a key"));
        };
        let read = seed.deserialize(Reader(node));
        read.map_err(|trouble| trouble.at(node.place).inside(index))
    }
}

struct Variant<'a> {
    name: &'a str,
    content: Option<&'a Node>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Trouble;
    type Variant = Content<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'a>), Trouble> {
        let name: StrDeserializer<'_, Trouble> = self.name.into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, Content(self.content)))
    }
}

struct Content<'a>(Option<&'a Node>);

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Trouble;

    fn unit_variant(self) -> Result<(), Trouble> {
        match self.0 {
            None => Ok(()),
            Some(node) => Err(Trouble::custom("expected nothing below it").at(node.place)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Trouble> {
        match self.0 {
            Some(node) => seed.deserialize(Reader(node)),
            None => Err(Trouble::custom("expected a map with this key")),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        match self.0 {
            Some(node) => Reader(node).deserialize_tuple(length, visitor),
            None => Err(Trouble::custom("expected a map with this key")),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        match self.0 {
            Some(node) => Reader(node).deserialize_map(visitor),
            None => Err(Trouble::custom("expected a map with this key")),
        }
    }
}
