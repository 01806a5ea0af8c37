//! The JSON Schema of the file, for editors.

use ocelli_core::{
    Label,
    settings::{DETECTOR_FAMILIES, DecoderKind, GateKind, StillLevel},
};
use ocelli_scene::rule::RULES;
use ocelli_sinks::sink::SINKS;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::Value;

use super::shape::{FileShape, ProfileShape, StreamShape, TreatmentShape};

/// The JSON Schema (draft 2020-12) of the configuration file.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<FileShape>()
        .to_value()
}

/// A profile as it is written: both halves in one map.
pub(super) struct Profile;
/// A stream as it is written: both halves in one map.
pub(super) struct Stream;

impl JsonSchema for Profile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Profile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        joined::<ProfileShape>("A named bundle of settings.", generator)
    }
}

impl JsonSchema for Stream {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Stream".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        joined::<StreamShape>("A stream.", generator)
    }
}

/// One map with the keys of `T` and of a treatment.
fn joined<T: JsonSchema>(description: &str, generator: &mut SchemaGenerator) -> Schema {
    let mut properties = serde_json::Map::new();
    for half in [
        T::json_schema(generator),
        TreatmentShape::json_schema(generator),
    ] {
        if let Some(Value::Object(own)) = half.get("properties") {
            properties.extend(own.clone());
        }
    }
    json_schema!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false
    })
}

/// A rule: one key, its kind.
pub(super) struct Rule;

impl JsonSchema for Rule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = RULES.iter().filter_map(|kind| {
            let Value::Object(configuration) = (kind.schema)().to_value() else {
                return None;
            };
            Some((kind.name, kind.summary, configuration))
        });
        one_kind(kinds, generator)
    }
}

/// A sink: one key, its kind.
pub(super) struct Sink;

impl JsonSchema for Sink {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sink".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = SINKS.iter().filter_map(|kind| {
            let Value::Object(configuration) = (kind.options_schema)() else {
                return None;
            };
            Some((kind.name, kind.summary, configuration))
        });
        one_kind(kinds, generator)
    }
}

/// One key, its kind: name, summary, shape of the configuration.
fn one_kind<'a>(
    kinds: impl Iterator<Item = (&'a str, &'a str, serde_json::Map<String, Value>)>,
    generator: &mut SchemaGenerator,
) -> Schema {
    let kinds: Vec<Value> = kinds
        .map(|(name, summary, mut configuration)| {
            configuration.remove("$schema");
            // References count from the root.
            if let Some(Value::Object(own)) = configuration.remove("$defs") {
                generator.definitions_mut().extend(own);
            }
            serde_json::json!({
                "type": "object",
                "description": summary,
                "properties": { name: configuration },
                "required": [name],
                "additionalProperties": false
            })
        })
        .collect();
    json_schema!({ "oneOf": kinds })
}

fn one_of(names: &[&str]) -> Schema {
    json_schema!({ "type": ["string", "null"], "enum": names })
}

pub(super) fn gates(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&GateKind::ALL.map(|(name, _, _)| name))
}

pub(super) fn stills(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&StillLevel::ALL.map(|(name, _, _)| name))
}

pub(super) fn decoders(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&DecoderKind::ALL.map(|(name, _, _)| name))
}

pub(super) fn families(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&DETECTOR_FAMILIES.map(|(name, _)| name))
}

pub(super) fn colours(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&["bgr", "rgb"])
}

pub(super) fn resizes(_generator: &mut SchemaGenerator) -> Schema {
    one_of(&["letterbox", "stretch"])
}

pub(super) fn labels(_generator: &mut SchemaGenerator) -> Schema {
    let names = Label::ALL.map(Label::as_str);
    json_schema!({ "type": ["array", "null"], "items": { "type": "string", "enum": names } })
}

pub(super) fn classes(_generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            { "type": "string", "enum": ["coco"] },
            { "type": "array", "items": { "type": "string" } }
        ]
    })
}

pub(super) fn label_map(_generator: &mut SchemaGenerator) -> Schema {
    let names = Label::ALL.map(Label::as_str);
    json_schema!({
        "oneOf": [
            { "type": "string", "enum": ["frigate"] },
            { "type": "object", "additionalProperties": { "type": "string", "enum": names } }
        ]
    })
}
