//! Events: what is asked for, and pages of them.

use std::sync::Arc;

use axum::{Json, extract::State};
use ocelli_core::{EventKind, EventRecord, Label};
use ocelli_sinks::store::{Cursor, EventQuery, NAMES_MAX, Order, StoreError};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{Api, identity::Asker, problem::Problem, query::Query};
use crate::access::Principal;

/// One event as the API gives it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct EventEntry(pub(crate) EventRecord);

impl ToSchema for EventEntry {
    fn name() -> std::borrow::Cow<'static, str> {
        "Event".into()
    }
}

impl utoipa::PartialSchema for EventEntry {
    fn schema() -> RefOr<Schema> {
        let named = |text: &str| json!({ "type": "string", "description": text });
        let number = |text: &str| json!({ "type": "number", "description": text });
        let count = |text: &str| json!({ "type": "integer", "minimum": 0, "description": text });
        let schema = json!({
            "type": "object",
            "description": "One instant that something happened to a tag. Fields that say nothing are left out.",
            "required": [
                "id", "stream", "kind", "score", "box", "time", "time_source", "media_secs", "coverage",
            ],
            "properties": {
                "id": named("The same after a replay."),
                "stream": named("Name of the stream."),
                "kind": { "type": "string", "enum": EventKind::ALL.map(EventKind::as_str) },
                "tag": named("To whom: an anonymous, short-lived name."),
                "label": { "type": "string", "enum": Label::ALL.map(Label::as_str) },
                "score": number("Confidence, 0..1."),
                "box": {
                    "type": "array",
                    "items": { "type": "number" },
                    "minItems": 4,
                    "maxItems": 4,
                    "description": "`[x, y, w, h]`, 0..1, origin top left.",
                },
                "time": {
                    "type": "string", "format": "date-time", "description": "Wall time.",
                },
                "time_source": { "type": "string", "enum": ["receive", "camera"] },
                "media_secs": number("Seconds on the stream's own timeline."),
                "coverage": number("Looks taken over looks wanted around that time, 0..1."),
                "rule": named("Name of the rule."),
                "place": named("Name of the zone or line."),
                "reason": {
                    "type": "string", "enum": ["left", "expired", "stream_ended", "lost"],
                    "description": "Why a tag is gone.",
                },
                "direction": {
                    "type": "string", "enum": ["right", "left"],
                    "description": "Which way a line was crossed, seen along it.",
                },
                "dwell_secs": number("Seconds of media time."),
                "speed_kmh": number("Kilometres per hour."),
                "count": count("Number of tags."),
                "count_out": count("Number counted the other way."),
                "appeared_inside": {
                    "type": "boolean",
                    "description": "Of `entered`: nobody saw it come in, its tag began in the middle of the zone.",
                },
            },
        });
        // The schema is the constant above.
        RefOr::T(serde_json::from_value(schema).unwrap_or_default())
    }
}

/// Which events somebody wants, as far as they are within reach.
#[derive(Debug, Clone)]
pub(crate) struct EventFilter {
    principal: Arc<Principal>,
    streams: Vec<String>,
    kinds: Vec<EventKind>,
    labels: Vec<Label>,
    tag: Option<String>,
    rule: Option<String>,
    place: Option<String>,
}

impl EventFilter {
    /// Takes the filter out of a request.
    pub(crate) fn read(query: &mut Query, principal: &Arc<Principal>) -> Self {
        Self {
            principal: Arc::clone(principal),
            streams: query.many("stream", NAMES_MAX),
            kinds: query.many("kind", EventKind::ALL.len()),
            labels: query.many("label", Label::ALL.len()),
            tag: query.one("tag"),
            rule: query.one("rule"),
            place: query.one("place"),
        }
    }

    /// Refuses streams that are beyond reach: to who asks, they do not exist.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self.streams.iter().find(|name| !self.principal.sees(name)) {
            Some(foreign) => Err(Problem::not_found("stream", foreign)),
            None => Ok(()),
        }
    }

    /// Whether an event is wanted.
    pub(crate) fn wants(&self, event: &EventRecord) -> bool {
        let is =
            |wanted: &Option<String>, have: &Option<String>| wanted.is_none() || wanted == have;
        self.principal.sees(&event.stream)
            && (self.streams.is_empty() || self.streams.contains(&event.stream))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.labels.is_empty()
                || event
                    .label
                    .is_some_and(|label| self.labels.contains(&label)))
            && is(&self.tag, &event.tag)
            && is(&self.rule, &event.rule)
            && is(&self.place, &event.place)
    }

    /// The names to ask the store for; empty: all. `None`: there is nothing within reach.
    pub(crate) fn names(&self, api: &Api) -> Result<Option<Vec<String>>, Problem> {
        names(api, &self.principal, &self.streams)
    }

    /// What the store is asked.
    pub(crate) fn question(&self, streams: Vec<String>) -> EventQuery {
        EventQuery {
            streams,
            kinds: self.kinds.clone(),
            labels: self.labels.clone(),
            tag: self.tag.clone(),
            rule: self.rule.clone(),
            place: self.place.clone(),
            ..EventQuery::default()
        }
    }
}

/// The streams to ask the store for, of those that `wanted` names, or of all; see
/// [`EventFilter::names`].
pub(crate) fn names(
    api: &Api,
    principal: &Principal,
    wanted: &[String],
) -> Result<Option<Vec<String>>, Problem> {
    if !wanted.is_empty() || principal.reach.is_all() {
        return Ok(Some(wanted.to_vec()));
    }
    let streams = api.site.engine.streams();
    let names: Vec<String> = streams
        .iter()
        .filter(|stream| principal.sees(&stream.name))
        .map(|stream| stream.name.to_string())
        .collect();
    if names.len() > NAMES_MAX {
        return Err(Problem::invalid_at(
            "stream",
            format!("more than {NAMES_MAX} streams are within reach: name some"),
        ));
    }
    Ok((!names.is_empty()).then_some(names))
}

/// A page of events.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// In the order that was asked for.
    events: Vec<EventEntry>,
    /// Send it as `after` to get the next page; left out: this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
    /// Files of the store that could not be read whole: something may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<String>,
}

/// Lists events within reach, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(
        ("stream" = Option<Vec<String>>, Query, description = "Only of one of these streams."),
        ("kind" = Option<Vec<String>>, Query, description = "Only of one of these kinds.",
            example = json!(["crossed"])),
        ("label" = Option<Vec<String>>, Query, description = "Only with one of these labels."),
        ("tag" = Option<String>, Query, description = "Only of this tag."),
        ("rule" = Option<String>, Query, description = "Only of the rule of this name."),
        ("place" = Option<String>, Query, description = "Only in this zone or at this line."),
        ("from" = Option<String>, Query, format = DateTime, description = "From this time on."),
        ("to" = Option<String>, Query, format = DateTime, description = "Before this time."),
        ("order" = Option<String>, Query, description = "`newest` (without it) or `oldest` first."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "At most so many; 100 without it."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = EventPage))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Asker(principal): Asker,
    mut query: Query,
) -> Result<Json<EventPage>, Problem> {
    let filter = EventFilter::read(&mut query, &principal);
    let (from, to) = (query.time("from"), query.time("to"));
    let order: Option<OrderName> = query.one("order");
    let limit = query.number("limit", 1, 1000, 100) as usize;
    let after: Option<Cursor> = query.one("after");
    query.finish()?;
    filter.check()?;
    let Some(names) = filter.names(&api)? else {
        return Ok(Json(EventPage::default()));
    };
    let question = EventQuery {
        from,
        to,
        order: order.map_or(Order::NewestFirst, |order| order.0),
        limit,
        after,
        ..filter.question(names)
    };
    let page = api.site.store.query(question).await?;
    Ok(Json(EventPage {
        events: page.events.into_iter().map(EventEntry).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
        damaged: page.damaged,
    }))
}

/// An order as it is read.
struct OrderName(Order);

impl std::str::FromStr for OrderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "newest" => Ok(Self(Order::NewestFirst)),
            "oldest" => Ok(Self(Order::OldestFirst)),
            _ => Err("expected `newest` or `oldest`"),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(reason) => Self::invalid_at("", reason),
            error => {
                tracing::error!(%error, "the store does not answer");
                Self::unavailable("the store does not answer now")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ocelli_core::{Direction, GoneReason, WallSource};

    use super::*;

    #[test]
    fn the_schema_names_every_field() {
        let full = EventRecord {
            id: "0-1".to_owned(),
            stream: "lobby".to_owned(),
            kind: EventKind::Crossed,
            tag: Some("000000000002d".to_owned()),
            label: Some(Label::Car),
            score: 0.5,
            bbox: [0.0; 4],
            time: "2026-11-24T08:30:00Z".to_owned(),
            time_source: WallSource::Receive,
            media_secs: 1.0,
            coverage: 1.0,
            rule: Some("door".to_owned()),
            place: Some("door".to_owned()),
            reason: Some(GoneReason::Left),
            direction: Some(Direction::Right),
            dwell_secs: Some(1.0),
            speed_kmh: Some(1.0),
            count: Some(1),
            count_out: Some(1),
            appeared_inside: true,
        };
        let keys = |value: &serde_json::Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let record = serde_json::to_value(EventEntry(full)).unwrap();
        let schema = <EventEntry as utoipa::PartialSchema>::schema();
        let schema = serde_json::to_value(schema).unwrap();
        assert_eq!(keys(&record), keys(&schema["properties"]));
        for required in schema["required"].as_array().unwrap() {
            assert!(record.get(required.as_str().unwrap()).is_some());
        }
        for (field, enumerated) in [
            ("reason", json!(["left", "expired", "stream_ended", "lost"])),
            ("direction", json!(["right", "left"])),
        ] {
            assert_eq!(schema["properties"][field]["enum"], enumerated);
        }
    }
}
