//! How much is kept, where the record's checkpoints go, and how published counts are guarded.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    Fault,
    tree::{Node, Place},
};

/// Least quota: a few files of the store.
const STORE_BYTES_MIN: u64 = 64_000_000;

/// The store of events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreShape {
    /// Most room on the disk, such as `20GB` or `500MB`; beyond it the oldest events go first. As
    /// much as there is if nothing is said.
    #[schemars(regex(pattern = r"^[0-9]+(MB|GB|TB)$"))]
    size_max: Option<String>,
}

/// The record of who looked and what was changed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RecordShape {
    /// Where signed checkpoints of it go every hour, best beyond this machine: files that lines are
    /// added to (relative to this file), or `https://` addresses that get each as JSON.
    checkpoints: Option<Vec<String>>,
}

/// Counts that leave for others, at `/api/v1/exports/counts`. Either small counts
/// are left out, or noise is added to each.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExportsShape {
    /// Counts of fewer tags in an hour are left out (10 to 1000; 10 if nothing is said).
    #[schemars(range(min = 10, max = 1000))]
    least: Option<u64>,
    /// Instead, noise is added: how far one tag may change what is published (0.01 to 2; the
    /// smaller, the more noise).
    #[schemars(range(min = 0.01, max = 2.0))]
    epsilon: Option<f64>,
}

/// How the store is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// Most bytes on disk.
    pub bytes_max: Option<u64>,
}

/// What becomes of the record's checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// Where they go.
    pub checkpoints: Vec<CheckpointPlace>,
}

/// Where a checkpoint goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointPlace {
    /// A file gets a line.
    File(PathBuf),
    /// An address gets a POST.
    Address(Url),
}

/// How published counts are guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Counts of fewer tags are left out.
    Least(u64),
    /// Two-sided geometric noise is added to each: one tag changes how likely any result is by at
    /// most e to the power of so many thousandths.
    Noise {
        /// Epsilon in thousandths.
        epsilon_milli: u32,
    },
}

impl Default for Guard {
    fn default() -> Self {
        Self::Least(10)
    }
}

/// Where the value of these keys stands.
fn place(tree: &Node, keys: &[&str]) -> Place {
    let node = keys.iter().try_fold(tree, |node, key| node.get(key));
    node.map_or_else(Place::default, |node| node.place)
}

impl StoreShape {
    pub(super) fn read(self, tree: &Node, faults: &mut Vec<Fault>) -> StoreSettings {
        let bytes_max = self.size_max.and_then(|text| {
            let size = size(&text).and_then(|bytes| match bytes {
                0 => Err("a store of no size keeps nothing"),
                bytes if bytes < STORE_BYTES_MIN => Err("the least is 64MB"),
                bytes => Ok(bytes),
            });
            size.map_err(|message| {
                faults.push(Fault::new(place(tree, &["store", "size_max"]), message));
            })
            .ok()
        });
        StoreSettings { bytes_max }
    }
}

fn size(text: &str) -> Result<u64, &'static str> {
    const SHAPE: &str = "expected a size such as `500MB`, `20GB` or `2TB`";
    let units = [
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000_u64),
    ];
    let (digits, unit) = units
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .ok_or(SHAPE)?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(SHAPE);
    }
    let number: u64 = digits.parse().map_err(|_number| SHAPE)?;
    number.checked_mul(unit).ok_or(SHAPE)
}

impl RecordShape {
    pub(super) fn read(
        self,
        tree: &Node,
        folder: &Path,
        faults: &mut Vec<Fault>,
    ) -> RecordSettings {
        let mut checkpoints = Vec::new();
        for text in self.checkpoints.unwrap_or_default() {
            let read = if text.contains("://") {
                match Url::parse(&text) {
                    Ok(url) if url.scheme() != "https" => Err("an address begins with `https://`"),
                    Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                        Err("an address without user and password is expected")
                    }
                    Ok(url) => Ok(CheckpointPlace::Address(url)),
                    Err(_wrong) => Err("this is not an address"),
                }
            } else if text.trim().is_empty() {
                Err("this is neither a file nor an address")
            } else {
                Ok(CheckpointPlace::File(folder.join(&text)))
            };
            match read {
                Ok(target) => checkpoints.push(target),
                Err(message) => {
                    faults.push(Fault::new(place(tree, &["record", "checkpoints"]), message));
                }
            }
        }
        RecordSettings { checkpoints }
    }
}

impl ExportsShape {
    pub(super) fn read(self, tree: &Node, faults: &mut Vec<Fault>) -> Guard {
        let mut wrong = |key: &str, message: &str| {
            faults.push(Fault::new(place(tree, &["exports", key]), message));
            Guard::default()
        };
        match (self.least, self.epsilon) {
            (Some(_), Some(_)) => wrong("epsilon", "either `least` or `epsilon`, not both"),
            (Some(least), None) if !(10..=1000).contains(&least) => {
                wrong("least", "expected 10 to 1000: fewer would show people")
            }
            (None, Some(epsilon)) if !(0.01..=2.0).contains(&epsilon) => {
                wrong("epsilon", "expected 0.01 to 2")
            }
            (None, Some(epsilon)) => Guard::Noise {
                epsilon_milli: (epsilon * 1000.0).round() as u32,
            },
            (least, None) => least.map_or_else(Guard::default, Guard::Least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("20GB"), Ok(20_000_000_000));
        assert_eq!(size("64MB"), Ok(STORE_BYTES_MIN));
        for text in ["", "GB", "-1GB", "1.5GB", "20", "20 GB", "99999999999TB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
