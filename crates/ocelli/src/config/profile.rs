//! Profiles: bundles of settings, each possibly based on another.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    Fault,
    de::{read_both, suggestion},
    shape::{ProfileShape, TreatmentShape},
    tree::{Key, Node, Place},
};

/// A map in a file, for finding where something stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) file: &'a Arc<PathBuf>,
    pub(super) node: &'a Node,
}

/// One profile as it was written.
struct Written {
    node: Node,
    based_on: Option<String>,
    treatment: TreatmentShape,
}

/// Every profile of a file.
#[derive(Default)]
pub(super) struct Profiles(BTreeMap<String, Written>);

impl Profiles {
    /// Reads the profiles, and notes what is wrong with each and with how they build on each other.
    pub(super) fn read(entries: Vec<(Key, Node)>, faults: &mut Vec<Fault>) -> Self {
        let mut profiles = Self::default();
        for (key, mut node) in entries {
            let Some((own, treatment)) =
                read_both::<ProfileShape, TreatmentShape>(&mut node, faults)
            else {
                continue;
            };
            let written = Written {
                node,
                based_on: own.based_on,
                treatment,
            };
            profiles.0.insert(key.text, written);
        }
        profiles.cut_cycles(faults);
        profiles
    }

    /// Notes bases that do not exist or go round in a circle, and forgets them.
    fn cut_cycles(&mut self, faults: &mut Vec<Fault>) {
        let names: Vec<String> = self.0.keys().cloned().collect();
        for name in &names {
            let mut way = vec![name.clone()];
            while let Some(base) = way.last().and_then(|last| self.base_of(last)).cloned() {
                let is_known = self.0.contains_key(&base);
                let closes = way.contains(&base);
                way.push(base);
                if is_known && !closes {
                    continue;
                }
                let base = &way[way.len() - 1];
                let from = way[way.len() - 2].clone();
                let fault = if is_known {
                    let way = way.join(" -> ");
                    Fault::new(
                        Place::default(),
                        format!("profiles build on each other in a circle: {way}"),
                    )
                } else {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    Fault::new(Place::default(), format!("unknown profile `{base}`"))
                        .hint(suggestion(base, &names))
                };
                if let Some(written) = self.0.get_mut(&from) {
                    let place = written
                        .node
                        .get("based_on")
                        .map_or(written.node.place, |node| node.place);
                    faults.push(Fault { place, ..fault });
                    written.based_on = None;
                }
                break;
            }
        }
    }

    fn base_of(&self, name: &str) -> Option<&String> {
        self.0.get(name)?.based_on.as_ref()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The profile and what it builds on, nearest first.
    fn chain(&self, name: &str) -> impl Iterator<Item = &Written> {
        let mut next = self.0.get(name);
        std::iter::from_fn(move || {
            let written = next?;
            next = written.based_on.as_ref().and_then(|base| self.0.get(base));
            Some(written)
        })
    }

    /// Where the profile's settings stand, nearest first.
    pub(super) fn layers<'a>(&'a self, name: &str, file: &'a Arc<PathBuf>) -> Vec<Layer<'a>> {
        self.chain(name)
            .map(|written| Layer {
                file,
                node: &written.node,
            })
            .collect()
    }

    /// `own`, and the profile's settings where it says nothing.
    pub(super) fn complete(&self, own: TreatmentShape, name: &str) -> TreatmentShape {
        self.chain(name)
            .fold(own, |own, written| over(own, &written.treatment))
    }
}

/// `own`, and `base` where it says nothing. Zones, masks and rules are joined.
pub(super) fn over(own: TreatmentShape, base: &TreatmentShape) -> TreatmentShape {
    let base = base.clone();
    TreatmentShape {
        purpose: own.purpose.or(base.purpose),
        retention: own.retention.or(base.retention),
        detector: own.detector.or(base.detector),
        gate: own.gate.or(base.gate),
        decoder: own.decoder.or(base.decoder),
        look_rate: own.look_rate.or(base.look_rate),
        keys_every_secs: own.keys_every_secs.or(base.keys_every_secs),
        every_picture: own.every_picture.or(base.every_picture),
        fresh_within_secs: own.fresh_within_secs.or(base.fresh_within_secs),
        labels: own.labels.or(base.labels),
        threshold: own.threshold.or(base.threshold),
        zones: joined(base.zones, own.zones),
        masks: joined(base.masks, own.masks),
        privacy_masks: joined(base.privacy_masks, own.privacy_masks),
        stills: own.stills.or(base.stills),
        rules: match (base.rules, own.rules) {
            (Some(mut base), Some(own)) => {
                base.retain(|rule| {
                    rule.name().is_none() || own.iter().all(|other| other.name() != rule.name())
                });
                base.extend(own);
                Some(base)
            }
            (base, own) => own.or(base),
        },
        updated_every_secs: own.updated_every_secs.or(base.updated_every_secs),
        stopped_after_secs: own.stopped_after_secs.or(base.stopped_after_secs),
        gone_after_secs: own.gone_after_secs.or(base.gone_after_secs),
        tag_life_secs: own.tag_life_secs.or(base.tag_life_secs),
    }
}

/// Both, what comes later winning.
fn joined<T: Extend<I> + IntoIterator<Item = I>, I>(base: Option<T>, own: Option<T>) -> Option<T> {
    match (base, own) {
        (Some(mut base), Some(own)) => {
            base.extend(own);
            Some(base)
        }
        (base, own) => own.or(base),
    }
}
