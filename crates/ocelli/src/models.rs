//! The models that ocelli knows: what it carries, what it knows where to find, and what was pulled.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use bytes::Bytes;
use ocelli_core::settings::{ColourOrder, DetectorSettings, Resize};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The model that streams use when nothing else is said.
pub const DEFAULT_ID: &str = "nanodet-g-int8";
/// The largest model that is read, in bytes.
pub const BYTES_MAX: u64 = 512 << 20;

static DEFAULT_BYTES: &[u8] = include_bytes!("../../../models/nanodet-g-int8.onnx");
static SHIPPED: [&str; 2] = [
    include_str!("../../../models/nanodet-g-int8.json"),
    include_str!("../../../models/nanodet-g-fp16w.json"),
];
static CATALOGUE: &str = include_str!("../../../models/catalogue.json");

/// The sidecar of a model: `models/README.md` explains the fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KnownModel {
    /// Its name.
    pub id: String,
    /// Name of its file.
    pub file: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// What it is for.
    pub purpose: ModelPurpose,
    /// How its outputs are decoded.
    pub family: String,
    /// SPDX expression of the weights.
    pub licence: String,
    /// Where the bytes come from.
    pub origin: Origin,
    /// Who made the model.
    pub upstream: Upstream,
    /// One line for a person who chooses.
    pub note: String,
    /// How it is fed.
    pub input: Input,
    /// Detections from it on may begin a track.
    pub threshold: f32,
    /// Detections from it on may keep a track.
    pub threshold_low: f32,
    /// Of two boxes that overlap more the lesser is dropped.
    pub nms_iou: f32,
    /// Class names in order.
    pub classes: Vec<String>,
    /// Where these bytes can be fetched.
    #[serde(default)]
    pub url: Option<String>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelPurpose {
    /// It finds things.
    Objects,
    /// It finds what has to be covered.
    Redaction,
}

/// Where a model's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Origin {
    /// `npm` or `github`.
    pub kind: String,
    /// Package, or owner and repository.
    pub name: String,
    /// Version, or commit.
    pub revision: String,
}

/// Who made a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Upstream {
    /// The project.
    pub project: String,
    /// Its repository.
    pub repository: String,
}

/// How a model is fed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Input {
    /// Pixels.
    pub default_width: u32,
    /// Pixels.
    pub default_height: u32,
    /// Whether it takes no other size.
    pub fixed: bool,
    /// Both sides are multiples of it.
    pub multiple_of: u32,
    /// Order of the colours.
    pub colour: ColourOrder,
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
    /// How a picture is fitted.
    pub resize: Resize,
    /// Value of padding.
    pub pad: f32,
}

#[derive(Deserialize)]
struct Catalogue {
    models: Vec<KnownModel>,
}

/// Every known model: those that are shipped, then the catalogue's.
pub fn known() -> &'static [KnownModel] {
    static KNOWN: LazyLock<Vec<KnownModel>> = LazyLock::new(|| {
        let shipped = SHIPPED.iter().map(|text| serde_json::from_str(text));
        let catalogue: Result<Catalogue, _> = serde_json::from_str(CATALOGUE);
        // A test reads them all: what does not parse does not land.
        shipped
            .filter_map(Result::ok)
            .chain(catalogue.into_iter().flat_map(|catalogue| catalogue.models))
            .collect()
    });
    &KNOWN
}

/// Every known model that finds things.
pub fn detectors() -> impl Iterator<Item = &'static KnownModel> {
    known()
        .iter()
        .filter(|model| model.purpose == ModelPurpose::Objects)
}

/// The known model with this id.
pub fn find(id: &str) -> Option<&'static KnownModel> {
    known().iter().find(|model| model.id == id)
}

impl KnownModel {
    /// How it is fed and read, with its own input size.
    pub fn settings(&self) -> DetectorSettings {
        DetectorSettings {
            family: self.family.clone(),
            input_width: self.input.default_width,
            input_height: self.input.default_height,
            colour: self.input.colour,
            mean: self.input.mean,
            std: self.input.std,
            resize: self.input.resize,
            pad: self.input.pad,
            classes: self.classes.clone(),
            label_map: Vec::new(),
            threshold_low: self.threshold_low,
            threshold: self.threshold,
            nms_iou: self.nms_iou,
        }
    }

    /// Whether it comes with ocelli, inside the program or in a folder beside it.
    pub fn shipped(&self) -> bool {
        known()
            .iter()
            .take(SHIPPED.len())
            .any(|model| model.id == self.id)
    }

    /// Where it is on this machine.
    pub fn place(&self, data_dir: &Path) -> ModelPlace {
        if self.id == DEFAULT_ID {
            return ModelPlace::Inside;
        }
        directories(data_dir)
            .into_iter()
            .map(|dir| dir.join(&self.file))
            .find(|file| file.is_file())
            .map_or(ModelPlace::Nowhere, ModelPlace::File)
    }

    /// Its bytes, with size and hash checked.
    pub fn load(&self, data_dir: &Path) -> Result<Bytes, ModelError> {
        let bytes = match self.place(data_dir) {
            ModelPlace::Inside => Bytes::from_static(DEFAULT_BYTES),
            ModelPlace::File(file) => read(&file)?,
            ModelPlace::Nowhere => return Err(ModelError::NotHere(self.id.clone())),
        };
        let found = sha256(&bytes);
        if found == self.sha256 {
            Ok(bytes)
        } else {
            Err(ModelError::Hash {
                expected: self.sha256.clone(),
                found,
            })
        }
    }
}

/// Where a known model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPlace {
    /// Inside the program.
    Inside,
    /// In a file.
    File(PathBuf),
    /// Not on this machine.
    Nowhere,
}

/// The directory into which models are pulled.
pub fn pulled_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("models")
}

/// Where models are looked for, in order: what was pulled, and `models/` beside the program.
fn directories(data_dir: &Path) -> Vec<PathBuf> {
    let mut directories = vec![pulled_dir(data_dir)];
    if let Ok(executable) = std::env::current_exe()
        && let Some(dir) = executable.parent()
    {
        directories.push(dir.join("models"));
    }
    directories
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is known, and not on this machine.
    #[error("the model `{0}` is not on this machine")]
    NotHere(String),
    /// It has other bytes than it should.
    #[error("the model has the hash {found}, expected {expected}")]
    Hash {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// It is too large.
    #[error("the model is larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
    /// The file cannot be read.
    #[error("the model cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// Reads a model's file.
pub fn read(file: &Path) -> Result<Bytes, ModelError> {
    if fs::metadata(file)?.len() > BYTES_MAX {
        return Err(ModelError::TooLarge);
    }
    Ok(Bytes::from(fs::read(file)?))
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let (high, low) = digest.split_at(16);
    let number = |half: &[u8]| {
        half.iter()
            .fold(0_u128, |sum, &byte| sum << 8 | u128::from(byte))
    };
    format!("{:032x}{:032x}", number(high), number(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sidecar_is_read() {
        for text in SHIPPED {
            serde_json::from_str::<KnownModel>(text).unwrap();
        }
        let catalogue: Catalogue = serde_json::from_str(CATALOGUE).unwrap();
        assert_eq!(known().len(), SHIPPED.len() + catalogue.models.len());
        assert!(catalogue.models.len() > 2);
    }

    #[test]
    fn the_default_is_inside_and_has_its_hash() {
        let model = find(DEFAULT_ID).unwrap();
        let bytes = model.load(Path::new("/nowhere")).unwrap();
        assert_eq!(bytes.len() as u64, model.bytes);
        assert_eq!(model.settings().classes.len(), 80);
    }

    #[test]
    fn a_changed_model_is_refused_and_a_missing_one_named() {
        let dir = tempfile::tempdir().unwrap();
        let model = find("fastestdet-352").unwrap();
        let error = model.load(dir.path()).unwrap_err();
        assert!(matches!(error, ModelError::NotHere(_)), "{error}");
        fs::create_dir(pulled_dir(dir.path())).unwrap();
        fs::write(pulled_dir(dir.path()).join(&model.file), "other bytes").unwrap();
        let error = model.load(dir.path()).unwrap_err();
        assert!(matches!(error, ModelError::Hash { .. }), "{error}");
    }

    #[test]
    fn hashes_are_those_of_everyone() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
