//! Groups of streams.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    body::{Json, Segments},
    problem::Problem,
};
use crate::access::GroupEntry;

/// Every group.
#[derive(Serialize, ToSchema)]
pub(crate) struct Groups {
    /// By name.
    groups: Vec<GroupEntry>,
}

/// The streams of a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupStreams {
    /// Names of streams; `*` stands for any run of characters.
    #[schema(max_items = 1000, example = json!(["north-*", "lobby"]))]
    streams: Vec<String>,
}

/// Lists the groups.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    tag = "access",
    responses((status = 200, description = "The groups.", body = Groups))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<axum::Json<Groups>, Problem> {
    let groups = api.access.groups().await?;
    Ok(axum::Json(Groups { groups }))
}

/// Makes a group, or gives it other streams.
#[utoipa::path(
    put,
    path = "/api/v1/groups/{group}",
    tag = "access",
    params(("group" = String, Path, description = "Name of the group.")),
    request_body = GroupStreams,
    responses((status = 200, description = "The group.", body = GroupEntry))
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
    Json(GroupStreams { streams }): Json<GroupStreams>,
) -> Result<axum::Json<GroupEntry>, Problem> {
    let group = GroupEntry { name, streams };
    api.access.put_group(group.clone()).await?;
    Ok(axum::Json(group))
}

/// Removes a group. Whoever had it sees its streams no longer.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{group}",
    tag = "access",
    params(("group" = String, Path, description = "Name of the group.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, description = "There is none.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    api.access.remove_group(name).await?;
    Ok(StatusCode::NO_CONTENT)
}
