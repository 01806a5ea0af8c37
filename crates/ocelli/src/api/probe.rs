//! A look at a camera before it is added.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use ocelli_core::Secret;
use ocelli_media::{
    probe::{ProbeOptions, probe as look},
    source::Credentials,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::{Api, body::Json, problem::Problem};
use crate::plan::REMOTE;

/// Looks at a time: a form needs one, a scan of the network wants many.
const AT_ONCE: usize = 2;
/// Longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 2048;
/// The longest look in all: shorter than a request may take.
const TOTAL_MAX: Duration = Duration::from_secs(20);

/// Looks that are under way.
pub(crate) struct Probes(Semaphore);

impl Default for Probes {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

/// Which camera to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    /// An RTSP address, or a bare host whose usual paths are tried.
    #[schema(example = "rtsp://cam1.site.example/main", max_length = 2048)]
    address: String,
    /// User of the camera.
    #[serde(default)]
    #[schema(nullable = false)]
    user: Option<String>,
    /// Password of the camera.
    #[serde(default)]
    #[schema(nullable = false, write_only)]
    password: Option<String>,
}

/// What a camera turned out to be.
#[derive(Serialize, ToSchema)]
pub(crate) struct LookReport {
    /// The stream's address, without credentials.
    url: String,
    /// Its compression.
    #[schema(example = "H.264")]
    codec: &'static str,
    /// Pixels.
    width: u32,
    /// Pixels.
    height: u32,
    /// Pictures a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rate: Option<f64>,
    /// Longest time between two key pictures, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    gop_secs: Option<f64>,
    /// Kilobits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kbit_per_sec: Option<f64>,
    /// What to change in the camera; empty where all is well.
    advice: Vec<String>,
}

/// Looks at a camera for some seconds: what it sends, and what to change in it.
#[utoipa::path(
    post,
    path = "/api/v1/probe",
    tag = "streams",
    request_body = Look,
    responses(
        (status = 200, description = "What it sends.", body = LookReport),
        (status = 422, description = "It may not be reached, or sends nothing.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn probe(
    State(api): State<Arc<Api>>,
    Json(wanted): Json<Look>,
) -> Result<axum::Json<LookReport>, Problem> {
    if wanted.address.is_empty() || wanted.address.len() > ADDRESS_BYTES_MAX {
        let text = format!("expected 1 to {ADDRESS_BYTES_MAX} bytes");
        return Err(Problem::invalid_at("/address", text));
    }
    let Ok(_one) = api.probes.0.try_acquire() else {
        let detail = "other cameras are being looked at";
        return Err(Problem::too_many(TOTAL_MAX.as_secs(), detail));
    };
    let options = ProbeOptions {
        credentials: wanted
            .user
            .filter(|user| !user.is_empty())
            .map(|user| Credentials {
                user,
                password: Secret::new(wanted.password.unwrap_or_default()),
            }),
        watch: Duration::from_secs(4),
        watch_max: Duration::from_secs(8),
        try_max: Duration::from_secs(4),
        total_max: TOTAL_MAX,
        ..ProbeOptions::new(REMOTE)
    };
    let report = look(&wanted.address, &options).await;
    let report = report.map_err(|error| Problem::invalid_at("/address", error.to_string()))?;
    Ok(axum::Json(LookReport {
        url: report.url.into(),
        codec: report.seen.codec.as_str(),
        width: report.seen.width,
        height: report.seen.height,
        rate: report.seen.rate,
        gop_secs: report.seen.gop_secs,
        kbit_per_sec: report.seen.kbit_per_sec,
        advice: report.advice,
    }))
}
