//! Stills of tags, and plates: all of what may be seen.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use ocelli_core::EventRecord;
use ocelli_sinks::store::StoreError;

use super::{Api, body::Segments, identity::Asker, problem::Problem, trace};

const JPEG: &str = "image/jpeg";

/// Shows the still of an event's tag: small, redacted at level `person`.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/still",
    tag = "events",
    params(("id" = String, Path, description = "Id of the event.")),
    responses((status = 200, description = "The still. Every person in it is covered whole.",
        body = Vec<u8>, content_type = "image/jpeg"))
)]
pub(crate) async fn of_event(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("event with a still", &id);
    let event = event(&api, &id).await?.ok_or_else(missing)?;
    if !principal.sees(&event.stream) {
        return Err(missing());
    }
    let streams = vec![event.stream.clone()];
    trace::look_at(&api, &principal, "/api/v1/events/{id}/still", streams, true).await?;
    let tag = event.tag.as_deref().and_then(|tag| tag.parse().ok());
    let still = api.site.stills.get(&event.stream, tag.ok_or_else(missing)?);
    Ok(picture(still.await?.ok_or_else(missing)?.into()))
}

/// The event, as it was handed out lately or as it is kept.
async fn event(api: &Api, id: &str) -> Result<Option<EventRecord>, StoreError> {
    let recent = api.site.hub.recent();
    let found = recent.behind(id).and_then(|behind| {
        let events = recent.from(behind.checked_sub(1)?, 1)?;
        events.first().map(|event| event.as_ref().clone())
    });
    match found.filter(|event| event.id == id) {
        Some(event) => Ok(Some(event)),
        None => api.site.store.find(id).await,
    }
}

/// Shows the plate of a stream: the empty scene, or a grid of mean colours until it is known.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{name}/plate",
    tag = "streams",
    params(("name" = String, Path, description = "Name of the stream.")),
    responses((status = 200, description = "The plate. Nobody is in it.",
        body = Vec<u8>, content_type = "image/jpeg"))
)]
pub(crate) async fn plate(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<Response, Problem> {
    let plate = api.site.plates.get(&name);
    let plate = plate.ok_or_else(|| Problem::not_found("plate yet of the stream", &name))?;
    Ok(picture(plate))
}

fn picture(jpeg: Bytes) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(JPEG));
    ([kind], jpeg).into_response()
}
