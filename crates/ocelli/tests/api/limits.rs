//! What it bears: slow, oversized, many, and impatient clients.

use std::time::Duration;

use ocelli::api::{ApiOptions, Rate, serve::ServeLimits};
use reqwest::{Method, StatusCode, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::site::{self, Site, problem};

/// Ten times as long as anything here should take.
const SOON: Duration = Duration::from_secs(20);

async fn impatient() -> Site {
    let limits = ServeLimits {
        header_timeout: Duration::from_millis(300),
        connections_per_address_max: 8,
        ..ServeLimits::default()
    };
    let options = ApiOptions {
        requests: site::generous(),
        ..ApiOptions::default()
    };
    site::start_with(options, limits, site::CONFIGURATION).await
}

/// Waits until the other side closes, and returns what it said.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let mut bytes = [0; 1024];
    loop {
        match timeout(SOON, stream.read(&mut bytes)).await.unwrap() {
            Ok(0) | Err(_) => return said,
            Ok(length) => said.extend_from_slice(&bytes[..length]),
        }
    }
}

#[tokio::test]
async fn a_client_that_trickles_headers_is_cut() {
    let site = impatient().await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    let started = Instant::now();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let mut cut = false;
    while started.elapsed() < SOON {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if slow.write_all(b"x: y\r\n").await.is_err() {
            cut = true;
            break;
        }
    }
    assert!(cut);
    // One that says nothing at all goes the same way, and so does one that is idle after an answer.
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    until_closed(&mut silent).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let said = until_closed(&mut idle).await;
    assert!(
        said.starts_with(b"HTTP/1.1 200"),
        "the twin: a quick one is answered"
    );
}

#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let site = impatient().await;
    let mut open = Vec::new();
    for _ in 0..30 {
        open.push(TcpStream::connect(site.address).await.unwrap());
    }
    // Those above the limit are closed at once, without a word; the others by the time-out.
    for stream in &mut open {
        until_closed(stream).await;
    }
    let answer = site.client.get(site.url("/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "the places came back");
}

#[tokio::test]
async fn large_heads_and_bodies_are_refused() {
    let site = site::start().await;
    let large = "x".repeat(64 << 10);
    let answer = site
        .ask(Method::GET, "/api/v1/me", &site.owner())
        .header("x-large", &large)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 431);
    let body = vec![b' '; 2 << 20];
    let announced = site
        .ask(Method::POST, "/api/v1/users", &site.owner())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await;
    // The server may close before all is sent.
    if let Ok(answer) = announced {
        problem(answer, 413).await;
    }
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n",
        site.owner()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let said = until_closed(&mut stream).await;
    assert!(
        said.starts_with(b"HTTP/1.1 413"),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[tokio::test]
async fn a_chunked_body_without_an_end_is_bounded() {
    let site = site::start().await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        site.owner()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0_usize;
    while sent < 64 << 20 && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += 0x10000;
    }
    assert!(sent < 64 << 20, "it reads for ever");
}

#[tokio::test]
async fn nonsense_is_answered_and_the_server_lives() {
    let site = site::start().await;
    for nonsense in [
        &b"\0\0\0\0\0\0"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /api/v1/streams/%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        b"GET http://evil.example/api/v1/me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\
          content-length: 2\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let said = until_closed(&mut stream).await;
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    let answer = site.client.get(site.url("/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_may_ask_so_often() {
    let options = ApiOptions {
        requests: Rate {
            burst: 5.0,
            per_sec: 0.1,
        },
        ..ApiOptions::default()
    };
    let site = site::start_with(options, ServeLimits::default(), site::CONFIGURATION).await;
    let other = site
        .token_for("owner", &[ocelli::access::Right::View])
        .await;
    for _ in 0..5 {
        site.get("/api/v1/me").await;
    }
    let answer = site
        .ask(Method::GET, "/api/v1/me", &site.owner())
        .send()
        .await;
    let answer = answer.unwrap();
    let wait: u64 = answer.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=10).contains(&wait));
    problem(answer, 429).await;
    site.get_as("/api/v1/me", &other).await;
}

#[tokio::test]
async fn a_stop_lets_no_one_in_and_ends() {
    let mut site = site::start().await;
    site.get("/api/v1/me").await;
    site.stop.cancel();
    let server = site.server.take().unwrap();
    timeout(SOON, server).await.unwrap().unwrap();
    let refused = site.client.get(site.url("/healthz")).send().await;
    assert!(refused.is_err());
}
