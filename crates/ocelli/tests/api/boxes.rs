//! The live feed of boxes, and how a socket is opened.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use ocelli::{access::Role, live::BoxUpdate};
use ocelli_core::{BBox, Label, MediaTime, Tag, wire::TrackBox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
    },
};

use crate::site::{self, Site, now};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Ten times as long as anything here should take.
const SOON: Duration = Duration::from_secs(20);

/// Opens a socket with a token; an error is the status of the answer.
pub(crate) async fn open(site: &Site, path: &str, token: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}{path}", site.address)
        .into_client_request()
        .unwrap();
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    match connect_async(request).await {
        Ok((socket, _answer)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next message that is JSON.
pub(crate) async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(SOON, socket.next()).await.unwrap();
        match message.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Waits for the end, and returns its code.
pub(crate) async fn closed(socket: &mut Socket) -> CloseCode {
    loop {
        match timeout(SOON, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
        {
            Message::Close(Some(frame)) => return frame.code,
            Message::Close(None) => panic!("closed without a word"),
            _ => {}
        }
    }
}

fn update(stream: &str) -> Arc<BoxUpdate> {
    Arc::new(BoxUpdate {
        stream: stream.into(),
        at: MediaTime::from_secs(1.5),
        wall: now(),
        boxes: vec![TrackBox {
            tag: Tag(77),
            label: Label::Person,
            bbox: BBox {
                x: 0.1,
                y: 0.2,
                w: 0.3,
                h: 0.4,
            },
            score: 0.876_54,
            seen: true,
            stationary: false,
        }],
    })
}

#[tokio::test]
async fn boxes_of_the_streams_that_were_asked_for_arrive() {
    let site = site::start().await;
    let path = "/api/v1/boxes/live?stream=north-1&stream=south-1";
    let mut socket = open(&site, path, Some(&site.owner())).await.unwrap();
    let told = next(&mut socket).await;
    assert_eq!(
        told,
        json!({ "type": "following", "streams": ["north-1", "south-1"] })
    );
    site.hub.send_boxes(update("north-2"));
    site.hub.send_boxes(update("north-1"));
    let boxes = next(&mut socket).await;
    assert_eq!(
        boxes,
        json!({
            "type": "boxes", "stream": "north-1", "time": "2026-11-24T08:30:00.000Z",
            "media_secs": 1.5,
            "boxes": [{
                "tag": "000000000002d", "label": "person", "box": [0.1, 0.2, 0.3, 0.4],
                "score": 0.877, "seen": true, "stationary": false,
            }],
        })
    );
    socket
        .send(Message::text(r#"{"streams":["north-2"]}"#))
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await["streams"], json!(["north-2"]));
    site.hub.send_boxes(update("north-1"));
    site.hub.send_boxes(update("north-2"));
    assert_eq!(next(&mut socket).await["stream"], "north-2");
    socket
        .send(Message::text(r#"{"streams":["nowhere"]}"#))
        .await
        .unwrap();
    let refused = next(&mut socket).await;
    assert_eq!(refused["type"], "refused");
    site.hub.send_boxes(update("north-2"));
    assert_eq!(
        next(&mut socket).await["stream"],
        "north-2",
        "the old ones go on"
    );
    socket.send(Message::text("nonsense")).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Invalid);
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, Some(&["south-*"])).await;
    let ticket = async || {
        let answer = site
            .ask(Method::POST, "/api/v1/tickets", &viewer)
            .send()
            .await;
        let body: Value = answer.unwrap().json().await.unwrap();
        body["ticket"].as_str().unwrap().to_owned()
    };
    let path =
        |stream: &str, ticket: &str| format!("/api/v1/boxes/live?stream={stream}&ticket={ticket}");
    let first = ticket().await;
    let mut socket = open(&site, &path("south-1", &first), None).await.unwrap();
    next(&mut socket).await;
    let again = open(&site, &path("south-1", &first), None).await;
    assert_eq!(again.unwrap_err(), 401);
    let foreign = open(&site, &path("north-1", &ticket().await), None).await;
    assert_eq!(foreign.unwrap_err(), 404);
    let none = open(&site, "/api/v1/boxes/live?stream=south-1", None).await;
    assert_eq!(none.unwrap_err(), 401);
    // A ticket is for sockets, and a token is for a header.
    let elsewhere = site
        .client
        .get(site.url(&format!("/api/v1/me?ticket={}", ticket().await)));
    assert_eq!(elsewhere.send().await.unwrap().status().as_u16(), 401);
    let in_url = format!("/api/v1/boxes/live?stream=south-1&ticket={viewer}");
    assert_eq!(open(&site, &in_url, None).await.unwrap_err(), 401);
}

#[tokio::test]
async fn following_is_bounded() {
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, None).await;
    {
        let mut streams = site.engine.streams.lock().unwrap();
        let model = streams["north-1"].clone();
        for number in 0..20 {
            let name = format!("more-{number}");
            let stream = ocelli_engine::StreamStatus {
                name: name.as_str().into(),
                ..model.clone()
            };
            streams.insert(name, stream);
        }
    }
    let path = |numbers: std::ops::Range<u32>| {
        let streams: Vec<String> = numbers
            .map(|number| format!("stream=more-{number}"))
            .collect();
        format!("/api/v1/boxes/live?{}", streams.join("&"))
    };
    let many = open(&site, &path(0..17), Some(&viewer)).await;
    assert_eq!(many.unwrap_err(), 422);
    let mut all = open(&site, &path(0..16), Some(&viewer)).await.unwrap();
    next(&mut all).await;
    let more = open(&site, &path(16..17), Some(&viewer)).await;
    assert_eq!(more.unwrap_err(), 403);
    let _same = open(&site, &path(0..3), Some(&viewer))
        .await
        .expect("counted once");
    let _other = open(&site, &path(16..17), Some(&site.owner()))
        .await
        .expect("another token");
    all.close(None).await.unwrap();
    // The place is given back when the feed has ended.
    let freed = async {
        while open(&site, &path(16..17), Some(&viewer)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, freed).await.unwrap();
}

#[tokio::test]
async fn a_feed_ends_with_its_token_and_with_the_program() {
    let site = site::start().await;
    let viewer = site.token_of(Role::Viewer, None).await;
    let path = "/api/v1/boxes/live?stream=north-1";
    let mut of_viewer = open(&site, path, Some(&viewer)).await.unwrap();
    let mut of_owner = open(&site, path, Some(&site.owner())).await.unwrap();
    site.access
        .remove_user("viewer-every".to_owned())
        .await
        .unwrap();
    assert_eq!(closed(&mut of_viewer).await, CloseCode::Policy);
    site.stop.cancel();
    assert_eq!(closed(&mut of_owner).await, CloseCode::Away);
}
