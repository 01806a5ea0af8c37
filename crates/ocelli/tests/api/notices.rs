//! People in front of the cameras can know, without a log-in; and learn no more than that.

use serde_json::Value;

use crate::site::{self, Site, problem};

const WITH_A_PUBLIC_ID: &str = "
site: { name: Harbour Street, contact: privacy@site.example }
profiles:
  doors: { purpose: count who comes in, retention: 7d, labels: [person], rules: [ { line: { name: secret-line, points: [[0.1, 0.6], [0.9, 0.6]] } } ] }
streams:
  north-1: { url: rtsp://192.0.2.1/main, user: viewer, password: canary-of-the-camera, profile: doors, public_id: market-square }
  north-2: { url: rtsp://192.0.2.2/main, profile: doors }
  south-1: { url: rtsp://192.0.2.3/main, profile: doors }
  south-2: { url: rtsp://192.0.2.4/main, profile: doors, enabled: false }
";

async fn site_with(configuration: &str) -> Site {
    let options = ocelli::api::ApiOptions::default();
    site::start_with(
        options,
        ocelli::api::serve::ServeLimits::default(),
        configuration,
    )
    .await
}

async fn open(site: &Site, path: &str, language: &str) -> String {
    let asked = site
        .client
        .get(site.url(path))
        .header("accept-language", language);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_notice_says_why_what_how_long_and_whom_to_ask() {
    let site = site_with(WITH_A_PUBLIC_ID).await;
    let all = open(&site, "/notices", "en").await;
    for said in [
        "Harbour Street",
        "privacy@site.example",
        "count who comes in",
        "person",
        "7 days",
        "24 hours",
        "Camera market-square",
        "2 cameras",
        "Nobody is identified",
    ] {
        assert!(all.contains(said), "{said}: {all}");
    }
    let one = open(&site, "/notices/market-square", "de-CH").await;
    assert!(
        one.contains("Kamera market-square") && !one.contains("2 Kameras"),
        "{one}"
    );
    let json: Value = serde_json::from_str(&open(&site, "/api/v1/notices", "").await).unwrap();
    assert_eq!(json["notices"].as_array().unwrap().len(), 2);
    assert_eq!(json["notices"][1]["id"], "market-square");
    assert_eq!(json["notices"][0]["cameras"], 2);
    for unknown in ["/notices/north-1", "/notices/nothing"] {
        let answer = site.client.get(site.url(unknown)).send().await.unwrap();
        problem(answer, 404).await;
    }
}

#[tokio::test]
async fn a_notice_names_no_stream_no_address_and_no_secret() {
    let site = site_with(WITH_A_PUBLIC_ID).await;
    for path in ["/notices", "/notices/market-square", "/api/v1/notices"] {
        let said = open(&site, path, "en").await;
        for hidden in [
            "north-",
            "south-",
            "192.0.2.",
            "canary",
            "viewer",
            "secret-line",
            "rtsp",
            "doors",
        ] {
            assert!(!said.contains(hidden), "{path}: {hidden}: {said}");
        }
        assert!(
            !said.contains("<script") && !said.contains("http"),
            "nothing to run or fetch: {said}"
        );
        assert!(
            said.contains("market-square"),
            "the twin: what is public is found"
        );
    }
}
