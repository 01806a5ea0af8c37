//! What tags do to zones and lines. One file for each kind of rule: its configuration, its code
//! and its tests; and one line in [`RULES`].

use std::collections::BTreeMap;

use ocelli_core::{BBox, Event, Label, MediaTime, Track};

use crate::{Emitter, Polygon};

mod config;
pub mod count;
pub mod direction;
pub mod heatmap;
pub mod line;
pub mod speed;
pub mod stopped;
pub mod zone;

pub use crate::presence::Anchor;

/// Every kind of rule.
pub const RULES: &[&RuleKind] = &[
    &count::KIND,
    &direction::KIND,
    &heatmap::KIND,
    &line::KIND,
    &speed::KIND,
    &stopped::KIND,
    &zone::KIND,
];

/// The named shapes of a scene.
pub type Zones = BTreeMap<String, Polygon>;

/// One named way to make a rule.
pub struct RuleKind {
    /// The key in the configuration: lower case.
    pub name: &'static str,
    /// A lowercase phrase without a full stop.
    pub summary: &'static str,
    /// Makes one of its configuration in JSON. Err: a lowercase text for people.
    pub build: fn(json: &str, zones: &Zones) -> Result<Built, String>,
    /// The shape of its configuration.
    pub schema: fn() -> schemars::Schema,
    /// A configuration that a person could write, in JSON, for a zone named `desk` and a line rule
    /// named `door`: for the reference page and for tests.
    pub example: &'static str,
}

/// A rule ready to run.
pub struct Built {
    /// Its name: unique in the scene.
    pub name: String,
    /// What runs.
    pub rule: Box<dyn Rule>,
    /// The zone that it speaks of.
    pub zone: Option<String>,
    /// The line rule whose events it counts.
    pub counts_line: Option<String>,
}

/// One confirmed object at a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// What it is and where. A tag that was not seen has a predicted box: rules do nothing about
    /// it until it is seen again or gone.
    pub track: Track,
    /// Its box when it was seen first: before it was confirmed.
    pub first_bbox: BBox,
    /// Since when it has been where it is.
    pub resting_since: MediaTime,
}

/// All confirmed objects at a look.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Oldest first.
    pub subjects: &'a [Subject],
    /// Width of the picture over its height.
    pub aspect: f32,
}

impl View<'_> {
    /// Those that were seen and have one of these labels; none means all.
    fn seen<'v>(&'v self, labels: &'v [Label]) -> impl Iterator<Item = &'v Subject> {
        self.subjects
            .iter()
            .filter(|subject| subject.track.seen && wanted(labels, subject.track.label))
    }
}

/// Whether a list of labels names this one; an empty one names all.
fn wanted(labels: &[Label], label: Label) -> bool {
    labels.is_empty() || labels.contains(&label)
}

/// A rule on one stream. It keeps only what [`Self::save`] gives, in bounded memory: something for
/// each open tag, and something for itself.
pub trait Rule: Send {
    /// One look was taken.
    fn look(&mut self, view: &View<'_>, out: &mut Emitter<'_>);

    /// Media time passed without a look.
    fn pass(&mut self, _out: &mut Emitter<'_>) {}

    /// A tag ends. Its box is where it was seen last.
    fn gone(&mut self, _track: &Track, _out: &mut Emitter<'_>) {}

    /// An event was given out, by whatever rule.
    fn hear(&mut self, _event: &Event) {}

    /// The stream ends; all tags are gone already.
    fn close(&mut self, _out: &mut Emitter<'_>) {}

    /// What it remembers.
    fn save(&self) -> Vec<u8>;

    /// Takes what [`Self::save`] gave under the same configuration.
    fn load(&mut self, memory: &[u8]) -> Result<(), postcard::Error>;
}
