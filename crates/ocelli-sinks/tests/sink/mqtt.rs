//! MQTT against a real broker on this machine: Debian's package `mosquitto`.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use ocelli_core::{StageError, seam::Sink};
use ocelli_sinks::sink::build;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::stage::{event, request};

/// A broker in a process of its own.
struct Broker {
    child: Child,
    port: u16,
    config: PathBuf,
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

impl Broker {
    /// `None`, and says so, where mosquitto is not installed.
    async fn start(test: &str, folder: &Path, more: &str) -> Option<Self> {
        if program("mosquitto").is_none() {
            eprintln!("needs mosquitto: mqtt::{test}");
            return None;
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let config = folder.join("mosquitto.conf");
        // A slow listener is to lose nothing either.
        let limits = "persistence false\nmax_queued_messages 0";
        let text = format!("listener {port} 127.0.0.1\n{limits}\n{more}\n");
        std::fs::write(&config, text).unwrap();
        let child = Self::spawn(&config);
        let broker = Self {
            child,
            port,
            config,
        };
        broker.wait().await;
        Some(broker)
    }

    fn spawn(config: &Path) -> Child {
        Command::new(program("mosquitto").unwrap())
            .arg("-c")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn wait(&self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("mosquitto does not start");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.child = Self::spawn(&self.config);
        self.wait().await;
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Hears everything that is published, and what is retained.
    async fn listen(&self) -> Ear {
        // Two of one name would throw each other out.
        let name = format!("ear-{:x}", rand::random::<u64>());
        let mut options = MqttOptions::new(name, "127.0.0.1", self.port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut events) = AsyncClient::new(options, 100);
        client.subscribe("#", QoS::AtLeastOnce).await.unwrap();
        let (heard, said) = mpsc::channel(10_000);
        tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let text = String::from_utf8(publish.payload.to_vec()).unwrap();
                        if heard.send((publish.topic, text)).await.is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        Ear { client, said }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Ear {
    client: AsyncClient,
    said: mpsc::Receiver<(String, String)>,
}

impl Ear {
    /// Waits until something is published on a topic.
    async fn hear(&mut self, wanted: &str) -> String {
        let listen = async {
            loop {
                let (topic, text) = self.said.recv().await.unwrap();
                if topic == wanted {
                    return text;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), listen)
            .await
            .unwrap_or_else(|_| panic!("nothing on {wanted}"))
    }
}

fn sink(folder: &Path, options: &Value) -> Box<dyn Sink> {
    build("mqtt", request(folder, options)).unwrap()
}

/// Delivers as the program does: again, until it works.
async fn deliver(sink: &mut Box<dyn Sink>, events: &[ocelli_core::EventRecord]) {
    for _ in 0..600 {
        match sink.deliver(events).await {
            Ok(()) => return,
            Err(StageError::Unavailable(_)) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never delivered");
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_broker_hears_frigates_dialect_and_of_our_end() {
    let folder = tempfile::tempdir().unwrap();
    let test = "a_broker_hears_frigates_dialect_and_of_our_end";
    let anonymous = "allow_anonymous true";
    let Some(broker) = Broker::start(test, folder.path(), anonymous).await else {
        return;
    };
    let mut ear = broker.listen().await;
    let options = json!({"url": broker.url(), "pixels": [640, 360]});
    let mut sink = sink(folder.path(), &options);
    assert_eq!(ear.hear("frigate/available").await, "online");
    deliver(&mut sink, &[event(json!({}))]).await;
    let new = object(&ear.hear("frigate/events").await);
    assert_eq!(new["type"], "new");
    assert_eq!(new["after"]["camera"], "lobby");
    assert_eq!(new["after"]["box"], json!([60, 140, 120, 240]));
    assert_eq!(ear.hear("frigate/lobby/person").await, "1");
    let gone = event(json!({"kind": "gone", "id": "0000000000000abc-2"}));
    deliver(&mut sink, &[gone]).await;
    let end = object(&ear.hear("frigate/events").await);
    assert_eq!(
        (&end["type"], &end["after"]["id"]),
        (&json!("end"), &new["after"]["id"])
    );
    assert_eq!(ear.hear("frigate/lobby/person").await, "0");
    // Many at once: more than are in the air together.
    let many: Vec<_> = (0..1000)
        .map(|number| {
            event(json!({
                "id": format!("0000000000000abc-{:x}", number + 10),
                "tag": format!("{number:013}"),
            }))
        })
        .collect();
    deliver(&mut sink, &many).await;
    for _ in 0..1000 {
        assert_eq!(object(&ear.hear("frigate/events").await)["type"], "new");
    }
    drop(sink);
    assert_eq!(ear.hear("frigate/available").await, "offline");
}

#[tokio::test]
async fn home_assistant_is_told_and_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let test = "home_assistant_is_told_and_told_again";
    let anonymous = "allow_anonymous true";
    let Some(mut broker) = Broker::start(test, folder.path(), anonymous).await else {
        return;
    };
    let mut ear = broker.listen().await;
    let options = json!({"url": broker.url(), "home_assistant": "homeassistant"});
    let mut sink = sink(folder.path(), &options);
    let topic = "homeassistant/device/ocelli_lobby/config";
    let crossed = event(json!({"kind": "crossed", "place": "gate", "direction": "right"}));
    deliver(&mut sink, &[event(json!({})), crossed]).await;
    object(&ear.hear(topic).await);
    let told = object(&ear.hear(topic).await);
    let things = told["cmps"].as_object().unwrap();
    assert_eq!(
        things["ocelli_lobby_gate_in"]["state_topic"],
        "frigate/lobby/lines/gate/in"
    );
    assert_eq!(things["ocelli_lobby_motion"]["p"], "binary_sensor");
    assert_eq!(told["availability"][0]["topic"], "frigate/available");
    for thing in things.values() {
        assert!(thing["unique_id"].is_string() && thing["state_topic"].is_string());
    }
    // Home Assistant starts again.
    let client = ear.client.clone();
    let status = "homeassistant/status";
    client
        .publish(status, QoS::AtLeastOnce, false, "online")
        .await
        .unwrap();
    assert_eq!(object(&ear.hear(topic).await), told);
    // The broker forgets all: a new connection tells it.
    broker.kill();
    broker.restart().await;
    let mut ear = broker.listen().await;
    assert_eq!(object(&ear.hear(topic).await), told);
}

#[tokio::test]
async fn what_a_dead_broker_did_not_hear_is_told_later() {
    let folder = tempfile::tempdir().unwrap();
    let test = "what_a_dead_broker_did_not_hear_is_told_later";
    let anonymous = "allow_anonymous true";
    let Some(mut broker) = Broker::start(test, folder.path(), anonymous).await else {
        return;
    };
    let mut sink = sink(folder.path(), &json!({"url": broker.url()}));
    deliver(&mut sink, &[event(json!({"tag": "0000000000042"}))]).await;
    broker.kill();
    let appeared = [event(json!({"id": "0000000000000abc-2"}))];
    let failed = sink.deliver(&appeared).await.unwrap_err();
    assert!(matches!(failed, StageError::Unavailable(_)), "{failed}");
    broker.restart().await;
    let mut ear = broker.listen().await;
    deliver(&mut sink, &appeared).await;
    let new = object(&ear.hear("frigate/events").await);
    assert_eq!(new["type"], "new", "not an update of what nobody heard");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let test = "a_wrong_password_is_refused_and_not_repeated";
    let nobody = "allow_anonymous false";
    let Some(broker) = Broker::start(test, folder.path(), nobody).await else {
        return;
    };
    let options = json!({"url": broker.url(), "user": "ocelli", "password": "hunter2"});
    let mut sink = sink(folder.path(), &options);
    let refused = loop {
        match sink.deliver(&[event(json!({}))]).await.unwrap_err() {
            StageError::Unavailable(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            refused => break refused.to_string(),
        }
    };
    assert!(
        refused.contains("password") && !refused.contains("hunter2"),
        "{refused}"
    );
}

#[tokio::test]
async fn senseless_configurations_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (options, why) in [
        (json!({"url": "http://broker/"}), "mqtt:// or mqtts://"),
        (json!({"url": "mqtt://a:hunter2@broker/"}), "password"),
        (
            json!({"url": "mqtt://broker", "prefix": "a/+"}),
            "levels of a topic",
        ),
        (
            json!({"url": "mqtt://broker", "pixels": [0, 1]}),
            "1 to 8192",
        ),
        (
            json!({"url": "mqtt://broker", "password": "hunter2"}),
            "needs a `user`",
        ),
        (json!({"url": "mqtt://169.254.169.254"}), "link-local"),
    ] {
        let refused = build("mqtt", request(folder.path(), &options));
        let said = refused.err().unwrap().to_string();
        assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
    }
}
