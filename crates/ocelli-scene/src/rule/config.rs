//! What the configurations of rules share.

use ocelli_core::{Label, Point};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, de::DeserializeOwned};

use super::Zones;
use crate::{Polygon, polygon::check_points};

/// Reads a configuration. Err: what is wrong, without a place in the text, which nobody wrote.
pub(super) fn read<C: DeserializeOwned>(json: &str) -> Result<C, String> {
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        match text.rfind(" at line ") {
            Some(end) => text[..end].to_owned(),
            None => text,
        }
    })
}

pub(super) fn zone(zones: &Zones, name: &str) -> Result<Polygon, String> {
    zones.get(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = zones.keys().map(String::as_str).collect();
        if names.is_empty() {
            format!("unknown zone `{name}`: the stream has none")
        } else {
            format!(
                "unknown zone `{name}`, expected one of: {}",
                names.join(", ")
            )
        }
    })
}

/// At least `least` points inside the picture, no two neighbours the same.
pub(super) fn points(list: &[[f32; 2]], least: usize, most: usize) -> Result<Vec<Point>, String> {
    if list.len() < least || list.len() > most {
        let want = if least == most {
            format!("exactly {least}")
        } else {
            format!("{least} to {most}")
        };
        return Err(format!("{} points, expected {want}", list.len()));
    }
    let points: Vec<Point> = list.iter().map(|&[x, y]| Point { x, y }).collect();
    check_points(&points)?;
    if let Some(index) = points.windows(2).position(|pair| pair[0] == pair[1]) {
        return Err(format!(
            "points {} and {} are the same",
            index + 1,
            index + 2
        ));
    }
    Ok(points)
}

/// A number inside its bounds.
pub(super) fn number(name: &str, value: f32, least: f32, most: f32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("`{name}` is {value}, expected {least} to {most}"))
    }
}

/// Bytes that [`restore`] takes.
pub(super) fn keep<M: Serialize>(memory: &M) -> Vec<u8> {
    postcard::to_stdvec(memory).unwrap_or_default()
}

pub(super) fn restore<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, postcard::Error> {
    postcard::from_bytes(bytes)
}

/// The closed list of labels as JSON Schema.
pub(super) fn labels_schema(_generator: &mut SchemaGenerator) -> Schema {
    let names = Label::ALL.map(Label::as_str);
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
}

pub(super) fn one_look() -> u8 {
    1
}

pub(super) fn two_looks() -> u8 {
    2
}
