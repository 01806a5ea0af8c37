//! Sinks of the configuration: what is stored reaches a file, a web server and a broker.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

use super::{
    live::{Running, cameras, log, start, wait_until},
    *,
};

const TOKEN: &str = "a-token-of-this-test";

/// Ids of events.
type Ids = Arc<Mutex<BTreeSet<String>>>;

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

/// A web server that is busy at first, and then remembers the events that it is sent.
fn web_server() -> (String, Ids) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let ids = Ids::default();
    let taken = Arc::clone(&ids);
    thread::Builder::new()
        .name("web".to_owned())
        .spawn(move || {
            for (count, stream) in listener.incoming().enumerate() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let status = if count < 2 {
                    "503 Busy"
                } else {
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    let events = body["events"].as_array().unwrap();
                    taken.lock().unwrap().extend(events.iter().map(id));
                    "204 No Content"
                };
                let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
                drop(stream.get_mut().write_all(answer.as_bytes()));
            }
        })
        .unwrap();
    (url, ids)
}

/// A broker at a port, which is killed when the test is over.
struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Broker {
    /// `None`, and says so, where mosquitto is not installed.
    fn start(test: &str, dir: &Path, port: u16) -> Option<Self> {
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).is_file());
        let Some(program) = program else {
            eprintln!("needs mosquitto: {test}");
            return None;
        };
        let config = dir.join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        fs::write(&config, text).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the broker listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self(child))
    }
}

/// Hears what is published on `frigate/events`: the number of messages.
fn listen(port: u16) -> Arc<Mutex<u64>> {
    let heard = Arc::new(Mutex::new(0));
    let count = Arc::clone(&heard);
    let mut options = MqttOptions::new("ear", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = Client::new(options, 10);
    client
        .subscribe("frigate/events", QoS::AtLeastOnce)
        .unwrap();
    thread::Builder::new()
        .name("ear".to_owned())
        .spawn(move || {
            let _client = client;
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let event: Value = serde_json::from_slice(&publish.payload).unwrap();
                        assert_eq!(event["after"]["camera"], "a");
                        *count.lock().unwrap() += 1;
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        })
        .unwrap();
    heard
}

/// Ids of the events in a sink's files, each once.
fn lines(folder: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        // The last line may still be written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        ids.extend(
            whole
                .lines()
                .map(|line| id(&serde_json::from_str(line).unwrap())),
        );
    }
    ids
}

/// The page at `path` of the API that the program said in its log.
fn get(data: &Path, path: &str) -> String {
    let said = log(data);
    let address = said
        .split("page and API at http://")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_default()
        .to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn terminate(running: &mut Running) {
    let kill = Command::new("kill")
        .args(["-TERM", &running.0.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn what_is_stored_reaches_every_sink() {
    let test = "what_is_stored_reaches_every_sink";
    let Some(clip) = clip(test) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ocelli.yaml");
    let (_cameras, url) = cameras(&clip);
    let (hook, taken) = web_server();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let text = |sinks: &str| {
        format!(
            "api: {{ token: {TOKEN} }}\nstreams:\n  a: {{ url: \"{url}\", purpose: test, retention: 1h, updated_every_secs: 1 }}\nsinks:\n{sinks}  hook: {{ webhook: {{ url: \"{hook}\", secret: canary-of-the-hook }} }}\n  home: {{ mqtt: {{ url: \"mqtt://127.0.0.1:{port}\", user: u, password: canary-of-the-broker }} }}\n"
        )
    };
    let jsonl = |name: &str, folder: &Path| {
        format!(
            "  {name}: {{ jsonl: {{ folder: \"{}\", keep_days: 1 }} }}\n",
            folder.display()
        )
    };
    let (all, late) = (dir.path().join("all"), dir.path().join("late"));
    // No folder can be made below a file.
    let broken = file.join("nowhere");
    let first = jsonl("all", &all);
    fs::write(&file, text(&(first.clone() + &jsonl("broken", &broken)))).unwrap();
    let mut running = start(dir.path(), &file);
    wait_until("a file is written", || lines(&all).len() > 10);
    wait_until("the server takes events", || {
        taken.lock().unwrap().len() > 10
    });

    // What fails is said, and nothing else waits for it.
    let metrics = get(dir.path(), "/metrics");
    for line in [
        "ocelli_sink_working{sink=\"all\"} 1",
        "ocelli_sink_working{sink=\"broken\"} 0",
        "ocelli_sink_working{sink=\"home\"} 0",
        "ocelli_sink_events_total{sink=\"home\",outcome=\"delivered\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let health = get(dir.path(), "/api/v1/health");
    assert!(health.contains("2 sinks fail"), "{health}");

    // A broker that comes late gets what was stored before.
    let broker = Broker::start(test, dir.path(), port);
    if broker.is_some() {
        let heard = listen(port);
        wait_until("the broker is told", || *heard.lock().unwrap() > 10);
    }

    // A changed file: one sink goes, one comes, the others are untouched.
    fs::write(&file, text(&(first + &jsonl("late", &late)))).unwrap();
    wait_until("the new sink works", || !lines(&late).is_empty());
    let metrics = get(dir.path(), "/metrics");
    assert!(!metrics.contains("broken"), "{metrics}");

    terminate(&mut running);
    let stored: BTreeSet<String> = stored(dir.path())
        .iter()
        .map(|line| id(&serde_json::from_str(line).unwrap()))
        .collect();
    let written = lines(&all);
    assert_eq!(written.len(), stored.len(), "none twice");
    assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), stored);
    let late: BTreeSet<String> = lines(&late).into_iter().collect();
    assert!(late.len() < stored.len() && late.is_subset(&stored));
    assert!(taken.lock().unwrap().is_subset(&stored));
    let said = log(dir.path());
    assert!(!said.contains("canary"), "{said}");
    assert!(said.contains("a sink fails"), "{said}");
}
