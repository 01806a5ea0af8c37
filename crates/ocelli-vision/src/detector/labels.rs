//! From a model's classes to the closed list of labels.

use ocelli_core::{Label, label::refused_word, settings::DetectorSettings};

/// What a model's classes mean here.
pub(super) struct Labels {
    /// The label of each class, in the model's order.
    pub(super) of_class: Vec<Option<Label>>,
    /// Classes that are not on the list.
    pub(super) dropped: Vec<String>,
}

impl Labels {
    /// The labels that the model finds, in order and once each.
    pub(super) fn found(&self) -> Vec<Label> {
        let mut found: Vec<Label> = self.of_class.iter().copied().flatten().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Assigns labels; an error says why the model is refused as a whole.
pub(super) fn assign(settings: &DetectorSettings) -> Result<Labels, String> {
    if settings.classes.is_empty() {
        return Err("the settings name no class of the model".to_owned());
    }
    if let Some((class, word)) = settings
        .classes
        .iter()
        .find_map(|class| Some((class, refused_word(class)?)))
    {
        return Err(format!(
            "the model has the class `{class}`: ocelli runs no model that tells `{word}`"
        ));
    }
    if let Some((from, _)) = settings
        .label_map
        .iter()
        .find(|(from, _)| !settings.classes.contains(from))
    {
        return Err(format!(
            "the label map renames `{from}`, which is no class of the model"
        ));
    }
    let mut dropped = Vec::new();
    let of_class = settings
        .classes
        .iter()
        .map(|class| {
            let mapped = settings.label_map.iter().find(|(from, _)| from == class);
            let label = mapped
                .map(|&(_, label)| label)
                .or_else(|| class.parse::<Label>().ok());
            if label.is_none() {
                dropped.push(class.clone());
            }
            label
        })
        .collect();
    let labels = Labels { of_class, dropped };
    if labels.found().is_empty() {
        return Err("none of the model's classes is on the list of labels".to_owned());
    }
    Ok(labels)
}
