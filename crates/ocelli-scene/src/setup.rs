//! From settings to a running scene, with every error on the way.

use std::collections::BTreeSet;

use ocelli_core::settings::SceneSettings;

use crate::{
    About, Polygon, SceneError,
    clean::Cleaner,
    rule::{Built, RULES, Rule, Zones},
};

/// The most rules of a scene.
const RULES_MAX: usize = 64;
/// The most zones of a scene.
const ZONES_MAX: usize = 64;

/// A rule of a scene.
pub(crate) struct Running {
    /// Of its kind, configuration and zone.
    pub(crate) fingerprint: u64,
    pub(crate) rule: Box<dyn Rule>,
}

/// Every error of the settings.
pub fn check(settings: &SceneSettings) -> Vec<SceneError> {
    match build(settings) {
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    }
}

/// There is at least one.
pub(crate) fn first(errors: Vec<SceneError>) -> SceneError {
    let none = || SceneError::new(About::Setting("scene"), "the settings do not fit");
    errors.into_iter().next().unwrap_or_else(none)
}

pub(crate) fn build(settings: &SceneSettings) -> Result<(Cleaner, Vec<Running>), Vec<SceneError>> {
    let mut errors = Vec::new();
    check_numbers(settings, &mut errors);
    let zones = build_zones(settings, &mut errors);
    for (index, mask) in settings.masks.iter().enumerate() {
        if let Err(reason) = Polygon::new(&mask.points) {
            errors.push(SceneError::new(About::Mask(index), reason));
        }
    }
    let rules = build_rules(settings, &zones, &mut errors);
    match Cleaner::new(settings) {
        Ok(cleaner) if errors.is_empty() => Ok((cleaner, rules)),
        _ => Err(errors),
    }
}

fn check_numbers(settings: &SceneSettings, errors: &mut Vec<SceneError>) {
    let week = 604_800.0;
    for (name, value, least, most) in [
        ("threshold", settings.threshold, 0.0, 1.0),
        ("updated_every_secs", settings.updated_every_secs, 0.1, week),
        ("stopped_after_secs", settings.stopped_after_secs, 1.0, week),
        ("gone_after_secs", settings.gone_after_secs, 0.1, 3_600.0),
        ("tag_life_secs", settings.tag_life_secs, 1.0, week),
    ] {
        if !(least..=most).contains(&value) {
            let reason = format!("{value}, expected {least} to {most}");
            errors.push(SceneError::new(About::Setting(name), reason));
        }
    }
}

fn build_zones(settings: &SceneSettings, errors: &mut Vec<SceneError>) -> Zones {
    let mut zones = Zones::new();
    if settings.zones.len() > ZONES_MAX {
        let reason = format!("{}, {ZONES_MAX} are the most", settings.zones.len());
        errors.push(SceneError::new(About::Setting("zones"), reason));
    }
    for zone in settings.zones.iter().take(ZONES_MAX) {
        let about = || About::Zone(zone.name.clone());
        if zone.name.is_empty() {
            errors.push(SceneError::new(about(), "a zone needs a name"));
        }
        match Polygon::new(&zone.points) {
            Err(reason) => errors.push(SceneError::new(about(), reason)),
            Ok(polygon) => {
                if zones.insert(zone.name.clone(), polygon).is_some() {
                    errors.push(SceneError::new(about(), "two zones have this name"));
                }
            }
        }
    }
    zones
}

fn build_rules(
    settings: &SceneSettings,
    zones: &Zones,
    errors: &mut Vec<SceneError>,
) -> Vec<Running> {
    if settings.rules.len() > RULES_MAX {
        let reason = format!("{}, {RULES_MAX} are the most", settings.rules.len());
        errors.push(SceneError::new(About::Setting("rules"), reason));
    }
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    let mut lines = BTreeSet::new();
    let mut counted = Vec::new();
    for (index, rule) in settings.rules.iter().take(RULES_MAX).enumerate() {
        let about = |name: Option<String>| About::Rule {
            index,
            kind: rule.kind.clone(),
            name,
        };
        let Some(kind) = RULES.iter().find(|kind| kind.name == rule.kind) else {
            let known: Vec<&str> = RULES.iter().map(|kind| kind.name).collect();
            let reason = format!(
                "unknown kind of rule, expected one of: {}",
                known.join(", ")
            );
            errors.push(SceneError::new(about(None), reason));
            continue;
        };
        match (kind.build)(&rule.json, zones) {
            Err(reason) => errors.push(SceneError::new(about(name_in(&rule.json)), reason)),
            Ok(Built {
                name,
                rule: running,
                zone,
                counts_line,
            }) => {
                let about = about(Some(name.clone()));
                if name.is_empty() {
                    errors.push(SceneError::new(about.clone(), "a rule needs a name"));
                } else if !names.insert(name.clone()) {
                    errors.push(SceneError::new(about.clone(), "two rules have this name"));
                }
                if kind.name == "line" {
                    lines.insert(name);
                }
                if let Some(line) = counts_line {
                    counted.push((about, line));
                }
                let polygon = zone.and_then(|zone| zones.get(&zone));
                rules.push(Running {
                    fingerprint: fingerprint(&rule.kind, &rule.json, polygon),
                    rule: running,
                });
            }
        }
    }
    for (about, line) in counted {
        if !lines.contains(&line) {
            let reason = format!("unknown line `{line}`: no `line` rule has this name");
            errors.push(SceneError::new(about, reason));
        }
    }
    rules
}

/// The name in a configuration that could not be read as a whole.
fn name_in(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(value.get("name")?.as_str()?.to_owned())
}

/// Fowler, Noll and Vo's hash (FNV-1a, 64 bits) of what makes a rule what it is.
fn fingerprint(kind: &str, json: &str, polygon: Option<&Polygon>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(kind.as_bytes());
    add(&[0]);
    add(json.as_bytes());
    for point in polygon.map_or(&[][..], Polygon::points) {
        add(&point.x.to_le_bytes());
        add(&point.y.to_le_bytes());
    }
    hash
}
