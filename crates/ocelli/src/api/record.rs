//! The record, for those who protect.

use std::{path::PathBuf, sync::Arc};

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, problem::Problem, query::Query};
use crate::record::{self, Checkpoint, Entry, ReadQuery};

/// Kinds that a request may name.
const KINDS_MAX: usize = 32;

/// Entries of the record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordPage {
    /// The newest that were asked for, in the order in which they were written.
    entries: Vec<Entry>,
    /// The newest entry's number and hash, signed.
    checkpoint: Checkpoint,
}

/// Shows who looked, and what was changed, exported and erased.
#[utoipa::path(
    get,
    path = "/api/v1/record",
    tag = "record",
    params(
        ("deed" = Option<Vec<String>>, Query, description = "Only of one of these kinds, such as `viewed`."),
        ("user" = Option<String>, Query, description = "Only of this user."),
        ("from" = Option<String>, Query, format = DateTime, description = "From this time on."),
        ("to" = Option<String>, Query, format = DateTime, description = "Before this time."),
        ("before" = Option<u64>, Query, minimum = 1,
            description = "Only entries with a smaller number: the page before."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "At most so many, the newest; 100 without it."),
    ),
    responses((status = 200, description = "The entries.", body = RecordPage))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    mut query: Query,
) -> Result<Json<RecordPage>, Problem> {
    let question = ReadQuery {
        kinds: query.many("deed", KINDS_MAX),
        user: query.one("user"),
        from: query.time("from"),
        to: query.time("to"),
        before: query.one("before"),
        limit: query.number("limit", 1, 1000, 100) as usize,
    };
    query.finish()?;
    let checkpoint = api.site.record.checkpoint();
    let folder = folder(&api);
    let entries = tokio::task::spawn_blocking(move || record::read(&folder, &question))
        .await
        .map_err(|_panicked| Problem::unavailable("the record cannot be read now"))??;
    Ok(Json(RecordPage {
        entries,
        checkpoint,
    }))
}

/// The newest entry's number and hash, signed: kept elsewhere, it shows a record that was shortened
/// or rewritten since.
#[utoipa::path(
    get,
    path = "/api/v1/record/checkpoint",
    tag = "record",
    responses((status = 200, description = "The checkpoint.", body = Checkpoint))
)]
pub(crate) async fn checkpoint(State(api): State<Arc<Api>>) -> Json<Checkpoint> {
    Json(api.site.record.checkpoint())
}

fn folder(api: &Api) -> PathBuf {
    record::folder(&api.site.configuration.borrow().data_dir)
}
