//! What there is to read.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::site::{self, problem};

#[tokio::test]
async fn streams_say_how_they_are() {
    let site = site::start().await;
    let stream = site.get("/api/v1/streams/north-1").await;
    assert_eq!(stream["state"], "live");
    assert_eq!(
        stream["codec"],
        json!({ "name": "H.264", "width": 640, "height": 360 })
    );
    assert_eq!(stream["purpose"], "test the API");
    assert_eq!(stream["retention"], "1d");
    assert_eq!(stream["packets"]["received"], 10);
    assert_eq!(stream["packets"]["held"], 10);
    assert_eq!(stream["reconnects"]["unavailable"], 2);
    let none = site.ask(Method::GET, "/api/v1/streams/none", &site.owner());
    let body = problem(none.send().await.unwrap(), 404).await;
    assert_eq!(body["detail"], "there is no stream `none`");
}

#[tokio::test]
async fn streams_come_in_pages_and_by_state() {
    let site = site::start().await;
    let mut path = "/api/v1/streams?limit=2".to_owned();
    let mut names = Vec::new();
    loop {
        let page = site.get(&path).await;
        for stream in page["streams"].as_array().unwrap() {
            names.push(stream["name"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/streams?limit=2&after={next}");
    }
    assert_eq!(names, site::STREAMS);
    let away = site
        .get("/api/v1/streams?state=unavailable&state=ended")
        .await;
    assert_eq!(away["streams"].as_array().unwrap().len(), 1);
    assert_eq!(away["streams"][0]["name"], "north-2");
}

#[tokio::test]
async fn wrong_parameters_are_all_told() {
    let site = site::start().await;
    let answer = site
        .ask(
            Method::GET,
            "/api/v1/streams?limit=0&state=lively&sort=name",
            &site.owner(),
        )
        .send()
        .await
        .unwrap();
    let body = problem(answer, 422).await;
    let at: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wrong| wrong["at"].as_str().unwrap())
        .collect();
    assert_eq!(at, ["state", "limit", "sort"]);
}

#[tokio::test]
async fn eyes_and_health_say_what_is_wrong() {
    let site = site::start().await;
    let eyes = site.get("/api/v1/eyes").await;
    assert_eq!(eyes["eyes"][0]["ready"], true);
    assert_eq!(eyes["eyes"][0]["models"][0]["refused"], "not a model");
    assert_eq!(eyes["eyes"][1]["ready"], false);
    let health = site.get("/api/v1/health").await;
    assert_eq!(health["status"], "degraded");
    let problems = health["problems"].to_string();
    for told in [
        "1 eyes do not work",
        "1 streams are unavailable",
        "looks are shed",
    ] {
        assert!(problems.contains(told), "{problems}");
    }
}

#[tokio::test]
async fn kinds_are_listed() {
    let site = site::start().await;
    let kinds = site.get("/api/v1/kinds").await;
    let has = |list: &str, name: &str| {
        let list = kinds[list].as_array().unwrap();
        list.iter().any(|kind| kind["name"] == name)
    };
    assert!(has("rules", "line"));
    assert!(has("labels", "person"));
    assert!(has("events", "crossed"));
    assert!(has("gates", "keyframes"));
    assert!(has("roles", "privacy_officer"));
}

#[tokio::test]
async fn metrics_have_their_names_and_no_stream_unless_asked() {
    let site = site::start().await;
    let text = metrics(&site).await;
    for line in [
        "ocelli_streams{state=\"live\"} 2",
        "ocelli_streams{state=\"unavailable\"} 1",
        "ocelli_streams{state=\"rejected\"} 0",
        "ocelli_stream_reconnects_total{reason=\"unavailable\"} 6",
        "ocelli_packets_lost_total 3",
        "ocelli_pictures_total{stage=\"received\"} 30",
        "ocelli_pictures_total{stage=\"looked\"} 120",
        "ocelli_pictures_dropped_total{reason=\"backlog\"} 0",
        "ocelli_events_total{kind=\"appeared\",label=\"car\"} 7",
        "ocelli_coverage_ratio{profile=\"doors\"} 0.8",
        "ocelli_stage_cpu_seconds_total{stage=\"decode\"} 1.0",
        "ocelli_stage_seconds_bucket{le=\"0.00025\",stage=\"decode\"} 0",
        "ocelli_stage_seconds_bucket{le=\"0.0005\",stage=\"decode\"} 2",
        "ocelli_stage_seconds_bucket{le=\"10.0\",stage=\"decode\"} 2",
        "ocelli_stage_seconds_bucket{le=\"+Inf\",stage=\"decode\"} 3",
        "ocelli_stage_seconds_count{stage=\"look\"} 2",
        "ocelli_stage_seconds_sum{stage=\"look\"} 0.01",
        "ocelli_picture_to_event_seconds_bucket{le=\"0.05\"} 0",
        "ocelli_picture_to_event_seconds_bucket{le=\"0.1\"} 1",
        "ocelli_detector_batch_size_bucket{le=\"1.0\"} 2",
        "ocelli_store_events_total{what=\"written\"} ",
        "ocelli_store_events_total{what=\"dropped\"} 0",
        "ocelli_store_events_total{what=\"erased\"} 0",
        "ocelli_store_files_removed_total 0",
        "ocelli_store_full 0",
    ] {
        assert!(
            text.lines().any(|have| have.starts_with(line)),
            "{line}\n{text}"
        );
    }
    assert!(text.contains("ocelli_build_info{version="));
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("north-1"));
    let configuration = format!("metrics: {{ per_stream: true }}\n{}", site::CONFIGURATION);
    let options = ocelli::api::ApiOptions::default();
    let limits = ocelli::api::serve::ServeLimits::default();
    let asked = site::start_with(options, limits, &configuration).await;
    let text = metrics(&asked).await;
    assert!(
        text.contains("ocelli_stream_looks_total{stream=\"north-1\"} 40"),
        "{text}"
    );
}

async fn metrics(site: &site::Site) -> String {
    let answer = site
        .ask(Method::GET, "/metrics", &site.owner())
        .send()
        .await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"));
    answer.text().await.unwrap()
}
