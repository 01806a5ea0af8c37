//! What there is to choose from.

use axum::Json;
use ocelli_core::{
    EventKind, Label,
    settings::{DETECTOR_FAMILIES, DecoderKind, GateKind},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Right, Role};

/// One thing to choose.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KindEntry {
    /// Its name in the configuration and the API.
    name: &'static str,
    /// What it does.
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'static str,
}

/// Everything there is to choose from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Kinds {
    /// When a stream is decoded.
    gates: Vec<KindEntry>,
    /// What decodes it.
    decoders: Vec<KindEntry>,
    /// How a detector's outputs are read.
    detector_families: Vec<KindEntry>,
    /// What makes events of tags.
    rules: Vec<KindEntry>,
    /// What an object may be.
    labels: Vec<KindEntry>,
    /// What may happen.
    events: Vec<KindEntry>,
    /// What users may be.
    roles: Vec<KindEntry>,
    /// What a token may do.
    scopes: Vec<KindEntry>,
}

/// Lists the kinds of everything that a configuration or a filter may name.
#[utoipa::path(
    get,
    path = "/api/v1/kinds",
    tag = "system",
    responses((status = 200, description = "The lists.", body = Kinds))
)]
pub(crate) async fn kinds() -> Json<Kinds> {
    fn named(names: impl IntoIterator<Item = &'static str>) -> Vec<KindEntry> {
        described(names.into_iter().map(|name| (name, "")))
    }
    fn described(pairs: impl IntoIterator<Item = (&'static str, &'static str)>) -> Vec<KindEntry> {
        pairs
            .into_iter()
            .map(|(name, summary)| KindEntry { name, summary })
            .collect()
    }
    Json(Kinds {
        gates: described(GateKind::ALL.map(|(name, summary, _kind)| (name, summary))),
        decoders: described(DecoderKind::ALL.map(|(name, summary, _kind)| (name, summary))),
        detector_families: described(DETECTOR_FAMILIES),
        rules: described(
            ocelli_scene::rule::RULES
                .iter()
                .map(|kind| (kind.name, kind.summary)),
        ),
        labels: named(Label::ALL.map(Label::as_str)),
        events: named(EventKind::ALL.map(EventKind::as_str)),
        roles: named(Role::ALL.map(Role::as_str)),
        scopes: named(Right::ALL.map(Right::as_str)),
    })
}
