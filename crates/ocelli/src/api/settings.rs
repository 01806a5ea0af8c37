//! Streams as they are set up: added, changed and removed through the API.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    Api,
    body::{Json, Segments},
    problem::{Problem, Wrong},
    scene::SceneEntry,
};
use crate::{
    config::ADDED_FILE,
    edit::{Change, Made, Refused, Revision, Seen, Stored},
};

/// What may be said about a stream, as in the configuration. Of a stream that stands in the
/// configuration file only `enabled`, `labels`, `look_rate`, `threshold`, `zones`, `masks` and
/// `rules` may be said, on top of what the file says.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StreamKeys {
    /// Where the video comes from. No loopback, no recordings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "rtsp://cam1.site.example/main")]
    url: Option<String>,
    /// The camera's smaller stream, if it has one: it is analysed instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detect_url: Option<String>,
    /// User of the camera: never given out. Left out it stays; empty removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, write_only)]
    user: Option<String>,
    /// Password of the camera: never given out. Left out it stays, unless the address names
    /// another host; empty removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, write_only)]
    password: Option<String>,
    /// Options of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<BTreeMap<String, Object>>)]
    source: Option<Map<String, Value>>,
    /// The profile that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    profile: Option<String>,
    /// Whether it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Why it is watched; needed, here or in the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    purpose: Option<String>,
    /// How long its events are kept; needed, here or in the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "7d")]
    retention: Option<String>,
    /// The detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detector: Option<String>,
    /// When pictures are decoded: see the kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    gate: Option<String>,
    /// Looks a second that are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    look_rate: Option<f64>,
    /// Labels that are followed; none means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    labels: Option<Vec<String>>,
    /// Detections from this score on may begin a track.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    threshold: Option<f64>,
    /// Polygons by name: three or more points, 0..1 of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    zones: Option<BTreeMap<String, Vec<[f64; 2]>>>,
    /// Polygons in which nothing is detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    masks: Option<Vec<MaskKeys>>,
    /// Rules, each a map with its kind as the only key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<BTreeMap<String, Object>>>)]
    rules: Option<Vec<Map<String, Value>>>,
}

/// A polygon in which nothing is detected.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaskKeys {
    /// The polygon: three or more points, 0..1 of the picture.
    points: Vec<[f64; 2]>,
    /// Labels that are not detected there; none means all.
    #[serde(default)]
    labels: Vec<String>,
}

/// How a stream is set up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsEntry {
    /// Its name.
    name: String,
    /// Whether it stands in the configuration file: then only a part is changed here.
    of_file: bool,
    /// What was said through the API.
    own: StreamKeys,
    /// Whether user or password of the camera are known.
    has_credentials: bool,
    /// Why it is watched.
    purpose: String,
    /// How long its events are kept.
    #[schema(example = "7d")]
    retention: String,
    /// Whether it runs.
    enabled: bool,
    /// What is drawn over it: its own and its profile's.
    scene: SceneEntry,
}

/// Profiles.
#[derive(Serialize, ToSchema)]
pub(crate) struct Profiles {
    /// Their names.
    profiles: Vec<String>,
}

/// Lists the profiles that streams may follow.
#[utoipa::path(
    get,
    path = "/api/v1/profiles",
    tag = "streams",
    responses((status = 200, description = "The profiles.", body = Profiles))
)]
pub(crate) async fn profiles(State(api): State<Arc<Api>>) -> axum::Json<Profiles> {
    let profiles = api.site.configuration.borrow().profiles.clone();
    axum::Json(Profiles { profiles })
}

/// Shows how a stream is set up. The answer's `ETag` goes with a change.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{name}/settings",
    tag = "streams",
    params(("name" = String, Path, description = "Name of the stream.")),
    responses((status = 200, description = "Its settings.", body = SettingsEntry,
        headers(("ETag" = String, description = "Names this version."))))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<Response, Problem> {
    let (entry, revision) = entry(&api, &name).await?;
    Ok(tagged(StatusCode::OK, &entry, revision))
}

/// Adds a stream (`If-None-Match: *`), or changes one (`If-Match`). It is in force when the answer
/// comes.
#[utoipa::path(
    put,
    path = "/api/v1/streams/{name}/settings",
    tag = "streams",
    params(
        ("name" = String, Path, description = "Name of the stream."),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: the stream is new."),
    ),
    request_body = StreamKeys,
    responses(
        (status = 200, description = "Changed.", body = SettingsEntry,
            headers(("ETag" = String, description = "Names this version."))),
        (status = 201, description = "Added.", body = SettingsEntry,
            headers(("ETag" = String, description = "Names this version."))),
        (status = 412, description = "It was changed by somebody else.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "It says something that cannot be.", body = Problem,
            content_type = "application/problem+json"),
        (status = 428, description = "Neither header was sent.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    Json(keys): Json<StreamKeys>,
) -> Result<Response, Problem> {
    let change = Change {
        seen: seen(&headers)?,
        keys: Some(written(&keys)),
        name: name.clone(),
    };
    let made = api.site.editor.ask(change).await;
    let made = made.map_err(|refused| problem(refused, &name))?;
    let status = match made {
        Made::New(_) => StatusCode::CREATED,
        Made::Changed(_) | Made::Removed => StatusCode::OK,
    };
    let (entry, revision) = entry(&api, &name).await?;
    Ok(tagged(status, &entry, revision))
}

/// Removes a stream, or what was laid over one of the configuration file.
#[utoipa::path(
    delete,
    path = "/api/v1/streams/{name}/settings",
    tag = "streams",
    params(
        ("name" = String, Path, description = "Name of the stream."),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is removed."),
    ),
    responses(
        (status = 204, description = "Removed."),
        (status = 409, description = "It stands in the configuration file.", body = Problem,
            content_type = "application/problem+json"),
        (status = 412, description = "It was changed by somebody else.", body = Problem,
            content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` was not sent.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let seen = seen(&headers)?;
    if seen == Seen::Nothing {
        return Err(Problem::precondition_required());
    }
    let change = Change {
        name: name.clone(),
        seen,
        keys: None,
    };
    let made = api.site.editor.ask(change).await;
    made.map_err(|refused| problem(refused, &name))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn entry(api: &Api, name: &str) -> Result<(SettingsEntry, Revision), Problem> {
    let configuration = api.site.configuration.borrow().clone();
    let stream = configuration.streams.get(name);
    let stream = stream.ok_or_else(|| Problem::not_found("stream", name))?;
    let path = configuration.data_dir.join(ADDED_FILE);
    let read = tokio::task::spawn_blocking(move || Stored::read(&path)).await;
    let stored = read
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| Problem::unavailable("the streams that were added cannot be read now"))?;
    let (keys, revision, in_own) = stored.of(name);
    let has_credentials = in_own || stream.user.is_some() || stream.password.is_some();
    let own = serde_json::from_value(Value::Object(keys)).map_err(|_not_ours| {
        Problem::unavailable("the streams that were added were written by another version")
    })?;
    let entry = SettingsEntry {
        name: name.to_owned(),
        of_file: !stream.from_api,
        own,
        has_credentials,
        purpose: stream.purpose.clone(),
        retention: stream.retention.to_string(),
        enabled: stream.enabled,
        scene: SceneEntry::from(&stream.settings.scene),
    };
    Ok((entry, revision))
}

fn tagged(status: StatusCode, entry: &SettingsEntry, revision: Revision) -> Response {
    let mut response = (status, axum::Json(entry)).into_response();
    // Digits in quotes are a header's value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The keys as they are stored: what was not said is left out.
fn written(keys: &StreamKeys) -> Map<String, Value> {
    match serde_json::to_value(keys) {
        Ok(Value::Object(keys)) => keys,
        _ => Map::new(),
    }
}

/// What whoever asks saw before.
fn seen(headers: &HeaderMap) -> Result<Seen, Problem> {
    let tags = |name: HeaderName| -> Option<Vec<String>> {
        let all: Vec<String> = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .map(|tag| tag.trim().to_owned())
            .collect();
        (!all.is_empty()).then_some(all)
    };
    let star = |tags: &[String]| tags.iter().any(|tag| tag == "*");
    match (tags(header::IF_MATCH), tags(header::IF_NONE_MATCH)) {
        (Some(tags), None) if star(&tags) => Ok(Seen::Anything),
        (Some(tags), None) => Ok(Seen::One(
            tags.iter()
                .filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
                .collect(),
        )),
        (None, Some(tags)) if star(&tags) => Ok(Seen::Nothing),
        _ => Err(Problem::precondition_required()),
    }
}

fn problem(refused: Refused, name: &str) -> Problem {
    match refused {
        Refused::Changed => Problem::changed_meanwhile(),
        Refused::Unknown => Problem::not_found("stream", name),
        Refused::Elsewhere(reason) => Problem::conflict(reason),
        Refused::Invalid(wrong) => Problem::invalid(
            wrong
                .into_iter()
                .map(|(at, detail)| Wrong { at, detail })
                .collect(),
        ),
        Refused::Failed(reason) => Problem::unavailable(reason),
    }
}
