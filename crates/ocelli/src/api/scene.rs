//! What is drawn over a stream: zones, lines, masks and rules, wherever they were said.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use ocelli_core::{Label, Point, settings::SceneSettings};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Api, body::Segments, problem::Problem};

/// Zones, lines, masks and rules of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SceneEntry {
    /// Polygons by name, 0..1 of the picture from its top left corner.
    zones: BTreeMap<String, Vec<[f32; 2]>>,
    /// Polygons in which nothing is detected.
    masks: Vec<MaskEntry>,
    /// Rules, each a map with its kind as the only key.
    #[schema(value_type = Vec<BTreeMap<String, Object>>)]
    rules: Vec<BTreeMap<String, Value>>,
}

/// A polygon in which nothing is detected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MaskEntry {
    /// The polygon.
    points: Vec<[f32; 2]>,
    /// Labels that are not detected there; none means all.
    #[schema(value_type = Vec<String>)]
    labels: Vec<Label>,
}

impl From<&SceneSettings> for SceneEntry {
    fn from(scene: &SceneSettings) -> Self {
        let points = |points: &[Point]| points.iter().map(|point| [point.x, point.y]).collect();
        Self {
            zones: scene
                .zones
                .iter()
                .map(|zone| (zone.name.clone(), points(&zone.points)))
                .collect(),
            masks: scene
                .masks
                .iter()
                .map(|mask| MaskEntry {
                    points: points(&mask.points),
                    labels: mask.labels.clone(),
                })
                .collect(),
            rules: scene
                .rules
                .iter()
                .map(|rule| {
                    // It was JSON when it was read.
                    let configuration = serde_json::from_str(&rule.json).unwrap_or_default();
                    BTreeMap::from([(rule.kind.clone(), configuration)])
                })
                .collect(),
        }
    }
}

/// Shows what is drawn over a stream: its own and its profile's.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{name}/scene",
    tag = "streams",
    params(("name" = String, Path, description = "Name of the stream.")),
    responses((status = 200, description = "Zones, lines, masks and rules.", body = SceneEntry))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<Json<SceneEntry>, Problem> {
    let configuration = api.site.configuration.borrow().clone();
    let stream = configuration.streams.get(name.as_str());
    let stream = stream.ok_or_else(|| Problem::not_found("stream", &name))?;
    Ok(Json(SceneEntry::from(&stream.settings.scene)))
}
